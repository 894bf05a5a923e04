//! Types of Conductor that this version does not run yet. A definition may contain them; a run that reaches one ends
//! FAILED with a reason that says so, and never as if the task had been done.

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::plan::Node;

pub(super) struct Undelivered(&'static str);

pub(super) static HTTP: Undelivered = Undelivered("HTTP");

impl TaskKind for Undelivered {
    fn name(&self) -> &'static str {
        self.0
    }

    fn can_be_chosen(&self) -> bool {
        false
    }

    fn expand(&self, _turn: &Turn<'_>, _map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        Err(Halt::failed(format!(
            "Task '{}' has the type {}, which this version of Podium does not run yet",
            node.ref_name, self.0
        )))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::run::RunStatus;

    #[test]
    fn a_run_that_reaches_one_says_so() {
        let tasks = json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"},
            {"name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {"http_request": {}}}]);
        let bench = Bench::start(tasks, json!({}));
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        assert_eq!(
            bench.reason(),
            "Task 'h' has the type HTTP, which this version of Podium does not run yet"
        );
    }
}
