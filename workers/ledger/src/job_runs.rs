//! Runs of our own job runner.
//!
//! One runner works on a ledger. A run that was under way when it ended is queued again at the next start, for jobs
//! may be done twice.

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Ledger;
use crate::error::LedgerError;

/// A run as it stands. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRunRow {
    pub dag_id: String,
    pub run_id: String,
    /// JSON text.
    pub conf: String,
    /// `queued`, `running`, `success` or `failed`.
    pub state: String,
    /// Why it failed.
    pub note: Option<String>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
}

/// How times are read: the driver's own types would bring another crate into every caller.
macro_rules! columns {
    () => {
        "dag_id, run_id, conf, state, note,
         to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') AS created_at,
         to_char(started_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') AS started_at,
         to_char(ended_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US+00:00') AS ended_at"
    };
}

impl JobRunRow {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            dag_id: row.try_get("dag_id")?,
            run_id: row.try_get("run_id")?,
            conf: row.try_get("conf")?,
            state: row.try_get("state")?,
            note: row.try_get("note")?,
            created_at: row.try_get("created_at")?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

impl Ledger {
    /// Queues a run; `None` if the DAG has one of this id.
    pub async fn add_job_run(
        &self,
        dag_id: &str,
        run_id: &str,
        conf: &str,
    ) -> Result<Option<JobRunRow>, LedgerError> {
        let added = sqlx::query(concat!(
            "INSERT INTO ledger.job_runs (dag_id, run_id, conf) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING RETURNING ",
            columns!()
        ))
        .bind(dag_id)
        .bind(run_id)
        .bind(conf)
        .fetch_optional(&self.pool)
        .await;
        one("job_runs.add", added)
    }

    /// A run; `None` if there is none.
    pub async fn job_run(&self, dag_id: &str, run_id: &str) -> Result<Option<JobRunRow>, LedgerError> {
        let found = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM ledger.job_runs WHERE dag_id = $1 AND run_id = $2"
        ))
        .bind(dag_id)
        .bind(run_id)
        .fetch_optional(&self.pool)
        .await;
        one("job_runs.get", found)
    }

    /// The runs of a DAG in the order in which they came, from `offset` on, and how many there are in all.
    pub async fn job_runs(
        &self,
        dag_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<JobRunRow>, i64), LedgerError> {
        let at = LedgerError::at("job_runs.list");
        let rows = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM ledger.job_runs AS runs WHERE dag_id = $1 ORDER BY runs.created_at, run_id LIMIT $2 OFFSET $3"
        ))
        .bind(dag_id)
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool)
        .await
        .map_err(&at)?;
        let runs: Result<_, _> = rows.iter().map(JobRunRow::read).collect();
        let all = sqlx::query_scalar("SELECT count(*) FROM ledger.job_runs WHERE dag_id = $1")
            .bind(dag_id)
            .fetch_one(&self.pool)
            .await
            .map_err(&at)?;
        Ok((runs.map_err(&at)?, all))
    }

    /// Takes the oldest queued run whose DAG is not paused, and sets it running.
    pub async fn claim_job_run(&self) -> Result<Option<JobRunRow>, LedgerError> {
        let claimed = sqlx::query(concat!(
            "UPDATE ledger.job_runs SET state = 'running', started_at = now()
             WHERE state = 'queued' AND (dag_id, run_id) = (
                 SELECT dag_id, run_id FROM ledger.job_runs
                 WHERE state = 'queued' AND dag_id NOT IN (SELECT dag_id FROM ledger.job_dags_paused)
                 ORDER BY created_at, run_id LIMIT 1)
             RETURNING ",
            columns!()
        ))
        .fetch_optional(&self.pool)
        .await;
        one("job_runs.claim", claimed)
    }

    /// Ends a run that is running: `Err` says why it failed.
    pub async fn end_job_run(
        &self,
        dag_id: &str,
        run_id: &str,
        ended: Result<(), &str>,
    ) -> Result<(), LedgerError> {
        sqlx::query(
            "UPDATE ledger.job_runs SET state = $3, note = $4, ended_at = now()
             WHERE dag_id = $1 AND run_id = $2 AND state = 'running'",
        )
        .bind(dag_id)
        .bind(run_id)
        .bind(if ended.is_ok() { "success" } else { "failed" })
        .bind(ended.err())
        .execute(&self.pool)
        .await
        .map_err(LedgerError::at("job_runs.end"))?;
        Ok(())
    }

    /// Queues the runs again that were under way when a runner ended; returns how many.
    pub async fn requeue_job_runs(&self) -> Result<u64, LedgerError> {
        let again = sqlx::query(
            "UPDATE ledger.job_runs SET state = 'queued', started_at = NULL WHERE state = 'running'",
        )
        .execute(&self.pool)
        .await;
        Ok(again.map_err(LedgerError::at("job_runs.requeue"))?.rows_affected())
    }

    /// Lets the runs of a DAG wait, or go on.
    pub async fn pause_job_dag(&self, dag_id: &str, paused: bool) -> Result<(), LedgerError> {
        let statement = match paused {
            true => "INSERT INTO ledger.job_dags_paused (dag_id) VALUES ($1) ON CONFLICT DO NOTHING",
            false => "DELETE FROM ledger.job_dags_paused WHERE dag_id = $1",
        };
        let done = sqlx::query(statement).bind(dag_id).execute(&self.pool).await;
        done.map(|_| ()).map_err(LedgerError::at("job_dags.pause"))
    }

    /// Whether the runs of a DAG wait.
    pub async fn is_job_dag_paused(&self, dag_id: &str) -> Result<bool, LedgerError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM ledger.job_dags_paused WHERE dag_id = $1)")
            .bind(dag_id)
            .fetch_one(&self.pool)
            .await
            .map_err(LedgerError::at("job_dags.is_paused"))
    }
}

fn one(
    statement: &'static str,
    found: Result<Option<PgRow>, sqlx::Error>,
) -> Result<Option<JobRunRow>, LedgerError> {
    found.and_then(|row| row.as_ref().map(JobRunRow::read).transpose()).map_err(LedgerError::at(statement))
}
