//! Takes events from outside.

use podium_core::{Event, InboxMessage, RunId, Timestamp};
use podium_store::IngestOutcome;

use crate::errors::storage;
use crate::mailbox::{Reply, Work};
use crate::messages::{EngineError, IngestBatch, Ingested, LaneKey, Position};
use crate::shared::Shared;

/// Takes a lane over: whoever held it can write no more.
pub(crate) async fn take_position(shared: &Shared, lane: LaneKey) -> Result<Position, EngineError> {
    shared.store.take_position(&lane).await.map_err(storage)
}

/// When the oldest open run was started.
pub(crate) async fn oldest_open_run(shared: &Shared) -> Result<Option<Timestamp>, EngineError> {
    shared.store.oldest_open_run().await.map_err(storage)
}

/// Events and positions are durable when this answers; the turns that take the events follow at once. A crash in
/// between loses nothing: the rows are found by a pulse.
pub(crate) async fn ingest_all(
    shared: &Shared,
    batches: Vec<IngestBatch>,
) -> Result<Vec<Ingested>, EngineError> {
    if shared.mailboxes.full() {
        shared.stats.refused_overload.one();
        return Err(EngineError::Unavailable(
            "the node has more work than it may hold, try again".to_owned(),
        ));
    }
    let (lanes, messages): (Vec<_>, Vec<Vec<(RunId, InboxMessage)>>) = batches
        .into_iter()
        .map(|b| {
            let messages = b.events.into_iter().map(|e| (e.run, e.message)).collect();
            ((b.lane, b.epoch, b.expected_offset, b.next_offset), messages)
        })
        .unzip();
    let stored: Vec<podium_store::IngestBatch<'_>> = lanes
        .iter()
        .zip(&messages)
        .map(|((lane, epoch, expected_offset, next_offset), messages)| podium_store::IngestBatch {
            lane,
            epoch: *epoch,
            expected_offset: *expected_offset,
            next_offset: *next_offset,
            messages,
        })
        .collect();
    let outcomes = shared.store.ingest_all(&stored).await.map_err(storage)?;
    shared.wrote();
    let taken = outcomes.into_iter().zip(&messages).map(|(outcome, messages)| match outcome {
        IngestOutcome::Fenced => Ingested::Fenced,
        IngestOutcome::Done { rows, unknown_runs } => {
            let accepted = messages.len().saturating_sub(unknown_runs);
            shared.stats.events_ingested.add(accepted);
            shared.stats.events_unknown_run.add(unknown_runs);
            for row in rows {
                let event = Event::Arrived { inbox: row.id, message: row.message };
                shared.mailboxes.send_own(row.run, Work::Event(event), Reply::None);
            }
            Ingested::Done { accepted, unknown_runs }
        }
    });
    Ok(taken.collect())
}
