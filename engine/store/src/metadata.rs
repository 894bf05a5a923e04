//! Registered definitions. Every change raises the metadata version in its own transaction, so a start that was
//! resolved before the change is not stored after it.

use podium_core::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::limits::TaskLimit;
use crate::records::{PutMode, PutOutcome, StoredTaskDef, StoredWorkflowDef};
use crate::wire::At;

/// What follows the names `$1` with their limits `$2` to `$4`, all arrays of one length.
macro_rules! with_limits {
    ($stored:literal) => {
        concat!(
            "WITH given AS (
                SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[])
                    AS g(name, at_once, per_window, window_s)
            ),
            stored AS (",
            $stored,
            "),
            limited AS (
                INSERT INTO task_limit (name, at_once, per_window, window_s)
                SELECT g.name, g.at_once, g.per_window, g.window_s
                FROM given AS g
                WHERE (g.at_once IS NOT NULL OR g.per_window IS NOT NULL)
                    AND g.name IN (SELECT s.name FROM stored AS s)
                ORDER BY g.name
                ON CONFLICT (name) DO UPDATE SET at_once = EXCLUDED.at_once, per_window = EXCLUDED.per_window,
                    window_s = EXCLUDED.window_s
            ),
            unlimited AS (
                DELETE FROM task_limit AS l
                USING given AS g
                WHERE l.name = g.name AND g.at_once IS NULL AND g.per_window IS NULL
                    AND g.name IN (SELECT s.name FROM stored AS s)
            ),
            moved AS (
                UPDATE metadata_version SET version = version + 1 WHERE EXISTS (SELECT FROM stored)
            )
            SELECT EXISTS (SELECT FROM stored)"
        )
    };
}

const PUT_TASK_DEFS: &str = with_limits!(
    "
                INSERT INTO task_def (name, body)
                SELECT * FROM unnest($1::text[], $5::text[])
                ON CONFLICT (name) DO UPDATE SET body = EXCLUDED.body
                RETURNING name
            "
);
const UPDATE_TASK_DEF: &str =
    with_limits!("UPDATE task_def SET body = $5 WHERE name = ANY ($1) RETURNING name");

/// Limits, column by column.
#[derive(Default)]
struct LimitColumns {
    at_once: Vec<Option<i32>>,
    per_window: Vec<Option<i32>>,
    window_s: Vec<i32>,
}

impl LimitColumns {
    fn of<'a>(limits: impl Iterator<Item = Option<&'a TaskLimit>>) -> Self {
        let mut columns = LimitColumns::default();
        for limit in limits {
            columns.at_once.push(limit.and_then(|l| l.at_once));
            columns.per_window.push(limit.and_then(|l| l.per_window));
            columns.window_s.push(limit.map_or(1, |l| l.window_s));
        }
        columns
    }
}

impl Store {
    /// The current metadata version. Read it before the definitions that are to be cached under it.
    pub async fn metadata_version(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar!("SELECT version FROM metadata_version")
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("metadata.version"))
    }

    /// Registers a workflow definition (its wire JSON).
    pub async fn put_workflow_def(
        &self,
        name: &str,
        version: i32,
        text: &str,
        mode: PutMode,
    ) -> Result<PutOutcome, StoreError> {
        let stored = sqlx::query_scalar!(
            r#"WITH stored AS (
                INSERT INTO workflow_def AS d (name, version, body) VALUES ($1, $2, $3)
                ON CONFLICT (name, version) DO UPDATE SET body = EXCLUDED.body WHERE $4
                RETURNING d.name
            ),
            moved AS (
                UPDATE metadata_version SET version = version + 1 WHERE EXISTS (SELECT FROM stored)
            )
            SELECT EXISTS (SELECT FROM stored) AS "stored!""#,
            name,
            version,
            text,
            mode == PutMode::Upsert
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.put"))?;
        Ok(if stored { PutOutcome::Stored } else { PutOutcome::Exists })
    }

    /// Registers or replaces several workflow definitions, all or none. Of two with one key the last counts.
    pub async fn put_workflow_defs(&self, defs: &[StoredWorkflowDef]) -> Result<(), StoreError> {
        let last = |i: usize, d: &StoredWorkflowDef| {
            !defs[i + 1..].iter().any(|later| (&later.name, later.version) == (&d.name, d.version))
        };
        let defs: Vec<_> = defs.iter().enumerate().filter(|(i, d)| last(*i, d)).map(|(_, d)| d).collect();
        let names: Vec<String> = defs.iter().map(|d| d.name.clone()).collect();
        let versions: Vec<i32> = defs.iter().map(|d| d.version).collect();
        let texts: Vec<String> = defs.iter().map(|d| d.text.clone()).collect();
        sqlx::query!(
            "WITH stored AS (
                INSERT INTO workflow_def (name, version, body)
                SELECT * FROM unnest($1::text[], $2::integer[], $3::text[])
                ON CONFLICT (name, version) DO UPDATE SET body = EXCLUDED.body
            )
            UPDATE metadata_version SET version = version + 1",
            &names,
            &versions,
            &texts
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.put_many"))?;
        Ok(())
    }

    /// Reads a workflow definition; without a version the highest.
    pub async fn get_workflow_def(
        &self,
        name: &str,
        version: Option<i32>,
    ) -> Result<Option<StoredWorkflowDef>, StoreError> {
        sqlx::query_as!(
            StoredWorkflowDef,
            "SELECT name, version, body AS text
            FROM workflow_def
            WHERE name = $1 AND ($2::integer IS NULL OR version = $2)
            ORDER BY version DESC
            LIMIT 1",
            name,
            version
        )
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.get"))
    }

    /// All workflow definitions, by name and version.
    pub async fn list_workflow_defs(&self) -> Result<Vec<StoredWorkflowDef>, StoreError> {
        sqlx::query_as!(
            StoredWorkflowDef,
            "SELECT name, version, body AS text FROM workflow_def ORDER BY name, version"
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.list"))
    }

    /// The names of all workflow definitions, in order.
    pub async fn workflow_names(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("SELECT DISTINCT name FROM workflow_def ORDER BY name")
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("workflow_def.names"))
    }

    /// The versions of a workflow definition, in order, each with the instant of its first registration.
    pub async fn workflow_versions(&self, name: &str) -> Result<Vec<(i32, Timestamp)>, StoreError> {
        let rows = sqlx::query_as::<_, (i32, At)>(
            "SELECT version, created_at FROM workflow_def WHERE name = $1 ORDER BY version",
        )
        .bind(name)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.versions"))?;
        Ok(rows.into_iter().map(|(version, at)| (version, at.0)).collect())
    }

    /// The highest version of each workflow definition, by name.
    pub async fn latest_workflow_defs(&self) -> Result<Vec<StoredWorkflowDef>, StoreError> {
        let rows = sqlx::query_as::<_, (String, i32, String)>(
            "SELECT DISTINCT ON (name) name, version, body FROM workflow_def ORDER BY name, version DESC",
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.latest"))?;
        Ok(rows.into_iter().map(|(name, version, text)| StoredWorkflowDef { name, version, text }).collect())
    }

    /// Removes a workflow definition; false if there was none. Runs that use it go on with their snapshot.
    pub async fn delete_workflow_def(&self, name: &str, version: i32) -> Result<bool, StoreError> {
        sqlx::query_scalar!(
            r#"WITH removed AS (
                DELETE FROM workflow_def WHERE name = $1 AND version = $2 RETURNING name
            ),
            moved AS (
                UPDATE metadata_version SET version = version + 1 WHERE EXISTS (SELECT FROM removed)
            )
            SELECT EXISTS (SELECT FROM removed) AS "removed!""#,
            name,
            version
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("workflow_def.delete"))
    }

    /// Registers or replaces task definitions with their limits, all or none. Of two with one name the last counts. Tasks
    /// that wait to be polled are under the new limits at once; those in progress count only if they were under one
    /// when they were handed out.
    pub async fn put_task_defs(&self, defs: &[(StoredTaskDef, Option<TaskLimit>)]) -> Result<(), StoreError> {
        let last = |i: usize, name: &str| !defs[i + 1..].iter().any(|(later, _)| later.name == name);
        let defs = defs.iter().enumerate().filter(|(i, (d, _))| last(*i, &d.name)).map(|(_, d)| d);
        let given: Vec<_> = defs.collect();
        let names: Vec<&str> = given.iter().map(|(d, _)| &*d.name).collect();
        let texts: Vec<&str> = given.iter().map(|(d, _)| &*d.text).collect();
        let limits = LimitColumns::of(given.iter().map(|(_, limit)| limit.as_ref()));
        sqlx::query(PUT_TASK_DEFS)
            .bind(&names)
            .bind(&limits.at_once)
            .bind(&limits.per_window)
            .bind(&limits.window_s)
            .bind(&texts)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("task_def.put"))?;
        Ok(())
    }

    /// Replaces a task definition and its limits; false if there is none.
    pub async fn update_task_def(
        &self,
        def: &StoredTaskDef,
        limit: Option<&TaskLimit>,
    ) -> Result<bool, StoreError> {
        let limits = LimitColumns::of(std::iter::once(limit));
        sqlx::query_scalar(UPDATE_TASK_DEF)
            .bind([&*def.name])
            .bind(&limits.at_once)
            .bind(&limits.per_window)
            .bind(&limits.window_s)
            .bind(&def.text)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("task_def.update"))
    }

    /// Reads a task definition.
    pub async fn get_task_def(&self, name: &str) -> Result<Option<StoredTaskDef>, StoreError> {
        sqlx::query_as!(StoredTaskDef, "SELECT name, body AS text FROM task_def WHERE name = $1", name)
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("task_def.get"))
    }

    /// All task definitions, by name.
    pub async fn list_task_defs(&self) -> Result<Vec<StoredTaskDef>, StoreError> {
        sqlx::query_as!(StoredTaskDef, "SELECT name, body AS text FROM task_def ORDER BY name")
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("task_def.list"))
    }

    /// Removes a task definition and its limits; false if there was none.
    pub async fn delete_task_def(&self, name: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "WITH removed AS (
                DELETE FROM task_def WHERE name = $1 RETURNING name
            ),
            unlimited AS (
                DELETE FROM task_limit WHERE name = $1
            ),
            moved AS (
                UPDATE metadata_version SET version = version + 1 WHERE EXISTS (SELECT FROM removed)
            )
            SELECT EXISTS (SELECT FROM removed)",
        )
        .bind(name)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("task_def.delete"))
    }
}
