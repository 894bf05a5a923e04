//! How queues stand, for people: what waits in each, what workers hold, who polls.
//!
//! On the connections of searches, read-only and with a time limit: nothing that is asked here holds up the engine.

use podium_core::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::ready::over_queues;
use crate::records::PollRow;
use crate::search::failed;
use crate::wire::At;

/// `$1` now, `$2` tasks counted of each kind in each queue at most, `$3` queues at most. Nothing but the index is
/// read.
const STATES: &str = over_queues!(
    "
SELECT q.task_type, q.domain, (
    SELECT count(*)
    FROM (
        SELECT
        FROM task AS t
        WHERE t.ready AND t.task_type = q.task_type AND t.domain = q.domain AND t.available_at <= $1
        LIMIT $2
    ) AS counted
), (
    SELECT count(*)
    FROM (
        SELECT
        FROM task AS t
        WHERE t.ready AND t.task_type = q.task_type AND t.domain = q.domain AND t.available_at > $1
        LIMIT $2
    ) AS counted
), (
    SELECT t.available_at
    FROM task AS t
    WHERE t.ready AND t.task_type = q.task_type AND t.domain = q.domain AND t.available_at <= $1
    ORDER BY t.task_type, t.domain, t.available_at
    LIMIT 1
)
FROM (SELECT * FROM queue LIMIT $3) AS q"
);

/// `$1` runs at most. A task that a worker holds has a lease, which ends at a time: its run is in the index of runs that
/// wait for one, and the many runs whose tasks only wait for a poll are not. The first row tells how many were looked at.
const LEASED: &str = "
WITH timed AS MATERIALIZED (
    SELECT r.id, r.shard FROM run AS r WHERE r.wake_at IS NOT NULL ORDER BY r.wake_at, r.bucket LIMIT $1
)
SELECT NULL::text AS task_type, NULL::text AS domain, count(*) FROM timed AS r
UNION ALL
SELECT t.task_type, t.domain, count(*)
FROM timed AS r
CROSS JOIN LATERAL (
    SELECT x.task_type, x.domain
    FROM task AS x
    WHERE x.run_id = r.id AND x.shard = r.shard AND x.status = 1 AND NOT x.ready AND x.worker IS NOT NULL
    OFFSET 0
) AS t
GROUP BY t.task_type, t.domain";

/// `$1` workers of each queue at most: those who polled last.
const POLLERS: &str = "
SELECT d.task_type, d.domain, d.worker, d.last_poll_at
FROM (
    SELECT p.*, row_number() OVER (PARTITION BY p.task_type, p.domain ORDER BY p.last_poll_at DESC) AS place
    FROM poll_data AS p
) AS d
WHERE d.place <= $1
ORDER BY d.task_type, d.domain, d.place";

/// The tasks of one queue that workers may poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    pub task_type: String,
    /// `""` = no domain.
    pub domain: String,
    /// Due now.
    pub ready: i64,
    /// Due later.
    pub delayed: i64,
    /// Since when the oldest of the ready ones is.
    pub oldest: Option<Timestamp>,
}

/// The tasks of each queue that workers hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeasedTasks {
    /// Type, domain (`""` = none), how many.
    pub queues: Vec<(String, String, i64)>,
    /// False: there are at least so many, because not all runs were looked at.
    pub exact: bool,
}

impl Store {
    /// What waits in the first `queues` queues by type and domain; of each kind up to `limit` are counted.
    pub async fn queue_states(
        &self,
        now: Timestamp,
        limit: i64,
        queues: i64,
    ) -> Result<Vec<QueueState>, StoreError> {
        let rows = sqlx::query_as::<_, (String, String, i64, i64, Option<At>)>(STATES)
            .bind(At(now))
            .bind(limit)
            .bind(queues)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("queue.states"))?;
        let state = |(task_type, domain, ready, delayed, oldest): (_, _, _, _, Option<At>)| QueueState {
            task_type,
            domain,
            ready,
            delayed,
            oldest: oldest.map(|at| at.0),
        };
        Ok(rows.into_iter().map(state).collect())
    }

    /// What workers hold in the `runs` runs whose next deadline comes first. A task without any deadline (of no lease)
    /// is not seen.
    pub async fn leased_tasks(&self, runs: i64) -> Result<LeasedTasks, StoreError> {
        let rows = sqlx::query_as::<_, (Option<String>, Option<String>, i64)>(LEASED)
            .bind(runs)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("queue.leased"))?;
        let mut leased = LeasedTasks::default();
        for (task_type, domain, count) in rows {
            match (task_type, domain) {
                (Some(task_type), Some(domain)) => leased.queues.push((task_type, domain, count)),
                _ => leased.exact = count < runs,
            }
        }
        Ok(leased)
    }

    /// The workers who polled each queue last, at most `each` of them: by type and domain, the latest first.
    pub async fn pollers(&self, each: i64) -> Result<Vec<PollRow>, StoreError> {
        let rows = sqlx::query_as::<_, (String, String, String, At)>(POLLERS)
            .bind(each)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("queue.pollers"))?;
        let row = |(task_type, domain, worker, at): (String, String, String, At)| PollRow {
            task_type,
            domain,
            worker,
            last_poll_at: at.0,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}
