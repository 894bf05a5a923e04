//! What the router has done so far, for metrics and health.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use podium_kafka::LaneId;

/// One lane now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneFigures {
    /// The offset after the last record whose effects are committed.
    pub next_offset: i64,
    /// Records behind the end of the partition, as known about a second ago.
    pub lag: i64,
    /// Why nothing is read any more, if so: somebody must act.
    pub stopped: Option<String>,
}

/// Counters since the router started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterFigures {
    pub received: u64,
    /// Events handed to a run that exists.
    pub applied: u64,
    /// Records that are no completions, or name no workflow or no type.
    pub skipped: u64,
    /// Events that name a run which does not exist.
    pub unknown_run: u64,
    pub dead_lettered: u64,
    /// Times that another node had taken the lane over.
    pub fenced: u64,
    /// Batches that could not be committed and were read again.
    pub retried: u64,
    /// Lanes held now, by `topic/partition`.
    pub lanes: BTreeMap<String, LaneFigures>,
    /// What the broker last complained about.
    pub trouble: Option<String>,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) applied: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) unknown_run: AtomicU64,
    pub(super) dead_lettered: AtomicU64,
    pub(super) fenced: AtomicU64,
    pub(super) retried: AtomicU64,
    lanes: Mutex<BTreeMap<LaneId, LaneFigures>>,
    trouble: Mutex<Option<String>>,
}

pub(super) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn lane(&self, lane: &LaneId, change: impl FnOnce(&mut LaneFigures)) {
        change(self.lanes.lock().unwrap_or_else(PoisonError::into_inner).entry(lane.clone()).or_default());
    }

    pub(super) fn no_lanes(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Compares each lane with where its partition ends.
    pub(super) fn measure_lag(&self, end_of: impl Fn(&LaneId) -> Option<i64>) {
        for (lane, figures) in self.lanes.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            if let Some(end) = end_of(lane) {
                figures.lag = (end - figures.next_offset).max(0);
            }
        }
    }

    pub(super) fn trouble(&self, what: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    pub(super) fn read(&self) -> RouterFigures {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        RouterFigures {
            received: get(&self.received),
            applied: get(&self.applied),
            skipped: get(&self.skipped),
            unknown_run: get(&self.unknown_run),
            dead_lettered: get(&self.dead_lettered),
            fenced: get(&self.fenced),
            retried: get(&self.retried),
            lanes: lanes.iter().map(|(lane, figures)| (lane.to_string(), figures.clone())).collect(),
            trouble: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
