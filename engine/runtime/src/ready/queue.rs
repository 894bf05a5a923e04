//! One queue: what a poll finds, who is handed a task, what commits and reads add.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::{RunId, TaskNo, Timestamp};
use podium_store::{Allowed, Candidate, PollRow};

use super::window::{Known, Ready, State};
use super::{Common, Why};
use crate::longpoll::{Answer, Parked, Ticket};

/// After a failed read.
const READ_BACKOFF: Duration = Duration::from_millis(500);

/// One queue: the ready tasks of a type in a domain, and those who wait for them.
pub(crate) struct Queue {
    pub(crate) task_type: Arc<str>,
    pub(crate) domain: Option<Arc<str>>,
    pub(super) state: Mutex<State>,
    /// Tasks that the polls which wait now would take.
    pub(super) wanted: AtomicUsize,
    /// When a poll last came to wait, in microseconds since the base of `shared`.
    pub(super) parked_at: AtomicU64,
    pub(super) shared: Arc<Common>,
}

/// What a poll finds.
pub(crate) enum Taken {
    /// Try to claim these; `read`: the window runs low, the caller starts the read.
    Candidates { list: Vec<Ready>, read: bool },
    /// Nothing now: wait for the answer; `read`: the caller starts the read. `timer`: a task becomes available then.
    Parked { ticket: Ticket, read: bool, timer: Option<Timestamp> },
    /// Nothing, and no time left to wait.
    Empty,
    /// The queue was forgotten meanwhile: ask for it again.
    Retired,
    /// Too many polls wait on this node.
    Full,
}

/// A poll as the queue sees it.
pub(crate) struct Wish {
    pub(crate) count: usize,
    pub(crate) worker: Option<Arc<str>>,
    pub(crate) deadline: Instant,
}

impl Queue {
    /// Takes candidates, or waits in line for them.
    pub(crate) fn take(&self, wish: &Wish, now: Timestamp) -> Taken {
        let mut state = self.state.lock();
        if state.retired {
            return Taken::Retired;
        }
        let at = Instant::now();
        let before = std::mem::replace(&mut state.last_poll, at);
        state.polls.polled(&wish.worker, before);
        let list = state.pop(wish.count, now, self.shared.preference());
        if !list.is_empty() {
            let low =
                matches!(state.known, Known::UpTo(_)) && state.window.len() < self.shared.read_limit() / 4;
            let read = low && state.begin_read(at);
            return Taken::Candidates { list, read };
        }
        let first_look = state.known == Known::Nothing;
        // whoever comes first to a queue waits for its first read, even without a time to wait
        if (wish.deadline <= at && !first_look) || self.shared.stopping.load(Ordering::Relaxed) {
            return Taken::Empty;
        }
        if self.shared.parked.load(Ordering::Relaxed) >= self.shared.parked_limit {
            return Taken::Full;
        }
        // from here on the caller makes the read that begins
        let read = state.wants_read(self.shared.alone.load(Ordering::Relaxed), at) && state.begin_read(at);
        if wish.deadline <= at && !state.reading {
            return Taken::Empty;
        }
        let ticket = state.line.park(wish.count, wish.worker.clone(), wish.deadline);
        self.shared.parked.fetch_add(1, Ordering::Relaxed);
        self.wanted.fetch_add(wish.count, Ordering::Relaxed);
        self.parked_at.store(self.shared.since_base(), Ordering::Relaxed);
        self.shared.parking.notify_waiters();
        let timer = state.next_timer(now);
        Taken::Parked { ticket, read, timer }
    }

    /// Tasks that the polls which wait now would take.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Did a poll come to wait within this time? Then the next one is likely to come as soon.
    pub(crate) fn more_polls_soon(&self, within: Duration) -> bool {
        let last = self.parked_at.load(Ordering::Relaxed);
        last > 0 && u128::from(self.shared.since_base().saturating_sub(last)) < within.as_micros()
    }

    /// Leaves the line. False: somebody has reserved this poll already, its answer will come.
    pub(crate) fn leave(&self, ticket: &Ticket) -> bool {
        let left = self.state.lock().line.leave(ticket);
        left.inspect(|parked| self.count_out(parked)).is_some()
    }

    /// Takes the poll that waits longest for a hand-off; `None` if nobody waits or older tasks may come first.
    pub(crate) fn reserve(&self, now: Timestamp) -> Option<Parked> {
        let mut state = self.state.lock();
        if state.known != Known::Everything || state.due(now) {
            return None;
        }
        let parked = state.line.first()?;
        self.count_out(&parked);
        Some(parked)
    }

    /// Adds a task that a commit made ready. Returns when a timer must wake the queue, if one is needed.
    pub(crate) fn offer(&self, ready: Ready, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.lock();
        match state.known {
            // a read that has begun may have missed it
            Known::Nothing if !state.reading => return None,
            Known::UpTo(end) if ready > end && !state.reading => return None,
            Known::Nothing | Known::UpTo(_) | Known::Everything => {}
        }
        state.window.insert(ready);
        state.shrink(2 * self.shared.read_limit());
        self.wake(&mut state, now);
        state.next_timer(now)
    }

    /// Wakes who waits for tasks that have become available.
    pub(crate) fn due_now(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.lock();
        state.timer_at = None;
        if state.look_at.is_some_and(|at| at <= now) {
            self.forget(&mut state);
        }
        self.wake(&mut state, now);
        state.next_timer(now)
    }

    /// The last poll, as the note that other nodes and later readers see; `None` for a queue that no task is ever in.
    pub(super) fn last_poll(&self, state: &State, now: Timestamp) -> Option<PollRow> {
        let domain = self.domain.as_deref();
        (domain != Some("")).then(|| self.note(state.polls.last(), state.last_poll, now))
    }

    /// The last poll of each worker that is not in the rows yet, the latest first.
    pub(super) fn recent_polls(&self, state: &State, now: Timestamp) -> Vec<PollRow> {
        let Some(last) = self.last_poll(state, now) else { return Vec::new() };
        let others = state.polls.others().map(|(worker, at)| self.note(worker, at, now));
        std::iter::once(last).chain(others).collect()
    }

    fn note(&self, worker: Option<&str>, at: Instant, now: Timestamp) -> PollRow {
        PollRow {
            task_type: self.task_type.to_string(),
            domain: self.domain.as_deref().unwrap_or_default().to_owned(),
            worker: worker.unwrap_or_default().to_owned(),
            last_poll_at: Timestamp::from_micros(now.as_micros() - elapsed_us(at)),
        }
    }

    /// How many ids the read that was begun should ask for.
    pub(crate) fn read_size(&self) -> usize {
        self.shared.read_limit() + self.state.lock().claiming.len()
    }

    /// Takes in the answer of a read, `None` if it failed. `asked`: the limit it had.
    pub(crate) fn read_done(
        &self,
        rows: Option<Vec<Candidate>>,
        asked: usize,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let mut state = self.state.lock();
        state.reading = false;
        match rows {
            Some(rows) => state.refill(rows, asked),
            None => {
                state.known = Known::Nothing;
                state.not_before = Some(Instant::now() + READ_BACKOFF);
            }
        }
        self.after_read(&mut state, now)
    }

    /// Serves those who wait with what a read brought; the rest look for themselves when their time is over.
    fn after_read(&self, state: &mut State, now: Timestamp) -> Option<Timestamp> {
        self.wake(state, now);
        let overdue = state.line.overdue(Instant::now());
        for parked in overdue {
            self.count_out(&parked);
            parked.answer(Answer::Look);
        }
        state.next_timer(now)
    }

    /// A claim was answered. After an error the rows must be asked again. `refused`: by a limit, for now.
    pub(crate) fn claimed(&self, run: RunId, no: TaskNo, failed: bool, refused: bool) {
        let mut state = self.state.lock();
        state.claiming.remove(&(run, no));
        if state.limited {
            // taken or refused: there is another amount of room now
            self.forget(&mut state);
        } else if failed {
            state.known = Known::Nothing;
        }
        state.held_back |= refused;
    }

    /// See [`super::Queues::look_again`].
    pub(super) fn look_again(&self, why: Why) {
        let mut state = self.state.lock();
        match why {
            // it comes after those that there is no room for
            Why::NewTask if state.full => return,
            Why::NewTask | Why::MoreRoom => {}
            Why::NewLimits => state.window.clear(),
        }
        self.forget(&mut state);
    }

    /// Whoever polls next reads; the one that waits longest does it now.
    fn forget(&self, state: &mut State) {
        state.forget();
        if let Some(parked) = state.line.first() {
            self.count_out(&parked);
            parked.answer(Answer::Look);
        }
    }

    /// Takes in which tasks the limits allow, `None` if that could not be read.
    pub(crate) fn allowed(&self, allowed: Option<Allowed>, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state.lock();
        state.reading = false;
        match allowed {
            Some(allowed) => {
                if !state.allow(allowed) {
                    self.forget(&mut state);
                }
            }
            None => {
                state.known = Known::Nothing;
                state.not_before = Some(Instant::now() + READ_BACKOFF);
            }
        }
        self.after_read(&mut state, now)
    }

    /// True if a read should be made now for those who wait; the caller makes it.
    pub(super) fn begin_fresh_read(&self) -> bool {
        let mut state = self.state.lock();
        let at = Instant::now();
        !state.line.is_empty()
            && state.wants_read(self.shared.alone.load(Ordering::Relaxed), at)
            && state.begin_read(at)
    }

    pub(super) fn release_all(&self) {
        let mut state = self.state.lock();
        while let Some(parked) = state.line.first() {
            self.count_out(&parked);
            parked.answer(Answer::Look);
        }
    }

    /// Wakes as many polls as there are tasks for them.
    fn wake(&self, state: &mut State, now: Timestamp) {
        if state.line.is_empty() {
            return;
        }
        let mut due = state.window.iter().take_while(|r| r.available_at <= now).count();
        while due > 0 {
            let Some(parked) = state.line.first() else { return };
            self.count_out(&parked);
            due = due.saturating_sub(parked.count);
            parked.answer(Answer::Look);
        }
    }

    fn count_out(&self, parked: &Parked) {
        self.shared.parked.fetch_sub(1, Ordering::Relaxed);
        self.wanted.fetch_sub(parked.count, Ordering::Relaxed);
    }
}

fn elapsed_us(at: Instant) -> i64 {
    i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX)
}
