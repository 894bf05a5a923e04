//! What those who watch DAG runs work with, and how they end what they watched.

use std::time::Duration;

use podium_ledger::{Lease, Ledger, LedgerError, Refusal};
use serde_json::{Map, Value};
use tracing::{info, warn};

use super::client::Airflow;
use super::settings::DagParts;
use super::watch::open_ledger;
use crate::announce::Announcer;
use crate::request::Request;
use crate::service::{Parts, ServiceError};

/// After an event that could not be published.
const PUBLISH_AGAIN: Duration = Duration::from_secs(5);

/// Airflow, the ledger, and a voice.
pub(crate) struct Desk {
    pub(crate) airflow: Airflow,
    pub(crate) ledger: Ledger,
    pub(crate) parts: DagParts,
    announcer: Announcer,
}

impl Desk {
    /// # Errors
    /// What cannot be opened with these settings.
    pub(crate) async fn open(parts: &Parts, stage: &'static str) -> Result<Self, ServiceError> {
        let airflow = open_airflow(parts)?;
        let announcer = Announcer::new(&parts.kafka, &parts.completion_topic, stage)
            .map_err(|error| ServiceError::permanent(error.to_string()))?;
        let ledger = open_ledger(parts).await?;
        Ok(Self { airflow, ledger, parts: parts.dags.clone(), announcer })
    }

    /// Publishes the end of a row, then closes it: a crash between the two publishes the same event again. An
    /// event that cannot be published is tried again later. `false`: the row is another's by now.
    pub(crate) async fn end(
        &self,
        lease: &Lease,
        request: &Request,
        event_type: &str,
        event_id: &str,
        outcome: Result<Map<String, Value>, ServiceError>,
    ) -> Result<bool, LedgerError> {
        // what was paused for too long says nothing
        if !self.ledger.extend(lease, self.parts.watch.lease).await? {
            return Ok(false);
        }
        let workflow_id = &request.workflow_id;
        let failure = outcome.as_ref().err().map(|error| error.reason.clone());
        if let Err(error) = self.announcer.announce(request, event_type, event_id, outcome).await {
            warn!(workflow_id, %error, "could not publish an end; trying again");
            let text = format!("could not publish its end: {error}");
            return self.ledger.look_again(lease, PUBLISH_AGAIN, Refusal::No, Some(&text)).await;
        }
        match &failure {
            Some(reason) => warn!(workflow_id, event_id, reason, "what was watched failed"),
            None => info!(workflow_id, event_id, "what was watched is done"),
        }
        self.ledger.close(lease, failure.as_deref()).await
    }
}

/// A client of the Airflow that the settings name.
pub(crate) fn open_airflow(parts: &Parts) -> Result<Airflow, ServiceError> {
    Airflow::new(parts.dags.airflow.clone()).map_err(|error| ServiceError::permanent(error.to_string()))
}
