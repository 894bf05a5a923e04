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
