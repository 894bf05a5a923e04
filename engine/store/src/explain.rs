//! What an explanation of a run asks about its surroundings. All of it is read for people and decides nothing.

use podium_core::{RunId, RunStatus, TaskNo};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::{corrupt, run_id};

impl Store {
    /// The statuses of runs; those that do not exist are left out.
    pub async fn statuses(&self, runs: &[RunId]) -> Result<Vec<(RunId, RunStatus)>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|run| run.uuid()).collect();
        let rows = sqlx::query_as::<_, (Uuid, i16)>(
            "SELECT r.id, r.status
            FROM unnest($1::uuid[]) AS i(id)
            JOIN run AS r ON r.id >= i.id AND r.id <= i.id",
        )
        .bind(ids)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("run.statuses"))?;
        rows.into_iter()
            .map(|(id, status)| {
                let status = RunStatus::from_code(status).ok_or_else(|| corrupt("run", "status", id))?;
                Ok((run_id("run", id)?, status))
            })
            .collect()
    }

    /// The tasks of a run whose message nobody has acknowledged or refused, with its topic.
    pub async fn unsent(&self, run: RunId) -> Result<Vec<(TaskNo, String)>, StoreError> {
        let rows = sqlx::query_as::<_, (i32, String)>(
            "SELECT o.task_no, o.topic FROM outbox AS o WHERE o.run_id = $1 AND o.pending AND o.lane >= 0",
        )
        .bind(run.uuid())
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("outbox.unsent"))?;
        Ok(rows.into_iter().map(|(no, topic)| (no as TaskNo, topic)).collect())
    }

    /// How many runs come before this one where it waits for the rate limit of its definition; `None` if it waits for none.
    pub async fn before_in_line(&self, run: RunId) -> Result<Option<i64>, StoreError> {
        sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM run_slot AS b WHERE b.waits AND b.key = s.key AND b.seq < s.seq)
            FROM run_slot AS s
            WHERE s.run_id = $1 AND s.waits",
        )
        .bind(run.uuid())
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(StoreError::at("slot.before"))
    }
}
