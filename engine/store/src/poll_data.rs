//! When which worker last polled. Written now and then for many polls at once, never in a poll.

use podium_core::Span;

use crate::Store;
use crate::error::StoreError;
use crate::records::PollRow;
use crate::wire::At;

impl Store {
    /// Notes polls; of several notes of one worker the latest stays.
    pub async fn touch_polls(&self, polls: &[PollRow]) -> Result<(), StoreError> {
        let clean = |s: &str| s.replace('\0', "\u{fffd}");
        let types: Vec<String> = polls.iter().map(|p| clean(&p.task_type)).collect();
        let domains: Vec<String> = polls.iter().map(|p| clean(&p.domain)).collect();
        let workers: Vec<String> = polls.iter().map(|p| clean(&p.worker)).collect();
        let ats: Vec<At> = polls.iter().map(|p| At(p.last_poll_at)).collect();
        // in key order, so that two nodes with the same workers do not deadlock
        sqlx::query!(
            "INSERT INTO poll_data AS d (task_type, domain, worker, last_poll_at)
            SELECT u.task_type, u.domain, u.worker, max(u.at)
            FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS u(task_type, domain, worker, at)
            GROUP BY u.task_type, u.domain, u.worker
            ORDER BY u.task_type, u.domain, u.worker
            ON CONFLICT (task_type, domain, worker)
                DO UPDATE SET last_poll_at = greatest(d.last_poll_at, EXCLUDED.last_poll_at)",
            &types,
            &domains,
            &workers,
            &ats[..] as _
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("poll_data.touch"))?;
        Ok(())
    }

    /// Reads the last poll of each queue of a task type, or of all queues; by type and domain.
    pub async fn last_polls(&self, task_type: Option<&str>) -> Result<Vec<PollRow>, StoreError> {
        let rows = sqlx::query_as::<_, (String, String, String, At)>(
            "SELECT DISTINCT ON (task_type, domain) task_type, domain, worker, last_poll_at
            FROM poll_data
            WHERE $1::text IS NULL OR task_type = $1
            ORDER BY task_type, domain, last_poll_at DESC",
        )
        .bind(task_type)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("poll_data.list"))?;
        let row = |(task_type, domain, worker, at): (String, String, String, At)| PollRow {
            task_type,
            domain,
            worker,
            last_poll_at: at.0,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Deletes up to `limit` notes that are older than `age`; returns how many. Workers make up their names.
    pub async fn prune_polls(&self, age: Span, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM poll_data AS d
            USING (
                SELECT task_type, domain, worker
                FROM poll_data
                WHERE last_poll_at < now() - $1 * interval '1 microsecond'
                LIMIT $2
            ) AS old
            WHERE (d.task_type, d.domain, d.worker) = (old.task_type, old.domain, old.worker)",
        )
        .bind(age.as_micros() as f64)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("poll_data.prune"))?;
        Ok(done.rows_affected())
    }
}
