//! What comes in from Kafka: inbox rows and the consumer's position, in one transaction.
//!
//! Whoever takes a partition raises the epoch of its position; every later commit carries the epoch and the
//! expected offset. So a paused consumer that wakes up changes nothing, and the position never goes back.

use podium_core::{InboxMessage, RunId, Timestamp};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::records::{IngestBatch, IngestOutcome, LaneKey, Position};
use crate::run::{corrupt, inbound, run_id};

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

    /// Stores messages for runs and moves the position past them: both or nothing, in one statement.
    ///
    /// If the connection is lost meanwhile, nobody knows whether it was committed: take the position again and
    /// go on from what it says. Rows that were committed are found by the pulse.
    pub async fn ingest(&self, batch: &IngestBatch<'_>) -> Result<IngestOutcome, StoreError> {
        let runs: Vec<Uuid> = batch.messages.iter().map(|(run, _)| run.uuid()).collect();
        let shards: Vec<i16> = batch.messages.iter().map(|(run, _)| run.shard()).collect();
        let buckets: Vec<i16> = batch.messages.iter().map(|(run, _)| run.bucket()).collect();
        let sources: Vec<String> =
            batch.messages.iter().map(|(_, m)| source(m).replace('\0', "\u{fffd}")).collect();
        let bodies: Vec<String> =
            batch.messages.iter().map(|(run, m)| body(*run, m)).collect::<Result<_, StoreError>>()?;
        let lane = batch.lane;
        let row = sqlx::query!(
            r#"WITH moved AS (
                UPDATE kafka_position SET next_offset = $1, moved_at = now()
                WHERE cluster = $2 AND grp = $3 AND topic = $4 AND partition = $5
                    AND epoch = $6 AND next_offset IS NOT DISTINCT FROM $7
                RETURNING epoch
            ),
            known AS (
                SELECT i.run_id, i.shard, i.bucket, i.source, i.body
                FROM (
                    SELECT unnest($8::uuid[]) AS run_id, unnest($9::smallint[]) AS shard,
                        unnest($10::smallint[]) AS bucket, unnest($11::text[]) AS source, unnest($12::text[]) AS body
                    OFFSET 0
                ) AS i
                WHERE EXISTS (SELECT FROM moved)
                    AND EXISTS (SELECT FROM run AS r WHERE r.id >= i.run_id AND r.id <= i.run_id)
            ),
            stored AS (
                INSERT INTO inbox (run_id, shard, bucket, source, body)
                SELECT k.run_id, k.shard, k.bucket, k.source, k.body FROM known AS k
                ON CONFLICT (run_id, source, shard) DO NOTHING
                RETURNING id, run_id, body
            )
            SELECT EXISTS (SELECT FROM moved) AS "moved!", (SELECT count(*) FROM known) AS "known!",
                ARRAY(SELECT id FROM stored ORDER BY id) AS "ids!",
                ARRAY(SELECT run_id FROM stored ORDER BY id) AS "runs!",
                ARRAY(SELECT body FROM stored ORDER BY id) AS "bodies!""#,
            batch.next_offset,
            lane.cluster,
            lane.group,
            lane.topic,
            lane.partition,
            batch.epoch,
            batch.expected_offset,
            &runs,
            &shards,
            &buckets,
            &sources,
            &bodies
        )
        .fetch_one(&self.inner.pool)
        .await
        .map_err(StoreError::at("position.ingest"))?;
        if !row.moved {
            return Ok(IngestOutcome::Fenced);
        }
        let rows = row
            .ids
            .iter()
            .zip(&row.runs)
            .zip(&row.bodies)
            .map(|((id, run), body)| inbound(*id, run_id("inbox", *run)?, body))
            .collect::<Result<_, _>>()?;
        let unknown_runs = batch.messages.len() - row.known as usize;
        Ok(IngestOutcome::Done { rows, unknown_runs })
    }
}

fn source(message: &InboxMessage) -> &str {
    match message {
        InboxMessage::Completion(event) => &event.source,
    }
}

fn body(run: RunId, message: &InboxMessage) -> Result<String, StoreError> {
    serde_json::to_string(message).map_err(|_| corrupt("inbox", "body", run))
}
