//! Deploying, and seeing and removing what was deployed by half.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State as FromState};
use axum::http::HeaderMap;
use axum::response::Response;
use podium_ledger::{Deployment, DeploymentStep};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::error;

use super::super::deploy::{DeployError, Request};
use super::{State, answer, problem};

/// Deployments of one list.
const LONGEST_LIST: i64 = 1_000;

/// Deploys a workflow. The work goes on when the caller goes away: asking again joins it.
pub(super) async fn deploy(
    FromState(state): FromState<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body: Value = match body.map_err(|error| (error.status().as_u16(), error.body_text())) {
        Err((status, text)) => return problem(status, text),
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(error) => {
                let detail = json!([{"loc": ["body"], "msg": format!("the body is no JSON: {error}"), "type": "value_error.jsondecode"}]);
                return answer(422, &json!({"detail": detail}));
            }
        },
    };
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => return problem(422, "the Idempotency-Key is no plain text"),
        None => None,
    };
    let request = match Request::read(&body, key) {
        Ok(request) => request,
        Err(error) => return refusal(&error),
    };
    let deployer = state.deployer.clone();
    let work = tokio::spawn(async move { deployer.deploy(&request).await });
    match work.await {
        Ok(Ok(done)) => {
            if let Some(id) = done.workflow_id() {
                state.watch.follow(id);
            }
            answer(200, &serde_json::to_value(done).expect("answers are always writable"))
        }
        Ok(Err(error)) => refusal(&error),
        Err(error) => {
            error!(%error, "a deployment ended badly");
            problem(
                500,
                "Failed to deploy workflow: internal error, see the log; repeat the request to finish it",
            )
        }
    }
}

fn refusal(error: &DeployError) -> Response {
    answer(error.status(), &error.body())
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<i64>,
}

/// The newest deployments.
pub(super) async fn list(FromState(state): FromState<State>, Query(page): Query<Page>) -> Response {
    let limit = page.limit.unwrap_or(100);
    if !(1..=LONGEST_LIST).contains(&limit) {
        return problem(422, format!("limit is 1 to {LONGEST_LIST}, not {limit}"));
    }
    match state.deployer.ledger.deployments(limit).await {
        Ok(found) => answer(200, &found.iter().map(shown).collect()),
        Err(error) => problem(503, error.to_string()),
    }
}

/// One deployment.
pub(super) async fn show(FromState(state): FromState<State>, Path(id): Path<String>) -> Response {
    match state.deployer.ledger.deployment(&id).await {
        Ok(Some(found)) => answer(200, &shown(&found)),
        Ok(None) => unknown(&id),
        Err(error) => problem(503, error.to_string()),
    }
}

/// Removes one that did not come to its end.
pub(super) async fn remove(FromState(state): FromState<State>, Path(id): Path<String>) -> Response {
    match state.deployer.remove(&id).await {
        Ok(Some(objects)) => answer(200, &json!({"removed": id, "objects": objects})),
        Ok(None) => unknown(&id),
        Err(error) => problem(error.status(), error.to_string()),
    }
}

fn unknown(id: &str) -> Response {
    problem(404, format!("there is no deployment {id:?}"))
}

fn shown(deployment: &Deployment) -> Value {
    let read = |text: &Option<String>| {
        text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default()
    };
    let state = match (deployment.step, deployment.is_held) {
        (DeploymentStep::Done, _) => "done",
        (_, true) => "running",
        (_, false) => "unfinished",
    };
    json!({
        "deployment_id": deployment.id,
        "workflow_name": deployment.name,
        "workflow_version": deployment.version,
        "workflow_instance_id": deployment.instance_id,
        "state": state,
        "step": deployment.step.name(),
        "error": deployment.error,
        "created_at_ms": deployment.created_ms,
        "updated_at_ms": deployment.updated_ms,
        "services": read(&deployment.files),
        "answer": read(&deployment.answer),
    })
}
