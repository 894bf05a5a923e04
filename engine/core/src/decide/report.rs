//! Workers and the broker: claims, hand-backs, reports, acknowledgements (spec: semantics §5.14, §5.15).

use std::sync::Arc;

use super::mapping::unfit_reason;
use super::{Refusal, Turn};
use crate::effect::{Counted, Effect};
use crate::event::TaskReport;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::task::{TaskState, TaskStatus};
use crate::tasks;
use crate::time::{Span, Timestamp};

impl Turn<'_> {
    /// A worker takes a task. The order of claims is the caller's business; here only this row counts.
    pub(super) fn claimed(
        &mut self,
        no: TaskNo,
        worker: Option<Arc<str>>,
        before: Option<i64>,
    ) -> Result<(), Refusal> {
        let now = self.cx.now;
        let row = self.run.tasks.get(no).ok_or(Refusal::UnknownTask)?;
        let leased = row.status == TaskStatus::InProgress && row.worker == worker;
        if leased && before == Some(row.changed_in) && self.by_worker(no) {
            return Ok(());
        }
        if !row.ready || row.available_at > now || row.status != TaskStatus::Scheduled {
            return Err(Refusal::NotReady);
        }
        self.change(no, |row| {
            row.status = TaskStatus::InProgress;
            row.ready = false;
            row.started_at = row.started_at.or(Some(now));
            row.worker = worker;
            row.poll_count = row.poll_count.saturating_add(1);
            row.callback_after_s = 0;
            row.updated_at = now;
            row.hold(now);
        });
        self.count_claim(no);
        self.watch(no);
        Ok(())
    }

    /// Whether the limits of its definition allow the claim is for the commit to say.
    fn count_claim(&mut self, no: TaskNo) {
        let Some(row) = self.run.tasks.get(no) else { return };
        if self.cx.world.is_limited(&row.def_name) {
            let counted = Counted { task: no, poll_count: row.poll_count, name: row.def_name.clone() };
            self.other.push(Effect::Counted(counted));
        }
    }

    /// The worker never got the answer: the task is ready again, if this is still that lease.
    pub(super) fn returned(&mut self, no: TaskNo, poll_count: i32) -> Result<(), Refusal> {
        let now = self.cx.now;
        let row = self.run.tasks.get(no).ok_or(Refusal::UnknownTask)?;
        if row.status != TaskStatus::InProgress || row.poll_count != poll_count || !self.by_worker(no) {
            return Ok(());
        }
        self.change(no, |row| {
            row.status = TaskStatus::Scheduled;
            row.ready = true;
            row.available_at = now;
        });
        self.watch(no);
        Ok(())
    }

    /// Nobody knows whether the claim was stored: if the row is what it would have written, the lease goes back.
    pub(super) fn disowned(
        &mut self,
        no: TaskNo,
        poll_count: i32,
        worker: Option<&str>,
        stored_in: i64,
    ) -> Result<(), Refusal> {
        let row = self.run.tasks.get(no).ok_or(Refusal::UnknownTask)?;
        if row.changed_in != stored_in || row.worker.as_deref() != worker {
            return Ok(());
        }
        self.returned(no, poll_count)
    }

    /// An operator gives a leased task to whoever polls next. A late report of the first worker still counts: it is
    /// the same task.
    pub(super) fn requeued(&mut self, no: TaskNo) -> Result<(), Refusal> {
        let now = self.cx.now;
        let row = self.run.tasks.get(no).ok_or(Refusal::UnknownTask)?;
        if self.run.head.status.is_terminal() {
            return Err(Refusal::RunEnded);
        }
        if row.status.is_terminal() {
            return Err(Refusal::TaskEnded);
        }
        if row.status != TaskStatus::InProgress || !self.by_worker(no) {
            return Ok(());
        }
        self.change(no, |row| {
            let callback = row.updated_at + Span::from_secs(row.callback_after_s);
            row.status = TaskStatus::Scheduled;
            row.ready = true;
            row.available_at = callback.max(now);
        });
        self.watch(no);
        Ok(())
    }

    /// The row of a task that may still be reported on.
    pub(super) fn open_row(&self, no: TaskNo) -> Result<Arc<TaskState>, Refusal> {
        self.must_be_there()?;
        let row = self.run.tasks.get(no).ok_or(Refusal::UnknownTask)?.clone();
        if self.run.head.status.is_terminal() {
            return Err(Refusal::RunEnded);
        }
        if row.status.is_terminal() {
            return Err(Refusal::TaskEnded);
        }
        Ok(row)
    }

    pub(super) fn reported(&mut self, report: &TaskReport) -> Result<(), Refusal> {
        let now = self.cx.now;
        let no = report.task;
        let row = self.open_row(no).inspect_err(|_| self.note_late(report))?;
        if report.extend_lease {
            self.change(no, |row| {
                row.updated_at = now;
                if row.wait_until.is_some() {
                    row.hold(now);
                }
            });
            return Ok(());
        }
        for line in report.logs.iter().take(self.cx.settings.log_lines_per_report) {
            self.other.push(Effect::Logged { task: no, line: line.clone() });
        }
        let status = match report.status {
            TaskStatus::Scheduled | TaskStatus::InProgress => TaskStatus::InProgress,
            TaskStatus::CompletedWithErrors | TaskStatus::TimedOut | TaskStatus::Skipped => {
                TaskStatus::Failed
            }
            given => given,
        };
        let output = if report.merge_output { merged(&row, &report.output) } else { report.output.clone() };
        let limit = self.cx.settings.payload_limit_bytes;
        if let Some(reason) = unfit_reason("output", &output, self, no, limit) {
            self.withdraw(no);
            self.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
            self.advance();
            return Ok(());
        }
        if status.is_terminal() {
            self.withdraw(no);
        }
        // a call is made once, whatever somebody says meanwhile
        let by_worker = self.by_worker(no) && tasks::lease_of(&row.task_type).is_none();
        let keeps = report.merge_output;
        self.change(no, |row| {
            row.output = output;
            // an update by reference starts from the task as it is, a report replaces what it says nothing about
            if !keeps || report.reason.is_some() {
                row.reason = report.reason.as_deref().map(Into::into);
            }
            row.worker = report.worker.clone();
            if !keeps || report.sub_workflow_id.is_some() {
                row.sub_workflow_id = report.sub_workflow_id.clone();
            }
            if !keeps || report.callback_after_s != 0 {
                // shown as it came; below zero it means at once
                row.callback_after_s = report.callback_after_s;
            }
            if status.is_terminal() {
                row.status = status;
                row.ready = false;
                row.ended_at = Some(now);
                if row.updated_at == Timestamp::default() {
                    row.updated_at = now;
                }
            } else {
                row.updated_at = now;
                if by_worker {
                    row.status = TaskStatus::Scheduled;
                    row.ready = true;
                    row.available_at = now + Span::from_secs(row.callback_after_s.max(0));
                }
            }
        });
        if status.is_terminal() {
            self.note_end(no);
            self.advance();
        } else {
            self.watch(no);
        }
        Ok(())
    }

    /// The broker answered for the message of a task.
    pub(super) fn published(&mut self, no: TaskNo, outcome: &Result<(), String>) -> Result<(), Refusal> {
        self.other.push(Effect::Settled(no));
        let Some(row) = self.run.tasks.get(no).cloned() else { return Ok(()) };
        if row.status != TaskStatus::InProgress || !tasks::publishes(&row) {
            return Ok(());
        }
        match outcome {
            Ok(()) if tasks::waits_for_answer(self.plan, &row) => return Ok(()),
            Ok(()) => self.complete(no, row.output.clone()),
            Err(reason) if &*row.task_type == "KAFKA_PUBLISH" => {
                self.fail(no, format!("Failed to invoke kafka task due to: {reason}"));
            }
            Err(reason) => self.fail(no, reason.clone()),
        }
        self.advance();
        Ok(())
    }
}

fn merged(row: &TaskState, more: &Payload) -> Payload {
    if row.output.is_empty() {
        return more.clone();
    }
    let mut output = row.output.map().clone();
    for (name, value) in more.map() {
        output.insert(name.clone(), value.clone());
    }
    Payload::from_map(output)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Counted, Effect, Refusal};
    use crate::decide::bench::{Bench, NOW};
    use crate::event::{Event, TaskReport};
    use crate::payload::Payload;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn report() -> TaskReport {
        TaskReport {
            task: 1,
            status: TaskStatus::InProgress,
            output: Payload::empty(),
            merge_output: false,
            reason: None,
            worker: None,
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        }
    }

    fn one_task() -> Bench {
        Bench::start(json!([{"name": "t", "taskReferenceName": "t"}]), json!({}))
    }

    #[test]
    fn a_callback_below_zero_is_shown_and_means_at_once() {
        let mut bench = one_task();
        bench.decide(&Event::Reported(TaskReport { callback_after_s: -5, ..report() }));
        let row = bench.row("t");
        assert_eq!((row.callback_after_s, row.available_at, row.ready), (-5, NOW, true));
    }

    #[test]
    fn a_report_sets_the_worker_that_it_names_or_none() {
        let mut bench = one_task();
        for worker in [Some("me".into()), None] {
            let report = TaskReport { worker: worker.clone(), merge_output: true, ..report() };
            bench.decide(&Event::Reported(report));
            assert_eq!(bench.row("t").worker, worker);
        }
    }

    #[test]
    fn a_claim_is_counted_if_its_definition_has_limits() {
        for (name, counted) in [("limited", true), ("free", false)] {
            let task = json!({"name": name, "taskReferenceName": "t", "type": "SIMPLE"});
            let mut bench = Bench::start(json!([task]), json!({}));
            let no = bench.row("t").no;
            let claim = Event::Claimed { task: no, worker: None, before: None };
            let effects = bench.decide_at(&claim, NOW);
            let wanted = Effect::Counted(Counted { task: no, poll_count: 1, name: name.into() });
            assert_eq!(effects.contains(&wanted), counted, "{name}: {effects:?}");
        }
    }

    #[test]
    fn a_requeued_lease_is_offered_again_and_nothing_else_is_touched() {
        let wait = json!({"name": "w", "taskReferenceName": "w", "type": "WAIT"});
        let simple = json!({"name": "a", "taskReferenceName": "a", "type": "SIMPLE"});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[simple], [wait]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "w"]});
        let mut bench = Bench::start(json!([fork, join]), json!({}));
        let (a, w) = (bench.row("a").no, bench.row("w").no);
        for no in [a, w] {
            assert!(bench.decide_at(&Event::Requeued { task: no }, NOW).is_empty(), "nobody leases it");
        }
        bench.decide(&Event::Claimed { task: a, worker: Some("x".into()), before: None });
        let later = NOW + Span::from_secs(9);
        bench.decide_at(&Event::Requeued { task: a }, later);
        let row = bench.row("a");
        assert_eq!((row.status, row.ready, row.available_at), (TaskStatus::Scheduled, true, later));
        assert_eq!(row.poll_count, 1);
        assert_eq!(bench.try_decide(&Event::Requeued { task: 99 }), Err(Refusal::UnknownTask));
    }
}
