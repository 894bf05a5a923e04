//! An operator opened a run that is a child: its parents are open again with it (spec: semantics §5.10; scenarios 136–138,
//! 142, 150).
//!
//! The parent's task waits for the child again. A parent that had ended runs, forgets why it ended and tells its own
//! parent; what had fallen with it goes on: children are asked to go on where they failed, JOINs and loops wait again,
//! cancelled tasks are scheduled again. A task whose failure the flow did without, or that has another child or attempt by
//! now, is left alone.

use super::{Turn, waits_for_others};
use crate::effect::Effect;
use crate::event::{ChildReopened, InboxMessage, LogLine};
use crate::history::Act;
use crate::id::TaskNo;
use crate::task::TaskStatus;

impl Turn<'_> {
    /// The task that started this run hears that it is open again.
    pub(super) fn tell_parent_of_opening(&mut self, verb: &str, asked_above: bool) {
        let head = &self.run.head;
        let Some(parent) = head.extra.parent else { return };
        let log = format!("Sub workflow {}.{}/{} {verb}.", head.name, head.def_version, head.id);
        let reopened = ChildReopened { task: parent.task.no(), child: head.id, log, asked_above };
        self.tell(parent.run, InboxMessage::ChildReopened(reopened));
    }

    pub(in crate::decide) fn child_reopened(&mut self, reopened: &ChildReopened) {
        let (no, now) = (reopened.task, self.cx.now);
        let Some(row) = self.run.tasks.get(no) else { return };
        let optional = self.node_of_row(row).is_some_and(|node| node.optional);
        let open = !row.status.is_terminal();
        if open
            || optional
            || row.retried
            || row.child != Some(reopened.child)
            || self.run.head.extra.archived
        {
            return;
        }
        self.note_of(Act::ReopenedByChild, Some(no), reopened.child, None);
        self.change(no, |row| {
            row.status = TaskStatus::InProgress;
            row.reason = None;
            row.updated_at = now;
            if reopened.asked_above {
                row.ended_at = None;
            }
        });
        let line = LogLine { text: reopened.log.clone(), at: now };
        self.other.push(Effect::Logged { task: no, line });
        if !self.run.head.status.is_terminal() {
            self.watch(no);
            return;
        }
        self.reopen();
        self.forget_failure();
        if !reopened.asked_above {
            self.head().retried_at = Some(now);
        }
        self.tell_parent_of_opening("reopened", reopened.asked_above);
        self.raise_what_fell();
        self.go_on();
    }

    /// Rows that were cancelled when the run ended, and children that had failed.
    fn raise_what_fell(&mut self) {
        let fell: Vec<TaskNo> =
            self.run.tasks.iter().filter(|row| super::failed_for_now(row)).map(|row| row.no).collect();
        let mut begun = Vec::new();
        for no in fell {
            let node = self.node_of(no);
            let node = node.as_deref();
            let Some((status, child)) = self.run.tasks.get(no).map(|row| (row.status, row.child)) else {
                continue;
            };
            if waits_for_others(node) {
                self.wait_again(no);
            } else if let Some(child) = child {
                let now = self.cx.now;
                self.change(no, |row| {
                    row.status = TaskStatus::InProgress;
                    row.reason = None;
                    row.updated_at = now;
                });
                self.tell(child, InboxMessage::RetryWanted);
            } else if status == TaskStatus::Canceled {
                self.open_again(no, node);
                self.change(no, |row| row.attempt += 1);
                begun.push(no);
            }
        }
        for no in begun {
            self.begin_reset(no);
        }
    }

    /// The parent waits for this run again: it goes on where it failed. If it cannot, the parent hears of its end again.
    pub(in crate::decide) fn retry_wanted(&mut self) {
        if !self.run.head.status.is_terminal() {
            return;
        }
        if self.run.head.extra.archived || self.retry(false).is_err() {
            self.tell_parent();
            return;
        }
        if let Some(parent) = self.run.head.extra.parent {
            self.note_of(Act::RetriedByParent, None, parent.run, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, operate, simple};
    use crate::effect::Effect;
    use crate::event::{ChildEnded, ChildReopened, Event, InboxMessage};
    use crate::id::RunId;
    use crate::operation::{Edition, Operation};
    use crate::run::{ParentLink, RunExtra, RunStatus};
    use crate::task::TaskStatus;
    use crate::time::Timestamp;

    fn other(n: u64) -> RunId {
        RunId::new(Timestamp::from_millis(1_600_000_000_000), n, 0)
    }

    fn arrived(inbox: i64, message: InboxMessage) -> Event {
        Event::Arrived { inbox, message }
    }

    fn told(effects: &[Effect]) -> Vec<(RunId, InboxMessage)> {
        let told = |e: &Effect| match e {
            Effect::Told(told) => Some((told.to, told.message.clone())),
            _ => None,
        };
        effects.iter().filter_map(told).collect()
    }

    /// A child whose task has failed.
    fn failed_child() -> Bench {
        let parent = ParentLink { run: other(9), task: other(9).task(3) };
        let extra = RunExtra { parent: Some(parent), ..RunExtra::default() };
        let mut bench = Bench::start_with(json!([simple("a")]), json!({}), extra);
        bench.end("a", TaskStatus::FailedWithTerminalError);
        bench
    }

    #[test]
    fn every_verb_that_opens_a_child_tells_the_parent() {
        for (operation, verb) in [
            (Operation::Retry { resume_children: false }, "retried."),
            (Operation::Restart(Edition::Kept), "restarted."),
            (Operation::Rerun(Box::default()), "reran."),
        ] {
            let mut bench = failed_child();
            let effects = bench.try_decide(&operate(operation)).expect("it is allowed");
            let [(to, InboxMessage::ChildReopened(reopened))] = &told(&effects)[..] else {
                panic!("one message was expected: {effects:?}")
            };
            assert_eq!((*to, reopened.task, reopened.child), (other(9), 3, bench.run.head.id));
            assert!(reopened.log.ends_with(verb), "{}", reopened.log);
        }
    }

    #[test]
    fn a_child_goes_on_if_its_parent_wants_it_or_says_again_how_it_ended() {
        let mut bench = failed_child();
        bench.decide(&arrived(1, InboxMessage::RetryWanted));
        assert_eq!((bench.run.head.status, bench.row("a").attempt), (RunStatus::Running, 1));
        assert!(
            told(&bench.try_decide(&arrived(2, InboxMessage::RetryWanted)).expect("no error")).is_empty()
        );
        bench.end("a", TaskStatus::Completed);
        let effects = bench.try_decide(&arrived(3, InboxMessage::RetryWanted)).expect("no error");
        assert!(matches!(&told(&effects)[..], [(_, InboxMessage::ChildEnded(_))]), "{effects:?}");
    }

    fn child_task(name: &str) -> serde_json::Value {
        json!({"name": name, "taskReferenceName": name, "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "child"}})
    }

    /// Gives the open rows of two SUB_WORKFLOW tasks children, as if they had been found.
    fn fork_of_children() -> Bench {
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[simple("x")], [simple("y")], [simple("t")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["x", "y", "t"]});
        let mut bench = Bench::start(json!([fork, join, simple("z")]), json!({}));
        for (name, child) in [("x", 1), ("y", 2)] {
            let no = bench.row(name).no;
            bench.claim(name);
            bench.run.tasks.change(no, |row| row.child = Some(other(child)));
        }
        bench
    }

    fn reopened(bench: &Bench, name: &str, child: u64) -> Event {
        let log = "Sub workflow child.1/x retried.".to_owned();
        let task = bench.row(name).no;
        arrived(
            5,
            InboxMessage::ChildReopened(ChildReopened { task, child: other(child), log, asked_above: false }),
        )
    }

    #[test]
    fn a_parent_that_had_ended_goes_on_with_all_that_fell_with_it() {
        let mut bench = fork_of_children();
        bench.end("x", TaskStatus::FailedWithTerminalError);
        assert_eq!(
            (bench.row("y").status, bench.row("j").status),
            (TaskStatus::Canceled, TaskStatus::Canceled)
        );
        let event = reopened(&bench, "x", 1);
        let effects = bench.try_decide(&event).expect("no error");
        assert_eq!(told(&effects), [(other(2), InboxMessage::RetryWanted)]);
        let status = |name: &str| bench.row(name).status.as_str();
        assert_eq!(
            (status("x"), status("y"), status("t"), status("j")),
            ("IN_PROGRESS", "IN_PROGRESS", "SCHEDULED", "IN_PROGRESS")
        );
        assert_eq!((bench.row("t").attempt, bench.row("t").ready, bench.row("x").attempt), (1, true, 0));
        assert_eq!((bench.run.head.status, bench.run.head.reason.as_deref()), (RunStatus::Running, None));
        assert!(bench.run.head.extra.failed_refs.is_empty() && bench.run.head.retried_at.is_some());
        let again = bench.try_decide(&event).expect("no error");
        assert!(told(&again).is_empty(), "a task that is open already is left alone: {again:?}");
        for (name, child) in [("x", 1), ("y", 2)] {
            let ended = ChildEnded {
                task: bench.row(name).no,
                child: other(child),
                status: RunStatus::Completed,
                output: "{}".to_owned(),
                reason: None,
            };
            bench.decide(&arrived(7, InboxMessage::ChildEnded(ended)));
        }
        bench.end("t", TaskStatus::Completed);
        bench.end("z", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn another_child_or_an_absorbed_failure_changes_nothing() {
        let mut bench = fork_of_children();
        bench.end("x", TaskStatus::FailedWithTerminalError);
        let event = reopened(&bench, "x", 2);
        bench.decide(&event);
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        let mut optional = child_task("s");
        optional["optional"] = json!(true);
        let mut bench = Bench::start(json!([optional, simple("z")]), json!({}));
        bench.end("s", TaskStatus::FailedWithTerminalError);
        let no = bench.row("s").no;
        bench.run.tasks.change(no, |row| row.child = Some(other(1)));
        assert_eq!(bench.row("s").status, TaskStatus::CompletedWithErrors);
        let event = reopened(&bench, "s", 1);
        bench.decide(&event);
        assert_eq!(bench.row("s").status, TaskStatus::CompletedWithErrors);
    }
}
