//! What event handlers did, on its way to the rows: in batches, a moment after the effects.
//!
//! Nobody waits for it, and runs without handlers have nothing to do with it. A crash loses what happened in the last tenth
//! of a second; a message that is handled again because of it is noted then.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use podium_core::Timestamp;
use podium_core::def::EventHandler;
use podium_core::def::event_handler::{Action, ActionKind};
use podium_core::handler::Message;
use podium_core::{HandlerAction, NamedTask, RunId};
use podium_store::{ActionRecord, EventExecution, EventOutcome};
use tokio::sync::Notify;

use crate::errors::chain;
use crate::shared::Shared;

/// Notes gather for so long before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// Notes that wait to be written; of more, those that come are not kept.
const WAITING_AT_MOST: usize = 5_000;
/// The same of messages without effect: a busy topic of which a handler wants little must not fill the table.
const WAITING_WITHOUT_AT_MOST: usize = 100;
/// Notes in one statement.
const AT_ONCE: usize = 500;
/// What is kept of a message.
const PAYLOAD_BYTES: usize = 8 << 10;
/// What is kept of a reason or a condition.
const TEXT_BYTES: usize = 2 << 10;
/// Actions that are noted.
const ACTIONS: usize = 100;

/// Notes that wait to be written.
#[derive(Default)]
pub(crate) struct EventLog {
    waiting: Mutex<Waiting>,
    there: Notify,
}

#[derive(Default)]
struct Waiting {
    notes: Vec<Note>,
    without: usize,
    /// Not kept, since the last were written.
    dropped: usize,
}

/// A note, and the runs that were told something: whether they exist is seen when it is written.
pub(crate) struct Note {
    execution: EventExecution,
    /// The place of the action, and the run.
    told: Vec<(usize, RunId)>,
}

/// What is shown of a message.
pub(crate) struct Shown {
    beginning: String,
    size: i64,
}

impl Shown {
    pub(crate) fn of(message: &Message) -> Shown {
        let whole = message.payload.to_string();
        Shown { beginning: cut(&whole, PAYLOAD_BYTES), size: whole.len() as i64 }
    }
}

impl Note {
    /// A handler looks at a message.
    pub(crate) fn of(
        handler: &EventHandler,
        message: &Message,
        shown: &Shown,
        outcome: EventOutcome,
        at: Timestamp,
    ) -> Note {
        Note {
            execution: EventExecution {
                id: 0,
                handler: handler.name.clone().unwrap_or_default(),
                event: message.event.clone(),
                message_id: message.id.clone(),
                origin: message.origin.clone(),
                at,
                outcome,
                condition: handler
                    .condition
                    .as_deref()
                    .filter(|text| !text.is_empty())
                    .map(|text| cut(text, TEXT_BYTES)),
                why: None,
                actions: Vec::new(),
                payload: shown.beginning.clone(),
                payload_size: shown.size,
            },
            told: Vec::new(),
        }
    }

    pub(crate) fn handler(&self) -> &str {
        &self.execution.handler
    }

    /// Nobody knows whether the condition holds.
    pub(crate) fn because(mut self, why: &str) -> Note {
        self.execution.why = Some(cut(why, TEXT_BYTES));
        self
    }

    /// An action started a run.
    pub(crate) fn started(&mut self, action: &str, run: RunId) {
        self.add(ActionRecord {
            action: action.to_owned(),
            run: Some(run.to_string()),
            ..ActionRecord::default()
        });
    }

    /// An action tells a run to end a task.
    pub(crate) fn told(&mut self, action: &str, run: RunId, what: &HandlerAction) {
        let (task, ref_name) = match &what.task {
            NamedTask::No(no) => (Some(run.task(*no).to_string()), None),
            NamedTask::Reference(name) => (None, Some(cut(name, TEXT_BYTES))),
        };
        let place = self.execution.actions.len();
        if place < ACTIONS {
            self.told.push((place, run));
        }
        let run = Some(run.to_string());
        self.add(ActionRecord { action: action.to_owned(), run, task, ref_name, error: None });
    }

    /// An action could not be done.
    pub(crate) fn failed(&mut self, action: &str, why: &str) {
        self.execution.outcome = EventOutcome::Failed;
        let error = Some(cut(why, TEXT_BYTES));
        self.add(ActionRecord { action: action.to_owned(), error, ..ActionRecord::default() });
    }

    fn add(&mut self, action: ActionRecord) {
        if self.execution.actions.len() < ACTIONS {
            self.execution.actions.push(action);
        }
    }
}

/// The word of an action's kind.
pub(crate) fn kind(action: Option<&Action>) -> &'static str {
    match action.and_then(|action| action.action) {
        None => "",
        Some(ActionKind::StartWorkflow) => "start_workflow",
        Some(ActionKind::CompleteTask) => "complete_task",
        Some(ActionKind::FailTask) => "fail_task",
        Some(ActionKind::TerminateWorkflow) => "terminate_workflow",
        Some(ActionKind::UpdateWorkflowVariables) => "update_workflow_variables",
        Some(ActionKind::StartAgent) => "start_agent",
    }
}

/// The beginning of a text, whole characters.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

impl EventLog {
    /// Keeps notes until they are written.
    pub(crate) fn note(&self, notes: Vec<Note>) {
        if notes.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for note in notes {
            let without = !note.execution.outcome.is_matched();
            if waiting.notes.len() >= WAITING_AT_MOST
                || (without && waiting.without >= WAITING_WITHOUT_AT_MOST)
            {
                waiting.dropped += 1;
                continue;
            }
            waiting.without += usize::from(without);
            waiting.notes.push(note);
        }
        drop(waiting);
        self.there.notify_one();
    }
}

/// Writes notes as they come.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        // cancel-safe: a permit that is lost leaves the notes where the end of the engine finds them
        shared.event_log.there.notified().await;
        tokio::time::sleep(GATHER).await;
        flush(&shared).await;
    }
}

/// Writes what waits. What cannot be written is lost: the effects are there, and nothing depends on these rows.
pub(crate) async fn flush(shared: &Shared) {
    let waiting = std::mem::take(&mut *shared.event_log.waiting.lock());
    if waiting.dropped > 0 {
        tracing::debug!(dropped = waiting.dropped, "more events were handled than are noted");
    }
    let mut notes = waiting.notes;
    while !notes.is_empty() {
        let rest = notes.split_off(notes.len().min(AT_ONCE));
        if let Err(error) = write(shared, notes).await {
            tracing::warn!(error = chain(&error), "could not note what event handlers did");
        }
        notes = rest;
    }
}

async fn write(shared: &Shared, mut notes: Vec<Note>) -> Result<(), podium_store::StoreError> {
    let told: Vec<RunId> = notes.iter().flat_map(|note| note.told.iter().map(|(_, run)| *run)).collect();
    if !told.is_empty() {
        // a message for a run that does not exist is dropped by the commit that takes the event
        let known = shared.store.known_runs(&told).await?;
        for note in &mut notes {
            for (place, run) in &note.told {
                if !known.contains(&run.uuid()) {
                    note.execution.outcome = EventOutcome::Failed;
                    note.execution.actions[*place].error =
                        Some(format!("No such workflow found by id: {run}"));
                }
            }
        }
    }
    let executions: Vec<EventExecution> = notes.into_iter().map(|note| note.execution).collect();
    shared.store.note_event_executions(&executions).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn note(outcome: EventOutcome, payload: serde_json::Value) -> Note {
        let message = Message {
            event: "conductor:w:e".to_owned(),
            id: "1".to_owned(),
            origin: "o".to_owned(),
            at: Timestamp::from_millis(1),
            payload,
        };
        let handler = EventHandler::default();
        Note::of(&handler, &message, &Shown::of(&message), outcome, Timestamp::from_millis(2))
    }

    #[test]
    fn a_flood_without_effect_leaves_room_for_what_had_one() {
        let log = EventLog::default();
        log.note((0..1_000).map(|_| note(EventOutcome::Skipped, json!({}))).collect());
        log.note((0..10).map(|_| note(EventOutcome::Completed, json!({}))).collect());
        let waiting = log.waiting.lock();
        assert_eq!((waiting.notes.len(), waiting.dropped), (WAITING_WITHOUT_AT_MOST + 10, 900));
    }

    #[test]
    fn a_large_message_is_cut_between_characters() {
        let note = note(EventOutcome::Completed, json!({"t": "é".repeat(10_000)}));
        assert_eq!(note.execution.payload_size, 20_008);
        assert!((PAYLOAD_BYTES - 1..=PAYLOAD_BYTES).contains(&note.execution.payload.len()));
    }
}
