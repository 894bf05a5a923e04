//! The few things outside PostgreSQL that the runtime needs, as traits that `server` plugs in.

use std::sync::Arc;

use futures::future::BoxFuture;
use podium_core::{Outgoing, RunId};

/// One message on its way out.
#[derive(Clone, Debug)]
pub struct OutboxMessage {
    pub run: RunId,
    pub body: Arc<Outgoing>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    Acknowledged,
    /// The broker or the client will never take it: the task fails with this reason.
    Refused(String),
    /// Nobody knows, or the broker is away: try again later, the same id.
    Lost(String),
}

/// Publishes messages. Calls in one order mean sends in that order per (topic, key).
pub trait EventSink: Send + Sync {
    /// Hands the message to the producer at once (before the first await of the future); the future
    /// ends when the broker has acknowledged or refused it.
    fn publish(&self, message: OutboxMessage) -> BoxFuture<'static, PublishOutcome>;

    /// Drops what was handed over and has not left this process: its outcome is [`PublishOutcome::Lost`]. A sink
    /// that keeps nothing back has nothing to do.
    fn take_back(&self) {}
}

/// Why a store of payloads did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadStoreError {
    /// What lies there has this many bytes, more than the limit.
    #[error("it has {0} bytes")]
    TooLarge(u64),
    /// A later try may work.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Refused(String),
}

/// Keeps payloads outside of the database, for clients that put and get them there themselves, by path. Without one they
/// are kept in the database, and clients put and get them through the REST API.
pub trait PayloadStore: std::fmt::Debug + Send + Sync {
    /// A whole address to which a client can `PUT` a payload, for a while.
    fn address_to_put(&self, path: &str) -> BoxFuture<'_, Result<String, PayloadStoreError>>;

    /// A whole address from which a client can `GET` a payload, for a while; it need not be there.
    fn address_to_get(&self, path: &str) -> BoxFuture<'_, Result<String, PayloadStoreError>>;

    /// The payload, of at most `limit` bytes; `None` if there is none.
    fn get(&self, path: &str, limit: usize) -> BoxFuture<'_, Result<Option<Vec<u8>>, PayloadStoreError>>;

    /// Keeps a payload, in place of an older one; whole or not at all.
    fn put<'a>(&'a self, path: &str, body: &'a [u8]) -> BoxFuture<'a, Result<(), PayloadStoreError>>;
}

/// A record that was no event, as it lies in the dead-letter topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub partition: i32,
    pub offset: i64,
    /// Milliseconds since 1970: when it was put there.
    pub at_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    /// No more of it than was asked for; `None` = the record had no value.
    pub value: Option<Vec<u8>>,
    /// Bytes of the whole value.
    pub value_size: usize,
    /// Those that the record came with, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Why it was no event.
    pub reason: String,
    /// Topic, partition and offset where it was read.
    pub origin: Option<(String, i32, i64)>,
}

/// The records that were no events, wherever they are kept.
pub trait DeadLetters: std::fmt::Debug + Send + Sync {
    /// The topic that they are put into.
    fn topic(&self) -> &str;

    /// The latest ones, the latest first; of each value up to `value_bytes`. An error says why they cannot be read now.
    fn latest(&self, count: usize, value_bytes: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>, String>>;

    /// Sends letters, by partition and offset, to the topics where they were read, as they were: an answer for each, in
    /// order. The letter stays; sent twice it is two records. An error says why none can be sent now.
    fn replay<'a>(
        &'a self,
        places: &'a [(i32, i64)],
    ) -> BoxFuture<'a, Result<Vec<Result<(), String>>, String>>;
}
