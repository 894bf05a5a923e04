//! Looks for a task in a run and in the runs that it has started.

use std::sync::Arc;

use podium_core::{RunId, TaskState, TaskStatus, view};

use crate::messages::{EngineError, FoundTask, RunView};
use crate::services::read;
use crate::settle::no_run;
use crate::shared::Shared;
use crate::watch::Watch;

/// Runs looked at in one search; the children of a wide fork beyond them are left out.
const RUNS_AT_MOST: usize = 256;

/// A run as it is, and the first task of it or of what it started that was looked for.
pub(crate) struct Looked {
    pub(crate) target: RunView,
    pub(crate) found: Option<FoundTask>,
}

/// The first task that fits: of the run itself in the order of scheduling, else of its open children, depth first.
/// With a watch, every run that was looked at is followed from before it was read.
pub(crate) async fn look(
    shared: &Shared,
    target: RunId,
    mut watch: Option<&mut Watch>,
    fits: impl Fn(&TaskState) -> bool,
) -> Result<Looked, EngineError> {
    let mut first: Option<RunView> = None;
    let mut found = None;
    let mut wanted = vec![target];
    for _ in 0..RUNS_AT_MOST {
        let Some(id) = wanted.pop() else { break };
        if let Some(watch) = watch.as_deref_mut() {
            watch.follow(id);
        }
        let Some(run) = read::run(shared, id).await? else {
            if id == target {
                return Err(no_run(id));
            }
            // a child that was removed while we looked
            continue;
        };
        if let Some(watch) = watch.as_deref() {
            watch.has_read(id, run.run.head.version);
        }
        let rows = view::present(&run.plan, &run.run);
        if let Some(task) = rows.iter().find(|row| fits(row)) {
            found = Some(FoundTask { run: run.clone(), task: task.clone() });
        } else {
            wanted.extend(rows.iter().rev().filter_map(open_child));
        }
        first.get_or_insert(run);
        if found.is_some() {
            break;
        }
    }
    first.map(|target| Looked { target, found }).ok_or_else(|| no_run(target))
}

fn open_child(row: &Arc<TaskState>) -> Option<RunId> {
    row.child.filter(|_| row.status == TaskStatus::InProgress)
}
