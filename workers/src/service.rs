//! What a service is.

use std::future::Future;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::request::Request;

/// A service: it turns one request into one answer, without memory of others.
pub trait Service: Send + Sync + 'static {
    /// Name of the worker, as in `podium worker NAME`.
    const NAME: &'static str;
    /// The topic that requests come from, unless set otherwise.
    const TOPIC: &'static str;
    /// The consumer group, unless set otherwise: shared with other implementations of the same role.
    const GROUP: &'static str;
    /// `eventType` of requests.
    const REQUEST_TYPE: &'static str;
    /// `eventType` of answers.
    const COMPLETED_TYPE: &'static str;
    /// `pipelineStage` of answers.
    const STAGE: &'static str;

    /// Does the work. May be called again for the same request after a crash, so its outputs must be the same
    /// whether it runs once or twice.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Done, ServiceError>> + Send;
}

/// What a service says about a request that it did: the fields of the event's `data`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done(pub Map<String, Value>);

/// Why a request could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// Trying again gives the same.
    #[error("{0}")]
    Permanent(String),
    /// Something outside was away; another try may work.
    #[error("{0}")]
    Transient(String),
}

/// What both validators can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSettings {
    /// Checks beyond the documented rule, and a file of the rejected rows with their reasons.
    pub strict: bool,
    /// Region of phone numbers without a country code in strict mode, two letters.
    pub region: String,
    /// Waits before each request, to make a pipeline's steps visible.
    pub delay: Duration,
    /// Fails the first request after a start on purpose, to show a retry.
    pub fail_once: bool,
}

impl Default for ValidatorSettings {
    fn default() -> Self {
        Self { strict: false, region: "US".to_owned(), delay: Duration::ZERO, fail_once: false }
    }
}
