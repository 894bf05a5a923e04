//! Event handlers: what is registered.

use podium_core::def::{EventHandler, event_handler};
use podium_store::StoredEventHandler;

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;

impl Engine {
    /// Registers an event handler, validated by the caller. `Conflict` if there is one of that name.
    pub async fn create_event_handler(&self, handler: EventHandler) -> Result<(), EngineError> {
        let stored = stored(&handler)?;
        if self.shared().store.create_event_handler(&stored).await.map_err(storage)? {
            return Ok(());
        }
        Err(EngineError::Conflict(format!("EventHandler with name {} already exists!", stored.name)))
    }

    /// Replaces an event handler, validated by the caller. `NotFound` if there is none of that name.
    pub async fn update_event_handler(&self, handler: EventHandler) -> Result<(), EngineError> {
        let stored = stored(&handler)?;
        if self.shared().store.update_event_handler(&stored).await.map_err(storage)? {
            return Ok(());
        }
        Err(unknown(&stored.name))
    }

    /// Removes an event handler. `NotFound` if there is none of that name.
    pub async fn delete_event_handler(&self, name: &str) -> Result<(), EngineError> {
        if self.shared().store.delete_event_handler(name).await.map_err(storage)? {
            return Ok(());
        }
        Err(unknown(name))
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
