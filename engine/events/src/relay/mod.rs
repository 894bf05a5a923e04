//! Outbox messages on their way to Kafka.
//!
//! How long a message may wait for a broker, and what follows:
//!
//! | the address | `maxBlockMs` | no answer | the topic is not there and nobody makes it |
//! |---|---|---|---|
//! | configured, or answered within the last hour | not given | lost: the relay tries again, for as long as it takes | refused after 5 s |
//! | the same | given | refused after that time | refused after that time |
//! | never answered | given, else 500 ms | refused after that time | as above |
//!
//! An address without a port, or whose hosts have no known name, an illegal topic, a record over the limit and a
//! missing right are refused at once. The texts are those of Conductor, for people and scripts that know them.

mod reason;
mod size;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use podium_core::Outgoing;
use podium_kafka::{ErrorKind, KafkaError, OutRecord, Patience, Producer, Producers};
use podium_runtime::ports::{EventSink, OutboxMessage, PublishOutcome};

/// Conductor's `maxBlockMs` where none is given, which ends the wait for an address that never answered.
const DEFAULT_BLOCK_MS: i64 = 500;
/// A client that brokers have not answered for so long gives the message back to the relay.
const AWAY: Duration = Duration::from_secs(20);
const MISSING: Duration = Duration::from_secs(5);

/// Publishes outbox messages to the clusters that they name.
#[derive(Clone)]
pub struct KafkaSink {
    producers: Producers,
    max_record_bytes: usize,
}

impl KafkaSink {
    /// A sink over these producers. [`Producers::warm`] before the first message keeps it fast.
    pub fn new(producers: Producers) -> Self {
        let limit = producers.settings().properties.get("message.max.bytes").and_then(|v| v.parse().ok());
        KafkaSink { max_record_bytes: limit.unwrap_or(size::MAX_REQUEST_BYTES), producers }
    }

    /// Everything that can be said without a broker.
    fn check(&self, body: &Outgoing) -> Result<Producer, String> {
        if let Some(wait) = body.max_block_ms.filter(|ms| *ms < 0) {
            return Err(reason::block_time(wait));
        }
        let producer = self.producers.get(body.cluster.as_deref()).map_err(|e| reason::no_client(&e))?;
        if reason::is_internal(&body.topic) {
            return Err(reason::internal_topic(&body.topic));
        }
        let size = size::estimate(body);
        if size > self.max_record_bytes {
            return Err(reason::too_large(size, self.max_record_bytes));
        }
        Ok(producer)
    }
}

/// What a message may wait for, and how its waits end.
struct Terms {
    patience: Patience,
    /// No answer is a refusal.
    ends: bool,
    /// The time to name in the refusal.
    block_ms: i64,
    given: bool,
}

impl Terms {
    fn of(body: &Outgoing, producer: &Producer) -> Terms {
        let given = body.max_block_ms;
        let block_ms = given.unwrap_or(DEFAULT_BLOCK_MS);
        let block = Duration::from_millis(block_ms.unsigned_abs());
        let ends = given.is_some() || !producer.is_established();
        let patience = Patience {
            away: if ends { block } else { AWAY },
            missing: if given.is_some() { block } else { MISSING },
        };
        Terms { patience, ends, block_ms, given: given.is_some() }
    }

    fn outcome(&self, topic: &str, error: &KafkaError) -> PublishOutcome {
        let text = match error.kind {
            ErrorKind::Away if self.ends => reason::not_present(topic, self.block_ms),
            ErrorKind::TopicMissing if self.given => reason::not_present(topic, self.block_ms),
            ErrorKind::TopicMissing => reason::missing(topic),
            ErrorKind::Unresolvable | ErrorKind::Address => reason::no_client(error),
            ErrorKind::TopicName => reason::illegal_topic(topic),
            ErrorKind::TooLarge => reason::too_large_for_broker(),
            ErrorKind::NotAuthorized => reason::not_authorized(topic),
            ErrorKind::Refused => reason::refused(error),
            ErrorKind::Away | ErrorKind::Settings | ErrorKind::Retriable | ErrorKind::TopicGone => {
                return PublishOutcome::Lost(error.reason.clone());
            }
        };
        PublishOutcome::Refused(text)
    }
}

impl EventSink for KafkaSink {
    fn publish(&self, message: OutboxMessage) -> BoxFuture<'static, PublishOutcome> {
        let body: Arc<Outgoing> = message.body;
        let producer = match self.check(&body) {
            Ok(producer) => producer,
            Err(text) => return futures::future::ready(PublishOutcome::Refused(text)).boxed(),
        };
        let terms = Terms::of(&body, &producer);
        let record = OutRecord {
            topic: body.topic.clone(),
            key: body.key.clone(),
            value: Some(body.value.clone()),
            headers: body.headers.clone(),
        };
        let sent = producer.send(record, terms.patience);
        async move {
            match sent.await {
                Ok(_) => PublishOutcome::Acknowledged,
                Err(error) => terms.outcome(&body.topic, &error),
            }
        }
        .boxed()
    }

    fn take_back(&self) {
        self.producers.take_back();
    }
}
