//! What became of events: what handlers did with them, and which are kept for a task.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::{ParkedEvent, RunId};
use podium_runtime::{ActionRecord, EventExecution};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use super::history::page;
use crate::dto::{
    ErrorResponse, EventActionRecord, EventExecutionRecord, EventExecutions, ParkedEventRecord,
};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::Api;

const AT_MOST: i32 = 500;
/// What is shown of a body.
const BODY_BYTES: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(closed(routes!(executions))).routes(closed(routes!(parked)))
}

/// List what event handlers did with messages.
///
/// Also messages whose condition did not hold. They are noted within a second; the latest 30,000 of at most a month are
/// kept, 10,000 of them without effect, and of a flood without effect only some.
#[utoipa::path(
    get, path = "/api/podium/events/executions", operation_id = "getEventExecutions", tag = "podium",
    params(
        ("handler" = Option<String>, Query, description = "Only of this handler"),
        ("event" = Option<String>, Query, description = "Only of this event"),
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many, at most 500; 100 if absent"),
    ),
    responses(
        (status = 200, description = "A page, the latest first", body = EventExecutions),
        (status = 400, description = "A parameter is negative or too large", body = ErrorResponse),
    )
)]
async fn executions(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let query = Query::of(&uri);
    let (start, size) = page(query, AT_MOST)?;
    let (handler, event) = (query.text("handler")?, query.text("event")?);
    let named = |name: &Option<std::borrow::Cow<'_, str>>| {
        name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let (handler, event) = (named(&handler), named(&event));
    let found = api.engine().event_executions(handler.as_deref(), event.as_deref(), start, size).await?;
    let (executions, total) = found;
    let executions = executions.into_iter().map(execution).collect();
    Ok(answer::json(&EventExecutions { executions, total }))
}

fn execution(found: EventExecution) -> EventExecutionRecord {
    EventExecutionRecord {
        id: found.id.to_string(),
        handler: found.handler,
        event: found.event,
        at: found.at.as_millis(),
        message_id: found.message_id,
        condition: found.condition,
        matched: found.outcome.is_matched(),
        status: found.outcome.as_str(),
        error: found.why,
        actions: found.actions.into_iter().map(action).collect(),
        payload: found.payload,
        payload_size: found.payload_size,
    }
}

fn action(done: ActionRecord) -> EventActionRecord {
    EventActionRecord {
        action: done.action,
        status: if done.error.is_none() { "COMPLETED" } else { "FAILED" },
        workflow_id: done.run,
        task_id: done.task,
        task_ref_name: done.ref_name,
        error: done.error,
    }
}

/// List the events that are kept for a task which does not wait yet.
#[utoipa::path(
    get, path = "/api/podium/events/parked", operation_id = "getParkedEvents", tag = "podium",
    params(
        ("start" = Option<i32>, Query, description = "First one; 0 if absent"),
        ("size" = Option<i32>, Query, description = "How many, at most 500; 100 if absent"),
    ),
    responses(
        (status = 200, description = "Those of the newest workflows first", body = Vec<ParkedEventRecord>),
        (status = 400, description = "A parameter is negative or too large", body = ErrorResponse),
    )
)]
async fn parked(State(api): State<Api>, uri: Uri) -> Result<Response, ApiError> {
    let (start, size) = page(Query::of(&uri), AT_MOST)?;
    let kept = api.engine().kept_events(start, size).await?;
    Ok(answer::json(&kept.into_iter().map(kept_event).collect::<Vec<_>>()))
}

fn kept_event((run, kept): (RunId, ParkedEvent)) -> ParkedEventRecord {
    let mut body = kept.event.data;
    let body_size = body.len();
    body.truncate(body.floor_char_boundary(BODY_BYTES));
    ParkedEventRecord {
        id: kept.inbox.to_string(),
        workflow_id: run.to_string(),
        event: kept.event.event_type,
        task_label: kept.event.task_id,
        succeeded: kept.event.succeeded,
        reason: kept.event.reason,
        source: kept.event.source,
        parked_at: kept.parked_at.as_millis(),
        expires_at: kept.expires_at.as_millis(),
        body,
        body_size,
    }
}
