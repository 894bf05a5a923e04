//! Ready tasks per (task type, domain), mirrored in memory for the queues that have pollers.
//!
//! ```text
//! rows (ready index) --read--> window of ids, ordered --pop--> Claimed events --writer--> leased
//!        commits of this node --offer--^                ^--due-- tasks whose available_at comes
//! ```
//!
//! The window is only a list of good guesses: a claim decides. What is missing from it is found by the next
//! read, what is wrong in it is refused by the claim.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use podium_core::{RunId, TaskNo, TaskState, Timestamp};
use podium_store::Candidate;
use tokio::sync::Notify;

use crate::longpoll::{Answer, Parked, ParkedLine, Ticket};

/// Ids read at once: enough that a read per thousand claims costs nothing, few enough to stay fresh.
const READ_AT_MOST: usize = 1_024;
const READ_AT_LEAST: usize = 128;
/// With other nodes alive, their work is looked for this often while somebody waits.
const FRESH_AMONG_NODES: Duration = Duration::from_millis(950);
/// Alone, everything comes past this node's writers; a read now and then would find what that rule missed.
const FRESH_ALONE: Duration = Duration::from_secs(30);
/// Candidates looked at for each one wanted, beside other nodes.
const LOOK_AHEAD: usize = 4;
/// After a failed read.
const READ_BACKOFF: Duration = Duration::from_millis(500);
/// A queue that nobody polled for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// Names of queues are the clients' to choose; beyond this many at once new ones are not kept.
const QUEUES_AT_MOST: usize = 20_000;
/// Window of a worker's presence (semantics §1.10).
const POLLED_RECENTLY: Duration = Duration::from_secs(10);

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
enum Known {
    Nothing,
    /// Everything up to and including this one; the rows hold more.
    UpTo(Ready),
    Everything,
}

struct State {
    window: BTreeSet<Ready>,
    /// Popped, their claims not answered yet: a read must not bring them back.
    claiming: HashSet<(RunId, TaskNo)>,
    line: ParkedLine,
    known: Known,
    /// The first that was thrown out of a full window during a read, which may have begun before it was stored.
    cut: Option<Ready>,
    reading: bool,
    last_read: Option<Instant>,
    not_before: Option<Instant>,
    last_poll: Instant,
    /// For when the timer is set that wakes the parked polls.
    timer_at: Option<Timestamp>,
    retired: bool,
}

/// One queue: the ready tasks of a type in a domain, and those who wait for them.
pub(crate) struct Queue {
    pub(crate) task_type: Arc<str>,
    pub(crate) domain: Option<Arc<str>>,
    state: Mutex<State>,
    shared: Arc<Common>,
}

/// What all queues of a node share.
pub(crate) struct Common {
    alone: AtomicBool,
    /// One bit for each bucket that this node holds.
    buckets: AtomicU64,
    stopping: AtomicBool,
    parked: AtomicUsize,
    parked_limit: usize,
    /// Tasks that the parked polls would take.
    wanted: AtomicUsize,
    /// When a poll last came to wait, in microseconds since `base`.
    parked_at: AtomicU64,
    /// Tells writers that keep runs back.
    parking: Notify,
    base: Instant,
    window: usize,
    queues: AtomicUsize,
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
        state.last_poll = at;
        let list = state.pop(wish.count, now, self.shared.preference());
        if !list.is_empty() {
            let low =
                matches!(state.known, Known::UpTo(_)) && state.window.len() < self.shared.read_limit() / 4;
            let read = low && state.begin_read(at);
            return Taken::Candidates { list, read };
        }
        let first_look = state.known == Known::Nothing;
        let read = state.wants_read(self.shared.alone.load(Ordering::Relaxed), at) && state.begin_read(at);
        // whoever comes first to a queue waits for its first read, even without a time to wait
        let waits = wish.deadline > at || (first_look && state.reading);
        if !waits || self.shared.stopping.load(Ordering::Relaxed) {
            return Taken::Empty;
        }
        if self.shared.parked.load(Ordering::Relaxed) >= self.shared.parked_limit {
            return Taken::Full;
        }
        let ticket = state.line.park(wish.count, wish.worker.clone(), wish.deadline);
        self.shared.parked.fetch_add(1, Ordering::Relaxed);
        self.shared.wanted.fetch_add(wish.count, Ordering::Relaxed);
        self.shared.parked_at.store(self.shared.since_base(), Ordering::Relaxed);
        self.shared.parking.notify_waiters();
        let timer = state.next_timer(now);
        Taken::Parked { ticket, read, timer }
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
        self.wake(&mut state, now);
        state.next_timer(now)
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
        self.wake(&mut state, now);
        let overdue = state.line.overdue(Instant::now());
        for parked in overdue {
            self.count_out(&parked);
            parked.answer(Answer::Look);
        }
        state.next_timer(now)
    }

    /// A claim was answered; `lost`: another had it. After an error the rows must be asked again.
    pub(crate) fn claimed(&self, run: RunId, no: TaskNo, failed: bool) {
        let mut state = self.state.lock();
        state.claiming.remove(&(run, no));
        if failed {
            state.known = Known::Nothing;
        }
    }

    /// True if a read should be made now for those who wait; the caller makes it.
    fn begin_fresh_read(&self) -> bool {
        let mut state = self.state.lock();
        let at = Instant::now();
        !state.line.is_empty()
            && state.wants_read(self.shared.alone.load(Ordering::Relaxed), at)
            && state.begin_read(at)
    }

    fn release_all(&self) {
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
        self.shared.wanted.fetch_sub(parked.count, Ordering::Relaxed);
    }
}

impl State {
    fn due(&self, now: Timestamp) -> bool {
        self.window.first().is_some_and(|r| r.available_at <= now)
    }

    /// Takes the first due candidates. Beside other nodes, of the next few those of own buckets come first: nodes
    /// that all began with the very same one would lose most of their claims to each other.
    fn pop(&mut self, count: usize, now: Timestamp, own: Option<u64>) -> Vec<Ready> {
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

    fn wants_read(&self, alone: bool, at: Instant) -> bool {
        let fresh = if alone { FRESH_ALONE } else { FRESH_AMONG_NODES };
        match self.known {
            Known::Nothing | Known::UpTo(_) => true,
            Known::Everything => self.last_read.is_none_or(|last| at.duration_since(last) >= fresh),
        }
    }

    fn begin_read(&mut self, at: Instant) -> bool {
        if self.reading || self.not_before.is_some_and(|t| at < t) {
            return false;
        }
        self.reading = true;
        self.cut = None;
        self.last_read = Some(at);
        self.not_before = None;
        true
    }

    fn refill(&mut self, rows: Vec<Candidate>, asked: usize) {
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

    fn shrink(&mut self, limit: usize) {
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
    fn next_timer(&mut self, now: Timestamp) -> Option<Timestamp> {
        let at = self.window.first()?.available_at;
        if at <= now || self.line.is_empty() || self.timer_at.is_some_and(|t| t <= at) {
            return None;
        }
        self.timer_at = Some(at);
        Some(at)
    }
}

impl Common {
    fn since_base(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    fn preference(&self) -> Option<u64> {
        (!self.alone.load(Ordering::Relaxed)).then(|| self.buckets.load(Ordering::Relaxed))
    }

    fn read_limit(&self) -> usize {
        let queues = self.queues.load(Ordering::Relaxed).max(1);
        (self.window / queues).clamp(READ_AT_LEAST, READ_AT_MOST)
    }
}

/// All queues of this node that have, or lately had, pollers.
pub(crate) struct Queues {
    /// By task type, then the few domains that are polled for it.
    by_type: RwLock<HashMap<Arc<str>, Vec<Arc<Queue>>>>,
    shared: Arc<Common>,
}

impl Queues {
    pub(crate) fn new(window: usize, parked_limit: usize) -> Self {
        let shared = Common {
            alone: AtomicBool::new(false),
            buckets: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            parked: AtomicUsize::new(0),
            parked_limit,
            wanted: AtomicUsize::new(0),
            parked_at: AtomicU64::new(0),
            parking: Notify::new(),
            base: Instant::now(),
            window,
            queues: AtomicUsize::new(0),
        };
        Queues { by_type: RwLock::new(HashMap::new()), shared: Arc::new(shared) }
    }

    /// The queue, if somebody polls it here.
    pub(crate) fn get(&self, task_type: &str, domain: Option<&str>) -> Option<Arc<Queue>> {
        let map = self.by_type.read();
        map.get(task_type)?.iter().find(|q| q.domain.as_deref() == domain).cloned()
    }

    /// The queue for a poll; `None` if the node already keeps as many queues as it may.
    pub(crate) fn open(&self, task_type: &Arc<str>, domain: Option<&Arc<str>>) -> Option<Arc<Queue>> {
        if let Some(queue) = self.get(task_type, domain.map(|d| &**d)) {
            return Some(queue);
        }
        let mut map = self.by_type.write();
        let known = map.get(task_type).and_then(|list| list.iter().find(|q| q.domain.as_ref() == domain));
        if let Some(queue) = known {
            return Some(queue.clone());
        }
        if self.shared.queues.load(Ordering::Relaxed) >= QUEUES_AT_MOST {
            return None;
        }
        let state = State {
            window: BTreeSet::new(),
            claiming: HashSet::new(),
            line: ParkedLine::default(),
            known: Known::Nothing,
            cut: None,
            reading: false,
            last_read: None,
            not_before: None,
            last_poll: Instant::now(),
            timer_at: None,
            retired: false,
        };
        let queue = Arc::new(Queue {
            task_type: task_type.clone(),
            domain: domain.cloned(),
            state: Mutex::new(state),
            shared: self.shared.clone(),
        });
        map.entry(task_type.clone()).or_default().push(queue.clone());
        self.shared.queues.fetch_add(1, Ordering::Relaxed);
        Some(queue)
    }

    /// Did a worker poll this queue on this node within the last ten seconds?
    pub(crate) fn polled_recently(&self, task_type: &str, domain: &str) -> bool {
        self.get(task_type, Some(domain))
            .is_some_and(|q| q.state.lock().last_poll.elapsed() < POLLED_RECENTLY)
    }

    /// Polls that wait now.
    pub(crate) fn parked(&self) -> usize {
        self.shared.parked.load(Ordering::Relaxed)
    }

    /// Tasks that the polls which wait now would take.
    pub(crate) fn wanted(&self) -> usize {
        self.shared.wanted.load(Ordering::Relaxed)
    }

    /// Did a poll come to wait within this time? Then the next one is likely to come as soon.
    pub(crate) fn more_polls_soon(&self, within: Duration) -> bool {
        let last = self.shared.parked_at.load(Ordering::Relaxed);
        last > 0 && u128::from(self.shared.since_base().saturating_sub(last)) < within.as_micros()
    }

    /// Returns when the next poll comes to wait.
    pub(crate) async fn parking(&self) {
        self.shared.parking.notified().await
    }

    /// The buckets that this node holds, and whether it is the only one: then all work comes past its own writers.
    pub(crate) fn set_share(&self, buckets: &[i16], alone: bool) {
        let bits = buckets.iter().fold(0_u64, |bits, b| bits | 1 << (b & 63));
        self.shared.buckets.store(bits, Ordering::Relaxed);
        let was_alone = self.shared.alone.swap(alone, Ordering::Relaxed);
        if alone && !was_alone {
            // the last commits of a node that has just gone are in no window here
            for queue in self.by_type.read().values().flatten() {
                queue.state.lock().last_read = None;
            }
        }
    }

    /// Queues whose waiting polls need a read now (each is then marked as being read), and forgets idle ones.
    pub(crate) fn tick(&self) -> Vec<Arc<Queue>> {
        let mut read = Vec::new();
        let mut idle = false;
        for queue in self.by_type.read().values().flatten() {
            idle |= queue.state.lock().last_poll.elapsed() > FORGET_AFTER;
            if queue.begin_fresh_read() {
                read.push(queue.clone());
            }
        }
        if idle {
            self.forget_idle();
        }
        read
    }

    fn forget_idle(&self) {
        let mut left = 0;
        let mut map = self.by_type.write();
        map.retain(|_, list| {
            list.retain(|queue| {
                let mut state = queue.state.lock();
                let busy = !state.line.is_empty() || state.reading || !state.claiming.is_empty();
                state.retired = !busy && state.last_poll.elapsed() > FORGET_AFTER;
                !state.retired
            });
            left += list.len();
            !list.is_empty()
        });
        self.shared.queues.store(left, Ordering::Relaxed);
    }

    /// The node stops: everybody who waits is answered now, and nobody waits again.
    pub(crate) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        for queue in self.by_type.read().values().flatten() {
            queue.release_all();
        }
    }
}
