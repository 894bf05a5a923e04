//! Reads, always from rows: any node shows what any other has acknowledged.

use podium_core::{LogLine, RunId, TaskId};

use crate::cache::view;
use crate::errors::storage;
use crate::messages::{EngineError, RunView, TaskView};
use crate::shared::Shared;

pub(crate) async fn run(shared: &Shared, id: RunId) -> Result<Option<RunView>, EngineError> {
    let Some(run) = shared.store.load(id).await.map_err(storage)? else { return Ok(None) };
    let plan = shared.plans.load(&shared.store, run.head.snapshot).await?;
    Ok(Some(RunView { run, plan }))
}

pub(crate) async fn task(shared: &Shared, id: TaskId) -> Result<Option<TaskView>, EngineError> {
    let found = run(shared, id.run()).await?;
    Ok(found.and_then(|found| view(&found.run, &found.plan, id.no())))
}

/// A text that is no id, or names no task, has no log: the line is dropped without an error (contract §8.6).
pub(crate) async fn append_log(shared: &Shared, task: &str, line: &LogLine) -> Result<(), EngineError> {
    if let Ok(id) = task.parse::<TaskId>() {
        shared.store.append_log(id.run(), id.no(), line).await.map_err(storage)?;
    }
    Ok(())
}

pub(crate) async fn logs(shared: &Shared, task: &str) -> Result<Vec<LogLine>, EngineError> {
    match task.parse::<TaskId>() {
        Ok(id) => shared.store.list_log(id.run(), id.no()).await.map_err(storage),
        Err(_) => Ok(Vec::new()),
    }
}
