//! EXCLUSIVE_JOIN: takes over the output of the first task of its list that exists (spec: semantics §4.7; scenario 109).
//!
//! The first reference in `joinOn` that has a row (not a skipped one) decides: while it is open the join waits; if it
//! failed the join fails, unless that task is permissive and another of the list is still open. Where none of them has
//! ended, the first of `defaultExclusiveJoinTask` that exists decides in the same way. With nothing to join on it waits
//! until an operator acts.

use std::sync::Arc;

use serde_json::{Map, json};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::Node;
use crate::task::{TaskState, TaskStatus};

pub(super) struct ExclusiveJoin;

impl TaskKind for ExclusiveJoin {
    fn name(&self) -> &'static str {
        "EXCLUSIVE_JOIN"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "EXCLUSIVE_JOIN"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn is_watcher(&self) -> bool {
        true
    }

    fn watches<'c>(&self, config: &'c TaskConfig) -> Vec<&'c str> {
        config.join_on.iter().chain(&config.default_exclusive_join_task).map(String::as_str).collect()
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let mut input = Map::new();
        input.insert("joinOn".to_owned(), json!(node.config.join_on));
        let defaults = json!(node.config.default_exclusive_join_task);
        input.insert("defaultExclusiveJoinTask".to_owned(), defaults);
        map.running(turn, node, Payload::from_map(input)).updated_at = turn.cx.now;
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        turn.ask_join(no);
    }

    fn evaluate(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let (Some(join), Some(node)) = (turn.run.tasks.get(no), turn.node_of(no)) else { return };
        if join.status != TaskStatus::InProgress {
            return;
        }
        let config = &node.config;
        let rows = |names: &[String]| -> Vec<Arc<TaskState>> {
            let found = names.iter().filter_map(|name| turn.beside(join, name));
            found.filter(|row| row.status != TaskStatus::Skipped).cloned().collect()
        };
        let named = rows(&config.join_on);
        let all_ended = named.len() == config.join_on.len() && named.iter().all(|t| t.status.is_terminal());
        if let Some(row) = named.first().filter(|row| row.status.is_terminal()) {
            let permissive = turn.node_of_row(row).is_some_and(|n| n.permissive);
            let failed = !row.status.is_successful() && (!permissive || all_ended);
            return follow(turn, no, row, failed);
        }
        if let Some(row) = rows(&config.default_exclusive_join_task).first()
            && row.status.is_terminal()
        {
            follow(turn, no, row, !row.status.is_successful());
        }
    }
}

fn follow(turn: &mut Turn<'_>, no: TaskNo, row: &TaskState, failed: bool) {
    if failed {
        turn.fail(no, row.reason.as_deref().unwrap_or("null").to_owned());
    } else {
        turn.complete(no, row.output.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::task::TaskStatus;

    fn joined(which: &str) -> Bench {
        let set = |name: &str| json!({"name": name, "taskReferenceName": name, "type": "TEST_OUTPUT"});
        let choice = json!({"name": "d", "taskReferenceName": "d", "type": "DECISION", "caseValueParam": "v",
            "inputParameters": {"v": which}, "decisionCases": {"a": [set("a")], "b": [set("b")]}});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "EXCLUSIVE_JOIN", "joinOn": ["b", "a"],
            "defaultExclusiveJoinTask": ["first"]});
        let after = json!({"name": "after", "taskReferenceName": "after", "type": "HUMAN"});
        let mut bench = Bench::start(json!([set("first"), choice, join, after]), json!({}));
        bench.report("first", TaskStatus::Completed, json!({"from": "first"}));
        bench
    }

    #[test]
    fn the_first_that_exists_decides_else_the_default() {
        let mut bench = joined("a");
        bench.report("a", TaskStatus::Completed, json!({"from": "a"}));
        assert_eq!(json!(bench.row("j").output.map()), json!({"from": "a"}));
        assert_eq!(bench.row("after").status, TaskStatus::InProgress);
        let bench = joined("none");
        assert_eq!(json!(bench.row("j").output.map()), json!({"from": "first"}));
        let input = json!({"joinOn": ["b", "a"], "defaultExclusiveJoinTask": ["first"]});
        assert_eq!(json!(bench.row("j").input.map()), input);
    }

    #[test]
    fn it_waits_for_what_is_open_and_fails_with_what_failed() {
        let t = |name: &str, permissive: bool| json!({"name": name, "taskReferenceName": name, "permissive": permissive});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[t("a", true)], [t("b", false)]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["b"]});
        let exclusive =
            json!({"name": "x", "taskReferenceName": "x", "type": "EXCLUSIVE_JOIN", "joinOn": ["a"]});
        let mut bench = Bench::start(json!([fork, join, exclusive]), json!({}));
        bench.report("b", TaskStatus::Completed, json!({}));
        assert_eq!(bench.row("x").status, TaskStatus::InProgress);
        bench.report("a", TaskStatus::FailedWithTerminalError, json!({}));
        assert_eq!(bench.row("x").status, TaskStatus::Failed);
        assert_eq!(bench.row("x").reason.as_deref(), Some("because"));
    }
}
