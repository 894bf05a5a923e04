//! The account of a run: what was done to it besides its usual way, and who asked.
//!
//! A usual start, claim and report leaves no line. An operation that changed something, an answer of a worker that came
//! too late, a time-out and a fault do, as an effect of the turn that they happened in: the line and what it tells of
//! are one commit.

use std::sync::Arc;

use crate::id::TaskNo;
use crate::run::RunStatus;
use crate::time::Timestamp;

/// Lines of one run that are kept: the first [`FIRST_KEPT`] and the latest of the others.
pub const LINES_KEPT: u32 = 1_000;
/// How it began stays, however much happens later.
const FIRST_KEPT: u32 = 500;
/// Characters of each text of a line.
const TEXT_AT_MOST: usize = 1_000;

/// One line of a run's account.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryLine {
    /// Counts the lines of the run from 1; those that had to make room leave a gap.
    pub seq: u32,
    pub at: Timestamp,
    pub act: Act,
    /// The task that it is about, with its reference name: its row may be gone later.
    pub task: Option<(TaskNo, Arc<str>)>,
    /// Status of the run before and after the turn.
    pub before: RunStatus,
    pub after: RunStatus,
    pub by: Asker,
    /// More about it, as the text of a JSON object.
    pub detail: Option<String>,
}

impl HistoryLine {
    /// Which of the run's rows the line is kept in. A line that is older by [`LINES_KEPT`] minus the first ones has the same.
    pub fn slot(&self) -> u32 {
        let place = self.seq.saturating_sub(1);
        if place < FIRST_KEPT { place } else { FIRST_KEPT + (place - FIRST_KEPT) % (LINES_KEPT - FIRST_KEPT) }
    }
}

/// Who asked for an operation, as far as they said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    pub actor: Option<Arc<str>>,
    /// From where: an address, another run.
    pub origin: Option<Arc<str>>,
    pub reason: Option<Arc<str>>,
    /// Names the request: what was done under it once is not done again to the same run.
    pub ticket: Option<Arc<str>>,
}

impl Asker {
    /// The same with texts that fit a line.
    pub fn fitted(self) -> Self {
        let fit = |text: Option<Arc<str>>| text.map(|text| fitted(&text)).filter(|text| !text.is_empty());
        Asker {
            actor: fit(self.actor),
            origin: fit(self.origin),
            reason: fit(self.reason),
            ticket: self.ticket,
        }
    }
}

/// A text without what PostgreSQL cannot keep, cut to what a line holds.
fn fitted(text: &str) -> Arc<str> {
    if text.len() <= TEXT_AT_MOST && !text.contains('\0') {
        return text.into();
    }
    text.chars().filter(|c| *c != '\0').take(TEXT_AT_MOST).collect::<String>().into()
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Pause,
    Resume,
    Retry,
    Restart,
    Rerun,
    SkipTask,
    ResetCallbacks,
    Archive,
    Terminate,
    /// Somebody asked to look, and something had been left.
    Decide,
    /// A worker's lease was taken away.
    RequeueTask,
    /// A worker answered for a task that had been cancelled, skipped, timed out, replaced or taken away: it counts for nothing.
    LateAnswer,
    /// A time-out of a task passed.
    TaskTimeout,
    /// The time of the whole run is over.
    WorkflowTimeout,
    /// The engine could not decide the run and has put it aside.
    Fault,
    /// Somebody touched it, and it could be decided.
    FaultCleared,
    /// It was ended because the run above it was.
    EndedByParent,
    /// It goes on because the run above it does.
    RetriedByParent,
    /// It is open again because a run below it is.
    ReopenedByChild,
}

impl Act {
    pub const ALL: [Act; 19] = [
        Act::Pause,
        Act::Resume,
        Act::Retry,
        Act::Restart,
        Act::Rerun,
        Act::SkipTask,
        Act::ResetCallbacks,
        Act::Archive,
        Act::Terminate,
        Act::Decide,
        Act::RequeueTask,
        Act::LateAnswer,
        Act::TaskTimeout,
        Act::WorkflowTimeout,
        Act::Fault,
        Act::FaultCleared,
        Act::EndedByParent,
        Act::RetriedByParent,
        Act::ReopenedByChild,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Act::Pause => "PAUSE",
            Act::Resume => "RESUME",
            Act::Retry => "RETRY",
            Act::Restart => "RESTART",
            Act::Rerun => "RERUN",
            Act::SkipTask => "SKIP_TASK",
            Act::ResetCallbacks => "RESET_CALLBACKS",
            Act::Archive => "ARCHIVE",
            Act::Terminate => "TERMINATE",
            Act::Decide => "DECIDE",
            Act::RequeueTask => "REQUEUE_TASK",
            Act::LateAnswer => "LATE_ANSWER",
            Act::TaskTimeout => "TASK_TIMEOUT",
            Act::WorkflowTimeout => "WORKFLOW_TIMEOUT",
            Act::Fault => "FAULT",
            Act::FaultCleared => "FAULT_CLEARED",
            Act::EndedByParent => "ENDED_BY_PARENT",
            Act::RetriedByParent => "RETRIED_BY_PARENT",
            Act::ReopenedByChild => "REOPENED_BY_CHILD",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Asker, FIRST_KEPT, HistoryLine, LINES_KEPT};
    use crate::run::RunStatus;
    use crate::time::Timestamp;

    #[test]
    fn the_first_lines_stay_and_the_latest_replace_each_other() {
        let line = |seq| HistoryLine {
            seq,
            at: Timestamp::default(),
            act: Act::Pause,
            task: None,
            before: RunStatus::Running,
            after: RunStatus::Paused,
            by: Asker::default(),
            detail: None,
        };
        assert_eq!((line(1).slot(), line(FIRST_KEPT).slot(), line(LINES_KEPT).slot()), (0, 499, 999));
        assert_eq!((line(LINES_KEPT + 1).slot(), line(LINES_KEPT + 501).slot()), (FIRST_KEPT, FIRST_KEPT));
    }
}
