//! Starting a workflow and waiting for it (contract §2.1 execute).

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use podium_runtime::{WaitRequest, Waited};
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::{answer, workflow_start};
use crate::convert;
use crate::dto::{ErrorResponse, ReturnStrategy, SignalResponse, StartWorkflowRequest, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments, mismatch, parse_int};
use crate::state::Api;

const DEFAULT_WAIT_SECONDS: i32 = 10;
/// Longer waits end here, with `signalTimeout`.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(execute)))
}

/// Start a workflow and wait until it ends or stands still.
///
/// It stands still at a WAIT without an end (also in a sub-workflow) and when one of the named tasks has ended. At the
/// time-out the workflow goes on and the answer has `signalTimeout`.
#[utoipa::path(
    post, path = "/api/workflow/execute/{name}/{version}", operation_id = "executeWorkflow", tag = "workflow",
    params(
        ("name" = String, Path),
        ("version" = i32, Path, description = "0 = the latest"),
        ("requestId" = Option<String>, Query, description = "Handed back; made up if absent"),
        ("waitUntilTaskRef" = Option<String>, Query, description = "Reference names, separated by commas"),
        ("waitForSeconds" = Option<i32>, Query, description = "10 if absent or 0; at most 300"),
        ("consistency" = Option<String>, Query, description = "Not looked at: every start is durable"),
        ("returnStrategy" = Option<String>, Query, description = "TARGET_WORKFLOW (if absent), BLOCKING_WORKFLOW, BLOCKING_TASK or BLOCKING_TASK_INPUT"),
    ),
    request_body = schema::StartWorkflowRequest,
    responses(
        (status = 200, description = "The workflow, or the task that it stands at", body = SignalResponse),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such definition", body = ErrorResponse),
        (status = 409, description = "A task was wanted but the workflow stands at none; it was started", body = ErrorResponse),
    )
)]
async fn execute(
    State(api): State<Api>,
    path: Segments<2>,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [name, version] = path.0;
    let version = parse_int(&version).ok_or_else(|| mismatch("version", "int", &version))?;
    let query = Query::of(&uri);
    let strategy = return_strategy(query)?;
    let seconds = query.int("waitForSeconds")?.filter(|s| *s != 0).unwrap_or(DEFAULT_WAIT_SECONDS);
    let until = query.list("waitUntilTaskRef")?;
    let request_id = query.text("requestId")?.filter(|id| !id.trim().is_empty());
    let request_id = request_id.map_or_else(new_id, std::borrow::Cow::into_owned);

    let mut request: StartWorkflowRequest = body.parse()?;
    request.name = Some(name);
    request.version = Some(version).filter(|version| *version != 0);
    if request.workflow_def.as_ref().is_some_and(|def| !def.is_null()) {
        mark_dynamic(&mut request.input);
    }
    let request = workflow_start::checked(&api, request).await?;
    let run = workflow_start::begin(&api, request).await?;
    let wait = WaitRequest {
        run,
        until,
        timeout: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).min(LONGEST_WAIT),
    };
    shown(&api.engine().wait(wait).await?, strategy, &request_id)
}

/// As recorded: the input of a workflow with its own definition says so, here and not for other starts.
fn mark_dynamic(input: &mut Option<Map<String, Value>>) {
    if let Some(input) = input {
        input.insert("_systemMetadata".to_owned(), json!({"dynamic": true}));
    }
}

/// What the call waited for, in the wanted form.
pub(super) fn shown(
    waited: &Waited,
    strategy: ReturnStrategy,
    request_id: &str,
) -> Result<Response, ApiError> {
    let json = convert::signal_response_json(waited, strategy, request_id).ok_or_else(|| {
        let head = &waited.target.run.head;
        let message = format!(
            "the workflow {} is {} and stands at no task that {} could show",
            head.id,
            head.status.as_str(),
            strategy.word()
        );
        ApiError::new(StatusCode::CONFLICT, message)
    })?;
    Ok(answer::json_text(json))
}

pub(super) fn return_strategy(query: Query<'_>) -> Result<ReturnStrategy, ApiError> {
    match query.text("returnStrategy")? {
        None => Ok(ReturnStrategy::default()),
        Some(word) if word.is_empty() => Ok(ReturnStrategy::default()),
        Some(word) => ReturnStrategy::parse(&word).ok_or_else(|| {
            mismatch("returnStrategy", "org.conductoross.conductor.common.model.ReturnStrategy", &word)
        }),
    }
}

/// An id for a request that has none.
pub(super) fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
