//! Writes what a call waited for as a `SignalResponse` (contract §5.20).

use podium_core::view;
use podium_runtime::{FoundTask, RunView, Waited};

use super::mask::{shown_row, shown_run};
use super::task::{shortened, size_hint, write_task};
use super::workflow::brief;
use crate::dto::ReturnStrategy;
use crate::json::write::Object;

/// Bytes besides payloads and tasks.
const FIXED_BYTES: usize = 600;

/// The answer in the wanted form; `None` if a task is wanted and the workflow stands at none.
pub(crate) fn signal_response_json(
    waited: &Waited,
    strategy: ReturnStrategy,
    request_id: &str,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(FIXED_BYTES);
    let mut json = Object::begin(&mut out, "responseType", strategy.word());
    let target = &waited.target.run.head;
    json.id("targetWorkflowId", target.id.uuid());
    json.text("targetWorkflowStatus", target.status.as_str());
    json.text("requestId", request_id);
    json.bool("signalTimeout", waited.timed_out);
    match strategy {
        ReturnStrategy::TargetWorkflow => write_run(&mut json, &waited.target),
        ReturnStrategy::BlockingWorkflow => {
            write_run(&mut json, waited.blocked.as_ref().map_or(&waited.target, |found| &found.run))
        }
        ReturnStrategy::BlockingTask | ReturnStrategy::BlockingTaskInput => {
            write_found(&mut json, waited.blocked.as_ref()?);
        }
    }
    json.end();
    Some(out)
}

/// The members of a `WorkflowRun`.
fn write_run(json: &mut Object<'_>, shown: &RunView) {
    let shown = &*shown_run(shown);
    let head = &shown.run.head;
    let rows = view::present(&shown.plan, &shown.run);
    json.reserve(rows.iter().map(|row| size_hint(row, &shown.plan)).sum());
    json.id("workflowId", head.id.uuid());
    json.text_if("correlationId", head.correlation_id.as_deref());
    json.raw("input", head.input.text());
    json.raw("output", head.output.text());
    json.text("status", head.status.as_str());
    json.int("priority", head.priority.into());
    json.raw("variables", head.variables.text());
    json.instant("createTime", Some(head.created_at));
    json.instant("updateTime", Some(head.updated_at));
    let brief = brief(head);
    json.list("tasks", &rows, |out, row| {
        write_task(out, &brief, row, &shown.plan, shown.run.branch_of(&shown.plan, row).as_deref())
    });
}

/// The members of a `TaskRun`.
fn write_found(json: &mut Object<'_>, found: &FoundTask) {
    let (head, task) = (&found.run.run.head, &*shown_row(&found.run, &found.task));
    json.id("workflowId", head.id.uuid());
    json.text("workflowType", &head.name);
    json.text_if("correlationId", head.correlation_id.as_deref());
    json.raw("input", task.input.text());
    json.raw("output", task.output.text());
    json.text("status", task.status.as_str());
    json.text("taskType", &task.task_type);
    json.id("taskId", head.id.task(task.no).uuid());
    json.text("referenceTaskName", &task.ref_name);
    json.int("retryCount", task.attempt.into());
    json.text("taskDefName", if task.def_name.is_empty() { &task.task_type } else { &task.def_name });
    if let Some(no) = task.retry_of {
        json.id("retriedTaskId", head.id.task(no).uuid());
    }
    json.text_if("reasonForIncompletion", task.reason.as_deref().map(shortened));
    json.int("priority", head.priority.into());
    json.text_if("createdBy", task.worker.as_deref());
    json.instant("createTime", task.started_at);
    json.instant("updateTime", Some(task.updated_at));
}
