//! Reads, always from rows: any node shows what any other has acknowledged.

use podium_core::{LogLine, RunId, TaskId};

use crate::cache::view;
use crate::errors::storage;
use crate::messages::{EngineError, RunView, TaskView};
use crate::shared::Shared;

pub(crate) async fn run(shared: &Shared, id: RunId) -> Result<Option<RunView>, EngineError> {
    let found = shared.store.load(id).await.map_err(storage)?;
    // an archived run is there for searches only
    let Some(run) = found.filter(|run| !run.head.extra.archived) else { return Ok(None) };
    let plan = shared.plans.load(&shared.store, run.head.snapshot).await?;
    Ok(Some(RunView { run, plan }))
}

pub(crate) async fn task(shared: &Shared, id: TaskId) -> Result<Option<TaskView>, EngineError> {
    let found = run(shared, id.run()).await?;
    Ok(found.and_then(|found| view(&found.run, &found.plan, id.no())))
}

/// Bytes of a text that may have a log without naming a task.
const LOOSE_ID_AT_MOST: usize = 500;

/// A text that names no task has a log all the same (contract §8.6); it is kept for a month.
pub(crate) async fn append_log(shared: &Shared, task: &str, line: &LogLine) -> Result<(), EngineError> {
    if let Ok(id) = task.parse::<TaskId>()
        && shared.store.append_log(id.run(), id.no(), line).await.map_err(storage)?
    {
        return Ok(());
    }
    if task.len() > LOOSE_ID_AT_MOST {
        return Err(EngineError::Invalid(format!("a task id has at most {LOOSE_ID_AT_MOST} bytes")));
    }
    shared.store.append_loose_log(task, line).await.map_err(storage)
}

pub(crate) async fn logs(shared: &Shared, task: &str) -> Result<Vec<LogLine>, EngineError> {
    if let Ok(id) = task.parse::<TaskId>() {
        let lines = shared.store.list_log(id.run(), id.no()).await.map_err(storage)?;
        if !lines.is_empty() {
            return Ok(lines);
        }
    }
    shared.store.list_loose_log(task).await.map_err(storage)
}
