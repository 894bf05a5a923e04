//! What callers hand to the engine and what they get back.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use podium_core::def::WorkflowDef;
use podium_core::plan::Node;
use podium_core::{InboxMessage, LogLine, Payload, Plan, RunId, RunState, TaskId, TaskState, TaskStatus};
pub use podium_store::{FiringQuery, FiringRow, FiringState, LaneKey, Position, ScheduleQuery};

/// Which definition a start uses.
#[derive(Clone, Debug)]
pub enum Definition {
    /// A registered one; `version` `None` = the latest.
    Registered { name: String, version: Option<i32> },
    /// One given with the request; not registered by it.
    Inline(Box<WorkflowDef>),
}

/// A request to start a run.
#[derive(Clone, Debug)]
pub struct StartRequest {
    pub definition: Definition,
    pub input: Payload,
    pub correlation_id: Option<String>,
    /// 0..=99.
    pub priority: i16,
    pub task_to_domain: IndexMap<String, String>,
    pub event: Option<String>,
    pub external_input: Option<String>,
}

/// A worker's request for tasks.
#[derive(Clone, Debug)]
pub struct PollRequest {
    pub task_type: Arc<str>,
    pub domain: Option<Arc<str>>,
    pub worker: Option<Arc<str>>,
    pub count: usize,
    /// How long to wait for the first task.
    pub timeout: Duration,
}

/// The part of a run that every view of its tasks shows.
#[derive(Clone, Debug)]
pub struct RunBrief {
    pub id: RunId,
    pub name: Arc<str>,
    pub correlation_id: Option<Arc<str>>,
    pub priority: i16,
}

/// A task with what is needed to show it.
#[derive(Clone, Debug)]
pub struct TaskView {
    pub run: RunBrief,
    pub task: Arc<TaskState>,
    pub plan: Arc<Plan>,
    /// What the task is if the definition does not have it: a branch of a dynamic fork. Not known in search results.
    pub branch: Option<Arc<Node>>,
}

/// A run with what is needed to show it.
#[derive(Clone, Debug)]
pub struct RunView {
    pub run: RunState,
    pub plan: Arc<Plan>,
}

/// A caller's report on a task.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    pub run: RunId,
    pub task: TaskId,
    pub status: TaskStatus,
    pub output: Payload,
    pub merge_output: bool,
    pub reason: Option<String>,
    pub worker: Option<String>,
    pub callback_after_s: i64,
    pub extend_lease: bool,
    pub external_output: Option<String>,
    pub sub_workflow_id: Option<String>,
    pub logs: Vec<LogLine>,
}

/// What became of a report.
#[derive(Clone, Debug)]
pub enum Reported {
    Applied(TaskView),
    /// The task or its run had already ended: nothing changed, and that is no error (contract §8.2).
    Ignored(TaskView),
}

/// What a call waits for: that the run ends, that it stands at a WAIT without an end, or that one of the named tasks ends.
#[derive(Clone, Debug)]
pub struct WaitRequest {
    pub run: RunId,
    /// Reference names, as the tasks of the run show them.
    pub until: Vec<String>,
    pub timeout: Duration,
}

/// The run that a call waited for.
#[derive(Clone, Debug)]
pub struct Waited {
    pub target: RunView,
    /// What it stands at: the first such task of it or of what it has started.
    pub blocked: Option<FoundTask>,
    /// The time was over first (or was none at all).
    pub timed_out: bool,
}

/// A task with the run that it belongs to.
#[derive(Clone, Debug)]
pub struct FoundTask {
    pub run: RunView,
    pub task: Arc<TaskState>,
}

/// A definition's key with its times, for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionKey {
    pub name: String,
    pub version: i32,
}

/// Events of one partition, in order, and the position after them.
#[derive(Clone, Debug)]
pub struct IngestBatch {
    pub lane: LaneKey,
    pub epoch: i64,
    /// The position before this batch; `None` = nothing committed yet.
    pub expected_offset: Option<i64>,
    pub next_offset: i64,
    pub events: Vec<InboundEvent>,
}

/// One event for one run.
#[derive(Clone, Debug)]
pub struct InboundEvent {
    pub run: RunId,
    pub message: InboxMessage,
}

/// What became of a batch of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// Effects and position are committed. `unknown_runs` events named a run that does not exist.
    Done { accepted: usize, unknown_runs: usize },
    /// Another node holds the lane now: nothing was written; drop the lane and take it again.
    Fenced,
}

/// Why a call could not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    #[error("{0}")]
    NotFound(String),
    /// A start named a definition that is not registered. Two routes word it differently, so the parts are here.
    #[error("No such workflow found by name: {name}, version: {}", version.map_or("null".to_owned(), |v| v.to_string()))]
    UnknownDefinition { name: String, version: Option<i32> },
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Conflict(String),
    /// The request is fine but the run's state forbids it.
    #[error("{0}")]
    Rejected(String),
    #[error("{0}")]
    TooLarge(String),
    /// Try again: the database is away, or the node is stopping or overloaded.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
}
