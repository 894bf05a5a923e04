//! What a service is, and how to write one.
//!
//! A service reads requests from a topic and answers each with one event. Everything around that is the host's
//! ([`Host`](crate::Host)): consumer group, one ordered lane per partition, tries, dead letters, headers, and that the
//! request's offset moves only after its answer is with the brokers. A service is one type with [`Service`]; a line in
//! [`SERVICES`](crate::SERVICES) gives it a name in `podium worker NAME` and `workers.run`.
//!
//! ```no_run
//! use podium_workers::{Outcome, Parts, Request, Service, ServiceError};
//! use serde_json::json;
//!
//! struct Greeter;
//!
//! impl Service for Greeter {
//!     const NAME: &'static str = "greeter";
//!     const TOPIC: &'static str = "greeting-requests";
//!     const GROUP: &'static str = "greeter-group";
//!     const REQUEST_TYPE: &'static str = "greeting_request";
//!     const COMPLETED_TYPE: &'static str = "greeting_completed";
//!     const STAGE: &'static str = "greeting";
//!
//!     async fn open(_: &Parts) -> Result<Self, ServiceError> {
//!         Ok(Self)
//!     }
//!
//!     async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
//!         let who = request.text("name").ok_or_else(|| ServiceError::permanent("data lacks name"))?;
//!         Ok(Outcome::completed(json!({"greeting": format!("hello, {who}")})))
//!     }
//! }
//! ```
//!
//! # Once or twice
//!
//! A request comes again after a crash, a lost partition or an answer that no broker took: at least once, never less.
//! Write outputs to names that follow from the request, and overwrite. What cannot be overwritten (a call to a system
//! that counts) takes [`Request::event_id`] as its key: the same when a request comes again, another when a run is
//! repeated on purpose. `workflowId` and `taskId` are no such key, for they are the same in a repeated run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use podium_kafka::KafkaSettings;
use podium_ledger::LedgerSettings;
use podium_objects::ObjectStore;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::airflow::DagParts;
use crate::request::Request;

/// A service: it turns one request into one outcome, without memory of others.
pub trait Service: Sized + Send + Sync + 'static {
    /// Name of the worker, as in `podium worker NAME`.
    const NAME: &'static str;
    /// The topic that requests come from, unless the setting `workers.topics` names another.
    const TOPIC: &'static str;
    /// The consumer group, unless the setting `workers.groups` names another: shared with other implementations of the
    /// same role, so that a request is done by one of them.
    const GROUP: &'static str;
    /// `eventType` of requests. Requests of another type are passed over.
    const REQUEST_TYPE: &'static str;
    /// Whether requests without an `eventType` are meant as well.
    const TAKES_UNTYPED: bool = false;
    /// `eventType` of answers.
    const COMPLETED_TYPE: &'static str;
    /// `pipelineStage` of answers.
    const STAGE: &'static str;

    /// Builds it from what every service may use. Called once at the start.
    ///
    /// # Errors
    /// A permanent error ends the start; after a transient one it is tried again.
    fn open(parts: &Parts) -> impl Future<Output = Result<Self, ServiceError>> + Send;

    /// Does the work. May be called again for the same request, so its effects must be the same whether it runs once or
    /// twice. A transient error is tried again a few times; at the end there is a failure event with the reason.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Outcome, ServiceError>> + Send;

    /// `eventType` of the answer to this request, success or failure, where it is not always the same.
    fn completed_type<'a>(&self, _request: &'a Request) -> Cow<'a, str> {
        Cow::Borrowed(Self::COMPLETED_TYPE)
    }

    /// Work that goes on beside the requests, until `stop` is true: watching what was handed on, tidying up. It is given
    /// the grace of the host to end. None by default.
    fn beside(&self, _stop: watch::Receiver<bool>) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What became of a request. Nothing of it is done again once it is with the brokers, and the request's offset moves
/// only then.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is done: the fields of the event's `data`. `status`, `result`, `pipelineStage` and `timestamp` are added.
    Completed(Map<String, Value>),
    /// Others go on with it and will say when it is done: what they are told. No event is published now.
    HandedOn(Vec<Message>),
}

impl Outcome {
    /// Done, with the fields of this object; what is no object adds nothing.
    pub fn completed(fields: Value) -> Self {
        Self::Completed(object(fields))
    }
}

/// A record to publish. It gets a stable id as its header `podium-event-id`, the same when the request comes again.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub topic: String,
    /// Messages of one key keep their order; the workflow id suits.
    pub key: String,
    pub value: Value,
}

/// Why a request could not be done, or a service not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ServiceError {
    /// For people: names the thing, its value and what to do.
    pub reason: String,
    /// Something outside was away, another try may work. Otherwise trying again gives the same.
    pub transient: bool,
    /// Further fields of `data` in the failure event.
    pub fields: Map<String, Value>,
}

impl ServiceError {
    /// Trying again gives the same.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), transient: false, fields: Map::new() }
    }

    /// Something outside was away; another try may work.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self { transient: true, ..Self::permanent(reason) }
    }

    /// The same with further fields for the failure event; what is no object adds nothing.
    #[must_use]
    pub fn with(mut self, fields: Value) -> Self {
        self.fields.extend(object(fields));
        self
    }
}

/// The members of an object; what is none has none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// What services are built from.
#[derive(Clone)]
pub struct Parts {
    pub kafka: KafkaSettings,
    pub objects: ObjectStore,
    /// Where answers go.
    pub completion_topic: String,
    /// Topics of requests by the service's name, where they are not the documented ones.
    pub topics: BTreeMap<String, String>,
    /// Consumer groups by the service's name, where they are not the documented ones.
    pub groups: BTreeMap<String, String>,
    /// What the services of files can be told.
    pub files: FileSettings,
    /// What the services that work with DAGs are built from.
    pub dags: DagParts,
    /// Where services keep what they must not forget; those that need none start without.
    pub ledger: Option<LedgerSettings>,
}

/// What the services of files can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// Checks beyond the documented rule, and a file of the rejected rows with their reasons.
    pub strict: bool,
    /// Region of phone numbers without a country code in strict mode, two letters.
    pub region: String,
    /// Waits before each request, to make a pipeline's steps visible.
    pub delay: Duration,
    /// The e-mail and the phone validator fail the first request after a start on purpose, to show a retry.
    pub fail_once: bool,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self { strict: false, region: "US".to_owned(), delay: Duration::ZERO, fail_once: false }
    }
}
