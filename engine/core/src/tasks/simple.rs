//! SIMPLE: a worker runs it. Its type, which is also the queue that workers poll, is its name (spec: semantics §4.1;
//! scenarios 1–21).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::plan::Node;

pub(super) struct Simple;

impl TaskKind for Simple {
    fn name(&self) -> &'static str {
        "SIMPLE"
    }

    fn task_type<'c>(&self, config: &'c TaskConfig) -> &'c str {
        config.name()
    }

    fn by_worker(&self) -> bool {
        true
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let row = map.scheduled(turn, node);
        row.response_timeout_s = node.config.task_definition.as_ref().map_or(0, |d| d.response_timeout_seconds);
        Ok(())
    }
}
