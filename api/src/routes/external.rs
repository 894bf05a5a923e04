//! Payloads that are too large to be sent inside of a request (contract §2.1, §2.4, §2.8, §8.8).
//!
//! ```text
//! GET  …/externalstoragelocation   where to put or get a payload: {uri, path}
//! PUT  {uri}                       the payload, one JSON object
//! POST a start or a report that names the path
//! ```
//!
//! The address is one of this API, or a signed one of a bucket (`external_payloads.store = "s3"`).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::answer;
use super::closed::closed;
use crate::dto::{ErrorResponse, ExternalStorageLocation, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

/// What the address of a payload begins with.
const BASE: &str = "/api/external/postgres/";
/// What an address without a payload answers.
const NOTHING_THERE: &str =
    r#"{"Error": "Data with this ID does not exist or has been deleted from the external storage."}"#;
const OPERATIONS: [&str; 2] = ["READ", "WRITE"];
const PAYLOAD_TYPES: [&str; 4] = ["WORKFLOW_INPUT", "WORKFLOW_OUTPUT", "TASK_INPUT", "TASK_OUTPUT"];

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(of_workflow)))
        .routes(closed(routes!(of_workflow_dashed)))
        .routes(closed(routes!(of_task)))
        .routes(closed(routes!(of_task_dashed)))
        .routes(closed(routes!(get, put)))
}

/// Get the address for a payload of a workflow.
#[utoipa::path(
    get, path = "/api/workflow/externalstoragelocation", operation_id = "getExternalStorageLocation",
    tag = "workflow",
    params(
        ("path" = String, Query, description = "Of the payload; empty = a new one"),
        ("operation" = String, Query, description = "READ or WRITE, in any case"),
        ("payloadType" = String, Query, description = "WORKFLOW_INPUT, WORKFLOW_OUTPUT, TASK_INPUT or TASK_OUTPUT, in any case"),
    ),
    responses(
        (status = 200, description = "The address", body = ExternalStorageLocation),
        (status = 400, description = "A word that does not exist", body = ErrorResponse),
        (status = 409, description = "WRITE for the path of a workflow's own payload, with payloads in a bucket", body = ErrorResponse),
        (status = 503, description = "The bucket is away", body = ErrorResponse),
    )
)]
async fn of_workflow(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    location(&api, &uri).await
}

/// Get the address for a payload of a workflow.
#[utoipa::path(
    get, path = "/api/workflow/external-storage-location", operation_id = "getExternalStorageLocationAlias",
    tag = "workflow",
    params(("path" = String, Query), ("operation" = String, Query), ("payloadType" = String, Query)),
    responses(
        (status = 200, description = "The address", body = ExternalStorageLocation),
        (status = 400, description = "A word that does not exist", body = ErrorResponse),
        (status = 409, description = "WRITE for the path of a workflow's own payload, with payloads in a bucket", body = ErrorResponse),
        (status = 503, description = "The bucket is away", body = ErrorResponse),
    )
)]
async fn of_workflow_dashed(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    location(&api, &uri).await
}

/// Get the address for a payload of a task.
#[utoipa::path(
    get, path = "/api/tasks/externalstoragelocation", operation_id = "getExternalStorageLocation1", tag = "task",
    params(("path" = String, Query), ("operation" = String, Query), ("payloadType" = String, Query)),
    responses(
        (status = 200, description = "The address", body = ExternalStorageLocation),
        (status = 400, description = "A word that does not exist", body = ErrorResponse),
        (status = 409, description = "WRITE for the path of a workflow's own payload, with payloads in a bucket", body = ErrorResponse),
        (status = 503, description = "The bucket is away", body = ErrorResponse),
    )
)]
async fn of_task(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    location(&api, &uri).await
}

/// Get the address for a payload of a task.
#[utoipa::path(
    get, path = "/api/tasks/external-storage-location", operation_id = "getExternalStorageLocationAlias1", tag = "task",
    params(("path" = String, Query), ("operation" = String, Query), ("payloadType" = String, Query)),
    responses(
        (status = 200, description = "The address", body = ExternalStorageLocation),
        (status = 400, description = "A word that does not exist", body = ErrorResponse),
        (status = 409, description = "WRITE for the path of a workflow's own payload, with payloads in a bucket", body = ErrorResponse),
        (status = 503, description = "The bucket is away", body = ErrorResponse),
    )
)]
async fn of_task_dashed(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    location(&api, &uri).await
}

async fn location(api: &Api, uri: &Uri) -> Result<Response, ApiError> {
    let query = Query::of(uri);
    let path = query.required("path")?;
    let (operation, payload_type) = (query.required("operation")?, query.required("payloadType")?);
    let known = |words: &[&str], given: &str| words.iter().any(|word| word.eq_ignore_ascii_case(given));
    if !known(&OPERATIONS, &operation) || !known(&PAYLOAD_TYPES, &payload_type) {
        return Err(ApiError::bad_request(format!(
            "Invalid input - Operation: {operation}, PayloadType: {payload_type}"
        )));
    }
    let path = if path.is_empty() { format!("{}.json", Uuid::now_v7()) } else { path.into_owned() };
    let outside = if operation.eq_ignore_ascii_case("WRITE") {
        api.engine().address_to_put(&path).await?
    } else {
        api.engine().address_to_get(&path).await?
    };
    let uri = outside.unwrap_or_else(|| format!("{BASE}{path}"));
    Ok(answer::json(&ExternalStorageLocation { uri, path }))
}

/// Get a payload by its path.
///
/// A path without a payload answers with a text that says so, and 200 as existing servers do.
#[utoipa::path(
    get, path = "/api/external/postgres/{externalPayloadPath}", operation_id = "getExternalStorageData",
    tag = "external payload",
    params(("externalPayloadPath" = String, Path)),
    responses((status = 200, description = "As it was stored", body = schema::JsonObject))
)]
async fn get(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [path] = path.0;
    match api.engine().external(&path).await? {
        Some(payload) => Ok(answer::json_text(payload.text().to_owned())),
        None => Ok(answer::json_text(NOTHING_THERE)),
    }
}

/// Store a payload under a path.
///
/// A start or a report that names the path takes a copy of it.
#[utoipa::path(
    put, path = "/api/external/postgres/{externalPayloadPath}", operation_id = "putExternalStorageData",
    tag = "external payload",
    params(("externalPayloadPath" = String, Path)),
    request_body = schema::JsonObject,
    responses(
        (status = 200, description = "Stored"),
        (status = 400, description = "It is no JSON object", body = ErrorResponse),
        (status = 409, description = "The path is that of a workflow's own payload", body = ErrorResponse),
    )
)]
async fn put(
    State(api): State<Api>,
    path: Segments<1>,
    request: axum::extract::Request,
) -> Result<Response, ApiError> {
    let [path] = path.0;
    // clients that know presigned addresses send no content type, or that of bytes
    let bytes = crate::extract::read_body(request.into_body(), api.config()).await?;
    api.engine().put_external(&path, &JsonBody::new(bytes)?.object()?).await?;
    Ok(answer::empty())
}
