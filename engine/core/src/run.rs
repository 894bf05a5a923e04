//! A run (Conductor: workflow execution) as decisions see it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::ParkedEvent;
use crate::id::{RunId, TaskId, TaskNo};
use crate::payload::Payload;
use crate::plan::{Node, NodeIx, NodeRef, Plan};
use crate::task::TaskState;
use crate::time::Timestamp;

pub(crate) use crate::table::Passes;
pub use crate::table::TaskTable;

/// Status of a run (spec: semantics §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    Running,
    Paused,
    Completed,
    Failed,
    TimedOut,
    Terminated,
}

impl RunStatus {
    pub const ALL: [RunStatus; 6] = [
        RunStatus::Running,
        RunStatus::Paused,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::TimedOut,
        RunStatus::Terminated,
    ];

    pub const fn is_terminal(self) -> bool {
        match self {
            RunStatus::Running | RunStatus::Paused => false,
            RunStatus::Completed | RunStatus::Failed | RunStatus::TimedOut | RunStatus::Terminated => true,
        }
    }

    pub const fn is_successful(self) -> bool {
        match self {
            RunStatus::Paused | RunStatus::Completed => true,
            RunStatus::Running | RunStatus::Failed | RunStatus::TimedOut | RunStatus::Terminated => false,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            RunStatus::Running => "RUNNING",
            RunStatus::Paused => "PAUSED",
            RunStatus::Completed => "COMPLETED",
            RunStatus::Failed => "FAILED",
            RunStatus::TimedOut => "TIMED_OUT",
            RunStatus::Terminated => "TERMINATED",
        }
    }

    /// The small integer that the store keeps: the position in [`RunStatus::ALL`].
    pub const fn code(self) -> i16 {
        self as i16
    }

    pub fn from_code(code: i16) -> Option<Self> {
        usize::try_from(code).ok().and_then(|i| Self::ALL.get(i).copied())
    }
}

/// Content address of a snapshot (definition and its task definitions): SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SnapshotHash(pub [u8; 32]);

/// What a run needs to begin. The first turn (`Event::Started`) turns it into tasks.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub id: RunId,
    pub snapshot: SnapshotHash,
    pub name: Arc<str>,
    pub def_version: i32,
    /// Initial variables, from the definition.
    pub variables: Payload,
    pub input: Payload,
    pub correlation_id: Option<Arc<str>>,
    pub priority: i16,
    pub extra: RunExtra,
    pub now: Timestamp,
}

/// The row of the run itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RunHead {
    pub id: RunId,
    /// Rises by one with every committed turn that changes the run; 0 = not stored yet.
    pub version: i64,
    pub snapshot: SnapshotHash,
    pub name: Arc<str>,
    pub def_version: i32,
    pub status: RunStatus,
    pub correlation_id: Option<Arc<str>>,
    pub priority: i16,
    pub input: Payload,
    pub output: Payload,
    pub variables: Payload,
    pub reason: Option<Arc<str>>,
    pub created_at: Timestamp,
    /// Last change by a decision; zero until there was one.
    pub updated_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Last retry or resume: the base of the run's time-out if set.
    pub retried_at: Option<Timestamp>,
    /// Next task number to give out.
    pub next_no: TaskNo,
    /// The earliest instant at which this run may change without outside help. Lazy: may be too early,
    /// never too late. `None` = only outside help, or ended.
    pub wake_at: Option<Timestamp>,
    pub extra: Arc<RunExtra>,
}

/// What few runs have; kept together in one JSON column, absent when all of it is at its default.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunExtra {
    /// Why the engine has stopped trying to decide this run, until somebody touches it. Stays the first member: the
    /// store finds such rows by the beginning of their text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// Task type → domain list, in the order given.
    #[serde(skip_serializing_if = "indexmap::IndexMap::is_empty")]
    pub task_to_domain: indexmap::IndexMap<String, String>,
    /// The event that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_refs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_names: Vec<String>,
    /// The task whose end decided a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_task: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<String>,
    /// Played with made-up results, and so are the runs that it starts: nothing leaves it, tasks that nodes would run
    /// themselves stand in its made-up domain too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rehearsed: bool,
    /// Put away by an operator: only searches find it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// How many messages about changes of status it has sent.
    #[serde(skip_serializing_if = "is_zero")]
    pub notices: u32,
    /// How often it was opened again after an end.
    #[serde(skip_serializing_if = "is_zero")]
    pub openings: u32,
    /// How many lines its account has had.
    #[serde(skip_serializing_if = "is_zero")]
    pub history: u32,
    /// The latest requests that were served here and must not be served again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// Where it stands under the rate limit of its definition; none if there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Box<RunSlot>>,
}

/// Where a run stands under the rate limit of its definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSlot {
    /// Runs with one key share one limit.
    pub key: String,
    /// Runs with this key that go on at a time, from 1.
    pub at_once: i32,
    /// How often the run has asked: an answer to an earlier question counts no more.
    pub stint: u32,
    pub state: SlotState,
}

impl RunSlot {
    /// The run may not begin yet.
    pub fn holds_back(&self) -> bool {
        matches!(self.state, SlotState::Waits | SlotState::Granted)
    }
}

/// Has a run a slot under its rate limit?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Not yet: it has no tasks until then.
    Waits,
    /// It got one while it was paused, and begins once it is resumed.
    Granted,
    Holds {
        since: Timestamp,
    },
    /// The run has ended.
    Left,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The run and task that started this run as a sub-workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    pub run: RunId,
    pub task: TaskId,
}

/// A run with its tasks and parked events: all that a decision looks at. Cloning is cheap (rows are shared).
#[derive(Clone, Debug)]
pub struct RunState {
    pub head: RunHead,
    pub tasks: TaskTable,
    /// Events that arrived before the task that waits for them, oldest first.
    pub parked: Vec<ParkedEvent>,
}

impl RunState {
    /// A run before its first turn: no tasks, version 0, RUNNING.
    pub fn new(new: NewRun) -> Self {
        RunState {
            head: RunHead {
                id: new.id,
                version: 0,
                snapshot: new.snapshot,
                name: new.name,
                def_version: new.def_version,
                status: RunStatus::Running,
                correlation_id: new.correlation_id,
                priority: new.priority,
                input: new.input,
                output: Payload::empty(),
                variables: new.variables,
                reason: None,
                created_at: new.now,
                updated_at: Timestamp::default(),
                ended_at: None,
                retried_at: None,
                next_no: 1,
                wake_at: None,
                extra: Arc::new(new.extra),
            },
            tasks: TaskTable::default(),
            parked: Vec::new(),
        }
    }

    pub fn task_id(&self, no: TaskNo) -> TaskId {
        self.head.id.task(no)
    }

    /// Whether workers poll for this row, rather than the engine running it itself.
    pub fn by_worker(&self, plan: &Plan, row: &TaskState) -> bool {
        // a row that the definition does not know can only be a worker's
        self.node_of(plan, row).is_none_or(|node| node.kind.by_worker())
    }

    /// The task that a row is an attempt of; `None` if nothing knows it any more.
    pub fn node_of<'p>(&self, plan: &'p Plan, row: &TaskState) -> Option<NodeRef<'p>> {
        let node = match plan.node_of(row.base_ref()).or_else(|| plan.node_of(&row.ref_name)) {
            Some(node) => NodeRef::Plan(node),
            None => NodeRef::Own(self.tasks.branches.of_row(row)?.clone()),
        };
        Some(node.of_type(&row.task_type))
    }

    /// The task of a row that the definition does not have: a branch of a dynamic fork.
    pub fn branch_of(&self, plan: &Plan, row: &TaskState) -> Option<Arc<Node>> {
        if plan.node_of(row.base_ref()).is_some() {
            return None;
        }
        self.tasks.branches.of_row(row).cloned()
    }

    /// The node at a position, in the plan or among the branches of dynamic forks.
    pub(crate) fn node<'p>(&self, plan: &'p Plan, ix: NodeIx) -> Option<NodeRef<'p>> {
        if ix.is_branch() {
            self.tasks.branches.get(ix).cloned().map(NodeRef::Own)
        } else {
            Some(NodeRef::Plan(plan.node(ix)))
        }
    }
}
