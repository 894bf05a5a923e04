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
                None => {
                    return Err(Halt::refusing_start(format!(
                        "A branch of the fork '{}' has no tasks",
                        node.ref_name
                    )));
                }
            }
        }
        match node.next.map(|next| turn.plan.node(next)) {
            Some(join) if join.kind.name() == "JOIN" => map.expand(turn, join.ix),
            _ => Err(Halt::failed(
                "Fork task definition is not followed by a join task.  Check the blueprint".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;

    #[test]
    fn all_branches_start_in_order_and_the_join_waits() {
        let fork = |name: &str, branches| json!({"name": name, "taskReferenceName": name, "type": "FORK_JOIN", "forkTasks": branches});
        let join =
            |name: &str, on| json!({"name": name, "taskReferenceName": name, "type": "JOIN", "joinOn": on});
        let t = |name: &str| json!({"name": name, "taskReferenceName": name});
        let inner = json!([[t("t12"), t("t14")], [t("t13")]]);
        let outer = json!([[t("t11")], [fork("f2", inner), join("j2", json!(["t14", "t13"]))]]);
        let bench =
            Bench::start(json!([fork("f1", outer), join("j1", json!(["t11", "j2"])), t("t15")]), json!({}));
        let rows: Vec<(&str, &str, i32)> =
            bench.run.tasks.iter().map(|t| (&*t.ref_name, t.status.as_str(), t.seq)).collect();
        assert_eq!(
            rows,
            [
                ("f1", "COMPLETED", 1),
                ("t11", "SCHEDULED", 2),
                ("f2", "COMPLETED", 3),
                ("t12", "SCHEDULED", 4),
                ("t13", "SCHEDULED", 5),
                ("j2", "IN_PROGRESS", 6),
                ("j1", "IN_PROGRESS", 7)
            ]
        );
        assert_eq!((&*bench.row("f1").task_type, &*bench.row("f1").def_name), ("FORK", "FORK"));
    }

    #[test]
    fn without_a_join_the_run_fails() {
        let fork = |branches| json!([{"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}]);
        let bench = Bench::start(fork(json!([[{"name": "t", "taskReferenceName": "t"}]])), json!({}));
        assert_eq!(
            bench.reason(),
            "Fork task definition is not followed by a join task.  Check the blueprint"
        );
        assert_eq!(bench.run.tasks.len(), 0);
    }

    #[test]
    #[should_panic(expected = "A branch of the fork 'f' has no tasks")]
    fn with_an_empty_branch_it_does_not_start() {
        let fork = json!([{"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[]]}]);
        Bench::start(fork, json!({}));
    }
}
