//! A worker's `TaskResult` as the engine's report (contract §8.2).

use podium_core::{RunId, TaskId};
use podium_runtime::ReportRequest;

use super::Clock;
use super::task::shortened;
use crate::dto::{TaskResult, ValidationError};
use crate::error::ApiError;

/// The ids of a report as the caller wrote them; both are there.
pub(crate) fn reported_ids<'a>(result: &'a TaskResult<'_>) -> Result<(&'a str, &'a str), ApiError> {
    let run = result.workflow_instance_id.as_deref();
    let task = result.task_id.as_deref();
    match (run, task) {
        (Some(run), Some(task)) if !run.is_empty() && !task.is_empty() => Ok((run, task)),
        _ => {
            let missing = |id: Option<&str>, member: &str, message: &str| {
                id.is_none_or(str::is_empty).then(|| ValidationError {
                    path: format!("updateTask.arg0.{member}"),
                    message: message.to_owned(),
                    invalid_value: id.map(str::to_owned),
                })
            };
            let violations = [
                missing(task, "taskId", "Task ID cannot be null or empty"),
                missing(run, "workflowInstanceId", "Workflow Id cannot be null or empty"),
            ];
            Err(ApiError::validation(violations.into_iter().flatten().collect()))
        }
    }
}

/// The report itself. Errors: 400 without a status (a lease extension needs none).
pub(crate) fn report(result: TaskResult<'_>, run: RunId, task: TaskId) -> Result<ReportRequest, ApiError> {
    let status = match (result.status, result.extend_lease) {
        (Some(status), _) => status.task_status(),
        (None, true) => podium_core::TaskStatus::InProgress,
        (None, false) => return Err(ApiError::bad_request("the status of a task result cannot be null")),
    };
    let logs = if result.logs.is_empty() {
        Vec::new()
    } else {
        let now = Clock.now();
        result.logs.into_iter().map(|line| line.at(now)).collect()
    };
    Ok(ReportRequest {
        run,
        task,
        status,
        output: result.output,
        merge_output: false,
        reason: result.reason_for_incompletion.map(|reason| shortened(&reason).to_owned()),
        worker: result.worker_id.map(std::borrow::Cow::into_owned),
        callback_after_s: result.callback_after_seconds,
        extend_lease: result.extend_lease,
        external_output: result.external_output,
        sub_workflow_id: result.sub_workflow_id,
        logs,
    })
}
