//! From a record to the records that answer it.

use podium_kafka::{LaneId, OutRecord, Patience, Record};
use tracing::{error, warn};

use super::{FIRST_WAIT, LONGEST_WAIT, Shared};
use crate::events::{Origin, Voice};
use crate::jitter::jittered;
use crate::request::{Accepts, Parsed, Request};
use crate::service::{Outcome, Service, ServiceError};

/// Tries of one request while something outside is away.
const TRIES: u32 = 3;

impl<S: Service> Shared<S> {
    /// The records that answer a request: one event, what is handed on, a dead letter; none when it is not for us.
    pub(super) async fn answer(&self, lane: &LaneId, record: &Record) -> Vec<OutRecord> {
        let origin = Origin { topic: &lane.topic, partition: lane.partition, record };
        let accepts = Accepts { request_type: S::REQUEST_TYPE, untyped: S::TAKES_UNTYPED };
        let value = record.value.as_deref().unwrap_or_default();
        let request = match Request::parse(value, accepts) {
            Parsed::Request(request) => origin.stamp(request),
            Parsed::Other => return Vec::new(),
            Parsed::Unreadable(reason) => {
                warn!(service = S::NAME, %lane, offset = record.offset, reason, "kept as a dead letter");
                return vec![origin.dead_letter(&self.settings.dead_letter_topic, &reason)];
            }
        };
        let completed_type = self.service.completed_type(&request);
        let voice = Voice { completed_type: &completed_type, stage: S::STAGE };
        let event = match self.handle(&request).await {
            Ok(Outcome::HandedOn(messages)) => {
                return (1..).zip(messages).map(|(n, m)| origin.hand_on(S::NAME, &request, n, m)).collect();
            }
            Ok(Outcome::Completed(fields)) => voice.success(&request, fields),
            Err(failure) => {
                let (workflow_id, reason) = (&request.workflow_id, &failure.reason);
                warn!(service = S::NAME, workflow_id, reason, "request failed");
                voice.failure(&request, failure)
            }
        };
        vec![origin.answer(&self.settings.completion_topic, S::NAME, &request, &event)]
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let mut failure = match self.service.handle(request).await {
                Err(failure) if failure.transient => failure,
                settled => return settled,
            };
            if tries >= TRIES {
                failure.reason = format!("{} (after {tries} tries)", failure.reason);
                return Err(failure);
            }
            let (workflow_id, reason) = (&request.workflow_id, &failure.reason);
            warn!(service = S::NAME, workflow_id, reason, tries, "trying again");
            tokio::time::sleep(jittered(wait)).await;
            wait *= 2;
            tries += 1;
        }
    }

    /// Publishes until it is acknowledged; `false` when the host stops first (the request is read again).
    pub(super) async fn publish(&self, record: OutRecord) -> bool {
        let mut stop = self.stop.clone();
        let mut wait = FIRST_WAIT;
        loop {
            match self.producer.send(record.clone(), Patience::default()).await {
                Ok(_) => return true,
                Err(error) => error!(
                    service = S::NAME, topic = record.topic, %error,
                    "could not publish an answer; trying again, the request stays uncommitted"
                ),
            }
            tokio::select! {
                _ = stop.wait_for(|s| *s) => return false,
                () = tokio::time::sleep(jittered(wait)) => {}
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
