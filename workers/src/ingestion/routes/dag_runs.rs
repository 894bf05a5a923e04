//! The DAG runs that the monitor watches.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as FromState};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{State, answer, problem};

const LONGEST_LIST: i64 = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    /// One state, or several with commas between them.
    state: Option<String>,
    limit: Option<i64>,
}

/// The newest ones first.
pub(super) async fn list(
    FromState(state): FromState<State>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let Ok(Query(which)) = which else {
        return problem(422, "the query cannot be read: state is a text, limit a number");
    };
    let limit = which.limit.unwrap_or(100);
    if !(1..=LONGEST_LIST).contains(&limit) {
        return problem(422, format!("limit is 1 to {LONGEST_LIST}, not {limit}"));
    }
    let states = which.state.as_deref().unwrap_or_default().split(',').map(str::trim);
    let states: Vec<String> = states.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    match state.deployer.ledger.dag_runs(&states, limit).await {
        Ok(found) => {
            let runs = found.into_iter().map(|run| {
                json!({
                    "id": run.id,
                    "dag_id": run.dag_id,
                    "dag_run_id": run.dag_run_id,
                    "workflow_id": run.workflow_id,
                    "task": run.task_id,
                    "state": run.state,
                    "since": run.created_ms,
                    "checked_at": (run.looks > 0).then_some(run.updated_ms),
                    "ended_at": run.ended_ms,
                    "error": run.error,
                })
            });
            answer(200, &json!({"runs": runs.collect::<Vec<Value>>()}))
        }
        Err(error) => problem(503, error.to_string()),
    }
}
