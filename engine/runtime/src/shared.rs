//! What all parts of one engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::http::group_of;
use podium_core::tasks::is_address;
use podium_core::{Event, RunId, Timestamp};
use podium_store::Store;
use tokio::sync::{Notify, mpsc};

use crate::broken::Broken;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::event_log::EventLog;
use crate::handlers::Handlers;
use crate::loops::outbox_relay::RelayPort;
use crate::loops::projection::Feed;
use crate::loops::schedules::NextFiring;
use crate::mailbox::{Mailboxes, Reply, Work};
use crate::messages::EngineError;
use crate::plans::{Definitions, Plans};
use crate::ready::{Groups, Queue, Queues, Ready, Why};
use crate::script::Scripts;
use crate::stats::Stats;
use crate::timers::Timers;
use crate::turn::Outside;
use crate::watch::Watches;

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) config: EngineConfig,
    pub(crate) clock: Clock,
    pub(crate) plans: Plans,
    pub(crate) definitions: Definitions,
    pub(crate) queues: Queues,
    pub(crate) groups: Groups,
    pub(crate) timers: Timers,
    pub(crate) watches: Arc<Watches>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) relay: Option<RelayPort>,
    pub(crate) stats: Stats,
    pub(crate) broken: Broken,
    pub(crate) scripts: Scripts,
    /// Runs whose words are to be made.
    pub(crate) feed: Feed,
    /// Queues whose ready rows are to be read.
    pub(crate) reads: mpsc::UnboundedSender<Arc<Queue>>,
    /// Asks for a pulse before its time.
    pub(crate) pulse_now: Notify,
    pub(crate) schedules: NextFiring,
    /// There is a bulk operation that nobody works on.
    pub(crate) bulk: Notify,
    pub(crate) handlers: Handlers,
    /// What handlers did, on its way to the rows.
    pub(crate) event_log: EventLog,
    /// There may be notices for HTTP endpoints.
    pub(crate) http_notices: Notify,
    pub(crate) writers_alive: AtomicUsize,
    last_write: Mutex<Instant>,
    first_lane: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        config: EngineConfig,
        db_now: Timestamp,
        mailboxes: Mailboxes,
        relay: Option<RelayPort>,
        reads: mpsc::UnboundedSender<Arc<Queue>>,
    ) -> Self {
        Shared {
            store,
            clock: Clock::new(db_now),
            plans: Plans::default(),
            definitions: Definitions::default(),
            queues: Queues::new(config.ready_window, config.parked_polls),
            groups: Groups::default(),
            timers: Timers::default(),
            watches: Arc::new(Watches::new(config.waiting_calls)),
            mailboxes: Arc::new(mailboxes),
            relay,
            stats: Stats::default(),
            broken: Broken::default(),
            scripts: Scripts::new(config.jq.clone()),
            feed: Feed::default(),
            reads,
            pulse_now: Notify::new(),
            schedules: NextFiring::default(),
            bulk: Notify::new(),
            handlers: Handlers::default(),
            event_log: EventLog::default(),
            http_notices: Notify::new(),
            writers_alive: AtomicUsize::new(0),
            last_write: Mutex::new(Instant::now()),
            first_lane: AtomicBool::new(false),
            config,
        }
    }

    pub(crate) fn outside(&self) -> Outside<'_> {
        Outside { settings: &self.config.settings, definitions: &self.definitions, queues: &self.queues }
    }

    /// PostgreSQL has confirmed a write of this node.
    pub(crate) fn wrote(&self) {
        *self.last_write.lock() = Instant::now();
    }

    pub(crate) fn last_write_age(&self) -> Duration {
        self.last_write.lock().elapsed()
    }

    /// Whether this node holds the first lane: work that one node of several should do is its.
    pub(crate) fn holds_first_lane(&self) -> bool {
        self.first_lane.load(Ordering::Relaxed)
    }

    pub(crate) fn set_first_lane(&self, held: bool) {
        self.first_lane.store(held, Ordering::Relaxed);
    }

    /// A commit put an event into this queue of the engine, or a notice under this address.
    pub(crate) fn raised(&self, event: &str) {
        if is_address(event) {
            self.http_notices.notify_one();
        } else {
            self.handlers.raised(event);
        }
    }

    /// Asks for a read of the queue's ready rows; the queue is marked as being read already.
    pub(crate) fn read(&self, queue: &Arc<Queue>) {
        // fails only when the engine is being dropped
        drop(self.reads.send(queue.clone()));
    }

    pub(crate) fn wake_queue_at(&self, queue: &Arc<Queue>, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.timers.arm_queue(queue, at);
        }
    }

    /// A commit made this task ready; whoever waits for it here is woken.
    pub(crate) fn offer(&self, task_type: &str, domain: Option<&str>, ready: Ready, now: Timestamp) {
        if self.definitions.limits.gates(task_type) {
            // which of its tasks come first is for a read to say
            return self.queues.look_again(task_type, Why::NewTask);
        }
        if let Some(group) = group_of(task_type, domain) {
            self.groups.heard_of(group);
        }
        if let Some(queue) = self.queues.get(task_type, domain) {
            let timer = queue.offer(ready, now);
            self.wake_queue_at(&queue, timer);
        }
    }

    /// Gives a run a turn at once.
    pub(crate) fn send_due(&self, run: RunId) {
        self.mailboxes.send_own(run, Work::Event(Event::Due), Reply::None);
    }

    pub(crate) fn refuse_when_stopping(&self) -> Result<(), EngineError> {
        if self.mailboxes.stopping() { Err(crate::mailbox::stopped()) } else { Ok(()) }
    }

    pub(crate) fn writer_gone(&self) {
        self.writers_alive.fetch_sub(1, Ordering::Relaxed);
    }
}
