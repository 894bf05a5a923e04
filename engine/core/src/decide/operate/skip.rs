//! Skip: a task that the flow has not reached is passed over when it comes to it (spec: semantics §5.9; scenarios 49, 50).
//!
//! Its row is SKIPPED, stands before all others and has the output that the operator gave; a JOIN that names it takes it
//! as done.

use super::Turn;
use crate::decide::mapping::Mapping;
use crate::operation::Objection;
use crate::payload::Payload;
use crate::run::RunStatus;
use crate::task::TaskStatus;

impl Turn<'_> {
    pub(super) fn skip(
        &mut self,
        ref_name: &str,
        input: &Payload,
        output: &Payload,
    ) -> Result<(), Objection> {
        let head = &self.run.head;
        if head.status != RunStatus::Running {
            return Err(Objection::NotRunning { run: head.id, ref_name: ref_name.to_owned() });
        }
        let Some(node) = self.plan.node_of(ref_name) else {
            let definition = head.name.clone();
            return Err(Objection::NotInDefinition { ref_name: ref_name.to_owned(), definition });
        };
        if self.run.tasks.latest(ref_name).is_some() {
            return Err(Objection::AlreadyProcessed(ref_name.to_owned()));
        }
        let now = self.cx.now;
        let mut row = Mapping::default().passed_over(self, node, input.clone());
        // as recorded: such a row says what the definition calls the task, not what kind it is
        row.task_type = node.config.name().into();
        row.def_name = row.task_type.clone();
        row.output = output.clone();
        row.status = TaskStatus::Skipped;
        row.ended_at = Some(now);
        let head = self.head();
        head.next_no += 1;
        head.updated_at = now;
        self.add(row);
        let joined_by = node.joined_by.clone();
        for join in joined_by {
            if let Some(no) = self.run.tasks.latest(&self.plan.node(join).ref_name).map(|t| t.no) {
                self.ask_join(no);
            }
        }
        self.advance();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, operate, simple};
    use crate::event::Event;
    use crate::operation::Operation;
    use crate::payload::Payload;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;

    fn skip(ref_name: &str) -> Event {
        let output = Payload::from_object_text(r#"{"x":"given"}"#);
        operate(Operation::Skip { ref_name: ref_name.to_owned(), input: Payload::empty(), output })
    }

    #[test]
    fn the_flow_passes_over_it_and_its_output_is_read() {
        let mut c = simple("c");
        c["inputParameters"] = json!({"x": "${b.output.x}", "st": "${b.status}"});
        let mut bench = Bench::start(json!([simple("a"), simple("b"), c]), json!({}));
        bench.decide(&skip("b"));
        assert_eq!((bench.row("b").status, bench.row("b").seq), (TaskStatus::Skipped, 0));
        assert!(bench.refusal(&skip("b")).ends_with("has already been processed, cannot be skipped"));
        assert!(bench.refusal(&skip("nope")).contains("does not exist in the WorkflowDefinition wf"));
        bench.end("a", TaskStatus::Completed);
        assert_eq!(json!(bench.row("c").input.map()), json!({"x": "given", "st": "SKIPPED"}));
        bench.end("c", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert!(bench.refusal(&skip("b")).contains("is not running so the task referenced by b"));
    }

    #[test]
    fn a_join_takes_it_as_done() {
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[simple("a"), simple("b")], [simple("c")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["b", "c"]});
        let mut bench = Bench::start(json!([fork, join, simple("d")]), json!({}));
        bench.decide(&skip("b"));
        bench.end("a", TaskStatus::Completed);
        assert_eq!(bench.row("j").status, TaskStatus::InProgress);
        bench.end("c", TaskStatus::Completed);
        assert_eq!(bench.row("j").status, TaskStatus::Completed);
        assert!(bench.row("d").ready);
    }

    #[test]
    fn skipping_the_last_task_that_a_join_waits_for_ends_the_join() {
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[simple("a"), simple("b")], [simple("c")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["b", "c"]});
        let mut bench = Bench::start(json!([fork, join, simple("d")]), json!({}));
        bench.end("c", TaskStatus::Completed);
        bench.decide(&skip("b"));
        assert_eq!(bench.row("j").status, TaskStatus::Completed);
        bench.end("a", TaskStatus::Completed);
        bench.end("d", TaskStatus::Completed);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }
}
