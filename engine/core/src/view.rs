//! A run as readers see it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::mask::masked;
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::RunState;
use crate::task::{TaskState, TaskStatus};
use crate::tasks;
use crate::time::Timestamp;

/// The tasks in the order that clients see, with what is only computed when it is read:
/// - the output that a waiting JOIN has so far;
/// - `executed`, which Conductor leaves false on a branch that a JOIN waits for until something else is decided.
pub fn present(plan: &Plan, run: &RunState) -> Vec<Arc<TaskState>> {
    let decided = last_decision(plan, run);
    run.tasks.in_order().into_iter().map(|row| show(plan, run, decided, row)).collect()
}

/// The run without what its definition wants hidden; `None` if nothing of it is.
pub fn masked_run(plan: &Plan, run: &RunState) -> Option<RunState> {
    let fields = &plan.def().masked_fields;
    if fields.is_empty() {
        return None;
    }
    let mut shown = run.clone();
    let head = &mut shown.head;
    for payload in [&mut head.input, &mut head.output, &mut head.variables] {
        *payload = masked(payload, fields).into_owned();
    }
    let rows: Vec<TaskState> = run.tasks.iter().filter_map(|row| masked_task(plan, row)).collect();
    for row in rows {
        shown.tasks.put(Arc::new(row));
    }
    Some(shown)
}

/// The task without what the definition of its run wants hidden; `None` if nothing of it is.
pub fn masked_task(plan: &Plan, row: &TaskState) -> Option<TaskState> {
    let fields = &plan.def().masked_fields;
    match (masked(&row.input, fields), masked(&row.output, fields)) {
        (Cow::Borrowed(_), Cow::Borrowed(_)) => None,
        (input, output) => {
            Some(TaskState { input: input.into_owned(), output: output.into_owned(), ..row.clone() })
        }
    }
}

/// A run as Conductor's internal model has it, which a few calls show.
pub fn model(plan: &Plan, run: &RunState, with_tasks: bool) -> serde_json::Value {
    crate::decide::workflow_model(plan, run, with_tasks)
}

fn show(plan: &Plan, run: &RunState, decided: Timestamp, row: &Arc<TaskState>) -> Arc<TaskState> {
    if row.executed && ended_quietly(plan, run, row) && row.ended_at.is_some_and(|at| at > decided) {
        return Arc::new(TaskState { executed: false, ..TaskState::clone(row) });
    }
    if let Some(output) = tasks::loop_output(plan, run, row) {
        return Arc::new(TaskState { output: Payload::from_map(output), ..TaskState::clone(row) });
    }
    let waits =
        row.status == TaskStatus::InProgress && run.node_of(plan, row).is_some_and(|n| n.kind.joins());
    if !waits || !row.output.is_empty() {
        return row.clone();
    }
    let output = tasks::partial_join_output(plan, run, row, |_| true);
    if output.is_empty() {
        return row.clone();
    }
    Arc::new(TaskState { output: Payload::from_map(output), ..TaskState::clone(row) })
}

/// Did this row end without a decision in Conductor's sense: successfully, as what an open JOIN of a fork waits for?
fn ended_quietly(plan: &Plan, run: &RunState, row: &TaskState) -> bool {
    let Some(node) = run.node_of(plan, row) else { return false };
    let open = |name: &str| run.tasks.latest(name).is_some_and(|t| !t.status.is_terminal());
    row.status == TaskStatus::Completed
        && row.iteration == 0
        && node.parent.is_some()
        && node.joined_by.iter().any(|join| run.node(plan, *join).is_some_and(|join| open(&join.ref_name)))
}

/// When something was last decided, as far as the rows tell.
fn last_decision(plan: &Plan, run: &RunState) -> Timestamp {
    let of = |row: &Arc<TaskState>| {
        let ended = row.ended_at.filter(|_| !ended_quietly(plan, run, row)).unwrap_or_default();
        row.scheduled_at.max(ended)
    };
    run.tasks.iter().map(of).max().unwrap_or_default()
}
