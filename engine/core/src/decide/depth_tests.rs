//! Values nested too deep fail with a reason; none reads as an empty one.

use serde_json::{Value, json};

use super::bench::Bench;
use crate::payload::MAX_DEPTH;
use crate::run::RunStatus;
use crate::task::TaskStatus;

/// An object of so many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

fn simple(input: Value) -> Value {
    json!({"name": "t", "taskReferenceName": "t", "type": "SIMPLE", "inputParameters": input})
}

#[test]
fn an_input_that_gets_too_deep_fails_its_task() {
    let tasks = json!([simple(json!({"in": "${workflow.input}"}))]);
    let fits = Bench::start(tasks.clone(), nested(MAX_DEPTH - 1));
    assert_eq!(fits.row("t").status, TaskStatus::Scheduled);
    let bench = Bench::start(tasks, nested(MAX_DEPTH));
    let row = bench.row("t");
    assert_eq!(row.status, TaskStatus::FailedWithTerminalError);
    let reason = row.reason.as_deref().unwrap_or_default();
    assert!(reason.ends_with("is nested deeper than 100 levels"), "{reason}");
    assert_eq!(bench.run.head.status, RunStatus::Failed);
    assert!(bench.reason().contains("is nested deeper than 100 levels"), "{}", bench.reason());
}

#[test]
fn variables_and_joins_have_the_same_limit() {
    let set = json!({"name": "s", "taskReferenceName": "s", "type": "SET_VARIABLE", "inputParameters": {"v": "${workflow.input}"}});
    let bench = Bench::start(json!([set]), nested(MAX_DEPTH));
    assert_eq!(bench.run.head.status, RunStatus::Failed);
    assert_eq!(bench.run.head.variables.text(), "{}");

    let branch = json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]);
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [branch]});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["n"]});
    let bench = Bench::start(json!([fork, join]), json!({}));
    assert_eq!(bench.row("j").status, TaskStatus::Completed);
}

#[test]
fn an_output_of_the_workflow_that_gets_too_deep_says_so() {
    let def = json!({"tasks": [{"name": "n", "taskReferenceName": "n", "type": "NOOP"}], "outputParameters": {"o": "${workflow.input}"}});
    let bench = Bench::start_def(def, nested(MAX_DEPTH));
    assert_eq!(bench.run.head.status, RunStatus::Completed);
    let text = bench.run.head.output.text();
    assert!(text.contains("is nested deeper than 100 levels"), "{text}");
}
