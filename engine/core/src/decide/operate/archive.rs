//! Archive: an ended run is put away. Its rows stay for searches; for every other call it is not there any more (spec:
//! semantics §5.12; scenario 67).

use std::sync::Arc;

use super::Turn;
use crate::operation::Objection;

impl Turn<'_> {
    pub(super) fn archive(&mut self) -> Result<(), Objection> {
        let head = &self.run.head;
        if !head.status.is_terminal() {
            return Err(Objection::NotArchivable { run: head.id, status: head.status });
        }
        Arc::make_mut(&mut self.head().extra).archived = true;
        self.drop_kept(|_| true);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, operate, simple};
    use crate::event::Event;
    use crate::operation::Operation;
    use crate::task::TaskStatus;

    #[test]
    fn an_archived_run_is_not_there_any_more() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        let why = bench.refusal(&operate(Operation::Archive));
        assert!(
            why.starts_with("Cannot archive workflow: ") && why.ends_with(" with status: RUNNING"),
            "{why}"
        );
        bench.end("a", TaskStatus::FailedWithTerminalError);
        bench.decide(&operate(Operation::Archive));
        let gone = format!("No such workflow found by id: {}", bench.run.head.id);
        for event in [
            operate(Operation::Archive),
            operate(Operation::Retry { resume_children: false }),
            Event::Terminate { reason: None },
            Event::Look,
        ] {
            assert_eq!(bench.refusal(&event), gone, "{event:?}");
        }
    }
}
