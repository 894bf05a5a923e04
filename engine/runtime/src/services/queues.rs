//! What people and tools ask about queues: how long they are, who polls them, which tasks are open; and giving leased
//! tasks to other workers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use podium_core::{Event, RunId, TaskNo, Timestamp};
use podium_store::PollRow;

use super::operate::operate;
use crate::cache::view;
use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::{EngineError, TaskView};
use crate::shared::Shared;

/// Tasks of one queue that are counted at most: beyond it nobody needs to know better, and counting takes time.
const COUNT_AT_MOST: i64 = 1_000_000;
/// Runs that one statement looks through.
const RUNS_AT_ONCE: i64 = 10_000;
/// How long open tasks are looked for before the caller is told that there are too many runs.
const LOOK_AT_MOST: Duration = Duration::from_secs(20);
/// Runs read at once to show their tasks.
const SHOWN_AT_ONCE: usize = 100;
/// Turns of one requeue under way at once.
const REQUEUED_AT_ONCE: usize = 500;

/// How many ready tasks wait in one queue, due or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSize {
    pub task_type: String,
    pub domain: Option<String>,
    /// At most a million.
    pub size: i64,
}

/// The last poll of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPoll {
    pub task_type: String,
    pub domain: Option<String>,
    pub worker: Option<String>,
    pub at: Timestamp,
}

impl Engine {
    /// How many ready tasks of a type and domain there are, due or not; at most a million are counted.
    pub async fn queue_size(&self, task_type: &str, domain: Option<&str>) -> Result<i64, EngineError> {
        // an empty domain is a queue of its own that no task is ever in
        if domain == Some("") {
            return Ok(0);
        }
        self.shared().store.queue_size(task_type, domain, COUNT_AT_MOST).await.map_err(storage)
    }

    /// The queues with ready tasks, by type and domain. A queue exists while it has tasks.
    pub async fn queue_sizes(&self) -> Result<Vec<QueueSize>, EngineError> {
        let depths = self.shared().store.queue_depths(COUNT_AT_MOST).await.map_err(storage)?;
        let size = |d: podium_store::QueueDepth| QueueSize {
            task_type: d.task_type,
            domain: given(d.domain),
            size: d.depth,
        };
        Ok(depths.into_iter().map(size).collect())
    }

    /// Who last polled each queue of a task type, or all of them, by type and domain. Polls of this node are shown at
    /// once, those of other nodes within half a minute; the last ones before a crash may be missing.
    pub async fn last_polls(&self, task_type: Option<&str>) -> Result<Vec<LastPoll>, EngineError> {
        let shared = self.shared();
        let rows = shared.store.last_polls(task_type).await.map_err(storage)?;
        let mine = shared.queues.last_polls(task_type, shared.clock.now());
        let mut all: BTreeMap<(String, String), PollRow> = BTreeMap::new();
        for row in rows.into_iter().chain(mine) {
            let key = (row.task_type.clone(), row.domain.clone());
            match all.get(&key) {
                Some(known) if known.last_poll_at > row.last_poll_at => {}
                Some(_) | None => {
                    all.insert(key, row);
                }
            }
        }
        let last = |row: PollRow| LastPoll {
            task_type: row.task_type,
            domain: given(row.domain),
            worker: given(row.worker),
            at: row.last_poll_at,
        };
        Ok(all.into_values().map(last).collect())
    }

    /// Open tasks of a task definition, those of the oldest runs first, without the first `skip` of them. Goes through
    /// all runs: for operators. `Unavailable` if there are too many to look through.
    pub async fn open_tasks(
        &self,
        def_name: &str,
        skip: usize,
        count: usize,
    ) -> Result<Vec<TaskView>, EngineError> {
        let shared = self.shared();
        let mut found = Vec::new();
        let mut search = Search::new(shared, def_name);
        while found.len() < skip.saturating_add(count)
            && let Some(tasks) = search.next().await?
        {
            found.extend(tasks);
        }
        let wanted: Vec<_> = found.into_iter().skip(skip).take(count).collect();
        let mut views = Vec::with_capacity(wanted.len());
        for some in wanted.chunks(SHOWN_AT_ONCE) {
            views.extend(open_views(shared, some, Kind::Any).await?);
        }
        Ok(views)
    }

    /// Makes every open worker's task of a task definition claimable again, those that somebody leases too, and returns
    /// how many they are. A task that waits for its delay goes on waiting. What is done when it fails stays done.
    pub async fn requeue(&self, def_name: &str) -> Result<usize, EngineError> {
        let shared = self.shared();
        let mut search = Search::new(shared, def_name);
        let mut requeued = 0;
        while let Some(tasks) = search.next().await? {
            for some in tasks.chunks(REQUEUED_AT_ONCE) {
                let views = open_views(shared, some, Kind::OfWorkers).await?;
                let mut turns = futures::stream::iter(views)
                    .map(|v| async move {
                        // its row is its place in the queue
                        if v.task.ready {
                            return Ok(());
                        }
                        operate(shared, v.run.id, self.asked(Event::Requeued { task: v.task.no })).await
                    })
                    .buffer_unordered(REQUEUED_AT_ONCE);
                while let Some(done) = turns.next().await {
                    match done {
                        Ok(()) => requeued += 1,
                        // gone or ended meanwhile
                        Err(EngineError::NotFound(_) | EngineError::Rejected(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(requeued)
    }
}

/// A column in which the empty text means "none".
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Goes through the runs, a stretch at a time.
struct Search<'a> {
    shared: &'a Shared,
    def_name: &'a str,
    after: Option<RunId>,
    ended: bool,
    until: Instant,
}

impl<'a> Search<'a> {
    fn new(shared: &'a Shared, def_name: &'a str) -> Self {
        Search { shared, def_name, after: None, ended: false, until: Instant::now() + LOOK_AT_MOST }
    }

    /// The open tasks of the next stretch of runs; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Vec<(RunId, TaskNo)>>, EngineError> {
        if self.ended {
            return Ok(None);
        }
        if Instant::now() > self.until {
            let text = format!(
                "there are too many workflows to find the open tasks of {} among them",
                self.def_name
            );
            return Err(EngineError::Unavailable(text));
        }
        let found =
            self.shared.store.open_tasks(self.def_name, self.after, RUNS_AT_ONCE).await.map_err(storage)?;
        self.after = found.next;
        self.ended = found.next.is_none();
        Ok(Some(found.tasks))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    /// Only tasks that workers poll for.
    OfWorkers,
}

/// The tasks as they are now, without those that have ended meanwhile.
async fn open_views(
    shared: &Shared,
    tasks: &[(RunId, TaskNo)],
    kind: Kind,
) -> Result<Vec<TaskView>, EngineError> {
    let mut ids: Vec<RunId> = tasks.iter().map(|(run, _)| *run).collect();
    ids.dedup();
    let mut views = Vec::with_capacity(tasks.len());
    for run in shared.store.load_many(&ids).await.map_err(storage)? {
        let plan = shared.plans.load(&shared.store, run.head.snapshot).await?;
        let mine = tasks.iter().filter(|(id, _)| *id == run.head.id);
        let views_of_run = mine
            .filter_map(|(_, no)| view(&run, &plan, *no))
            .filter(|v| !v.task.status.is_terminal() && (kind == Kind::Any || run.by_worker(&plan, &v.task)));
        views.extend(views_of_run);
    }
    views.sort_by_key(|v| (v.run.id, v.task.no));
    Ok(views)
}
