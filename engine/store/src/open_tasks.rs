//! Finds open tasks by the name of their definition. No index knows them (it would cost every task of every run), so
//! runs are gone through a stretch at a time; for operators, not for decisions.

use podium_core::{RunId, TaskNo};

use crate::Store;
use crate::error::StoreError;
use crate::run::run_id;

/// What one look at a stretch of runs found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenTasks {
    /// Oldest run first.
    pub tasks: Vec<(RunId, TaskNo)>,
    /// Go on behind this run; `None` = that was the last one.
    pub next: Option<RunId>,
}

/// `$1` behind this id, `$2` runs to look at, `$3` name. The first row tells where the stretch ends.
const OPEN_TASKS: &str = "
WITH stretch AS MATERIALIZED (
    SELECT r.shard, r.id, r.status FROM run AS r WHERE r.id > $1 ORDER BY r.id LIMIT $2
)
SELECT e.id, NULL::integer AS no, (SELECT count(*) FROM stretch) AS looked_at
FROM (SELECT x.id FROM stretch AS x ORDER BY x.id DESC LIMIT 1) AS e
UNION ALL
SELECT t.run_id, t.no, NULL
FROM stretch AS s
JOIN task AS t ON t.run_id = s.id AND t.shard = s.shard
WHERE s.status IN (0, 1) AND t.status IN (0, 1) AND coalesce(t.def_name, t.task_type) = $3";

impl Store {
    /// Looks at up to `runs` runs in the order of their ids, behind `after`, for open tasks of a definition.
    pub async fn open_tasks(
        &self,
        def_name: &str,
        after: Option<RunId>,
        runs: i64,
    ) -> Result<OpenTasks, StoreError> {
        let rows = sqlx::query_as::<_, (uuid::Uuid, Option<i32>, Option<i64>)>(OPEN_TASKS)
            .bind(after.map_or(uuid::Uuid::nil(), RunId::uuid))
            .bind(runs)
            .bind(def_name)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("task.open"))?;
        let mut found = OpenTasks::default();
        for (id, no, looked_at) in rows {
            match (no, looked_at) {
                (Some(no), _) => found.tasks.push((run_id("task", id)?, no as TaskNo)),
                (None, Some(looked_at)) if looked_at >= runs => found.next = Some(run_id("run", id)?),
                (None, _) => {}
            }
        }
        found.tasks.sort_unstable();
        Ok(found)
    }
}
