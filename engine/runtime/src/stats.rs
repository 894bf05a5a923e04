//! The counters of a node, as atomics that any part may raise.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::status::Counters;

macro_rules! stats {
    ($($name:ident),+ $(,)?) => {
        #[derive(Default)]
        pub(crate) struct Stats { $(pub(crate) $name: Count),+ }

        impl Stats {
            pub(crate) fn read(&self) -> Counters {
                Counters { $($name: self.$name.get()),+ }
            }
        }
    };
}

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    pub(crate) fn less(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
    pub(crate) fn at_least(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

stats!(
    turns,
    batches,
    events,
    runs_started,
    runs_ended,
    stale,
    failed_turns,
    runs_faulted,
    handoffs,
    claims,
    lost_claims,
    returned_leases,
    polls,
    empty_polls,
    parked_polls,
    waiting_calls,
    candidate_reads,
    late_reports,
    cache_hits,
    cache_misses,
    cached_runs,
    timers_fired,
    timer_lateness_max_ms,
    pulses,
    failed_pulses,
    refused_overload,
    relay_published,
    relay_refused,
    relay_lost,
    relay_open,
    calls_answered,
    calls_failed,
    calls_denied,
    calls_late,
    calls_open,
    http_notices_delivered,
    http_notices_failed,
    http_notices_dropped,
    events_ingested,
    events_unknown_run,
    events_handled,
    handler_actions,
    failed_handler_actions,
    stuck_runs,
    faulted_runs,
    words_made,
    words_pending,
);
