//! What a loop does, pass by pass.

use serde_json::{Value, json};

use super::reads_only_counters;
use crate::decide::bench::Bench;
use crate::run::RunStatus;
use crate::task::TaskStatus;

fn t(name: &str) -> Value {
    json!({"name": name, "taskReferenceName": name, "inputParameters": {"i": "${loop.iteration}", "last": "${t.output.x}"}})
}

fn start(more: Value, body: Value, input: Value) -> Bench {
    let mut task = json!({"name": "loop", "taskReferenceName": "loop", "type": "DO_WHILE", "loopOver": body,
        "loopCondition": "$.loop.iteration < 3"});
    for (name, value) in more.as_object().expect("a map") {
        task[name] = value.clone();
    }
    Bench::start(json!([task, {"name": "after", "taskReferenceName": "after", "type": "HUMAN"}]), input)
}

fn refs(bench: &Bench) -> Vec<String> {
    bench.run.tasks.iter().map(|t| t.ref_name.to_string()).collect()
}

#[test]
fn it_repeats_its_body_while_the_condition_holds() {
    let mut bench = start(json!({}), json!([t("t")]), json!({}));
    for pass in 1..=3 {
        let name = format!("t__{pass}");
        let row = bench.row(&name);
        let last = if pass == 1 { Value::Null } else { json!(pass - 1) };
        assert_eq!((row.iteration, json!(row.input.map())), (pass, json!({"i": pass, "last": last})));
        assert_eq!(bench.row("loop").iteration, pass);
        assert_eq!(json!(bench.row("loop").output.map()), json!({"iteration": pass}));
        bench.report(&name, TaskStatus::Completed, json!({"x": pass}));
    }
    assert_eq!(refs(&bench), ["loop", "t__1", "t__2", "t__3", "after"]);
    let output = json!({"1": {"t": {"x": 1}}, "2": {"t": {"x": 2}}, "3": {"t": {"x": 3}}, "iteration": 3});
    assert_eq!(json!(bench.row("loop").output.map()), output);
    assert_eq!(bench.row("after").status, TaskStatus::InProgress);
}

#[test]
fn it_goes_over_a_list() {
    let items = json!({"items": "${workflow.input.l}", "loopCondition": ""});
    let body = json!([{"name": "n", "taskReferenceName": "n", "type": "SET_VARIABLE",
        "inputParameters": {"v": "${loop.output.loopItem}", "i": "${loop.output.loopIndex}"}}]);
    let bench = start(items.clone(), body.clone(), json!({"l": ["a", "b"]}));
    assert_eq!(json!(bench.run.head.variables.map()), json!({"v": "b", "i": 1}));
    let row = bench.row("loop");
    assert_eq!((row.status, row.iteration), (TaskStatus::Completed, 2));
    assert_eq!(row.output.get("loopItem"), Some(&json!("b")));
    for empty in [json!([]), Value::Null] {
        let bench = start(items.clone(), body.clone(), json!({"l": empty}));
        assert_eq!(json!(bench.row("loop").output.map()), json!({"iteration": 0}));
        assert_eq!(refs(&bench), ["loop", "after"]);
    }
    let bench = start(items, body, json!({"l": {"k": 1}}));
    assert_eq!(bench.row("loop").iteration, 1);
}

#[test]
fn loops_inside_of_loops_have_rows_of_their_own() {
    let inner = json!({"name": "in", "taskReferenceName": "in", "type": "DO_WHILE", "loopOver": [t("t")],
        "loopCondition": "$.in.iteration < 2"});
    let mut bench = start(
        json!({"loopCondition": "$.loop.iteration < 2"}),
        json!([inner, {"name": "e", "taskReferenceName": "e", "type": "NOOP"}]),
        json!({}),
    );
    for name in ["t__1_1", "t__1_2", "t__2_1", "t__2_2"] {
        assert_eq!(bench.row(name).status, TaskStatus::Scheduled, "{name}");
        bench.report(name, TaskStatus::Completed, json!({"x": name}));
    }
    assert_eq!(
        refs(&bench),
        ["loop", "in__1", "t__1_1", "t__1_2", "e__1", "in__2", "t__2_1", "t__2_2", "e__2", "after"]
    );
    assert_eq!(bench.row("loop").status, TaskStatus::Completed);
    assert_eq!(
        bench.row("loop").output.get("2").and_then(|o| o.pointer("/in/1/t/x")),
        Some(&json!("t__2_1"))
    );
}

#[test]
fn a_fork_inside_is_joined_in_each_pass() {
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[t("t")], [t("u")]]});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["t", "u"]});
    let mut bench = start(json!({"loopCondition": "$.loop.iteration < 2"}), json!([fork, join]), json!({}));
    for pass in ["1", "2"] {
        bench.report(&format!("u__{pass}"), TaskStatus::Completed, json!({"k": pass}));
        assert_eq!(bench.row(&format!("j__{pass}")).status, TaskStatus::InProgress);
        bench.report(&format!("t__{pass}"), TaskStatus::Completed, json!({}));
    }
    assert_eq!(json!(bench.row("j__2").output.map()), json!({"u__2": {"k": "2"}}));
    assert_eq!(bench.row("loop").status, TaskStatus::Completed);
}

#[test]
fn a_pass_is_not_over_before_what_follows_its_join() {
    // the end of the last branch asks the JOIN and the loop at once
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[t("a")], [t("b")]]});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "b"]});
    let mut bench =
        start(json!({"loopCondition": "$.loop.iteration < 1"}), json!([fork, join, t("last")]), json!({}));
    for branch in ["a__1", "b__1"] {
        bench.report(branch, TaskStatus::Completed, json!({}));
    }
    assert_eq!(bench.row("loop").status, TaskStatus::InProgress);
    bench.report("last__1", TaskStatus::Completed, json!({}));
    assert_eq!(bench.row("loop").status, TaskStatus::Completed);
}

#[test]
fn only_the_last_passes_are_kept() {
    let body = json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]);
    let keep = json!({"inputParameters": {"keepLastN": 2}, "loopCondition": "$.loop.iteration < 5"});
    let bench = start(keep, body, json!({}));
    assert_eq!(refs(&bench), ["loop", "n__4", "n__5", "after"]);
    assert_eq!(
        json!(bench.row("loop").output.map()),
        json!({"4": {"n": {}}, "5": {"n": {}}, "iteration": 5})
    );
    assert_eq!(bench.row("n__5").seq, 6);
}

#[test]
fn failures_end_it() {
    let mut bench = start(json!({}), json!([t("t")]), json!({}));
    bench.report("t__1", TaskStatus::Completed, json!({"v": 1}));
    bench.report("t__2", TaskStatus::FailedWithTerminalError, json!({}));
    assert_eq!(bench.run.head.status, RunStatus::Failed);
    assert_eq!(bench.row("loop").status, TaskStatus::Canceled);
    assert_eq!(json!(bench.row("loop").output.map()), json!({"1": {"t": {"v": 1}}, "iteration": 2}));

    let mut permissive = t("t");
    permissive["permissive"] = json!(true);
    let mut bench = start(json!({}), json!([permissive, t("u")]), json!({}));
    bench.report("t__1", TaskStatus::FailedWithTerminalError, json!({}));
    assert_eq!(bench.row("u__1").status, TaskStatus::Canceled);
    assert_eq!(
        (bench.row("loop").status, bench.row("loop").reason.as_deref()),
        (TaskStatus::Failed, Some("because "))
    );

    let bench = start(
        json!({"loopCondition": "throw"}),
        json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]),
        json!({}),
    );
    assert_eq!(bench.row("loop").status, TaskStatus::FailedWithTerminalError);
    assert_eq!(
        bench.row("loop").reason.as_deref(),
        Some("Unable to evaluate condition throw, exception thrown")
    );
}

#[test]
fn a_loop_may_have_many_passes() {
    let passes = 1_500;
    let condition = json!({"loopCondition": format!("$.loop.iteration < {passes}")});
    for body in [json!([t("t")]), json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}])] {
        let mut bench = start(condition.clone(), body, json!({}));
        for pass in 1..=passes {
            if bench.row("loop").status == TaskStatus::Completed {
                break;
            }
            bench.report(&format!("t__{pass}"), TaskStatus::Completed, json!({"x": pass}));
        }
        assert_eq!(bench.row("after").status, TaskStatus::InProgress);
        assert_eq!(bench.row("loop").iteration, passes);
    }
}

#[test]
fn conditions_that_look_at_passes_see_them() {
    for counters in ["$.loop.iteration < 2", "$.loop['iteration'] < $.n && $.loop.loopItem != 1", "true"] {
        assert!(reads_only_counters(counters, "loop"), "{counters}");
    }
    for whole in ["$.loop['1'].t", "$.loop.iterations", "JSON.stringify($)", "$['loop'].x", "$.loop"] {
        assert!(!reads_only_counters(whole, "loop"), "{whole}");
    }
}
