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
