//! What operators ask a server (contract §2.7). Nothing here repairs: a run is changed by its own turns only.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use podium_core::RunId;
use podium_runtime::EngineError;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{By, Query, Segments};
use crate::state::Api;

const DEFAULT_COUNT: i32 = 100;
/// Tasks shown by one call.
const COUNT_AT_MOST: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(config)))
        .routes(closed(routes!(open_tasks)))
        .routes(closed(routes!(sweep)))
        .routes(closed(routes!(verify)))
        .routes(closed(routes!(event_queues)))
}

/// Get the settings of this server, secrets masked.
#[utoipa::path(
    get, path = "/api/admin/config", operation_id = "getAllConfig", tag = "admin",
    responses((
        status = 200, description = "Key → value; `version` is that of the dialect", body = BTreeMap<String, String>
    ))
)]
async fn config(State(api): State<Api>) -> Response {
    let mut shown = api.config().settings.clone();
    shown.insert("version".to_owned(), api.config().reported_version.clone());
    answer::json(&shown)
}

/// List the open tasks of a task definition.
#[utoipa::path(
    get, path = "/api/admin/task/{tasktype}", operation_id = "view", tag = "admin",
    params(
        ("tasktype" = String, Path, description = "Name of the task definition"),
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("count" = Option<i32>, Query, description = "How many; 100 if absent"),
    ),
    responses(
        (status = 200, description = "Those of the oldest workflows first", body = Vec<schema::Task>),
        (status = 400, description = "A negative number", body = ErrorResponse),
    )
)]
async fn open_tasks(State(api): State<Api>, path: Segments<1>, uri: Uri) -> Result<Response, ApiError> {
    let [def_name] = path.0;
    let query = Query::of(&uri);
    let number = |name: &'static str, default| -> Result<usize, ApiError> {
        let given = query.int(name)?.unwrap_or(default);
        usize::try_from(given)
            .map_err(|_| ApiError::bad_request(format!("{name} is {given}, it may not be negative")))
    };
    let (start, count) = (number("start", 0)?, number("count", DEFAULT_COUNT)?);
    if count == 0 {
        return Ok(answer::json_text("[]"));
    }
    let tasks = api.engine().open_tasks(&def_name, start, count.min(COUNT_AT_MOST)).await?;
    let tasks: Vec<_> = tasks.iter().map(|task| convert::shown_task(task).into_owned()).collect();
    Ok(answer::json_text(convert::tasks_json(&tasks)))
}

/// Look at a workflow at once.
///
/// No workflow ever waits for this. The answer is `false.` and the id: there was nothing to put into a queue.
#[utoipa::path(
    post, path = "/api/admin/sweep/requeue/{workflowId}", operation_id = "requeueSweep", tag = "admin",
    params(("workflowId" = String, Path)),
    responses((status = 200, description = "`false.<id>`", body = String, content_type = "text/plain"))
)]
async fn sweep(State(api): State<Api>, By(by): By, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    if let Ok(run) = id.parse::<RunId>() {
        match api.engine().by(by).look(run).await {
            // the id is not checked
            Ok(()) | Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(answer::text(format!("false.{id}")))
}

/// Repair a workflow.
///
/// There is nothing that could: every change of a workflow is one commit, so its rows never disagree.
#[utoipa::path(
    post, path = "/api/admin/consistency/verifyAndRepair/{workflowId}",
    operation_id = "verifyAndRepairWorkflowConsistency", tag = "admin",
    params(("workflowId" = String, Path)),
    responses((status = 409, description = "There is no such service", body = ErrorResponse))
)]
async fn verify(path: Segments<1>) -> Result<Response, ApiError> {
    let [_] = path.0;
    Err(ApiError::new(StatusCode::CONFLICT, "WorkflowRepairService is disabled."))
}

/// List the event queues that this server listens to.
#[utoipa::path(
    get, path = "/api/admin/queues", operation_id = "getEventQueues", tag = "admin",
    params(("verbose" = Option<bool>, Query, description = "With their sizes; false if absent")),
    responses((
        status = 200, description = "None: events come over Kafka, whose topics are no queues of this server",
        body = BTreeMap<String, String>
    ))
)]
async fn event_queues(uri: Uri) -> Result<Response, ApiError> {
    Query::of(&uri).bool("verbose", false)?;
    Ok(answer::json_text("{}"))
}
