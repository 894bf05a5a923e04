//! Pause: what is scheduled is still handed out and reported, waits still end, but nothing new begins, nothing is tried
//! again and no task times out (spec: semantics §5.3; scenarios 47, 48).

use super::Turn;
use crate::operation::{Label, Objection};
use crate::run::RunStatus;

impl Turn<'_> {
    /// Pausing a paused run changes nothing.
    pub(super) fn pause(&mut self) -> Result<(), Objection> {
        let now = self.cx.now;
        match self.run.head.status {
            RunStatus::Paused => {}
            RunStatus::Running => {
                let head = self.head();
                head.status = RunStatus::Paused;
                head.updated_at = now;
            }
            RunStatus::Completed | RunStatus::Failed | RunStatus::TimedOut | RunStatus::Terminated => {
                return Err(Objection::Ended(Label::of(&self.run.head)));
            }
        }
        Ok(())
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
    use crate::time::Span;

    #[test]
    fn nothing_new_begins_until_it_is_resumed() {
        let mut bench = Bench::start(json!([simple("a"), simple("b")]), json!({}));
        bench.decide(&operate(Operation::Pause));
        assert!(bench.try_decide(&operate(Operation::Pause)).expect("no error").is_empty());
        bench.claim("a");
        bench.end("a", TaskStatus::Completed);
        bench.decide(&Event::Look);
        assert_eq!((bench.refs(), bench.row("a").executed), (vec!["a"], false));
        bench.decide(&operate(Operation::Resume));
        assert_eq!(bench.refs(), ["a", "b"]);
        assert!(bench.row("a").executed && bench.run.head.retried_at == Some(NOW));
    }

    #[test]
    fn waits_end_while_it_is_paused_and_a_paused_run_does_not_stay_due() {
        let wait = json!({"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 seconds"}});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[wait], [simple("a")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["w", "a"]});
        let mut bench = Bench::start(json!([fork, join, simple("b")]), json!({}));
        bench.decide(&operate(Operation::Pause));
        bench.end("a", TaskStatus::Completed);
        let later = NOW + Span::from_secs(2);
        bench.decide_at(&Event::Due, later);
        assert_eq!(
            (bench.row("w").status, bench.row("j").status),
            (TaskStatus::Completed, TaskStatus::Completed)
        );
        assert_eq!(bench.run.head.wake_at, None, "nothing moves it but somebody outside");
        assert!(bench.decide_at(&Event::Due, later).is_empty());
        bench.decide(&operate(Operation::Resume));
        assert!(bench.row("b").ready);
    }

    #[test]
    fn a_failed_branch_waits_with_its_join_for_the_resumption() {
        let mut a = simple("a");
        a["taskDefinition"] = json!({"name": "a", "retryCount": 1, "retryDelaySeconds": 0});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[a], [simple("b")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "b"]});
        let mut bench = Bench::start(json!([fork, join]), json!({}));
        bench.decide(&operate(Operation::Pause));
        bench.end("a", TaskStatus::Failed);
        bench.end("b", TaskStatus::Completed);
        assert_eq!(bench.row("j").status, TaskStatus::InProgress);
        bench.decide(&operate(Operation::Resume));
        assert_eq!((bench.row("a").attempt, bench.row("a").ready), (1, true));
        bench.end("a", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    #[test]
    fn only_a_running_run_is_paused_and_only_a_paused_one_resumed() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        let why = bench.refusal(&operate(Operation::Resume));
        assert!(why.ends_with("is not PAUSED so cannot resume. Current status is RUNNING"), "{why}");
        bench.end("a", TaskStatus::Completed);
        let why = bench.refusal(&operate(Operation::Pause));
        assert!(
            why.starts_with("Workflow wf.1/") && why.ends_with("has ended, status cannot be updated."),
            "{why}"
        );
    }

    #[test]
    fn a_failed_join_ends_the_run_before_the_join_around_it_sees_it() {
        let fork = |name: &str, branch| json!({"name": name, "taskReferenceName": name, "type": "FORK_JOIN", "forkTasks": [branch]});
        let join = |name: &str, on: &str| json!({"name": name, "taskReferenceName": name, "type": "JOIN", "joinOn": [on]});
        let mut a = simple("a");
        a["permissive"] = json!(true);
        let inner = json!([fork("f2", json!([a])), join("j2", "a")]);
        for pauses in [false, true] {
            let mut bench = Bench::start(json!([fork("f1", inner.clone()), join("j1", "j2")]), json!({}));
            if pauses {
                bench.decide(&operate(Operation::Pause));
            }
            bench.end("a", TaskStatus::FailedWithTerminalError);
            if pauses {
                bench.decide(&operate(Operation::Resume));
            }
            assert_eq!(bench.run.head.status, RunStatus::Failed);
            let joins = (bench.row("j2").status, bench.row("j1").status);
            assert_eq!(joins, (TaskStatus::Failed, TaskStatus::Canceled), "paused: {pauses}");
        }
    }

    #[test]
    fn a_failed_branch_of_a_dynamic_fork_waits_too() {
        let mut a = simple("a");
        a["taskDefinition"] = json!({"name": "a", "retryCount": 1, "retryDelaySeconds": 0});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "t",
            "dynamicForkTasksInputParamName": "i", "inputParameters": {"t": [a], "i": {}}});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN"});
        let mut bench = Bench::start(json!([fork, join]), json!({}));
        bench.decide(&operate(Operation::Pause));
        bench.end("a", TaskStatus::Failed);
        assert_eq!(bench.row("j").status, TaskStatus::InProgress);
        bench.decide(&operate(Operation::Resume));
        bench.end("a", TaskStatus::Completed);
        assert_eq!((bench.row("a").attempt, bench.run.head.status), (1, RunStatus::Completed));
    }
}
