//! Ready tasks per (task type, domain), mirrored in memory for the queues that have pollers.
//!
//! ```text
//! rows (ready index) --read--> window of ids, ordered --pop--> Claimed events --writer--> leased
//!        commits of this node --offer--^                ^--due-- tasks whose available_at comes
//! ```
//!
//! The window is only a list of good guesses: a claim decides. What is missing from it is found by the next
//! read, what is wrong in it is refused by the claim.

mod groups;
mod limits;
mod polls;
mod queue;
mod window;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use podium_core::{TaskState, Timestamp};
use podium_store::PollRow;
use tokio::sync::Notify;

pub(crate) use self::groups::Groups;
pub(crate) use self::limits::Limits;
pub(crate) use self::queue::{Queue, Taken, Wish};
pub(crate) use self::window::Ready;
use self::window::State;

/// Ids read at once: enough that a read per thousand claims costs nothing, few enough to stay fresh.
const READ_AT_MOST: usize = 1_024;
const READ_AT_LEAST: usize = 128;
/// A queue that nobody polled for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// Names of queues are the clients' to choose; beyond this many at once new ones are not kept.
const QUEUES_AT_MOST: usize = 20_000;
/// Window of a worker's presence (semantics §1.10).
const POLLED_RECENTLY: Duration = Duration::from_secs(10);

/// What may have changed which tasks of a limited type may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    NewTask,
    MoreRoom,
    NewLimits,
}

/// Names a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueName {
    pub(crate) task_type: Arc<str>,
    pub(crate) domain: Option<Arc<str>>,
}

impl QueueName {
    /// The queue that a task is in while it is ready.
    pub(crate) fn of(task: &TaskState) -> Self {
        QueueName { task_type: task.task_type.clone(), domain: task.domain.clone() }
    }
}

/// What all queues of a node share.
pub(crate) struct Common {
    alone: AtomicBool,
    /// One bit for each bucket that this node holds.
    buckets: AtomicU64,
    stopping: AtomicBool,
    parked: AtomicUsize,
    parked_limit: usize,
    /// Tells writers that keep runs back.
    parking: Notify,
    base: Instant,
    window: usize,
    queues: AtomicUsize,
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
        let queue = Arc::new(Queue {
            task_type: task_type.clone(),
            domain: domain.cloned(),
            state: Mutex::new(State::new()),
            wanted: AtomicUsize::new(0),
            parked_at: AtomicU64::new(0),
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

    /// Something has changed for the tasks of a limited type: what of them may be claimed is to be read again.
    pub(crate) fn look_again(&self, task_type: &str, why: Why) {
        let map = self.by_type.read();
        for queue in map.get(task_type).into_iter().flatten() {
            queue.look_again(why);
        }
    }

    /// Polls since the last call, to be noted in the rows: the last one of each worker of each queue.
    pub(crate) fn take_notes(&self, now: Timestamp) -> Vec<PollRow> {
        let map = self.by_type.read();
        let notes = |queue: &Arc<Queue>| {
            let mut state = queue.state.lock();
            if !state.polls.is_unnoted() {
                return Vec::new();
            }
            let rows = queue.recent_polls(&state, now);
            state.polls.noted();
            rows
        };
        map.values().flatten().flat_map(notes).collect()
    }

    /// What [`Queues::take_notes`] would give; it stays to be noted.
    pub(crate) fn recent_polls(&self, now: Timestamp) -> Vec<PollRow> {
        let recent = |queue: &Arc<Queue>| queue.recent_polls(&queue.state.lock(), now);
        self.by_type.read().values().flatten().flat_map(recent).collect()
    }

    /// The last poll of each queue of a task type, or of all of them, as far as this node knows.
    pub(crate) fn last_polls(&self, task_type: Option<&str>, now: Timestamp) -> Vec<PollRow> {
        let map = self.by_type.read();
        let last = |queue: &Arc<Queue>| queue.last_poll(&queue.state.lock(), now);
        match task_type {
            Some(task_type) => map.get(task_type).into_iter().flatten().filter_map(last).collect(),
            None => map.values().flatten().filter_map(last).collect(),
        }
    }

    /// Polls that wait now.
    pub(crate) fn parked(&self) -> usize {
        self.shared.parked.load(Ordering::Relaxed)
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
