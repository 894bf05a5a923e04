//! The engine's public calls.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::{Asked, Asker, Event, LogLine, RunId, Span, TaskId, Timestamp};
use podium_store::{NodeLease, Store};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::config::EngineConfig;
use crate::errors::{chain, storage};
use crate::event_log;
use crate::lease::Leased;
use crate::loops::{
    auditor, bulk, event_handlers, limits,
    outbox_relay::{Relay, RelayPort},
    partitions, poll_notes, projection, queue_reader, schedules, timer, watched,
};
use crate::mailbox::Mailboxes;
use crate::messages::{
    EngineError, IngestBatch, Ingested, LaneKey, PollRequest, Position, ReportRequest, Reported, RunView,
    StartRequest, TaskView,
};
use crate::ports::EventSink;
use crate::pulse::Pulse;
use crate::services::{ingest, metadata, operate, poll, read, report, start};
use crate::shared::Shared;
use crate::status::{Counters, Health};
use crate::writer::Writer;

/// Without a confirmed write for this long (the pulse writes every second) the node is not healthy.
const WRITE_AGE_LIMIT: Duration = Duration::from_secs(6);
/// How often a stopping node looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The engine of this node: a cheap handle that may be cloned and shared.
///
/// When the last handle is dropped without [`Engine::shutdown`], the node ends as if it had been killed: nothing
/// acknowledged is lost, and other nodes take over what it held once its leases lapse.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    /// Who asks for what is asked through this handle.
    by: Option<Arc<Asker>>,
}

struct Inner {
    shared: Arc<Shared>,
    node: NodeLease,
    writers: usize,
    /// Everything that runs; aborted when dropped.
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("node", &self.inner.node.epoch).finish()
    }
}

impl Engine {
    /// Opens a node on the database: registers it, connects its writers, takes its share of the background work.
    /// The schema must be there (`Store::migrate`). Without a sink, messages wait in the outbox.
    pub async fn open(
        store: Store,
        sink: Option<Arc<dyn EventSink>>,
        config: EngineConfig,
    ) -> Result<Engine, EngineError> {
        let writers = config.writers.clamp(1, 4);
        let lease = Span::from_micros(i64::try_from(config.lease.as_micros()).unwrap_or(i64::MAX));
        let node = store.register_node(&config.node_name, lease).await.map_err(storage)?;
        store.open_feed(&node).await.map_err(storage)?;
        let db_now = store.now().await.map_err(storage)?;
        let (mailboxes, mail) = Mailboxes::new(writers, config.queue_limit);
        let (port, relay_mail) = RelayPort::new();
        let (reads, wanted_reads) = mpsc::unbounded_channel();
        let relay = sink.is_some().then_some(port);
        let shared = Arc::new(Shared::new(store, config, db_now, mailboxes, relay, reads));

        let mut tasks = JoinSet::new();
        for mail in mail {
            let connection = shared.store.writer().await.map_err(storage)?;
            tasks.spawn(Writer::new(shared.clone(), mail, connection).run());
        }
        tasks.spawn(queue_reader::run(shared.clone(), wanted_reads));
        tasks.spawn(timer::run(shared.clone()));
        tasks.spawn(watched::run(shared.clone()));
        tasks.spawn(partitions::run(shared.clone()));
        tasks.spawn(poll_notes::run(shared.clone()));
        tasks.spawn(auditor::run(shared.clone()));
        tasks.spawn(schedules::run(shared.clone()));
        tasks.spawn(bulk::run(shared.clone()));
        tasks.spawn(projection::run(shared.clone(), node.clone()));
        tasks.spawn(event_handlers::run(shared.clone()));
        tasks.spawn(event_log::run(shared.clone()));
        limits::refresh(&shared).await?;
        tasks.spawn(limits::run(shared.clone()));
        if let Some(sink) = sink {
            tasks.spawn(Relay::new(shared.clone(), sink, relay_mail).run());
        }
        let mut pulse = Pulse::new(shared.clone(), node.clone());
        // what is due, and what this node holds, is known before the first call
        pulse.beat().await;
        tasks.spawn(pulse.run());
        tracing::info!(node = node.epoch, writers, "the engine is open");
        let inner = Arc::new(Inner { shared, node, writers, tasks: Mutex::new(tasks) });
        Ok(Engine { inner, by: None })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// A handle of somebody who is known: the accounts of runs say that it was them who asked.
    pub fn by(&self, asker: Asker) -> Engine {
        Engine { inner: self.inner.clone(), by: Some(Arc::new(asker.fitted())) }
    }

    pub(crate) fn asker(&self) -> Asker {
        self.by.as_deref().cloned().unwrap_or_default()
    }

    /// The event as whoever holds this handle asks for it.
    pub(crate) fn asked(&self, event: Event) -> Event {
        match &self.by {
            Some(by) => Event::Asked(Box::new(Asked { by: (**by).clone(), event })),
            None => event,
        }
    }

    /// Starts a run and answers with its id once its first turn is durable.
    ///
    /// Errors: `UnknownDefinition`; `Invalid` if the definition cannot be run; `Unavailable` if the database is away
    /// or the node is stopping or full (then the run may have been started after all only if the connection was lost
    /// during the commit and could not be asked again).
    pub async fn start(&self, request: StartRequest) -> Result<RunId, EngineError> {
        start::start(self.shared(), request).await
    }

    /// Leases up to `count` ready tasks to a worker, waiting for the first one at most `timeout`. The leases are
    /// durable; see [`crate::LeaseGuard`] for what hands them back.
    pub async fn poll(&self, request: PollRequest) -> Result<Leased, EngineError> {
        poll::poll(self.shared(), request).await
    }

    /// Takes a report on a task. When it answers, what follows (the next tasks) is durable too.
    ///
    /// Errors: `NotFound` with the texts of contract §2 if the run or the task does not exist.
    pub async fn report(&self, request: ReportRequest) -> Result<Reported, EngineError> {
        report::report(self.shared(), request).await
    }

    /// Reads a run from its rows.
    pub async fn run(&self, id: RunId) -> Result<Option<RunView>, EngineError> {
        read::run(self.shared(), id).await
    }

    /// Reads a task from its rows.
    pub async fn task(&self, id: TaskId) -> Result<Option<TaskView>, EngineError> {
        read::task(self.shared(), id).await
    }

    /// Ends a run. Ending one that was ended before is no error; a completed one is a `Conflict`.
    pub async fn terminate(&self, id: RunId, reason: Option<String>) -> Result<(), EngineError> {
        operate::operate(self.shared(), id, self.asked(Event::Terminate { reason })).await
    }

    /// Decides a run again. Nothing happens if nothing is to be done.
    pub async fn look(&self, id: RunId) -> Result<(), EngineError> {
        operate::operate(self.shared(), id, self.asked(Event::Look)).await
    }

    /// Registers a definition, validated by the caller. `Conflict` if it exists and is not to be overwritten.
    pub async fn create_workflow_def(&self, def: WorkflowDef, overwrite: bool) -> Result<(), EngineError> {
        metadata::create_workflow_def(self.shared(), &def, overwrite).await
    }

    /// Registers or replaces definitions, each for itself; one answer for each.
    pub async fn put_workflow_defs(
        &self,
        defs: Vec<WorkflowDef>,
    ) -> Result<Vec<Result<(), EngineError>>, EngineError> {
        Ok(metadata::put_workflow_defs(self.shared(), &defs).await)
    }

    /// The definition registered under a name (`version` `None` = the latest).
    pub async fn workflow_def(
        &self,
        name: &str,
        version: Option<i32>,
    ) -> Result<Option<WorkflowDef>, EngineError> {
        metadata::find_workflow_def(self.shared(), name, version).await
    }

    /// All versions of all definitions, by name and version.
    pub async fn workflow_defs(&self) -> Result<Vec<WorkflowDef>, EngineError> {
        metadata::workflow_defs(self.shared()).await
    }

    /// Removes a definition; false if there was none. Runs keep their snapshot of it.
    pub async fn delete_workflow_def(&self, name: &str, version: i32) -> Result<bool, EngineError> {
        metadata::delete_workflow_def(self.shared(), name, version).await
    }

    /// Registers or replaces task definitions, all or none.
    pub async fn put_task_defs(&self, defs: Vec<TaskDef>) -> Result<(), EngineError> {
        metadata::put_task_defs(self.shared(), &defs).await
    }

    /// Replaces a task definition; false (and nothing written) if there was none.
    pub async fn update_task_def(&self, def: TaskDef) -> Result<bool, EngineError> {
        metadata::update_task_def(self.shared(), &def).await
    }

    /// A task definition by name.
    pub async fn task_def(&self, name: &str) -> Result<Option<TaskDef>, EngineError> {
        metadata::find_task_def(self.shared(), name).await
    }

    /// All task definitions by name.
    pub async fn task_defs(&self) -> Result<Vec<TaskDef>, EngineError> {
        metadata::task_defs(self.shared()).await
    }

    /// Removes a task definition; false if there was none.
    pub async fn delete_task_def(&self, name: &str) -> Result<bool, EngineError> {
        metadata::delete_task_def(self.shared(), name).await
    }

    /// Appends a line to the log of a task. The task need not exist (contract §8.6); then the line is dropped.
    pub async fn append_log(&self, task: &str, line: LogLine) -> Result<(), EngineError> {
        read::append_log(self.shared(), task, &line).await
    }

    /// The log of a task, oldest first.
    pub async fn logs(&self, task: &str) -> Result<Vec<LogLine>, EngineError> {
        read::logs(self.shared(), task).await
    }

    /// Takes a lane over from whoever held it: they can commit nothing to it any more.
    pub async fn take_position(&self, lane: LaneKey) -> Result<Position, EngineError> {
        ingest::take_position(self.shared(), lane).await
    }

    /// When the oldest run that has not ended was started; `None` if all have. Reads much: for rare questions.
    pub async fn oldest_open_run(&self) -> Result<Option<Timestamp>, EngineError> {
        ingest::oldest_open_run(self.shared()).await
    }

    /// Takes a batch of events and the position after it, in one commit. The turns of the runs follow at once.
    ///
    /// After `Unavailable` nobody knows whether it was committed: take the position again and go on from there.
    pub async fn ingest(&self, batch: IngestBatch) -> Result<Ingested, EngineError> {
        let outcomes = self.ingest_all(vec![batch]).await?;
        outcomes.into_iter().next().ok_or_else(|| EngineError::Internal("no outcome".to_owned()))
    }

    /// The same for batches of several lanes in one commit, which costs little more than one of them: each lane
    /// moves with its events or is fenced, whatever becomes of the others. One outcome for each batch.
    pub async fn ingest_all(&self, batches: Vec<IngestBatch>) -> Result<Vec<Ingested>, EngineError> {
        ingest::ingest_all(self.shared(), batches).await
    }

    /// Whether this node can do its work.
    pub fn health(&self) -> Health {
        let shared = self.shared();
        let writers_alive = shared.writers_alive.load(Ordering::Relaxed) == self.inner.writers;
        let stopping = shared.mailboxes.stopping();
        let last_write_age = shared.last_write_age();
        let reason = if stopping {
            Some("the node is stopping".to_owned())
        } else if !writers_alive {
            Some("a writer has ended".to_owned())
        } else if last_write_age > WRITE_AGE_LIMIT {
            Some(format!("the database has confirmed no write for {} s", last_write_age.as_secs()))
        } else {
            None
        };
        Health { healthy: reason.is_none(), reason, last_write_age, writers_alive, stopping }
    }

    /// Figures since the node started.
    pub fn counters(&self) -> Counters {
        let shared = self.shared();
        let words_pending = shared.feed.pending() as u64;
        Counters {
            parked_polls: shared.queues.parked() as u64,
            waiting_calls: shared.watches.callers() as u64,
            words_pending,
            ..shared.stats.read()
        }
    }

    /// Takes no new work and answers parked polls and waiting calls at once; what is under way goes on.
    ///
    /// Call it before the API drains and [`Engine::shutdown`] after, so that an answer that is dropped on its way
    /// out still finds a writer for its leases.
    pub fn stop_accepting(&self) {
        let shared = self.shared();
        shared.mailboxes.stop();
        shared.queues.stop();
        shared.watches.wake_all();
        if let Some(relay) = &shared.relay {
            relay.stop();
        }
    }

    /// Stops the node: new runs and polls are refused, parked polls answered at once, work in hand finished and
    /// messages on their way settled within `grace`; then its leases are given up, so that other nodes take over
    /// without waiting. What is not done by then is as after a kill.
    pub async fn shutdown(&self, grace: Duration) {
        let shared = self.shared();
        let end = Instant::now() + grace;
        self.stop_accepting();
        // counted from the sending of work to its answer, so zero means that nothing is anywhere
        while (shared.mailboxes.open() > 0 || shared.stats.relay_open.get() > 0) && Instant::now() < end {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let words_made = projection::drain(shared, end).await;
        self.inner.tasks.lock().await.shutdown().await;
        event_log::flush(shared).await;
        if words_made && let Err(error) = shared.store.close_feed(&self.inner.node).await {
            tracing::warn!(error = chain(&error), "could not say that all words are made");
        }
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        match tokio::time::timeout(left, shared.store.release_node(&self.inner.node)).await {
            Ok(Ok(())) => tracing::info!(node = self.inner.node.epoch, "the engine is stopped"),
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "could not give this node's leases up"),
            Err(_) => tracing::warn!("could not give this node's leases up in time"),
        }
    }
}
