//! Polling for tasks (contract §2.4, §8.1).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;
use podium_runtime::{Leased, PollRequest};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::delivery::{Connection, delivered};
use crate::dto::{ErrorResponse, schema};
use crate::error::ApiError;
use crate::extract::{Query, Segments};
use crate::state::Api;

/// How long a poll for a single task waits.
pub(super) const SINGLE_POLL_WAIT: Duration = Duration::from_millis(100);
const DEFAULT_BATCH_WAIT_MS: i32 = 100;
const LONGEST_WAIT_MS: i32 = 5_000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(poll))).routes(closed(routes!(poll_batch)))
}

/// Poll for one task of a type.
#[utoipa::path(
    get, path = "/api/tasks/poll/{tasktype}", operation_id = "poll", tag = "task",
    params(
        ("tasktype" = String, Path),
        ("workerid" = Option<String>, Query),
        ("domain" = Option<String>, Query),
    ),
    responses(
        (status = 200, description = "A task, now leased to the worker", body = schema::Task),
        (status = 204, description = "No task is ready"),
    )
)]
async fn poll(
    State(api): State<Api>,
    path: Segments<1>,
    uri: Uri,
    connection: Option<Extension<Connection>>,
) -> Result<Response, ApiError> {
    let [task_type] = path.0;
    convert::check_key("the task type", &task_type)?;
    let request = PollRequest {
        task_type: Arc::from(task_type),
        domain: text(Query::of(&uri), "domain")?,
        worker: text(Query::of(&uri), "workerid")?,
        count: 1,
        timeout: SINGLE_POLL_WAIT,
    };
    let leased = api.engine().poll(request).await?;
    Ok(one_task(leased, connection))
}

/// Poll for several tasks of a type.
#[utoipa::path(
    get, path = "/api/tasks/poll/batch/{tasktype}", operation_id = "batchPoll", tag = "task",
    params(
        ("tasktype" = String, Path),
        ("workerid" = Option<String>, Query),
        ("domain" = Option<String>, Query),
        ("count" = Option<i32>, Query, description = "At most so many; 1 if absent"),
        ("timeout" = Option<i32>, Query, description = "Milliseconds to wait for the first, at most 5000; 100 if absent"),
    ),
    responses(
        (status = 200, description = "Tasks, now leased to the worker; often none", body = Vec<schema::Task>),
        (status = 400, description = "The time-out is too long", body = ErrorResponse),
    )
)]
async fn poll_batch(
    State(api): State<Api>,
    path: Segments<1>,
    uri: Uri,
    connection: Option<Extension<Connection>>,
) -> Result<Response, ApiError> {
    let [task_type] = path.0;
    convert::check_key("the task type", &task_type)?;
    let query = Query::of(&uri);
    let timeout_ms = query.int("timeout")?.unwrap_or(DEFAULT_BATCH_WAIT_MS);
    if timeout_ms > LONGEST_WAIT_MS {
        return Err(ApiError::bad_request("Long Poll Timeout value cannot be more than 5 seconds"));
    }
    let count = query.int("count")?.unwrap_or(1);
    let request = PollRequest {
        task_type: Arc::from(task_type),
        domain: text(query, "domain")?,
        worker: text(query, "workerid")?,
        count: usize::try_from(count).unwrap_or(0),
        timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0)),
    };
    if request.count == 0 {
        return Ok(answer::json_text("[]"));
    }
    let leased = api.engine().poll(request).await?;
    if leased.tasks.is_empty() {
        leased.guard.disarm();
        return Ok(answer::json_text("[]"));
    }
    let body = convert::tasks_json(&leased.tasks);
    Ok(answer::json_text(delivered(body, leased.guard, connection)))
}

/// The first task of a lease of at most one, or 204.
pub(super) fn one_task(leased: Leased, connection: Option<Extension<Connection>>) -> Response {
    match leased.tasks.first() {
        Some(task) => answer::json_text(delivered(convert::task_json(task), leased.guard, connection)),
        None => {
            leased.guard.disarm();
            answer::no_content()
        }
    }
}

/// A text parameter; an empty one counts: no worker ever asks for tasks without domain by `domain=`.
fn text<'a>(query: Query<'a>, name: &'a str) -> Result<Option<Arc<str>>, ApiError> {
    let Some(text) = query.text(name)? else { return Ok(None) };
    convert::check_key(name, &text)?;
    Ok(Some(Arc::from(&*text)))
}
