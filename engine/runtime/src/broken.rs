//! Work that cannot be done: a decision that breaks off, a change that PostgreSQL refuses, rows that cannot be read.
//!
//! Callers are told. What the node itself brings up (timers, inbox rows, acknowledgements) would come back with each
//! pulse for ever, so the run gets a fault (`Event::Faulted`): stored with the reason, it rests until somebody touches
//! it. If not even that can be stored, this node leaves the run alone for longer and longer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::{Event, RunId};

use crate::mailbox::{Envelope, Reply, Work};
use crate::messages::EngineError;
use crate::turn::{Turn, again};
use crate::writer::Writer;

const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(600);
/// Runs remembered. Beyond that a run may be tried, and logged, more often.
const AT_MOST: usize = 10_000;

/// Runs of this node whose work failed lately.
#[derive(Default)]
pub(crate) struct Broken {
    count: AtomicUsize,
    runs: Mutex<HashMap<RunId, Rest>>,
}

struct Rest {
    /// The node's own work with it waits until then.
    until: Instant,
    next: Duration,
}

impl Broken {
    /// Notes a failure. `own`: it was work that would come back by itself. True if it is news.
    fn failed(&self, run: RunId, own: bool) -> bool {
        let now = Instant::now();
        let mut runs = self.runs.lock();
        if runs.len() >= AT_MOST && !runs.contains_key(&run) {
            runs.retain(|_, rest| rest.until + LONGEST_REST > now);
            if runs.len() >= AT_MOST {
                return true;
            }
        }
        let news = !runs.contains_key(&run);
        let rest = runs.entry(run).or_insert(Rest { until: now, next: FIRST_REST });
        if own {
            rest.until = now + rest.next;
            rest.next = (2 * rest.next).min(LONGEST_REST);
        }
        self.count.store(runs.len(), Ordering::Relaxed);
        news
    }

    /// Whether the node should leave the run alone for now.
    pub(crate) fn rests(&self, run: RunId) -> bool {
        self.count.load(Ordering::Relaxed) > 0
            && self.runs.lock().get(&run).is_some_and(|rest| rest.until > Instant::now())
    }

    /// A change of the run was stored.
    pub(crate) fn healed(&self, run: RunId) {
        if self.count.load(Ordering::Relaxed) > 0 {
            let mut runs = self.runs.lock();
            runs.remove(&run);
            self.count.store(runs.len(), Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Nothing of this turn can be stored. Those to blame are told and, if the work is the node's own, the run gets a
    /// fault; what else the turn had heard is decided again without them.
    pub(crate) fn give_up(&mut self, turn: Turn, why: &str, blame: Blame) {
        self.shared.stats.failed_turns.one();
        let (run, fresh) = (turn.id(), turn.is_new());
        let (blamed, others) = sort_out(turn, blame, fresh);
        let claim = blamed.iter().find_map(|e| match e.work {
            Work::Event(Event::Claimed { task, .. }) => Some(task),
            _ => None,
        });
        let refused = |e: &Envelope| matches!(e.work, Work::Event(Event::Faulted { .. }));
        let again_by_itself = blamed.iter().any(is_own);
        // a fault that cannot be stored is not tried again
        let fault = !fresh && (claim.is_some() || again_by_itself) && !blamed.iter().any(refused);
        let rows = blamed.iter().any(|e| e.work.is_inbox());
        let mut work = again(others.into_iter().filter(|e| !(fault && rows && e.work.is_inbox())));
        if let Some(first) = blamed.first().filter(|_| fault) {
            work.push(first.beside(Work::Event(Event::Faulted { reason: why.to_owned(), claim })));
        }
        if self.shared.broken.failed(run, again_by_itself) {
            tracing::error!(%run, error = why, fault, "a run could not be decided; nothing of its turn was stored");
        } else {
            tracing::debug!(%run, error = why, fault, "a run could not be decided again");
        }
        for envelope in blamed {
            self.fail(envelope, EngineError::Internal(why.to_owned()));
        }
        self.again_from_rows(run, work);
    }

    /// The node's own work with a run whose rows cannot be read must not come back at once.
    pub(crate) fn note_failure(&self, envelope: &Envelope, error: &EngineError) {
        if is_own(envelope) && matches!(error, EngineError::Internal(_)) {
            self.shared.broken.failed(envelope.run, true);
        }
    }
}

/// Who is to blame for a turn that cannot be stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What was heard last.
    Last,
    /// Nobody can tell: callers first, who may try again; the node's own work if there is nothing else.
    Any,
}

fn sort_out(turn: Turn, blame: Blame, fresh: bool) -> (Vec<Envelope>, Vec<Envelope>) {
    let Turn { heard, later, .. } = turn;
    let mut heard: Vec<Envelope> = heard.into_iter().map(|(e, _)| e).collect();
    let (blamed, mut others) = match blame {
        _ if fresh => (heard, Vec::new()),
        Blame::Last => {
            let last = heard.pop();
            (last.into_iter().collect(), heard)
        }
        Blame::Any if heard.iter().all(is_own) => (heard, Vec::new()),
        Blame::Any => heard.into_iter().partition(|e| !is_own(e)),
    };
    others.extend(later);
    (blamed, others)
}

/// Work that nobody outside waits for, or that is sent until it is taken.
fn is_own(envelope: &Envelope) -> bool {
    matches!(envelope.reply, Reply::None)
        || matches!(envelope.work, Work::Event(Event::Published { .. } | Event::Called { .. }))
}

#[cfg(test)]
mod tests {
    use podium_core::Timestamp;

    use super::*;

    #[test]
    fn a_run_that_fails_again_rests_longer_until_it_is_healed() {
        let broken = Broken::default();
        let run = RunId::new(Timestamp::from_millis(1), 1, 0);
        assert!(!broken.rests(run));
        assert!(broken.failed(run, false), "it is news");
        assert!(!broken.rests(run), "callers may try as often as they like");
        assert!(!broken.failed(run, true));
        assert!(broken.rests(run));
        for _ in 0..20 {
            broken.failed(run, true);
        }
        let until = broken.runs.lock()[&run].until;
        assert!(until <= Instant::now() + LONGEST_REST);
        broken.healed(run);
        assert!(!broken.rests(run));
    }
}
