//! A run as readers see it.

use std::sync::Arc;

use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::RunState;
use crate::task::{TaskState, TaskStatus};
use crate::tasks;

/// The tasks in the order that clients see, with what is only computed when it is read: the output that a waiting JOIN
/// has so far.
pub fn present(plan: &Plan, run: &RunState) -> Vec<Arc<TaskState>> {
    let show = |row: &Arc<TaskState>| {
        let waits = row.status == TaskStatus::InProgress && plan.node_of(row.base_ref()).is_some_and(|n| n.kind.joins());
        if !waits || !row.output.is_empty() {
            return row.clone();
        }
        let output = tasks::partial_join_output(plan, run, row, |_| true);
        if output.is_empty() {
            return row.clone();
        }
        Arc::new(TaskState { output: Payload::from_map(output), ..TaskState::clone(row) })
    };
    run.tasks.in_order().into_iter().map(show).collect()
}
