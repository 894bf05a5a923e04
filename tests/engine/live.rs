//! Server-sent events: the first one says how it stands, every change is told, from whichever node; places are limited and given
//! up; a server that stops does not wait for anybody who listens.

use std::time::{Duration, Instant};

use podium_tests::support::client::Client;
use podium_tests::support::events::{Event, Events};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

fn database() -> anyhow::Result<String> {
    postgres::shared()?.database(&fresh_tag("l"))
}

fn started(client: &Client) -> anyhow::Result<String> {
    client.register_workflow(&json!({"name": "order", "version": 1, "tasks": [
        {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"},
        {"name": "b", "taskReferenceName": "b", "type": "SIMPLE"}]}))?;
    client.start("order", &json!({}))
}

fn of_run(podium: &Podium, id: &str) -> anyhow::Result<Events> {
    Events::open(&podium.base(), &format!("/api/podium/live?workflowId={id}"), SOON)
}

fn version(event: &Event) -> i64 {
    event.data["version"].as_i64().unwrap_or_default()
}

/// Reads on until an event fits.
fn read_until(events: &mut Events, fits: impl Fn(&Event) -> bool) -> anyhow::Result<Event> {
    loop {
        let event = events.news()?;
        let event = event.ok_or_else(|| anyhow::anyhow!("the stream has ended"))?;
        if fits(&event) {
            return Ok(event);
        }
    }
}

fn finish(client: &Client, name: &str) -> anyhow::Result<()> {
    let task = until("a task is there", SOON, || Ok(client.poll(name, 1, "w1")?.pop()))?;
    client.complete(&task, &json!({}))
}

#[test]
fn a_run_is_followed_over_all_nodes_to_its_end_and_beyond() -> anyhow::Result<()> {
    let url = database()?;
    let (one, two) = (Podium::start(Settings::serve(&url))?, Podium::start(Settings::serve(&url))?);
    let (near, far) = (one.client(), two.client());
    let id = started(&near)?;
    let mut events = of_run(&one, &id)?;
    let first = events.news()?.expect("the stream goes on");
    assert_eq!((first.name.as_str(), &first.data["workflowId"]), ("run", &json!(id)));
    assert_eq!(
        (&first.data["status"], first.id),
        (&json!("RUNNING"), Some(first.data["version"].to_string()))
    );
    let before = version(&Event { id: None, ..first });
    finish(&near, "a")?;
    let after = read_until(&mut events, |event| version(event) > before)?;
    finish(&far, "b")?;
    let end = read_until(&mut events, |event| event.data["status"] == "COMPLETED")?;
    assert!(version(&end) > version(&after), "{end:?} comes after {after:?}");
    // what an operator does with it later is told too, and whoever comes back hears at once how it stands
    let mut back = of_run(&two, &id)?;
    assert_eq!(back.news()?, Some(end));
    far.send("POST", &format!("/api/workflow/{id}/restart"), &Value::Null)?.ok()?;
    read_until(&mut events, |event| event.data["status"] == "RUNNING")?;
    near.send("DELETE", &format!("/api/workflow/{id}"), &Value::Null)?.ok()?;
    near.send("DELETE", &format!("/api/workflow/{id}/remove?archiveWorkflow=false"), &Value::Null)?.ok()?;
    for events in [&mut events, &mut back] {
        let gone = read_until(events, |event| event.name == "gone")?;
        assert_eq!(gone.data, json!({"workflowId": id}));
        assert_eq!(events.news()?, None, "nothing comes after it");
    }
    for unknown in [id.as_str(), "nonsense"] {
        assert_eq!(near.get(&format!("/api/podium/live?workflowId={unknown}"))?.status, 404);
    }
    Ok(())
}

#[test]
fn a_list_hears_of_changes_and_of_nothing_else() -> anyhow::Result<()> {
    let podium = Podium::start(Settings::serve(&database()?))?;
    let client = podium.client();
    let mut events = Events::open(&podium.base(), "/api/podium/live", SOON)?;
    assert_eq!(events.piece()?, Some(Event::default()), "there is a first line at once");
    let begun = Instant::now();
    // a sign of life without any change
    assert_eq!(events.piece()?.map(|event| event.name).as_deref(), Some("heartbeat"));
    assert!(begun.elapsed() > Duration::from_secs(5), "after {:?}", begun.elapsed());
    started(&client)?;
    let (mut changed, mut told, begun) = (0, 0, Instant::now());
    while changed == 0 || begun.elapsed() < Duration::from_secs(2) {
        if changed < 20 {
            client.start("order", &json!({}))?;
        }
        let event = events.news()?.expect("the stream goes on");
        assert_eq!(event.name, "runs");
        assert!(event.data["at"].is_i64(), "{event:?}");
        changed += event.data["changed"].as_i64().expect("a number");
        told += 1;
    }
    assert!(changed >= 2 && told <= 2 + begun.elapsed().as_millis() / 450, "{changed} in {told}");
    Ok(())
}

#[test]
fn places_are_limited_and_given_up() -> anyhow::Result<()> {
    let settings = Settings::serve(&database()?).with("PODIUM__ENGINE__WAITING_CALLS", "2");
    let podium = Podium::start(settings)?;
    let client = podium.client();
    let id = started(&client)?;
    let target = format!("/api/podium/live?workflowId={id}");
    let list = Events::open(&podium.base(), "/api/podium/live", SOON)?;
    let run = of_run(&podium, &id)?;
    for target in [target.as_str(), "/api/podium/live"] {
        let refused = client.get(target)?;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert!(refused.text().contains("every few seconds instead"), "{}", refused.text());
    }
    drop(run);
    until("the place is free", SOON, || Ok(of_run(&podium, &id).ok()))?;
    drop(list);
    until("the other one too", SOON, || Ok(Events::open(&podium.base(), "/api/podium/live", SOON).ok()))?;
    Ok(())
}

#[test]
fn a_server_that_stops_waits_for_nobody_who_listens() -> anyhow::Result<()> {
    let mut podium = Podium::start(Settings::serve(&database()?))?;
    let id = started(&podium.client())?;
    let mut streams = vec![of_run(&podium, &id)?, Events::open(&podium.base(), "/api/podium/live", SOON)?];
    for stream in &mut streams {
        assert!(stream.piece()?.is_some());
    }
    assert!(podium.terminate(SOON)?, "it ends well");
    let warnings = podium.warnings();
    assert!(!warnings.contains("requests were still open when the grace was over"), "{warnings}");
    for stream in &mut streams {
        assert_eq!(stream.news()?, None, "the stream ended as streams do");
    }
    Ok(())
}
