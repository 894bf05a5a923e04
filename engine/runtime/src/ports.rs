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
