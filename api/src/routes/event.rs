//! Event handlers (contract §2.5, §10.1-10.2).

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use podium_core::def::{EventHandler, event_handler};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::convert;
use crate::dto::{ErrorResponse, event_schema};
use crate::error::ApiError;
use crate::extract::{JsonBody, Query, Segments};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(list_event_handlers, add_event_handler, update_event_handler)))
        .routes(closed(routes!(event_handlers_of_event, remove_event_handler)))
}

/// Register an event handler.
///
/// It sees messages from then on, if it is active.
#[utoipa::path(
    post, path = "/api/event", operation_id = "addEventHandler", tag = "event",
    request_body = event_schema::EventHandler,
    responses(
        (status = 200, description = "Registered"),
        (status = 400, description = "It breaks a rule", body = ErrorResponse),
        (status = 409, description = "There is one of that name", body = ErrorResponse),
    )
)]
async fn add_event_handler(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    api.engine().create_event_handler(checked(&body, "addEventHandler.arg0")?).await?;
    Ok(answer::empty())
}

/// Replace an event handler.
#[utoipa::path(
    put, path = "/api/event", operation_id = "updateEventHandler", tag = "event",
    request_body = event_schema::EventHandler,
    responses(
        (status = 200, description = "Replaced"),
        (status = 400, description = "It breaks a rule", body = ErrorResponse),
        (status = 404, description = "There is none of that name", body = ErrorResponse),
    )
)]
async fn update_event_handler(State(api): State<Api>, body: JsonBody) -> Result<Response, ApiError> {
    api.engine().update_event_handler(checked(&body, "updateEventHandler.arg0")?).await?;
    Ok(answer::empty())
}

fn checked(body: &JsonBody, prefix: &str) -> Result<EventHandler, ApiError> {
    let handler = event_handler::parse(&body.value()?).map_err(ApiError::unreadable)?;
    convert::refuse_if_any(convert::validate_event_handler(&handler, prefix))?;
    convert::check_stored_key("the name of the event handler", handler.name.as_deref().unwrap_or_default())?;
    convert::check_stored_key(
        "the event of the event handler",
        handler.event.as_deref().unwrap_or_default(),
    )?;
    Ok(handler)
}

/// List all event handlers.
#[utoipa::path(
    get, path = "/api/event", operation_id = "getEventHandlers", tag = "event",
    responses((status = 200, description = "By name", body = Vec<event_schema::EventHandler>))
)]
async fn list_event_handlers(State(api): State<Api>) -> Result<Response, ApiError> {
    Ok(answer::json(&api.engine().event_handlers(None, false).await?))
}

/// List the handlers of an event.
///
/// Handlers are read by their event, but changed and removed by their name.
#[utoipa::path(
    get, path = "/api/event/{event}", operation_id = "getEventHandlersForEvent", tag = "event",
    params(
        ("event" = String, Path, description = "The event, for instance `conductor:my_workflow:shipped`; to remove: the name of a handler"),
        ("activeOnly" = Option<bool>, Query, description = "Only active handlers; true if absent"),
    ),
    responses((status = 200, description = "By name", body = Vec<event_schema::EventHandler>))
)]
async fn event_handlers_of_event(
    State(api): State<Api>,
    path: Segments<1>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let [event] = path.0;
    let active_only = Query::of(&uri).bool("activeOnly", true)?;
    Ok(answer::json(&api.engine().event_handlers(Some(&event), active_only).await?))
}

/// Remove an event handler by its name.
#[utoipa::path(
    delete, path = "/api/event/{event}", operation_id = "removeEventHandlerStatus", tag = "event",
    params(("event" = String, Path, description = "Here: the name of the handler")),
    responses(
        (status = 200, description = "Removed"),
        (status = 404, description = "There is none of that name", body = ErrorResponse),
    )
)]
async fn remove_event_handler(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [name] = path.0;
    api.engine().delete_event_handler(&name).await?;
    Ok(answer::empty())
}
