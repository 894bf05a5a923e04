//! SET_VARIABLE: puts every input member into the run's variables (spec: semantics §4.22; scenarios 159, 160).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn, unfit_reason};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;
use crate::task::TaskStatus;

pub(super) struct SetVariable;

impl TaskKind for SetVariable {
    fn name(&self) -> &'static str {
        "SET_VARIABLE"
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        map.running(turn, node, input);
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no) else { return };
        let input = row.input.clone();
        if !input.is_empty() {
            let mut variables = turn.run.head.variables.map().clone();
            for (name, value) in input.map() {
                variables.insert(name.clone(), value.clone());
            }
            let variables = Payload::from_map(variables);
            let limit = turn.cx.settings.variables_limit_bytes;
            if variables.size_bytes() > limit {
                let reason = format!(
                    "The variables payload size: {} of workflow: {} is greater than the permissible limit: {} kilobytes",
                    variables.size_bytes(),
                    turn.run.head.id,
                    limit / 1024
                );
                turn.end(no, TaskStatus::FailedWithTerminalError, Some(reason.into()), None);
                return;
            }
            if let Some(reason) = unfit_reason("output", &variables, turn, no, usize::MAX) {
                turn.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
                return;
            }
            turn.head().variables = variables;
        }
        turn.head().updated_at = turn.cx.now;
        turn.complete(no, Payload::empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::task::TaskStatus;

    #[test]
    fn variables_are_put_one_by_one() {
        let set = |name: &str, input| json!({"name": name, "taskReferenceName": name, "type": "SET_VARIABLE", "inputParameters": input});
        let tasks = json!([
            set("a", json!({"x": 1, "y": {"z": 1}})),
            set("b", json!({"y": "${workflow.variables.x}", "id": "${CPEWF_TASK_ID}"}))
        ]);
        let bench = Bench::start(tasks, json!({}));
        assert_eq!(json!(bench.run.head.variables.map()), json!({"x": 1, "y": 1, "id": "${CPEWF_TASK_ID}"}));
        assert!(bench.row("b").output.is_empty());
    }

    #[test]
    fn too_many_bytes_change_nothing() {
        let tasks = json!([{"name": "a", "taskReferenceName": "a", "type": "SET_VARIABLE", "inputParameters": {"big": "x".repeat(100)}}]);
        let bench = Bench::start(tasks, json!({}));
        assert!(bench.run.head.variables.is_empty());
        assert_eq!(bench.row("a").status, TaskStatus::FailedWithTerminalError);
        assert!(
            bench.reason().contains("The variables payload size: 110 of workflow: "),
            "{}",
            bench.reason()
        );
    }
}
