//! Why a workflow does not go on.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, WorkflowExplanation};
use crate::error::ApiError;
use crate::extract::Segments;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(explain)))
}

/// Ask why a workflow does not go on.
///
/// What it waits for, since when, and what would make it go on; of a workflow that has ended, why it has. Sentences are for
/// people; `kind` and the other members are for programs.
#[utoipa::path(
    get, path = "/api/workflow/{workflowId}/explain", operation_id = "explainWorkflow", tag = "podium",
    params(("workflowId" = String, Path)),
    responses(
        (status = 200, description = "What it waits for", body = WorkflowExplanation),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn explain(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    let found = match id.parse() {
        Ok(run) => api.engine().explain(run).await?,
        Err(_) => None,
    };
    let explained = found.ok_or_else(|| ApiError::unknown_run(&id))?;
    Ok(answer::json(&convert::explanation(explained)))
}
