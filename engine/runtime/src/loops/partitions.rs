//! Makes partitions ahead of time, and deletes rows that nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use podium_core::Span;
use podium_store::StoreError;

use crate::errors::chain;
use crate::shared::Shared;

/// Settled messages of ended runs are of no use to anybody.
const PRUNE_EVERY: Duration = Duration::from_secs(30);
/// How long lines are kept that were logged for what is no task.
const LOOSE_LOG_KEPT: Span = Span::from_secs(30 * 24 * 3600);
/// How long it can be looked up what schedules started: one that fires each second makes 600,000 rows in that time.
const FIRINGS_KEPT: Span = Span::from_secs(7 * 24 * 3600);
/// How long payloads are kept that callers stored: runs have copies of those that they were told of.
const STORED_PAYLOADS_KEPT: Span = Span::from_secs(365 * 24 * 3600);
/// How long it is known who polled last: workers make up new names whenever they start.
const POLLS_KEPT: Span = Span::from_secs(7 * 24 * 3600);
/// How long the lists of bulk operations are kept after their end.
const BULK_KEPT: Span = Span::from_secs(30 * 24 * 3600);
/// Rows deleted by one statement: short enough to disturb nobody.
const PRUNE_AT_ONCE: u64 = 1_000;

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut partitions = tokio::time::interval(shared.config.partitions_every);
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    // the first tick of an interval is immediate, and a node that just starts has better things to do
    prune.tick().await;
    loop {
        // cancel-safe: both branches only wait
        tokio::select! {
            _ = partitions.tick() => match shared.store.make_partitions().await {
                Ok(0) => {}
                Ok(made) => tracing::info!(made, "made partitions ahead"),
                Err(error) => tracing::warn!(error = chain(&error), "could not make partitions ahead"),
            },
            // one node of several is enough
            _ = prune.tick(), if shared.holds_first_lane() => clean(&shared).await,
        }
    }
}

async fn clean(shared: &Shared) {
    let (store, limit) = (&shared.store, PRUNE_AT_ONCE as i64);
    prune("the outbox", || store.prune_outbox(limit)).await;
    prune("the log", || store.prune_loose_log(LOOSE_LOG_KEPT, limit)).await;
    prune("the firings of schedules", || store.prune_firings(FIRINGS_KEPT, limit)).await;
    prune("stored payloads", || store.prune_external(STORED_PAYLOADS_KEPT, limit)).await;
    prune("kept outputs", || store.prune_task_cache(limit)).await;
    prune("bulk operations", || store.prune_bulk(BULK_KEPT, 10)).await;
    prune("the notes of polls", || store.prune_polls(POLLS_KEPT, limit)).await;
}

/// Deletes a stretch at a time until nothing is left to delete.
async fn prune<F: Future<Output = Result<u64, StoreError>>>(what: &str, some: impl Fn() -> F) {
    loop {
        match some().await {
            Ok(done) if done >= PRUNE_AT_ONCE => {}
            Ok(_) => return,
            Err(error) => return tracing::warn!(error = chain(&error), "could not prune {what}"),
        }
    }
}
