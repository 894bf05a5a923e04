//! What can happen to a run. Every change of a run is the answer of `decide` to one of these.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::Asker;
use crate::http::Called;
use crate::id::{RunId, TaskNo};
use crate::operation::Operation;
use crate::payload::Payload;
use crate::run::RunStatus;
use crate::task::{Lease, TaskStatus};
use crate::time::Timestamp;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run was created; its first tasks are wanted.
    Started,
    /// A worker takes a ready task. Refused unless it is ready and due. `before`: the version of the run in which this
    /// very claim may have been stored already (its commit was never answered): a lease of that worker that was
    /// written by that version is the caller's.
    Claimed { task: TaskNo, worker: Option<Arc<str>>, before: Option<i64> },
    /// The lease goes back because the worker never got the answer. Ignored unless this lease still holds.
    Returned { task: TaskNo, poll_count: i32 },
    /// The same for a claim whose commit was never answered: only if version `stored_in` of the run wrote the lease.
    Disowned { task: TaskNo, poll_count: i32, worker: Option<Arc<str>>, stored_in: i64 },
    /// An operator takes a worker's lease away: the task may be claimed again once the delay that its last report asked
    /// for is over. What nobody leases stays as it is.
    Requeued { task: TaskNo },
    /// A worker or a caller reports on a task.
    Reported(TaskReport),
    /// A node's executor says how the call of a task that it leases is going. Refused unless it still holds the lease, or
    /// nobody has taken the task since it lapsed.
    Called { task: TaskNo, lease: Lease, news: CallNews },
    /// The broker acknowledged or refused the message of a task.
    Published { task: TaskNo, outcome: Result<(), String> },
    /// A row of the inbox: something that happened elsewhere for this run.
    Arrived { inbox: InboxId, message: InboxMessage },
    /// Time passed: retry delays, time-outs, WAITs.
    Due,
    /// Decide again (an operator asked to look).
    Look,
    /// A decision of this run broke off, or its change was refused by the store: nothing is tried any more until
    /// somebody else touches the run. `claim`: the task whose claim it was; it is offered to nobody until then.
    Faulted { reason: String, claim: Option<TaskNo> },
    /// An operator ends the run.
    Terminate { reason: Option<String> },
    /// An operator does something else to the run.
    Operate(Operation),
    /// The same as one of the above, by somebody who is known.
    Asked(Box<Asked>),
}

/// An event with who asked for it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub by: Asker,
    /// Not another one of this kind.
    pub event: Event,
}

impl Event {
    /// What is to happen, whoever asked for it.
    pub fn what(&self) -> &Event {
        match self {
            Event::Asked(asked) => &asked.event,
            other => other,
        }
    }
}

/// What an executor says of a call.
#[derive(Clone, Debug)]
pub enum CallNews {
    /// It still runs: the lease is renewed.
    Alive,
    Over(Called),
}

/// Key of an inbox row.
pub type InboxId = i64;

/// What a worker says about a task (Conductor: `TaskResult`).
#[derive(Clone, Debug)]
pub struct TaskReport {
    pub task: TaskNo,
    /// IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED.
    pub status: TaskStatus,
    pub output: Payload,
    /// Merge `output` over the existing output instead of replacing it (update by reference).
    pub merge_output: bool,
    pub reason: Option<String>,
    pub worker: Option<Arc<str>>,
    /// Seconds until the task may be polled again; only with IN_PROGRESS.
    pub callback_after_s: i64,
    /// Only refresh the lease; nothing else of the report counts.
    pub extend_lease: bool,
    pub external_output: Option<String>,
    /// The run that the worker says this task has started.
    pub sub_workflow_id: Option<Arc<str>>,
    pub logs: Vec<LogLine>,
}

/// One line of a task's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub text: String,
    pub at: Timestamp,
}

/// The content of an inbox row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InboxMessage {
    /// A completion event of a service, for an EVENT task.
    Completion(CompletionEvent),
    /// A run that a task of this one waits for has ended.
    ChildEnded(ChildEnded),
    /// The run whose task waits for this one has ended before it.
    ParentEnded(ParentEnded),
    /// An event handler ends a task.
    Action(HandlerAction),
    /// A run that a task of this one had waited for is open again.
    ChildReopened(ChildReopened),
    /// The run whose task waits for this one is open again, and wants this one to go on where it failed.
    RetryWanted,
    /// The run may begin: it has a slot under the rate limit of its definition. Names the question that it answers.
    SlotGranted { stint: u32 },
    /// There is no slot under the rate limit, and the definition does not want to wait for one.
    SlotRefused { stint: u32 },
}

/// A child that an operator opened again, as its parent hears of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildReopened {
    /// The task of the recipient that started the child.
    pub task: TaskNo,
    pub child: RunId,
    /// What the log of the task says.
    pub log: String,
    /// The operator asked it of a run above the child: then the task shows no end until the next one.
    pub asked_above: bool,
}

/// The end of a child, as its parent hears of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildEnded {
    /// The task of the recipient that started the child.
    pub task: TaskNo,
    pub child: RunId,
    pub status: RunStatus,
    /// The child's output: the text of a JSON object.
    pub output: String,
    /// What the task shows as its reason; none if the child succeeded.
    pub reason: Option<String>,
}

/// The end of a parent, as its children hear of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParentEnded {
    /// What the child shows as its reason.
    pub reason: String,
}

/// What an event handler does to a task of the recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandlerAction {
    /// The event, the handler and the place of the action in it: stable over redelivery.
    pub source: String,
    pub task: NamedTask,
    pub succeeded: bool,
    /// The task's output: the text of a JSON object.
    pub output: String,
    pub reason: Option<String>,
}

/// How a handler names a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedTask {
    No(TaskNo),
    /// As the definition has it or with `__<iteration>`.
    Reference(String),
}

/// A completion event as the router read it (spec: pipeline §3.2, §5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompletionEvent {
    /// Where it came from, stable over redelivery: `cluster/topic/partition/offset`.
    pub source: String,
    /// The `taskId` of the event: an engine's task id or only a label.
    pub task_id: Option<String>,
    /// The completion type, for instance `email_validation_completed`.
    pub event_type: Option<String>,
    pub succeeded: bool,
    /// `data`, the output of the EVENT task: the text of a JSON object.
    pub data: String,
    pub reason: Option<String>,
}

/// An event that nothing waited for yet, kept as part of the run's state until its time to live ends.
#[derive(Clone, Debug, PartialEq)]
pub struct ParkedEvent {
    pub inbox: InboxId,
    pub event: CompletionEvent,
    pub parked_at: Timestamp,
    pub expires_at: Timestamp,
}
