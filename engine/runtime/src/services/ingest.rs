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

/// Events and position are durable when this answers; the turns that take the events follow at once. A crash in
/// between loses nothing: the rows are found by a pulse.
pub(crate) async fn ingest(shared: &Shared, batch: IngestBatch) -> Result<Ingested, EngineError> {
    if shared.mailboxes.full() {
        shared.stats.refused_overload.one();
        return Err(EngineError::Unavailable(
            "the node has more work than it may hold, try again".to_owned(),
        ));
    }
    let messages: Vec<(RunId, InboxMessage)> = batch.events.into_iter().map(|e| (e.run, e.message)).collect();
    let stored = podium_store::IngestBatch {
        lane: &batch.lane,
        epoch: batch.epoch,
        expected_offset: batch.expected_offset,
        next_offset: batch.next_offset,
        messages: &messages,
    };
    match shared.store.ingest(&stored).await.map_err(storage)? {
        IngestOutcome::Fenced => Ok(Ingested::Fenced),
        IngestOutcome::Done { rows, unknown_runs } => {
            shared.wrote();
            let accepted = messages.len().saturating_sub(unknown_runs);
            shared.stats.events_ingested.add(accepted);
            shared.stats.events_unknown_run.add(unknown_runs);
            for row in rows {
                let event = Event::Arrived { inbox: row.id, message: row.message };
                shared.mailboxes.send_own(row.run, Work::Event(event), Reply::None);
            }
            Ok(Ingested::Done { accepted, unknown_runs })
        }
    }
}
