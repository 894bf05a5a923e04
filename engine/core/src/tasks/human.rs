//! HUMAN: IN_PROGRESS until somebody reports on it (spec: semantics §4.14; scenario 46).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::id::TaskNo;
use crate::plan::Node;

pub(super) struct Human;

impl TaskKind for Human {
    fn name(&self) -> &'static str {
        "HUMAN"
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input(turn, node);
        map.running(turn, node, input);
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        turn.begin(no);
    }
}
