//! Whether this node can do its work, and which dialect it speaks (contract §2.8).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use podium_runtime::Health;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::{HealthCheckStatus, HealthResult, ProbeStatus};
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(health)))
        .routes(closed(routes!(api_health)))
        .routes(closed(routes!(live)))
        .routes(closed(routes!(ready)))
        .routes(closed(routes!(version)))
}

/// Health in Conductor's form.
///
/// It is always 200, as clients expect; the body tells the truth. Probes use `/health/ready`.
#[utoipa::path(
    get, path = "/health", operation_id = "doCheck", tag = "health",
    responses((status = 200, description = "What is missing, if anything is", body = HealthCheckStatus))
)]
async fn health(State(api): State<Api>) -> Response {
    answer::json(&conductors_form(&api))
}

/// Health in Conductor's form.
#[utoipa::path(
    get, path = "/api/health", operation_id = "doCheck1", tag = "health",
    responses((status = 200, description = "What is missing, if anything is", body = HealthCheckStatus))
)]
async fn api_health(State(api): State<Api>) -> Response {
    answer::json(&conductors_form(&api))
}

/// Is the process alive?
///
/// It never asks the database, so that an outage there does not restart every node.
#[utoipa::path(
    get, path = "/health/live", operation_id = "getLiveness", tag = "health",
    responses((status = 200, description = "It is", body = ProbeStatus))
)]
async fn live() -> Response {
    answer::json(&ProbeStatus { status: "UP", reason: None })
}

/// Should this node get work?
#[utoipa::path(
    get, path = "/health/ready", operation_id = "getReadiness", tag = "health",
    responses(
        (status = 200, description = "Yes", body = ProbeStatus),
        (status = 503, description = "No, and why", body = ProbeStatus),
    )
)]
async fn ready(State(api): State<Api>) -> Response {
    let health = api.engine().health();
    if health.healthy {
        return answer::json(&ProbeStatus { status: "UP", reason: None });
    }
    let mut response = answer::json(&ProbeStatus { status: "DOWN", reason: Some(why(&health)) });
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

/// The version of Conductor whose dialect this server speaks.
#[utoipa::path(
    get, path = "/api/version", operation_id = "getVersion", tag = "health",
    responses((status = 200, description = "For instance 3.32.1", body = String, content_type = "text/plain"))
)]
async fn version(State(api): State<Api>) -> Response {
    answer::text(api.config().reported_version.as_str())
}

fn why(health: &Health) -> String {
    health.reason.clone().unwrap_or_else(|| "the node cannot do its work".to_owned())
}

fn conductors_form(api: &Api) -> HealthCheckStatus {
    let health = api.engine().health();
    let mut results = Vec::new();
    if !health.healthy {
        let mut details = BTreeMap::new();
        details.insert("component".to_owned(), "engine".to_owned());
        details.insert("writersAlive".to_owned(), health.writers_alive.to_string());
        details.insert("stopping".to_owned(), health.stopping.to_string());
        results.push(HealthResult { details, error_message: why(&health), healthy: false });
    }
    if let Some(troubles) = &api.config().troubles {
        results.extend(troubles.borrow().iter().map(|(component, reason)| {
            let details = BTreeMap::from([("component".to_owned(), (*component).to_owned())]);
            HealthResult { details, error_message: reason.clone(), healthy: false }
        }));
    }
    HealthCheckStatus {
        healthy: results.is_empty(),
        health_results: results,
        suppressed_health_results: Vec::new(),
    }
}
