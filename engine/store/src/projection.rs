//! Making the words of runs and tasks, which searches for text look at.
//!
//! `run_search` and `task_search` hold nothing that the rows do not say: they may be behind, and may be thrown away.
//! A node notes which of its commits changed runs ([`FeedState`]) and makes their words a moment later. What a node that
//! died had noted is lost, so its row in `search_feed` stays behind, and somebody looks through all runs, newest first
//! ([`Sweep`]). Runs that were there before this table get their words in the same way.

use std::time::Duration;

use podium_core::{RunId, Timestamp};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::records::NodeLease;
use crate::run::run_id;
use crate::wire::At;

/// What a node says of its changes whose words are not made yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    pub pending: i64,
    /// Age of the oldest one; `None` = there is none.
    pub behind: Option<Duration>,
}

/// A look through all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub started_at: Timestamp,
    /// It goes on below this id.
    pub below: Uuid,
}

/// `$1` ids, `$2` node, `$3` pending, `$4` behind in µs or null.
///
/// Two nodes may make the words of one run: the version lets the newer ones win, and the order by id keeps the two
/// from waiting for each other. Of a run's tasks only those are read that changed since, and only behind the run's own
/// row, as the trigger that forgets the words of a removed run does it: else the two could wait for each other.
const PROJECT: &str = "
WITH changed AS (
    SELECT r.id, r.version, r.removed_in, coalesce(s.version, -1) AS seen,
        concat_ws(' ', r.name, r.correlation_id, r.reason,
            (ARRAY['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'TIMED_OUT', 'TERMINATED'])[r.status + 1],
            r.extra::json ->> 'event',
            (SELECT string_agg(x, ' ') FROM json_array_elements_text(r.extra::json -> 'failed_refs') AS x),
            (SELECT string_agg(x, ' ') FROM json_array_elements_text(r.extra::json -> 'failed_names') AS x)) AS plain,
        coalesce(r.input, (SELECT p.body FROM payload AS p WHERE p.run_id = r.id AND p.slot = r.input_slot), '{}') AS input,
        coalesce(r.output, (SELECT p.body FROM payload AS p WHERE p.run_id = r.id AND p.slot = r.output_slot), '{}') AS output
    FROM (SELECT DISTINCT unnest($1::uuid[]) AS id OFFSET 0) AS i
    JOIN run AS r ON r.id >= i.id AND r.id <= i.id
    LEFT JOIN run_search AS s ON s.run_id = r.id
    WHERE s.version IS DISTINCT FROM r.version
),
made AS (
    INSERT INTO run_search AS s (run_id, version, words)
    SELECT c.id, c.version, words_of(c.plain, c.input, c.output) FROM changed AS c ORDER BY c.id
    ON CONFLICT (run_id) DO UPDATE SET version = EXCLUDED.version, words = EXCLUDED.words
        WHERE s.version < EXCLUDED.version
    RETURNING s.run_id
),
made_tasks AS (
    INSERT INTO task_search AS s (run_id, no, changed_in, words)
    SELECT t.run_id, t.no, t.changed_in, words_of(
        concat_ws(' ', t.task_type, t.def_name, t.ref_name, t.domain, t.reason,
            (ARRAY['SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'TIMED_OUT',
                'FAILED_WITH_TERMINAL_ERROR', 'CANCELED', 'SKIPPED'])[t.status + 1]),
        coalesce(t.input, (SELECT p.body FROM payload AS p WHERE p.run_id = t.run_id AND p.slot = t.input_slot), '{}'),
        coalesce(t.output, (SELECT p.body FROM payload AS p WHERE p.run_id = t.run_id AND p.slot = t.output_slot), '{}'))
    FROM (
        SELECT c.id, c.seen FROM changed AS c WHERE (c.id IN (SELECT m.run_id FROM made AS m)) IS TRUE OFFSET 0
    ) AS c
    JOIN task AS t ON t.run_id = c.id
    WHERE t.changed_in > c.seen AND (t.status <> 0 OR t.poll_count > 0)
    ORDER BY t.run_id, t.no
    ON CONFLICT (run_id, no) DO UPDATE SET changed_in = EXCLUDED.changed_in, words = EXCLUDED.words
        WHERE s.changed_in < EXCLUDED.changed_in
),
forgotten AS (
    DELETE FROM task_search AS s
    USING (
        SELECT c.id FROM changed AS c
        WHERE c.removed_in > c.seen AND c.seen >= 0 AND (c.id IN (SELECT m.run_id FROM made AS m)) IS TRUE OFFSET 0
    ) AS c
    WHERE s.run_id = c.id AND NOT EXISTS (SELECT FROM task AS t WHERE t.run_id = s.run_id AND t.no = s.no)
),
said AS (
    INSERT INTO search_feed AS f (node, pending, behind_since)
    SELECT $2, $3, clock_timestamp() - $4 * interval '1 microsecond'
    ON CONFLICT (node) DO UPDATE SET pending = EXCLUDED.pending, behind_since = EXCLUDED.behind_since
)
SELECT count(*) FROM changed";

/// `$1` below this id, `$2` how many: the lowest id of the stretch, how many runs it has, those whose words are not theirs.
const STRETCH: &str = "
WITH stretch AS (
    SELECT r.id, r.version FROM run AS r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2
)
SELECT (SELECT x.id FROM stretch AS x ORDER BY x.id LIMIT 1), (SELECT count(*) FROM stretch),
    ARRAY(
        SELECT x.id FROM stretch AS x
        WHERE NOT EXISTS (SELECT FROM run_search AS s WHERE s.run_id = x.id AND s.version = x.version)
    )";

/// Words may be made again at any time, so their commits need not wait for the disk.
pub(crate) fn connection(connect: &PgConnectOptions) -> PgPool {
    let connect = connect.clone().options([
        ("application_name", "podium words"),
        ("synchronous_commit", "off"),
        ("client_min_messages", "warning"),
    ]);
    PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(Duration::from_secs(60))
        .acquire_timeout(Duration::from_secs(10))
        .connect_lazy_with(connect)
}

impl Store {
    /// Makes the words of runs that have changed, and says how far the node is; returns how many had. A crash leaves
    /// all of it or nothing.
    pub async fn make_words(
        &self,
        node: &NodeLease,
        runs: &[RunId],
        state: FeedState,
    ) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = runs.iter().map(|r| r.uuid()).collect();
        let made: i64 = sqlx::query_scalar(PROJECT)
            .bind(ids)
            .bind(node.epoch)
            .bind(state.pending)
            .bind(state.behind.map(|d| d.as_micros() as f64))
            .fetch_one(&self.inner.projector)
            .await
            .map_err(StoreError::at("search.project"))?;
        Ok(made.unsigned_abs())
    }

    /// Notes that this node changes runs; must come before the first change. Durable when it answers.
    pub async fn open_feed(&self, node: &NodeLease) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO search_feed (node) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(node.epoch)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("search.open"))?;
        Ok(())
    }

    /// Notes that this node has made the words of all that it changed and changes no more.
    pub async fn close_feed(&self, node: &NodeLease) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM search_feed WHERE node = $1")
            .bind(node.epoch)
            .execute(&self.inner.pool)
            .await
            .map_err(StoreError::at("search.close"))?;
        Ok(())
    }

    /// The sweep that is under way, or a new one if nodes have died since the last one; `None` if nothing was lost.
    pub async fn wanted_sweep(&self) -> Result<Option<Sweep>, StoreError> {
        let row = sqlx::query_as::<_, (At, Uuid)>(
            "WITH begun AS (
                INSERT INTO search_sweep (started_at, below)
                SELECT now(), 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                WHERE EXISTS (SELECT FROM podium.search_lag AS l WHERE l.sweep_needed)
                ON CONFLICT DO NOTHING
                RETURNING started_at, below
            )
            SELECT b.started_at, b.below FROM begun AS b
            UNION ALL
            SELECT s.started_at, s.below FROM search_sweep AS s
            LIMIT 1",
        )
        .fetch_optional(&self.inner.pool)
        .await
        .map_err(StoreError::at("search.wanted"))?;
        Ok(row.map(|(started_at, below)| Sweep { started_at: started_at.0, below }))
    }

    /// The next stretch of a sweep: up to `limit` runs below `below`. Returns where to go on (`None` = that was the last
    /// one) and the runs without their words.
    pub async fn sweep_stretch(
        &self,
        below: Uuid,
        limit: i64,
    ) -> Result<(Option<Uuid>, Vec<RunId>), StoreError> {
        let (lowest, looked_at, behind): (Option<Uuid>, i64, Vec<Uuid>) = sqlx::query_as(STRETCH)
            .bind(below)
            .bind(limit)
            .fetch_one(&self.inner.projector)
            .await
            .map_err(StoreError::at("search.stretch"))?;
        let runs = behind.into_iter().map(|id| run_id("run", id)).collect::<Result<_, _>>()?;
        Ok((lowest.filter(|_| looked_at >= limit), runs))
    }

    /// Notes how far a sweep is.
    pub async fn sweep_at(&self, below: Uuid, looked_at: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE search_sweep SET below = $1, looked_at = looked_at + $2")
            .bind(below)
            .bind(looked_at)
            .execute(&self.inner.projector)
            .await
            .map_err(StoreError::at("search.sweep_at"))?;
        Ok(())
    }

    /// Notes that a sweep has been through all runs: what nodes had lost that died before it began is found.
    pub async fn sweep_done(&self, sweep: &Sweep) -> Result<(), StoreError> {
        sqlx::query(
            "WITH done AS (
                DELETE FROM search_sweep WHERE started_at = $1
            ),
            gone AS (
                DELETE FROM search_feed AS f
                WHERE NOT EXISTS (SELECT FROM node AS n WHERE n.epoch = f.node)
            )
            UPDATE search_feed AS f SET swept_at = $1, pending = 0, behind_since = NULL
            FROM node AS n
            WHERE n.epoch = f.node AND n.until <= $1",
        )
        .bind(At(sweep.started_at))
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("search.sweep_done"))?;
        Ok(())
    }
}
