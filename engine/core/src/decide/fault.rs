//! Runs that cannot be decided: put aside with the reason until somebody touches them.

use std::sync::Arc;

use super::{Refusal, Turn};
use crate::history::Act;
use crate::id::TaskNo;
use crate::task::TaskStatus;

/// Characters of a reason that are kept.
const REASON_AT_MOST: usize = 1_000;

impl Turn<'_> {
    /// Nothing wakes the run any more. Its tasks stay as they are, except that a task whose claim was the fault is
    /// offered to nobody.
    pub(super) fn faulted(&mut self, reason: &str, claim: Option<TaskNo>) -> Result<(), Refusal> {
        if self.run.head.extra.fault.is_none() {
            self.note(Act::Fault, claim, Some(reason));
            let reason = reason.chars().filter(|c| *c != '\0').take(REASON_AT_MOST).collect();
            Arc::make_mut(&mut self.head().extra).fault = Some(reason);
        }
        if let Some(no) = claim {
            self.change(no, |row| row.ready = false);
        }
        // with no wake-up of this turn that means: never
        self.wake_exact = true;
        Ok(())
    }

    /// Somebody touched a faulted run and it could be decided: it lives on, and is looked at as a whole at once.
    pub(super) fn touched(&mut self) {
        if self.run.head.extra.fault.is_none() {
            return;
        }
        self.note(Act::FaultCleared, None, None);
        Arc::make_mut(&mut self.head().extra).fault = None;
        if self.run.head.status.is_terminal() {
            return;
        }
        let waits: Vec<TaskNo> = self
            .run
            .tasks
            .open()
            .filter(|t| t.status == TaskStatus::Scheduled && !t.ready)
            .map(|t| t.no)
            .collect();
        for no in waits {
            if self.by_worker(no) {
                self.change(no, |row| row.ready = true);
            }
        }
        self.wake_by(self.cx.now);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::decide::bench::{Bench, NOW};
    use crate::event::Event;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn faulted(claim: Option<u32>) -> Event {
        Event::Faulted { reason: "it broke".to_owned(), claim }
    }

    fn wait() -> Value {
        let input = json!({"duration": "1 seconds"});
        json!({"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": input})
    }

    #[test]
    fn a_faulted_run_rests_until_it_is_touched() {
        let mut bench = Bench::start(json!([wait()]), json!({}));
        assert!(bench.run.head.wake_at.is_some());
        bench.decide(&faulted(None));
        assert_eq!((bench.run.head.wake_at, bench.run.head.extra.fault.as_deref()), (None, Some("it broke")));
        assert!(bench.decide_at(&faulted(None), NOW).is_empty(), "a second time changes nothing");
        let later = NOW + Span::from_secs(5);
        assert!(bench.decide_at(&Event::Due, later).is_empty(), "a timer that was on its way is no touch");
        bench.decide_at(&Event::Look, later);
        assert_eq!(bench.run.head.extra.fault, None);
        assert_eq!(bench.row("w").status, TaskStatus::Completed);
    }

    #[test]
    fn what_was_left_is_done_after_a_touch() {
        let branches = json!([[{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}], [wait()]]);
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "w"]});
        let mut bench = Bench::start(json!([fork, join]), json!({}));
        let a = bench.row("a").no;
        bench.decide(&faulted(Some(a)));
        assert!(!bench.row("a").ready, "its claim was the fault: nobody is offered it");
        let later = NOW + Span::from_secs(5);
        bench.decide_at(&Event::Returned { task: a, poll_count: 0 }, later);
        assert!(bench.row("a").ready);
        assert_eq!(bench.run.head.wake_at, Some(later));
        bench.decide_at(&Event::Due, later);
        assert_eq!(bench.row("w").status, TaskStatus::Completed);
    }

    #[test]
    fn only_the_claim_that_wrote_the_lease_may_take_it_or_give_it_back() {
        let simple = json!([{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}]);
        let mut bench = Bench::start(simple, json!({}));
        let no = bench.row("a").no;
        let claim = |worker: &str, before| Event::Claimed { task: no, worker: Some(worker.into()), before };
        bench.decide(&claim("w", None));
        // as the store would have marked the row
        bench.run.tasks.change(no, |row| row.changed_in = 7);
        assert!(bench.try_decide(&claim("w", None)).is_err());
        assert!(bench.try_decide(&claim("w", Some(6))).is_err());
        assert!(bench.try_decide(&claim("other", Some(7))).is_err());
        assert_eq!(bench.try_decide(&claim("w", Some(7))).map(|e| e.len()), Ok(0));
        let disowned = |stored_in, poll_count| Event::Disowned {
            task: no,
            poll_count,
            worker: Some("w".into()),
            stored_in,
        };
        for other in [disowned(6, 1), disowned(7, 2)] {
            bench.decide(&other);
            assert_eq!(bench.row("a").status, TaskStatus::InProgress);
        }
        bench.decide(&disowned(7, 1));
        assert!(bench.row("a").ready && bench.row("a").status == TaskStatus::Scheduled);
    }
}
