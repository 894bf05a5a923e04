//! The DAG runs that are or were monitored, for people to look at.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Ledger;
use crate::error::LedgerError;

/// A monitored DAG run as it stands. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoredDagRun {
    pub id: i64,
    pub workflow_id: String,
    pub task_id: String,
    pub dag_id: String,
    pub dag_run_id: String,
    /// `pending`, `running`, `completed`, `failed`; other monitors may have words of their own.
    pub state: String,
    /// Why it failed, or what went wrong at the last look.
    pub error: Option<String>,
    pub looks: i32,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub ended_ms: Option<i64>,
}

impl Ledger {
    /// The newest monitored DAG runs, of these states if any are named.
    pub async fn dag_runs(&self, states: &[String], limit: i64) -> Result<Vec<MonitoredDagRun>, LedgerError> {
        let at = LedgerError::at("dag_monitor_requests.list");
        // tables that another monitor made may have rows without a status or times
        let rows = sqlx::query(
            "SELECT id::int8 AS id, workflow_id, task_id, dag_id, dag_run_id, coalesce(status, 'pending') AS state,
                error_message, looks,
                (extract(epoch FROM coalesce(created_at, now())) * 1000)::bigint AS created_ms,
                (extract(epoch FROM coalesce(updated_at, created_at, now())) * 1000)::bigint AS updated_ms,
                (extract(epoch FROM completed_at) * 1000)::bigint AS ended_ms
             FROM public.dag_monitor_requests
             WHERE cardinality($1::text[]) = 0 OR status = ANY($1)
             ORDER BY id DESC LIMIT $2",
        )
        .bind(states)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(&at)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(at)
    }
}

fn read(row: &PgRow) -> Result<MonitoredDagRun, sqlx::Error> {
    Ok(MonitoredDagRun {
        id: row.try_get("id")?,
        workflow_id: row.try_get("workflow_id")?,
        task_id: row.try_get("task_id")?,
        dag_id: row.try_get("dag_id")?,
        dag_run_id: row.try_get("dag_run_id")?,
        state: row.try_get("state")?,
        error: row.try_get("error_message")?,
        looks: row.try_get("looks")?,
        created_ms: row.try_get("created_ms")?,
        updated_ms: row.try_get("updated_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}
