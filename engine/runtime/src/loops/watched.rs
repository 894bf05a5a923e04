//! Finds what other nodes commit to runs that somebody here waits for.

use std::sync::Arc;
use std::time::Duration;

use crate::errors::chain;
use crate::shared::Shared;

/// How often the versions are read while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A connection whose other end vanished without a word never answers.
const AT_MOST: Duration = Duration::from_secs(5);

pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        shared.watches.any().await;
        // most callers are answered by commits of this node before the first look
        tokio::time::sleep(LOOK_EVERY).await;
        let runs = shared.watches.runs();
        if runs.is_empty() {
            continue;
        }
        match tokio::time::timeout(AT_MOST, shared.store.versions(&runs)).await {
            Ok(Ok(found)) => shared.watches.read(&runs, &found),
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "could not look at watched runs"),
            Err(_) => tracing::warn!("looking at watched runs took too long"),
        }
    }
}
