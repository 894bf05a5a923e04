//! One attempt of one task of a run, as decisions see it and as the store keeps it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{RunId, TaskNo};
use crate::payload::Payload;
use crate::time::Timestamp;

/// Status of a task (spec: semantics §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    Scheduled,
    InProgress,
    Completed,
    CompletedWithErrors,
    Failed,
    TimedOut,
    FailedWithTerminalError,
    Canceled,
    Skipped,
}

impl TaskStatus {
    pub const ALL: [TaskStatus; 9] = [
        TaskStatus::Scheduled,
        TaskStatus::InProgress,
        TaskStatus::Completed,
        TaskStatus::CompletedWithErrors,
        TaskStatus::Failed,
        TaskStatus::TimedOut,
        TaskStatus::FailedWithTerminalError,
        TaskStatus::Canceled,
        TaskStatus::Skipped,
    ];

    pub const fn is_terminal(self) -> bool {
        match self {
            TaskStatus::Scheduled | TaskStatus::InProgress => false,
            TaskStatus::Completed
            | TaskStatus::CompletedWithErrors
            | TaskStatus::Failed
            | TaskStatus::TimedOut
            | TaskStatus::FailedWithTerminalError
            | TaskStatus::Canceled
            | TaskStatus::Skipped => true,
        }
    }

    /// Scheduled and running tasks count as successful; every "unsuccessful" test of the semantics relies on it.
    pub const fn is_successful(self) -> bool {
        match self {
            TaskStatus::Scheduled
            | TaskStatus::InProgress
            | TaskStatus::Completed
            | TaskStatus::CompletedWithErrors
            | TaskStatus::Skipped => true,
            TaskStatus::Failed
            | TaskStatus::TimedOut
            | TaskStatus::FailedWithTerminalError
            | TaskStatus::Canceled => false,
        }
    }

    /// May a failed attempt be tried again without an operator?
    pub const fn is_retriable(self) -> bool {
        match self {
            TaskStatus::FailedWithTerminalError | TaskStatus::Canceled | TaskStatus::Skipped => false,
            TaskStatus::Scheduled
            | TaskStatus::InProgress
            | TaskStatus::Completed
            | TaskStatus::CompletedWithErrors
            | TaskStatus::Failed
            | TaskStatus::TimedOut => true,
        }
    }

    /// The wire's word, also used in `${ref.status}` and in the SQL views.
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskStatus::Scheduled => "SCHEDULED",
            TaskStatus::InProgress => "IN_PROGRESS",
            TaskStatus::Completed => "COMPLETED",
            TaskStatus::CompletedWithErrors => "COMPLETED_WITH_ERRORS",
            TaskStatus::Failed => "FAILED",
            TaskStatus::TimedOut => "TIMED_OUT",
            TaskStatus::FailedWithTerminalError => "FAILED_WITH_TERMINAL_ERROR",
            TaskStatus::Canceled => "CANCELED",
            TaskStatus::Skipped => "SKIPPED",
        }
    }

    /// The small integer that the store keeps: the position in [`TaskStatus::ALL`].
    pub const fn code(self) -> i16 {
        self as i16
    }

    pub fn from_code(code: i16) -> Option<Self> {
        usize::try_from(code).ok().and_then(|i| Self::ALL.get(i).copied())
    }
}

/// One row: one attempt of one reference in one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskState {
    /// Key inside the run; the public id is `run.task(no)`.
    pub no: TaskNo,
    /// Scheduling order as shown to clients, from 1; skipped tasks have 0.
    pub seq: i32,
    /// Reference name; inside a loop it ends in `__<iteration>`.
    pub ref_name: Arc<str>,
    /// What a worker polls for and what the wire calls `taskType`: the name for SIMPLE tasks, else the type.
    pub task_type: Arc<str>,
    /// Name of the task definition.
    pub def_name: Arc<str>,
    pub status: TaskStatus,
    /// True only while a worker may claim it: SCHEDULED and of a type that workers run.
    pub ready: bool,
    /// From when on it may be claimed.
    pub available_at: Timestamp,
    /// 0 for the first attempt.
    pub attempt: i32,
    /// 0 outside of loops.
    pub iteration: i32,
    pub poll_count: i32,
    pub domain: Option<Arc<str>>,
    pub worker: Option<Arc<str>>,
    pub scheduled_at: Timestamp,
    /// When the first attempt of this reference was scheduled: the base of `totalTimeoutSeconds`.
    pub first_scheduled_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Last sign of life: the base of the response time-out. Zero until the first.
    pub updated_at: Timestamp,
    /// Seconds; the back-off of a retry or the definition's `startDelay`.
    pub start_delay_s: i32,
    /// Seconds, as last asked for by a worker, a retry or a WAIT.
    pub callback_after_s: i64,
    /// Seconds; 0 means none.
    pub response_timeout_s: i64,
    pub reason: Option<Arc<str>>,
    pub input: Payload,
    pub output: Payload,
    /// The attempt that this one repeats.
    pub retry_of: Option<TaskNo>,
    /// A newer attempt exists.
    pub retried: bool,
    /// Its end has been processed: its successors were computed.
    pub executed: bool,
    /// When a WAIT is over; when the lease of an executor's call lapses.
    pub wait_until: Option<Timestamp>,
    /// The run that a SUB_WORKFLOW task started.
    pub child: Option<RunId>,
    /// The run that the worker's last report names as started by this task; not checked, only kept and shown.
    pub sub_workflow_id: Option<Arc<str>>,
    /// Version of the run that last changed this row (set by the store when it is written).
    pub changed_in: i64,
}

/// Which lease of a task somebody means: a task that was taken over, or made anew by an operator, has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub poll_count: i32,
    pub started_at: Option<Timestamp>,
}

impl TaskState {
    /// The lease of the last claim.
    pub fn lease(&self) -> Lease {
        Lease { poll_count: self.poll_count, started_at: self.started_at }
    }

    /// Is an executor of a node making its call right now? Conductor shows such a task as SCHEDULED until the call is over.
    pub fn is_being_called(&self) -> bool {
        self.status == TaskStatus::InProgress
            && self.wait_until.is_some()
            && crate::tasks::lease_of(&self.task_type).is_some()
    }

    /// Where executors of nodes make the call: the lease holds from now on.
    pub(crate) fn hold(&mut self, now: Timestamp) {
        if let Some(lease) = crate::tasks::lease_of(&self.task_type) {
            self.wait_until = Some(now + lease);
        }
    }

    /// The reference as the definition has it: without the `__<iteration>` of a loop.
    pub fn base_ref(&self) -> &str {
        if self.iteration == 0 {
            return &self.ref_name;
        }
        // `__2`, in a loop inside of a loop `__2_1`; a reference may have such an end of its own
        match self.ref_name.rsplit_once("__") {
            Some((base, end)) if !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit() || b == b'_') => {
                base
            }
            _ => &self.ref_name,
        }
    }
}
