//! Makes the calls of HTTP tasks, and delivers notices to HTTP endpoints (notices.rs).
//!
//! ```text
//! engine.claim_calls ──> run.rs: Call ──> client.rs (redirects, repeats) ──> egress ──> wire.rs ──> server
//!        ▲                  │ every few seconds: the lease is renewed             names.rs, pool.rs, body.rs
//!        └── engine.call_over: the result, once <──────────────────────────────── answer
//! ```
//!
//! Calls of an isolation group have a line of their own (groups.rs). Polls like a worker, costs nothing while there are no such tasks, and makes a bounded number of calls at once. A
//! server that hangs, drips or floods costs its own task: every wait has an end, and every answer a size. Requests go
//! out at least once (a node may die between the call and its result), results count once.

mod body;
mod client;
mod egress;
mod groups;
mod names;
mod notices;
mod pool;
mod run;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use podium_runtime::Engine;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

pub use egress::{EgressSettings, Endpoint, Profile, Rule, RuleError};

use client::Client;
use groups::Groups;

/// How long one poll waits; afterwards idle connections are looked through.
const POLL: Duration = Duration::from_secs(20);
/// Before the engine is asked again after it refused.
const REST: Duration = Duration::from_millis(500);
/// Calls taken with one poll at most.
const AT_ONCE: usize = 32;

/// How calls are made.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Calls under way at once, at least 1.
    pub parallel: usize,
    /// Calls of one isolation group under way at once, beside the others, at least 1.
    pub isolated_parallel: usize,
    /// Only calls of task definitions with this `executionNameSpace` are made; empty = of those without one.
    pub execution_namespace: String,
    /// What a call may take in all beyond the task's own time-outs to connect and to read: redirects, repeats, and a
    /// body that comes in small pieces.
    pub total_timeout: Duration,
    /// Bytes of an answer's body, before and after decompression.
    pub response_limit_bytes: usize,
    /// POST and PATCH carry an `Idempotency-Key` that stays the same when a call is made again.
    pub idempotency_key: bool,
    pub egress: EgressSettings,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            parallel: 128,
            isolated_parallel: 8,
            execution_namespace: String::new(),
            total_timeout: Duration::from_secs(120),
            response_limit_bytes: 10 << 20,
            idempotency_key: true,
            egress: EgressSettings::default(),
        }
    }
}

/// How far a node has come that stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    Goes,
    /// Nothing new is begun.
    Drains,
    /// What is still under way is dropped.
    Cut,
}

/// Tells the parts of the executor how far it has come.
#[derive(Clone)]
struct Stopping(watch::Receiver<Stop>);

impl Stopping {
    /// Returns when it has come so far, or there is nobody left to say so.
    async fn reaches(&mut self, stop: Stop) {
        drop(self.0.wait_for(|now| *now >= stop).await);
    }
}

/// The running executor of HTTP tasks.
pub struct HttpTasks {
    stop: watch::Sender<Stop>,
    main: tokio::task::JoinHandle<()>,
}

impl HttpTasks {
    /// Begins to take calls from the engine of this process, and to deliver its notices to HTTP endpoints.
    pub fn start(engine: Engine, settings: HttpSettings) -> HttpTasks {
        let (stop, stopped) = watch::channel(Stop::Goes);
        let stopped = Stopping(stopped);
        let lines = (settings.parallel, settings.isolated_parallel, settings.execution_namespace.clone());
        let client = Arc::new(Client::new(settings));
        let notices = notices::deliver(engine.clone(), client.clone(), stopped.clone());
        let calls = take(engine, client, lines, stopped);
        let main = tokio::spawn(async move {
            tokio::join!(calls, notices);
        });
        HttpTasks { stop, main }
    }

    /// Delivers notices only: the calls of tasks are for other nodes.
    pub fn notices_only(engine: Engine, settings: HttpSettings) -> HttpTasks {
        let (stop, stopped) = watch::channel(Stop::Goes);
        let client = Arc::new(Client::new(settings));
        let main = tokio::spawn(notices::deliver(engine, client, Stopping(stopped)));
        HttpTasks { stop, main }
    }

    /// Takes no more calls and lets those under way end within `grace`. What is cut off then has been handed back to the
    /// engine when this returns, and is made again by another node.
    pub async fn stop(self, grace: Duration) {
        let HttpTasks { stop, mut main } = self;
        stop.send_replace(Stop::Drains);
        if tokio::time::timeout(grace, &mut main).await.is_err() {
            warn!(
                "HTTP calls were still under way after {grace:?}; they are cut off and made again by another node"
            );
            // not aborted from here: its calls would be dropped some time later, when nobody takes their leases any more
            stop.send_replace(Stop::Cut);
            // a panic in it has been said already
            let _ = main.await;
        }
    }
}

async fn take(
    engine: Engine,
    client: Arc<Client>,
    (parallel, isolated, namespace): (usize, usize, String),
    stop: Stopping,
) {
    let group = (!namespace.is_empty()).then(|| format!("@{namespace}").into());
    let groups = Groups { engine: engine.clone(), client: client.clone(), parallel: isolated, namespace };
    let main = Line { engine, client, group, lasts: true, parallel };
    tokio::join!(main.take(stop.clone()), groups.run(stop));
}

/// One queue of calls, and how many of it are made at once.
struct Line {
    engine: Engine,
    client: Arc<Client>,
    /// The end of the queue's name; `None` = the queue of calls without a group.
    group: Option<Arc<str>>,
    /// It is taken even while there are no such calls.
    lasts: bool,
    parallel: usize,
}

impl Line {
    /// A group of which nobody has heard for this many polls is given up until there are calls of it again.
    const IDLE_POLLS: usize = 3;

    async fn take(self, mut stop: Stopping) {
        let slots = Arc::new(Semaphore::new(self.parallel.max(1)));
        let mut calls = JoinSet::new();
        let mut idle = 0;
        while self.lasts || idle < Self::IDLE_POLLS || !calls.is_empty() {
            while calls.try_join_next().is_some() {}
            let free = tokio::select! {
                () = stop.reaches(Stop::Drains) => break,
                slot = slots.clone().acquire_owned() => slot,
            };
            // the semaphore is never closed
            let Ok(first) = free else { break };
            let count = (slots.available_permits() + 1).min(AT_ONCE);
            let claimed = tokio::select! {
                // dropping a poll leaves no lease behind
                () = stop.reaches(Stop::Drains) => break,
                claimed = self.engine.claim_calls(self.group.as_ref(), count, POLL) => claimed,
            };
            let claimed = match claimed {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::debug!(%error, "no calls could be claimed");
                    tokio::select! {
                        () = stop.reaches(Stop::Drains) => break,
                        () = tokio::time::sleep(REST) => continue,
                    }
                }
            };
            idle += 1;
            if claimed.is_empty() {
                self.client.tidy();
            }
            let mut first = Some(first);
            for call in claimed {
                idle = 0;
                // this loop alone takes slots, so as many are free as were asked for
                let slot = first.take().or_else(|| slots.clone().try_acquire_owned().ok());
                let (engine, client) = (self.engine.clone(), self.client.clone());
                calls.spawn(async move {
                    run::run(&engine, &client, call).await;
                    drop(slot);
                });
            }
        }
        if let Some(group) = self.group.as_deref().filter(|_| !self.lasts) {
            self.engine.forget_call_group(group);
        }
        if !calls.is_empty() {
            info!(calls = calls.len(), "waiting for HTTP calls under way");
        }
        tokio::select! {
            () = async { while calls.join_next().await.is_some() {} } => {}
            // returns when all have been dropped, and their leases handed back
            () = stop.reaches(Stop::Cut) => calls.shutdown().await,
        }
    }
}
