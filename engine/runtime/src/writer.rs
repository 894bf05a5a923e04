//! The writer: everything that happens to its runs, one batch after the other on one connection.
//!
//! ```text
//! mailbox -> cached state or load -> decide on the forming batch ==launch==> one statement in flight
//!    ^                                                                            |
//!    '---- work of runs that were busy <--- answers, timers, relay, queues <---settle
//! ```
//!
//! While a statement is in flight the next batch forms from runs that are not in it. A run is in one place
//! at a time: cached, loading, forming or in flight; work that comes for it meanwhile waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, SelectAll};
use podium_core::{Event, RunId};
use podium_store::{Applied, StoreError};
use tokio::sync::mpsc;

use crate::admission::{self, Admission, HOLD, HOLD_WHILE_IDLE};
use crate::batch::Batch;
use crate::broken::Blame;
use crate::cache::Cache;
use crate::loading::{Found, Loaded, Wanted, load};
use crate::mailbox::{Envelope, Reply, Work};
use crate::messages::EngineError;
use crate::ready::QueueName;
use crate::settle::no_run;
use crate::shared::Shared;
use crate::turn::{Trouble, Turn};

/// Only a batch larger than this says that more is on its way worth waiting for.
const BUSY_BATCH: usize = 32;
/// The longest wait for more company.
const LINGER: Duration = Duration::from_millis(2);
/// Events decided before the statement in flight is looked after again.
const BURST: usize = 64;
/// Runs read by one statement.
const LOAD_AT_ONCE: usize = 256;
/// Before the node's own work is tried again that the database could not serve.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Work held for busy runs beyond which the mailbox is left alone.
const HELD_AT_MOST: usize = 20_000;

/// A batch whose statement is over.
pub(crate) struct Flown {
    connection: podium_store::Writer,
    pub(crate) batch: Batch,
    pub(crate) result: Result<Applied, StoreError>,
    pub(crate) asked: Instant,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    mail: mpsc::UnboundedReceiver<Envelope>,
    /// `None` while a statement is in flight.
    connection: Option<podium_store::Writer>,
    in_flight: Option<BoxFuture<'static, Flown>>,
    pub(crate) cache: Cache,
    /// Runs that are loading or in flight, with the work that waits for them.
    pub(crate) busy: HashMap<RunId, Vec<Envelope>>,
    held: usize,
    forming: Batch,
    wanted: Vec<Wanted>,
    loads: SelectAll<BoxStream<'static, Vec<Loaded>>>,
    /// New runs that wait for workers to poll.
    starts: Admission,
    /// The node's own work that is to be tried again.
    again: VecDeque<(Instant, Envelope)>,
    last_events: usize,
    linger_until: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mail: mpsc::UnboundedReceiver<Envelope>,
        connection: podium_store::Writer,
    ) -> Self {
        let writers = shared.config.writers.max(1);
        Writer {
            cache: Cache::new(shared.config.cached_runs / writers, shared.config.cached_bytes / writers),
            shared,
            mail,
            connection: Some(connection),
            in_flight: None,
            busy: HashMap::new(),
            held: 0,
            forming: Batch::default(),
            wanted: Vec::new(),
            loads: SelectAll::new(),
            starts: Admission::default(),
            again: VecDeque::new(),
            last_events: 0,
            linger_until: None,
        }
    }

    /// Works until the mailbox is closed or the task is aborted.
    pub(crate) async fn run(mut self) {
        let _alive = Alive::new(self.shared.clone());
        let mut open = true;
        while open
            || self.in_flight.is_some()
            || !self.loads.is_empty()
            || !self.forming.is_empty()
            || !self.starts.is_empty()
        {
            // here too: a mailbox that is never empty would keep the branch below from its turn
            self.try_again();
            self.take_in();
            self.begin_loads();
            let wait = self.launch_or_linger();
            let room = self.has_room();
            let again = self.again.front().map(|(at, _)| *at);
            // cancel-safe: each branch either only waits or hands over what it took
            tokio::select! {
                biased;
                flown = landing(&mut self.in_flight) => {
                    self.in_flight = None;
                    self.landed(flown);
                }
                Some(loaded) = self.loads.next(), if !self.loads.is_empty() => {
                    loaded.into_iter().for_each(|l| self.loaded(l));
                }
                mail = self.mail.recv(), if open && room => match mail {
                    Some(envelope) => self.accept(envelope),
                    None => open = false,
                },
                () = sleep_until(wait) => {}
                () = self.shared.queues.parking(), if !self.starts.is_empty() && self.connection.is_some() => {}
                () = sleep_until(again) => self.try_again(),
            }
        }
    }

    fn take_in(&mut self) {
        for _ in 0..BURST {
            if !self.has_room() {
                return;
            }
            match self.mail.try_recv() {
                Ok(envelope) => self.accept(envelope),
                Err(_) => return,
            }
        }
    }

    fn has_room(&self) -> bool {
        self.batch_has_room() && self.held + self.starts.len() < HELD_AT_MOST
    }

    fn batch_has_room(&self) -> bool {
        let config = &self.shared.config;
        self.forming.turns.len() < config.batch_runs && self.forming.bytes < config.batch_bytes
    }

    /// Finds the place for a piece of work.
    pub(crate) fn accept(&mut self, envelope: Envelope) {
        let run = envelope.run;
        if let Some(waiting) = self.busy.get_mut(&run) {
            waiting.push(envelope);
            self.held += 1;
            return;
        }
        if let Some(turn) = self.forming.turn_of(run) {
            // the rows must be read against a committed version; of several claims that a limit may refuse, none must be
            // refused because of another
            let one_more = turn.limited && matches!(envelope.work, Work::Event(Event::Claimed { .. }));
            if one_more || matches!(envelope.work, Work::Inbox) {
                turn.later.push(envelope)
            } else {
                self.hear(envelope)
            }
            return;
        }
        match &envelope.work {
            Work::Start(start) => {
                let Some(queue) = self.starts.queue_of(start) else { return self.begin(envelope) };
                let (ready, last) = (self.forming.ready(&queue), self.last_events);
                if let Some(envelope) = self.starts.keep(envelope, queue, &self.shared.queues, ready, last) {
                    self.begin(envelope);
                }
            }
            Work::Event(_) => match self.cache.take(run) {
                Some(cached) => {
                    self.shared.stats.cache_hits.one();
                    self.forming.add(Turn::of(cached));
                    self.hear(envelope);
                }
                None => {
                    self.shared.stats.cache_misses.one();
                    self.want(Wanted::run(run), vec![envelope]);
                }
            },
            Work::Inbox => {
                let wanted = Wanted { have: self.cache.take(run), inbox: true, ..Wanted::run(run) };
                self.want(wanted, vec![envelope]);
            }
        }
    }

    fn begin(&mut self, envelope: Envelope) {
        let Work::Start(start) = &envelope.work else { return };
        let (run, definition) = (envelope.run, admission::definition(start));
        self.forming.add(Turn::start(start));
        self.hear(envelope);
        if let (Some(definition), Some(turn)) = (definition, self.forming.turn_of(run)) {
            let first = turn.ready().next();
            self.starts.learn(definition, first.map(|task| QueueName::of(task)));
        }
    }

    fn begin_starts(&mut self, patience: Duration) {
        while self.batch_has_room() {
            let ready = |queue: &QueueName| self.forming.ready(queue);
            let Some(envelope) = self.starts.next(&self.shared.queues, patience, ready) else { return };
            self.begin(envelope);
        }
    }

    fn hear(&mut self, envelope: Envelope) {
        let (run, now) = (envelope.run, self.shared.clock.now());
        let Err((trouble, turn)) = self.forming.hear(envelope, now, &self.shared.outside()) else { return };
        match trouble {
            Trouble::Needs(needs) => {
                let fresh =
                    matches!(turn.heard.first(), Some((first, _)) if matches!(first.work, Work::Start(_)));
                let mut turn = *turn;
                let answers = std::mem::take(&mut turn.answers);
                let have = turn.take_before();
                let work = turn.into_work();
                let inbox = work.iter().any(|e| matches!(e.work, Work::Inbox));
                let mut wanted = Wanted { have, needs, answers, fresh, inbox, ..Wanted::run(run) };
                if wanted.needs.scripts {
                    wanted.rehearse(&work);
                }
                self.want(wanted, work);
            }
            Trouble::Unstartable(refusal) => {
                let error = EngineError::Invalid(refusal.to_string());
                turn.into_work().into_iter().for_each(|envelope| envelope.fail(error.clone()));
            }
            Trouble::Broken(text) => self.give_up(*turn, &text, Blame::Last),
        }
    }

    /// Loads a run (or what its decision needs); its work waits until then.
    pub(crate) fn want(&mut self, wanted: Wanted, work: Vec<Envelope>) {
        self.held += work.len();
        self.busy.entry(wanted.run).or_default().extend(work);
        self.wanted.push(wanted);
    }

    fn begin_loads(&mut self) {
        while !self.wanted.is_empty() {
            let rest = self.wanted.len().saturating_sub(LOAD_AT_ONCE);
            let some = self.wanted.split_off(rest);
            self.loads.push(load(self.shared.clone(), some));
        }
    }

    /// The work that waited for a busy run, which is busy no longer.
    pub(crate) fn waiting(&mut self, run: RunId) -> Vec<Envelope> {
        let waiting = self.busy.remove(&run).unwrap_or_default();
        self.held -= waiting.len();
        waiting
    }

    fn loaded(&mut self, loaded: Loaded) {
        let waiting = self.waiting(loaded.run);
        match loaded.found {
            Ok(Found::Run { run, inbox, answers }) => {
                let idle = inbox.is_empty() && waiting.iter().all(|e| matches!(e.work, Work::Inbox));
                if idle {
                    return self.cache.put(run);
                }
                let mut turn = Turn::of(run);
                turn.answers = answers;
                self.forming.add(turn);
                let mut rows = Some(inbox);
                for envelope in waiting {
                    if !matches!(envelope.work, Work::Inbox) {
                        self.accept(envelope);
                        continue;
                    }
                    for (inbox, message) in rows.take().unwrap_or_default() {
                        self.accept(envelope.beside(Work::Event(Event::Arrived { inbox, message })));
                    }
                }
            }
            Ok(Found::Fresh(answers)) => {
                for mut envelope in waiting {
                    if let Work::Start(start) = &mut envelope.work {
                        start.answers = answers.clone();
                    }
                    self.accept(envelope);
                }
            }
            Ok(Found::Gone) => waiting.into_iter().for_each(|e| {
                self.shared.timers.settled(e.run);
                let error = no_run(e.run);
                e.fail(error);
            }),
            Err(error) => {
                for envelope in waiting {
                    self.fail(envelope, error.clone());
                }
            }
        }
    }

    /// Tells the sender; the node's own work that nobody else would bring up again is tried later.
    pub(crate) fn fail(&mut self, envelope: Envelope, error: EngineError) {
        let lasting = matches!(envelope.work, Work::Event(Event::Returned { .. } | Event::Disowned { .. }));
        if lasting && matches!(envelope.reply, Reply::None) && matches!(error, EngineError::Unavailable(_)) {
            self.again.push_back((Instant::now() + TRY_AGAIN_AFTER, envelope));
            return;
        }
        self.note_failure(&envelope, &error);
        if matches!(envelope.work, Work::Event(Event::Due)) {
            self.shared.timers.settled(envelope.run);
        }
        envelope.fail(error);
    }

    fn try_again(&mut self) {
        if self.again.is_empty() {
            return;
        }
        let now = Instant::now();
        while self.again.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, envelope)) = self.again.pop_front() {
                self.accept(envelope);
            }
        }
    }

    /// There is little in the forming batch beside what the one before had.
    fn wants_company(&self) -> bool {
        let busy = self.last_events > BUSY_BATCH;
        self.forming.is_empty() || busy && self.forming.events * 2 < self.last_events
    }

    /// Sends the forming batch off if it may go now; else says until when it waits for company.
    fn launch_or_linger(&mut self) -> Option<Instant> {
        self.begin_starts(HOLD);
        self.connection.as_ref()?;
        if self.wants_company() {
            self.begin_starts(HOLD_WHILE_IDLE);
        }
        if self.forming.is_empty() {
            return self.starts.until(HOLD_WHILE_IDLE);
        }
        if self.wants_company() && self.has_room() {
            let until = *self.linger_until.get_or_insert_with(|| Instant::now() + LINGER);
            if Instant::now() < until {
                return Some(until);
            }
        }
        self.launch();
        None
    }

    fn launch(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let mut batch = std::mem::take(&mut self.forming);
        batch.hand_off(&self.shared.queues, self.shared.clock.now(), &self.shared.outside());
        for turn in &mut batch.turns {
            let later = std::mem::take(&mut turn.later);
            self.held += later.len();
            self.busy.insert(turn.id(), later);
        }
        self.last_events = batch.events;
        self.linger_until = None;
        self.in_flight = Some(Box::pin(async move {
            let asked = Instant::now();
            let changes: Vec<_> = batch.turns.iter().map(Turn::change).collect();
            let result = connection.apply(&changes).await;
            drop(changes);
            Flown { connection, batch, result, asked }
        }));
    }

    fn landed(&mut self, flown: Flown) {
        let Flown { connection, batch, result, asked } = flown;
        self.connection = Some(connection);
        self.settle(batch, result, asked);
        self.shared.stats.cached_runs.set(self.cache.len() as u64);
    }
}

/// Counts a writer as alive until its task ends, however it ends.
struct Alive(Arc<Shared>);

impl Alive {
    fn new(shared: Arc<Shared>) -> Self {
        shared.writers_alive.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Alive(shared)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.writer_gone();
    }
}

async fn landing(in_flight: &mut Option<BoxFuture<'static, Flown>>) -> Flown {
    match in_flight {
        Some(flight) => flight.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
