//! What definitions want hidden (`maskedFields`) is hidden wherever people look; workers get what there is.

use std::borrow::Cow;
use std::sync::Arc;

use podium_core::{TaskState, view};
use podium_runtime::{RunView, TaskView};

/// A run as people see it.
pub(crate) fn shown_run(run: &RunView) -> Cow<'_, RunView> {
    match view::masked_run(&run.plan, &run.run) {
        None => Cow::Borrowed(run),
        Some(masked) => Cow::Owned(RunView { run: masked, plan: run.plan.clone() }),
    }
}

/// A task as people see it.
pub(crate) fn shown_task(task: &TaskView) -> Cow<'_, TaskView> {
    match view::masked_task(&task.plan, &task.task) {
        None => Cow::Borrowed(task),
        Some(masked) => Cow::Owned(TaskView { task: Arc::new(masked), ..task.clone() }),
    }
}

/// A row of a run as people see it.
pub(super) fn shown_row<'a>(run: &RunView, row: &'a TaskState) -> Cow<'a, TaskState> {
    view::masked_task(&run.plan, row).map_or(Cow::Borrowed(row), Cow::Owned)
}
