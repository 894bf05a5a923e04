//! Reports on tasks, and looking at one (contract §2.4, §8.2, §8.3).

use axum::extract::{Extension, State};
use axum::response::Response;
use podium_core::{RunId, TaskId};
use podium_runtime::{EngineError, PollRequest, Reported, TaskView};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::closed::{closed, closed_but_get};
use super::task_poll::{SINGLE_POLL_WAIT, one_task};
use super::{answer, existing_run};
use crate::convert;
use crate::delivery::Connection;
use crate::dto::{ErrorResponse, TaskResult, schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(update)))
        .routes(closed_but_get(routes!(update_v2), get_task_named_update_v2))
        .routes(closed(routes!(get_task)))
}

/// Report on a task.
///
/// A report on a task that has already ended changes nothing and is no error.
#[utoipa::path(
    post, path = "/api/tasks", operation_id = "updateTask", tag = "task",
    request_body = schema::TaskResult,
    responses(
        (status = 200, description = "The task id of the request", body = String, content_type = "text/plain"),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such workflow or task", body = ErrorResponse),
    )
)]
async fn update(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    let result = TaskResult::read(&body)?;
    let task_id = convert::reported_ids(&result)?.1.to_owned();
    report(&api, result).await?;
    Ok(answer::text(task_id))
}

/// Report on a task and take the next one of the same type and domain.
#[utoipa::path(
    post, path = "/api/tasks/update-v2", operation_id = "updateTaskV2", tag = "task",
    request_body = schema::TaskResult,
    responses(
        (status = 200, description = "The next task, now leased to the worker", body = schema::Task),
        (status = 204, description = "No task is ready, or the reported one has not ended"),
        (status = 400, description = "The request breaks a rule", body = ErrorResponse),
        (status = 404, description = "No such workflow or task", body = ErrorResponse),
    )
)]
async fn update_v2(
    State(api): State<Api>,
    connection: Option<Extension<Connection>>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let result = TaskResult::read(&body)?;
    let asks_for_more =
        !result.extend_lease && result.status.is_some_and(|status| status.task_status().is_terminal());
    if let Some(worker) = &result.worker_id {
        convert::check_key("workerId", worker)?;
    }
    let worker = result.worker_id.as_deref().map(std::sync::Arc::from);
    let reported = report(&api, result).await?;
    if !asks_for_more {
        return Ok(answer::no_content());
    }
    let request = PollRequest {
        task_type: reported.task.task_type.clone(),
        domain: reported.task.domain.clone(),
        worker,
        count: 1,
        timeout: SINGLE_POLL_WAIT,
    };
    let leased = api.engine().poll(request).await?;
    Ok(one_task(leased, connection))
}

/// Hands a report to the engine; the task is the reported one as it is now.
async fn report(api: &Api, result: TaskResult<'_>) -> Result<TaskView, ApiError> {
    let (run_id, task_id) = convert::reported_ids(&result)?;
    let (run_id, task_id) = (run_id.to_owned(), task_id.to_owned());
    let only_lease = result.extend_lease;
    let Ok(task) = task_id.parse::<TaskId>() else {
        return Err(nothing_there(api, &run_id, &task_id, only_lease).await);
    };
    let run = task.run();
    if !only_lease && run_id.parse::<RunId>().ok() != Some(run) {
        // as recorded: the report counts for its task, whichever existing workflow it names
        existing_run(api, &run_id).await?;
    }
    match api.engine().report(convert::report(result, run, task)?).await {
        Ok(Reported::Applied(view) | Reported::Ignored(view)) => Ok(view),
        Err(EngineError::NotFound(_)) => Err(nothing_there(api, &run_id, &task_id, only_lease).await),
        Err(other) => Err(other.into()),
    }
}

/// The refusal of a report on something that does not exist: the run is missed first, except by a lease
/// extension, which only looks for the task.
async fn nothing_there(api: &Api, run_id: &str, task_id: &str, only_lease: bool) -> ApiError {
    if only_lease {
        return ApiError::unknown_task(task_id);
    }
    match existing_run(api, run_id).await {
        Ok(_) => ApiError::unknown_task(task_id),
        Err(error) => error,
    }
}

/// Get a task.
#[utoipa::path(
    get, path = "/api/tasks/{taskId}", operation_id = "getTask", tag = "task",
    params(("taskId" = String, Path)),
    responses(
        (status = 200, description = "The task", body = schema::Task),
        // 204 is left out, which only a setting gives: with it, generated clients hand out a task that may be absent
        (status = 404, description = "No such task (with the setting `compat_3_15` 204, as Conductor 3.15)", body = ErrorResponse),
    )
)]
async fn get_task(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [id] = path.0;
    task_body(&api, &id).await
}

/// `update-v2` is an id like any other that does not exist.
async fn get_task_named_update_v2(State(api): State<Api>) -> Result<Response, ApiError> {
    task_body(&api, "update-v2").await
}

async fn task_body(api: &Api, id: &str) -> Result<Response, ApiError> {
    let found = match id.parse::<TaskId>() {
        Ok(task) => api.engine().task(task).await?,
        Err(_) => None,
    };
    match found {
        Some(view) => Ok(answer::json_text(convert::task_json(&convert::shown_task(&view)))),
        None if api.config().compat_3_15 => Ok(answer::no_content()),
        None => Err(ApiError::not_found(format!("Task not found for taskId: {id}"))),
    }
}
