//! Our own job runner: speaks like the REST API of Airflow 2 and runs our jobs, where no Airflow is at hand.
//!
//! ```text
//! POST dagRuns ── rest.rs ──> ledger.job_runs (queued) ── claim, at most so many at once ──> job ──> success, failed
//! GET dagRuns  <──────────────────┘
//! ```
//!
//! Runs are in the ledger. One that was under way when the process ended is run again at the next start; jobs write the
//! same bytes again, so nobody notices. One runner works on a ledger.

mod answer;
mod rest;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use podium_ledger::{JobRunRow, Ledger, LedgerError};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use super::{Job, JobError, Place, Stores, run_by_metadata};

/// Tries of a job while a store is away, and the wait after the first, which doubles.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long the runner waits when the ledger is away.
const LEDGER_WAIT: Duration = Duration::from_secs(2);

/// How the runner runs.
#[derive(Clone, Debug)]
pub struct RunnerSettings {
    /// The DAGs that it has, by their ids.
    pub dags: BTreeMap<String, Job>,
    /// Where the metadata of runs is that name none: a place of objects, like `s3://bucket/prefix`.
    pub metadata_root: String,
    /// Jobs at once.
    pub parallel: usize,
    pub access: Access,
}

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The value of the cookie `session`, if one is wanted.
    pub session: Option<String>,
    /// User and password of basic authentication, if they are wanted.
    pub basic: Option<(String, String)>,
}

/// A running job runner.
pub struct JobRunner {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    jobs: JoinHandle<()>,
    api: JoinHandle<()>,
}

/// What the API and the loop share.
struct Shared {
    ledger: Ledger,
    stores: Stores,
    settings: RunnerSettings,
    /// Something may have become claimable.
    news: Notify,
}

impl JobRunner {
    /// Queues again what was under way, and begins to serve and to work.
    ///
    /// # Errors
    /// When the listener has no address, or the ledger is away.
    pub async fn start(
        listener: TcpListener,
        ledger: Ledger,
        stores: Stores,
        settings: RunnerSettings,
    ) -> Result<Self, RunnerError> {
        let address = listener.local_addr().map_err(RunnerError::Listen)?;
        let again = ledger.requeue_job_runs().await?;
        if again > 0 {
            info!(runs = again, "running the jobs again that were under way");
        }
        let shared = Arc::new(Shared { ledger, stores, settings, news: Notify::new() });
        let (stop, stopped) = watch::channel(false);
        let mut until = stopped.clone();
        let routes = rest::routes(Arc::clone(&shared));
        let api = tokio::spawn(async move {
            let until = async move {
                // an error means that the runner is gone
                let _ = until.wait_for(|s| *s).await;
            };
            if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(until).await {
                error!(%error, "the API of the job runner stopped");
            }
        });
        let jobs = tokio::spawn(work(shared, stopped));
        Ok(Self { address, stop, jobs, api })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the jobs under way, within `grace`. One that is cut off is run again at the next start.
    pub async fn stop(self, grace: Duration) {
        let Self { address: _, stop, mut jobs, mut api } = self;
        stop.send_replace(true);
        for part in [&mut jobs, &mut api] {
            if tokio::time::timeout(grace, &mut *part).await.is_err() {
                warn!("a job was still running after {grace:?} and is cut off; it will be run again");
                part.abort();
            }
        }
    }
}

/// Why the runner cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    #[error("could not listen: {0}")]
    Listen(#[source] std::io::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

async fn work(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    loop {
        // asked for before the claim, so that a run which is queued after it is not missed
        let news = shared.news.notified();
        let mut pause = None;
        if running.len() < shared.settings.parallel.max(1) {
            match shared.ledger.claim_job_run().await {
                Ok(Some(run)) => {
                    running.spawn(settle(Arc::clone(&shared), run));
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    warn!(%error, "the job runner cannot look for runs; looking again");
                    pause = Some(LEDGER_WAIT);
                }
            }
        }
        tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    error!(%error, "a job ended badly");
                }
            }
            () = news => {}
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

/// Runs a job to its end and says so in the ledger, however long that is away.
async fn settle(shared: Arc<Shared>, run: JobRunRow) {
    let ended = perform(&shared, &run).await;
    match &ended {
        Ok(records) => info!(dag_id = run.dag_id, run_id = run.run_id, records, "a job ended"),
        Err(reason) => warn!(dag_id = run.dag_id, run_id = run.run_id, reason, "a job failed"),
    }
    let ended = ended.as_ref().map(|_| ()).map_err(String::as_str);
    while let Err(error) = shared.ledger.end_job_run(&run.dag_id, &run.run_id, ended).await {
        warn!(%error, run_id = run.run_id, "could not note the end of a job; trying again");
        tokio::time::sleep(LEDGER_WAIT).await;
    }
}

/// Runs a job; how many records it had, or why it failed.
async fn perform(shared: &Shared, run: &JobRunRow) -> Result<u64, String> {
    let settings = &shared.settings;
    let dag = settings.dags.get(&run.dag_id);
    let job = *dag.ok_or_else(|| format!("the runner has no DAG {:?} any more", run.dag_id))?;
    let conf: Value = serde_json::from_str(&run.conf).map_err(|e| format!("conf is no JSON: {e}"))?;
    let place = |name: &str| match conf[name].as_str().filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match Place::parse(text) {
            Ok(Place::File(_)) => Err(format!("conf.{name} is {text:?}, and s3://bucket/key is expected")),
            Ok(place) => Ok(Some(place)),
            Err(reason) => Err(format!("conf.{name}: {reason}")),
        },
    };
    let default = || Place::parse(&format!("{}/{}", settings.metadata_root, job.metadata_file()));
    let metadata = place("metadata_url")?.map_or_else(default, Ok)?;
    let stats = place("stats_url")?;
    let mut wait = FIRST_WAIT;
    for left in (0..TRIES).rev() {
        match run_by_metadata(job, &shared.stores, &metadata, stats.as_ref()).await {
            Ok(report) => return Ok(report.records),
            Err(error) if left > 0 && error.is_transient() => {
                warn!(run_id = run.run_id, %error, left, "trying a job again");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            Err(error) => return Err(describe(&error)),
        }
    }
    Err("the job was not tried".to_owned())
}

fn describe(error: &JobError) -> String {
    match error.is_transient() {
        true => format!("{error} (after {TRIES} tries)"),
        false => error.to_string(),
    }
}
