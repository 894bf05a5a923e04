//! Event queues that complete waiting tasks (contract §2.6).
//!
//! Only a server with a default event queue has any, and Podium has none: completions come over Kafka or by
//! updating a task. So the lists are empty, and an update says that there is nothing to put it into.

use axum::response::Response;
use podium_core::TaskStatus;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Segments, mismatch};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(sizes)))
        .routes(closed(routes!(names)))
        .routes(closed(routes!(update_by_task_id)))
        .routes(closed(routes!(update)))
}

/// Get the sizes of the default event queues.
#[utoipa::path(
    get, path = "/api/queue/size", operation_id = "size1", tag = "queue",
    responses((status = 200, description = "None: there are no such queues", body = BTreeMap<String, i64>))
)]
async fn sizes() -> Response {
    answer::json_text("{}")
}

/// Get the names of the default event queues.
#[utoipa::path(
    get, path = "/api/queue/", operation_id = "names", tag = "queue",
    responses((status = 200, description = "None: there are no such queues", body = BTreeMap<String, String>))
)]
async fn names() -> Response {
    answer::json_text("{}")
}

/// Publish an update for the task of a reference name.
#[utoipa::path(
    post, path = "/api/queue/update/{workflowId}/{taskRefName}/{status}", operation_id = "update1",
    tag = "queue",
    params(("workflowId" = String, Path), ("taskRefName" = String, Path), ("status" = String, Path)),
    request_body = schema::JsonObject,
    responses((status = 400, description = "There is no queue for that status", body = ErrorResponse))
)]
async fn update(path: Segments<3>, body: JsonBody) -> Result<Response, ApiError> {
    let [_, _, status] = path.0;
    Err(no_queue(&status, &body))
}

/// Publish an update for a task.
#[utoipa::path(
    post, path = "/api/queue/update/{workflowId}/task/{taskId}/{status}", operation_id = "updateByTaskId",
    tag = "queue",
    params(("workflowId" = String, Path), ("taskId" = String, Path), ("status" = String, Path)),
    request_body = schema::JsonObject,
    responses((status = 400, description = "There is no queue for that status", body = ErrorResponse))
)]
async fn update_by_task_id(path: Segments<3>, body: JsonBody) -> Result<Response, ApiError> {
    let [_, _, status] = path.0;
    Err(no_queue(&status, &body))
}

fn no_queue(status: &str, body: &JsonBody) -> ApiError {
    if !TaskStatus::ALL.iter().any(|known| known.as_str() == status) {
        return mismatch("status", "TaskModel.Status", status);
    }
    match body.object() {
        Ok(_) => ApiError::bad_request(format!("There is no queue for handling {status} status")),
        Err(unreadable) => unreadable,
    }
}
