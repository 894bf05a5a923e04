//! How all queues stand at once.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::QueueStatuses;
use crate::error::ApiError;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(queues)))
}

/// Get what waits in each queue, what workers hold of it, and who polls it.
///
/// Polls of this node are shown at once, those of other nodes within half a minute.
#[utoipa::path(
    get, path = "/api/podium/queues", operation_id = "getQueues", tag = "podium",
    responses((status = 200, description = "All queues with tasks or workers", body = QueueStatuses))
)]
async fn queues(State(api): State<Api>) -> Result<Response, ApiError> {
    Ok(answer::json(&QueueStatuses::from(api.engine().queue_states().await?)))
}
