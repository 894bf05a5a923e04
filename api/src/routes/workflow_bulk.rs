//! The same for many workflows at once (contract §2.2): each is done, or refused, for itself.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use futures::StreamExt;
use podium_core::{Asker, RunId, view};
use podium_runtime::{BulkVerb, Engine, Verb};
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::closed;
use super::workflow::parsed;
use super::{answer, bulk, existing_run};
use crate::convert;
use crate::dto::{BulkOperation, BulkResponse, ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{By, JsonBody, Query};
use crate::state::Api;

/// Workflows of one call.
const AT_MOST: usize = 1_000;
/// How many of a call's workflows are worked on at a time. Those of one id stay in order, because each is sent to the
/// writer of its run in turn.
const AT_ONCE: usize = 64;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(pause_all)))
        .routes(closed(routes!(resume_all)))
        .routes(closed(routes!(restart_all)))
        .routes(closed(routes!(retry_all)))
        .routes(closed(routes!(terminate_all)))
        .routes(closed(routes!(remove_all)))
        .routes(closed(routes!(terminate_remove_all)))
        .routes(closed(routes!(search_all)))
}

/// Pause workflows.
#[utoipa::path(
    put, path = "/api/workflow/bulk/pause", operation_id = "pauseWorkflow1", tag = "workflow-bulk",
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn pause_all(State(api): State<Api>, By(by): By, body: JsonBody) -> Result<Response, ApiError> {
    done(&api, by, &body, "pauseWorkflow", BulkVerb::Pause).await
}

/// Resume workflows.
#[utoipa::path(
    put, path = "/api/workflow/bulk/resume", operation_id = "resumeWorkflow1", tag = "workflow-bulk",
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn resume_all(State(api): State<Api>, By(by): By, body: JsonBody) -> Result<Response, ApiError> {
    done(&api, by, &body, "resumeWorkflow", BulkVerb::Resume).await
}

/// Restart workflows.
#[utoipa::path(
    post, path = "/api/workflow/bulk/restart", operation_id = "restart1", tag = "workflow-bulk",
    params(("useLatestDefinitions" = Option<bool>, Query, description = "False if absent")),
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn restart_all(
    State(api): State<Api>,
    By(by): By,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let latest = Query::of(&uri).bool("useLatestDefinitions", false)?;
    done(&api, by, &body, "restart", BulkVerb::Restart { latest }).await
}

/// Retry the failed tasks of workflows.
#[utoipa::path(
    post, path = "/api/workflow/bulk/retry", operation_id = "retry1", tag = "workflow-bulk",
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn retry_all(State(api): State<Api>, By(by): By, body: JsonBody) -> Result<Response, ApiError> {
    done(&api, by, &body, "retry", BulkVerb::Retry).await
}

/// Terminate workflows.
#[utoipa::path(
    post, path = "/api/workflow/bulk/terminate", operation_id = "terminate", tag = "workflow-bulk",
    params(("reason" = Option<String>, Query)),
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn terminate_all(
    State(api): State<Api>,
    By(by): By,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let reason = reason(&uri)?;
    done(&api, by, &body, "terminate", BulkVerb::Terminate { reason }).await
}

/// Remove workflows.
#[utoipa::path(
    delete, path = "/api/workflow/bulk/remove", operation_id = "delete", tag = "workflow-bulk",
    params(("archiveWorkflow" = Option<bool>, Query, description = "True if absent")),
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn remove_all(
    State(api): State<Api>,
    By(by): By,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let archive = Query::of(&uri).bool("archiveWorkflow", true)?;
    done(&api, by, &body, "deleteWorkflow", BulkVerb::Remove { archive }).await
}

/// Terminate workflows and remove them.
///
/// One for which both was done is in the list of successes twice. One that could not be terminated is not removed.
#[utoipa::path(
    delete, path = "/api/workflow/bulk/terminate-remove", operation_id = "terminateRemove", tag = "workflow-bulk",
    params(
        ("reason" = Option<String>, Query),
        ("archiveWorkflow" = Option<bool>, Query, description = "True if absent"),
    ),
    request_body(content = Vec<String>, description = "Ids; or an object with `query`, `freeText`, `sort`, `cap` (10000 if absent) and `operationId`: then it is done to what a search finds"),
    responses(
        (status = 200, description = "What became of each", body = BulkResponse),
        (status = 202, description = "Asked with a query: the operation, which goes on by itself", body = BulkOperation),
        (status = 409, description = "Asked with the id of another operation", body = ErrorResponse),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn terminate_remove_all(
    State(api): State<Api>,
    By(by): By,
    uri: Uri,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let reason = reason(&uri)?;
    let archive = Query::of(&uri).bool("archiveWorkflow", true)?;
    done(&api, by, &body, "terminateRemove", BulkVerb::TerminateRemove { reason, archive }).await
}

/// Get workflows in the form of the engine's own model.
#[utoipa::path(
    post, path = "/api/workflow/bulk/search", operation_id = "searchWorkflows", tag = "workflow-bulk",
    params(("includeTasks" = Option<bool>, Query, description = "True if absent")),
    request_body = Vec<String>,
    responses(
        (status = 200, description = "The workflows that there are, and why the others are not", body = schema::JsonObject),
        (status = 400, description = "No ids, or too many", body = ErrorResponse),
    )
)]
async fn search_all(State(api): State<Api>, uri: Uri, body: JsonBody) -> Result<Response, ApiError> {
    let with_tasks = Query::of(&uri).bool("includeTasks", true)?;
    let ids = ids(&body, "searchWorkflow")?;
    let mut found = Vec::with_capacity(ids.len());
    let mut errors = Map::new();
    for id in ids {
        match existing_run(&api, &id).await {
            Ok(run) => {
                let shown = convert::shown_run(&run);
                found.push(view::model(&shown.plan, &shown.run, with_tasks));
            }
            Err(error) => {
                errors.insert(id, Value::from(error.message()));
            }
        }
    }
    Ok(answer::json(&json!({"bulkErrorResults": errors, "bulkSuccessfulResults": found})))
}

fn reason(uri: &Uri) -> Result<Option<String>, ApiError> {
    Ok(Query::of(uri).text("reason")?.map(std::borrow::Cow::into_owned))
}

/// The ids of a body; numbers and booleans count as their text.
fn ids(body: &JsonBody, operation: &str) -> Result<Vec<String>, ApiError> {
    let list = super::texts(body)?;
    let refused = |why: &str| Err(ApiError::violation(&format!("{operation}.arg0"), why, None));
    if list.is_empty() {
        return refused("WorkflowIds list cannot be null.");
    }
    if list.len() > AT_MOST {
        return refused("Cannot process more than 1000 workflows. Please use multiple requests.");
    }
    Ok(list)
}

/// Does it to each id of a list, or begins an operation on what the query of an object finds.
async fn done(
    api: &Api,
    by: Asker,
    body: &JsonBody,
    operation: &str,
    verb: BulkVerb,
) -> Result<Response, ApiError> {
    if body.is_object() {
        return bulk::begin(api, by, verb, body).await;
    }
    let ids = ids(body, operation)?;
    // as in Conductor, what was done in two steps is listed twice
    let times = if matches!(verb, BulkVerb::TerminateRemove { .. }) { 2 } else { 1 };
    let (engine, verb) = (api.engine().by(by), &verb);
    let calls = ids.into_iter().map(|id| {
        let engine = engine.clone();
        async move {
            let done = match parsed(&id) {
                Ok(run) => act(&engine, run, verb).await,
                Err(unknown) => Err(unknown),
            };
            (id, done)
        }
    });
    let mut calls = futures::stream::iter(calls).buffered(AT_ONCE);
    let mut answer = BulkResponse::default();
    while let Some((id, done)) = calls.next().await {
        match done {
            Ok(()) => answer.bulk_successful_results.extend(std::iter::repeat_n(id, times)),
            Err(error) => answer.failed(Some(id), error.message()),
        }
    }
    Ok(answer::json(&answer))
}

async fn act(engine: &Engine, run: RunId, verb: &BulkVerb) -> Result<(), ApiError> {
    match verb {
        BulkVerb::Pause => engine.pause(run).await?,
        BulkVerb::Resume => engine.resume(run).await?,
        BulkVerb::Restart { latest } => engine.operate(run, Verb::Restart { latest: *latest }).await?,
        BulkVerb::Retry => engine.operate(run, Verb::Retry { resume_children: false }).await?,
        BulkVerb::Terminate { reason } => engine.terminate(run, reason.clone()).await?,
        BulkVerb::Remove { archive } => engine.remove(run, *archive).await?,
        BulkVerb::TerminateRemove { reason, archive } => {
            engine.terminate(run, reason.clone()).await?;
            engine.remove(run, *archive).await?;
        }
    }
    Ok(())
}
