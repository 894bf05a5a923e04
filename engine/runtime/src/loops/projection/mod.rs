//! Makes the words of changed runs, for searches, a moment after their commit.
//!
//! It lives on what is left: while the node is busy with turns it takes a small share of the time, and the words fall
//! behind, which `podium.search_lag` and the answers to searches say. Nothing is lost by that, nor by a crash: see
//! `podium_store::projection`.

mod feed;

use std::sync::Arc;
use std::time::{Duration, Instant};

use podium_core::RunId;
use podium_store::{FeedState, NodeLease, StoreError, Sweep};
use uuid::Uuid;

pub(crate) use feed::Feed;

use crate::errors::chain;
use crate::shared::Shared;

/// Changes of a run within this time are one.
const GATHER: Duration = Duration::from_millis(250);
/// Runs whose words are made by one statement: a few milliseconds of the database's time, which others wait for where it
/// has two cores.
const AT_ONCE: usize = 50;
/// Runs looked at by one statement of a sweep.
const STRETCH: i64 = 2_000;
/// How often the node that does such work for all looks whether another one died without its noticing.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Before a statement that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Turns in one batch, on the average, beyond which the node is busy: batches grow when the database is what all wait for.
const BUSY: f64 = 20.0;
/// The node is not idle again before it was not busy for so long: load comes in waves, and words can wait.
const CALM: Duration = Duration::from_secs(2);
/// The part of the time that it takes while the node is busy. A workflow then costs the database 2 us more.
const BUSY_SHARE: f64 = 0.02;
/// Turns in a second beyond which the node has something to do.
const LOADED: f64 = 1_000.0;
/// The part of the time while it has: enough for some 3,000 runs a second.
const LOADED_SHARE: f64 = 0.2;
/// The same with nothing else to do; the other half keeps answers quick.
const IDLE_SHARE: f64 = 0.5;
/// The same for looking through runs, which nobody waits for.
const LOOKING_SHARE: f64 = 0.1;
/// How long a stopping node takes at most to make the words that are left.
const DRAIN_AT_MOST: Duration = Duration::from_secs(5);

pub(crate) async fn run(shared: Arc<Shared>, node: NodeLease) {
    let mut projection =
        Projection { load: Load::new(&shared), shared, node, sweep: None, own: None, failing: false };
    loop {
        projection.step().await;
    }
}

/// Waits until all words are made, at most until `end`; false if some are missing.
pub(crate) async fn drain(shared: &Shared, end: Instant) -> bool {
    let end = end.min(Instant::now() + DRAIN_AT_MOST).max(Instant::now() + Duration::from_millis(500));
    shared.feed.drain();
    shared.feed.settled(end.saturating_duration_since(Instant::now())).await
}

/// Goes on below this id, down to that run.
#[derive(Clone, Copy)]
struct Own {
    below: Uuid,
    until: RunId,
    since: Instant,
}

struct Projection {
    shared: Arc<Shared>,
    node: NodeLease,
    /// A look through all runs, because a node died.
    sweep: Option<Sweep>,
    /// A look through the runs that this node changed and forgot.
    own: Option<Own>,
    load: Load,
    failing: bool,
}

impl Projection {
    async fn step(&mut self) {
        let shared = self.shared.clone();
        if shared.feed.take_look() && shared.holds_first_lane() {
            let wanted = shared.store.wanted_sweep().await;
            self.sweep = self.checked(wanted).await.flatten();
        }
        if let Some(forgotten) = shared.feed.take_forgotten() {
            let own = self.own.unwrap_or(Own { below: Uuid::max(), until: forgotten, since: Instant::now() });
            self.own = Some(Own { below: Uuid::max(), until: own.until.min(forgotten), ..own });
        }
        if shared.feed.pending() > 0 {
            shared.feed.gathered(GATHER).await;
            self.changed().await;
        } else if let Some(own) = self.own {
            self.own_stretch(own).await;
        } else if let Some(sweep) = self.sweep {
            self.stretch(sweep).await;
        } else if tokio::time::timeout(LOOK_EVERY, shared.feed.woken()).await.is_err() {
            shared.feed.look();
        }
    }

    /// Makes the words of all that is noted.
    async fn changed(&mut self) {
        let shared = self.shared.clone();
        let mut taken = shared.feed.take();
        taken.runs.sort_unstable();
        let mut done = 0;
        while done < taken.runs.len() {
            let until = (done + AT_ONCE).min(taken.runs.len());
            let left = taken.runs.len() - until + shared.feed.pending();
            let behind = if left == 0 { None } else { Some(taken.since.elapsed()) };
            let state = FeedState { pending: i64::try_from(left).unwrap_or(i64::MAX), behind };
            if self.make(&taken.runs[done..until], state).await.is_none() {
                shared.feed.again(&taken.runs[done..], taken.since);
                return;
            }
            done = until;
        }
        shared.feed.done(taken.round);
    }

    async fn make(&mut self, runs: &[RunId], state: FeedState) -> Option<()> {
        let begun = Instant::now();
        let state = match self.own {
            None => state,
            Some(own) => FeedState {
                pending: state.pending.max(1),
                behind: Some(own.since.elapsed().max(state.behind.unwrap_or_default())),
            },
        };
        let made = self.shared.store.make_words(&self.node, runs, state).await;
        let made = self.checked(made).await?;
        self.shared.stats.words_made.add(usize::try_from(made).unwrap_or_default());
        self.leave_time(begun.elapsed()).await;
        Some(())
    }

    /// Looks through the next runs of a sweep.
    async fn stretch(&mut self, sweep: Sweep) {
        let Some(next) = self.look_through(sweep.below).await else { return };
        let shared = self.shared.clone();
        let noted = match next {
            Some(below) => {
                self.sweep = Some(Sweep { below, ..sweep });
                shared.store.sweep_at(below, STRETCH).await
            }
            None => {
                self.sweep = None;
                // a node may have died since it began
                shared.feed.look();
                shared.store.sweep_done(&sweep).await
            }
        };
        self.checked(noted).await;
    }

    /// Looks through the next runs that this node forgot. If it dies meanwhile, another one looks through all runs.
    async fn own_stretch(&mut self, own: Own) {
        let Some(next) = self.look_through(own.below).await else { return };
        self.own = next.filter(|below| *below > own.until.uuid()).map(|below| Own { below, ..own });
        if self.own.is_none() {
            self.shared.feed.looked();
            self.make(&[], self.state()).await;
        }
    }

    /// Makes the missing words of the next runs below an id. Returns where to go on, or `None` after a failure.
    async fn look_through(&mut self, below: Uuid) -> Option<Option<Uuid>> {
        let begun = Instant::now();
        let found = self.shared.store.sweep_stretch(below, STRETCH).await;
        let (next, runs) = self.checked(found).await?;
        tokio::time::sleep(begun.elapsed().mul_f64(1.0 / LOOKING_SHARE - 1.0)).await;
        for runs in runs.chunks(AT_ONCE) {
            self.make(runs, self.state()).await?;
        }
        Some(next)
    }

    /// What is noted and not made yet.
    fn state(&self) -> FeedState {
        let feed = &self.shared.feed;
        FeedState { pending: i64::try_from(feed.pending()).unwrap_or(i64::MAX), behind: feed.age() }
    }

    /// The value, or a pause after an error.
    async fn checked<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => {
                self.failing = false;
                Some(value)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(error = chain(&error), "could not make the words of changed runs");
                }
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }

    /// Rests after work, so that the node's own work has the rest of the time.
    async fn leave_time(&mut self, worked: Duration) {
        let share = self.load.share(&self.shared);
        if self.shared.feed.in_a_hurry() && share > BUSY_SHARE {
            return;
        }
        tokio::time::sleep(worked.mul_f64(1.0 / share - 1.0)).await;
    }
}

/// How busy the node is with turns.
struct Load {
    at: Instant,
    turns: u64,
    batches: u64,
    busy_until: Option<Instant>,
    loaded: bool,
}

impl Load {
    fn new(shared: &Shared) -> Self {
        let stats = &shared.stats;
        Load {
            at: Instant::now(),
            turns: stats.turns.get(),
            batches: stats.batches.get(),
            busy_until: None,
            loaded: false,
        }
    }

    fn share(&mut self, shared: &Shared) -> f64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.at);
        if elapsed >= Duration::from_millis(50) {
            let (turns, batches) = (shared.stats.turns.get(), shared.stats.batches.get());
            let new = (turns.saturating_sub(self.turns) as f64, batches.saturating_sub(self.batches) as f64);
            if new.0 > new.1 * BUSY {
                self.busy_until = Some(now + CALM);
            }
            self.loaded = new.0 > LOADED * elapsed.as_secs_f64();
            (self.at, self.turns, self.batches) = (now, turns, batches);
        }
        match (self.busy_until.is_some_and(|until| now < until), self.loaded) {
            (true, _) => BUSY_SHARE,
            (false, true) => LOADED_SHARE,
            (false, false) => IDLE_SHARE,
        }
    }
}
