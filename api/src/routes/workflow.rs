//! Looking at workflows and ending them (contract §2.1).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::RunId;
use podium_runtime::EngineError;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::{answer, existing_run, workflow_start};
use crate::convert::{self, TaskPage};
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{By, Query, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(get_workflow, terminate, workflow_start::start_by_name)))
        .routes(closed(routes!(get_tasks)))
        .routes(closed(routes!(get_status)))
        .routes(closed(routes!(decide)))
}

/// Get a workflow.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}", operation_id = "getExecutionStatus", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("includeTasks" = Option<bool>, Query, description = "With its tasks; true if absent"),
    ),
    responses(
        (status = 200, description = "The workflow", body = schema::Workflow),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn get_workflow(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let with_tasks = Query::of(&uri).bool("includeTasks", true)?;
    let shown = existing_run(&api, &id).await?;
    Ok(answer::json_text(convert::workflow_json(&shown, with_tasks)))
}

/// Terminate a workflow.
#[utoipa::path(
    delete, path = "/api/workflow/{workflowId}", operation_id = "terminate1", tag = "workflow",
    params(("workflowId" = String, Path), ("reason" = Option<String>, Query)),
    responses(
        (status = 200, description = "Terminated, or it was already"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
        (status = 409, description = "It is completed", body = ErrorResponse),
    )
)]
async fn terminate(
    State(api): State<Api>,
    By(by): By,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [id] = path.0;
    let reason = Query::of(&uri).text("reason")?.map(std::borrow::Cow::into_owned);
    let run = parsed(&id)?;
    api.engine().by(by).terminate(run, reason).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

/// Get the tasks of a workflow, page by page.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}/tasks", operation_id = "getExecutionStatusTaskList", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("count" = Option<i32>, Query, description = "How many; 15 if absent"),
        ("status" = Option<Vec<String>>, Query, description = "Only these; repeated or separated by commas"),
    ),
    responses(
        (status = 200, description = "A page; `totalHits` counts all that match", body = schema::SearchResultTask),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn get_tasks(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let page = TaskPage {
        start: query.int("start")?.unwrap_or(0),
        count: query.int("count")?.unwrap_or(15),
        statuses: query.list("status")?,
    };
    let shown = existing_run(&api, &id).await?;
    convert::tasks_page_json(&shown, &page).map(answer::json_text)
}

/// Get the status of a workflow.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}/status", operation_id = "getWorkflowStatusSummary", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("includeOutput" = Option<bool>, Query),
        ("includeVariables" = Option<bool>, Query),
    ),
    responses(
        (status = 200, description = "The status", body = schema::WorkflowStatus),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn get_status(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let with_output = query.bool("includeOutput", false)?;
    let with_variables = query.bool("includeVariables", false)?;
    let shown = existing_run(&api, &id).await?;
    Ok(answer::json_text(convert::workflow_status_json(&shown, with_output, with_variables)))
}

/// Decide a workflow again.
///
/// Nothing ever waits for this call; it is there because tools use it.
#[utoipa::path(
    put, path = "/api/workflow/decide/{workflowId}", operation_id = "decide", tag = "workflow",
    params(("workflowId" = String, Path)),
    responses(
        (status = 200, description = "Decided"),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn decide(State(api): State<Api>, By(by): By, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    let run = parsed(&id)?;
    api.engine().by(by).look(run).await.map_err(|error| named(error, &id))?;
    Ok(answer::empty())
}

pub(super) fn parsed(id: &str) -> Result<RunId, ApiError> {
    id.parse().map_err(|_| ApiError::unknown_run(id))
}

/// An unknown run is named as the caller wrote it.
pub(super) fn named(error: EngineError, id: &str) -> ApiError {
    match error {
        EngineError::NotFound(text) if text.starts_with("No such workflow found by id") => {
            ApiError::unknown_run(id)
        }
        other => other.into(),
    }
}
