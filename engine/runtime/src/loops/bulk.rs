//! Works through the lists of bulk operations.
//!
//! A node takes an operation for some seconds at a time. If it dies, a pulse of any node finds that nobody works on it,
//! and the next one goes on. What the first one had done and not noted is asked again under the same ticket, and
//! the run knows that it was done; so each run is acted on once, also if two nodes should work at the same time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use podium_core::{Asked, Event, Operation, RunId, Span};
use podium_store::StoredBulk;

use crate::errors::chain;
use crate::messages::EngineError;
use crate::services::bulk::{Bulk, BulkVerb, asker, read};
use crate::services::operate::{Verb, aimed, ask, delete};
use crate::shared::Shared;

/// How long an operation is a node's own without a sign of life.
const LEASE: Span = Span::from_secs(10);
/// Operations of this node at a time.
const AT_ONCE: usize = 4;
/// Runs of one operation that are worked on at a time: others want their turns too.
const RUNS_AT_ONCE: usize = 16;
/// Runs whose outcome is noted by one statement.
const NOTED_AT_ONCE: i64 = 128;
/// Before what could not be served is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut working = FuturesUnordered::new();
    loop {
        // cancel-safe: what works goes on with the next round
        tokio::select! {
            () = shared.bulk.notified() => {}
            Some(()) = working.next(), if !working.is_empty() => {}
        }
        while working.len() < AT_ONCE && !shared.mailboxes.stopping() {
            match shared.store.take_bulk(LEASE).await {
                Ok(Some(stored)) => working.push(work(shared.clone(), stored)),
                Ok(None) => break,
                Err(error) => {
                    // it is open still: a pulse brings it up again
                    tracing::warn!(error = chain(&error), "could not look for bulk operations");
                    break;
                }
            }
        }
    }
}

async fn work(shared: Arc<Shared>, stored: StoredBulk) {
    let bulk = match read(stored) {
        Ok(bulk) => bulk,
        Err(error) => return tracing::error!(%error, "a bulk operation cannot be carried out"),
    };
    while !shared.mailboxes.stopping() {
        match some(&shared, &bulk).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                // another node, or this one, takes it once the lease is over
                let id = &bulk.stored.id;
                return tracing::warn!(id, error = chain(&error), "could not go on with a bulk operation");
            }
        }
    }
}

/// Does the next runs of the list; false if none is left.
async fn some(shared: &Arc<Shared>, bulk: &Bulk) -> Result<bool, podium_store::StoreError> {
    let id = &bulk.stored.id;
    let open = shared.store.open_bulk_runs(id, NOTED_AT_ONCE).await?;
    let left = !open.is_empty();
    let mut asked = futures::stream::iter(open)
        .map(|(place, run)| async move { (place, act(shared, bulk, run).await) })
        .buffer_unordered(RUNS_AT_ONCE);
    let (mut settled, mut unserved) = (Vec::new(), false);
    while let Some((place, done)) = asked.next().await {
        match done {
            Ok(()) => settled.push((place, None)),
            Err(EngineError::Unavailable(_)) => unserved = true,
            Err(refused) => settled.push((place, Some(refused.to_string()))),
        }
    }
    drop(asked);
    shared.store.settle_bulk_runs(id, &settled, LEASE).await?;
    if unserved {
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    Ok(left)
}

/// Asks one run for what the operation is about.
async fn act(shared: &Arc<Shared>, bulk: &Bulk, run: RunId) -> Result<(), EngineError> {
    let event = |event: Event, step: &str| {
        Event::Asked(Box::new(Asked { by: asker(&bulk.stored, step).fitted(), event }))
    };
    let verb =
        async |operation: Operation| ask(shared, run, event(Event::Operate(operation), "")).await.map(drop);
    let terminate = async |reason: &Option<String>| {
        ask(shared, run, event(Event::Terminate { reason: reason.clone() }, "")).await.map(drop)
    };
    let remove = async |archive: bool| {
        if archive {
            return ask(shared, run, event(Event::Operate(Operation::Archive), "/remove")).await.map(drop);
        }
        gone(delete(shared, run).await)
    };
    match &bulk.request.verb {
        BulkVerb::Pause => verb(Operation::Pause).await,
        BulkVerb::Resume => verb(Operation::Resume).await,
        BulkVerb::Retry => verb(Operation::Retry { resume_children: false }).await,
        BulkVerb::Restart { latest } => {
            let (run, operation) = aimed(shared, run, Verb::Restart { latest: *latest }).await?;
            ask(shared, run, event(Event::Operate(operation), "")).await.map(drop)
        }
        BulkVerb::Terminate { reason } => terminate(reason).await,
        BulkVerb::Remove { archive } => remove(*archive).await,
        BulkVerb::TerminateRemove { reason, archive } => {
            let ended = terminate(reason).await;
            // removed already, before a crash
            if *archive {
                ended?
            } else {
                gone(ended)?
            }
            remove(*archive).await
        }
    }
}

/// It was there when the list was made: it is removed, as it should be.
fn gone(removed: Result<(), EngineError>) -> Result<(), EngineError> {
    match removed {
        Err(EngineError::NotFound(_)) => Ok(()),
        other => other,
    }
}
