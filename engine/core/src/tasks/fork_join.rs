//! FORK_JOIN: starts all its branches and the JOIN behind it (spec: semantics §4.4; scenarios 69–74, 82).
//!
//! One row of type FORK, COMPLETED at once; then the first task of each branch; then the JOIN, which must be the next
//! task of the definition.

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::plan::Node;
use crate::task::TaskStatus;

pub(super) struct ForkJoin;

impl TaskKind for ForkJoin {
    fn name(&self) -> &'static str {
        "FORK_JOIN"
    }

    fn task_type<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "FORK"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "FORK"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        let row = map.running(turn, node, input);
        row.status = TaskStatus::Completed;
        row.ended_at = Some(turn.cx.now);
        row.updated_at = turn.cx.now;
        for branch in &node.branches {
            match branch {
                Some(first) => map.expand(turn, *first)?,
                None => return Err(Halt::failed(format!("A branch of the fork '{}' has no tasks", node.ref_name))),
            }
        }
        match node.next.map(|next| turn.plan.node(next)) {
            Some(join) if join.kind.joins() => map.expand(turn, join.ix),
            _ => Err(Halt::failed("Fork task definition is not followed by a join task.  Check the blueprint".to_owned())),
        }
    }
}
