//! Retry: an ended run goes on with a new attempt of each task that failed or was cancelled (spec: semantics §5.6;
//! scenarios 62–66).
//!
//! Only the latest row of a reference counts. A row that only waits for others goes back to waiting instead. The new
//! attempt comes without delay and with its parameters as they resolve now; the old row gets the same input.

use super::{Turn, is_made_whole, waits_for_others};
use crate::decide::finish::Halt;
use crate::decide::mapping::Mapping;
use crate::decide::place::Place;
use crate::id::TaskNo;
use crate::operation::Objection;
use crate::run::RunStatus;
use crate::task::{TaskState, TaskStatus};
use crate::time::Span;

/// What a retry does with the rows of a run.
#[derive(Default)]
struct Picked {
    /// To be tried again, in the order of the rows.
    again: Vec<TaskNo>,
    /// Cancelled while they waited for others.
    waiting: Vec<TaskNo>,
}

impl Turn<'_> {
    pub(super) fn retry(&mut self, resume_children: bool) -> Result<(), Objection> {
        let status = self.run.head.status;
        if !status.is_terminal() {
            return Err(Objection::StillRunning(status));
        }
        let failed = |t: &TaskState| t.status.is_terminal() && !t.status.is_successful();
        if resume_children && !self.run.tasks.iter().any(|t| failed(t)) {
            return Ok(());
        }
        if self.run.tasks.is_empty() {
            return Err(Objection::NotStarted);
        }
        let picked = self.pick();
        if picked.again.is_empty() && picked.waiting.is_empty() && status != RunStatus::TimedOut {
            return Err(Objection::NothingToRetry);
        }
        self.reopen();
        self.head().retried_at = Some(self.cx.now);
        self.tell_parent_of_opening("retried", false);
        for no in picked.waiting {
            self.wait_again(no);
        }
        match self.try_again(&picked.again) {
            Ok(map) => {
                self.store(map, true);
                self.go_on();
            }
            Err(halt) => self.halt(halt),
        }
        Ok(())
    }

    fn pick(&self) -> Picked {
        let mut picked = Picked::default();
        let same = |run: &crate::run::RunState, no: &TaskNo, row: &TaskState| {
            run.tasks.get(*no).is_some_and(|t| t.ref_name == row.ref_name)
        };
        for row in self.run.tasks.in_order() {
            picked.again.retain(|no| !same(self.run, no, row));
            let waits = waits_for_others(self.node_of_row(row).as_deref());
            match row.status {
                TaskStatus::Canceled if waits => picked.waiting.push(row.no),
                TaskStatus::Failed
                | TaskStatus::FailedWithTerminalError
                | TaskStatus::TimedOut
                | TaskStatus::Canceled => picked.again.push(row.no),
                TaskStatus::Scheduled
                | TaskStatus::InProgress
                | TaskStatus::Completed
                | TaskStatus::CompletedWithErrors
                | TaskStatus::Skipped => {}
            }
        }
        picked
    }

    fn try_again(&mut self, rows: &[TaskNo]) -> Result<Mapping, Halt> {
        let mut map = Mapping::default();
        for no in rows {
            let Some(row) = self.run.tasks.get(*no).cloned() else { continue };
            let node = self.node_of_row(&row);
            let node = node.as_deref();
            if waits_for_others(node) {
                self.wait_again(*no);
                self.change(*no, |row| row.attempt += 1);
                continue;
            }
            let first = map.rows.len();
            match node {
                Some(node) if is_made_whole(node) => {
                    map.go_to(Place::of(&row, &node.ref_name));
                    let made = map.expand_again(self, node);
                    self.note_needs(&mut map);
                    made?;
                    if let Some(new) = map.rows.get_mut(first) {
                        new.attempt = row.attempt.saturating_add(1);
                        new.retry_of = Some(row.no);
                    }
                }
                node => map.repeat(self, node, &row, 0, Span::ZERO),
            }
            let now = self.cx.now;
            let Some(new) = map.rows.get_mut(first) else { continue };
            if !new.status.is_terminal() {
                new.reason = None;
                new.updated_at = now;
            }
            // a failure that was absorbed has been processed: what follows it has run
            new.executed = row.executed;
            let input = new.input.clone();
            self.change(*no, |row| {
                row.retried = true;
                row.executed = true;
                row.input = input;
            });
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::event::Event;
    use crate::operation::Operation;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;

    fn retry() -> Event {
        operate(Operation::Retry { resume_children: false })
    }

    #[test]
    fn each_failed_task_gets_one_new_attempt() {
        let mut b = simple("b");
        b["taskDefinition"] = json!({"name": "b", "retryCount": 1, "retryDelaySeconds": 0});
        b["inputParameters"] = json!({"me": "${CPEWF_TASK_ID}", "n": "${b.retryCount}"});
        let mut bench = Bench::start(json!([simple("a"), b]), json!({}));
        assert_eq!(bench.refusal(&retry()), "Workflow is still running.  status=RUNNING");
        bench.end("a", TaskStatus::Completed);
        bench.end("b", TaskStatus::Failed);
        bench.end("b", TaskStatus::Failed);
        bench.decide(&retry());
        assert_eq!((bench.refs(), bench.row("b").attempt), (vec!["a", "b", "b", "b"], 2));
        let new = bench.row("b").clone();
        assert!(new.ready && new.reason.is_none() && new.seq == 4 && new.updated_at == NOW);
        let old = bench.run.tasks.get(new.retry_of.expect("an old row")).expect("its row");
        assert!(old.retried && old.executed && old.input == new.input, "the old row shows the new input");
        let me = bench.run.task_id(new.no).to_string();
        assert_eq!(json!(new.input.map()), json!({"me": me, "n": 1}));
        let head = &bench.run.head;
        assert_eq!(
            (head.status, head.retried_at, head.reason.as_deref()),
            (RunStatus::Running, Some(NOW), None)
        );
        assert_eq!(head.extra.failed_refs, ["b"], "what has failed once stays on record");
        assert_eq!(bench.refusal(&retry()), "Workflow is still running.  status=RUNNING");
        bench.end("b", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert!(bench.refusal(&retry()).starts_with("There are no retryable tasks!"));
    }

    #[test]
    fn resuming_children_where_nothing_failed_is_no_error() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        bench.end("a", TaskStatus::Completed);
        let resume = operate(Operation::Retry { resume_children: true });
        assert!(bench.try_decide(&resume).expect("no error").is_empty());
    }

    #[test]
    fn a_fork_goes_on_with_its_join() {
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[simple("a"), simple("c")], [simple("b")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["c", "b"]});
        let mut bench = Bench::start(json!([fork, join, simple("d")]), json!({}));
        bench.end("a", TaskStatus::Completed);
        bench.end("b", TaskStatus::FailedWithTerminalError);
        assert_eq!(
            (bench.row("c").status, bench.row("j").status),
            (TaskStatus::Canceled, TaskStatus::Canceled)
        );
        bench.decide(&retry());
        assert_eq!(bench.refs(), ["f", "a", "b", "j", "c", "b", "c"]);
        assert_eq!((bench.row("j").status, bench.row("j").attempt), (TaskStatus::InProgress, 0));
        bench.end("b", TaskStatus::Completed);
        bench.end("c", TaskStatus::Completed);
        assert!(bench.row("d").ready);
        bench.end("d", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn a_run_that_timed_out_gets_its_time_anew() {
        let mut def = json!({"tasks": [simple("a")], "timeoutSeconds": 3, "timeoutPolicy": "TIME_OUT_WF"});
        def["ownerEmail"] = json!("a@b.c");
        let mut bench = Bench::start_def(def, json!({}));
        let late = NOW + crate::time::Span::from_secs(4);
        bench.decide_at(&Event::Due, late);
        assert_eq!(bench.run.head.status, RunStatus::TimedOut);
        bench.decide_at(&retry(), late);
        assert_eq!(bench.run.head.status, RunStatus::Running);
        assert_eq!(bench.run.head.wake_at, Some(late + crate::time::Span::from_secs(3)));
    }

    #[test]
    fn what_the_engine_runs_itself_runs_at_once() {
        let human = json!({"name": "h", "taskReferenceName": "h", "type": "HUMAN"});
        let mut bench = Bench::start(json!([human]), json!({}));
        bench.decide(&Event::Terminate { reason: None });
        bench.decide(&retry());
        assert_eq!((bench.row("h").status, bench.row("h").attempt), (TaskStatus::InProgress, 1));
    }

    #[test]
    fn a_switch_is_asked_again() {
        let switch = json!({"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "lua", "expression": "v"});
        let mut bench = Bench::start(json!([simple("a"), switch]), json!({}));
        bench.end("a", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        assert!(
            bench.refusal(&retry()).starts_with("There are no retryable tasks!"),
            "the SWITCH has no row"
        );
    }

    #[test]
    fn a_loop_goes_on_when_an_absorbed_failure_in_it_was_tried_again() {
        let mut a = simple("a");
        a["permissive"] = json!(true);
        let around = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [a],
            "loopCondition": "false"});
        let mut bench = Bench::start(json!([around, simple("b")]), json!({}));
        bench.end("a__1", TaskStatus::FailedWithTerminalError);
        assert_eq!((bench.run.head.status, bench.row("l").status), (RunStatus::Failed, TaskStatus::Failed));
        bench.decide(&retry());
        bench.end("a__1", TaskStatus::Completed);
        assert_eq!(bench.row("l").status, TaskStatus::Completed);
        assert!(bench.row("b").ready);
    }

    #[test]
    fn a_pause_does_not_hold_up_a_run_whose_absorbed_failure_was_tried_again() {
        let mut a = simple("a");
        a["permissive"] = json!(true);
        let mut bench = Bench::start(json!([a, simple("b")]), json!({}));
        bench.end("a", TaskStatus::FailedWithTerminalError);
        bench.end("b", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        bench.decide(&retry());
        bench.decide(&operate(Operation::Pause));
        bench.end("a", TaskStatus::Completed);
        bench.decide(&operate(Operation::Resume));
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }
}
