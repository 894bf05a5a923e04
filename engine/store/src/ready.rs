//! Ready tasks: what a poll may try to claim. Reading takes nothing; the claim is a turn with a guard.

use podium_core::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::records::{Candidate, QueueDepth};
use crate::run::run_id;
use crate::wire::At;

/// A statement over `queue`, the task types and domains in which tasks are ready. The next queue is the first entry of the
/// index behind the last one.
macro_rules! over_queues {
    ($rest:literal) => {
        concat!(
            "
WITH RECURSIVE queue AS (
    (SELECT t.task_type, t.domain FROM task AS t WHERE t.ready ORDER BY t.task_type, t.domain LIMIT 1)
    UNION ALL
    SELECT n.task_type, n.domain
    FROM queue AS q
    CROSS JOIN LATERAL (
        SELECT t.task_type, t.domain
        FROM task AS t
        WHERE t.ready AND (t.task_type, t.domain) > (q.task_type, q.domain)
        ORDER BY t.task_type, t.domain
        LIMIT 1
    ) AS n
)",
            $rest
        )
    };
}
pub(crate) use over_queues;

/// `$1` tasks counted in each queue at most.
const QUEUE_DEPTHS: &str = over_queues!(
    "
SELECT q.task_type, q.domain, (
    SELECT count(*)
    FROM (
        SELECT FROM task AS t WHERE t.ready AND t.task_type = q.task_type AND t.domain = q.domain LIMIT $1
    ) AS counted
)
FROM queue AS q
ORDER BY q.task_type, q.domain"
);

/// `$1` task type. The next domain is the first entry of the index behind the last one.
const DOMAINS: &str = "
WITH RECURSIVE queue AS (
    (SELECT t.domain FROM task AS t WHERE t.ready AND t.task_type = $1 ORDER BY t.task_type, t.domain LIMIT 1)
    UNION ALL
    SELECT n.domain
    FROM queue AS q
    CROSS JOIN LATERAL (
        SELECT t.domain
        FROM task AS t
        WHERE t.ready AND t.task_type = $1 AND t.domain > q.domain
        ORDER BY t.task_type, t.domain
        LIMIT 1
    ) AS n
)
SELECT q.domain FROM queue AS q WHERE q.domain <> ''";

impl Store {
    /// The domains in which tasks of a type are ready, due or not.
    pub async fn ready_domains(&self, task_type: &str) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(DOMAINS)
            .bind(task_type)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("ready.domains"))
    }

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

    /// Counts the ready tasks of one type and domain, due or not, up to `limit`. For people and metrics.
    pub async fn queue_size(
        &self,
        task_type: &str,
        domain: Option<&str>,
        limit: i64,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT count(*)
            FROM (SELECT FROM task WHERE ready AND task_type = $1 AND domain = $2 LIMIT $3) AS counted",
        )
        .bind(task_type)
        .bind(domain.unwrap_or_default())
        .bind(limit)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("ready.size"))
    }

    /// Counts the ready tasks of each type and domain, due or not, up to `limit` in each. It goes from queue to queue
    /// through the index of ready tasks and reads nothing else. For people and metrics, not for decisions.
    pub async fn queue_depths(&self, limit: i64) -> Result<Vec<QueueDepth>, StoreError> {
        let rows = sqlx::query_as::<_, (String, String, i64)>(QUEUE_DEPTHS)
            .bind(limit)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("ready.depths"))?;
        Ok(rows
            .into_iter()
            .map(|(task_type, domain, depth)| QueueDepth { task_type, domain, depth })
            .collect())
    }
}
