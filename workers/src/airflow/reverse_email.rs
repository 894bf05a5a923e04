//! Reverse e-mail: the match DAG, then the append DAG, then the completion.
//!
//! A request becomes a row of the ledger and its lane goes on at once; everything else happens beside the requests, so
//! that minutes of waiting hold up nobody and survive a restart.
//!
//! ```text
//! step 0 match, step 1 append:   trigger ─> look … look ─> success ─> next step | completion
//!                                   └───────── anything else ────────────────────> failure event
//! ```

use std::sync::Arc;
use std::time::Duration;

use podium_ledger::{Book, Ledger, LedgerError, ReverseEmailRequest, ReverseEmailRow};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::client::Airflow;
use super::dag_call::DagCall;
use super::look::{Seen, look, next_look};
use super::settings::{DagJob, DagParts};
use super::watch::{Watched, keeping, ledger_error, open_ledger, watch};
use crate::announce::Announcer;
use crate::request::Request;
use crate::service::{Outcome, Parts, Service, ServiceError};

/// The steps as the documented error texts call them.
const STEPS: [&str; 2] = ["MATCH", "APPEND"];
/// After an event that could not be published.
const PUBLISH_AGAIN: Duration = Duration::from_secs(5);

/// The service.
pub struct ReverseEmail {
    inner: Arc<Inner>,
    news: Notify,
}

struct Inner {
    airflow: Airflow,
    ledger: Ledger,
    announcer: Announcer,
    parts: DagParts,
}

/// What a row keeps of its request.
type Plan = [DagCall; 2];

impl Service for ReverseEmail {
    const NAME: &'static str = "reverse-email";
    const TOPIC: &'static str = "reverse-email-requests";
    const GROUP: &'static str = "reverse-email-group";
    const REQUEST_TYPE: &'static str = "reverse_email_requests";
    const TAKES_UNTYPED: bool = true;
    const COMPLETED_TYPE: &'static str = "reverse_email_completed";
    const STAGE: &'static str = "reverse_email";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        let fatal = |e: &dyn std::fmt::Display| ServiceError::permanent(e.to_string());
        let airflow = Airflow::new(parts.dags.airflow.clone()).map_err(|e| fatal(&e))?;
        let announcer =
            Announcer::new(&parts.kafka, &parts.completion_topic, Self::STAGE).map_err(|e| fatal(&e))?;
        let ledger = open_ledger(parts).await?;
        let inner = Arc::new(Inner { airflow, ledger, announcer, parts: parts.dags.clone() });
        Ok(Self { inner, news: Notify::new() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let row = ReverseEmailRequest {
            event_id: request.event_id.clone(),
            workflow_id: request.workflow_id.clone(),
            task_id: request.task_id.clone(),
            plan: serde_json::to_string(&self.inner.plan(request)).expect("texts can be written as JSON"),
        };
        let is_new = self.inner.ledger.take_reverse_email(&row).await.map_err(|e| ledger_error(&e))?;
        if is_new {
            self.news.notify_one();
        }
        Ok(Outcome::HandedOn(Vec::new()))
    }

    async fn beside(&self, stop: watch::Receiver<bool>) {
        watch(Arc::clone(&self.inner), self.inner.parts.watch, &self.news, stop).await;
    }
}

impl Inner {
    fn plan(&self, request: &Request) -> Plan {
        let jobs = &self.parts.jobs;
        let call = |job: &DagJob, prefix: &str, part: &str, stats: &str| {
            let mut call = DagCall::read(request, job, prefix, part);
            let metadata = format!("Reverse_Email_Json/{}.Reverse_Email.{part}.json", job.base);
            call.metadata_url.get_or_insert_with(|| self.parts.url(&metadata));
            let stats = format!("runs/{}/{stats}", request.workflow_id);
            call.stats_url.get_or_insert_with(|| self.parts.url(&stats));
            call
        };
        [
            call(&jobs.reverse_match, "match_", "match", "Reverse_Email_Match_Stats_URL.jsonl"),
            call(&jobs.reverse_append, "append_", "append", "Reverse_Email_Append_Stats_URL.jsonl"),
        ]
    }

    /// What is next for a row.
    async fn advance(&self, row: &ReverseEmailRow, plan: &Plan) -> Next {
        let step = usize::from(row.step).min(STEPS.len() - 1);
        let (name, call) = (STEPS[step], &plan[step]);
        if !row.triggered {
            return match self.airflow.trigger(&call.dag_id, &call.run_id, &call.conf()).await {
                Ok(_) => Next::Step { step: row.step, triggered: true },
                Err(error) => Next::Fail(format!("{name} DAG trigger failed: {error}")),
            };
        }
        match look(&self.airflow, &call.dag_id, &call.run_id, &row.standing, &self.parts.watch).await {
            Seen::Succeeded(_) if step + 1 < STEPS.len() => {
                Next::Step { step: row.step + 1, triggered: false }
            }
            Seen::Succeeded(_) => Next::Complete,
            Seen::Failed { state, cause } => {
                let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
                Next::Fail(format!("{name} DAG failed with state: {state}{cause}"))
            }
            Seen::GivenUp { word, reason } => {
                Next::Fail(format!("{name} DAG failed with state: {word}: {reason}"))
            }
            Seen::Open { refusal, trouble } => Next::Look { refusal, trouble },
        }
    }

    /// Publishes the end of a row, then closes it.
    async fn finish(
        &self,
        row: &ReverseEmailRow,
        plan: Option<&Plan>,
        failure: Option<String>,
    ) -> Result<bool, LedgerError> {
        // what was paused for too long says nothing
        if !self.ledger.extend(&row.lease, self.parts.watch.lease).await? {
            return Ok(false);
        }
        let request = Request {
            workflow_id: row.request.workflow_id.clone(),
            task_id: row.request.task_id.clone(),
            ..Request::default()
        };
        let fields = json!({
            "match_dagId": plan.map(|plan| &plan[0].dag_id),
            "append_dagId": plan.map(|plan| &plan[1].dag_id),
            "jobid": plan.map(|plan| &plan[1].run_id),
            "metadataUrl": plan.and_then(|plan| plan[1].metadata_url.as_ref()),
            "errorMessage": failure,
        });
        let outcome = match &failure {
            Some(reason) => Err(ServiceError::permanent(reason).with(fields)),
            None => Ok(object(fields)),
        };
        let event_id = format!("{}:{}", ReverseEmail::NAME, row.request.event_id);
        match self.announcer.announce(&request, ReverseEmail::COMPLETED_TYPE, &event_id, outcome).await {
            Ok(()) => self.ledger.close(&row.lease, failure.as_deref()).await,
            Err(error) => {
                let text = format!("could not publish its end: {error}");
                warn!(workflow_id = request.workflow_id, %error, "could not publish an end; trying again");
                self.ledger
                    .look_again(&row.lease, PUBLISH_AGAIN, podium_ledger::Refusal::No, Some(&text))
                    .await
            }
        }
    }
}

/// What is to be written about a row.
enum Next {
    Step { step: u16, triggered: bool },
    Look { refusal: podium_ledger::Refusal, trouble: Option<String> },
    Complete,
    Fail(String),
}

impl Watched for Inner {
    type Row = ReverseEmailRow;
    const BOOK: Book = Book::ReverseEmail;

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    async fn claim(&self, limit: u32, lease: Duration) -> Result<Vec<Self::Row>, LedgerError> {
        self.ledger.claim_reverse_emails(limit, lease).await
    }

    async fn look(&self, row: Self::Row) {
        let workflow_id = row.request.workflow_id.as_str();
        let work = async {
            let plan: Plan = match serde_json::from_str(&row.request.plan) {
                Ok(plan) => plan,
                // written by another version: nobody can go on with it
                Err(error) => {
                    let reason = format!("its plan cannot be read: {error}");
                    warn!(workflow_id, reason, "reverse e-mail failed");
                    return self.finish(&row, None, Some(reason)).await;
                }
            };
            match self.advance(&row, &plan).await {
                Next::Step { step, triggered } => {
                    let settings = &self.parts.watch;
                    let after = if triggered { settings.poll_interval / 4 } else { Duration::ZERO };
                    self.ledger.step_reverse_email(&row.lease, step, triggered, after).await
                }
                Next::Look { refusal, trouble } => {
                    let after = next_look(&self.parts.watch, &row.standing);
                    self.ledger.look_again(&row.lease, after, refusal, trouble.as_deref()).await
                }
                Next::Complete => {
                    info!(workflow_id, "reverse e-mail is done");
                    self.finish(&row, Some(&plan), None).await
                }
                Next::Fail(reason) => {
                    warn!(workflow_id, reason, "reverse e-mail failed");
                    self.finish(&row, Some(&plan), Some(reason)).await
                }
            }
        };
        keeping(&self.ledger, &row.lease, self.parts.watch.lease, &row.request.workflow_id, work).await;
    }
}

fn object(value: Value) -> serde_json::Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}
