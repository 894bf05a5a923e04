//! What event handlers did with messages. For people: nothing is decided by it, and a crash may lose the last moments.

use std::collections::HashMap;

use podium_core::{RunId, Span, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::run::corrupt;
use crate::search::failed;
use crate::wire::At;

/// What became of a message at one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// All of its actions were done.
    Completed,
    /// Some of its actions could not be done.
    Failed,
    /// Its condition does not hold.
    Skipped,
    /// Its condition has no value.
    Undecided,
}

impl EventOutcome {
    pub const ALL: [EventOutcome; 4] =
        [EventOutcome::Completed, EventOutcome::Failed, EventOutcome::Skipped, EventOutcome::Undecided];

    const fn code(self) -> i16 {
        match self {
            EventOutcome::Completed => 0,
            EventOutcome::Failed => 1,
            EventOutcome::Skipped => 2,
            EventOutcome::Undecided => 3,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            EventOutcome::Completed => "COMPLETED",
            EventOutcome::Failed => "FAILED",
            EventOutcome::Skipped => "SKIPPED",
            EventOutcome::Undecided => "UNDECIDED",
        }
    }

    /// Whether the condition holds.
    pub const fn is_matched(self) -> bool {
        matches!(self, EventOutcome::Completed | EventOutcome::Failed)
    }
}

/// What one action of a handler did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRecord {
    /// `start_workflow`, `complete_task`, …
    pub action: String,
    /// The run that was started or told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_name: Option<String>,
    /// Why it could not be done; `None` = it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What one handler did with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventExecution {
    /// Rises with the time of the first handling; 0 before it is stored.
    pub id: i64,
    pub handler: String,
    pub event: String,
    pub message_id: String,
    /// The message over all queues and for ever.
    pub origin: String,
    /// When it was handled, the last time.
    pub at: Timestamp,
    pub outcome: EventOutcome,
    pub condition: Option<String>,
    /// Why nobody knows whether the condition holds.
    pub why: Option<String>,
    pub actions: Vec<ActionRecord>,
    /// The beginning of the message, as JSON.
    pub payload: String,
    /// Bytes of the whole message.
    pub payload_size: i64,
}

type Row =
    (i64, String, String, String, String, At, i16, Option<String>, Option<String>, String, String, i64);

impl Store {
    /// Notes what handlers did. A message that was handled before by the same handler is one note: the last one.
    pub async fn note_event_executions(&self, notes: &[EventExecution]) -> Result<(), StoreError> {
        let clean = |text: &str| text.replace('\0', "\u{fffd}");
        // a statement changes a row once
        let key = |note: &EventExecution| (clean(&note.origin), clean(&note.handler));
        let last: HashMap<_, usize> = notes.iter().enumerate().map(|(at, note)| (key(note), at)).collect();
        let notes: Vec<&EventExecution> = notes
            .iter()
            .enumerate()
            .filter(|(at, note)| last[&key(note)] == *at)
            .map(|(_, note)| note)
            .collect();
        let texts = |of: fn(&EventExecution) -> &str| notes.iter().map(|n| clean(of(n))).collect::<Vec<_>>();
        let maybe = |of: fn(&EventExecution) -> Option<&str>| {
            notes.iter().map(|n| of(n).map(clean)).collect::<Vec<Option<String>>>()
        };
        let actions: Vec<String> = notes
            .iter()
            .map(|n| {
                serde_json::to_string(&n.actions)
                    .map_err(|_| corrupt("event_execution", "actions", &n.handler))
            })
            .collect::<Result<_, StoreError>>()?;
        sqlx::query(
            "INSERT INTO event_execution AS e
                (handler, origin, event, message_id, at, outcome, condition, why, actions, payload, payload_size)
            SELECT n.handler, n.origin, n.event, n.message_id, n.at, n.outcome, n.condition, n.why, n.actions, n.payload,
                n.payload_size
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::smallint[], $7::text[],
                $8::text[], $9::text[], $10::text[], $11::bigint[])
                WITH ORDINALITY AS n(handler, origin, event, message_id, at, outcome, condition, why, actions, payload,
                    payload_size, place)
            ORDER BY n.place
            ON CONFLICT (origin, handler) DO UPDATE SET
                event = EXCLUDED.event, message_id = EXCLUDED.message_id, at = EXCLUDED.at, outcome = EXCLUDED.outcome,
                condition = EXCLUDED.condition, why = EXCLUDED.why, actions = EXCLUDED.actions,
                payload = EXCLUDED.payload, payload_size = EXCLUDED.payload_size",
        )
        .bind(texts(|n| &n.handler))
        .bind(texts(|n| &n.origin))
        .bind(texts(|n| &n.event))
        .bind(texts(|n| &n.message_id))
        .bind(notes.iter().map(|n| At(n.at)).collect::<Vec<_>>())
        .bind(notes.iter().map(|n| n.outcome.code()).collect::<Vec<_>>())
        .bind(maybe(|n| n.condition.as_deref()))
        .bind(maybe(|n| n.why.as_deref()))
        .bind(actions.iter().map(|text| clean(text)).collect::<Vec<_>>())
        .bind(texts(|n| &n.payload))
        .bind(notes.iter().map(|n| n.payload_size).collect::<Vec<_>>())
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("event_log.note"))?;
        Ok(())
    }

    /// Which of these runs exist.
    pub async fn known_runs(&self, runs: &[RunId]) -> Result<Vec<Uuid>, StoreError> {
        sqlx::query_scalar(
            "SELECT i.id
            FROM (SELECT unnest($1::uuid[]) AS id OFFSET 0) AS i
            WHERE EXISTS (SELECT FROM run AS r WHERE r.id >= i.id AND r.id <= i.id)",
        )
        .bind(runs.iter().map(|run| run.uuid()).collect::<Vec<_>>())
        .fetch_all(&self.inner.pool)
        .await
        .map_err(StoreError::at("event_log.runs"))
    }

    /// Notes of a handler, of an event, or all, the latest first; and how many there are.
    pub async fn event_executions(
        &self,
        handler: Option<&str>,
        event: Option<&str>,
        start: i64,
        size: i64,
    ) -> Result<(Vec<EventExecution>, i64), StoreError> {
        // one text for each way: a plan is kept, and must use the index of the way that is taken
        let (rows, order) = match (handler, event) {
            (None, None) => ("$1::text IS NULL AND $2::text IS NULL", "e.id DESC"),
            (Some(_), None) => {
                ("e.handler = ANY (ARRAY[$1::text]) AND $2::text IS NULL", "e.handler DESC, e.id DESC")
            }
            (None, Some(_)) => {
                ("e.event = ANY (ARRAY[$2::text]) AND $1::text IS NULL", "e.event DESC, e.id DESC")
            }
            (Some(_), Some(_)) => {
                ("e.handler = ANY (ARRAY[$1::text]) AND (e.event || '') = $2", "e.handler DESC, e.id DESC")
            }
        };
        let pool = &self.inner.searches.pool;
        let count = format!("SELECT count(*) FROM event_execution AS e WHERE {rows}");
        let total = sqlx::query_scalar(AssertSqlSafe(count))
            .bind(handler)
            .bind(event)
            .fetch_one(pool)
            .await
            .map_err(failed("event_log.count"))?;
        let list = format!(
            "SELECT e.id, e.handler, e.event, e.message_id, e.origin, e.at, e.outcome, e.condition, e.why, e.actions,
                e.payload, e.payload_size
            FROM event_execution AS e
            WHERE {rows}
            ORDER BY {order}
            OFFSET $3 LIMIT $4"
        );
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(list))
            .bind(handler)
            .bind(event)
            .bind(start)
            .bind(size)
            .fetch_all(pool)
            .await
            .map_err(failed("event_log.list"))?;
        Ok((rows.into_iter().map(execution).collect::<Result<_, _>>()?, total))
    }

    /// Deletes up to `limit` notes that are older than `age`, or older than the latest `keep`, or without effect and older
    /// than the latest `keep_without` of these; returns how many.
    pub async fn prune_event_executions(
        &self,
        age: Span,
        keep: i64,
        keep_without: i64,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM event_execution AS e
            WHERE e.id = ANY (ARRAY(
                SELECT o.id
                FROM (SELECT x.id, x.at FROM event_execution AS x ORDER BY x.id LIMIT $4) AS o
                WHERE o.at < now() - $1 * interval '1 microsecond'
                    OR o.id <= (SELECT k.id FROM event_execution AS k ORDER BY k.id DESC OFFSET $2 LIMIT 1)
                UNION
                SELECT o.id
                FROM (SELECT x.id FROM event_execution AS x WHERE x.outcome >= 2 ORDER BY x.id LIMIT $4) AS o
                WHERE o.id <= (
                    SELECT k.id FROM event_execution AS k WHERE k.outcome >= 2 ORDER BY k.id DESC OFFSET $3 LIMIT 1
                )
                LIMIT $4
            ))",
        )
        .bind(age.as_micros() as f64)
        .bind(keep)
        .bind(keep_without)
        .bind(limit)
        .execute(&self.inner.pool)
        .await
        .map_err(StoreError::at("event_log.prune"))?;
        Ok(done.rows_affected())
    }
}

fn execution(row: Row) -> Result<EventExecution, StoreError> {
    let (id, handler, event, message_id, origin, at, code, condition, why, actions, payload, payload_size) =
        row;
    let outcome = EventOutcome::ALL.into_iter().find(|known| known.code() == code);
    Ok(EventExecution {
        id,
        handler,
        event,
        message_id,
        origin,
        at: at.0,
        outcome: outcome.ok_or_else(|| corrupt("event_execution", "outcome", id))?,
        condition,
        why,
        actions: serde_json::from_str(&actions).map_err(|_| corrupt("event_execution", "actions", id))?,
        payload,
        payload_size,
    })
}
