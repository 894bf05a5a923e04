//! The threads that scripts run on. They give way: where the processors are wanted by the node's own work, a script gets
//! a few hundredths of one, so that one that loops until its time is over does not hold up runs.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, spawn_blocking};

/// By how much, as `nice` counts.
const GIVE_WAY: i32 = 15;

/// Lets this thread, or this process if it has one only, give way to others.
pub(super) fn give_way() {
    if let Err(error) = rustix::process::nice(GIVE_WAY) {
        tracing::debug!(%error, "scripts do not give way");
    }
}

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
