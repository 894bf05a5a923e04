//! NOOP: ends at once, without input and output (spec: semantics §4.15; scenario 22).

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;

pub(super) struct Noop;

impl TaskKind for Noop {
    fn name(&self) -> &'static str {
        "NOOP"
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        map.running(turn, node, Payload::empty());
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        turn.complete(no, Payload::empty());
    }
}
