//! Event handlers: what is registered.

use std::collections::BTreeSet;

use podium_core::def::{EventHandler, event_handler};
use podium_core::handler::Message;
use podium_store::StoredEventHandler;
use tokio::sync::watch;

use crate::engine::Engine;
use crate::errors::storage;
use crate::handlers::{self, Handled};
use crate::messages::EngineError;

impl Engine {
    /// Registers an event handler, validated by the caller. `Conflict` if there is one of that name.
    pub async fn create_event_handler(&self, handler: EventHandler) -> Result<(), EngineError> {
        let stored = stored(&handler)?;
        if self.shared().store.create_event_handler(&stored).await.map_err(storage)? {
            self.shared().handlers.wake.notify_one();
            return Ok(());
        }
        Err(EngineError::Conflict(format!("EventHandler with name {} already exists!", stored.name)))
    }

    /// Replaces an event handler, validated by the caller. `NotFound` if there is none of that name.
    pub async fn update_event_handler(&self, handler: EventHandler) -> Result<(), EngineError> {
        let stored = stored(&handler)?;
        if self.shared().store.update_event_handler(&stored).await.map_err(storage)? {
            self.shared().handlers.wake.notify_one();
            return Ok(());
        }
        Err(unknown(&stored.name))
    }

    /// Removes an event handler. `NotFound` if there is none of that name.
    pub async fn delete_event_handler(&self, name: &str) -> Result<(), EngineError> {
        if self.shared().store.delete_event_handler(name).await.map_err(storage)? {
            self.shared().handlers.wake.notify_one();
            return Ok(());
        }
        Err(unknown(name))
    }

    /// Events that have active handlers, as this node knows them; it hears of changes within a second.
    pub fn handled_events(&self) -> watch::Receiver<BTreeSet<String>> {
        self.shared().handlers.events()
    }

    /// Starts what handlers start for a message of a queue outside, and answers with what is to be ingested together
    /// with the position after it. A message that is handled again starts nothing twice.
    ///
    /// Errors: `Unavailable`; then it is to be handled again.
    pub async fn handle(&self, message: Message) -> Result<Handled, EngineError> {
        self.shared().handlers.refresh(self.shared()).await?;
        handlers::handle(self.shared(), message).await
    }

    /// How many events of an own queue wait for a handler.
    pub async fn waiting_events(&self, queue: &str) -> Result<i64, EngineError> {
        self.shared().store.count_events(queue).await.map_err(storage)
    }

    /// The handlers of an event (`None`: of all events), by name.
    pub async fn event_handlers(
        &self,
        event: Option<&str>,
        active_only: bool,
    ) -> Result<Vec<EventHandler>, EngineError> {
        let stored = self.shared().store.list_event_handlers(event, active_only).await.map_err(storage)?;
        stored.iter().map(|stored| read(&stored.text)).collect()
    }
}

/// A handler from its stored text.
pub(crate) fn read(text: &str) -> Result<EventHandler, EngineError> {
    let unreadable = |why: String| EngineError::Internal(format!("a stored event handler: {why}"));
    let raw = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
    event_handler::parse(&raw).map_err(unreadable)
}

fn stored(handler: &EventHandler) -> Result<StoredEventHandler, EngineError> {
    let text = serde_json::to_string(handler)
        .map_err(|e| EngineError::Invalid(format!("the event handler has no JSON text: {e}")))?;
    Ok(StoredEventHandler {
        name: handler.name.clone().unwrap_or_default(),
        event: handler.event.clone().unwrap_or_default(),
        active: handler.active,
        text,
    })
}

fn unknown(name: &str) -> EngineError {
    EngineError::NotFound(format!("EventHandler with name {name} not found!"))
}
