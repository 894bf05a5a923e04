//! What the service answers over HTTP.
//!
//! | call | file |
//! | --- | --- |
//! | `POST /workflow/deploy`, `/deployments` | deploy.rs |
//! | `POST /retry-workflow`, `/workflow/{id}/status`, `/workflow/{id}/statistics` | workflow.rs |
//! | `/files`, `/buckets` | files.rs |
//! | `/designer/…` | designer.rs |
//! | `/dag-runs` | dag_runs.rs |
//! | `/statistics/summary` | statistics.rs |
//! | `WS /ws` | mod.rs |
//! | `/`, `/health`, `/ready` | health.rs |

mod dag_runs;
mod deploy;
mod designer;
mod files;
mod health;
mod origin;
mod statistics;
mod workflow;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, State as FromState, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

use super::deploy::Deployer;
use super::engine::EngineError;
use super::failures::Failures;
use super::live::{Hub, Wanted, Watch, serve};
use super::settings::IngestionSettings;
pub(crate) use statistics::Kept;

/// Bytes of one message of a socket. What they say is ignored.
const LARGEST_SAYING: usize = 64 << 10;

/// What the routes share.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) settings: Arc<IngestionSettings>,
    pub(crate) deployer: Arc<Deployer>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) watch: Watch,
    pub(crate) failures: Failures,
    /// Whether events are read now; `None` without brokers.
    pub(crate) reads: Option<watch::Receiver<bool>>,
    pub(crate) stopped: watch::Receiver<bool>,
    /// What ended workflows counted.
    pub(crate) counted: Arc<Kept>,
}

/// All routes.
pub(crate) fn router(state: State) -> Router {
    let (cors, guard) = origin::layers(&state.settings.cors_origins);
    let limit = DefaultBodyLimit::max(state.settings.body_limit_bytes);
    Router::new()
        .route("/workflow/deploy", post(deploy::deploy))
        .route("/deployments", get(deploy::list))
        .route("/deployments/{id}", get(deploy::show).delete(deploy::remove))
        .route("/retry-workflow", post(workflow::retry))
        .route("/workflow/{id}/status", get(workflow::status))
        .route("/workflow/{id}/statistics", get(workflow::statistics))
        // files are streamed, under a limit of their own
        .route("/files", get(files::list).post(files::upload).layer(DefaultBodyLimit::disable()))
        .route("/files/link", get(files::link))
        .route("/buckets", get(files::buckets))
        .route("/dag-runs", get(dag_runs::list))
        .route("/statistics/summary", get(statistics::summary))
        .merge(designer::routes())
        .route("/ws", get(socket))
        .route("/", get(health::name))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/health/ready", get(health::ready))
        .fallback(|| async { problem(404, "Not Found") })
        .layer(limit)
        .layer(axum::middleware::from_fn(move |request, next| origin::check(guard.clone(), request, next)))
        .layer(cors)
        .layer(CatchPanicLayer::new())
        .with_state(state)
}

async fn socket(
    FromState(state): FromState<State>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Ok(Query(wanted)) = wanted else { return problem(422, "the query cannot be read") };
    upgrade
        .max_message_size(LARGEST_SAYING)
        .on_upgrade(move |socket| serve(socket, wanted, state.hub, state.watch, state.stopped))
}

/// An answer that says what is wrong, in the form that the service always had.
fn problem(status: u16, detail: impl Into<String>) -> Response {
    answer(status, &json!({"detail": detail.into()}))
}

fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// What the engine would not do, with its own status and words.
fn engine_problem(error: &EngineError) -> Response {
    match error {
        EngineError::Refused { status, message } => problem(*status, message),
        EngineError::Away { .. } => problem(503, error.to_string()),
        EngineError::Address(_) => problem(500, error.to_string()),
    }
}
