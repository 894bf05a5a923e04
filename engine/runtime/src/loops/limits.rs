//! Learns of limits that were changed, and lets the polls that wait for such tasks look again.

use std::sync::Arc;
use std::time::Duration;

use crate::errors::storage;
use crate::messages::EngineError;
use crate::ready::Why;
use crate::shared::Shared;

/// After the database could not be used.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        // cancel-safe: a permit that is lost comes again with the next pulse
        shared.definitions.limits.wake.notified().await;
        if let Err(error) = refresh(&shared).await {
            tracing::warn!(%error, "could not read the limits of task definitions");
            tokio::time::sleep(AGAIN_AFTER).await;
            shared.definitions.limits.wake.notify_one();
        }
    }
}

/// Reads the limits as they are now.
pub(crate) async fn refresh(shared: &Shared) -> Result<(), EngineError> {
    let version = shared.store.metadata_version().await.map_err(storage)?;
    let changed = shared.definitions.limits.refresh(&shared.store, version).await?;
    for name in changed {
        shared.queues.look_again(&name, Why::NewLimits);
    }
    Ok(())
}
