//! What was done to a workflow, and who asked.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::search::refuse_negative;
use super::workflow::{named, parsed};
use crate::convert;
use crate::dto::{ErrorResponse, WorkflowHistory};
use crate::error::ApiError;
use crate::extract::{Query, Segments};
use crate::state::Api;

/// All lines that are kept of one workflow.
const ROWS_AT_MOST: i32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(get_history)))
}

/// Get the account of a workflow.
///
/// One line for each operation that changed it, each answer of a worker that came too late for a task that was reset,
/// skipped, cancelled or timed out, each time-out and each fault; its usual way leaves none. Operations carry the headers
/// X-Podium-Actor (or X-Forwarded-User) and X-Podium-Reason, and where they came from. The first 500 lines and the latest
/// 500 are kept.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}/history", operation_id = "getWorkflowHistory", tag = "workflow",
    params(
        ("workflowId" = String, Path),
        ("start" = Option<i32>, Query, description = "First line of those that are kept; 0 if absent"),
        ("size" = Option<i32>, Query, description = "Lines, at most 1000; 100 if absent"),
    ),
    responses(
        (status = 200, description = "A page, oldest first", body = WorkflowHistory),
        (status = 400, description = "A parameter is negative or too large", body = ErrorResponse),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn get_history(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let (start, size) = page(Query::of(&uri), ROWS_AT_MOST)?;
    let run = parsed(&id)?;
    let history = api.engine().history(run, start, size).await.map_err(|error| named(error, &id))?;
    Ok(answer::json(&convert::history(run, &history)))
}

/// Where a page begins and how long it is.
pub(super) fn page(query: Query<'_>, at_most: i32) -> Result<(i64, i64), ApiError> {
    let start = query.int("start")?.unwrap_or(0);
    let size = query.int("size")?.unwrap_or(100);
    refuse_negative(start, size)?;
    if size > at_most {
        return Err(ApiError::bad_request(format!(
            "size is {size}, at most {at_most} can be asked for at once"
        )));
    }
    Ok((start.into(), size.into()))
}
