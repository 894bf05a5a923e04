//! The ids of one queue's ready tasks in the order in which they are handed out, and the polls that wait for them.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use podium_core::{RunId, TaskNo, TaskState, Timestamp};
use podium_store::{Allowed, Candidate};

use super::polls::Polls;
use crate::longpoll::ParkedLine;

/// With other nodes alive, their work is looked for this often while somebody waits.
const FRESH_AMONG_NODES: Duration = Duration::from_millis(950);
/// Alone, everything comes past this node's writers; a read now and then would find what that rule missed.
const FRESH_ALONE: Duration = Duration::from_secs(30);
/// Candidates looked at for each one wanted, beside other nodes.
const LOOK_AHEAD: usize = 4;

/// A candidate in the order in which tasks are handed out: due time, priority (high first), age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ready {
    pub(crate) available_at: Timestamp,
    /// Negated priority, so that higher ones come first.
    urgency: i16,
    pub(crate) run: RunId,
    pub(crate) no: TaskNo,
}

impl Ready {
    pub(crate) fn of(run: RunId, priority: i16, task: &TaskState) -> Self {
        Ready { available_at: task.available_at, urgency: -priority, run, no: task.no }
    }
}

impl From<Candidate> for Ready {
    fn from(c: Candidate) -> Self {
        Ready { available_at: c.available_at, urgency: -c.priority, run: c.run, no: c.no }
    }
}

/// How much of a queue its window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// Everything up to and including this one; the rows hold more.
    UpTo(Ready),
    Everything,
}

pub(super) struct State {
    pub(super) window: BTreeSet<Ready>,
    /// Popped, their claims not answered yet: a read must not bring them back.
    pub(super) claiming: HashSet<(RunId, TaskNo)>,
    pub(super) line: ParkedLine,
    pub(super) known: Known,
    /// The first that was thrown out of a full window during a read, which may have begun before it was stored.
    pub(super) cut: Option<Ready>,
    pub(super) reading: bool,
    pub(super) last_read: Option<Instant>,
    pub(super) not_before: Option<Instant>,
    pub(super) last_poll: Instant,
    /// Who asked then, and who else did lately.
    pub(super) polls: Polls,
    /// For when the timer is set that wakes the parked polls.
    pub(super) timer_at: Option<Timestamp>,
    pub(super) retired: bool,
    /// Its tasks are under limits: the window holds only those that may be claimed.
    pub(super) limited: bool,
    /// A limit did not allow a claim: the task is in the rows, not in the window, and nobody may tell when it is allowed.
    pub(super) held_back: bool,
    /// There is no room for further tasks under the limits.
    pub(super) full: bool,
    /// The read under way may have begun too early.
    pub(super) outdated: bool,
    /// When the limits may allow more without anybody's doing.
    pub(super) look_at: Option<Timestamp>,
}

impl State {
    /// Nothing is known of the rows yet.
    pub(super) fn new() -> Self {
        State {
            window: BTreeSet::new(),
            claiming: HashSet::new(),
            line: ParkedLine::default(),
            known: Known::Nothing,
            cut: None,
            reading: false,
            last_read: None,
            not_before: None,
            last_poll: Instant::now(),
            polls: Polls::default(),
            timer_at: None,
            retired: false,
            limited: false,
            held_back: false,
            full: false,
            outdated: false,
            look_at: None,
        }
    }

    pub(super) fn due(&self, now: Timestamp) -> bool {
        self.window.first().is_some_and(|r| r.available_at <= now)
    }

    /// Takes the first due candidates. Beside other nodes, of the next few those of own buckets come first: nodes
    /// that all began with the very same one would lose most of their claims to each other.
    pub(super) fn pop(&mut self, count: usize, now: Timestamp, own: Option<u64>) -> Vec<Ready> {
        let due = |r: &&Ready| r.available_at <= now;
        let mut list: Vec<Ready> = match own {
            None => self.window.iter().take_while(due).take(count).copied().collect(),
            Some(own) => {
                let next = self.window.iter().take_while(due).take(count.saturating_mul(LOOK_AHEAD));
                let (mut mine, others): (Vec<Ready>, Vec<Ready>) =
                    next.copied().partition(|r| own >> r.run.bucket() & 1 == 1);
                mine.truncate(count);
                mine.extend(others.into_iter().take(count - mine.len()));
                mine
            }
        };
        for ready in &list {
            self.window.remove(ready);
        }
        list.retain(|ready| self.claiming.insert((ready.run, ready.no)));
        list
    }

    pub(super) fn wants_read(&self, alone: bool, at: Instant) -> bool {
        let fresh = if alone && !self.limited && !self.held_back { FRESH_ALONE } else { FRESH_AMONG_NODES };
        match self.known {
            Known::Nothing | Known::UpTo(_) => true,
            Known::Everything => self.last_read.is_none_or(|last| at.duration_since(last) >= fresh),
        }
    }

    pub(super) fn begin_read(&mut self, at: Instant) -> bool {
        if self.reading || self.not_before.is_some_and(|t| at < t) {
            return false;
        }
        self.reading = true;
        self.held_back = false;
        self.outdated = false;
        self.cut = None;
        self.last_read = Some(at);
        self.not_before = None;
        true
    }

    /// What may be claimed is not known any more, nor will the read under way tell.
    pub(super) fn forget(&mut self) {
        self.outdated = self.reading;
        self.known = Known::Nothing;
        self.full = false;
        self.look_at = None;
    }

    /// Takes in what the limits allow: nothing else may be claimed. False if it must be read again.
    pub(super) fn allow(&mut self, allowed: Allowed) -> bool {
        self.limited = true;
        self.known = Known::Everything;
        self.cut = None;
        self.full = allowed.full;
        self.look_at = allowed.look_at;
        let fresh = allowed.tasks.into_iter().map(Ready::from);
        self.window = fresh.filter(|ready| !self.claiming.contains(&(ready.run, ready.no))).collect();
        !std::mem::take(&mut self.outdated)
    }

    pub(super) fn refill(&mut self, rows: Vec<Candidate>, asked: usize) {
        self.limited = false;
        self.full = false;
        self.look_at = None;
        let complete = rows.len() < asked;
        let last = rows.last().map(|c| Ready::from(*c));
        let fresh = rows.into_iter().map(Ready::from);
        for ready in fresh {
            if !self.claiming.contains(&(ready.run, ready.no)) {
                self.window.insert(ready);
            }
        }
        self.known = match last {
            Some(end) if !complete => {
                self.window.retain(|r| *r <= end);
                Known::UpTo(end)
            }
            Some(_) | None => Known::Everything,
        };
        if let Some(cut) = self.cut.take()
            && self.known == Known::Everything
        {
            self.window.retain(|r| *r < cut);
            self.known = Known::UpTo(cut);
        }
    }

    pub(super) fn shrink(&mut self, limit: usize) {
        while self.window.len() > limit {
            if let Some(out) = self.window.pop_last()
                && self.reading
            {
                self.cut = Some(self.cut.map_or(out, |cut| cut.min(out)));
            }
            if let Some(end) = self.window.last() {
                self.known = Known::UpTo(*end);
            }
        }
    }

    /// When somebody waits and the next task becomes available later: that instant, once.
    pub(super) fn next_timer(&mut self, now: Timestamp) -> Option<Timestamp> {
        let first = self.window.first().map(|ready| ready.available_at);
        let at = [first, self.look_at].into_iter().flatten().min()?;
        if at <= now || self.line.is_empty() || self.timer_at.is_some_and(|t| t <= at) {
            return None;
        }
        self.timer_at = Some(at);
        Some(at)
    }
}
