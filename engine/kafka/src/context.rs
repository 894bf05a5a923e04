//! What librdkafka calls back: logs, troubles, delivery reports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::Message;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as Native;
use rdkafka::producer::{DeliveryResult, NoCustomPartitioner, ProducerContext};
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::sync::oneshot;

use crate::error::KafkaError;
use crate::producer::Delivery;

/// Whether the brokers of one cluster answer.
#[derive(Debug)]
pub(crate) struct Health {
    name: String,
    born: Instant,
    /// All brokers are known to be away right now.
    down: AtomicBool,
    /// Milliseconds after `born` of the latest answer; -1 = none yet.
    answered_ms: AtomicI64,
}

impl Health {
    pub(crate) fn new(name: &str) -> Self {
        Health {
            name: name.to_owned(),
            born: Instant::now(),
            down: AtomicBool::new(false),
            answered_ms: (-1).into(),
        }
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(crate) fn answered(&self) {
        self.answered_ms.store(self.born.elapsed().as_millis() as i64, Ordering::Relaxed);
        if self.down.swap(false, Ordering::Relaxed) {
            tracing::info!(brokers = %self.name, "kafka answers again");
        }
    }

    /// How long ago the latest answer came.
    pub(crate) fn since_answer(&self) -> Option<Duration> {
        let at = self.answered_ms.load(Ordering::Relaxed);
        (at >= 0).then(|| self.born.elapsed().saturating_sub(Duration::from_millis(at as u64)))
    }

    fn all_down(&self, reason: &str) {
        if !self.down.swap(true, Ordering::Relaxed) {
            tracing::warn!(brokers = %self.name, reason, "kafka does not answer");
        }
    }
}

/// The callbacks of producers and admin clients.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) health: Arc<Health>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, text: &str) {
        log(level, fac, text);
    }

    fn error(&self, error: Native, reason: &str) {
        if error.rdkafka_error_code() == Some(Code::AllBrokersDown) {
            self.health.all_down(reason);
        } else {
            tracing::debug!(target: "librdkafka", brokers = %self.health.name, %error, reason, "client reported");
        }
    }
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = Box<oneshot::Sender<Result<Delivery, KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, caller: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(message) => {
                self.health.answered();
                Ok(Delivery { partition: message.partition(), offset: message.offset() })
            }
            Err((error, _)) => Err(error.clone().into()),
        };
        // a caller that no longer waits has nobody to tell
        let _ = caller.send(outcome);
    }
}

/// One line of librdkafka. Its "errors" are mostly brokers that are away, which is our warning at most.
pub(crate) fn log(level: RDKafkaLogLevel, fac: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: "librdkafka", fac, "{text}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
            tracing::debug!(target: "librdkafka", fac, "{text}");
        }
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::trace!(target: "librdkafka", fac, "{text}")
        }
    }
}
