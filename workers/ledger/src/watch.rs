//! What is watched until it ends: claimed under a lease, looked at, put back or closed.
//!
//! ```text
//! pending ── claim ──> leased ── look_again ──> running, free until next_look_at ── claim ──> …
//!                        └────── close ──────> completed | failed
//! ```
//!
//! A crash leaves the lease to run out, and somebody else claims the row. Every call but a claim is guarded by the
//! lease's number: `false` means that the row is another's by now, and nothing was changed.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use crate::Ledger;
use crate::error::LedgerError;

/// The tables whose rows are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Book {
    DagRuns,
    ReverseEmail,
}

impl Book {
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::DagRuns => "public.dag_monitor_requests",
            Self::ReverseEmail => "ledger.reverse_email_requests",
        }
    }

    /// What a claim writes besides the lease.
    fn marks(self) -> &'static str {
        match self {
            Self::DagRuns => ", started_monitoring_at = coalesce(r.started_monitoring_at, now())",
            Self::ReverseEmail => "",
        }
    }
}

/// The right to change one row, until it runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(crate) book: Book,
    pub(crate) id: i64,
    pub(crate) no: i64,
}

impl Lease {
    /// The row's number, for logs.
    pub fn id(&self) -> i64 {
        self.id
    }
}

/// How a watched row stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Looks so far.
    pub looks: u32,
    /// Since when it is watched.
    pub watched_for: Duration,
    /// How long every look has been refused (not found, not allowed).
    pub refused_for: Option<Duration>,
    /// What went wrong at the last look.
    pub trouble: Option<String>,
}

/// Whether a look was refused in a way that waiting seldom mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    No,
    Yes,
    /// It was not possible to ask.
    Unknown,
}

/// What every claim returns besides the columns of its table.
const STANDING: &str = "r.id::int8 AS id, r.lease_no, r.looks, r.error_message,
    extract(epoch FROM now() - r.watched_since)::float8 AS watched,
    extract(epoch FROM now() - r.refused_since)::float8 AS refused";

impl Ledger {
    /// Claims rows that are due, longest due first. Rows that another claims at this moment are passed over.
    pub(crate) async fn claim(
        &self,
        book: Book,
        columns: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<PgRow>, LedgerError> {
        let (table, marks) = (book.table(), book.marks());
        // SKIP LOCKED: claimers pass each other by instead of queueing for the same rows
        let sql = format!(
            "WITH due AS (
                SELECT id FROM {table}
                WHERE status IN ('pending', 'running') AND next_look_at <= now()
                  AND (leased_until IS NULL OR leased_until < now())
                ORDER BY next_look_at LIMIT $1 FOR UPDATE SKIP LOCKED)
             UPDATE {table} r SET lease_no = r.lease_no + 1, leased_until = now() + make_interval(secs => $2) {marks}
             FROM due WHERE r.id = due.id RETURNING {STANDING}, {columns}"
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(i64::from(limit))
            .bind(lease.as_secs_f64())
            .fetch_all(&self.pool)
            .await
            .map_err(LedgerError::at("watch.claim"))
    }

    /// Makes a lease last for so long from now.
    pub async fn extend(&self, lease: &Lease, lasts: Duration) -> Result<bool, LedgerError> {
        let set = "leased_until = now() + make_interval(secs => $3)";
        let query = sqlx::query(AssertSqlSafe(guarded(lease, set))).bind(lease.id).bind(lease.no);
        let done = query.bind(lasts.as_secs_f64()).execute(&self.pool).await;
        Ok(done.map_err(LedgerError::at("watch.extend"))?.rows_affected() == 1)
    }

    /// Puts a row back, to be looked at again `after` some time.
    pub async fn look_again(
        &self,
        lease: &Lease,
        after: Duration,
        refusal: Refusal,
        trouble: Option<&str>,
    ) -> Result<bool, LedgerError> {
        let refused = match refusal {
            Refusal::No => "NULL",
            Refusal::Yes => "coalesce(refused_since, now())",
            Refusal::Unknown => "refused_since",
        };
        let set = format!(
            "status = 'running', leased_until = NULL, looks = looks + 1, refused_since = {refused}, updated_at = now(),
             next_look_at = now() + make_interval(secs => $3), error_message = $4"
        );
        let query = guarded(lease, &set);
        let query = sqlx::query(AssertSqlSafe(query)).bind(lease.id).bind(lease.no);
        let done = query.bind(after.as_secs_f64()).bind(trouble).execute(&self.pool).await;
        Ok(done.map_err(LedgerError::at("watch.look_again"))?.rows_affected() == 1)
    }

    /// Closes a row for good: as failed with this reason, or as completed.
    pub async fn close(&self, lease: &Lease, failure: Option<&str>) -> Result<bool, LedgerError> {
        let set =
            "status = CASE WHEN $3::text IS NULL THEN 'completed' ELSE 'failed' END, error_message = $3,
             leased_until = NULL, updated_at = now(), completed_at = now()";
        let query =
            sqlx::query(AssertSqlSafe(guarded(lease, set))).bind(lease.id).bind(lease.no).bind(failure);
        let done = query.execute(&self.pool).await;
        Ok(done.map_err(LedgerError::at("watch.close"))?.rows_affected() == 1)
    }

    /// How long until a row is due; zero if one is, `None` if nothing is open.
    pub async fn next_due(&self, book: Book) -> Result<Option<Duration>, LedgerError> {
        let sql = format!(
            "SELECT extract(epoch FROM min(greatest(next_look_at, coalesce(leased_until, next_look_at))) - now())::float8
             FROM {} WHERE status IN ('pending', 'running')",
            book.table()
        );
        let seconds: Option<f64> = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .map_err(LedgerError::at("watch.next_due"))?;
        Ok(seconds.map(span))
    }
}

/// An update of the row that a lease means, while the lease is the newest.
fn guarded(lease: &Lease, set: &str) -> String {
    let table = lease.book.table();
    format!("UPDATE {table} SET {set} WHERE id = $1 AND lease_no = $2 AND status IN ('pending', 'running')")
}

/// Lease and standing of a claimed row.
pub(crate) fn standing(book: Book, row: &PgRow) -> Result<(Lease, Standing), sqlx::Error> {
    let lease = Lease { book, id: row.try_get("id")?, no: row.try_get("lease_no")? };
    let looks: i32 = row.try_get("looks")?;
    let refused: Option<f64> = row.try_get("refused")?;
    let standing = Standing {
        looks: u32::try_from(looks).unwrap_or_default(),
        watched_for: span(row.try_get("watched")?),
        refused_for: refused.map(span),
        trouble: row.try_get("error_message")?,
    };
    Ok((lease, standing))
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
