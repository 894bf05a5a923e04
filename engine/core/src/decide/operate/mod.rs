//! What an operator may do to a run, one verb a file (spec: semantics §5).
//!
//! | verb | on a run that is | file |
//! |---|---|---|
//! | pause | RUNNING | `pause` |
//! | resume | PAUSED | `resume` |
//! | retry | ended | `retry` |
//! | restart | ended | `restart` |
//! | rerun | ended | `rerun`, `downstream` |
//! | skip a task | RUNNING | `skip` |
//! | reset callbacks | open | `reset_callbacks` |
//! | archive | ended | `archive` |
//!
//! What opens a child opens its parents: `parents`. Ending a run is in `decide::finish`. A verb that opens an ended run goes through [`Turn::reopen`] and ends with
//! [`Turn::go_on`], which leaves nothing undecided and the next wake-up exact.

mod archive;
mod downstream;
mod parents;
mod pause;
mod rerun;
mod reset_callbacks;
mod restart;
mod resume;
mod retry;
mod skip;

use std::sync::Arc;

use super::{Refusal, Turn};
use crate::id::TaskNo;
use crate::operation::{Label, Objection, Operation};
use crate::plan::Node;
use crate::run::RunStatus;
use crate::task::{TaskState, TaskStatus};

impl Turn<'_> {
    pub(super) fn operated(&mut self, operation: &Operation) -> Result<(), Refusal> {
        self.must_be_there()?;
        let done = match operation {
            Operation::Pause => self.pause(),
            Operation::Resume => self.resume(),
            Operation::Retry { resume_children } => self.retry(*resume_children),
            Operation::Restart(edition) => self.restart(edition),
            Operation::Rerun(rerun) => self.rerun(rerun),
            Operation::Skip { ref_name, input, output } => self.skip(ref_name, input, output),
            Operation::ResetCallbacks => self.reset_callbacks(),
            Operation::Archive => self.archive(),
        };
        Ok(done?)
    }

    /// An archived run is there for searches only.
    pub(super) fn must_be_there(&self) -> Result<(), Refusal> {
        let head = &self.run.head;
        if head.extra.archived { Err(Objection::Archived(head.id).into()) } else { Ok(()) }
    }

    fn must_have_ended(&self, verb: &'static str) -> Result<(), Objection> {
        let head = &self.run.head;
        if head.status.is_terminal() {
            return Ok(());
        }
        Err(Objection::NotEnded { run: Label::of(head), status: head.status, verb })
    }

    /// An ended run is open again.
    fn reopen(&mut self) {
        if self.run.head.status.is_terminal() {
            self.reopened = true;
            let extra = Arc::make_mut(&mut self.head().extra);
            extra.openings = extra.openings.saturating_add(1);
        }
        let now = self.cx.now;
        let head = self.head();
        head.status = RunStatus::Running;
        head.reason = None;
        head.updated_at = now;
    }

    /// Decides what is left, and looks at all deadlines.
    fn go_on(&mut self) {
        self.take_slot_again();
        self.use_granted_slot();
        let left: Vec<TaskNo> = self.left().collect();
        self.ended.extend(left);
        let open = self.run.tasks.open().map(|t| t.no);
        let watchers: Vec<TaskNo> =
            open.filter(|no| waits_for_others(self.node_of(*no).as_deref())).collect();
        self.joins.extend(watchers);
        self.advance();
        if !self.run.head.status.is_terminal() {
            self.watch_all();
        }
    }

    /// Puts a row that waits for other rows back to waiting for them.
    fn wait_again(&mut self, no: TaskNo) {
        let now = self.cx.now;
        self.change(no, |row| {
            row.status = TaskStatus::InProgress;
            row.ready = false;
            row.executed = false;
            row.retried = false;
            row.reason = None;
            row.output = crate::tasks::counters(row);
            row.updated_at = now;
        });
    }
}

/// Does a row of this task only wait for others? Then it is opened again in place.
fn waits_for_others(node: Option<&Node>) -> bool {
    node.is_some_and(|n| n.kind.is_watcher())
}

/// Is the row made, with what follows it, as soon as the flow reaches the task? Then it cannot be begun a second time; it
/// is made anew.
fn is_made_whole(node: &Node) -> bool {
    matches!(node.kind.name(), "FORK_JOIN" | "FORK_JOIN_DYNAMIC" | "SWITCH" | "DECISION")
}

/// Ended, unsuccessfully, and nothing has come of it yet.
fn failed_for_now(row: &Arc<TaskState>) -> bool {
    row.status.is_terminal() && !row.status.is_successful() && !row.retried && !row.executed
}
