//! The shapes that Airflow 2 answers with.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use podium_ledger::{JobRunRow, LedgerError};
use serde_json::{Value, json};

/// Where Airflow's errors are described; clients see it as `type`.
const ERRORS: &str =
    "https://airflow.apache.org/docs/apache-airflow/2.10.5/stable-rest-api-ref.html#section/Errors/";

/// A call that was not done.
#[derive(Debug)]
pub(super) enum Refusal {
    Unauthenticated,
    BadRequest(String),
    NoDag(String),
    NoRun { dag_id: String, run_id: String },
    RunExists { dag_id: String, run_id: String },
    Ledger(LedgerError),
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, kind, detail) = match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthenticated", None),
            Self::BadRequest(detail) => (StatusCode::BAD_REQUEST, "Bad Request", "BadRequest", Some(detail)),
            Self::NoDag(dag_id) => {
                let detail = format!("DAG with dag_id: '{dag_id}' not found");
                (StatusCode::NOT_FOUND, "DAG not found", "NotFound", Some(detail))
            }
            Self::NoRun { dag_id, run_id } => {
                let detail = format!("DAGRun with DAG ID: '{dag_id}' and DagRun ID: '{run_id}' not found");
                (StatusCode::NOT_FOUND, "DAGRun not found", "NotFound", Some(detail))
            }
            Self::RunExists { dag_id, run_id } => {
                let detail =
                    format!("DAGRun with DAG ID: '{dag_id}' and DAGRun ID: '{run_id}' already exists");
                (StatusCode::CONFLICT, "Conflict", "AlreadyExists", Some(detail))
            }
            Self::Ledger(error) => {
                tracing::warn!(%error, "the job runner could not answer");
                let detail = Some("the runner's database does not answer".to_owned());
                (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", "Unknown", detail)
            }
        };
        let kind = format!("{ERRORS}{kind}");
        let body = json!({"detail": detail, "status": status.as_u16(), "title": title, "type": kind});
        (status, [("content-type", "application/problem+json")], body.to_string()).into_response()
    }
}

/// A run as Airflow shows it.
pub(super) fn run(row: &JobRunRow) -> Value {
    let conf: Value = serde_json::from_str(&row.conf).unwrap_or_default();
    json!({
        "conf": conf,
        "dag_id": row.dag_id,
        "dag_run_id": row.run_id,
        "data_interval_end": row.created_at,
        "data_interval_start": row.created_at,
        "end_date": row.ended_at,
        "execution_date": row.created_at,
        "external_trigger": true,
        "last_scheduling_decision": row.started_at,
        "logical_date": row.created_at,
        "note": row.note,
        "run_type": "manual",
        "start_date": row.started_at,
        "state": row.state,
    })
}

/// A DAG as Airflow shows it, as far as there is something to show.
pub(super) fn dag(dag_id: &str, job: &str, is_paused: bool) -> Value {
    json!({
        "dag_id": dag_id,
        "dag_display_name": dag_id,
        "description": format!("{job}, by Podium's own job runner"),
        "has_import_errors": false,
        "is_active": true,
        "is_paused": is_paused,
        "is_subdag": false,
        "owners": ["podium"],
        "schedule_interval": null,
        "tags": [],
        "timetable_description": "Never, external triggers only",
    })
}

/// Both parts of it are well as long as it answers.
pub(super) async fn health() -> Json<Value> {
    Json(json!({"metadatabase": {"status": "healthy"}, "scheduler": {"status": "healthy"}}))
}
