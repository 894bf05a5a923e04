//! Playing a workflow with made-up results (contract §2.1 test, §9).

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed_but_get;
use super::workflow_execute::new_id;
use super::{answer, existing_run, workflow_start};
use crate::convert;
use crate::dto::{ErrorResponse, StartWorkflowRequest, WorkflowTestRequest, schema};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed_but_get(routes!(test), get_workflow_named_test))
}

/// Play a workflow with made-up results instead of workers.
///
/// A real workflow is started whose tasks no worker gets. It is answered once it has ended or a task waits for a result
/// that the request does not have; then it stays open.
#[utoipa::path(
    post, path = "/api/workflow/test", operation_id = "testWorkflow", tag = "workflow",
    request_body = schema::WorkflowTestRequest,
    responses(
        (status = 200, description = "The workflow with its tasks", body = schema::Workflow),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn test(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let mut request: StartWorkflowRequest = body.parse()?;
    let rehearsal = convert::rehearsal(body.parse::<WorkflowTestRequest>()?)?;
    // nobody polls in a domain that was made up just now
    request.task_to_domain.insert("*".to_owned(), new_id());
    let request = workflow_start::checked(&api, request).await?;
    let run = workflow_start::begun(api.engine().start_rehearsal(request).await)?;
    let shown = api.engine().rehearse(run, rehearsal).await?;
    Ok(answer::json_text(convert::workflow_json(&shown, true)))
}

/// `test` is an id like any other that does not exist.
async fn get_workflow_named_test(State(api): State<Api>) -> Result<Response, ApiError> {
    existing_run(&api, "test").await.map(|shown| answer::json_text(convert::workflow_json(&shown, true)))
}
