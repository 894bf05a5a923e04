//! Schemas alone, and what they do to runs.

use serde_json::{Value, json};

use super::*;
use crate::decide::Refusal;
use crate::decide::bench::{Bench, NOW, operate, simple};
use crate::def::validate;
use crate::def::{TaskDef, WorkflowDef};
use crate::event::Event;
use crate::operation::{Edition, Operation};
use crate::run::{RunExtra, RunStatus};
use crate::task::TaskStatus;

fn schema(data: Value) -> Value {
    json!({"name": "s", "version": 1, "type": "JSON", "data": data})
}

fn number(name: &str) -> Value {
    schema(json!({"type": "object", "required": [name], "properties": {name: {"type": "integer"}}}))
}

fn faults(data: Value, given: Value) -> Option<String> {
    let schema = Schema::of(Some(&schema(data))).expect("a schema").expect("it has data");
    schema.faults(&Payload::from_map(given.as_object().expect("a map").clone()))
}

#[test]
fn faults_name_the_places_and_quote_nothing() {
    let data = json!({"required": ["a"], "properties": {"b": {"items": {"type": "string"}}}});
    let found = faults(data.clone(), json!({"b": ["x", {"secret": 7}]})).expect("it does not fit");
    assert!(
        found.contains("/: \"a\" is a required property") && found.contains("/b/1: value is not"),
        "{found}"
    );
    assert!(!found.contains("secret"), "{found}");
    assert_eq!(faults(data, json!({"a": 1, "b": []})), None);
    assert_eq!(
        faults(json!({"properties": {"a": {"$ref": "#"}}, "$schema": "x"}), json!({"a": {"a": 1}})),
        None
    );
    let patient = json!({"properties": {"a": {"pattern": "^(a+)+$"}}});
    assert!(faults(patient, json!({"a": "a".repeat(10_000) + "!"})).is_some());
}

#[test]
fn what_is_no_schema_says_so_and_what_is_only_named_is_none() {
    let refused = |data: Value| Schema::of(Some(&schema(data))).expect_err("no schema");
    assert!(refused(json!({"properties": {"a": {"type": "nonsense"}}})).starts_with("/properties/a/type: "));
    for data in [
        json!({"$ref": "http://example.com/x"}),
        json!({"$ref": "file:///etc/passwd"}),
        json!({"pattern": "(?=a)"}),
    ] {
        refused(data);
    }
    for named in [json!({"name": "s", "version": 1}), json!({"type": "AVRO", "data": {"type": "nonsense"}})] {
        assert!(Schema::of(Some(&named)).expect("no fault").is_none());
    }
}

#[test]
fn definitions_with_a_broken_schema_are_refused() {
    let paths = |def: Value| -> Vec<String> {
        let def: WorkflowDef = serde_json::from_value(def).expect("a definition");
        let found = validate::workflow(&def, &Value::Null, &|_| None, &|_| None);
        found.0.into_iter().map(|violation| violation.path).collect()
    };
    let broken = schema(json!({"type": "nonsense"}));
    let mut task = simple("a");
    task["taskDefinition"] = json!({"name": "a", "enforceSchema": true, "inputSchema": broken});
    let def = json!({"name": "w", "tasks": [task], "outputSchema": broken});
    assert_eq!(paths(def), ["outputSchema", "tasks[0].taskDefinition.inputSchema"]);
    assert!(
        paths(json!({"name": "w", "tasks": [simple("a")], "outputSchema": broken, "enforceSchema": false}))
            .is_empty()
    );
    let def: TaskDef =
        serde_json::from_value(json!({"name": "t", "enforceSchema": true, "outputSchema": broken}))
            .expect("a definition");
    assert_eq!(validate::task_def(&def).0[0].path, "outputSchema");
}

#[test]
fn a_start_that_does_not_fit_is_refused_and_a_fitting_one_is_not() {
    let def = json!({"tasks": [simple("a")], "inputSchema": number("n")});
    let begin = |def: &Value, input: Value| {
        let mut bench =
            Bench::ready(def.clone(), input, RunExtra::default(), crate::decide::Settings::default());
        let answer = bench.try_decide(&Event::Started);
        (bench, answer)
    };
    let (_, answer) = begin(&def, json!({"n": "one"}));
    let Err(Refusal::Unstartable(why)) = answer else { panic!("{answer:?}") };
    assert_eq!(why, "The input of workflow wf does not fit its schema: /n: value is not of type \"integer\"");
    assert!(begin(&def, json!({"n": 1})).1.is_ok());
    let mut lax = def.clone();
    lax["enforceSchema"] = json!(false);
    assert!(begin(&lax, json!({})).1.is_ok());
}

#[test]
fn an_output_of_a_run_that_does_not_fit_fails_it() {
    let def = json!({"tasks": [simple("a")], "outputSchema": number("n"), "outputParameters": {"n": "${a.output.n}"}});
    let mut bench = Bench::start_def(def, json!({}));
    bench.report("a", TaskStatus::Completed, json!({"n": "x"}));
    assert_eq!(bench.run.head.status, RunStatus::Failed);
    assert_eq!(
        bench.reason(),
        "The output of workflow wf does not fit its schema: /n: value is not of type \"integer\""
    );
    bench.decide_at(&operate(Operation::Restart(Edition::Kept)), NOW);
    bench.report("a", TaskStatus::Completed, json!({"n": 2}));
    assert_eq!(bench.run.head.status, RunStatus::Completed);
}

fn task(member: &str, retries: i32) -> Value {
    let mut task = simple("a");
    task["inputParameters"] = json!({"n": "${workflow.input.n}"});
    task["taskDefinition"] = json!({"name": "a", "enforceSchema": true, "retryCount": retries, "retryDelaySeconds": 0, member: number("n")});
    task
}

#[test]
fn an_input_of_a_task_that_does_not_fit_ends_it_for_good() {
    let start = |n: Value| Bench::start(json!([task("inputSchema", 3)]), json!({"n": n}));
    let bench = start(json!("x"));
    let row = bench.row("a");
    assert_eq!(
        (row.status, row.ready, bench.run.head.status),
        (TaskStatus::FailedWithTerminalError, false, RunStatus::Failed)
    );
    assert_eq!(row.input.get("n"), Some(&json!("x")), "it can be looked at");
    let expected = "The input of task a does not fit its schema: /n: value is not of type \"integer\"";
    assert_eq!(row.reason.as_deref(), Some(expected));
    assert!(start(json!(1)).row("a").ready);
}

#[test]
fn an_output_of_a_task_that_does_not_fit_fails_the_attempt() {
    let mut bench = Bench::start(json!([task("outputSchema", 1)]), json!({}));
    bench.report("a", TaskStatus::Completed, json!({"n": "x"}));
    let row = bench.row("a");
    assert_eq!((row.attempt, row.ready), (1, true), "another attempt");
    bench.report("a", TaskStatus::Completed, json!({"m": 1}));
    assert_eq!(bench.run.head.status, RunStatus::Failed);
    let expected = "The output of task a does not fit its schema: /: \"n\" is a required property";
    assert_eq!(bench.row("a").reason.as_deref(), Some(expected));
    assert_eq!(bench.row("a").output.get("m"), Some(&json!(1)));
    let mut bench = Bench::start(json!([task("outputSchema", 1)]), json!({}));
    bench.report("a", TaskStatus::Completed, json!({"n": 5}));
    assert_eq!(bench.run.head.status, RunStatus::Completed);
}
