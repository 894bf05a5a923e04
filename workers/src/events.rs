//! The events that services publish.

use chrono::{DateTime, SecondsFormat, Utc};
use podium_kafka::{OutRecord, Record};
use serde_json::{Map, Value, json};

use crate::request::Request;
use crate::service::{Message, ServiceError};

/// Where completions go unless set otherwise.
pub const COMPLETION_TOPIC: &str = "conductor-events";

/// Header with a stable id of the event: the same for a request that was read twice.
pub const EVENT_ID_HEADER: &str = "podium-event-id";

/// What a service says about itself in its events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) completed_type: &'a str,
    pub(crate) stage: &'static str,
}

impl Voice<'_> {
    /// The event of a request that was done.
    pub(crate) fn success(self, request: &Request, fields: Map<String, Value>) -> Value {
        let mut data = fields;
        data.insert("status".into(), "success".into());
        data.insert("result".into(), "success".into());
        self.event(request, data)
    }

    /// The event of a request that could not be done: the same type, told apart by `result` and `status`.
    pub(crate) fn failure(self, request: &Request, failure: ServiceError) -> Value {
        let mut data = failure.fields;
        data.insert("status".into(), "failed".into());
        data.insert("result".into(), "failure".into());
        data.insert("error".into(), failure.reason.into());
        self.event(request, data)
    }

    fn event(self, request: &Request, mut data: Map<String, Value>) -> Value {
        data.insert("pipelineStage".into(), self.stage.into());
        data.insert("timestamp".into(), Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true).into());
        json!({
            "workflowId": request.workflow_id,
            "taskId": request.task_id,
            "eventType": self.completed_type,
            "data": data,
        })
    }
}

/// Where a record came from.
#[derive(Clone, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) record: &'a Record,
}

impl Origin<'_> {
    /// The record of an event: keyed by its workflow, so that all events of a run keep their order.
    pub(crate) fn answer(&self, topic: &str, service: &str, request: &Request, event: &Value) -> OutRecord {
        OutRecord {
            topic: topic.to_owned(),
            key: Some(request.workflow_id.clone().into_bytes()),
            value: Some(event.to_string().into_bytes()),
            headers: self.headers(format!("{service}:{}", request.event_id)),
        }
    }

    /// The record of the nth message that a service hands on.
    pub(crate) fn hand_on(&self, service: &str, request: &Request, n: usize, message: Message) -> OutRecord {
        OutRecord {
            topic: message.topic,
            key: Some(message.key.into_bytes()),
            value: Some(message.value.to_string().into_bytes()),
            headers: self.headers(format!("{service}:{}:{n}", request.event_id)),
        }
    }

    /// Writes into a request which message it was.
    pub(crate) fn stamp(&self, mut request: Request) -> Request {
        let given = self.record.header(EVENT_ID_HEADER).and_then(|id| std::str::from_utf8(id).ok());
        request.event_id = match given.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            // where it stands, which no other record does
            None => format!("{}/{}/{}", self.topic, self.partition, self.record.offset),
        };
        request.sent_at = self.record.timestamp_ms.and_then(DateTime::from_timestamp_millis);
        request
    }

    fn headers(&self, id: String) -> Vec<(String, Vec<u8>)> {
        let mut headers = vec![(EVENT_ID_HEADER.to_owned(), id.into_bytes())];
        if let Some(trace) = self.record.header("traceparent") {
            headers.push(("traceparent".to_owned(), trace.to_vec()));
        }
        headers
    }

    /// The record as it came, with where it came from and why it is kept.
    pub(crate) fn dead_letter(&self, topic: &str, reason: &str) -> OutRecord {
        let mut headers: Vec<(String, Vec<u8>)> = self
            .record
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_ref().map(|v| v.to_vec()).unwrap_or_default()))
            .collect();
        for (name, value) in [
            ("podium-origin-topic", self.topic.to_owned()),
            ("podium-origin-partition", self.partition.to_string()),
            ("podium-origin-offset", self.record.offset.to_string()),
            ("podium-error", reason.to_owned()),
        ] {
            headers.push((name.to_owned(), value.into_bytes()));
        }
        OutRecord {
            topic: topic.to_owned(),
            key: self.record.key.as_ref().map(|k| k.to_vec()),
            value: self.record.value.as_ref().map(|v| v.to_vec()),
            headers,
        }
    }
}
