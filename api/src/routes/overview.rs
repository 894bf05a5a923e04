//! A workflow as its page shows it.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, WorkflowOverview};
use crate::error::ApiError;
use crate::extract::{Query, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(get_overview)))
}

/// Get a workflow as its page shows it.
///
/// Its definition and all of its tasks, without inputs and outputs: those of one task are in `GET /api/tasks/{taskId}`.
/// With `since` only the tasks that changed after that version, if the others can be told to be as they were: then `since` is
/// in the answer, and the definition, which is the same, is not.
#[utoipa::path(
    get, path = "/api/podium/workflows/{workflowId}/overview", operation_id = "getWorkflowOverview", tag = "podium",
    params(
        ("workflowId" = String, Path),
        ("since" = Option<i64>, Query, description = "The `version` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The workflow", body = WorkflowOverview),
        (status = 404, description = "No such workflow", body = ErrorResponse),
    )
)]
async fn get_overview(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let since = Query::of(&uri).long("since")?;
    let found = match id.parse() {
        Ok(run) => api.engine().overview(run, since).await?,
        Err(_) => None,
    };
    let shown = found.ok_or_else(|| ApiError::unknown_run(&id))?;
    Ok(answer::json_text(convert::overview_json(&shown, since)))
}
