//! The event handlers of this node, and what they make of a message.
//!
//! ```text
//! EVENT task with an own queue ─ row in the outbox ─┐
//!                                                   ├─> deeds of each handler ─> starts, then one commit:
//! record of a topic that a handler names ───────────┘     the event is taken (or the position moves), inbox rows
//! ```
//!
//! A start comes before that commit, under an id that follows from the message and the action: whoever does it again
//! after a crash meets the same run.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;
use podium_core::def::EventHandler;
use podium_core::handler::{Conditions, Deed, Message, StartDeed, deeds};
use podium_core::{InboxMessage, RunId, Timestamp};
use podium_store::EventOutcome;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::errors::storage;
use crate::event_log::{self, Note, Shown};
use crate::messages::{Definition, EngineError, StartRequest};
use crate::services::event_handlers::read;
use crate::services::start::{SHARD, start_once};
use crate::shared::Shared;

/// Handlers by the event that they are for; active ones only.
type ByEvent = HashMap<String, Vec<EventHandler>>;

/// What is registered, as far as this node knows: a pulse brings news.
pub(crate) struct Handlers {
    by_event: RwLock<Arc<ByEvent>>,
    /// Events that have handlers.
    events: watch::Sender<BTreeSet<String>>,
    /// The metadata version that the handlers were read at, or later; -1 = they are to be read.
    read_at: AtomicI64,
    /// Held while they are read, so that an older reading never replaces a newer one.
    reading: tokio::sync::Mutex<()>,
    /// There may be something to do for the loop.
    pub(crate) wake: Notify,
}

impl Default for Handlers {
    fn default() -> Self {
        Handlers {
            by_event: RwLock::default(),
            events: watch::Sender::new(BTreeSet::new()),
            read_at: AtomicI64::new(-1),
            reading: tokio::sync::Mutex::default(),
            wake: Notify::new(),
        }
    }
}

impl Handlers {
    /// A pulse says so: definitions are at this version, and there are events that wait.
    pub(crate) fn news(&self, metadata_version: i64, waiting: bool) {
        if waiting || self.read_at.load(Ordering::Relaxed) < metadata_version {
            self.wake.notify_one();
        }
    }

    /// A commit put an event into this queue.
    pub(crate) fn raised(&self, event: &str) {
        if self.by_event.read().contains_key(event) {
            self.wake.notify_one();
        }
    }

    /// Events that have handlers; changes are seen by whoever watches.
    pub(crate) fn events(&self) -> watch::Receiver<BTreeSet<String>> {
        self.events.subscribe()
    }

    /// Reads the handlers if definitions have changed since: what was registered before this call is known after it.
    pub(crate) async fn refresh(&self, shared: &Shared) -> Result<(), EngineError> {
        let _reading = self.reading.lock().await;
        let version = shared.store.metadata_version().await.map_err(storage)?;
        if self.read_at.load(Ordering::Relaxed) >= version {
            return Ok(());
        }
        let stored = shared.store.list_event_handlers(None, true).await.map_err(storage)?;
        let mut by_event = ByEvent::new();
        for stored in stored {
            match read(&stored.text) {
                Ok(handler) => by_event.entry(stored.event).or_default().push(handler),
                Err(error) => {
                    tracing::error!(handler = stored.name, %error, "an event handler cannot be read")
                }
            }
        }
        let events: BTreeSet<String> = by_event.keys().cloned().collect();
        *self.by_event.write() = Arc::new(by_event);
        self.read_at.store(version, Ordering::Relaxed);
        self.events.send_if_modified(|known| {
            let changed = *known != events;
            *known = events;
            changed
        });
        Ok(())
    }

    fn of(&self, event: &str) -> Vec<EventHandler> {
        self.by_event.read().get(event).cloned().unwrap_or_default()
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Handled {
    /// Its starts are done; this is for the commit that takes it.
    Done(Vec<(RunId, InboxMessage)>),
    /// A condition has no value, so that nobody knows what is to be done: nothing was.
    Undecided(String),
}

/// Does what handlers start, and answers with what is to be committed with the message.
///
/// Errors: `Unavailable`; then the message is to be handled again.
pub(crate) async fn handle(shared: &Shared, message: Message) -> Result<Handled, EngineError> {
    let handlers = shared.handlers.of(&message.event);
    if handlers.is_empty() {
        return Ok(Handled::Done(Vec::new()));
    }
    let at = shared.clock.now();
    let asked = shared.scripts.run(move || decided(&handlers, &message, at));
    let decided = match asked.await {
        Ok(Ok(decided)) => decided,
        Ok(Err(undecided)) => {
            let (why, note) = *undecided;
            shared.event_log.note(vec![note]);
            return Ok(Handled::Undecided(why));
        }
        Err(broken) => return Ok(Handled::Undecided(format!("handling it broke off: {broken}"))),
    };
    let (mut told, mut notes) = (Vec::new(), Vec::with_capacity(decided.len()));
    for (mut note, deeds) in decided {
        for (kind, deed) in deeds {
            let failed = match deed {
                Deed::Tell(run, action) => {
                    note.told(kind, run, &action);
                    told.push((run, InboxMessage::Action(action)));
                    None
                }
                Deed::Failed(why) => Some(why),
                Deed::Start(wanted) => match start_once(shared, &request(&wanted), wanted.id).await {
                    Ok(_) => {
                        note.started(kind, wanted.id);
                        None
                    }
                    Err(EngineError::Unavailable(why)) => return Err(EngineError::Unavailable(why)),
                    Err(error) => Some(error.to_string()),
                },
            };
            match failed {
                None => shared.stats.handler_actions.one(),
                Some(why) => {
                    shared.stats.failed_handler_actions.one();
                    tracing::warn!(
                        handler = note.handler(),
                        why,
                        "an action of an event handler could not be done"
                    );
                    note.failed(kind, &why);
                }
            }
        }
        notes.push(note);
    }
    shared.event_log.note(notes);
    Ok(Handled::Done(told))
}

/// What a handler does, each deed with the word of its action, and the note about it.
type Decided = (Note, Vec<(&'static str, Deed)>);

/// What all handlers of a message do; or why nobody knows.
fn decided(
    handlers: &[EventHandler],
    message: &Message,
    at: Timestamp,
) -> Result<Vec<Decided>, Box<(String, Note)>> {
    let shown = Shown::of(message);
    let mut all = Vec::with_capacity(handlers.len());
    for handler in handlers {
        let note = |outcome| Note::of(handler, message, &shown, outcome, at);
        match deeds(handler, message, &Scripts, SHARD) {
            Ok(Some(deeds)) => {
                let actions = handler.actions.iter().flatten();
                let kinds = actions.map(|action| event_log::kind(action.as_ref()));
                all.push((note(EventOutcome::Completed), kinds.zip(deeds).collect()));
            }
            Ok(None) => all.push((note(EventOutcome::Skipped), Vec::new())),
            Err(why) => {
                let note = note(EventOutcome::Undecided).because(&why);
                let name = handler.name.as_deref().unwrap_or_default();
                return Err(Box::new((
                    format!("the condition of the event handler \"{name}\": {why}"),
                    note,
                )));
            }
        }
    }
    Ok(all)
}

fn request(wanted: &StartDeed) -> StartRequest {
    StartRequest {
        definition: Definition::Registered { name: wanted.name.clone(), version: wanted.version },
        input: wanted.input.clone(),
        correlation_id: wanted.correlation_id.clone(),
        priority: 0,
        task_to_domain: wanted.task_to_domain.clone(),
        event: Some(wanted.event.clone()),
        external_input: None,
    }
}

/// Conditions that are scripts.
struct Scripts;

impl Conditions for Scripts {
    fn evaluate(&self, script: &str, payload: &Value) -> Result<Value, String> {
        crate::script::evaluate_condition(script, payload)
    }
}
