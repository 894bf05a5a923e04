//! Any type that Podium does not know: a worker task whose queue is the type (spec: semantics §4.2). The row carries no
//! response time-out of its own; the one of its task definition applies all the same.

use super::TaskKind;

pub(super) struct UserDefined;

impl TaskKind for UserDefined {
    fn name(&self) -> &'static str {
        ""
    }

    fn by_worker(&self) -> bool {
        true
    }

    fn uses_template(&self) -> bool {
        true
    }
}
