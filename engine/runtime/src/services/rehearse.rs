//! Plays a run with made-up results instead of workers (contract §9, "test").

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use podium_core::{Payload, RunId, TaskState, TaskStatus, view};

use crate::engine::Engine;
use crate::messages::{EngineError, ReportRequest, RunView, StartRequest};
use crate::services::{read, report, start, wait};
use crate::settle::no_run;
use crate::shared::Shared;
use crate::watch::Watch;

/// Rounds after which a run that never ends is left as it is.
const ROUNDS: usize = 20_000;
/// How long a round waits for what the engine itself has still to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// Types whose tasks end without anybody's report.
const BY_ENGINE: [&str; 16] = [
    "DECISION",
    "DO_WHILE",
    "DYNAMIC",
    "EXCLUSIVE_JOIN",
    "FORK",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "INLINE",
    "JOIN",
    "JSON_JQ_TRANSFORM",
    "LAMBDA",
    "NOOP",
    "SET_VARIABLE",
    "START_WORKFLOW",
    "SWITCH",
    "TERMINATE",
];

/// What the tasks of a run are to answer.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// Reference name → the results of its attempts, in order. The name of a task in a loop may have its
    /// iteration.
    pub results: HashMap<String, VecDeque<RehearsedResult>>,
    /// Reference name of a SUB_WORKFLOW → what the tasks of its run are to answer.
    pub children: HashMap<String, Rehearsal>,
}

/// One made-up result.
#[derive(Clone, Debug)]
pub struct RehearsedResult {
    pub status: TaskStatus,
    pub output: Payload,
}

impl Rehearsal {
    fn next(&mut self, row: &TaskState) -> Option<RehearsedResult> {
        let exact = self.results.get_mut(&*row.ref_name).and_then(VecDeque::pop_front);
        exact.or_else(|| self.results.get_mut(row.base_ref()).and_then(VecDeque::pop_front))
    }

    fn has(&self, row: &TaskState) -> bool {
        let any = |name: &str| self.results.get(name).is_some_and(|left| !left.is_empty());
        any(&row.ref_name) || any(row.base_ref()) || self.child_of(row).is_some()
    }

    fn child_of<'a>(&self, row: &'a TaskState) -> Option<&'a str> {
        let is_child = &*row.task_type == "SUB_WORKFLOW";
        [&*row.ref_name, row.base_ref()]
            .into_iter()
            .find(move |name| is_child && self.children.contains_key(*name))
    }
}

impl Engine {
    /// Starts a run that is only to be played: as [`Engine::start`], but the calls of its HTTP tasks are not made.
    pub async fn start_rehearsal(&self, request: StartRequest) -> Result<RunId, EngineError> {
        start::start_rehearsal(self.shared(), request).await
    }

    /// Plays a run that was started where no worker polls: reports the results of `rehearsal` on its tasks until it
    /// has ended, until a task waits for a report that the rehearsal does not have, or until it goes on for too
    /// long. Answers with the run as it is then.
    ///
    /// Dropping the call leaves the run where it is. Errors: `NotFound` if there is no such run (any more),
    /// `Unavailable` as for a report.
    pub async fn rehearse(&self, run: RunId, mut rehearsal: Rehearsal) -> Result<RunView, EngineError> {
        play(self.shared(), run, &mut rehearsal).await
    }
}

fn play<'a>(
    shared: &'a Shared,
    id: RunId,
    rehearsal: &'a mut Rehearsal,
) -> BoxFuture<'a, Result<RunView, EngineError>> {
    Box::pin(async move {
        let mut watch = wait::watch(shared)?;
        watch.follow(id);
        let mut still_since = Instant::now();
        let mut shown = look(shared, id, &watch).await?;
        for _ in 0..ROUNDS {
            let rows = view::present(&shown.plan, &shown.run);
            let open: Vec<_> = rows.iter().filter(|row| !row.status.is_terminal()).collect();
            let stuck = |row: &&Arc<TaskState>| !BY_ENGINE.contains(&&*row.task_type) && !rehearsal.has(row);
            if shown.run.head.status.is_terminal() || open.iter().copied().any(|row| stuck(&row)) {
                break;
            }
            let (mut moved, mut child_stands) = (false, false);
            for row in open {
                match step(shared, &shown, row, rehearsal).await? {
                    Step::Reported => moved = true,
                    Step::ChildStands => child_stands = true,
                    Step::Nothing => {}
                }
            }
            if moved {
                still_since = Instant::now();
            } else if child_stands || still_since.elapsed() >= PATIENCE || shared.mailboxes.stopping() {
                break;
            } else {
                drop(tokio::time::timeout_at((still_since + PATIENCE).into(), watch.changed()).await);
            }
            shown = look(shared, id, &watch).await?;
        }
        Ok(shown)
    })
}

enum Step {
    Reported,
    /// The run of a SUB_WORKFLOW waits for a report that nobody will make.
    ChildStands,
    Nothing,
}

async fn step(
    shared: &Shared,
    shown: &RunView,
    row: &TaskState,
    rehearsal: &mut Rehearsal,
) -> Result<Step, EngineError> {
    if let Some(name) = rehearsal.child_of(row).map(str::to_owned)
        && let Some(own) = rehearsal.children.get_mut(&name)
    {
        let Some(child) = row.child else { return Ok(Step::Nothing) };
        let after = play(shared, child, own).await?;
        return Ok(if after.run.head.status.is_terminal() { Step::Nothing } else { Step::ChildStands });
    }
    let Some(result) = rehearsal.next(row) else { return Ok(Step::Nothing) };
    let run = shown.run.head.id;
    let request = ReportRequest {
        run,
        task: run.task(row.no),
        status: result.status,
        output: result.output,
        merge_output: true,
        reason: None,
        worker: row.worker.as_deref().map(str::to_owned),
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    };
    report::report(shared, request).await?;
    Ok(Step::Reported)
}

async fn look(shared: &Shared, id: RunId, watch: &Watch) -> Result<RunView, EngineError> {
    let shown = read::run(shared, id).await?.ok_or_else(|| no_run(id))?;
    watch.has_read(id, shown.run.head.version);
    Ok(shown)
}
