//! Ready tasks: what a poll may try to claim. Reading takes nothing; the claim is a turn with a guard.

use podium_core::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::records::{Candidate, QueueDepth};
use crate::run::run_id;
use crate::wire::At;

impl Store {
    /// Reads tasks of a type and domain that are ready and due at `now`, in the order in which they are given
    /// out: due first, then higher priority, then older.
    pub async fn ready_candidates(
        &self,
        task_type: &str,
        domain: Option<&str>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<Candidate>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT run_id, no, available_at AS "available_at: At", priority
            FROM task
            WHERE ready AND task_type = $1 AND domain = $2 AND available_at <= $3
            ORDER BY available_at, priority DESC, run_id, no
            LIMIT $4"#,
            task_type,
            domain.unwrap_or(""),
            At(now) as _,
            limit
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("ready.candidates"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Candidate {
                    run: run_id("task", row.run_id)?,
                    no: row.no as u32,
                    available_at: row.available_at.0,
                    priority: row.priority,
                })
            })
            .collect()
    }

    /// Counts the ready tasks of each type and domain, due or not. Reads the index of all ready tasks: for
    /// metrics and people, not for decisions.
    pub async fn queue_depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        sqlx::query_as!(
            QueueDepth,
            r#"SELECT task_type, domain, count(*) AS "depth!"
            FROM task
            WHERE ready
            GROUP BY task_type, domain
            ORDER BY task_type, domain"#
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("ready.depths"))
    }
}
