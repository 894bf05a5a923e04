//! Starting workflows (contract §2.1).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use podium_core::RunId;
use podium_runtime::{Definition, EngineError, StartRequest};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert::{self, Wanted};
use crate::dto::{self, ErrorResponse, StartWorkflowRequest, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

/// Names the id of a new workflow.
const WORKFLOW_ID: &str = "x-podium-workflow-id";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(start)))
}

/// Start a workflow.
///
/// Answers with the id of the new workflow once its first tasks are stored.
#[utoipa::path(
    post, path = "/api/workflow", operation_id = "startWorkflow", tag = "workflow",
    request_body = schema::StartWorkflowRequest,
    responses(
        (status = 200, description = "The new workflow's id", body = String, content_type = "text/plain"),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such definition", body = ErrorResponse),
    )
)]
async fn start(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let request = checked(&api, body.parse()?).await?;
    Ok(answer::text(begin(&api, request).await?.to_string()))
}

/// The engine's request for what a caller asks to start, once it keeps every rule.
pub(super) async fn checked(api: &Api, mut request: StartWorkflowRequest) -> Result<StartRequest, ApiError> {
    let inline = match convert::definition_of(&mut request)? {
        Wanted::Registered => None,
        Wanted::Inline(raw) => {
            let def = dto::workflow_def(&raw)?;
            let prefix = "startWorkflow.arg0.workflowDef";
            let violations = convert::validate_workflow_def(api.engine(), &def, &raw, prefix).await?;
            convert::refuse_if_any(violations)?;
            Some(def)
        }
    };
    if let Some(def) = &inline {
        convert::check_names(def)?;
    }
    let request = convert::start(request, inline);
    check_sizes(api, &request)?;
    Ok(request)
}

/// Starts it; the error for an unknown definition has the words of the routes that take a whole request.
pub(super) async fn begin(api: &Api, request: StartRequest) -> Result<RunId, ApiError> {
    begun(api.engine().start(request).await)
}

/// What a start says.
pub(super) fn begun(started: Result<RunId, EngineError>) -> Result<RunId, ApiError> {
    match started {
        Ok(run) => Ok(run),
        // starting by name words it differently
        Err(EngineError::UnknownDefinition { name, version }) => {
            let version = version.map_or("null".to_owned(), |version| version.to_string());
            Err(ApiError::not_found(format!("No such workflow defined. name={name}, version={version}")))
        }
        Err(other) => Err(other.into()),
    }
}

/// Start a workflow by name; the body is its input.
///
/// It shares its path with the calls on one workflow, so the name stands where they have an id.
///
/// Answers with the id of the new workflow once its first tasks are stored.
#[utoipa::path(
    post, path = "/api/workflow/{workflowId}", operation_id = "startWorkflow1", tag = "workflow",
    params(
        ("workflowId" = String, Path, description = "Here: the name of the definition"),
        ("version" = Option<i32>, Query, description = "Version; the latest if absent"),
        ("correlationId" = Option<String>, Query, description = "Free text to find the workflow by"),
        ("priority" = Option<i32>, Query, description = "0 to 99; 0 if absent"),
        ("X-Podium-Workflow-Id" = Option<String>, Header,
            description = "The id that the new workflow shall have, a UUID of version 7 of about now whose last 20 bits are zero: asking again starts nothing more"),
    ),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "The new workflow's id", body = String, content_type = "text/plain"),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such definition", body = ErrorResponse),
        (status = 409, description = "The id is another workflow's", body = ErrorResponse),
    )
)]
pub(super) async fn start_by_name(
    State(api): State<Api>,
    path: Segments<1>,
    uri: Uri,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let [name] = path.0;
    let query = Query::of(&uri);
    let version = query.int("version")?;
    let priority = convert::check_priority(query.int("priority")?.unwrap_or(0))?;
    let request = StartRequest {
        definition: Definition::Registered { name, version },
        input: body.object()?,
        correlation_id: query.text("correlationId")?.map(std::borrow::Cow::into_owned),
        priority,
        task_to_domain: indexmap::IndexMap::new(),
        event: None,
        external_input: None,
    };
    check_sizes(&api, &request)?;
    let run = match wanted_id(&headers)? {
        None => api.engine().start(request).await?,
        Some(id) => {
            api.engine().start_named(request, id).await?;
            id
        }
    };
    Ok(answer::text(run.to_string()))
}

/// The id that the new workflow shall have.
fn wanted_id(headers: &HeaderMap) -> Result<Option<RunId>, ApiError> {
    let Some(header) = headers.get(WORKFLOW_ID) else { return Ok(None) };
    let text = String::from_utf8_lossy(header.as_bytes());
    let wrong = || {
        let message =
            format!("{WORKFLOW_ID} is {text:?}: send a UUID of version 7 whose last 20 bits are zero");
        ApiError::new(StatusCode::BAD_REQUEST, message)
    };
    let id: RunId = text.trim().parse().map_err(|_| wrong())?;
    if id.uuid().get_version_num() == 7 { Ok(Some(id)) } else { Err(wrong()) }
}

/// Refuses what is too large to be kept.
fn check_sizes(api: &Api, request: &StartRequest) -> Result<(), ApiError> {
    let mut domains = request.task_to_domain.values().flat_map(|list| list.split(','));
    domains.try_for_each(|domain| convert::check_key("a domain", domain))?;
    let (size, limit) = (request.input.size_bytes(), api.config().input_limit_bytes);
    if size > limit {
        let message =
            format!("The input payload size: {size} is greater than the permissible limit: {limit} bytes");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(())
}
