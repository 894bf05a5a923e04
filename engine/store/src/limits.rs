//! Limits of task definitions: how many of their tasks are in progress at once, how many begin in a stretch of time.
//!
//! What is read here is advice: which tasks it makes sense to claim now. The claim's own commit decides, in
//! `refused_by_limits` of the migrations, under a lock on the limit's row. There is no counter: a slot counts while its
//! task is IN_PROGRESS, so a crash before or after any call leaves none behind.

use podium_core::Timestamp;
use podium_core::explain::Room;

use crate::Store;
use crate::error::StoreError;
use crate::records::Candidate;
use crate::run::run_id;
use crate::wire::At;

/// The limits of a task definition; at least one of the two is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLimit {
    /// Tasks in progress at most, from 1.
    pub at_once: Option<i32>,
    /// Tasks that begin within any `window_s` seconds at most, from 1.
    pub per_window: Option<i32>,
    /// Seconds, from 1.
    pub window_s: i32,
}

/// The tasks of a limited type that may be claimed now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// In the order in which they are given out.
    pub tasks: Vec<Candidate>,
    /// All that the limits leave room for is taken or promised to these and older tasks: further tasks change nothing.
    pub full: bool,
    /// When time alone may change the answer.
    pub look_at: Option<Timestamp>,
}

/// Room under the limits of `$1` at `$2`: slots held, begins counted, and when the window has one begin less than its limit.
const ROOM: &str = "
SELECT l.at_once, l.per_window,
    (
        SELECT count(*)
        FROM task_slot AS s
        WHERE s.name = l.name AND EXISTS (
            SELECT FROM task AS t WHERE t.run_id = s.run_id AND t.no = s.no AND t.status = 1
        )
    ) AS held,
    (
        SELECT count(*)
        FROM task_begin AS b
        WHERE b.name = l.name AND b.at > $2 - l.window_s * interval '1 second'
    ) AS begun,
    (
        SELECT b.at + l.window_s * interval '1 second'
        FROM task_begin AS b
        WHERE b.name = l.name
        ORDER BY b.at DESC
        OFFSET l.per_window - 1
        LIMIT 1
    ) AS begins_at
FROM task_limit AS l
WHERE l.name = $1";

/// The `$4` ready tasks of type `$1` in all domains that come first, and of these the ones in domain `$2`.
///
/// First come, first served: with a limit of tasks at once (`$5`) by the instant at which they were scheduled, those
/// that are or were delayed keep their place; else by the instant at which they are due (`$3` = now). In each domain the
/// `$7` that were due first and the `$6` that come due first are looked at: of more than that, those that were delayed
/// have the place of their due time.
const FIRST: &str = "
WITH RECURSIVE queue AS (
    (SELECT t.domain FROM task AS t WHERE t.ready AND t.task_type = $1 ORDER BY t.task_type, t.domain LIMIT 1)
    UNION ALL
    SELECT n.domain
    FROM queue AS q
    CROSS JOIN LATERAL (
        SELECT t.domain
        FROM task AS t
        WHERE t.ready AND t.task_type = $1 AND t.domain > q.domain
        ORDER BY t.task_type, t.domain
        LIMIT 1
    ) AS n
),
near AS (
    SELECT c.run_id, c.no, q.domain, c.available_at, c.priority,
        CASE WHEN $5 THEN c.scheduled_at ELSE c.available_at END AS place,
        CASE WHEN $5 THEN 0 ELSE c.priority END AS urgency
    FROM queue AS q
    CROSS JOIN LATERAL (
        (
            SELECT t.run_id, t.no, t.available_at, t.priority, t.scheduled_at
            FROM task AS t
            WHERE t.ready AND t.task_type = $1 AND t.domain = q.domain AND t.available_at <= $3
            ORDER BY t.available_at, t.priority DESC, t.run_id, t.no
            LIMIT $7
        )
        UNION ALL
        (
            SELECT t.run_id, t.no, t.available_at, t.priority, t.scheduled_at
            FROM task AS t
            WHERE t.ready AND t.task_type = $1 AND t.domain = q.domain AND t.available_at > $3
            ORDER BY t.available_at, t.priority DESC, t.run_id, t.no
            LIMIT $6
        )
    ) AS c
),
first AS (
    SELECT n.run_id, n.no, n.domain, n.available_at, n.priority
    FROM near AS n
    ORDER BY n.place, n.urgency DESC, n.run_id, n.no
    LIMIT $4
)
SELECT f.run_id, f.no, f.available_at, f.priority, f.domain = $2 AS mine
FROM first AS f
ORDER BY f.available_at, f.priority DESC, f.run_id, f.no";

/// A row of [`ROOM`].
type RoomRow = (Option<i32>, Option<i32>, i64, i64, Option<At>);

/// Tasks brought by one read at most.
const AT_MOST: i64 = 1_024;
/// Delayed tasks of each domain among which those that keep their place are looked for.
const DELAYED_AT_MOST: i64 = 10_000;
/// The same for those that are due.
const DUE_AT_MOST: i64 = 500;

impl Store {
    /// The limits of all task definitions that have some.
    pub async fn task_limits(&self) -> Result<Vec<(String, TaskLimit)>, StoreError> {
        let rows = sqlx::query_as::<_, (String, Option<i32>, Option<i32>, i32)>(
            "SELECT name, at_once, per_window, window_s FROM task_limit ORDER BY name",
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("limit.list"))?;
        let limit =
            |(name, at_once, per_window, window_s)| (name, TaskLimit { at_once, per_window, window_s });
        Ok(rows.into_iter().map(limit).collect())
    }

    /// How much of the limits under a name is taken; `None` if there are none.
    pub async fn limit_room(&self, name: &str, now: Timestamp) -> Result<Option<Room>, StoreError> {
        let row = self.room(name, now).await?;
        Ok(row.map(|(at_once, per_window, held, begun, begins_at)| Room {
            at_once,
            held,
            per_window,
            begun,
            begins_at: begins_at.map(|at| at.0),
        }))
    }

    async fn room(&self, name: &str, now: Timestamp) -> Result<Option<RoomRow>, StoreError> {
        sqlx::query_as(ROOM)
            .bind(name)
            .bind(At(now))
            .fetch_optional(&self.inner.pool)
            .await
            .map_err(StoreError::at("limit.room"))
    }

    /// Reads which tasks of a limited type a poll of this domain may claim at `now`. `None` if there is no limit under
    /// that name (any more).
    pub async fn allowed_tasks(
        &self,
        task_type: &str,
        name: &str,
        domain: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Allowed>, StoreError> {
        let room = self.room(name, now).await?;
        let Some((at_once, per_window, held, begun, begins_at)) = room else { return Ok(None) };
        let slots = at_once.map_or(AT_MOST, |limit| i64::from(limit) - held).clamp(0, AT_MOST);
        let begins = per_window.map_or(AT_MOST, |limit| i64::from(limit) - begun).max(0);
        let room = slots.min(begins);
        // with no begin left the window opens by itself; with no slot left somebody must end a task
        let mut look_at = begins_at.map(|at| at.0).filter(|at| begins < slots && *at > now);
        if room == 0 {
            return Ok(Some(Allowed { tasks: Vec::new(), full: true, look_at }));
        }
        let rows = sqlx::query_as::<_, (uuid::Uuid, i32, At, i16, bool)>(FIRST)
            .bind(task_type)
            .bind(domain.unwrap_or_default())
            .bind(At(now))
            .bind(room)
            .bind(at_once.is_some())
            .bind(DELAYED_AT_MOST)
            .bind(if at_once.is_some() { room.max(DUE_AT_MOST) } else { room })
            .fetch_all(&self.inner.pool)
            .await
            .map_err(StoreError::at("limit.first"))?;
        let full = rows.len() as i64 >= room;
        let mut tasks = Vec::with_capacity(rows.len());
        for (run, no, at, priority, mine) in rows {
            if at.0 > now {
                look_at = Some(look_at.map_or(at.0, |look| look.min(at.0)));
            } else if mine {
                let run = run_id("task", run)?;
                tasks.push(Candidate { run, no: no as u32, available_at: at.0, priority });
            }
        }
        Ok(Some(Allowed { tasks, full, look_at }))
    }
}
