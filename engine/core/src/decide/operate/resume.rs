//! Resume: what a pause held back is decided now, and the clock of the run's time-out starts anew (spec: semantics §5.3;
//! scenarios 47, 48).

use super::Turn;
use crate::operation::Objection;
use crate::run::RunStatus;

impl Turn<'_> {
    pub(super) fn resume(&mut self) -> Result<(), Objection> {
        let head = &self.run.head;
        if head.status != RunStatus::Paused {
            return Err(Objection::NotPaused { run: head.id, status: head.status });
        }
        self.reopen();
        self.head().retried_at = Some(self.cx.now);
        self.go_on();
        Ok(())
    }
}
