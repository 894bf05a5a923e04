//! Reset callbacks: scheduled tasks that wait for a delay are ready at once (spec: semantics §5.11; scenario 19).

use super::Turn;
use crate::id::TaskNo;
use crate::operation::Objection;
use crate::task::TaskStatus;

impl Turn<'_> {
    pub(super) fn reset_callbacks(&mut self) -> Result<(), Objection> {
        if self.run.head.status.is_terminal() {
            return Err(Objection::Terminal(self.run.head.status));
        }
        let now = self.cx.now;
        let delayed: Vec<TaskNo> = self
            .run
            .tasks
            .open()
            .filter(|t| t.status == TaskStatus::Scheduled && t.callback_after_s > 0)
            .map(|t| t.no)
            .filter(|no| self.by_worker(*no))
            .collect();
        for no in delayed {
            self.change(no, |row| {
                row.callback_after_s = 0;
                row.available_at = now;
                row.updated_at = now;
            });
            self.watch_new(no);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::operation::Operation;
    use crate::task::TaskStatus;
    use crate::time::Span;

    #[test]
    fn a_delayed_attempt_is_ready_at_once() {
        let mut a = simple("a");
        a["taskDefinition"] = json!({"name": "a", "retryCount": 1, "retryDelaySeconds": 3600});
        let mut bench = Bench::start(json!([a]), json!({}));
        bench.end("a", TaskStatus::Failed);
        assert_eq!(bench.row("a").available_at, NOW + Span::from_secs(3600));
        bench.decide(&operate(Operation::ResetCallbacks));
        let row = bench.row("a");
        assert_eq!((row.available_at, row.callback_after_s, row.start_delay_s), (NOW, 0, 3600));
        assert!(bench.try_decide(&operate(Operation::ResetCallbacks)).expect("no error").is_empty());
        bench.end("a", TaskStatus::FailedWithTerminalError);
        assert_eq!(
            bench.refusal(&operate(Operation::ResetCallbacks)),
            "Workflow is in terminal state. Status = FAILED"
        );
    }
}
