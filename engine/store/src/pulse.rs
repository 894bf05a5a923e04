//! The pulse: one statement per node and second. It renews and takes leases and reads what is to be done.
//!
//! Leases only save work: if two nodes believe they hold a bucket, the version of the run decides; if two
//! publish a lane, readers see a message twice under one id.

use podium_core::{Outgoing, RunId, Span};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::outbox::headers_from_text;
use crate::records::{NodeLease, OutboxRow, PulseAnswer};
use crate::run::{corrupt, run_id};
use crate::wire::{At, Malformed, Record, records};

/// Runs with inbox rows that one pulse brings.
const INBOX_RUNS: i32 = 2_000;

/// `$1` node, `$2` lease in µs, `$3` horizon in µs, `$4` the run behind which inbox rows are looked for, `$5` how many.
///
/// Runs with inbox rows are found by leaping from one run to the next along the index, so that a run with a hundred
/// thousand rows costs no more than one with a single row; the next pulse goes on behind the last one, so that
/// runs whose rows stay do not keep the others from their turn. Rows of faulted runs wait until the run is touched.
///
/// Each kind is shared out evenly: a node with more than its share gives the rest back, one with less takes
/// what has lapsed. Lapsed rows are locked with SKIP LOCKED: of two nodes that take at once, one finds less
/// this second, and neither waits for the other.
const PULSE: &str = "
WITH span AS (
    SELECT now() + $2 * interval '1 microsecond' AS until, now() + $3 * interval '1 microsecond' AS horizon
),
beat AS (
    UPDATE node SET until = (SELECT s.until FROM span AS s) WHERE epoch = $1
),
share AS (
    SELECT ceil(64.0 / greatest(count(*), 1)) AS size FROM node WHERE until > now() OR epoch = $1
),
mine AS (
    SELECT l.kind, l.no, row_number() OVER (PARTITION BY l.kind ORDER BY l.no) AS rank
    FROM node_lease AS l
    WHERE l.node = $1
),
lapsed AS (
    SELECT l.kind, l.no
    FROM node_lease AS l
    WHERE l.until <= now() AND l.node IS DISTINCT FROM $1
    ORDER BY l.kind, l.no
    FOR UPDATE SKIP LOCKED
),
free AS (
    SELECT l.kind, l.no, row_number() OVER (PARTITION BY l.kind ORDER BY l.no)
        + (SELECT count(*) FROM mine AS m WHERE m.kind = l.kind) AS rank
    FROM lapsed AS l
),
picked AS (
    SELECT w.kind, w.no
    FROM (SELECT * FROM mine UNION ALL SELECT * FROM free) AS w
    WHERE w.rank <= (SELECT s.size FROM share AS s)
),
held AS (
    UPDATE node_lease AS l SET node = $1, until = (SELECT s.until FROM span AS s)
    FROM (SELECT * FROM picked OFFSET 0) AS p
    WHERE l.kind = p.kind AND l.no = p.no AND (l.node = $1 OR l.until <= now())
    RETURNING l.kind, l.no
),
given_back AS (
    UPDATE node_lease AS l SET node = NULL, until = '-infinity'
    FROM (SELECT * FROM mine AS m WHERE m.rank > (SELECT s.size FROM share AS s) OFFSET 0) AS m
    WHERE l.kind = m.kind AND l.no = m.no AND l.node = $1
)
SELECT clock_timestamp() AS db_now,
    ARRAY(SELECT h.no FROM held AS h WHERE h.kind = 0 ORDER BY h.no) AS buckets,
    ARRAY(SELECT h.no FROM held AS h WHERE h.kind = 1 ORDER BY h.no) AS lanes,
    ARRAY(
        SELECT ROW(r.id, r.wake_at)
        FROM run AS r
        WHERE r.wake_at <= (SELECT s.horizon FROM span AS s)
            AND (r.bucket IN (SELECT h.no FROM held AS h WHERE h.kind = 0)) IS TRUE
        ORDER BY r.wake_at
        LIMIT 10000
    ) AS due,
    ARRAY(
        WITH RECURSIVE leap(run_id, bucket, count) AS (
            (SELECT b.run_id, b.bucket, 1 FROM inbox AS b WHERE b.run_id > $4 ORDER BY b.run_id LIMIT 1)
            UNION ALL
            SELECT n.run_id, n.bucket, l.count + 1
            FROM leap AS l
            CROSS JOIN LATERAL (
                SELECT b.run_id, b.bucket FROM inbox AS b WHERE b.run_id > l.run_id ORDER BY b.run_id LIMIT 1
            ) AS n
            WHERE l.count < $5
        )
        SELECT ROW(l.run_id,
            (l.bucket IN (SELECT h.no FROM held AS h WHERE h.kind = 0)) IS TRUE
            AND NOT EXISTS (
                SELECT FROM run AS r
                WHERE r.id >= l.run_id AND r.id <= l.run_id AND starts_with(r.extra, '{\"fault\":')
            ))
        FROM leap AS l
    ) AS inbox,
    ARRAY(
        SELECT ROW(o.run_id, o.lane, o.seq, o.task_no, o.cluster, o.topic, o.key, o.value, o.headers, o.max_block_ms)
        FROM held AS h
        CROSS JOIN LATERAL (
            SELECT * FROM outbox AS x WHERE x.pending AND x.lane = h.no ORDER BY x.seq LIMIT 100
        ) AS o
        WHERE h.kind = 1
    ) AS outbox,
    (SELECT m.version FROM metadata_version AS m) AS metadata_version,
    (
        SELECT min(s.next_at) FROM schedule AS s
        WHERE s.next_at IS NOT NULL AND NOT (SELECT d.paused FROM scheduler AS d)
    ) AS schedule_at,
    EXISTS (
        SELECT FROM event_handler AS e
        CROSS JOIN LATERAL (
            SELECT FROM outbox AS o WHERE o.pending AND o.lane < 0 AND o.topic = e.event LIMIT 1
        ) AS waiting
        WHERE e.active
    ) AS events,
    EXISTS (
        SELECT FROM outbox AS o WHERE o.pending AND o.lane < 0 AND o.topic >= 'http' AND o.topic < 'httq'
    ) AS http_notices,
    EXISTS (SELECT FROM bulk_operation AS b WHERE b.ended_at IS NULL AND b.until < now()) AS bulk";

impl Store {
    /// Registers this node under the next epoch. `lease` is how long its buckets and lanes stay its own without a pulse.
    pub async fn register_node(&self, name: &str, lease: Span) -> Result<NodeLease, StoreError> {
        let epoch = sqlx::query_scalar!(
            "WITH forgotten AS (
                DELETE FROM node WHERE until < now() - interval '1 day'
            )
            INSERT INTO node (name, until) VALUES ($1, now() + $2 * interval '1 microsecond') RETURNING epoch",
            name,
            lease.as_micros() as f64
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("node.register"))?;
        Ok(NodeLease { epoch, lease })
    }

    /// Renews the leases of the node, takes its share of what lapsed, and reads what its buckets and lanes have
    /// to do: runs due before now plus `horizon`, runs with inbox rows behind `inbox_after`, unsettled messages.
    pub async fn pulse(
        &self,
        node: &NodeLease,
        horizon: Span,
        inbox_after: Option<RunId>,
    ) -> Result<PulseAnswer, StoreError> {
        let row = sqlx::query(PULSE)
            .bind(node.epoch)
            .bind(node.lease.as_micros() as f64)
            .bind(horizon.as_micros() as f64)
            .bind(inbox_after.map_or(Uuid::nil(), RunId::uuid))
            .bind(INBOX_RUNS)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("node.pulse"))?;
        let read = |e: sqlx::Error| StoreError::Refused { statement: "node.pulse", source: e };
        let due = column(&row, 3)?
            .into_iter()
            .map(|mut r| {
                let (id, at) = due_row(&mut r).map_err(|_| corrupt("run", "wake_at", "pulse"))?;
                Ok((run_id("run", id)?, at))
            })
            .collect::<Result<_, StoreError>>()?;
        let seen = column(&row, 4)?
            .into_iter()
            .map(|mut r| {
                let (id, wanted) = inbox_run(&mut r).map_err(|_| corrupt("inbox", "run_id", "pulse"))?;
                Ok((run_id("inbox", id)?, wanted))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(PulseAnswer {
            db_now: row.try_get::<At, _>(0).map_err(read)?.0,
            buckets: row.try_get(1).map_err(read)?,
            lanes: row.try_get(2).map_err(read)?,
            due,
            inbox_after: seen.last().filter(|_| seen.len() == INBOX_RUNS as usize).map(|(run, _)| *run),
            inbox: seen.into_iter().filter(|(_, wanted)| *wanted).map(|(run, _)| run).collect(),
            outbox: outbox_rows(&row, 5)?,
            metadata_version: row.try_get(6).map_err(read)?,
            schedule_at: row.try_get::<Option<At>, _>(7).map_err(read)?.map(|at| at.0),
            events: row.try_get(8).map_err(read)?,
            http_notices: row.try_get(9).map_err(read)?,
            bulk: row.try_get("bulk").map_err(read)?,
        })
    }

    /// Gives up all that the node holds, so that others need not wait until it lapses.
    pub async fn release_node(&self, node: &NodeLease) -> Result<(), StoreError> {
        sqlx::query!(
            "WITH gone AS (
                UPDATE node SET until = now() WHERE epoch = $1
            )
            UPDATE node_lease SET node = NULL, until = '-infinity' WHERE node = $1",
            node.epoch
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("node.release"))?;
        Ok(())
    }

    /// Reads unsettled messages of lanes, each lane in its order, at most `limit` of each.
    pub async fn pending_outbox(&self, lanes: &[i16], limit: i64) -> Result<Vec<OutboxRow>, StoreError> {
        let row = sqlx::query(
            "SELECT ARRAY(
                SELECT ROW(o.run_id, o.lane, o.seq, o.task_no, o.cluster, o.topic, o.key, o.value, o.headers, o.max_block_ms)
                FROM unnest($1::smallint[]) AS h(no)
                CROSS JOIN LATERAL (
                    SELECT * FROM outbox AS x WHERE x.pending AND x.lane = h.no ORDER BY x.seq LIMIT $2
                ) AS o
            )",
        )
        .bind(lanes)
        .bind(limit)
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("outbox.pending"))?;
        outbox_rows(&row, 0)
    }

    /// Marks the messages of open runs as unsettled again; returns how many. For a broker that forgot everything.
    pub async fn republish_open_outbox(&self) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "UPDATE outbox AS o SET pending = true
            FROM run AS r
            WHERE NOT o.pending AND o.lane >= 0 AND r.id >= o.run_id AND r.id <= o.run_id AND r.status IN (0, 1)"
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("outbox.republish"))?;
        Ok(done.rows_affected())
    }

    /// Deletes up to `limit` settled messages of runs that have ended; returns how many.
    pub async fn prune_outbox(&self, limit: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "DELETE FROM outbox AS o
            USING (
                SELECT x.run_id, x.task_no
                FROM outbox AS x
                JOIN run AS r ON r.id >= x.run_id AND r.id <= x.run_id
                WHERE NOT x.pending AND r.status NOT IN (0, 1)
                LIMIT $1
            ) AS d
            WHERE o.run_id = d.run_id AND o.task_no = d.task_no AND NOT o.pending",
            limit
        )
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("outbox.prune"))?;
        Ok(done.rows_affected())
    }
}

fn column<'r>(row: &'r PgRow, i: usize) -> Result<Vec<Record<'r>>, StoreError> {
    let read = |e: sqlx::Error| StoreError::Refused { statement: "node.pulse", source: e };
    let bytes = row.try_get_raw(i).map_err(read)?;
    let bytes = bytes.as_bytes().map_err(|e| read(sqlx::Error::Decode(e)))?;
    records(bytes).map_err(|e| read(sqlx::Error::Decode(Box::new(e))))
}

fn due_row(r: &mut Record<'_>) -> Result<(Uuid, podium_core::Timestamp), Malformed> {
    Ok((r.uuid()?, r.at()?))
}

fn inbox_run(r: &mut Record<'_>) -> Result<(Uuid, bool), Malformed> {
    Ok((r.uuid()?, r.bool()?))
}

fn outbox_rows(row: &PgRow, i: usize) -> Result<Vec<OutboxRow>, StoreError> {
    column(row, i)?
        .into_iter()
        .map(|mut r| {
            let (run, lane, seq, mut body, headers) =
                outbox_row(&mut r).map_err(|_| corrupt("outbox", "row", "pending"))?;
            body.headers = headers_from_text(headers).map_err(|_| corrupt("outbox", "headers", run))?;
            Ok(OutboxRow { run: run_id("outbox", run)?, lane, seq, body: body.into() })
        })
        .collect()
}

fn outbox_row<'a>(r: &mut Record<'a>) -> Result<(Uuid, i16, i64, Outgoing, Option<&'a str>), Malformed> {
    let (run, lane, seq, task) = (r.uuid()?, r.int2()?, r.int8()?, r.int4()? as u32);
    let cluster = r.text_or_null()?.map(str::to_owned);
    let topic = r.text()?.to_owned();
    let key = r.bytes_or_null()?.map(<[u8]>::to_vec);
    let value = r.bytes()?.to_vec();
    let headers = r.text_or_null()?;
    let max_block_ms = r.int8_or_null()?;
    Ok((
        run,
        lane,
        seq,
        Outgoing { task, cluster, topic, key, value, headers: Vec::new(), max_block_ms },
        headers,
    ))
}
