//! Notes in the rows who last polled which queue, now and then: a poll itself writes nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::errors::chain;
use crate::shared::Shared;

/// What a reader on another node may miss, and what a crash loses.
const NOTE_EVERY: Duration = Duration::from_secs(20);

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut notes = tokio::time::interval(NOTE_EVERY);
    loop {
        notes.tick().await;
        note(&shared).await;
    }
}

/// Writes what has come since the last time; nothing if there were no polls.
pub(crate) async fn note(shared: &Shared) {
    let polls = shared.queues.take_notes(shared.clock.now());
    if !polls.is_empty()
        && let Err(error) = shared.store.touch_polls(&polls).await
    {
        // the next poll of each queue brings it again
        tracing::debug!(error = chain(&error), "could not note the last polls");
    }
}
