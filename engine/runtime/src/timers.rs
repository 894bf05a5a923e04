//! What must happen at an instant: runs that become due, queues whose next task becomes available.
//!
//! Only the near future is kept (the pulse brings more every second), so a run that sleeps for a month costs
//! nothing here. Losing all of it costs a second: the rows know.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::{RunId, Span, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::ready::Queue;

/// How far ahead a commit arms a timer itself: over two pulses, each of which looks as far ahead.
pub(crate) const NEAR: Span = Span::from_secs(3);
/// A fired run is not fired again by what the pulse read meanwhile, unless its turn never came.
const FIRED_COUNTS_FOR: Duration = Duration::from_secs(10);
/// Longest sleep, so that a clock that was wrong is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum Armed {
    Waiting(Timestamp),
    Fired { at: Timestamp, when: Instant },
}

#[derive(Default)]
struct State {
    /// Runs by instant; an entry that is not the run's armed instant is out of date and skipped.
    runs: BinaryHeap<Reverse<(Timestamp, RunId)>>,
    armed: HashMap<RunId, Armed>,
    queues: BinaryHeap<Reverse<(Timestamp, u64)>>,
    queue_of: HashMap<u64, Weak<Queue>>,
    next_queue: u64,
}

#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
    earlier: Notify,
}

/// What came due.
#[derive(Default)]
pub(crate) struct Fired {
    pub(crate) runs: Vec<RunId>,
    pub(crate) queues: Vec<Arc<Queue>>,
}

impl Timers {
    /// A commit of this node says when its run is due.
    pub(crate) fn arm(&self, run: RunId, at: Timestamp, now: Timestamp) {
        if at - now > NEAR {
            return;
        }
        let mut state = self.state.lock();
        match state.armed.get(&run) {
            Some(Armed::Waiting(t)) if *t <= at => {}
            // not earlier than what just fired: a run that stays due is left to the pulse, or it would spin
            Some(Armed::Fired { at: fired, .. }) if at <= *fired => {}
            Some(_) | None => self.insert(&mut state, run, at),
        }
    }

    /// The pulse read that the run is due. It may have been fired already.
    pub(crate) fn found(&self, due: &[(RunId, Timestamp)]) {
        let mut state = self.state.lock();
        for (run, at) in due {
            match state.armed.get(run) {
                Some(Armed::Waiting(t)) if t <= at => {}
                Some(Armed::Fired { when, .. }) if when.elapsed() < FIRED_COUNTS_FOR => {}
                Some(_) | None => self.insert(&mut state, *run, *at),
            }
        }
    }

    fn insert(&self, state: &mut State, run: RunId, at: Timestamp) {
        let earliest = state.runs.peek().is_none_or(|Reverse((t, _))| at < *t);
        state.armed.insert(run, Armed::Waiting(at));
        state.runs.push(Reverse((at, run)));
        if earliest {
            self.earlier.notify_one();
        }
    }

    /// The turn that a fired run was given is over. Returns the instant for which it was fired.
    pub(crate) fn settled(&self, run: RunId) -> Option<Timestamp> {
        let mut state = self.state.lock();
        match state.armed.get(&run) {
            Some(Armed::Fired { at, .. }) => {
                let at = *at;
                state.armed.remove(&run);
                Some(at)
            }
            Some(Armed::Waiting(_)) | None => None,
        }
    }

    /// Wakes the queue at this instant.
    pub(crate) fn arm_queue(&self, queue: &Arc<Queue>, at: Timestamp) {
        let mut state = self.state.lock();
        let id = state.next_queue;
        state.next_queue += 1;
        let earliest = state.queues.peek().is_none_or(|Reverse((t, _))| at < *t);
        state.queue_of.insert(id, Arc::downgrade(queue));
        state.queues.push(Reverse((at, id)));
        if earliest {
            self.earlier.notify_one();
        }
    }

    /// Sleeps until something is due, then takes it all.
    pub(crate) async fn next(&self, clock: &Clock) -> Fired {
        loop {
            let (fired, sleep) = self.take(clock.now());
            if !fired.runs.is_empty() || !fired.queues.is_empty() {
                return fired;
            }
            // cancel-safe: both branches only wait
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    fn take(&self, now: Timestamp) -> (Fired, Duration) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let mut fired = Fired::default();
        let mut next = now + Span::from_micros(LONGEST_SLEEP.as_micros() as i64);
        while let Some(Reverse((at, run))) = state.runs.peek().copied() {
            if at > now {
                next = next.min(at);
                break;
            }
            state.runs.pop();
            if matches!(state.armed.get(&run), Some(Armed::Waiting(t)) if *t == at) {
                state.armed.insert(run, Armed::Fired { at, when: Instant::now() });
                fired.runs.push(run);
            }
        }
        while let Some(Reverse((at, id))) = state.queues.peek().copied() {
            if at > now {
                next = next.min(at);
                break;
            }
            state.queues.pop();
            fired.queues.extend(state.queue_of.remove(&id).and_then(|q| q.upgrade()));
        }
        let micros = (next - now).as_micros().max(0).unsigned_abs();
        (fired, Duration::from_micros(micros))
    }

    /// Forgets fired runs whose turn was lost on the way.
    pub(crate) fn tidy(&self) {
        let mut state = self.state.lock();
        state.armed.retain(|_, a| match a {
            Armed::Waiting(_) => true,
            Armed::Fired { when, .. } => when.elapsed() < FIRED_COUNTS_FOR,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(n: u64) -> RunId {
        RunId::new(Timestamp::from_millis(1), n, 0)
    }

    #[test]
    fn fires_each_run_once_at_its_earliest_instant() {
        let timers = Timers::default();
        let now = Timestamp::from_millis(10_000);
        let at = |ms: i64| Timestamp::from_millis(10_000 + ms);
        timers.arm(run(1), at(500), now);
        timers.arm(run(1), at(100), now);
        timers.found(&[(run(1), at(100)), (run(2), at(200))]);
        timers.arm(run(3), at(60_000), now);
        assert!(timers.take(at(99)).0.runs.is_empty());
        assert_eq!(timers.take(at(150)).0.runs, vec![run(1)]);
        timers.found(&[(run(1), at(100))]);
        assert_eq!(timers.take(at(1_000)).0.runs, vec![run(2)], "a fired run does not fire again");
        assert_eq!(timers.settled(run(1)), Some(at(100)));
        timers.found(&[(run(1), at(900))]);
        assert_eq!(timers.take(at(1_000)).0.runs, vec![run(1)], "after its turn it may");
        assert!(timers.take(at(100_000)).0.runs.is_empty(), "far instants are left to the pulse");
    }
}
