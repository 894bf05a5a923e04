//! Callers that wait for a run to change.
//!
//! A commit of this node wakes them at once; what other nodes commit is found by one statement for all watched runs, a
//! few times a second, which runs only while somebody watches (`loops/watched.rs`). A run that nobody watches costs its
//! commits one look at a counter.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use podium_core::RunId;
use tokio::sync::Notify;

/// The version of a run that was removed: newer than every other, so that whoever waits looks once more.
const GONE: i64 = i64::MAX;

/// Who waits for which runs on this node.
pub(crate) struct Watches {
    callers: AtomicUsize,
    /// Callers that may wait at once.
    limit: usize,
    runs: Mutex<HashMap<RunId, Watched>>,
    begun: Notify,
    /// Commits of runs while somebody waited for anything. Only differences mean something.
    commits: AtomicU64,
    /// Everybody is to look again.
    everybody: Notify,
}

/// A run that somebody waits for.
#[derive(Default)]
struct Watched {
    /// The newest version that anybody here knows of.
    version: i64,
    callers: Vec<Arc<Notify>>,
}

impl Watches {
    pub(crate) fn new(limit: usize) -> Self {
        Watches {
            callers: AtomicUsize::new(0),
            limit,
            runs: Mutex::default(),
            begun: Notify::new(),
            commits: AtomicU64::new(0),
            everybody: Notify::new(),
        }
    }

    /// A place for one more caller; `None` if too many wait already.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Watch> {
        let watch = Watch { watches: self.clone(), woken: Arc::new(Notify::new()), runs: Vec::new() };
        // counted before it is refused: dropping the watch takes it off again
        let before = self.callers.fetch_add(1, Ordering::SeqCst);
        (before < self.limit).then_some(watch)
    }

    /// Callers that wait now.
    pub(crate) fn callers(&self) -> usize {
        self.callers.load(Ordering::SeqCst)
    }

    /// A commit of this node: the run is at this version now.
    pub(crate) fn committed(&self, run: RunId, version: i64) {
        if self.callers() > 0 {
            self.commits.fetch_add(1, Ordering::Relaxed);
            if let Some(watched) = self.runs.lock().get_mut(&run) {
                watched.newer(version);
            }
        }
    }

    /// This node has removed the run.
    pub(crate) fn removed(&self, run: RunId) {
        self.committed(run, GONE);
    }

    /// A count of the commits of runs by this node; it stands still while nobody waits.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Waits until everybody is to look again.
    pub(crate) async fn all_woken(&self) {
        self.everybody.notified().await;
    }

    /// Waits until somebody watches a run.
    pub(crate) async fn any(&self) {
        while self.runs.lock().is_empty() {
            self.begun.notified().await;
        }
    }

    pub(crate) fn runs(&self) -> Vec<RunId> {
        self.runs.lock().keys().copied().collect()
    }

    /// The rows say so: these of the asked runs are there, at these versions.
    pub(crate) fn read(&self, asked: &[RunId], found: &[(RunId, i64)]) {
        let versions: HashMap<RunId, i64> = found.iter().copied().collect();
        let mut runs = self.runs.lock();
        for run in asked {
            if let Some(watched) = runs.get_mut(run) {
                watched.newer(versions.get(run).copied().unwrap_or(GONE));
            }
        }
    }

    /// Lets everybody look again, for instance because the node stops.
    pub(crate) fn wake_all(&self) {
        self.runs.lock().values().for_each(Watched::wake);
        self.everybody.notify_waiters();
    }
}

impl Watched {
    fn newer(&mut self, version: i64) {
        if version > self.version {
            self.version = version;
            self.wake();
        }
    }

    fn wake(&self) {
        self.callers.iter().for_each(|caller| caller.notify_one());
    }
}

/// One caller's place; given up when dropped.
pub(crate) struct Watch {
    watches: Arc<Watches>,
    woken: Arc<Notify>,
    runs: Vec<RunId>,
}

impl Watch {
    /// Watches a run. Call it before the run is read, so that no change falls between the two.
    pub(crate) fn follow(&mut self, run: RunId) {
        if self.runs.contains(&run) {
            return;
        }
        self.runs.push(run);
        self.watches.runs.lock().entry(run).or_default().callers.push(self.woken.clone());
        self.watches.begun.notify_one();
    }

    /// This version of the run was read. Others that wait for it hear of it too, if it is news.
    pub(crate) fn has_read(&self, run: RunId, version: i64) {
        if let Some(watched) = self.watches.runs.lock().get_mut(&run)
            && version > watched.version
        {
            watched.version = version;
            watched.callers.iter().filter(|c| !Arc::ptr_eq(c, &self.woken)).for_each(|c| c.notify_one());
        }
    }

    /// Waits until one of the runs has changed since it was followed, or since the last time this answered.
    pub(crate) async fn changed(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.runs.is_empty() {
            let mut runs = self.watches.runs.lock();
            for run in &self.runs {
                let Some(watched) = runs.get_mut(run) else { continue };
                watched.callers.retain(|caller| !Arc::ptr_eq(caller, &self.woken));
                if watched.callers.is_empty() {
                    runs.remove(run);
                }
            }
        }
        self.watches.callers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use podium_core::Timestamp;

    use super::*;

    fn run(n: i64) -> RunId {
        RunId::new(Timestamp::from_millis(n), 1, 0)
    }

    async fn is_woken(watch: &Watch) -> bool {
        tokio::time::timeout(Duration::ZERO, watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn a_change_after_the_reading_wakes_and_one_that_was_read_does_not() {
        let watches = Arc::new(Watches::new(10));
        let mut watch = watches.open().expect("there is room");
        watch.follow(run(1));
        watch.has_read(run(1), 5);
        watches.committed(run(1), 5);
        watches.committed(run(2), 9);
        watches.read(&[run(1)], &[(run(1), 5)]);
        assert!(!is_woken(&watch).await);
        watches.committed(run(1), 6);
        assert!(is_woken(&watch).await);
        watches.read(&[run(1)], &[(run(1), 7)]);
        assert!(is_woken(&watch).await);
        watches.read(&[run(1)], &[]);
        assert!(is_woken(&watch).await, "it was removed");
        watches.read(&[run(1)], &[]);
        assert!(!is_woken(&watch).await);
    }

    #[tokio::test]
    async fn what_one_caller_reads_wakes_the_others() {
        let watches = Arc::new(Watches::new(10));
        let mut first = watches.open().expect("there is room");
        first.follow(run(1));
        first.has_read(run(1), 5);
        let mut second = watches.open().expect("there is room");
        second.follow(run(1));
        second.has_read(run(1), 6);
        assert!(is_woken(&first).await);
        assert!(!is_woken(&second).await);
    }

    #[test]
    fn nothing_is_left_of_a_caller_that_went_away() {
        let watches = Arc::new(Watches::new(1));
        let mut watch = watches.open().expect("there is room");
        watch.follow(run(1));
        watch.follow(run(1));
        assert!(watches.open().is_none(), "one only");
        drop(watch);
        assert!(watches.runs().is_empty());
        assert_eq!(watches.callers.load(Ordering::SeqCst), 0);
        assert!(watches.open().is_some());
    }
}
