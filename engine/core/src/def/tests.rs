//! Definitions against recorded answers of a Conductor server of release 3.32.1.

use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use super::validate::{self, Violations};
use super::{TaskDef, parse_task, parse_task_config, parse_workflow};

fn recorded(text: &str) -> Vec<Value> {
    serde_json::from_str(text).expect("the recording is JSON")
}

fn check(kind: &str, body: &Value, task_defs: &[TaskDef]) -> Result<Violations, String> {
    if kind == "task" {
        return parse_task(body).map(|def| validate::task_def(&def));
    }
    let find = |name: &str| task_defs.iter().find(|def| def.name.as_deref() == Some(name)).cloned();
    parse_workflow(body).map(|def| validate::workflow(&def, body, &find, &|_| None))
}

fn shown(violations: &Violations) -> BTreeSet<String> {
    violations.0.iter().map(|v| format!("{} | {} | {:?}", v.path, v.message, v.invalid)).collect()
}

#[test]
fn violations_are_those_recorded() {
    let mut wrong = Vec::new();
    let cases = recorded(include_str!("../../tests/golden/validation.json"));
    assert!(cases.len() > 200);
    for case in &cases {
        let id = case["id"].as_str().expect("an id");
        let task_defs: Vec<TaskDef> = case["taskDefs"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|def| parse_task(def).expect("a task definition"))
            .collect();
        let got = check(case["kind"].as_str().expect("a kind"), &case["body"], &task_defs);
        let script = case["violations"][0]["message"] == "<any>";
        match case["status"].as_u64() {
            // scripts are checked where there is a script engine
            Some(400) if script => {}
            Some(200 | 400) => {
                let wanted: BTreeSet<String> = case["violations"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|v| {
                        let text = |member: &str| v[member].as_str().map(str::to_owned);
                        let (path, message) =
                            (text("path").expect("a path"), text("message").expect("a message"));
                        format!("{path} | {message} | {:?}", text("invalidValue"))
                    })
                    .collect();
                match got {
                    Ok(found) if shown(&found) == wanted => {}
                    other => wrong.push(format!("{id}: {wanted:?} was recorded, not {other:?}")),
                }
            }
            // where that server broke, the definition is refused with a reason
            _ => {
                if got.is_ok_and(|found| found.is_empty()) {
                    wrong.push(format!("{id}: {} should be refused", case["body"]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Members that the server sets when it stores a definition.
fn without_times(mut v: Value) -> Value {
    if let Value::Object(map) = &mut v {
        for member in ["createTime", "updateTime", "createdBy", "updatedBy"] {
            map.shift_remove(member);
        }
    }
    v
}

#[test]
fn definitions_are_written_as_recorded() {
    let mut wrong = Vec::new();
    for case in recorded(include_str!("../../tests/golden/definitions.json")) {
        let written = match case["kind"].as_str() {
            Some("task") => parse_task(&case["sent"]).map(|def| serde_json::to_value(def).expect("JSON")),
            _ => parse_workflow(&case["sent"]).map(|def| serde_json::to_value(def).expect("JSON")),
        };
        let written = written.expect("it was accepted");
        for (at, wanted) in case["stored"].as_object().expect("an object") {
            let got = written.pointer(at).cloned().unwrap_or_else(|| json!("<missing>"));
            let (got, wanted) = match at.as_str() {
                "" => (without_times(got), without_times(wanted.clone())),
                _ => (got, wanted.clone()),
            };
            if got != wanted {
                wrong.push(format!("{} {at}:\n  recorded {wanted}\n  written  {got}", case["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unreadable_members_are_named() {
    for (body, wanted) in [
        (json!([]), "The workflow definition: a JSON object was expected, not []"),
        (json!(null), "The workflow definition: a JSON object was expected, not null"),
        (json!({"version": "one"}), "version: a whole number was expected, not \"one\""),
        (
            json!({"version": 99_999_999_999u64}),
            "version: a whole number of at most 32 bits was expected, not 99999999999",
        ),
        (json!({"tasks": ["x"]}), "tasks[0]: a JSON object was expected, not \"x\""),
        (
            json!({"tasks": [{"decisionCases": {"a": [{"optional": "yes"}]}}]}),
            "tasks[0].decisionCases.a[0].optional: true or false was expected, not \"yes\"",
        ),
        (
            json!({"tasks": [{"subWorkflowParam": {"workflowDefinition": {"tasks": [{"forkTasks": [{}]}]}}}]}),
            "tasks[0].subWorkflowParam.workflowDefinition.tasks[0].forkTasks[0]: a list of tasks was expected, not {}",
        ),
        (
            json!({"timeoutPolicy": "RETRY"}),
            "timeoutPolicy: one of TIME_OUT_WF, ALERT_ONLY was expected, not \"RETRY\"",
        ),
    ] {
        assert_eq!(parse_workflow(&body).expect_err("it cannot be read"), wanted);
    }
}

#[test]
fn task_definitions_are_read_forgivingly() {
    assert_eq!(parse_task(&json!("name")).expect("a bare name").name.as_deref(), Some("name"));
    let def = parse_task(&json!({"name": 1, "retryCount": "2", "retryDelaySeconds": 1.7, "timeoutSeconds": "",
        "responseTimeoutSeconds": null, "timeoutPolicy": 0, "retryLogic": 2, "inputKeys": [1, true, null, "x"],
        "rateLimitFrequencyInSeconds": null, "taskStatusListenerEnabled": null, "enforceSchema": 1, "retrycount": 9}))
    .expect("it reads");
    let written = serde_json::to_value(def).expect("JSON");
    for (member, wanted) in [
        ("name", json!("1")),
        ("retryCount", json!(2)),
        ("retryDelaySeconds", json!(1)),
        ("timeoutSeconds", json!(0)),
        ("responseTimeoutSeconds", json!(0)),
        ("timeoutPolicy", json!("RETRY")),
        ("retryLogic", json!("LINEAR_BACKOFF")),
        ("inputKeys", json!(["1", "true", null, "x"])),
        ("rateLimitFrequencyInSeconds", json!(1)),
        ("taskStatusListenerEnabled", json!(false)),
        ("enforceSchema", json!(true)),
    ] {
        assert_eq!(written[member], wanted, "{member}");
    }
}

#[test]
fn nulls_are_found_where_they_stand() {
    let body = json!({"name": "w", "tasks": [null, {"name": "s", "taskReferenceName": "s", "type": "SWITCH",
        "evaluatorType": "value-param", "expression": "x", "defaultCase": null, "decisionCases": {"a": null, "b": [null]}},
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [null, [null]]},
        {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "1", "loopOver": [null]},
        {"name": "x", "taskReferenceName": "x", "type": null}]});
    let found = check("workflow", &body, &[]).expect("it reads");
    let paths: BTreeSet<&str> = found.0.iter().map(|v| v.path.as_str()).collect();
    let wanted = [
        "tasks[0]",
        "tasks[1]",
        "tasks[1].decisionCases[a].<map value>",
        "tasks[1].decisionCases[b].<map value>[0]",
        "tasks[2].forkTasks[0].<list element>",
        "tasks[2].forkTasks[1].<list element>[0]",
        "tasks[3].loopOver[0]",
        "tasks[4].type",
    ];
    assert_eq!(paths, BTreeSet::from(wanted));
}

#[test]
fn a_flood_of_violations_is_cut() {
    let text: String = (0..20_000).map(|i| format!("${{ghost{i}.x}}")).collect();
    let task = json!({"name": "a", "taskReferenceName": "a", "inputParameters": {"k": text}});
    let found = check("workflow", &json!({"name": "w", "tasks": vec![task; 50]}), &[]).expect("it reads");
    let bytes: usize = found.0.iter().map(|v| v.message.len()).sum();
    assert!(found.0.len() > 2 && bytes < 2 * 1024 * 1024, "{} violations, {bytes} bytes", found.0.len());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|x| json!(x)),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            Just("${workflow.input.x}"),
            Just("x ${a.output} ${b["),
            Just("SWITCH"),
            Just("DO_WHILE"),
            Just("WAIT"),
            Just("TERMINATE"),
            Just("FORK_JOIN"),
            Just("1d")
        ]
        .prop_map(Value::from),
    ];
    let member = prop_oneof![
        Just("name"),
        Just("taskReferenceName"),
        Just("type"),
        Just("workflowTaskType"),
        Just("tasks"),
        Just("version"),
        Just("inputParameters"),
        Just("decisionCases"),
        Just("defaultCase"),
        Just("forkTasks"),
        Just("loopOver"),
        Just("subWorkflowParam"),
        Just("workflowDefinition"),
        Just("taskDefinition"),
        Just("duration"),
        Just("until"),
        Just("optional"),
        Just("inputSchema"),
        Just("x"),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((member.clone(), inner), 0..8).prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_reads_can_be_checked_and_written(v in any_json()) {
        let body = json!({"name": "w", "tasks": [v.clone()]});
        for body in [v.clone(), body] {
            if let Ok(def) = parse_workflow(&body) {
                let written = serde_json::to_value(&def).expect("JSON");
                // reading back what was written changes nothing
                prop_assert_eq!(&parse_workflow(&written).expect("it reads back"), &def);
                prop_assert_eq!(&serde_json::from_value::<super::WorkflowDef>(written).expect("it reads back"), &def);
                validate::workflow(&def, &body, &|_| None, &|_| None);
            }
        }
        let _ = parse_task_config(&v);
        if let Ok(def) = parse_task(&v) {
            let written = serde_json::to_value(&def).expect("JSON");
            prop_assert!(parse_task(&written).expect("it reads back") == def);
        }
    }

    #[test]
    fn texts_in_inputs_never_panic(text in any::<String>(), inside in any::<String>()) {
        let task = json!({"name": "a", "taskReferenceName": "a", "type": "WAIT",
            "inputParameters": {"duration": text, "k": format!("é${{{inside}}}$${{{text}}}}}")}});
        let _ = check("workflow", &json!({"name": "w", "tasks": [task]}), &[]);
    }
}
