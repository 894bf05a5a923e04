//! Events that answer no record at hand: what a service learns beside its requests.

use podium_kafka::{KafkaError, KafkaSettings, OutRecord, Patience, Producer};
use serde_json::{Map, Value};

use crate::events::{EVENT_ID_HEADER, Voice};
use crate::request::Request;
use crate::service::ServiceError;

/// Publishes the events of one service.
pub(crate) struct Announcer {
    producer: Producer,
    topic: String,
    stage: &'static str,
}

impl Announcer {
    /// Begins to connect.
    pub(crate) fn new(kafka: &KafkaSettings, topic: &str, stage: &'static str) -> Result<Self, KafkaError> {
        let bootstrap = kafka.resolve(None)?;
        let producer = Producer::new(kafka, &bootstrap)?;
        Ok(Self { producer, topic: topic.to_owned(), stage })
    }

    /// Publishes what became of a request, and waits until the brokers have it. The same id says that it is the same
    /// event, should it be published again.
    pub(crate) async fn announce(
        &self,
        request: &Request,
        completed_type: &str,
        event_id: &str,
        outcome: Result<Map<String, Value>, ServiceError>,
    ) -> Result<(), KafkaError> {
        let voice = Voice { completed_type, stage: self.stage };
        let event = match outcome {
            Ok(fields) => voice.success(request, fields),
            Err(failure) => voice.failure(request, failure),
        };
        let record = OutRecord {
            topic: self.topic.clone(),
            key: Some(request.workflow_id.clone().into_bytes()),
            value: Some(event.to_string().into_bytes()),
            headers: vec![(EVENT_ID_HEADER.to_owned(), event_id.as_bytes().to_vec())],
        };
        self.producer.send(record, Patience::default()).await.map(drop)
    }
}
