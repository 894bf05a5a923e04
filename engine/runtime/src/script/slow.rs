//! How scripts that take long give way to the node's own work, and to each other.
//!
//! All scripts are nice: where the processors are wanted, they get a few hundredths of one. But a nice thread that runs keeps
//! its processor for a slice of some 3 ms before another gets it, several times on the way of one start. So a script that has
//! run for [`QUICK`] *stands back*: it runs when nobody else wants to, and gives its processor up at once. That cannot be
//! taken back without rights, so what stood back ends with its script.
//!
//! Even then it costs the others: the caches, the memory and, where two processors are the halves of one, half of that.
//! Measured beside W1 on two processors, programs that did nothing but stand back and loop moved the 99th percentile of
//! a start by a factor of 2.4 when there were four, 1.6 for two, and not at all for one. So slow scripts have half
//! of the processors, one at the least, and take turns there ([`Place`]).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A script that runs for longer is slow. Most take less than one; an attack of one script a second then competes for half a
/// per cent of the time, which no 99th percentile sees.
pub(super) const QUICK: Duration = Duration::from_millis(5);
/// One turn of a slow script; then the next one has its turn.
pub(super) const SLICE: Duration = Duration::from_millis(10);
/// What one script may take.
const ONE_SCRIPT: Duration = Duration::from_secs(4);
/// It may take longer until it has run for so long: others may have wanted the processors …
const TRIED: Duration = Duration::from_millis(250);
/// … but no longer than this.
pub(super) const STARVED: Duration = Duration::from_secs(12);

/// By how much scripts give way, as `nice` counts.
const GIVE_WAY: i32 = 15;

/// Places for slow scripts, of the whole process as the processors are.
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((processors / 2).max(1)))
});

/// The right to run for a [`SLICE`], until it is dropped.
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Waits for its turn; those who wait are served in their order. Blocks the thread.
    pub(super) fn wait() -> Place {
        // fails only if somebody closed it, which nobody does
        Place { _permit: futures::executor::block_on(PLACES.clone().acquire_owned()).ok() }
    }
}

/// Is it time to stop a script that began so long ago and has run for that much of it?
pub(super) fn is_over(passed: Duration, has_run: Duration) -> bool {
    passed >= ONE_SCRIPT && (has_run >= TRIED || passed >= STARVED)
}

/// Lets this thread, or this process if it has one only, give way to others.
pub(super) fn give_way() {
    if let Err(error) = rustix::process::nice(GIVE_WAY) {
        tracing::debug!(%error, "scripts do not give way");
    }
}

/// Lets this thread run only when nobody else wants the processor, for as long as it lives.
pub(super) fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        let priority = libc::sched_param { sched_priority: 0 };
        #[expect(unsafe_code, reason = "no safe form exists; it reads the one structure that it is given")]
        // SAFETY: the pointer is to a local value that outlives the call; 0 is the calling thread
        let set = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const priority) };
        if set != 0 {
            tracing::debug!(error = %std::io::Error::last_os_error(), "a script does not stand back");
        }
    }
}
