//! Looks at workflows that may have failed, and offers to take them up again.
//!
//! A service that fails says so before the engine has heard of it, so the workflow is looked at until it has ended, for a
//! bounded time. Nothing retries by itself: an offer is a button.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::engine::{Engine, EngineError};
use super::live::{Hub, News, Offer};
use super::restart;

/// Workflows that are looked at at once; others wait.
const PARALLEL: usize = 32;
/// Workflows that may wait. Beyond it something is wrong with everything, and the engine's list of failed runs is the
/// place to look.
const WAITING: usize = 10_000;
/// First wait between two looks; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The one who looks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Failures(Arc<Inner>);

struct Inner {
    engine: Engine,
    hub: Arc<Hub>,
    wait: Duration,
    room: Semaphore,
    under_way: Mutex<HashSet<String>>,
}

impl Failures {
    /// `wait`: how long a workflow may take to end.
    pub(crate) fn new(engine: Engine, hub: Arc<Hub>, wait: Duration) -> Self {
        let (room, under_way) = (Semaphore::new(PARALLEL), Mutex::default());
        Self(Arc::new(Inner { engine, hub, wait, room, under_way }))
    }

    /// Looks at a workflow that may have failed, in the background.
    pub(crate) fn consider(&self, workflow_id: &str) {
        self.begin(workflow_id, self.0.wait);
    }

    /// The same for one that had time enough to end.
    pub(crate) fn consider_old(&self, workflow_id: &str) {
        self.begin(workflow_id, Duration::ZERO);
    }

    fn begin(&self, workflow_id: &str, wait: Duration) {
        let id = workflow_id.to_owned();
        {
            let mut under_way = self.0.under_way.lock();
            if under_way.len() >= WAITING {
                warn!(workflow_id, "too many workflows fail at once; no retry is offered for this one");
                return;
            }
            if !under_way.insert(id.clone()) {
                return;
            }
        }
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            // an error would mean that the semaphore was closed, which nobody does
            let _room = inner.room.acquire().await;
            match inner.offer(&id, wait).await {
                Ok(Some(offer)) if inner.hub.offer_of(&id).as_ref() != Some(&offer) => {
                    inner.hub.publish(&id, News::Offer(offer));
                }
                Ok(Some(_)) => {}
                Ok(None) => debug!(workflow_id = id, "nothing to take up again"),
                Err(error) => warn!(workflow_id = id, %error, "no retry is offered"),
            }
            inner.under_way.lock().remove(&id);
        });
    }
}

impl Inner {
    /// Waits until a workflow has ended; answers how it is taken up again if it has failed.
    async fn offer(&self, workflow_id: &str, wait: Duration) -> Result<Option<Offer>, EngineError> {
        let end = Instant::now() + wait;
        let mut pause = FIRST_WAIT;
        let run = loop {
            match self.engine.run(workflow_id).await {
                Ok(None) => return Ok(None),
                Ok(Some(run)) => match run.get("status").and_then(Value::as_str) {
                    Some("FAILED" | "TIMED_OUT" | "TERMINATED") => break run,
                    Some("RUNNING" | "PAUSED") => {}
                    Some(_) | None => return Ok(None),
                },
                Err(error) if Instant::now() >= end => return Err(error),
                Err(_) => {}
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_WAIT);
        };
        let definition = self.definition(&run).await?;
        Ok(restart::choose(&run, definition.as_ref()).map(|restart| Offer {
            api_url: self.engine.api(),
            rerun_url: self.engine.rerun_url(workflow_id),
            payload: json!({
                "workflowId": workflow_id,
                "reRunFromTaskRefName": restart.reference,
                "reRunFromTaskId": restart.task_id,
                "resetTasks": restart.reset,
            }),
        }))
    }

    /// The definition of a run where the run does not carry it.
    async fn definition(&self, run: &Value) -> Result<Option<Value>, EngineError> {
        if run.get("workflowDefinition").is_some_and(Value::is_object) {
            return Ok(None);
        }
        let name = run.get("workflowName").and_then(Value::as_str);
        let version = run.get("workflowVersion").and_then(Value::as_i64);
        match (name, version) {
            (Some(name), Some(version)) => self.engine.definition(name, version).await,
            _ => Ok(None),
        }
    }
}
