//! DYNAMIC: a task whose name, and so whose queue, is a value of its input (spec: semantics §4.3; scenario 175).
//!
//! `dynamicTaskNameParam` names the member of the input; without a value there the run fails. If the value is the name of
//! a type that the engine runs itself, such a task begins, with the input as it is; any other value is a worker's task of
//! that name. Retries and time-outs are those of the task definition under the DYNAMIC task's own name, as recorded.

use serde_json::Value;

use super::{TaskKind, chosen};
use crate::decide::{Halt, Mapping, Turn};
use crate::expr::java;
use crate::plan::Node;

pub(super) struct Dynamic;

impl TaskKind for Dynamic {
    fn name(&self) -> &'static str {
        "DYNAMIC"
    }

    fn by_worker(&self) -> bool {
        true
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn is_chosen(&self) -> bool {
        true
    }

    fn may_terminate(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        let param = node.config.dynamic_task_name_param.as_deref().unwrap_or_default();
        let name = match input.get(param) {
            None | Some(Value::Null) => {
                return Err(Halt::failed(format!(
                    "Cannot map a dynamic task based on the parameter and input. Parameter= {param}, input= {}",
                    java::map_text(input.map())
                )));
            }
            Some(value) => java::to_text(value),
        };
        let (_, kind) = chosen(&name);
        if !kind.can_be_chosen() || name.is_empty() {
            return Err(Halt::failed(format!(
                "The DYNAMIC task '{}' cannot be of the type '{name}'",
                node.ref_name
            )));
        }
        let Some(variant) = node.variant(&name) else { return Ok(()) };
        map.scheduled_as(turn, &variant, &name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::Bench;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;

    fn dynamic(input: serde_json::Value) -> Bench {
        let task = json!({"name": "d", "taskReferenceName": "d", "type": "DYNAMIC", "dynamicTaskNameParam": "t",
            "inputParameters": {"t": "${workflow.input.t}", "x": "${workflow.input.x}"}});
        Bench::start(json!([task, {"name": "after", "taskReferenceName": "after", "type": "HUMAN"}]), input)
    }

    #[test]
    fn a_name_is_the_queue_of_a_worker() {
        let bench = dynamic(json!({"t": "work", "x": 1}));
        let row = bench.row("d");
        assert!(row.ready && row.status == TaskStatus::Scheduled);
        assert_eq!((&*row.task_type, &*row.def_name, row.response_timeout_s), ("work", "work", 0));
        assert_eq!(json!(row.input.map()), json!({"t": "work", "x": 1}));
    }

    #[test]
    fn a_type_of_the_engine_runs_at_once() {
        let bench = dynamic(json!({"t": "NOOP"}));
        assert_eq!((&*bench.row("d").task_type, bench.row("d").status), ("NOOP", TaskStatus::Completed));
        assert_eq!(bench.row("after").status, TaskStatus::InProgress);
        let bench = dynamic(json!({"t": "SET_VARIABLE", "x": 7}));
        assert_eq!(bench.run.head.variables.get("x"), Some(&json!(7)));
        let bench = dynamic(json!({"t": "WAIT"}));
        assert_eq!((bench.row("d").status, bench.row("d").wait_until), (TaskStatus::InProgress, None));
    }

    #[test]
    fn without_a_name_the_run_fails() {
        let bench = dynamic(json!({"x": 3}));
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        let input = "{t=null, x=3}";
        assert_eq!(
            bench.reason(),
            format!(
                "Cannot map a dynamic task based on the parameter and input. Parameter= t, input= {input}"
            )
        );
        for flow in ["JOIN", "FORK_JOIN", "DECISION"] {
            let reason = format!("The DYNAMIC task 'd' cannot be of the type '{flow}'");
            assert_eq!(dynamic(json!({"t": flow})).reason(), reason);
        }
    }
}
