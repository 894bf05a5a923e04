//! Runs that this node has changed and whose words are not made yet. In memory only.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::RunId;
use tokio::sync::{Notify, watch};

/// Runs noted at most (some 5 MB). Beyond, the node forgets which they were and looks later through all runs from the
/// oldest of them on: ids are in the order of time, and load is about new runs.
const AT_MOST: usize = 100_000;

pub(crate) struct Feed {
    state: Mutex<State>,
    wake: Notify,
    hurry: Notify,
    /// The last round whose words are made.
    done: watch::Sender<u64>,
}

struct State {
    runs: HashSet<RunId>,
    /// Since when there are some.
    since: Option<Instant>,
    /// Those that are gathered now are of this round.
    round: u64,
    /// Runs were forgotten: this one and younger ones.
    forgotten: Option<RunId>,
    /// The look through them is under way.
    looking: bool,
    look: bool,
    draining: bool,
    /// Searches that wait for the words.
    waiting: usize,
}

/// The runs of one round.
pub(super) struct Taken {
    pub(super) runs: Vec<RunId>,
    pub(super) since: Instant,
    pub(super) round: u64,
}

impl Default for Feed {
    fn default() -> Self {
        let state = State {
            runs: HashSet::new(),
            since: None,
            round: 1,
            forgotten: None,
            looking: false,
            look: true,
            draining: false,
            waiting: 0,
        };
        Feed {
            state: Mutex::new(state),
            wake: Notify::new(),
            hurry: Notify::new(),
            done: watch::Sender::new(0),
        }
    }
}

impl Feed {
    /// Notes a run that a commit has changed, or may have.
    pub(crate) fn changed(&self, run: RunId) {
        let mut state = self.state.lock();
        state.runs.insert(run);
        if state.runs.len() > AT_MOST {
            let runs = std::mem::take(&mut state.runs);
            state.forgotten = runs.into_iter().chain(state.forgotten).min();
        }
        if state.since.is_none() {
            state.since = Some(Instant::now());
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Asks for a look whether another node died with words that it did not come to make.
    pub(crate) fn look(&self) {
        self.state.lock().look = true;
        self.wake.notify_one();
    }

    /// Runs that wait.
    pub(crate) fn pending(&self) -> usize {
        self.state.lock().runs.len()
    }

    /// Waits until the words of all that was changed up to now are made; false if that took longer than `wait`.
    pub(crate) async fn settled(&self, wait: Duration) -> bool {
        let mut done = self.done.subscribe();
        let round = {
            let mut state = self.state.lock();
            if state.forgotten.is_some() || state.looking {
                return false;
            }
            let round = if state.runs.is_empty() { state.round - 1 } else { state.round };
            if *done.borrow_and_update() >= round {
                return true;
            }
            state.waiting += 1;
            round
        };
        self.hurry.notify_one();
        let made = tokio::time::timeout(wait, done.wait_for(|last| *last >= round)).await;
        self.state.lock().waiting -= 1;
        matches!(made, Ok(Ok(_)))
    }

    /// The node stops: no more gathering, no more rests.
    pub(super) fn drain(&self) {
        self.state.lock().draining = true;
        self.hurry.notify_one();
        self.wake.notify_one();
    }

    pub(super) fn take_look(&self) -> bool {
        std::mem::take(&mut self.state.lock().look)
    }

    /// The oldest run of those that were forgotten. They are to be looked through until [`Feed::looked`] is called.
    pub(super) fn take_forgotten(&self) -> Option<RunId> {
        let mut state = self.state.lock();
        let forgotten = state.forgotten.take();
        state.looking |= forgotten.is_some();
        forgotten
    }

    /// All that had been forgotten was looked through.
    pub(super) fn looked(&self) {
        self.state.lock().looking = false;
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.state.lock().since.map(|since| since.elapsed())
    }

    /// Waits for something to do.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits until the first of the noted runs has waited so long, or somebody is in a hurry.
    pub(super) async fn gathered(&self, long: Duration) {
        let left = {
            let state = self.state.lock();
            if state.waiting > 0 || state.draining {
                return;
            }
            long.saturating_sub(state.since.map_or(long, |since| since.elapsed()))
        };
        drop(tokio::time::timeout(left, self.hurry.notified()).await);
    }

    pub(super) fn in_a_hurry(&self) -> bool {
        let state = self.state.lock();
        state.waiting > 0 || state.draining
    }

    /// Takes all that is noted.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.state.lock();
        let round = state.round;
        state.round += 1;
        let since = state.since.take().unwrap_or_else(Instant::now);
        Taken { runs: std::mem::take(&mut state.runs).into_iter().collect(), since, round }
    }

    /// The words of a round are made.
    pub(super) fn done(&self, round: u64) {
        self.done.send_replace(round);
    }

    /// Notes runs again whose words could not be made.
    pub(super) fn again(&self, runs: &[RunId], since: Instant) {
        let mut state = self.state.lock();
        state.runs.extend(runs);
        state.since = Some(state.since.map_or(since, |other| other.min(since)));
    }
}

#[cfg(test)]
mod tests {
    use podium_core::Timestamp;

    use super::*;

    #[test]
    fn beyond_its_room_it_remembers_from_where_on_to_look() {
        let feed = Feed::default();
        let run = |n: usize| RunId::new(Timestamp::from_millis(1_000_000 - n as i64), 1, 0);
        (0..=AT_MOST).for_each(|n| feed.changed(run(n)));
        assert_eq!(feed.pending(), 0);
        assert_eq!(feed.take_forgotten(), Some(run(AT_MOST)));
        assert_eq!(feed.take_forgotten(), None);
        feed.changed(run(5));
        assert_eq!(feed.take().runs, [run(5)], "what changes meanwhile is noted as ever");
    }
}
