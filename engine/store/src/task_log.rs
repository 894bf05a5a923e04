//! Lines that workers logged.

use podium_core::{LogLine, RunId, Span, TaskNo};

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

    /// Adds a line to the log of a text that names no task.
    pub async fn append_loose_log(&self, task: &str, line: &LogLine) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO loose_log (task, at, body) VALUES ($1, $2, $3)")
            .bind(task)
            .bind(At(line.at))
            .bind(line.text.replace('\0', "\u{fffd}"))
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("task_log.append_loose"))?;
        Ok(())
    }

    /// Reads the log of a text that names no task, in the order in which it was written.
    pub async fn list_loose_log(&self, task: &str) -> Result<Vec<LogLine>, StoreError> {
        let rows =
            sqlx::query_as::<_, (At, String)>("SELECT at, body FROM loose_log WHERE task = $1 ORDER BY id")
                .bind(task)
                .fetch_all(&self.inner.pool)
                .await
                .map_err(StoreError::at("task_log.loose"))?;
        Ok(rows.into_iter().map(|(at, text)| LogLine { text, at: at.0 }).collect())
    }

    /// Deletes up to `limit` lines of texts that name no task which are older than `age`; returns how many.
    pub async fn prune_loose_log(&self, age: Span, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM loose_log AS l
            USING (
                SELECT x.id
                FROM (SELECT o.id, o.at FROM loose_log AS o ORDER BY o.id LIMIT $2) AS x
                WHERE x.at < now() - $1 * interval '1 microsecond'
            ) AS old
            WHERE l.id >= old.id AND l.id <= old.id",
        )
        .bind(age.as_micros() as f64)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_log.prune_loose"))?;
        Ok(done.rows_affected())
    }
}
