//! Lines that workers logged.

use podium_core::{LogLine, RunId, TaskNo};

use crate::Store;
use crate::error::StoreError;
use crate::wire::At;

impl Store {
    /// Adds a line to a task's log; false if there is no such task.
    pub async fn append_log(&self, run: RunId, no: TaskNo, line: &LogLine) -> Result<bool, StoreError> {
        let done = sqlx::query!(
            "INSERT INTO task_log (run_id, shard, no, at, body)
            SELECT t.run_id, t.shard, t.no, $3, $4
            FROM task AS t
            WHERE t.run_id = $1 AND t.no = $2",
            run.uuid(),
            no as i32,
            At(line.at) as _,
            line.text.replace('\0', "\u{fffd}")
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_log.append"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Reads a task's log in the order in which it was written.
    pub async fn list_log(&self, run: RunId, no: TaskNo) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT at AS "at: At", body FROM task_log WHERE run_id = $1 AND no = $2 ORDER BY id"#,
            run.uuid(),
            no as i32
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_log.list"))?;
        Ok(rows.into_iter().map(|row| LogLine { text: row.body, at: row.at.0 }).collect())
    }
}
