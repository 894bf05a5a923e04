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
/// How long it can be seen what event handlers did, and how many of these notes there are at most: of all, and of those
/// without effect. A note is up to 10 kB.
const EVENTS_KEPT: Span = Span::from_secs(30 * 24 * 3600);
const EVENTS_AT_MOST: i64 = 30_000;
const EVENTS_WITHOUT_AT_MOST: i64 = 10_000;
/// Rows deleted by one statement: short enough to disturb nobody.
const AT_ONCE: i64 = 1_000;
/// Bulk operations deleted by one statement: each has up to 100,000 rows of its own.
const BULKS_AT_ONCE: i64 = 10;

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
    let store = &shared.store;
    prune("the outbox", AT_ONCE, |limit| store.prune_outbox(limit)).await;
    prune("the log", AT_ONCE, |limit| store.prune_loose_log(LOOSE_LOG_KEPT, limit)).await;
    prune("the firings of schedules", AT_ONCE, |limit| store.prune_firings(FIRINGS_KEPT, limit)).await;
    prune("stored payloads", AT_ONCE, |limit| store.prune_external(STORED_PAYLOADS_KEPT, limit)).await;
    prune("kept outputs", AT_ONCE, |limit| store.prune_task_cache(limit)).await;
    prune("bulk operations", BULKS_AT_ONCE, |limit| store.prune_bulk(BULK_KEPT, limit)).await;
    prune("the notes of event handlers", AT_ONCE, |limit| {
        store.prune_event_executions(EVENTS_KEPT, EVENTS_AT_MOST, EVENTS_WITHOUT_AT_MOST, limit)
    })
    .await;
    prune("the notes of polls", AT_ONCE, |limit| store.prune_polls(POLLS_KEPT, limit)).await;
}

/// Deletes a stretch at a time until nothing is left to delete.
async fn prune<F: Future<Output = Result<u64, StoreError>>>(
    what: &str,
    at_once: i64,
    some: impl Fn(i64) -> F,
) {
    loop {
        match some(at_once).await {
            Ok(done) if done >= at_once.unsigned_abs() => {}
            Ok(_) => return,
            Err(error) => return tracing::warn!(error = chain(&error), "could not prune {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn pruning_goes_on_until_nothing_is_left() {
        let left = AtomicU64::new(25);
        super::prune("things", 10, |limit| {
            let some = left.load(Ordering::Relaxed).min(limit.unsigned_abs());
            left.fetch_sub(some, Ordering::Relaxed);
            async move { Ok(some) }
        })
        .await;
        assert_eq!(left.into_inner(), 0);
    }
}
