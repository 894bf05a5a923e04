//! Which handler answers which path. One file per group of the contract's §2.
//!
//! Paths of the contract that are not here yet are unknown paths: they answer 404 like any other.

mod admin;
pub(crate) mod answer;
mod bulk;
mod closed;
mod dead_letters;
mod docs;
mod environment;
mod event;
mod event_log;
mod explain;
mod external;
mod health;
mod history;
mod live;
mod metadata;
mod metadata_list;
mod overview;
mod queue_admin;
mod queue_states;
mod recent_runs;
mod scheduler;
mod scheduler_admin;
mod search;
mod task;
mod task_by_ref;
mod task_def;
mod task_log;
mod task_poll;
mod task_queue;
mod task_signal;
mod unknown;
mod workflow;
mod workflow_bulk;
mod workflow_counts;
mod workflow_execute;
mod workflow_lookup;
mod workflow_operate;
mod workflow_plot;
mod workflow_start;
mod workflow_test;

use axum::Router;
use axum::extract::Request;
use podium_core::RunId;
use podium_runtime::{Engine, RunView};
use serde_json::Value;
use tower::ServiceExt;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::openapi::ApiDoc;
use crate::state::Api;

/// All routes with what each says of itself.
pub(crate) fn routed() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(workflow_start::routes())
        .merge(workflow_execute::routes())
        .merge(workflow_test::routes())
        .merge(workflow::routes())
        .merge(workflow_operate::routes())
        .merge(history::routes())
        .merge(bulk::routes())
        .merge(workflow_bulk::routes())
        .merge(workflow_lookup::routes())
        .merge(search::routes())
        .merge(workflow_counts::routes())
        .merge(workflow_plot::routes())
        .merge(recent_runs::routes())
        .merge(metadata::routes())
        .merge(task_def::routes())
        .merge(event::routes())
        .merge(event_log::routes())
        .merge(dead_letters::routes())
        .merge(scheduler::routes())
        .merge(scheduler_admin::routes())
        .merge(task_poll::routes())
        .merge(task::routes())
        .merge(task_by_ref::routes())
        .merge(task_signal::routes())
        .merge(task_log::routes())
        .merge(health::routes())
        .merge(metadata_list::routes())
        .merge(task_queue::routes())
        .merge(queue_admin::routes())
        .merge(queue_states::routes())
        .merge(admin::routes())
        .merge(environment::routes())
        .merge(external::routes())
        .merge(overview::routes())
        .merge(explain::routes())
        .merge(live::routes())
}

/// The REST API as one service. It may be served by [`crate::serve`] or called in process.
pub fn router(engine: Engine, config: ApiConfig) -> Router {
    let cors = cors_layer(&config.cors_origins);
    let (routes, _) = routed().split_for_parts();
    let routes = routes.merge(docs::routes()).with_state(Api::new(engine, config));
    // a path with a slash at its end means the path without; looked at only after nothing else matched,
    // so it costs the usual request nothing
    let exact = routes.clone().fallback(unknown::not_found);
    let routes = routes.fallback(move |request: Request| {
        let exact = exact.clone();
        async move {
            match unknown::without_slash(request) {
                Ok(request) => exact.oneshot(request).await.unwrap_or_else(|never| match never {}),
                Err(request) => unknown::not_found(request).await,
            }
        }
    });
    match cors {
        Some(layer) => routes.layer(layer),
        None => routes,
    }
}

/// Lets the listed origins in, exactly as written, with any header and the methods of the contract.
fn cors_layer(origins: &[String]) -> Option<tower_http::cors::CorsLayer> {
    let origins: Vec<_> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let layer = tower_http::cors::CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([http::Method::GET, http::Method::POST, http::Method::PUT, http::Method::DELETE])
        .allow_headers(tower_http::cors::Any);
    Some(layer)
}

use axum::http;

/// A body that is a list of texts; numbers and booleans count as their text.
fn texts(body: &JsonBody) -> Result<Vec<String>, ApiError> {
    let Value::Array(items) = body.value()? else {
        return Err(ApiError::unreadable("a list of texts was expected"));
    };
    let text = |item: Value| match item {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(bool) => Ok(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(ApiError::unreadable("the list holds something that is no text"))
        }
    };
    items.into_iter().map(text).collect()
}

/// The run that a path names. A text that is no id names nothing.
async fn existing_run(api: &Api, id: &str) -> Result<RunView, ApiError> {
    let found = match id.parse::<RunId>() {
        Ok(run) => api.engine().run(run).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| ApiError::unknown_run(id))
}
