//! What an operator may ask of a run, and why it may be refused (spec: semantics §5, contract §9).

use std::sync::Arc;

use crate::id::{RunId, TaskNo};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::run::{RunHead, RunStatus};

/// A verb with its arguments.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Nothing new begins until it is resumed; what workers hold may still be reported.
    Pause,
    Resume,
    /// An ended run goes on where it failed: a new attempt of each task that failed or was cancelled.
    Retry {
        /// The first failed task's child goes on instead of being replaced.
        resume_children: bool,
    },
    /// An ended run begins again, under the same id and with the same input.
    Restart(Edition),
    /// An ended run goes on from a task that it had passed, or begins again.
    Rerun(Box<Rerun>),
    /// A task that the flow has not reached is passed over, as if it had ended with this output.
    Skip {
        ref_name: String,
        input: Payload,
        output: Payload,
    },
    /// Tasks that wait for a delay that a worker or a retry asked for are ready at once.
    ResetCallbacks,
    /// An ended run is put away: only searches find it.
    Archive,
}

/// Which definition a restart uses.
#[derive(Clone, Debug)]
pub enum Edition {
    /// The one that the run has.
    Kept,
    /// The latest registered one.
    Latest(Arc<Plan>),
    /// The latest was asked for and none is registered.
    Missing,
}

/// From where a run is to run again, and what it is given.
#[derive(Clone, Debug, Default)]
pub struct Rerun {
    pub from: RerunFrom,
    /// Replaces the input of the task.
    pub task_input: Option<Payload>,
    /// Replaces the input of the run.
    pub input: Option<Payload>,
    pub correlation_id: Option<String>,
    /// It was asked of a run above this one, for a task of this one.
    pub asked_above: bool,
}

/// Where a rerun begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RerunFrom {
    /// At the first task of the definition.
    #[default]
    Start,
    Task(TaskNo),
    /// At the latest row of `first`, and also at those of `others` that the flow does not pass anyway. Without `first`,
    /// `others` that have no row do not count.
    References {
        first: Option<String>,
        others: Vec<String>,
    },
    /// At something that no run can have.
    Unknown(String),
}

/// Why a verb is not for a run in its state: the texts that clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    #[error("No such workflow found by id: {0}")]
    Archived(RunId),
    #[error("Workflow {0} has ended, status cannot be updated.")]
    Ended(Label),
    #[error("The workflow {run} is not PAUSED so cannot resume. Current status is {}", .status.as_str())]
    NotPaused { run: RunId, status: RunStatus },
    #[error("Workflow is still running.  status={}", .0.as_str())]
    StillRunning(RunStatus),
    #[error("Workflow has not started yet")]
    NotStarted,
    #[error(
        "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."
    )]
    NothingToRetry,
    #[error("Workflow: {run}.{} is not in terminal state, unable to {verb}.", .status.as_str())]
    NotEnded { run: Label, status: RunStatus, verb: &'static str },
    #[error("Workflow: {0}.COMPLETED is non-restartable")]
    NotRestartable(Label),
    #[error("Unable to find latest definition for {0}")]
    NoDefinition(RunId),
    #[error("Task {0} not found")]
    NoSuchTask(String),
    #[error("The workflow {run} is not running so the task referenced by {ref_name} cannot be skipped")]
    NotRunning { run: RunId, ref_name: String },
    #[error("The task referenced by {ref_name} does not exist in the WorkflowDefinition {definition}")]
    NotInDefinition { ref_name: String, definition: Arc<str> },
    #[error("The task referenced {0} has already been processed, cannot be skipped")]
    AlreadyProcessed(String),
    #[error("Workflow is in terminal state. Status = {}", .0.as_str())]
    Terminal(RunStatus),
    #[error("Cannot archive workflow: {run} with status: {}", .status.as_str())]
    NotArchivable { run: RunId, status: RunStatus },
}

/// What an objection means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectionKind {
    /// What it names is not there.
    NotFound,
    /// Another state is needed.
    Conflict,
    /// The request is wrong in itself.
    Invalid,
}

impl Objection {
    pub fn kind(&self) -> ObjectionKind {
        match self {
            Objection::Archived(_)
            | Objection::StillRunning(_)
            | Objection::NotRestartable(_)
            | Objection::NoDefinition(_) => ObjectionKind::NotFound,
            Objection::Ended(_)
            | Objection::NotPaused { .. }
            | Objection::NotStarted
            | Objection::NothingToRetry
            | Objection::NotEnded { .. }
            | Objection::NotRunning { .. }
            | Objection::AlreadyProcessed(_)
            | Objection::Terminal(_) => ObjectionKind::Conflict,
            Objection::NoSuchTask(_)
            | Objection::NotInDefinition { .. }
            | Objection::NotArchivable { .. } => ObjectionKind::Invalid,
        }
    }
}

/// A run as texts name it: `name.version/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    pub(crate) fn of(head: &RunHead) -> Self {
        Label(format!("{}.{}/{}", head.name, head.def_version, head.id))
    }
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
