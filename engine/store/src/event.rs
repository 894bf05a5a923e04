//! Events of the engine's own queues: what EVENT tasks with a sink `conductor:…` have told, until handlers have seen it.
//!
//! An event is a row of the outbox in a lane of its own, written by the commit that ran its task. Taking it and what
//! handlers do with it land together; of two nodes that try, one finds it.

use podium_core::id::{MAX_TASK_NO, is_notice};
use podium_core::tasks::{EventRun, event_payload};
use podium_core::{InboxMessage, RunExtra, RunId, TaskNo};
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::outbox::EVENT_LANE;
use crate::position::{body, source};
use crate::records::InboundRow;
use crate::run::{corrupt, run_id};

const PENDING: &str = "event.pending";
const TAKE: &str = "event.take";

/// The task that told an event: there is one event of each. Or the number of a notice of the run.
pub type EventKey = (RunId, TaskNo);

/// An event that waits to be handled.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingEvent {
    pub run: RunId,
    pub task: TaskNo,
    /// The queue: `conductor:<workflow>:<name>`.
    pub event: String,
    /// What the task or the run told; `None` if its run is gone, and nobody can know any more.
    pub payload: Option<Value>,
}

impl WaitingEvent {
    pub fn key(&self) -> EventKey {
        (self.run, self.task)
    }

    /// Its id, stable over redelivery: that of the task, or the run's with the number of the notice.
    pub fn id(&self) -> String {
        if is_notice(self.task) {
            format!("{}/{}", self.run, self.task - MAX_TASK_NO)
        } else {
            self.run.task(self.task).to_string()
        }
    }
}

impl Store {
    /// Events of these queues that nobody has handled, the oldest first: at most `limit`, without those that rest.
    pub async fn pending_events(
        &self,
        queues: &[String],
        resting: &[EventKey],
        limit: i64,
    ) -> Result<Vec<WaitingEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT o.run_id, o.task_no, o.topic, nullif(o.value, '') AS value, t.no, t.input_slot, coalesce(t.input, p.body) AS input,
                r.name, r.def_version, r.correlation_id, r.extra
            FROM (
                SELECT o.*
                FROM unnest($1::text[]) AS q(name)
                CROSS JOIN LATERAL (
                    SELECT x.run_id, x.task_no, x.topic, x.value, x.seq
                    FROM outbox AS x
                    WHERE x.pending AND x.lane < 0 AND x.topic = q.name
                        AND NOT EXISTS (
                            SELECT FROM unnest($2::uuid[], $3::integer[]) AS w(run_id, task_no)
                            WHERE w.run_id = x.run_id AND w.task_no = x.task_no
                        )
                    ORDER BY x.seq
                    LIMIT $4
                ) AS o
                ORDER BY o.seq
                LIMIT $4
            ) AS o
            LEFT JOIN task AS t ON t.run_id >= o.run_id AND t.run_id <= o.run_id AND t.no = o.task_no
            LEFT JOIN run AS r ON r.id >= o.run_id AND r.id <= o.run_id
            LEFT JOIN payload AS p ON p.run_id >= o.run_id AND p.run_id <= o.run_id AND p.slot = t.input_slot
            ORDER BY o.seq",
        )
        .bind(queues)
        .bind(resting.iter().map(|(run, _)| run.uuid()).collect::<Vec<_>>())
        .bind(resting.iter().map(|(_, no)| *no as i32).collect::<Vec<_>>())
        .bind(limit)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at(PENDING))?;
        rows.iter().map(read).collect()
    }

    /// Takes events and stores what their handlers tell runs: of each event all of it, or nothing if somebody else took
    /// it. `messages` name their event by its place in `events`.
    pub async fn take_events(
        &self,
        events: &[EventKey],
        messages: &[(usize, RunId, InboxMessage)],
    ) -> Result<Vec<InboundRow>, StoreError> {
        let sources: Vec<String> = messages
            .iter()
            .map(|(_, _, message)| Ok(source(message)?.replace('\0', "\u{fffd}")))
            .collect::<Result<_, StoreError>>()?;
        let bodies = messages.iter().map(|(_, run, message)| body(*run, message));
        let bodies: Vec<String> = bodies.collect::<Result<_, StoreError>>()?;
        let rows = sqlx::query(
            "WITH taken AS (
                UPDATE outbox AS o SET pending = false
                FROM (
                    SELECT unnest($1::uuid[]) AS run_id, unnest($2::integer[]) AS task_no,
                        generate_series(0, cardinality($1::uuid[]) - 1) AS place
                    OFFSET 0
                ) AS e
                WHERE o.run_id = e.run_id AND o.task_no = e.task_no AND o.pending AND o.lane = $3
                RETURNING e.place
            ),
            known AS (
                SELECT m.run_id, m.shard, m.bucket, m.source, m.body, m.place
                FROM (
                    SELECT unnest($4::integer[]) AS event, unnest($5::uuid[]) AS run_id, unnest($6::smallint[]) AS shard,
                        unnest($7::smallint[]) AS bucket, unnest($8::text[]) AS source, unnest($9::text[]) AS body,
                        generate_series(0, cardinality($4::integer[]) - 1) AS place
                    OFFSET 0
                ) AS m
                WHERE m.event = ANY (ARRAY(SELECT t.place FROM taken AS t))
                    AND EXISTS (SELECT FROM run AS r WHERE r.id >= m.run_id AND r.id <= m.run_id)
            ),
            stored AS (
                INSERT INTO inbox (run_id, shard, bucket, source, body)
                SELECT k.run_id, k.shard, k.bucket, k.source, k.body FROM known AS k ORDER BY k.place
                ON CONFLICT (run_id, source, shard) DO NOTHING
                RETURNING id, run_id, source
            )
            SELECT id, run_id, source FROM stored ORDER BY id",
        )
        .bind(events.iter().map(|(run, _)| run.uuid()).collect::<Vec<_>>())
        .bind(events.iter().map(|(_, no)| *no as i32).collect::<Vec<_>>())
        .bind(EVENT_LANE)
        .bind(messages.iter().map(|(at, _, _)| *at as i32).collect::<Vec<_>>())
        .bind(messages.iter().map(|(_, run, _)| run.uuid()).collect::<Vec<_>>())
        .bind(messages.iter().map(|(_, run, _)| run.shard()).collect::<Vec<_>>())
        .bind(messages.iter().map(|(_, run, _)| run.bucket()).collect::<Vec<_>>())
        .bind(&sources)
        .bind(&bodies)
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at(TAKE))?;
        let refused = |e| StoreError::Refused { statement: TAKE, source: e };
        rows.iter()
            .map(|row| {
                let (id, run): (i64, Uuid) =
                    (row.try_get(0).map_err(refused)?, row.try_get(1).map_err(refused)?);
                let stored: &str = row.try_get(2).map_err(refused)?;
                let sent = messages.iter().zip(&sources);
                let mut sent =
                    sent.filter(|((_, to, _), source)| to.uuid() == run && source.as_str() == stored);
                let ((_, run, message), _) = sent.next().ok_or_else(|| corrupt("inbox", "source", id))?;
                Ok(InboundRow { id, run: *run, message: message.clone() })
            })
            .collect()
    }

    /// How many events of a queue nobody has handled.
    pub async fn count_events(&self, queue: &str) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT count(*) FROM outbox AS o WHERE o.pending AND o.lane < 0 AND o.topic = $1")
            .bind(queue)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("event.count"))
    }
}

fn read(row: &PgRow) -> Result<WaitingEvent, StoreError> {
    let refused = |e| StoreError::Refused { statement: PENDING, source: e };
    let text = |at: &str| row.try_get::<Option<&str>, _>(at).map_err(refused);
    let run = run_id("outbox", row.try_get("run_id").map_err(refused)?)?;
    let task = row.try_get::<i32, _>("task_no").map_err(refused)? as u32;
    let event = row.try_get::<String, _>("topic").map_err(refused)?;
    let is_there = row.try_get::<Option<i32>, _>("no").map_err(refused)?.is_some();
    let value = row.try_get::<Option<&[u8]>, _>("value").map_err(refused)?;
    if let Some(value) = value {
        let payload = serde_json::from_slice(value).map_err(|_| corrupt("outbox", "value", run))?;
        return Ok(WaitingEvent { run, task, event, payload: Some(payload) });
    }
    let payload = match text("name")? {
        Some(name) if is_there => {
            let input: Map<String, Value> = match text("input")? {
                Some(input) => serde_json::from_str(input).map_err(|_| corrupt("task", "input", run))?,
                None => Map::new(),
            };
            let extra: RunExtra = match text("extra")? {
                Some(extra) => serde_json::from_str(extra).map_err(|_| corrupt("run", "extra", run))?,
                None => RunExtra::default(),
            };
            let told = EventRun {
                id: run,
                name,
                version: row.try_get("def_version").map_err(refused)?,
                correlation_id: text("correlation_id")?,
                task_to_domain: &extra.task_to_domain,
            };
            Some(Value::Object(event_payload(&input, &told, Some(&event))))
        }
        _ => None,
    };
    Ok(WaitingEvent { run, task, event, payload })
}
