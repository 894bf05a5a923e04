//! The threads that wait for scripts, and how what takes long gives way to the node's own work.
//!
//! In two steps. All of them are nice: where the processors are wanted, they get a few hundredths of one. But a nice thread
//! that runs keeps its processor for a slice of some 3 ms before another gets it, several times on the way of one start. So
//! one that has run for [`BEFORE_STANDING_BACK`] stands back: it runs when nobody else wants to, and gives its processor up at
//! once. That cannot be taken back without rights, so what stood back ends with its script.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, spawn_blocking};

/// By how much, as `nice` counts.
const GIVE_WAY: i32 = 15;
/// A script that runs for longer stands back. Most take less than one; an attack of one script a second then competes for
/// half a per cent of the time, which no 99th percentile sees.
pub(super) const BEFORE_STANDING_BACK: Duration = Duration::from_millis(5);

/// Lets this thread, or this process if it has one only, give way to others.
pub(super) fn give_way() {
    if let Err(error) = rustix::process::nice(GIVE_WAY) {
        tracing::debug!(%error, "scripts do not give way");
    }
}

/// Lets a thread (0: this one), or a process of one thread, run only when nobody else wants the processor, for as long as it
/// lives.
pub(super) fn stand_back(thread: u32) {
    #[cfg(target_os = "linux")]
    {
        let Ok(thread) = libc::pid_t::try_from(thread) else { return };
        let priority = libc::sched_param { sched_priority: 0 };
        #[expect(unsafe_code, reason = "no safe form exists; it reads the one structure that it is given")]
        // SAFETY: the pointer is to a local value that outlives the call
        let set = unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &raw const priority) };
        if set != 0 {
            tracing::debug!(error = %std::io::Error::last_os_error(), "a script does not stand back");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = thread;
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
