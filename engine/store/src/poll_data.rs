//! When which worker last polled. Written now and then for many polls at once, never in a poll.

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

    /// Reads who polled for a task type.
    pub async fn poll_rows(&self, task_type: &str) -> Result<Vec<PollRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT task_type, domain, worker, last_poll_at AS "last_poll_at: At"
            FROM poll_data
            WHERE task_type = $1
            ORDER BY domain, worker"#,
            task_type
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("poll_data.list"))?;
        let row =
            |task_type, domain, worker, at: At| PollRow { task_type, domain, worker, last_poll_at: at.0 };
        Ok(rows.into_iter().map(|r| row(r.task_type, r.domain, r.worker, r.last_poll_at)).collect())
    }
}
