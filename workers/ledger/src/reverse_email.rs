//! Requests for two DAG runs, one after the other.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::Ledger;
use crate::error::LedgerError;
use crate::watch::{Book, Lease, Standing, standing};

/// A request as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReverseEmailRequest {
    pub event_id: String,
    pub workflow_id: String,
    pub task_id: Option<String>,
    /// What to run; only its owner reads it.
    pub plan: String,
}

/// A claimed row.
#[derive(Clone, Debug)]
pub struct ReverseEmailRow {
    pub lease: Lease,
    /// Of the step, not of the whole.
    pub standing: Standing,
    pub request: ReverseEmailRequest,
    /// Which of its DAG runs it is at, from 0.
    pub step: u16,
    /// Whether that run was triggered.
    pub triggered: bool,
}

impl Ledger {
    /// Notes a request; `false` if this message was noted before.
    pub async fn take_reverse_email(&self, request: &ReverseEmailRequest) -> Result<bool, LedgerError> {
        let noted = sqlx::query(
            "INSERT INTO ledger.reverse_email_requests (event_id, workflow_id, task_id, plan)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&request.event_id)
        .bind(&request.workflow_id)
        .bind(&request.task_id)
        .bind(&request.plan)
        .execute(&self.pool)
        .await;
        Ok(noted.map_err(LedgerError::at("reverse_email_requests.insert"))?.rows_affected() == 1)
    }

    /// Claims requests that are due for a look.
    pub async fn claim_reverse_emails(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<ReverseEmailRow>, LedgerError> {
        let columns = "r.event_id, r.workflow_id, r.task_id, r.plan, r.step, r.triggered";
        let rows = self.claim(Book::ReverseEmail, columns, limit, lease).await?;
        let read = rows.iter().map(read).collect::<Result<_, _>>();
        read.map_err(LedgerError::at("reverse_email_requests.claim"))
    }

    /// Puts a request back at a step, whose time begins now, to be looked at after `after`.
    pub async fn step_reverse_email(
        &self,
        lease: &Lease,
        step: u16,
        triggered: bool,
        after: Duration,
    ) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE ledger.reverse_email_requests SET step = $3, triggered = $4, status = 'running', looks = 0,
                leased_until = NULL, refused_since = NULL, error_message = NULL, watched_since = now(),
                updated_at = now(), next_look_at = now() + make_interval(secs => $5)
             WHERE id = $1 AND lease_no = $2 AND status IN ('pending', 'running')",
        )
        .bind(lease.id)
        .bind(lease.no)
        .bind(i16::try_from(step).unwrap_or(i16::MAX))
        .bind(triggered)
        .bind(after.as_secs_f64())
        .execute(&self.pool)
        .await;
        Ok(done.map_err(LedgerError::at("reverse_email_requests.step"))?.rows_affected() == 1)
    }
}

fn read(row: &PgRow) -> Result<ReverseEmailRow, sqlx::Error> {
    let (lease, standing) = standing(Book::ReverseEmail, row)?;
    let step: i16 = row.try_get("step")?;
    let request = ReverseEmailRequest {
        event_id: row.try_get("event_id")?,
        workflow_id: row.try_get("workflow_id")?,
        task_id: row.try_get("task_id")?,
        plan: row.try_get("plan")?,
    };
    let triggered = row.try_get("triggered")?;
    Ok(ReverseEmailRow { lease, standing, request, step: u16::try_from(step).unwrap_or_default(), triggered })
}
