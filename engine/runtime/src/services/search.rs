//! Searches. Reads only, always from rows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use podium_core::search::{Expr, Scope, SortKey};
use podium_core::{RunId, RunState, RunStatus, TaskTable};
use podium_store::{Hit, SearchHits, SearchLag, SearchRequest, StoreError, Total};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::{EngineError, RunBrief, RunView, TaskView};
use crate::shared::Shared;

/// How long a search for words waits for those of what was just changed here.
const WORDS_WAIT: Duration = Duration::from_secs(1);
/// Rows read by one statement.
const LOAD_AT_ONCE: usize = 200;
/// Payloads of one page.
const PAGE_BYTES: usize = 64 << 20;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    pub filter: Expr,
    /// Empty = newest first.
    pub sort: Vec<SortKey>,
    pub start: i64,
    pub size: i64,
    /// Whether all that is found is counted.
    pub count: bool,
}

/// A page of what was found.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub rows: Vec<T>,
    pub hits: i64,
    /// False: there are at least so many hits.
    pub exact: bool,
    /// How far the words are behind, if words were looked for: milliseconds, and whether all runs are still being
    /// looked through.
    pub lag: Option<(i64, bool)>,
}

/// How many runs of a filter there are in one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCount {
    pub status: RunStatus,
    pub count: i64,
    /// False: there are at least so many.
    pub exact: bool,
}

impl Engine {
    /// Counts the runs of a filter in each status. 10,000 of each are always counted, more if it is quick.
    pub async fn count_statuses(&self, filter: &Expr) -> Result<[StatusCount; 6], EngineError> {
        let shared = self.shared();
        if filter.has_words() {
            shared.feed.settled(WORDS_WAIT).await;
        }
        let counts = shared.store.count_statuses(filter).await.map_err(searched)?;
        Ok(std::array::from_fn(|at| {
            let Total { hits, exact } = counts.0[at];
            StatusCount { status: RunStatus::ALL[at], count: hits, exact }
        }))
    }

    /// Finds runs. They are shown without their tasks.
    ///
    /// Errors: `Invalid` if the search took too long; `TooLarge` if the page has more than 64 MiB of payloads.
    pub async fn search_runs(&self, query: SearchQuery) -> Result<Found<RunView>, EngineError> {
        let shared = self.shared();
        let (found, lag) = find(shared, Scope::Runs, &query).await?;
        runs_of(shared, found, lag).await
    }

    /// Finds runs by their tasks; a run with several of them on this page is there once.
    ///
    /// Errors: as [`Engine::search_runs`].
    pub async fn search_runs_by_tasks(&self, query: SearchQuery) -> Result<Found<RunView>, EngineError> {
        let shared = self.shared();
        let (mut found, lag) = find(shared, Scope::Tasks, &query).await?;
        let tasks = found.hits.len();
        let mut seen = HashSet::new();
        found.hits.retain(|hit| seen.insert(hit.run));
        // as on existing servers, what this page lacks for it is no hit
        found.total.hits -= missing(tasks, found.hits.len());
        runs_of(shared, found, lag).await
    }

    /// Finds tasks.
    ///
    /// Errors: as [`Engine::search_runs`].
    pub async fn search_tasks(&self, query: SearchQuery) -> Result<Found<TaskView>, EngineError> {
        let shared = self.shared();
        let (found, lag) = find(shared, Scope::Tasks, &query).await?;
        let mut loaded = HashMap::new();
        let mut bytes = 0;
        for hits in found.hits.chunks(LOAD_AT_ONCE) {
            for row in shared.store.load_tasks(hits).await.map_err(searched)? {
                bytes += row.task.input.size_bytes() + row.task.output.size_bytes();
                let plan = shared.plans.load(&shared.store, row.snapshot).await?;
                let run = RunBrief {
                    id: row.run,
                    name: row.name.into(),
                    correlation_id: row.correlation_id.map(Into::into),
                    priority: row.priority,
                };
                loaded.insert(
                    (row.run, row.task.no),
                    TaskView { run, task: row.task.into(), plan, branch: None },
                );
            }
            within(bytes)?;
        }
        let rows: Vec<TaskView> =
            found.hits.iter().filter_map(|hit| loaded.remove(&(hit.run, hit.no))).collect();
        Ok(answer(found.total, found.hits.len(), rows, lag))
    }
}

async fn find(
    shared: &Shared,
    scope: Scope,
    query: &SearchQuery,
) -> Result<(SearchHits, Option<SearchLag>), EngineError> {
    let lag = if query.filter.has_words() {
        shared.feed.settled(WORDS_WAIT).await;
        Some(shared.store.search_lag().await.map_err(searched)?)
    } else {
        None
    };
    let request = SearchRequest {
        scope,
        filter: &query.filter,
        sort: &query.sort,
        start: query.start,
        size: query.size,
        count: query.count,
    };
    Ok((shared.store.search(&request).await.map_err(searched)?, lag))
}

/// The ids of the runs of a page, and how many are found at least.
pub(crate) async fn found_ids(
    shared: &Shared,
    query: &SearchQuery,
) -> Result<(Vec<RunId>, i64), EngineError> {
    let (found, _) = find(shared, Scope::Runs, query).await?;
    Ok((found.hits.iter().map(|hit| hit.run).collect(), found.total.hits))
}

async fn runs_of(
    shared: &Shared,
    found: SearchHits,
    lag: Option<SearchLag>,
) -> Result<Found<RunView>, EngineError> {
    let wanted: Vec<RunId> = found.hits.iter().map(|Hit { run, .. }| *run).collect();
    let mut loaded = HashMap::new();
    let mut bytes = 0;
    for runs in wanted.chunks(LOAD_AT_ONCE) {
        for head in shared.store.load_heads(runs).await.map_err(searched)? {
            bytes += head.input.size_bytes() + head.output.size_bytes() + head.variables.size_bytes();
            let plan = shared.plans.load(&shared.store, head.snapshot).await?;
            let run = RunState { head, tasks: TaskTable::default(), parked: Vec::new() };
            loaded.insert(run.head.id, RunView { run, plan });
        }
        within(bytes)?;
    }
    let rows: Vec<RunView> = wanted.iter().filter_map(|id| loaded.remove(id)).collect();
    Ok(answer(found.total, wanted.len(), rows, lag))
}

/// Rows that were removed since they were found are no hits.
fn answer<T>(total: Total, wanted: usize, rows: Vec<T>, lag: Option<SearchLag>) -> Found<T> {
    let lag = lag.map(|lag| ((lag.seconds * 1_000.0) as i64, lag.sweeping));
    Found { hits: total.hits - missing(wanted, rows.len()), exact: total.exact, rows, lag }
}

fn missing(wanted: usize, there: usize) -> i64 {
    i64::try_from(wanted.saturating_sub(there)).unwrap_or_default()
}

fn within(bytes: usize) -> Result<(), EngineError> {
    if bytes <= PAGE_BYTES {
        return Ok(());
    }
    Err(EngineError::TooLarge(format!(
        "the page has more than {PAGE_BYTES} bytes of payloads; ask for fewer rows"
    )))
}

pub(super) fn searched(error: StoreError) -> EngineError {
    if let StoreError::TooSlow { .. } = error {
        return EngineError::Invalid(
            "the search took longer than 5 seconds; narrow it by workflowType, correlationId or startTime, or sort by startTime"
                .to_owned(),
        );
    }
    storage(error)
}
