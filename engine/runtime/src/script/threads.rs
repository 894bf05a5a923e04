//! The threads that decide runs on a copy and wait for their scripts. They give way to the node's own work.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, spawn_blocking};

use super::slow::give_way;

/// Made with the first script.
pub(super) struct Threads {
    most: usize,
    made: OnceLock<Option<Runtime>>,
}

impl Threads {
    /// `most`: how many run at once.
    pub(super) fn new(most: usize) -> Self {
        Threads { most, made: OnceLock::new() }
    }

    /// Runs something that takes the processor for long. Errors: it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self.made.get_or_init(|| make(self.most)) {
            Some(runtime) => runtime.spawn_blocking(work).await,
            None => spawn_blocking(work).await,
        }
    }
}

/// Without it, scripts run on the threads that wait for files.
fn make(most: usize) -> Option<Runtime> {
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(most)
        .thread_name("podium-script")
        // on Linux it counts for the thread
        .on_thread_start(give_way)
        .build();
    made.inspect_err(|error| tracing::warn!(%error, "scripts have no threads of their own")).ok()
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.made.take().flatten() {
            // a script that still runs ends at its deadline, with nobody to wait for it
            runtime.shutdown_background();
        }
    }
}
