//! What a decision changes: facts about rows, never calls. The closed list of everything a turn can do.

use std::sync::Arc;

use crate::cache::Kept;
use crate::event::{InboxId, InboxMessage, LogLine, ParkedEvent};
use crate::history::HistoryLine;
use crate::id::{RunId, TaskNo};
use crate::payload::Payload;
use crate::plan::InlineDefinition;
use crate::run::{RunExtra, RunHead, RunState};
use crate::task::TaskState;

/// One changed row. Images are final: of several changes of a row in one turn only the last is listed.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The run's own row is now this.
    Run(Box<RunHead>),
    /// A new task row.
    TaskAdded(Arc<TaskState>),
    /// An existing task row is now this.
    TaskChanged(Arc<TaskState>),
    /// The row is gone (operator verbs only).
    TaskRemoved(TaskNo),
    /// A message for the relay, sent once the turn has committed.
    Emitted(Arc<Outgoing>),
    /// An event of one of the engine's own queues, for the handlers that are registered.
    Raised(Raised),
    /// The relay is done with the message of this task: acknowledged, refused or withdrawn; so are handlers with its event.
    Settled(TaskNo),
    /// Another run is to be created in the same commit.
    RunWanted(Box<WantedRun>),
    /// Another run is to hear this: an inbox row of that run in the same commit.
    Told(Box<Told>),
    /// The inbox row was dealt with.
    InboxTaken(InboxId),
    Parked(Box<ParkedEvent>),
    /// A parked event was used or expired.
    Unparked(InboxId),
    Logged {
        task: TaskNo,
        line: LogLine,
    },
    /// The claim of this task counts against the limits of its definition: the change holds only if they allow it.
    Counted(Counted),
    /// A line of the run's account. It has a number of its own, so the run's row has changed too.
    Noted(Box<HistoryLine>),
    /// The run asks for a slot under its rate limit. The answer comes through its inbox, except to one that waits for none.
    SlotAsked(SlotAsked),
    /// The run needs its slot under this key, or its place among those that wait for one, no more.
    SlotLeft(Arc<str>),
    /// The output of a task, for later ones of its kind.
    Kept(Box<Kept>),
}

/// A question for a slot under the rate limit of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotAsked {
    pub key: Arc<str>,
    /// Runs with this key that go on at a time, from 1.
    pub at_once: i32,
    /// How often this run has asked.
    pub stint: u32,
    pub wish: SlotWish,
}

/// What a run does if there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotWish {
    /// It waits behind those that came before.
    InTurn,
    /// It is told so, and waits for none.
    NowOrNever,
    /// It takes one nevertheless.
    AtOnce,
}

/// A claim that limits count, by what makes it another one than the next claim of the same task.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub task: TaskNo,
    pub poll_count: i32,
    /// The task definition's name.
    pub name: Arc<str>,
}

/// A message to publish (one outbox row; key: run and task).
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// The task whose message it is; a number that [`is_notice`](crate::id::is_notice) belongs to no task.
    pub task: TaskNo,
    /// Bootstrap servers as the definition wrote them; `None` = the configured cluster.
    pub cluster: Option<String>,
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
    /// Name and value of each header, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// How long the broker may take before the task fails; `None` = no limit while the broker is known to exist.
    pub max_block_ms: Option<i64>,
}

/// Header of each message with its id: the same when it is sent again, another for what is another message.
pub const EVENT_ID: &str = "podium-event-id";

/// An event of an own queue, or a notice for an HTTP endpoint (one outbox row; key: run and task).
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    pub task: TaskNo,
    /// The queue: `conductor:<workflow>:<name>`; or the address of the endpoint.
    pub event: Arc<str>,
    /// What it says, as JSON; `None` = what follows from the row of its task.
    pub value: Option<Vec<u8>>,
    /// Name and value of each header; only for HTTP endpoints.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A message of this run for another one. The recipient may be created in the same commit; one that does not exist hears
/// nothing. The store gives the row a source of its own (sender, version, place), so that it is there once.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub to: RunId,
    pub message: InboxMessage,
}

/// A run that this run starts: a child, one of its own, a failure workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedRun {
    pub id: RunId,
    pub definition: WantedDefinition,
    pub input: Payload,
    pub correlation_id: Option<Arc<str>>,
    pub priority: i16,
    pub extra: RunExtra,
}

/// What a wanted run runs.
#[derive(Clone, Debug, PartialEq)]
pub enum WantedDefinition {
    /// `version` `None` = the latest.
    Registered {
        name: String,
        version: Option<i32>,
    },
    Inline(InlineDefinition),
}

/// Applies one effect to a run in memory: the same change that the store makes to the rows.
pub fn fold(run: &mut RunState, effect: &Effect) {
    match effect {
        Effect::Run(head) => run.head = (**head).clone(),
        Effect::TaskAdded(task) | Effect::TaskChanged(task) => run.tasks.put(task.clone()),
        Effect::TaskRemoved(no) => {
            run.tasks.remove(*no);
        }
        Effect::Parked(event) => run.parked.push((**event).clone()),
        Effect::Unparked(inbox) => run.parked.retain(|p| p.inbox != *inbox),
        Effect::Emitted(_)
        | Effect::Raised(_)
        | Effect::Settled(_)
        | Effect::RunWanted(_)
        | Effect::Told(_)
        | Effect::InboxTaken(_)
        | Effect::Logged { .. }
        | Effect::Counted(_)
        | Effect::SlotAsked(_)
        | Effect::SlotLeft(_)
        | Effect::Kept(_)
        | Effect::Noted(_) => {}
    }
}
