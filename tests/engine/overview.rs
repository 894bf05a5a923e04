//! The overview of a workflow: the same as the whole answer says, in a fraction of the bytes, and only what is new if one asks
//! for that.

use std::collections::BTreeMap;
use std::time::Instant;

use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

/// Columns that the whole answer has under another name.
const OTHER_NAMES: [(&str, &str); 1] = [("attempt", "retryCount")];
/// Columns that the whole answer does not have.
const OWN: [&str; 3] = ["inputSize", "outputSize", "caseOutput"];
/// What the whole answer shows as 0 where there is nothing.
const INSTANTS: [&str; 4] = ["scheduledTime", "startTime", "endTime", "updateTime"];

fn server() -> anyhow::Result<Podium> {
    Podium::start(Settings::serve(&postgres::shared()?.database(&fresh_tag("o"))?))
}

fn overview(client: &Client, id: &str, query: &str) -> anyhow::Result<Value> {
    client.get(&format!("/api/podium/workflows/{id}/overview{query}"))?.ok()?.json()
}

/// The rows as objects.
fn tasks(overview: &Value) -> Vec<BTreeMap<String, Value>> {
    let columns: Vec<String> =
        serde_json::from_value(overview["tasks"]["columns"].clone()).expect("a list of names");
    let rows = overview["tasks"]["rows"].as_array().into_iter().flatten();
    rows.map(|row| {
        let values = row.as_array().expect("a row is a list");
        assert_eq!(values.len(), columns.len(), "{row}");
        columns.iter().cloned().zip(values.iter().cloned()).collect()
    })
    .collect()
}

fn simple(name: &str) -> Value {
    json!({"name": name, "taskReferenceName": name, "type": "SIMPLE"})
}

#[test]
fn it_says_what_the_whole_answer_says() -> anyhow::Result<()> {
    let podium = server()?;
    let client = podium.client();
    client.register_task_defs(&json!([{"name": "pay", "retryCount": 1, "retryDelaySeconds": 0}]))?;
    client.register_workflow(&json!({"name": "child", "version": 1, "tasks": [simple("inner")]}))?;
    let plain = json!({"name": "s", "taskReferenceName": "neither", "type": "SWITCH", "evaluatorType": "value-param",
        "expression": "v", "inputParameters": {"v": "x"}, "decisionCases": {"never": [simple("never")]}});
    let switch = json!({"name": "s", "taskReferenceName": "which", "type": "SWITCH", "evaluatorType": "value-param",
        "expression": "v", "inputParameters": {"v": "${workflow.input.kind}"},
        "decisionCases": {"gold": [simple("pay")]}, "defaultCase": []});
    let sub = json!({"name": "c", "taskReferenceName": "sub", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "child", "version": 1}});
    client.register_workflow(&json!({"name": "order", "version": 1, "tasks": [plain, switch, sub]}))?;
    let big = "x".repeat(5_000);
    let id = client.start("order", &json!({"kind": "gold", "text": big}))?;
    for status in ["FAILED", "COMPLETED"] {
        let pay = until("pay is there", SOON, || Ok(client.poll("pay", 1, "w1")?.pop()))?;
        client.report(&pay, status, &json!({"text": "a\"b", "big": big}))?.ok()?;
    }
    client.wait_for_task(&id, "sub", "IN_PROGRESS", SOON)?;

    let (whole, brief) = (client.run(&id)?, overview(&client, &id, "")?);
    let head = &brief["workflow"];
    for member in
        ["workflowId", "workflowName", "workflowVersion", "status", "startTime", "updateTime", "priority"]
    {
        assert_eq!(head[member], whole[member], "{member}");
    }
    assert_eq!(head["inputSize"], json!({"kind": "gold", "text": big}).to_string().len());
    assert_eq!(head["outputSize"], 2);
    assert_eq!(brief["definition"], whole["workflowDefinition"]);
    assert_eq!(brief.get("since"), None);
    let rows = tasks(&brief);
    assert_eq!(head["taskCount"], rows.len());
    let shown = whole["tasks"].as_array().expect("tasks");
    assert_eq!(rows.len(), shown.len());
    for (row, task) in rows.iter().zip(shown) {
        for (column, value) in row.iter().filter(|(column, _)| !OWN.contains(&column.as_str())) {
            let name =
                OTHER_NAMES.iter().find(|(own, _)| own == column).map_or(column.as_str(), |(_, name)| *name);
            let nothing = INSTANTS.contains(&name) && task[name] == 0;
            let expected = if nothing { &Value::Null } else { &task[name] };
            assert_eq!(value, expected, "{column} of {}", task["referenceTaskName"]);
        }
        assert_eq!(row["inputSize"], task["inputData"].to_string().len(), "{}", task["inputData"]);
        assert_eq!(row["outputSize"], task["outputData"].to_string().len(), "{}", task["outputData"]);
    }
    let cases: Vec<_> = rows.iter().map(|row| row["caseOutput"].clone()).collect();
    assert_eq!(cases, [json!("x"), json!("gold"), json!(null), json!(null), json!(null)]);
    Ok(())
}

#[test]
fn it_hides_what_the_definition_hides_and_knows_what_it_does_not_know() -> anyhow::Result<()> {
    let podium = server()?;
    let client = podium.client();
    let switch = json!({"name": "s", "taskReferenceName": "which", "type": "SWITCH", "evaluatorType": "value-param",
        "expression": "v", "inputParameters": {"v": "secret"}, "decisionCases": {"never": [simple("never")]}, "defaultCase": [simple("t")]});
    client.register_workflow(&json!({"name": "masked", "version": 1, "tasks": [switch],
        "maskedFields": ["evaluationResult"]}))?;
    let id = client.start("masked", &json!({}))?;
    let brief = overview(&client, &id, "")?;
    assert_eq!(tasks(&brief)[0]["caseOutput"], "***");
    for unknown in ["00000000-0000-4000-8000-000000000000", "nonsense"] {
        assert_eq!(client.get(&format!("/api/podium/workflows/{unknown}/overview"))?.status, 404);
    }
    assert_eq!(client.get(&format!("/api/podium/workflows/{id}/overview?since=x"))?.status, 400);
    client.send("DELETE", &format!("/api/workflow/{id}"), &json!(null))?.ok()?;
    client.send("DELETE", &format!("/api/workflow/{id}/remove"), &json!(null))?.ok()?;
    assert_eq!(client.get(&format!("/api/podium/workflows/{id}/overview"))?.status, 404, "put away");
    Ok(())
}

#[test]
fn only_what_is_new_is_told_while_nothing_was_taken_away() -> anyhow::Result<()> {
    let podium = server()?;
    let client = podium.client();
    client.register_workflow(
        &json!({"name": "order", "version": 1, "tasks": [simple("a"), simple("b"), simple("c")]}),
    )?;
    let id = client.start("order", &json!({}))?;
    for name in ["a", "b"] {
        let task = until("it is there", SOON, || Ok(client.poll(name, 1, "w1")?.pop()))?;
        client.complete(&task, &json!({}))?;
    }
    let seen = overview(&client, &id, "")?["workflow"]["version"].clone();
    let since = format!("?since={seen}");
    let same = overview(&client, &id, &since)?;
    assert_eq!((&same["since"], tasks(&same).len(), same.get("definition")), (&seen, 0, None));
    client.poll("c", 1, "w1")?;
    let newer = overview(&client, &id, &since)?;
    let names: Vec<_> = tasks(&newer).iter().map(|task| task["referenceTaskName"].clone()).collect();
    assert_eq!((names, &newer["workflow"]["taskCount"]), (vec![json!("c")], &json!(3)));
    // a version that was never there, and one before rows went away
    let future = overview(&client, &id, "?since=1000000")?;
    assert_eq!((future.get("since"), tasks(&future).len()), (None, 3));
    client.send("DELETE", &format!("/api/workflow/{id}"), &json!(null))?.ok()?;
    let first = tasks(&newer)[0]["taskId"].clone();
    client.send("POST", &format!("/api/workflow/{id}/rerun"), &json!({"reRunFromTaskRefName": "b"}))?.ok()?;
    let rerun = overview(&client, &id, &since)?;
    assert_eq!(rerun.get("since"), None, "{rerun}");
    assert!(tasks(&rerun).iter().all(|task| task["taskId"] != first), "{rerun}");
    assert!(rerun["definition"].is_object());
    Ok(())
}

/// Prints what it took.
#[test]
fn ten_thousand_tasks_are_told_in_few_bytes() -> anyhow::Result<()> {
    const TASKS: usize = 10_000;
    let podium = server()?;
    let client = podium.client();
    let fork = json!({"name": "fan", "taskReferenceName": "fan", "type": "FORK_JOIN_DYNAMIC",
        "dynamicForkTasksParam": "tasks", "dynamicForkTasksInputParamName": "inputs",
        "inputParameters": {"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"}});
    let join = json!({"name": "join", "taskReferenceName": "join", "type": "JOIN"});
    client.register_workflow(&json!({"name": "wide", "version": 1, "tasks": [fork, join]}))?;
    let branch =
        |n: usize| json!({"name": "work", "taskReferenceName": format!("work_{n}"), "type": "SIMPLE"});
    let branches: Vec<_> = (2..TASKS).map(branch).collect();
    let inputs: serde_json::Map<_, _> =
        (2..TASKS).map(|n| (format!("work_{n}"), json!({"n": n, "text": "x".repeat(100)}))).collect();
    let id = client.start("wide", &json!({"tasks": branches, "inputs": inputs}))?;
    let (mut fastest, mut bytes) = (f64::MAX, 0);
    for _ in 0..5 {
        let begun = Instant::now();
        let answer = client.get(&format!("/api/podium/workflows/{id}/overview"))?.ok()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64());
        bytes = answer.body.len();
        assert_eq!(tasks(&answer.json()?).len(), TASKS);
    }
    let since = overview(&client, &id, "")?["workflow"]["version"].clone();
    let begun = Instant::now();
    let part = client.get(&format!("/api/podium/workflows/{id}/overview?since={since}"))?.ok()?;
    let newer = begun.elapsed().as_secs_f64();
    println!(
        "overview of {TASKS} tasks: {:.0} ms, {bytes} bytes; what is new: {:.0} ms, {} bytes",
        fastest * 1e3,
        newer * 1e3,
        part.body.len()
    );
    assert!(bytes < 5_000_000, "the overview has {bytes} bytes");
    Ok(())
}

#[test]
fn the_page_of_a_run_has_its_overview_asked_for_at_once() -> anyhow::Result<()> {
    let podium = server()?;
    let client = podium.client();
    let id = "01890000-0000-7000-8000-000000000000";
    let page = client.get(&format!("/runs/{id}"))?.ok()?;
    let wanted = format!("</api/podium/workflows/{id}/overview>; rel=preload; as=fetch; crossorigin");
    assert_eq!(page.header("link"), Some(wanted.as_str()));
    assert_eq!(client.get("/runs/nonsense")?.ok()?.header("link"), None);
    Ok(())
}
