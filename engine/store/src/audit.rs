//! Looks for open runs that nothing will move again. Reads only.

use podium_core::{RunId, Span};

use crate::Store;
use crate::error::StoreError;
use crate::run::run_id;

/// What one look at a stretch of runs found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    pub looked_at: i64,
    /// Open runs without any cause of progress.
    pub stuck: i64,
    /// Runs put aside with a fault until somebody touches them.
    pub faulted: i64,
    /// Go on behind this run; `None` = that was the last one.
    pub next: Option<RunId>,
}

/// `$1` shard, `$2` behind this id, `$3` runs to look at, `$4` at rest for so many µs.
///
/// A cause of progress is a wake-up, an inbox row, a message on its way out, or an open task that somebody outside
/// answers for. Tasks that only wait for other tasks of their run are none, and one that runs a child is one only while
/// the child is open: when the child ends, its message is an inbox row of the same commit. A place among those that
/// wait for a slot under a rate limit is one while an open run holds a slot of that key. A pause is one by itself; a fault says
/// that there is none and why, and is counted for itself.
const AUDIT: &str = "
WITH stretch AS (
    SELECT r.shard, r.id, r.status, r.wake_at, starts_with(r.extra, '{\"fault\":') IS TRUE AS faulted, coalesce(r.updated_at, r.created_at) AS changed_at
    FROM run AS r
    WHERE r.shard = $1 AND r.id > $2
    ORDER BY r.id
    LIMIT $3
)
SELECT count(*) AS looked_at,
    count(*) FILTER (
        WHERE s.status = 0 AND s.wake_at IS NULL AND NOT s.faulted AND s.changed_at < now() - $4 * interval '1 microsecond'
            AND NOT EXISTS (
                SELECT FROM task AS t
                WHERE t.shard = s.shard AND t.run_id = s.id AND t.status IN (0, 1)
                    AND t.task_type NOT IN ('JOIN', 'EXCLUSIVE_JOIN', 'DO_WHILE')
                    AND (t.task_type <> 'SUB_WORKFLOW' OR EXISTS (
                        SELECT FROM run AS c WHERE c.id >= t.child AND c.id <= t.child AND c.status IN (0, 1)
                    ))
            )
            AND NOT EXISTS (SELECT FROM inbox AS i WHERE i.shard = s.shard AND i.run_id = s.id)
            AND NOT EXISTS (
                SELECT FROM run_slot AS w
                JOIN run_slot AS h ON h.key = w.key AND NOT h.waits
                JOIN run AS o ON o.id = h.run_id AND o.status IN (0, 1)
                WHERE w.run_id = s.id AND w.shard = s.shard AND w.waits
            )
            AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.shard = s.shard AND o.run_id = s.id AND o.pending AND o.lane >= 0)
    ) AS stuck,
    count(*) FILTER (WHERE s.faulted) AS faulted,
    (SELECT x.id FROM stretch AS x ORDER BY x.id DESC LIMIT 1) AS last
FROM stretch AS s";

impl Store {
    /// Looks at up to `limit` runs of the first shard in the order of their ids, behind `after`; counts those that
    /// have been at rest for `rest` and will stay so. For a loop that goes through all runs a stretch at a time.
    pub async fn audit(&self, after: Option<RunId>, limit: i64, rest: Span) -> Result<Audit, StoreError> {
        let (looked_at, stuck, faulted, last) =
            sqlx::query_as::<_, (i64, i64, i64, Option<uuid::Uuid>)>(AUDIT)
                .bind(0_i16)
                .bind(after.map_or(uuid::Uuid::nil(), RunId::uuid))
                .bind(limit)
                .bind(rest.as_micros() as f64)
                .fetch_one(&self.inner.pool)
                .await
                .map_err(StoreError::at("run.audit"))?;
        let next = match last {
            Some(id) if looked_at >= limit => Some(run_id("run", id)?),
            Some(_) | None => None,
        };
        Ok(Audit { looked_at, stuck, faulted, next })
    }
}
