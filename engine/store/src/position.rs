//! What comes in from Kafka: inbox rows and the positions of their lanes, in one transaction.
//!
//! Whoever takes a partition raises the epoch of its position; every later commit carries the epoch and the
//! expected offset. So a paused consumer that wakes up changes nothing, and the position never goes back.

use std::collections::HashMap;

use podium_core::{InboxMessage, RunId, Timestamp};
use sqlx::Row;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::records::{InboundRow, IngestBatch, IngestOutcome, LaneKey, Position};
use crate::run::corrupt;

impl Store {
    /// Takes over a partition: whoever held it can no longer write.
    pub async fn take_position(&self, lane: &LaneKey) -> Result<Position, StoreError> {
        let row = sqlx::query!(
            "INSERT INTO kafka_position AS p (cluster, grp, topic, partition, epoch)
            VALUES ($1, $2, $3, $4, 1)
            ON CONFLICT (cluster, grp, topic, partition) DO UPDATE SET epoch = p.epoch + 1
            RETURNING epoch, next_offset",
            lane.cluster,
            lane.group,
            lane.topic,
            lane.partition
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("position.take"))?;
        Ok(Position { epoch: row.epoch, next_offset: row.next_offset })
    }

    /// When the oldest run that has not ended was started. Reads the whole table of runs: a lane asks once in its life.
    pub async fn oldest_open_run(&self) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = sqlx::query_scalar(
            "SELECT (extract(epoch FROM min(created_at)) * 1000000)::bigint FROM run WHERE status < 2",
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("position.oldest_open_run"))?;
        Ok(micros.map(Timestamp::from_micros))
    }

    /// Stores messages for runs and moves the position past them: both or nothing.
    ///
    /// If the connection is lost meanwhile, nobody knows whether it was committed: take the position again and
    /// go on from what it says. Rows that were committed are found by the pulse.
    pub async fn ingest(&self, batch: &IngestBatch<'_>) -> Result<IngestOutcome, StoreError> {
        let outcomes = self.ingest_all(std::slice::from_ref(batch)).await?;
        outcomes.into_iter().next().ok_or_else(|| corrupt("kafka_position", "outcome", "none"))
    }

    /// The same for batches of several lanes, in one statement: each lane moves with its messages or not at all,
    /// whatever becomes of the others. One outcome for each batch.
    pub async fn ingest_all(&self, batches: &[IngestBatch<'_>]) -> Result<Vec<IngestOutcome>, StoreError> {
        let lanes = |of: fn(&LaneKey) -> &str| batches.iter().map(|b| of(b.lane)).collect::<Vec<_>>();
        let messages: Vec<(i32, &(RunId, InboxMessage))> =
            (0..).zip(batches).flat_map(|(at, batch)| batch.messages.iter().map(move |m| (at, m))).collect();
        let each = || messages.iter().map(|(_, message)| *message);
        // what PostgreSQL keeps of a source is what it says about a row
        let sources: Vec<String> = each()
            .map(|(_, m)| Ok(source(m)?.replace('\0', "\u{fffd}")))
            .collect::<Result<_, StoreError>>()?;
        let bodies: Vec<String> = each().map(|(run, m)| body(*run, m)).collect::<Result<_, StoreError>>()?;
        let row = sqlx::query(INGEST)
            .bind(lanes(|lane| &lane.cluster))
            .bind(lanes(|lane| &lane.group))
            .bind(lanes(|lane| &lane.topic))
            .bind(batches.iter().map(|b| b.lane.partition).collect::<Vec<_>>())
            .bind(batches.iter().map(|b| b.epoch).collect::<Vec<_>>())
            .bind(batches.iter().map(|b| b.expected_offset).collect::<Vec<_>>())
            .bind(batches.iter().map(|b| b.next_offset).collect::<Vec<_>>())
            .bind(messages.iter().map(|(lane, _)| *lane).collect::<Vec<_>>())
            .bind(each().map(|(run, _)| run.uuid()).collect::<Vec<_>>())
            .bind(each().map(|(run, _)| run.shard()).collect::<Vec<_>>())
            .bind(each().map(|(run, _)| run.bucket()).collect::<Vec<_>>())
            .bind(&sources)
            .bind(&bodies)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("position.ingest"))?;
        let moved: Vec<i32> = row.try_get("moved").map_err(StoreError::at("position.ingest"))?;
        let known: Vec<i32> = row.try_get("known").map_err(StoreError::at("position.ingest"))?;
        let ids: Vec<i64> = row.try_get("ids").map_err(StoreError::at("position.ingest"))?;
        let runs: Vec<Uuid> = row.try_get("runs").map_err(StoreError::at("position.ingest"))?;
        let stored: Vec<String> = row.try_get("sources").map_err(StoreError::at("position.ingest"))?;
        let mut outcomes: Vec<IngestOutcome> = batches.iter().map(|_| IngestOutcome::Fenced).collect();
        for lane in moved {
            let Some(at) = usize::try_from(lane).ok().filter(|at| *at < batches.len()) else { continue };
            let unknown_runs = batches[at].messages.len() - known.iter().filter(|of| **of == lane).count();
            outcomes[at] = IngestOutcome::Done { rows: Vec::new(), unknown_runs };
        }
        let by_source: HashMap<(Uuid, &str), usize> = each()
            .zip(&sources)
            .enumerate()
            .map(|(at, ((run, _), source))| ((run.uuid(), source.as_str()), at))
            .collect();
        for ((id, run), source) in ids.into_iter().zip(runs).zip(&stored) {
            let at = by_source.get(&(run, source.as_str())).copied();
            let (lane, (run, message)) = messages[at.ok_or_else(|| corrupt("inbox", "source", id))?];
            if let Some(IngestOutcome::Done { rows, .. }) = outcomes.get_mut(lane as usize) {
                rows.push(InboundRow { id, run: *run, message: message.clone() });
            }
        }
        Ok(outcomes)
    }
}

/// $1 to $7 name the lanes, $8 to $13 their messages; a lane that did not move stores none of its messages.
const INGEST: &str = "WITH moved AS (
    UPDATE kafka_position AS p SET next_offset = w.next_offset, moved_at = now()
    FROM (
        SELECT unnest($1::text[]) AS cluster, unnest($2::text[]) AS grp, unnest($3::text[]) AS topic,
            unnest($4::integer[]) AS partition, unnest($5::bigint[]) AS epoch,
            unnest($6::bigint[]) AS expected, unnest($7::bigint[]) AS next_offset,
            generate_series(0, cardinality($4::integer[]) - 1) AS lane
        OFFSET 0
    ) AS w
    WHERE p.cluster = w.cluster AND p.grp = w.grp AND p.topic = w.topic AND p.partition = w.partition
        AND p.epoch = w.epoch AND p.next_offset IS NOT DISTINCT FROM w.expected
    RETURNING w.lane
),
known AS (
    SELECT i.lane, i.run_id, i.shard, i.bucket, i.source, i.body
    FROM (
        SELECT unnest($8::integer[]) AS lane, unnest($9::uuid[]) AS run_id, unnest($10::smallint[]) AS shard,
            unnest($11::smallint[]) AS bucket, unnest($12::text[]) AS source, unnest($13::text[]) AS body
        OFFSET 0
    ) AS i
    WHERE i.lane = ANY (ARRAY(SELECT m.lane FROM moved AS m))
        AND EXISTS (SELECT FROM run AS r WHERE r.id >= i.run_id AND r.id <= i.run_id)
),
stored AS (
    INSERT INTO inbox (run_id, shard, bucket, source, body)
    SELECT k.run_id, k.shard, k.bucket, k.source, k.body FROM known AS k
    ON CONFLICT (run_id, source, shard) DO NOTHING
    RETURNING id, run_id, source
)
SELECT ARRAY(SELECT lane FROM moved) AS moved, ARRAY(SELECT lane FROM known) AS known,
    ARRAY(SELECT id FROM stored ORDER BY id) AS ids,
    ARRAY(SELECT run_id FROM stored ORDER BY id) AS runs,
    ARRAY(SELECT source FROM stored ORDER BY id) AS sources";

/// What tells the message from others for its run.
pub(crate) fn source(message: &InboxMessage) -> Result<String, StoreError> {
    match message {
        InboxMessage::Completion(event) => Ok(event.source.clone()),
        InboxMessage::Action(action) => Ok(action.source.clone()),
        // what runs tell each other comes with the commit of its sender; as its own source it is there once too
        told => serde_json::to_string(told).map_err(|_| corrupt("inbox", "source", "ingest")),
    }
}

pub(crate) fn body(run: RunId, message: &InboxMessage) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|_| corrupt("inbox", "body", run))
}
