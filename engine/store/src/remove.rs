//! Taking a run away, and finding runs by what they are called.

use std::sync::atomic::Ordering::Relaxed;

use podium_core::{RunId, Timestamp};

use crate::Store;
use crate::error::{Kind, RACES, StoreError, kind};
use crate::run::run_id;
use crate::wire::At;

/// `$1` run, `$2` its version. Everything that belongs to the run, or nothing.
const REMOVE: &str = "
WITH gone AS (
    DELETE FROM run AS r WHERE r.id = $1 AND r.version = $2 RETURNING r.id
),
tasks AS (DELETE FROM task AS t WHERE t.run_id = $1 AND EXISTS (SELECT FROM gone)),
payloads AS (DELETE FROM payload AS p WHERE p.run_id = $1 AND EXISTS (SELECT FROM gone)),
account AS (DELETE FROM history AS h WHERE h.run_id = $1 AND EXISTS (SELECT FROM gone)),
lines AS (DELETE FROM task_log AS l WHERE l.run_id = $1 AND EXISTS (SELECT FROM gone)),
arrived AS (DELETE FROM inbox AS i WHERE i.run_id = $1 AND EXISTS (SELECT FROM gone)),
parked AS (DELETE FROM parked_event AS e WHERE e.run_id = $1 AND EXISTS (SELECT FROM gone)),
messages AS (DELETE FROM outbox AS o WHERE o.run_id = $1 AND EXISTS (SELECT FROM gone))
SELECT (SELECT count(*) FROM gone), ARRAY(
    SELECT m.run_id
    FROM gone AS g
    JOIN run_slot AS s ON s.run_id = g.id
    CROSS JOIN LATERAL move_run_slots(
        ARRAY[s.run_id], ARRAY[s.shard], ARRAY[s.bucket], ARRAY[s.key], ARRAY[0::smallint], ARRAY[0], ARRAY[0]
    ) AS m(run_id)
)";

/// Archived runs are there for searches only; the member can stand nowhere else than in the object itself, because
/// quotes inside of texts are escaped.
const NOT_ARCHIVED: &str = "(r.extra IS NULL OR position('\"archived\":true' IN r.extra) = 0)";

impl Store {
    /// Deletes a run with all that belongs to it, if it is still at this version; `None` if it is not (or not there).
    /// Answers with the runs that may begin in its place: they have a message in their inbox. A node that holds a copy finds
    /// it stale with its next change. After a crash it was deleted or it was not.
    pub async fn remove_run(&self, run: RunId, version: i64) -> Result<Option<Vec<RunId>>, StoreError> {
        let mut races = 0;
        let (gone, next): (i64, Vec<uuid::Uuid>) = loop {
            let sent =
                sqlx::query_as(REMOVE).bind(run.uuid()).bind(version).fetch_one(&self.inner.pool).await;
            match sent {
                // its messages may be met by somebody who settles those of many runs, in another order
                Err(error) if kind(&error) == Kind::Again && races < RACES => {
                    self.inner.counters.retried.fetch_add(1, Relaxed);
                    races += 1;
                }
                other => break other.map_err(StoreError::at("run.remove"))?,
            }
        };
        if gone == 0 {
            return Ok(None);
        }
        next.into_iter().map(|id| run_id("run_slot", id)).collect::<Result<_, _>>().map(Some)
    }

    /// The open runs of a name, oldest first.
    pub async fn open_runs_of(&self, name: &str) -> Result<Vec<RunId>, StoreError> {
        let rows = sqlx::query_scalar::<_, uuid::Uuid>(
            "SELECT r.id FROM run AS r WHERE r.name = $1 AND r.status IN (0, 1) ORDER BY r.id",
        )
        .bind(name)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("run.open_of"))?;
        rows.into_iter().map(|id| run_id("run", id)).collect()
    }

    /// The runs of a name and version that were created from `from` to `to`, whatever became of them, oldest first.
    pub async fn runs_created(
        &self,
        name: &str,
        version: i32,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RunId>, StoreError> {
        let text = format!(
            "SELECT r.id FROM run AS r
            WHERE r.name = $1 AND r.def_version = $2 AND r.created_at BETWEEN $3 AND $4 AND {NOT_ARCHIVED}
            ORDER BY r.id"
        );
        let rows = sqlx::query_scalar::<_, uuid::Uuid>(sqlx::AssertSqlSafe(text))
            .bind(name)
            .bind(version)
            .bind(At(from))
            .bind(At(to))
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("run.created"))?;
        rows.into_iter().map(|id| run_id("run", id)).collect()
    }

    /// The runs of a name with one of these correlation ids, oldest first; only RUNNING ones unless `ended_too`.
    pub async fn correlated_runs(
        &self,
        name: &str,
        correlation_ids: &[String],
        ended_too: bool,
    ) -> Result<Vec<RunId>, StoreError> {
        // what index run_by_correlation has
        let beginnings: Vec<String> = correlation_ids.iter().map(|c| c.chars().take(200).collect()).collect();
        let text = format!(
            "SELECT r.id FROM run AS r
            WHERE left(r.correlation_id, 200) = ANY ($4) AND r.correlation_id = ANY ($1) AND r.name = $2 AND ($3 OR r.status = 0) AND {NOT_ARCHIVED}
            ORDER BY r.id"
        );
        let rows = sqlx::query_scalar::<_, uuid::Uuid>(sqlx::AssertSqlSafe(text))
            .bind(correlation_ids)
            .bind(name)
            .bind(ended_too)
            .bind(beginnings)
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("run.correlated"))?;
        rows.into_iter().map(|id| run_id("run", id)).collect()
    }
}
