//! Time: what is overdue, and when the run must be looked at next (spec: semantics §2.7).

use super::finish::Halt;
use super::{Refusal, Turn};
use crate::def::TaskTimeoutPolicy;
use crate::history::Act;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;
use crate::run::{RunHead, RunStatus, SlotState};
use crate::task::{TaskState, TaskStatus};
use crate::tasks;
use crate::time::{Span, Timestamp};

/// A time-out that has passed.
struct Overdue {
    reason: String,
    /// The policy ends the run, without another attempt.
    ends_run: bool,
}

impl Turn<'_> {
    /// Time passed. Before the stored `wake_at` there is nothing to do.
    pub(super) fn due(&mut self) -> Result<(), Refusal> {
        if self.run.head.wake_at.is_none_or(|at| at > self.cx.now) {
            return Ok(());
        }
        self.look_at_time();
        self.watch_all();
        Ok(())
    }

    /// An operator asked: everything is looked at, also what a turn that was cut short has left.
    pub(super) fn look(&mut self) -> Result<(), Refusal> {
        self.must_be_there()?;
        self.look_at_time();
        Ok(())
    }

    fn look_at_time(&mut self) {
        let now = self.cx.now;
        self.drop_expired();
        if self.run.head.status.is_terminal() || self.is_held_back() {
            return;
        }
        if let Some(limit) = self.plan.timeout()
            && self.clock() + limit <= now
        {
            let elapsed = (now - self.clock()).as_secs();
            let reason = format!(
                "Workflow timed out after {elapsed} seconds. Timeout configured as {} seconds. \
                 Timeout policy configured to TIME_OUT_WF",
                limit.as_secs()
            );
            self.note(Act::WorkflowTimeout, None, Some(&reason));
            self.halt(Halt { status: RunStatus::TimedOut, ..Halt::failed(reason) });
            return;
        }
        if self.run.head.status.is_terminal() {
            return;
        }
        let left: Vec<TaskNo> = self.left().collect();
        self.ended.extend(left);
        let open: Vec<TaskNo> = self.run.tasks.open().map(|t| t.no).collect();
        for no in open {
            if let Err(halt) = self.look_at_row(no) {
                self.halt(halt);
                return;
            }
        }
        self.advance();
    }

    fn look_at_row(&mut self, no: TaskNo) -> Result<(), Halt> {
        let now = self.cx.now;
        let Some(row) = self.run.tasks.get(no).cloned() else { return Ok(()) };
        let Some(node) = self.node_of(no) else { return Ok(()) };
        let paused = self.run.head.status == RunStatus::Paused;
        if let Some(overdue) = self.overdue(&node, &row).filter(|_| !paused) {
            self.withdraw(no);
            self.note(Act::TaskTimeout, Some(no), Some(&overdue.reason));
            self.end(no, TaskStatus::TimedOut, Some(overdue.reason.as_str().into()), None);
            if overdue.ends_run {
                return Err(Halt::by_task(RunStatus::TimedOut, overdue.reason, no));
            }
        } else if node.kind.is_watcher() && row.status == TaskStatus::InProgress {
            self.ask_join(no);
        } else if row.status == TaskStatus::Scheduled && !node.kind.by_worker() && row.available_at <= now {
            node.kind.enter(self, no);
        } else if row.status == TaskStatus::InProgress && row.wait_until.is_some_and(|at| at <= now) {
            if tasks::lease_of(&row.task_type).is_some() {
                self.lapsed(no);
                return Ok(());
            }
            self.complete(no, Payload::empty());
        }
        Ok(())
    }

    fn overdue(&self, node: &Node, row: &TaskState) -> Option<Overdue> {
        let now = self.cx.now;
        let rule = &node.timeout;
        let policy = match rule.policy {
            TaskTimeoutPolicy::Retry => "RETRY",
            TaskTimeoutPolicy::TimeOutWf => "TIME_OUT_WF",
            TaskTimeoutPolicy::AlertOnly => "ALERT_ONLY",
        };
        let ends_run = rule.policy == TaskTimeoutPolicy::TimeOutWf;
        let after = |from: Timestamp| (now - from).as_secs();
        let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if passed(total_end(node, row)) {
            let reason = format!(
                "Task {}/{} exceeded total timeout of {} seconds (elapsed {} seconds across all attempts \
                 including retry delays). Timeout policy: {policy}",
                row.def_name,
                self.run.task_id(row.no),
                rule.total.map_or(0, Span::as_secs),
                after(row.first_scheduled_at)
            );
            return Some(Overdue { reason, ends_run });
        }
        if passed(task_end(node, row)) {
            let from = row.started_at.unwrap_or(now) + Span::from_secs(i64::from(row.start_delay_s));
            let reason = format!(
                "Task timed out after {} seconds. Timeout configured as {} seconds. Timeout policy configured to {policy}",
                after(from),
                rule.task.map_or(0, Span::as_secs)
            );
            return Some(Overdue { reason, ends_run });
        }
        if passed(poll_end(node, row)) {
            let from = row.scheduled_at + Span::from_secs(i64::from(row.start_delay_s));
            let reason = format!(
                "Task poll timed out after {} seconds. Poll timeout configured as {} seconds. \
                 Timeout policy configured to {policy}",
                after(from),
                rule.poll.map_or(0, Span::as_secs)
            );
            return Some(Overdue { reason, ends_run });
        }
        if passed(response_end(node, row)) {
            let reason = format!(
                "responseTimeout: {} exceeded for the taskId: {} with Task Definition: {}",
                rule.response.map_or(0, Span::as_secs),
                self.run.task_id(row.no),
                row.def_name
            );
            return Some(Overdue { reason, ends_run: false });
        }
        None
    }

    /// Where the clock of the run's time-out started.
    pub(super) fn clock(&self) -> Timestamp {
        clock_of(&self.run.head)
    }

    /// Wants a wake-up for a row as it is.
    pub(super) fn watch(&mut self, no: TaskNo) {
        if let Some(row) = self.run.tasks.get(no)
            && let Some(node) = self.node_of_row(row)
            && let Some(at) = deadline(&node, row, self.run.head.status == RunStatus::Paused)
        {
            self.wake_by(at);
        }
    }

    /// Wants a wake-up for a new row. For a worker's row also for what can only begin once it is claimed, so that the
    /// claim need not move the stored wake-up.
    pub(super) fn watch_new(&mut self, no: TaskNo) {
        self.watch(no);
        let Some(row) = self.run.tasks.get(no) else { return };
        let Some(node) = self.node_of_row(row) else { return };
        if row.status == TaskStatus::Scheduled && node.kind.by_worker() {
            let from = row.available_at;
            let task = if acts(&node) { node.timeout.task } else { None };
            let lease = tasks::lease_of(&row.task_type);
            for limit in [node.timeout.response, task, lease].into_iter().flatten() {
                self.wake_by(from + limit);
            }
        }
    }

    pub(super) fn watch_all(&mut self) {
        self.wake_exact = true;
        let open: Vec<TaskNo> = self.run.tasks.open().map(|t| t.no).collect();
        for no in open {
            self.watch(no);
        }
        if let Some(limit) = self.plan.timeout()
            && !self.is_held_back()
        {
            self.wake_by(self.clock() + limit);
        }
        if let Some(at) = self.first_expiry() {
            self.wake_by(at);
        }
    }
}

/// Where the clock of a run's time-out started.
pub(crate) fn clock_of(head: &RunHead) -> Timestamp {
    let began = head.retried_at.unwrap_or(head.created_at);
    match head.extra.slot.as_deref().map(|slot| slot.state) {
        Some(SlotState::Holds { since }) => began.max(since),
        _ => began,
    }
}

/// Do the policy's time-outs change anything?
fn acts(node: &Node) -> bool {
    node.timeout.policy != TaskTimeoutPolicy::AlertOnly
}

pub(crate) fn total_end(node: &Node, row: &TaskState) -> Option<Timestamp> {
    node.timeout.total.filter(|_| acts(node)).map(|limit| row.first_scheduled_at + limit)
}

pub(crate) fn task_end(node: &Node, row: &TaskState) -> Option<Timestamp> {
    let limit = node.timeout.task.filter(|_| acts(node))?;
    Some(row.started_at? + Span::from_secs(i64::from(row.start_delay_s)) + limit)
}

pub(crate) fn poll_end(node: &Node, row: &TaskState) -> Option<Timestamp> {
    let limit = node.timeout.poll.filter(|_| acts(node) && row.status == TaskStatus::Scheduled)?;
    let delays = i64::from(row.start_delay_s).saturating_add(row.callback_after_s.max(0));
    Some(row.scheduled_at + Span::from_secs(delays) + limit)
}

pub(crate) fn response_end(node: &Node, row: &TaskState) -> Option<Timestamp> {
    // a JOIN, a loop, a WAIT and a child's task wait for what is not theirs to hurry, an asynchronous system task for
    // somebody outside
    let asynchronous =
        row.input.get("asyncComplete").map_or(node.config.async_complete == Some(true), |v| v == true);
    let waits = node.kind.is_watcher()
        || matches!(node.kind.name(), "WAIT" | "SUB_WORKFLOW")
        || (asynchronous && (!node.kind.by_worker() || tasks::lease_of(&row.task_type).is_some()));
    let limit = node.timeout.response.filter(|_| !waits && row.status == TaskStatus::InProgress)?;
    let from = row.updated_at.max(row.started_at.unwrap_or_default());
    Some(from + Span::from_secs(row.callback_after_s.max(0)) + limit)
}

/// The earliest instant at which time alone changes this row. While the run is paused no task times out.
fn deadline(node: &Node, row: &TaskState, paused: bool) -> Option<Timestamp> {
    let starts = (row.status == TaskStatus::Scheduled && !node.kind.by_worker()).then_some(row.available_at);
    let over = row.wait_until.filter(|_| row.status == TaskStatus::InProgress);
    let ends = [total_end(node, row), task_end(node, row), poll_end(node, row), response_end(node, row)];
    ends.into_iter().filter(|_| !paused).chain([starts, over]).flatten().min()
}
