//! One verb on all workflows that a search finds: it begins with a call of `workflow_bulk` and goes on by itself.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use podium_core::Asker;
use podium_core::search::{Scope, parse_sort};
use podium_runtime::{BulkRequest, BulkState, BulkVerb, SearchQuery};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::history::page;
use super::{answer, search};
use crate::convert;
use crate::dto::{BulkOperation, BulkOperationResults, BulkQuery, ErrorResponse};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments, mismatch};
use crate::state::Api;

/// Workflows of an operation whose caller does not say.
const CAP: i64 = 10_000;
const ROWS_AT_MOST: i32 = 5_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(list)))
        .routes(closed(routes!(get, stop)))
        .routes(closed(routes!(results)))
}

/// Begins an operation on what the query of the body finds. The list of workflows is durable with the answer.
pub(super) async fn begin(
    api: &Api,
    by: Asker,
    verb: BulkVerb,
    body: &JsonBody,
) -> Result<Response, ApiError> {
    let asked: BulkQuery = body.parse()?;
    let request = BulkRequest {
        verb,
        query: asked.query.unwrap_or_default(),
        free_text: asked.free_text.unwrap_or_default(),
        sort: asked.sort.unwrap_or_default(),
        cap: asked.cap.unwrap_or(CAP),
    };
    let query = SearchQuery {
        filter: search::filter(Scope::Runs, &request.query, &request.free_text)?,
        sort: parse_sort(Scope::Runs, &request.sort),
        start: 0,
        size: request.cap,
        count: true,
    };
    let begun = api.engine().by(by).begin_bulk(asked.operation_id, request, query).await?;
    let mut response = answer::json(&convert::bulk(&begun));
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// List the operations on many workflows, newest first.
///
/// Those that ended more than a month ago are forgotten.
#[utoipa::path(
    get, path = "/api/workflow/bulk/operation", operation_id = "getBulkOperations", tag = "workflow-bulk",
    params(
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many, at most 100; 100 if absent"),
    ),
    responses(
        (status = 200, description = "They, as they stand", body = Vec<BulkOperation>),
        (status = 400, description = "A parameter is negative or too large", body = ErrorResponse),
    )
)]
async fn list(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let (start, size) = page(Query::of(&uri), 100)?;
    let found = api.engine().bulks(start, size).await?;
    Ok(answer::json(&found.iter().map(convert::bulk).collect::<Vec<_>>()))
}

/// Get an operation on many workflows, as it stands.
#[utoipa::path(
    get, path = "/api/workflow/bulk/operation/{operationId}", operation_id = "getBulkOperation", tag = "workflow-bulk",
    params(("operationId" = String, Path)),
    responses(
        (status = 200, description = "What has been done so far", body = BulkOperation),
        (status = 404, description = "No such operation", body = ErrorResponse),
    )
)]
async fn get(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    Ok(answer::json(&convert::bulk(&api.engine().bulk(&id).await?)))
}

/// Stop an operation on many workflows.
///
/// What is under way is done; workflows that had no turn stay as they are. One that has ended stays as it is.
#[utoipa::path(
    delete, path = "/api/workflow/bulk/operation/{operationId}", operation_id = "stopBulkOperation", tag = "workflow-bulk",
    params(("operationId" = String, Path)),
    responses(
        (status = 200, description = "It is over", body = BulkOperation),
        (status = 404, description = "No such operation", body = ErrorResponse),
    )
)]
async fn stop(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    api.engine().stop_bulk(&id).await?;
    Ok(answer::json(&convert::bulk(&api.engine().bulk(&id).await?)))
}

/// Get what became of each workflow of an operation.
#[utoipa::path(
    get, path = "/api/workflow/bulk/operation/{operationId}/results", operation_id = "getBulkOperationResults", tag = "workflow-bulk",
    params(
        ("operationId" = String, Path),
        ("status" = Option<String>, Query, description = "Only PENDING, SUCCEEDED, FAILED or STOPPED ones"),
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many, at most 5000; 100 if absent"),
    ),
    responses(
        (status = 200, description = "A page", body = BulkOperationResults),
        (status = 400, description = "A parameter cannot be read", body = ErrorResponse),
        (status = 404, description = "No such operation", body = ErrorResponse),
    )
)]
async fn results(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [id] = path.0;
    let query = Query::of(&uri);
    let (start, size) = page(query, ROWS_AT_MOST)?;
    let state = match query.text("status")?.as_deref() {
        None | Some("") => None,
        Some(name) => {
            let state = BulkState::ALL.into_iter().find(|state| convert::bulk_state(*state) == name);
            Some(state.ok_or_else(|| mismatch("status", "Status", name))?)
        }
    };
    let runs = api.engine().bulk_runs(&id, state, start, size).await?;
    if runs.is_empty() {
        // says so if there is no such operation
        api.engine().bulk(&id).await?;
    }
    let results = runs.into_iter().map(convert::bulk_result).collect();
    Ok(answer::json(&BulkOperationResults { operation_id: id, results }))
}
