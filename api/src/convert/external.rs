//! Payloads above Conductor's thresholds are shown as `{}` with a path under which they can be read.

use podium_core::{Payload, RunHead, RunId, TaskState};
use podium_runtime::PayloadPath;

/// Bytes of a workflow's input or output that are shown at most.
const WORKFLOW_BYTES: usize = 5 * 1024 * 1024;
/// The same for a task.
const TASK_BYTES: usize = 3 * 1024 * 1024;

/// A payload as it is shown.
pub(super) struct Shown<'a> {
    pub(super) payload: &'a Payload,
    pub(super) path: Option<String>,
}

/// A run's input. One that the caller stored elsewhere is shown as the caller sent it.
pub(super) fn input(head: &RunHead) -> Shown<'_> {
    match &head.extra.external_input {
        Some(path) => Shown { payload: nothing(), path: Some(path.clone()) },
        None => shown(&head.input, WORKFLOW_BYTES, || PayloadPath::RunInput(head.id)),
    }
}

/// A run's output.
pub(super) fn output(head: &RunHead) -> Shown<'_> {
    match &head.extra.external_output {
        Some(path) => Shown { payload: nothing(), path: Some(path.clone()) },
        None => shown(&head.output, WORKFLOW_BYTES, || PayloadPath::RunOutput(head.id)),
    }
}

/// A task's input.
pub(super) fn task_input(run: RunId, task: &TaskState) -> Shown<'_> {
    shown(&task.input, TASK_BYTES, || PayloadPath::TaskInput(run.task(task.no)))
}

/// A task's output.
pub(super) fn task_output(run: RunId, task: &TaskState) -> Shown<'_> {
    shown(&task.output, TASK_BYTES, || PayloadPath::TaskOutput(run.task(task.no)))
}

fn shown(payload: &Payload, limit: usize, path: impl FnOnce() -> PayloadPath) -> Shown<'_> {
    if payload.size_bytes() <= limit {
        return Shown { payload, path: None };
    }
    Shown { payload: nothing(), path: Some(path().to_string()) }
}

fn nothing() -> &'static Payload {
    static NOTHING: std::sync::OnceLock<Payload> = std::sync::OnceLock::new();
    NOTHING.get_or_init(Payload::empty)
}
