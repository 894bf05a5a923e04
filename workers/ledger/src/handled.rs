//! Messages whose effect happened.

use std::time::Duration;

use crate::Ledger;
use crate::error::LedgerError;

impl Ledger {
    /// Notes that `consumer` handled a message; `false` if that was noted before. Kept for `keep`, within which the same
    /// message may come again.
    pub async fn note_handled(
        &self,
        consumer: &str,
        event_id: &str,
        keep: Duration,
    ) -> Result<bool, LedgerError> {
        let noted = sqlx::query(
            "INSERT INTO ledger.handled_events (consumer, event_id, expires_at)
             VALUES ($1, $2, now() + make_interval(secs => $3)) ON CONFLICT DO NOTHING",
        )
        .bind(consumer)
        .bind(event_id)
        .bind(keep.as_secs_f64())
        .execute(&self.pool)
        .await;
        Ok(noted.map_err(LedgerError::at("handled_events.note"))?.rows_affected() == 1)
    }

    /// Whether `consumer` has noted a message as handled.
    pub async fn was_handled(&self, consumer: &str, event_id: &str) -> Result<bool, LedgerError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM ledger.handled_events WHERE consumer = $1 AND event_id = $2)",
        )
        .bind(consumer)
        .bind(event_id)
        .fetch_one(&self.pool)
        .await
        .map_err(LedgerError::at("handled_events.was"))
    }

    /// Forgets the messages whose time is over; returns how many.
    pub async fn forget_handled(&self) -> Result<u64, LedgerError> {
        let gone = sqlx::query("DELETE FROM ledger.handled_events WHERE expires_at < now()")
            .execute(&self.pool)
            .await;
        Ok(gone.map_err(LedgerError::at("handled_events.forget"))?.rows_affected())
    }
}
