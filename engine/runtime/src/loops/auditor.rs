//! Counts open runs that nothing will ever move again. It repairs nothing: the figure must be zero, and one that
//! is not is a fault to be found.

use std::sync::Arc;
use std::time::Duration;

use podium_core::Span;

use crate::errors::chain;
use crate::shared::Shared;

/// A run is only counted when it has been at rest this long: what is in hand is not stuck.
const AT_REST: Span = Span::from_secs(30);
/// Between two stretches.
const PAUSE: Duration = Duration::from_millis(250);
/// Runs looked at by one statement: some milliseconds of the database's time.
const STRETCH: i64 = 5_000;

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(shared.config.audit_every);
    every.tick().await;
    loop {
        every.tick().await;
        // one node of several is enough
        if shared.holds_first_lane() {
            audit(&shared).await;
        }
    }
}

/// Goes once through all runs, with pauses that leave the database to others.
async fn audit(shared: &Shared) {
    let (mut after, mut stuck, mut faulted) = (None, 0, 0);
    loop {
        match shared.store.audit(after, STRETCH, AT_REST).await {
            Ok(found) => {
                stuck += found.stuck;
                faulted += found.faulted;
                after = found.next;
            }
            Err(error) => return tracing::warn!(error = chain(&error), "could not look for stuck runs"),
        }
        if after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    shared.stats.stuck_runs.set(stuck.unsigned_abs());
    shared.stats.faulted_runs.set(faulted.unsigned_abs());
    if stuck > 0 {
        tracing::error!(stuck, "open runs have no cause of progress");
    }
}
