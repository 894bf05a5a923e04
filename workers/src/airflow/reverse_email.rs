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

use podium_ledger::{Book, Ledger, LedgerError, Refusal, ReverseEmailRequest, ReverseEmailRow};
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::dag_call::DagCall;
use super::desk::Desk;
use super::look::{Seen, look, next_look};
use super::settings::DagJob;
use super::watch::{Watched, keeping, ledger_error, watch};
use crate::request::Request;
use crate::service::{Outcome, Parts, Service, ServiceError, object};

/// The steps as the documented error texts call them.
const STEPS: [&str; 2] = ["MATCH", "APPEND"];

/// The service.
pub struct ReverseEmail {
    inner: Arc<Inner>,
    news: Notify,
}

struct Inner {
    desk: Desk,
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
        let desk = Desk::open(parts, Self::STAGE).await?;
        Ok(Self { inner: Arc::new(Inner { desk }), news: Notify::new() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let row = ReverseEmailRequest {
            event_id: request.event_id.clone(),
            workflow_id: request.workflow_id.clone(),
            task_id: request.task_id.clone(),
            plan: serde_json::to_string(&self.inner.plan(request)).expect("texts can be written as JSON"),
        };
        let is_new = self.inner.desk.ledger.take_reverse_email(&row).await.map_err(|e| ledger_error(&e))?;
        if is_new {
            self.news.notify_one();
        }
        Ok(Outcome::HandedOn(Vec::new()))
    }

    async fn beside(&self, stop: watch::Receiver<bool>) {
        watch(Arc::clone(&self.inner), self.inner.desk.parts.watch, &self.news, stop).await;
    }
}

impl Inner {
    fn plan(&self, request: &Request) -> Plan {
        let jobs = &self.desk.parts.jobs;
        let call = |job: &DagJob, prefix: &str, part: &str, stats: &str| {
            let mut call = DagCall::read(request, job, prefix, part);
            let metadata = format!("Reverse_Email_Json/{}.Reverse_Email.{part}.json", job.base);
            call.metadata_url.get_or_insert_with(|| self.desk.parts.url(&metadata));
            let stats = format!("runs/{}/{stats}", request.workflow_id);
            call.stats_url.get_or_insert_with(|| self.desk.parts.url(&stats));
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
            return match self.desk.airflow.trigger(&call.dag_id, &call.run_id, &call.conf()).await {
                Ok(_) => Next::Step { step: row.step, triggered: true },
                Err(error) => Next::Fail(format!("{name} DAG trigger failed: {error}")),
            };
        }
        match look(&self.desk.airflow, &call.dag_id, &call.run_id, &row.standing, &self.desk.parts.watch)
            .await
        {
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

    /// Ends a row.
    async fn finish(
        &self,
        row: &ReverseEmailRow,
        plan: Option<&Plan>,
        failure: Option<String>,
    ) -> Result<bool, LedgerError> {
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
        self.desk.end(&row.lease, &request, ReverseEmail::COMPLETED_TYPE, &event_id, outcome).await
    }
}

/// What is to be written about a row.
enum Next {
    Step { step: u16, triggered: bool },
    Look { refusal: Refusal, trouble: Option<String> },
    Complete,
    Fail(String),
}

impl Watched for Inner {
    type Row = ReverseEmailRow;
    const BOOK: Book = Book::ReverseEmail;

    fn ledger(&self) -> &Ledger {
        &self.desk.ledger
    }

    async fn claim(&self, limit: u32, lease: Duration) -> Result<Vec<Self::Row>, LedgerError> {
        self.desk.ledger.claim_reverse_emails(limit, lease).await
    }

    async fn look(&self, row: Self::Row) {
        let work = async {
            let plan: Plan = match serde_json::from_str(&row.request.plan) {
                Ok(plan) => plan,
                // written by another version: nobody can go on with it
                Err(error) => {
                    return self.finish(&row, None, Some(format!("its plan cannot be read: {error}"))).await;
                }
            };
            match self.advance(&row, &plan).await {
                Next::Step { step, triggered } => {
                    let settings = &self.desk.parts.watch;
                    let after = if triggered { settings.poll_interval / 4 } else { Duration::ZERO };
                    self.desk.ledger.step_reverse_email(&row.lease, step, triggered, after).await
                }
                Next::Look { refusal, trouble } => {
                    let after = next_look(&self.desk.parts.watch, &row.standing);
                    self.desk.ledger.look_again(&row.lease, after, refusal, trouble.as_deref()).await
                }
                Next::Complete => self.finish(&row, Some(&plan), None).await,
                Next::Fail(reason) => self.finish(&row, Some(&plan), Some(reason)).await,
            }
        };
        keeping(&self.desk.ledger, &row.lease, self.desk.parts.watch.lease, &row.request.workflow_id, work)
            .await;
    }
}
