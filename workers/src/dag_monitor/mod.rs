//! The DAG monitor: DAG runs that others triggered, watched until they end; their results brought home; their end told.
//!
//! ```text
//! dag-monitor-queue ─> request.rs ─> ledger (one row per run and task)
//!                                      └─ watch: look ─ success ─> copy.rs (S3 to MinIO) ─> event ─> row closed
//!                                                    └─ failed, too late, refused for long ─> event ─> row closed
//! ```
//!
//! What it watches is in PostgreSQL, never in memory alone: a monitor that is killed is continued by the next, or by
//! another that runs already. The event goes out before its row is closed, with an id that follows from the row, so a
//! crash between the two repeats the same event and readers know it. A row is under a lease while it is looked at, so
//! two monitors report a run twice only if one was paused for longer than that in exactly this moment.

mod copy;
mod request;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use podium_ledger::{Book, DagRunRequest, DagRunRow, Ledger, LedgerError, Refusal};
use podium_objects::ObjectStore;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::airflow::{Desk, Seen, Watched, keeping, look, next_look, watch as watch_rows};
use crate::jitter::jittered;
use crate::request::Request;
use crate::service::{Outcome, Parts, Service, ServiceError};
use copy::Copied;

/// Between tries to note a request while the ledger is away.
const LEDGER_AWAY: Duration = Duration::from_secs(5);

/// The service.
pub struct DagMonitor {
    inner: Arc<Inner>,
    news: Notify,
}

struct Inner {
    desk: Desk,
    /// Where results are brought.
    objects: ObjectStore,
}

impl Service for DagMonitor {
    const NAME: &'static str = "dag-monitor";
    const TOPIC: &'static str = "dag-monitor-queue";
    const GROUP: &'static str = "dag-monitor-worker-group";
    const REQUEST_TYPE: &'static str = "dag_monitor_request";
    const TAKES_UNTYPED: bool = true;
    const COMPLETED_TYPE: &'static str = "airflow_dag_completed";
    const STAGE: &'static str = "airflow_processing";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        let desk = Desk::open(parts, Self::STAGE).await?;
        let inner = Arc::new(Inner { desk, objects: parts.objects.clone() });
        Ok(Self { inner, news: Notify::new() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let wanted = request::read(request).map_err(|reason| {
            ServiceError::permanent(reason)
                .with(json!({"dag_id": "unknown", "jobid": "unknown", "stats_url": null}))
        })?;
        let first_look = self.inner.desk.parts.watch.poll_interval / 4;
        loop {
            match self.inner.desk.ledger.monitor(&wanted, &request.event_id, first_look).await {
                Ok(is_new) => {
                    if is_new {
                        self.news.notify_one();
                    }
                    return Ok(Outcome::HandedOn(Vec::new()));
                }
                // the request stays uncommitted; nothing can be monitored without the ledger anyway
                Err(error) if error.is_transient() => {
                    warn!(workflow_id = request.workflow_id, %error, "a DAG run cannot be noted yet; trying again");
                    tokio::time::sleep(jittered(LEDGER_AWAY)).await;
                }
                Err(error) => return Err(ServiceError::permanent(error.to_string())),
            }
        }
    }

    fn completed_type<'a>(&self, request: &'a Request) -> Cow<'a, str> {
        Cow::Borrowed(request::event_type(request).unwrap_or(Self::COMPLETED_TYPE))
    }

    async fn beside(&self, stop: watch::Receiver<bool>) {
        watch_rows(Arc::clone(&self.inner), self.inner.desk.parts.watch, &self.news, stop).await;
    }
}

/// How a DAG run ended for those who wait.
enum End {
    Completed(Copied),
    Failed(String),
}

impl Watched for Inner {
    type Row = DagRunRow;
    const BOOK: Book = Book::DagRuns;

    fn ledger(&self) -> &Ledger {
        &self.desk.ledger
    }

    async fn claim(&self, limit: u32, lease: Duration) -> Result<Vec<Self::Row>, LedgerError> {
        self.desk.ledger.claim_dag_runs(limit, lease).await
    }

    async fn look(&self, row: Self::Row) {
        let work = async {
            match self.judge(&row).await {
                Ok(end) => self.report(&row, end).await,
                Err((refusal, trouble)) => {
                    let after = next_look(&self.desk.parts.watch, &row.standing);
                    self.desk.ledger.look_again(&row.lease, after, refusal, trouble.as_deref()).await
                }
            }
        };
        keeping(&self.desk.ledger, &row.lease, self.desk.parts.watch.lease, &row.request.workflow_id, work)
            .await;
    }
}

impl Inner {
    /// How a DAG run ended; `Err` if it has not.
    async fn judge(&self, row: &DagRunRow) -> Result<End, (Refusal, Option<String>)> {
        let DagRunRequest { dag_id, dag_run_id, .. } = &row.request;
        match look(&self.desk.airflow, dag_id, dag_run_id, &row.standing, &self.desk.parts.watch).await {
            Seen::Open { refusal, trouble } => Err((refusal, trouble)),
            Seen::GivenUp { word: _, reason } => Ok(End::Failed(reason)),
            Seen::Failed { state, cause } => {
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                Ok(End::Failed(format!("DAG ended with state {state}{cause}")))
            }
            Seen::Succeeded(run) => match copy::results(self, &row.request, &run).await {
                Ok(copied) => Ok(End::Completed(copied)),
                Err(reason) => {
                    Ok(End::Failed(format!("DAG succeeded, but its results could not be copied: {reason}")))
                }
            },
        }
    }

    /// Ends a row.
    async fn report(&self, row: &DagRunRow, end: End) -> Result<bool, LedgerError> {
        let wanted = &row.request;
        let request = Request {
            workflow_id: wanted.workflow_id.clone(),
            task_id: Some(wanted.task_id.clone()),
            ..Request::default()
        };
        let fields = |copied: Copied| {
            let mut fields = Map::new();
            fields.insert("dag_id".to_owned(), wanted.dag_id.clone().into());
            fields.insert("jobid".to_owned(), wanted.jobid.clone().into());
            fields.insert("stats_url".to_owned(), copied.stats_url.into());
            fields.insert("metadata_url".to_owned(), wanted.metadata_key.clone().into());
            if let Some(uri) = copied.output_uri {
                fields.insert("output_uri".to_owned(), uri.into());
            }
            fields
        };
        let outcome = match end {
            End::Completed(copied) => Ok(fields(copied)),
            End::Failed(reason) => {
                Err(ServiceError::permanent(reason).with(Value::Object(fields(Copied::default()))))
            }
        };
        let event_type = wanted.event_type.as_deref().unwrap_or(DagMonitor::COMPLETED_TYPE);
        let event_id = format!("dag-monitor:{}:{}:{}", wanted.workflow_id, wanted.task_id, wanted.dag_run_id);
        self.desk.end(&row.lease, &request, event_type, &event_id, outcome).await
    }
}
