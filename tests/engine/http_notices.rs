//! Notices to HTTP endpoints: real servers that take them, refuse them, fail for a while or are not there.

use std::time::Duration;

use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::wait::until;
use podium_tests::support::zoo::Zoo;
use serde_json::{Value, json};

fn database() -> anyhow::Result<String> {
    postgres::shared()?.database(&fresh_tag("n"))
}

/// Registers a workflow of one task that nobody has to do and whose runs tell this address of their status.
fn define(client: &Client, sink: &str, on_state_change: Value) -> anyhow::Result<String> {
    let name = fresh_tag("told");
    client.register_workflow(&json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "t@example.com",
        "workflowStatusListenerEnabled": true, "workflowStatusListenerSink": sink,
        "tasks": [{"name": "n", "taskReferenceName": "n", "type": "NOOP", "onStateChange": on_state_change}]}))?;
    Ok(name)
}

/// What an endpoint was told of, in order, with the id of each.
fn heard(zoo: &Zoo, path: &str) -> Vec<(String, String)> {
    let header = |head: &str, name: &str| {
        let line = head.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
        line.unwrap_or_default()
    };
    let ids = zoo.seen(path).into_iter().map(|head| header(&head, "podium-event-id: "));
    let types = zoo.bodies(path).into_iter().map(|body| {
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        body["eventType"].as_str().unwrap_or_default().to_owned()
    });
    types.zip(ids).collect()
}

fn told(zoo: &Zoo, path: &str, count: usize, limit: Duration) -> anyhow::Result<Vec<(String, String)>> {
    until(&format!("{count} messages at {path}"), limit, || {
        Ok(Some(heard(zoo, path)).filter(|heard| heard.len() >= count))
    })
}

fn numbered(run: &str, types: &[(&str, u32)]) -> Vec<(String, String)> {
    types.iter().map(|(name, number)| ((*name).to_owned(), format!("{run}/{number}"))).collect()
}

#[test]
fn an_endpoint_hears_of_a_run_in_order_and_a_dead_one_holds_up_nobody() -> anyhow::Result<()> {
    let (url, zoo) = (database()?, Zoo::open()?);
    let podium = Podium::start(Settings::serve(&url))?;
    let client = podium.client();
    // nobody listens there
    let dead = define(&client, "http://127.0.0.1:9/dead", json!({}))?;
    let hangs = define(&client, &format!("{}/hang", zoo.url), json!({}))?;
    for _ in 0..30 {
        client.start(&dead, &json!({}))?;
        client.start(&hangs, &json!({}))?;
    }
    let changes = json!({"onSuccess": [{"type": format!("{}/change", zoo.url), "payload": {"eventType": "${workflow.input.what}"}}]});
    let name = define(&client, &format!("{}/runs", zoo.url), changes)?;
    let run = client.start(&name, &json!({"what": "mine"}))?;
    assert_eq!(
        told(&zoo, "/runs", 3, SOON)?,
        numbered(&run, &[("started", 1), ("completed", 3), ("finalized", 4)])
    );
    assert_eq!(told(&zoo, "/change", 1, SOON)?, numbered(&run, &[("mine", 2)]));
    let head = zoo.seen("/runs").remove(0).to_lowercase();
    assert!(head.starts_with("post /runs ") && head.contains("content-type: application/json"), "{head}");
    assert!(
        head.contains("podium-event-time: 20") && head.contains(&format!("idempotency-key: {run}/1")),
        "{head}"
    );
    Ok(())
}

#[test]
fn what_fails_is_tried_again_with_the_same_id_and_what_is_refused_is_not() -> anyhow::Result<()> {
    let (url, zoo) = (database()?, Zoo::open()?);
    let podium = Podium::start(Settings::serve(&url))?;
    let client = podium.client();
    let gone = define(&client, &format!("{}/gone", zoo.url), json!({}))?;
    client.start(&gone, &json!({}))?;
    let own = define(&client, &format!("{}/api/version", podium.base()), json!({}))?;
    client.start(&own, &json!({}))?;
    let name = define(&client, &format!("{}/fails/2/a", zoo.url), json!({}))?;
    let run = client.start(&name, &json!({}))?;
    let wanted = [("started", 1), ("started", 1), ("started", 1), ("completed", 2), ("finalized", 3)];
    assert_eq!(told(&zoo, "/fails/2/a", 5, SOON)?, numbered(&run, &wanted));
    assert_eq!(told(&zoo, "/gone", 3, SOON)?.len(), 3, "each once");
    Ok(())
}

#[test]
fn a_killed_server_delivers_what_it_had_committed() -> anyhow::Result<()> {
    let (url, zoo) = (database()?, Zoo::open()?);
    let mut podium = Podium::start(Settings::serve(&url))?;
    let client = podium.client();
    // the first request of each is never answered
    let name = define(&client, &format!("{}/once-hangs/k", zoo.url), json!({}))?;
    let run = client.start(&name, &json!({}))?;
    told(&zoo, "/once-hangs/k", 1, SOON)?;
    podium.kill()?;
    podium.respawn()?;
    podium.wait_ready()?;
    let wanted = [("started", 1), ("started", 1), ("completed", 2), ("finalized", 3)];
    assert_eq!(told(&zoo, "/once-hangs/k", 4, SOON * 2)?, numbered(&run, &wanted));
    Ok(())
}
