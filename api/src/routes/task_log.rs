//! Logs of tasks (contract §2.4, §8.6).

use axum::extract::{Request, State};
use axum::response::Response;
use podium_core::LogLine;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert::Clock;
use crate::dto::{ErrorResponse, TaskExecLog};
use crate::error::ApiError;
use crate::extract::{Segments, read_body};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(append, list)))
}

/// Append a line to the log of a task.
///
/// The body is kept as it is, whatever its content type says. The task need not exist.
#[utoipa::path(
    post, path = "/api/tasks/{taskId}/log", operation_id = "log", tag = "task",
    params(("taskId" = String, Path)),
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 200, description = "Appended"),
        (status = 400, description = "The line is empty", body = ErrorResponse),
    )
)]
async fn append(State(api): State<Api>, path: Segments<1>, request: Request) -> Result<Response, ApiError> {
    let [id] = path.0;
    let bytes = read_body(request.into_body(), api.config()).await?;
    if bytes.is_empty() {
        return Err(ApiError::bad_request("Required request body is missing"));
    }
    // PostgreSQL keeps no U+0000, and a log line is for people
    let text = String::from_utf8_lossy(&bytes).replace('\0', "\u{FFFD}");
    api.engine().append_log(&id, LogLine { text, at: Clock.now() }).await?;
    Ok(answer::empty())
}

/// Get the log of a task.
#[utoipa::path(
    get, path = "/api/tasks/{taskId}/log", operation_id = "getTaskLogs", tag = "task",
    params(("taskId" = String, Path)),
    responses(
        (status = 200, description = "Its lines, oldest first", body = Vec<TaskExecLog>),
        (status = 204, description = "There are none (an empty list with the setting `compat_3_15`)"),
    )
)]
async fn list(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    let lines = api.engine().logs(&id).await?;
    if lines.is_empty() && !api.config().compat_3_15 {
        return Ok(answer::no_content());
    }
    let lines: Vec<_> = lines.into_iter().map(|line| TaskExecLog::new(&id, line)).collect();
    Ok(answer::json(&lines))
}
