//! Restart: an ended run begins again under its id, with its input and the variables as they are (spec: semantics §5.7;
//! scenarios 53–57).

use std::sync::Arc;

use super::Turn;
use crate::id::TaskNo;
use crate::operation::{Edition, Label, Objection};
use crate::payload::Payload;
use crate::run::RunStatus;

impl Turn<'_> {
    /// The plan of this turn is the one of the edition.
    pub(super) fn restart(&mut self, edition: &Edition) -> Result<(), Objection> {
        self.must_have_ended("restart")?;
        let head = &self.run.head;
        if matches!(edition, Edition::Missing) {
            return Err(Objection::NoDefinition(head.id));
        }
        if head.status == RunStatus::Completed && !self.plan.def().restartable {
            return Err(Objection::NotRestartable(Label::of(head)));
        }
        self.remove_all();
        self.reopen();
        self.tell_parent_of_opening("restarted", false);
        let (now, plan) = (self.cx.now, self.plan);
        let head = self.head();
        head.created_at = now;
        head.ended_at = None;
        head.retried_at = None;
        head.output = Payload::empty();
        if let Edition::Latest(plan) = edition {
            head.snapshot = plan.hash;
            head.def_version = plan.def().version;
        }
        if head.extra.failed_task.is_some() {
            Arc::make_mut(&mut head.extra).failed_task = None;
        }
        self.begin_again();
        debug_assert_eq!(plan.hash, self.run.head.snapshot, "the turn must use the plan of the edition");
        Ok(())
    }

    /// Takes all rows away, and the answers that were kept for them. Their messages were withdrawn when the run ended.
    pub(super) fn remove_all(&mut self) {
        self.drop_kept(|_| true);
        let all: Vec<TaskNo> = self.run.tasks.iter().map(|t| t.no).collect();
        for no in all {
            self.remove(no);
        }
    }

    /// The first task of a run without rows.
    pub(super) fn begin_again(&mut self) {
        if self.refuses_input() {
            return;
        }
        if self.waits_for_slot() {
            return self.watch_all();
        }
        match self.plan.first() {
            Some(first) => {
                let mut map = crate::decide::mapping::Mapping::default();
                let made = map.expand(self, first);
                self.note_needs(&mut map);
                match made {
                    Ok(()) => {
                        self.store(map, true);
                        self.go_on();
                    }
                    Err(halt) => self.halt(halt),
                }
            }
            None => self.complete_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::effect::Effect;
    use crate::operation::{Edition, Operation};
    use crate::plan::{Plan, snapshot};
    use crate::run::RunStatus;
    use crate::task::TaskStatus;
    use crate::time::Span;

    #[test]
    fn all_rows_go_and_the_first_task_comes_anew() {
        let mut bench = Bench::start(json!([simple("a"), simple("b")]), json!({"k": 1}));
        let why = bench.refusal(&operate(Operation::Restart(Edition::Kept)));
        assert!(why.ends_with(".RUNNING is not in terminal state, unable to restart."), "{why}");
        bench.end("a", TaskStatus::Completed);
        bench.end("b", TaskStatus::FailedWithTerminalError);
        let later = NOW + Span::from_secs(9);
        let effects = bench.decide_at(&operate(Operation::Restart(Edition::Kept)), later);
        let removed = effects.iter().filter(|e| matches!(e, Effect::TaskRemoved(_))).count();
        assert_eq!((removed, bench.refs()), (2, vec!["a"]));
        let head = &bench.run.head;
        assert_eq!(
            (head.status, head.created_at, head.ended_at, head.retried_at),
            (RunStatus::Running, later, None, None)
        );
        assert_eq!(
            (head.extra.failed_refs.as_slice(), head.extra.failed_task),
            (&["b".to_owned()][..], None)
        );
        assert_eq!((bench.row("a").seq, bench.row("a").no), (1, 3), "order starts anew, ids do not");
    }

    #[test]
    fn the_latest_definition_is_used_if_asked_for() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        bench.end("a", TaskStatus::Completed);
        let def = json!({"name": "wf", "version": 2, "tasks": [simple("z")]});
        let def = serde_json::from_value(def).expect("a definition");
        let plan = Arc::new(Plan::compile(&snapshot(&def, &|_| None)).expect("a plan"));
        let missing = bench.refusal(&operate(Operation::Restart(Edition::Missing)));
        assert_eq!(missing, format!("Unable to find latest definition for {}", bench.run.head.id));
        bench.decide(&operate(Operation::Restart(Edition::Latest(plan.clone()))));
        assert_eq!((bench.run.head.snapshot, bench.run.head.def_version), (plan.hash, 2));
        assert_eq!(bench.refs(), ["z"]);
    }

    #[test]
    fn a_completed_run_may_forbid_it() {
        let mut bench = Bench::start_def(json!({"restartable": false, "tasks": [simple("a")]}), json!({}));
        bench.end("a", TaskStatus::FailedWithTerminalError);
        bench.decide(&operate(Operation::Restart(Edition::Kept)));
        bench.end("a", TaskStatus::Completed);
        assert!(
            bench
                .refusal(&operate(Operation::Restart(Edition::Kept)))
                .ends_with(".COMPLETED is non-restartable")
        );
    }
}
