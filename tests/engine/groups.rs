//! Isolation groups and name spaces of HTTP tasks: a queue and slots of their own.

use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::wait::until;
use podium_tests::support::zoo::Zoo;
use serde_json::{Value, json};

fn database() -> anyhow::Result<String> {
    postgres::shared()?.database(&fresh_tag("g"))
}

/// Registers a workflow of one call, whose task definition has these members.
fn workflow(client: &Client, uri: &str, members: &Value) -> anyhow::Result<String> {
    let name = fresh_tag("call");
    let mut def = json!({"name": name, "ownerEmail": "t@example.com", "retryCount": 0, "timeoutSeconds": 0,
        "responseTimeoutSeconds": 60});
    for (key, value) in members.as_object().into_iter().flatten() {
        def[key] = value.clone();
    }
    client.register_task_defs(&json!([def]))?;
    let request = json!({"uri": uri, "method": "GET", "readTimeOut": 600_000});
    client.register_workflow(&json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "t@example.com",
        "tasks": [{"name": name, "taskReferenceName": "h", "type": "HTTP", "inputParameters": {"http_request": request}}]}))?;
    Ok(name)
}

fn size(client: &Client, queue: &str) -> anyhow::Result<i64> {
    Ok(client.get(&format!("/api/tasks/queue/size?taskType={queue}"))?.json()?.as_i64().unwrap_or(-1))
}

#[test]
fn a_slow_group_holds_up_only_itself() -> anyhow::Result<()> {
    let (url, zoo) = (database()?, Zoo::open()?);
    let settings = Settings::serve(&url)
        .with("PODIUM__HTTP_TASKS__PARALLEL", "2")
        .with("PODIUM__HTTP_TASKS__ISOLATED_PARALLEL", "1");
    let podium = Podium::start(settings)?;
    let client = podium.client();
    let slow = workflow(&client, &format!("{}/hang", zoo.url), &json!({"isolationGroupId": "slow"}))?;
    let quick = workflow(&client, &format!("{}/ok", zoo.url), &json!({}))?;
    let other = workflow(&client, &format!("{}/ok", zoo.url), &json!({"isolationGroupId": "other"}))?;
    let mut hanging = (0..3).map(|_| client.start(&slow, &json!({}))).collect::<Result<Vec<_>, _>>()?;
    until("one call of the group is under way", SOON, || Ok((zoo.seen("/hang").len() == 1).then_some(())))?;
    // two wait behind it, and are seen under the name of their queue
    until("the others wait", SOON, || Ok((size(&client, "HTTP-slow")? == 2).then_some(())))?;
    let all = client.get("/api/tasks/queue/all")?.json()?;
    assert_eq!(all["HTTP-slow"], 2, "{all}");
    for name in [&quick, &other] {
        let runs = (0..5).map(|_| client.start(name, &json!({}))).collect::<Result<Vec<_>, _>>()?;
        for id in runs {
            client.wait_for(&id, "COMPLETED", SOON)?;
        }
    }
    assert_eq!((zoo.seen("/hang").len(), size(&client, "HTTP-slow")?), (1, 2), "the group is where it was");
    let task = client.run(&hanging[2])?["tasks"][0].clone();
    assert_eq!((&task["isolationGroupId"], &task["domain"]), (&json!("slow"), &Value::Null));
    for calls in 1..=3 {
        // they became ready in the same instant, so any of them may be the one under way
        let at = until("one to be under way", SOON, || {
            let polled = |id: &String| Ok(client.run(id)?["tasks"][0]["pollCount"] == 1);
            let polled = hanging.iter().map(polled).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(polled.iter().position(|polled| *polled))
        })?;
        until("its request", SOON, || Ok((zoo.seen("/hang").len() == calls).then_some(())))?;
        client.send("DELETE", &format!("/api/workflow/{}", hanging.remove(at)), &Value::Null)?.ok()?;
    }
    let polls = client.get("/api/tasks/queue/polldata?taskType=HTTP")?.json()?;
    let named = polls.as_array().into_iter().flatten().any(|poll| poll["queueName"] == "HTTP-slow");
    assert!(named, "{polls}");
    Ok(())
}

#[test]
fn calls_wait_for_a_node_of_their_name_space_and_survive_a_kill() -> anyhow::Result<()> {
    let (url, zoo) = (database()?, Zoo::open()?);
    let mut usual = Podium::start(Settings::serve(&url))?;
    let client = usual.client();
    let uri = format!("{}/ok", zoo.url);
    let european = workflow(&client, &uri, &json!({"executionNameSpace": "eu"}))?;
    let grouped = workflow(&client, &uri, &json!({"executionNameSpace": "eu", "isolationGroupId": "g"}))?;
    let plain = workflow(&client, &uri, &json!({}))?;
    let (first, second) = (client.start(&european, &json!({}))?, client.start(&grouped, &json!({}))?);
    let done = client.start(&plain, &json!({}))?;
    client.wait_for(&done, "COMPLETED", SOON)?;
    assert_eq!((size(&client, "HTTP@eu")?, size(&client, "HTTP@eu-g")?), (1, 1));
    // a node that begins later finds what waits
    usual.kill()?;
    let node = Podium::start(Settings::serve(&url).with("PODIUM__HTTP_TASKS__EXECUTION_NAMESPACE", "eu"))?;
    let client = node.client();
    for id in [first, second] {
        client.wait_for(&id, "COMPLETED", SOON)?;
    }
    let waiting = client.start(&plain, &json!({}))?;
    assert_eq!(client.run(&waiting)?["status"], "RUNNING");
    assert_eq!(size(&client, "HTTP")?, 1, "calls without a name space are for other nodes");
    Ok(())
}
