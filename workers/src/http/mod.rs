//! Makes the calls of HTTP tasks, and delivers notices to HTTP endpoints (notices.rs).
//!
//! ```text
//! engine.claim_calls ──> run.rs: Call ──> client.rs (redirects, repeats) ──> egress ──> wire.rs ──> server
//!        ▲                  │ every few seconds: the lease is renewed             names.rs, pool.rs, body.rs
//!        └── engine.call_over: the result, once <──────────────────────────────── answer
//! ```
//!
//! Polls like a worker, costs nothing while there are no such tasks, and makes a bounded number of calls at once. A
//! server that hangs, drips or floods costs its own task: every wait has an end, and every answer a size. Requests go
//! out at least once (a node may die between the call and its result), results count once.

mod body;
mod client;
mod egress;
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
            total_timeout: Duration::from_secs(120),
            response_limit_bytes: 10 << 20,
            idempotency_key: true,
            egress: EgressSettings::default(),
        }
    }
}

/// The running executor of HTTP tasks.
pub struct HttpTasks {
    stop: watch::Sender<bool>,
    main: tokio::task::JoinHandle<()>,
}

impl HttpTasks {
    /// Begins to take calls from the engine of this process, and to deliver its notices to HTTP endpoints.
    pub fn start(engine: Engine, settings: HttpSettings) -> HttpTasks {
        let (stop, stopped) = watch::channel(false);
        let slots = settings.parallel.max(1);
        let client = Arc::new(Client::new(settings));
        let notices = notices::deliver(engine.clone(), client.clone(), stopped.clone());
        let calls = take(engine, client, slots, stopped);
        let main = tokio::spawn(async move {
            tokio::join!(calls, notices);
        });
        HttpTasks { stop, main }
    }

    /// Delivers notices only: the calls of tasks are for other nodes.
    pub fn notices_only(engine: Engine, settings: HttpSettings) -> HttpTasks {
        let (stop, stopped) = watch::channel(false);
        let main = tokio::spawn(notices::deliver(engine, Arc::new(Client::new(settings)), stopped));
        HttpTasks { stop, main }
    }

    /// Takes no more calls and lets those under way end within `grace`. What is cut off then is handed back, and made
    /// again by another node.
    pub async fn stop(self, grace: Duration) {
        let HttpTasks { stop, mut main } = self;
        stop.send_replace(true);
        if tokio::time::timeout(grace, &mut main).await.is_err() {
            warn!(
                "HTTP calls were still under way after {grace:?}; they are cut off and made again by another node"
            );
            main.abort();
            // the leases are handed back when the calls are dropped
            let _ = main.await;
        }
    }
}

async fn take(engine: Engine, client: Arc<Client>, slots: usize, mut stop: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(slots));
    let mut calls = JoinSet::new();
    loop {
        while calls.try_join_next().is_some() {}
        let free = tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            slot = slots.clone().acquire_owned() => slot,
        };
        // the semaphore is never closed
        let Ok(first) = free else { break };
        let count = (slots.available_permits() + 1).min(AT_ONCE);
        let claimed = tokio::select! {
            // dropping a poll leaves no lease behind
            _ = stop.wait_for(|s| *s) => break,
            claimed = engine.claim_calls(count, POLL) => claimed,
        };
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::debug!(%error, "no calls could be claimed");
                tokio::select! {
                    _ = stop.wait_for(|s| *s) => break,
                    () = tokio::time::sleep(REST) => continue,
                }
            }
        };
        if claimed.is_empty() {
            client.tidy();
        }
        let mut first = Some(first);
        for call in claimed {
            // this loop alone takes slots, so as many are free as were asked for
            let slot = first.take().or_else(|| slots.clone().try_acquire_owned().ok());
            let (engine, client) = (engine.clone(), client.clone());
            calls.spawn(async move {
                run::run(&engine, &client, call).await;
                drop(slot);
            });
        }
    }
    if !calls.is_empty() {
        info!(calls = calls.len(), "waiting for HTTP calls under way");
    }
    while calls.join_next().await.is_some() {}
}
