//! SET_VARIABLE: puts every input member into the run's variables (spec: semantics §4.22; scenarios 159, 160).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
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
            turn.head().variables = variables;
        }
        turn.head().updated_at = turn.cx.now;
        turn.complete(no, Payload::empty());
    }
}
