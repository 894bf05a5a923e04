//! Hands the events of the engine's own queues to their handlers.
//!
//! The node that holds the first lane does it; a commit here or a pulse wakes it. An event whose handlers cannot say what
//! is to be done stays where it is and is looked at again after a while, like a message that nobody acknowledged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use podium_core::Event;
use podium_core::handler::Message;
use podium_store::{EventKey, WaitingEvent};

use crate::errors::storage;
use crate::handlers::{Handled, handle};
use crate::mailbox::{Reply, Work};
use crate::messages::EngineError;
use crate::shared::Shared;

/// Events in one commit at most.
const AT_ONCE: usize = 100;
/// Messages whose handlers are asked at once.
const TOGETHER: usize = 16;
/// Before an event that could not be decided is looked at again (semantics §6.2: about 60 s).
const REST: Duration = Duration::from_secs(60);
/// After the database could not be used.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Events at rest that are remembered; beyond it they are looked at again sooner.
const RESTING_AT_MOST: usize = 1_000;

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut resting = HashMap::new();
    loop {
        // cancel-safe: a permit that is lost comes again with the next pulse
        shared.handlers.wake.notified().await;
        if let Err(error) = round(&shared, &mut resting).await {
            tracing::warn!(%error, "could not hand events to their handlers");
            tokio::time::sleep(AGAIN_AFTER).await;
            shared.handlers.wake.notify_one();
        }
    }
}

/// Handles all that waits.
async fn round(shared: &Shared, resting: &mut HashMap<EventKey, Instant>) -> Result<(), EngineError> {
    shared.handlers.refresh(shared).await?;
    if !shared.holds_first_lane() || shared.mailboxes.stopping() {
        return Ok(());
    }
    let queues: Vec<String> = shared.handlers.events().borrow().iter().cloned().collect();
    if queues.is_empty() {
        return Ok(());
    }
    loop {
        resting.retain(|_, since| since.elapsed() < REST);
        if resting.len() > RESTING_AT_MOST {
            resting.clear();
        }
        let skip: Vec<EventKey> = resting.keys().copied().collect();
        let found = shared.store.pending_events(&queues, &skip, AT_ONCE as i64).await.map_err(storage)?;
        // an event that came after a handler was changed is for the handler as it is since
        shared.handlers.refresh(shared).await?;
        let all = found.len() < AT_ONCE;
        let handled = futures::stream::iter(found).map(|event| one(shared, event)).buffered(TOGETHER);
        let handled: Vec<_> = handled.collect().await;
        let (mut taken, mut messages, mut unserved) = (Vec::new(), Vec::new(), None);
        for (key, handled) in handled {
            match handled {
                Ok(Handled::Done(told)) => {
                    messages.extend(told.into_iter().map(|(run, message)| (taken.len(), run, message)));
                    taken.push(key);
                }
                Ok(Handled::Undecided(why)) => {
                    let event = key.0.task(key.1);
                    tracing::warn!(%event, why, "an event cannot be handled now, and waits");
                    resting.insert(key, Instant::now());
                }
                Err(error) => unserved = Some(error),
            }
        }
        if !taken.is_empty() {
            let rows = shared.store.take_events(&taken, &messages).await.map_err(storage)?;
            shared.wrote();
            shared.stats.events_handled.add(taken.len());
            for row in rows {
                let event = Event::Arrived { inbox: row.id, message: row.message };
                shared.mailboxes.send_own(row.run, Work::Event(event), Reply::None);
            }
        }
        match unserved {
            Some(error) => return Err(error),
            None if all => return Ok(()),
            None => {}
        }
    }
}

async fn one(shared: &Shared, event: WaitingEvent) -> (EventKey, Result<Handled, EngineError>) {
    let (key, id) = (event.key(), event.id());
    let Some(payload) = event.payload else {
        return (key, Ok(Handled::Done(Vec::new())));
    };
    let message =
        Message { event: event.event, origin: format!("task/{id}"), id, at: event.run.made_at(), payload };
    (key, handle(shared, message).await)
}
