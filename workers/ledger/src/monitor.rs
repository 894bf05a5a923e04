//! DAG runs that are monitored.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Ledger;
use crate::error::LedgerError;
use crate::watch::{Book, Lease, Standing, standing};

/// A DAG run that somebody wants to hear of, as the documented table has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DagRunRequest {
    /// Up to 255 characters, as are the next four.
    pub workflow_id: String,
    pub task_id: String,
    pub dag_id: String,
    pub dag_run_id: String,
    pub jobid: String,
    pub execution_id: Option<String>,
    /// Key of the JSON that says where the run's output is.
    pub metadata_key: Option<String>,
    pub minio_output_bucket: Option<String>,
    pub minio_output_key: Option<String>,
    pub event_type: Option<String>,
    pub stats_url: Option<String>,
}

/// A claimed row.
#[derive(Clone, Debug)]
pub struct DagRunRow {
    pub lease: Lease,
    pub standing: Standing,
    pub request: DagRunRequest,
}

const COLUMNS: &str =
    "r.workflow_id, r.task_id, r.dag_id, r.dag_run_id, r.jobid, r.execution_id, r.metadata_key,
    r.minio_output_bucket, r.minio_output_key, r.event_type, r.stats_url";

impl Ledger {
    /// Notes a DAG run to monitor; `false` if it was noted before for this run and task. It is looked at first after
    /// `first_look`.
    pub async fn monitor(
        &self,
        request: &DagRunRequest,
        event_id: &str,
        first_look: Duration,
    ) -> Result<bool, LedgerError> {
        let r = request;
        let noted = sqlx::query(
            "INSERT INTO public.dag_monitor_requests (workflow_id, task_id, dag_id, dag_run_id, jobid, execution_id,
                metadata_key, minio_output_bucket, minio_output_key, event_type, stats_url, event_id, next_look_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + make_interval(secs => $13))
             ON CONFLICT DO NOTHING",
        )
        .bind(&r.workflow_id)
        .bind(&r.task_id)
        .bind(&r.dag_id)
        .bind(&r.dag_run_id)
        .bind(&r.jobid)
        .bind(&r.execution_id)
        .bind(&r.metadata_key)
        .bind(&r.minio_output_bucket)
        .bind(&r.minio_output_key)
        .bind(&r.event_type)
        .bind(&r.stats_url)
        .bind(event_id)
        .bind(first_look.as_secs_f64())
        .execute(&self.pool)
        .await;
        Ok(noted.map_err(LedgerError::at("dag_monitor_requests.insert"))?.rows_affected() == 1)
    }

    /// Claims DAG runs that are due for a look.
    pub async fn claim_dag_runs(&self, limit: u32, lease: Duration) -> Result<Vec<DagRunRow>, LedgerError> {
        let rows = self.claim(Book::DagRuns, COLUMNS, limit, lease).await?;
        let read = rows.iter().map(read).collect::<Result<_, _>>();
        read.map_err(LedgerError::at("dag_monitor_requests.claim"))
    }
}

fn read(row: &PgRow) -> Result<DagRunRow, sqlx::Error> {
    let (lease, standing) = standing(Book::DagRuns, row)?;
    let request = DagRunRequest {
        workflow_id: row.try_get("workflow_id")?,
        task_id: row.try_get("task_id")?,
        dag_id: row.try_get("dag_id")?,
        dag_run_id: row.try_get("dag_run_id")?,
        jobid: row.try_get("jobid")?,
        execution_id: row.try_get("execution_id")?,
        metadata_key: row.try_get("metadata_key")?,
        minio_output_bucket: row.try_get("minio_output_bucket")?,
        minio_output_key: row.try_get("minio_output_key")?,
        event_type: row.try_get("event_type")?,
        stats_url: row.try_get("stats_url")?,
    };
    Ok(DagRunRow { lease, standing, request })
}
