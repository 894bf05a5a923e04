//! Reports on the pending task of a reference (contract §2.4, §8.4).

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::{RunId, TaskState, view};
use podium_runtime::{EngineError, ReportRequest, Reported, RunView};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::{answer, existing_run};
use crate::convert;
use crate::dto::{ErrorResponse, ResultStatus, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(update_by_ref))).routes(closed(routes!(update_by_ref_sync)))
}

/// Report on the pending task of a reference.
///
/// The body is merged over the task's output.
#[utoipa::path(
    post, path = "/api/tasks/{workflowId}/{taskRefName}/{status}", operation_id = "updateTask1", tag = "task",
    params(
        ("workflowId" = String, Path),
        ("taskRefName" = String, Path),
        ("status" = String, Path, description = "IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED"),
        ("workerid" = Option<String>, Query),
    ),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "The task's id; empty if nothing is pending", body = String, content_type = "text/plain"),
        (status = 400, description = "No such status", body = ErrorResponse),
    )
)]
async fn update_by_ref(
    State(api): State<Api>,
    path: Segments<3>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [id, ref_name, status] = path.0;
    let status = parse_status(&status)?;
    let worker = Query::of(&uri).text("workerid")?.filter(|worker| !worker.trim().is_empty());
    let output = body.object()?;
    let Some((shown, task)) = pending(&api, &id, &ref_name).await? else { return Ok(answer::empty()) };
    // a blank worker id leaves the old one
    let worker = worker.map(Cow::into_owned).or_else(|| task.worker.as_deref().map(str::to_owned));
    let task_id = shown.run.task_id(task.no);
    let request = ReportRequest { worker, output, ..empty_report(&shown, &task, status) };
    match api.engine().report(request).await {
        Ok(Reported::Applied(_) | Reported::Ignored(_)) => Ok(answer::text(task_id.to_string())),
        Err(EngineError::NotFound(_)) => Ok(answer::empty()),
        Err(other) => Err(other.into()),
    }
}

/// Report on the pending task of a reference and get the workflow as it is then.
///
/// The body is merged over the task's output.
#[utoipa::path(
    post, path = "/api/tasks/{workflowId}/{taskRefName}/{status}/sync", operation_id = "updateTaskSync", tag = "task",
    params(
        ("workflowId" = String, Path),
        ("taskRefName" = String, Path),
        ("status" = String, Path, description = "IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED"),
        ("workerid" = Option<String>, Query),
    ),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "The workflow with its tasks", body = schema::Workflow),
        (status = 400, description = "No such status", body = ErrorResponse),
        (status = 404, description = "Nothing is pending", body = ErrorResponse),
    )
)]
async fn update_by_ref_sync(
    State(api): State<Api>,
    path: Segments<3>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [id, ref_name, status] = path.0;
    let status = parse_status(&status)?;
    let worker = Query::of(&uri).text("workerid")?.map(Cow::into_owned);
    let output = body.object()?;
    let none = || ApiError::not_found(format!("Found no running task {ref_name} of workflow {id} to update"));
    let (shown, task) = pending(&api, &id, &ref_name).await?.ok_or_else(none)?;
    let request = ReportRequest { worker, output, ..empty_report(&shown, &task, status) };
    match api.engine().report(request).await {
        Ok(Reported::Applied(_) | Reported::Ignored(_)) => {}
        Err(EngineError::NotFound(_)) => return Err(none()),
        Err(other) => return Err(other.into()),
    }
    let after = existing_run(&api, &id).await?;
    Ok(answer::json_text(convert::workflow_json(&after, true)))
}

pub(super) fn parse_status(word: &str) -> Result<ResultStatus, ApiError> {
    ResultStatus::parse(word).ok_or_else(|| {
        ApiError::bad_request(format!(
            "Method parameter 'status': Failed to convert value of type 'java.lang.String' to required type 'com.netflix.conductor.common.metadata.tasks.TaskResult$Status'; for value [{word}]"
        ))
    })
}

/// The first task of the reference that has not ended; a loop's task is also found without its iteration.
async fn pending(api: &Api, id: &str, ref_name: &str) -> Result<Option<(RunView, Arc<TaskState>)>, ApiError> {
    let Ok(run) = id.parse::<RunId>() else { return Ok(None) };
    let Some(shown) = api.engine().run(run).await? else { return Ok(None) };
    let rows = view::present(&shown.plan, &shown.run);
    let open = |row: &&Arc<TaskState>| !row.status.is_terminal();
    let exact = rows.iter().filter(open).find(|row| &*row.ref_name == ref_name);
    let found =
        exact.or_else(|| rows.iter().filter(open).find(|row| before_iteration(&row.ref_name) == ref_name));
    Ok(found.cloned().map(|task| (shown, task)))
}

/// What stands before the first `__`. References that contain it themselves are cut too, as in Conductor.
fn before_iteration(ref_name: &str) -> &str {
    ref_name.split("__").next().unwrap_or(ref_name)
}

fn empty_report(shown: &RunView, task: &TaskState, status: ResultStatus) -> ReportRequest {
    ReportRequest {
        run: shown.run.head.id,
        task: shown.run.task_id(task.no),
        status: status.task_status(),
        output: podium_core::Payload::empty(),
        merge_output: true,
        reason: None,
        worker: None,
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    }
}
