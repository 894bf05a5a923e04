//! Signals to the WAIT that a workflow stands at (contract §2.4, §8.5).
//!
//! The paths share their second variable with those of updates by reference, where a reference name stands; here it is
//! the status.

use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::RunId;
use podium_runtime::{EngineError, WaitRequest};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::task_by_ref::parse_status;
use super::workflow_execute::{new_id, return_strategy, shown};
use crate::dto::{ErrorResponse, ResultStatus, SignalResponse, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

const DEFAULT_WAIT_MS: i32 = 5_000;
/// Longer waits end here, with `signalTimeout`.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(signal))).routes(closed(routes!(signal_sync)))
}

/// Report on the first open WAIT of a workflow or of its sub-workflows.
///
/// The body is merged over the task's output. A workflow without an open WAIT is no error.
#[utoipa::path(
    post, path = "/api/tasks/{workflowId}/{taskRefName}/signal", operation_id = "signalWorkflowTaskASync", tag = "task",
    params(
        ("workflowId" = String, Path),
        ("taskRefName" = String, Path, description = "Here the status: IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED"),
    ),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "Stored, or nothing waits"),
        (status = 400, description = "No such status", body = ErrorResponse),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn signal(State(api): State<Api>, path: Segments<2>, body: JsonBody) -> Result<Response, ApiError> {
    let [id, status] = path.0;
    let status = parse_status(&status)?;
    send(&api, &id, status, &body).await?;
    Ok(answer::empty())
}

/// Report on the first open WAIT of a workflow or of its sub-workflows, and wait until the workflow ends or stands
/// still again.
///
/// The body is merged over the task's output. At the time-out the answer has `signalTimeout`.
#[utoipa::path(
    post, path = "/api/tasks/{workflowId}/{taskRefName}/signal/sync", operation_id = "signalWorkflowTaskSync", tag = "task",
    params(
        ("workflowId" = String, Path),
        ("taskRefName" = String, Path, description = "Here the status: IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED"),
        ("returnStrategy" = Option<String>, Query, description = "TARGET_WORKFLOW (if absent), BLOCKING_WORKFLOW, BLOCKING_TASK or BLOCKING_TASK_INPUT"),
        ("timeoutMillis" = Option<i32>, Query, description = "5000 if absent; at most 300000"),
    ),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "The workflow, or the task that it stands at", body = SignalResponse),
        (status = 400, description = "No such status or strategy", body = ErrorResponse),
        (status = 404, description = "No such workflow, or nothing waits", body = ErrorResponse),
        (status = 409, description = "A task was wanted but the workflow stands at none; the signal is stored", body = ErrorResponse),
    )
)]
async fn signal_sync(
    State(api): State<Api>,
    path: Segments<2>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [id, status] = path.0;
    let status = parse_status(&status)?;
    let query = Query::of(&uri);
    let strategy = return_strategy(query)?;
    let timeout_ms = query.int("timeoutMillis")?.unwrap_or(DEFAULT_WAIT_MS);
    let Some(run) = send(&api, &id, status, &body).await? else {
        return Err(ApiError::not_found(format!("Found no blocked task in workflow {id} to signal")));
    };
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0)).min(LONGEST_WAIT);
    let waited = api.engine().wait(WaitRequest { run, until: Vec::new(), timeout }).await?;
    shown(&waited, strategy, &new_id())
}

/// The workflow whose WAIT has got the signal; `None` if nothing waits.
async fn send(api: &Api, id: &str, status: ResultStatus, body: &JsonBody) -> Result<Option<RunId>, ApiError> {
    let output = body.object()?;
    let run = id.parse::<RunId>().map_err(|_| ApiError::unknown_run(id))?;
    match api.engine().signal(run, status.task_status(), output).await {
        Ok(sent) => Ok(sent.then_some(run)),
        Err(EngineError::NotFound(_)) => Err(ApiError::unknown_run(id)),
        Err(other) => Err(other.into()),
    }
}
