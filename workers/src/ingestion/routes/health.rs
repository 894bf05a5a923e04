//! Whether the service and what it stands on are there.

use std::time::Duration;

use axum::extract::State as FromState;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{State, answer};

/// One look at something.
const LOOK: Duration = Duration::from_secs(3);

pub(super) async fn name() -> Response {
    answer(200, &json!({"name": "podium-ingestion", "version": env!("CARGO_PKG_VERSION")}))
}

pub(super) async fn health() -> Response {
    answer(200, &json!({"status": "ok"}))
}

/// 200 when everything answers, else 503 with what does not.
pub(super) async fn ready(FromState(state): FromState<State>) -> Response {
    let Deployment { engine, minio, s3, ledger } = Deployment::look(&state).await;
    let events = match &state.reads {
        Some(reads) if !*reads.borrow() => Err("no partitions of the events topic yet".to_owned()),
        Some(_) | None => Ok(()),
    };
    let mut checks = Map::new();
    for (name, found) in
        [("engine", engine), ("minio", minio), ("s3", s3), ("ledger", ledger), ("events", events)]
    {
        checks.insert(name.to_owned(), found.map_or_else(Value::from, |()| "ok".into()));
    }
    let is_ready = checks.values().all(|found| found == "ok");
    let status = if is_ready { "ready" } else { "not ready" };
    let sockets = state.hub.clients();
    let code = if is_ready { 200 } else { 503 };
    answer(code, &json!({"status": status, "checks": checks, "sockets": sockets}))
}

/// What a deployment needs.
struct Deployment {
    engine: Result<(), String>,
    minio: Result<(), String>,
    s3: Result<(), String>,
    ledger: Result<(), String>,
}

impl Deployment {
    async fn look(state: &State) -> Self {
        let settings = &state.settings;
        let engine = limited(state.deployer.engine.is_up());
        let minio = limited(settings.minio.buckets());
        let s3 = limited(settings.s3.buckets());
        let ledger = limited(state.deployer.ledger.deployments(1));
        let (engine, minio, s3, ledger) = tokio::join!(engine, minio, s3, ledger);
        Self { engine, minio, s3, ledger }
    }
}

async fn limited<T, E: std::fmt::Display>(call: impl Future<Output = Result<T, E>>) -> Result<(), String> {
    match tokio::time::timeout(LOOK, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {} s", LOOK.as_secs())),
    }
}
