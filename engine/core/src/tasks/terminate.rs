//! TERMINATE: ends the run (spec: semantics §4.23; scenarios 151–156).
//!
//! Input: `terminationStatus` (COMPLETED, FAILED or TERMINATED), `terminationReason`, `workflowOutput`. The output of the
//! run is that of this task. What is still open is cancelled.

use serde_json::{Map, Value};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;
use crate::task::TaskStatus;

pub(super) struct Terminate;

impl TaskKind for Terminate {
    fn name(&self) -> &'static str {
        "TERMINATE"
    }

    fn may_terminate(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input(turn, node);
        map.running(turn, node, input);
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no) else { return };
        let status = row.input.get("terminationStatus").and_then(Value::as_str);
        if !matches!(status, Some("COMPLETED" | "FAILED" | "TERMINATED")) {
            let reason = "given termination status is not valid";
            turn.end(no, TaskStatus::Failed, Some(reason.into()), None);
            return;
        }
        let output = match row.input.get("workflowOutput") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(other) => {
                let mut members = Map::new();
                members.insert("output".to_owned(), other.clone());
                members
            }
        };
        turn.complete(no, Payload::from_map(output));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::run::RunStatus;

    fn terminate(input: serde_json::Value) -> Bench {
        let end =
            json!({"name": "e", "taskReferenceName": "e", "type": "TERMINATE", "inputParameters": input});
        let tasks = json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}, end, {"name": "t", "taskReferenceName": "t"}]);
        Bench::start(tasks, json!({"v": [1]}))
    }

    #[test]
    fn it_ends_the_run_with_its_status_and_output() {
        let bench =
            terminate(json!({"terminationStatus": "COMPLETED", "workflowOutput": "${workflow.input}"}));
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert_eq!(json!(bench.run.head.output.map()), json!({"v": [1]}));
        let id = bench.run.task_id(bench.row("e").no);
        assert_eq!(bench.reason(), format!("Workflow is COMPLETED by TERMINATE task: {id}"));
        assert!(bench.row("n").executed && !bench.row("e").executed);
        assert_eq!(bench.run.tasks.len(), 2);

        let bench = terminate(
            json!({"terminationStatus": "TERMINATED", "terminationReason": "enough", "workflowOutput": 5}),
        );
        assert_eq!(bench.run.head.status, RunStatus::Terminated);
        assert_eq!((bench.reason(), json!(bench.run.head.output.map())), ("enough", json!({"output": 5})));
        assert!(bench.row("e").executed);
    }

    #[test]
    fn an_unknown_status_fails() {
        let bench = terminate(json!({"terminationStatus": "completed"}));
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        assert_eq!(bench.row("e").reason.as_deref(), Some("given termination status is not valid"));
    }
}
