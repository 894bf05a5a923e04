//! Reading what was found.

use podium_core::{RunHead, RunId, SnapshotHash, TaskState};
use sqlx::Row;
use uuid::Uuid;

use super::{Hit, failed};
use crate::Store;
use crate::error::StoreError;
use crate::run::{corrupt, head, head_columns, run_id, task_row, tasks};

/// `$1` ids.
const HEADS: &str = concat!(
    "SELECT ",
    head_columns!(),
    "
FROM (SELECT unnest($1::uuid[]) AS id OFFSET 0) AS i
JOIN run AS r ON r.id >= i.id AND r.id <= i.id
JOIN snapshot AS s ON s.id >= r.snapshot_id AND s.id <= r.snapshot_id"
);

/// `$1` runs, `$2` numbers.
const TASKS: &str = concat!(
    "SELECT r.id, s.hash, r.name, r.correlation_id, r.priority, ARRAY(
        SELECT ",
    task_row!(),
    "
        FROM task AS t
        WHERE t.run_id = i.id AND t.no = i.no
    ) AS tasks
FROM (SELECT unnest($1::uuid[]) AS id, unnest($2::integer[]) AS no OFFSET 0) AS i
JOIN run AS r ON r.id >= i.id AND r.id <= i.id
JOIN snapshot AS s ON s.id >= r.snapshot_id AND s.id <= r.snapshot_id"
);

/// A task with what it shows of its run.
#[derive(Clone, Debug)]
pub struct FoundTask {
    pub run: RunId,
    pub snapshot: SnapshotHash,
    pub name: String,
    pub correlation_id: Option<String>,
    pub priority: i16,
    pub task: TaskState,
}

impl Store {
    /// Reads runs without their tasks, in any order; those that do not exist are left out.
    pub async fn load_heads(&self, runs: &[RunId]) -> Result<Vec<RunHead>, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let rows = sqlx::query(HEADS)
            .bind(ids)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("search.heads"))?;
        rows.iter().map(|row| head(row).map(|(head, _)| head)).collect()
    }

    /// Reads single tasks, in any order; those that do not exist are left out.
    pub async fn load_tasks(&self, hits: &[Hit]) -> Result<Vec<FoundTask>, StoreError> {
        let runs: Vec<Uuid> = hits.iter().map(|h| h.run.uuid()).collect();
        let nos: Vec<i32> = hits.iter().map(|h| h.no as i32).collect();
        let rows = sqlx::query(TASKS)
            .bind(runs)
            .bind(nos)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("search.tasks"))?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let read = |e: sqlx::Error| StoreError::Refused { statement: "search.tasks", source: e };
            let run = run_id("run", row.try_get(0).map_err(read)?)?;
            let hash: &[u8] = row.try_get(1).map_err(read)?;
            let snapshot = SnapshotHash(hash.try_into().map_err(|_| corrupt("snapshot", "hash", run))?);
            for task in tasks(row, 5, run)? {
                found.push(FoundTask {
                    run,
                    snapshot,
                    name: row.try_get(2).map_err(read)?,
                    correlation_id: row.try_get(3).map_err(read)?,
                    priority: row.try_get(4).map_err(read)?,
                    task,
                });
            }
        }
        Ok(found)
    }
}
