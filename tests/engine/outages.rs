//! The world around the engine goes away and comes back.

use std::time::Duration;

use podium_tests::support::pipeline::{in_sequence, stage, that_says};
use podium_tests::support::podium::Settings;
use podium_tests::support::stage::{SOON, Stage, events_topic, fresh_tag, own_topics};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, http, kafka, postgres};
use serde_json::json;

fn stage_on(broker: &str) -> anyhow::Result<Stage> {
    let tag = fresh_tag("o");
    let url = postgres::shared()?.database(&tag)?;
    let settings = Settings::serve(&url).with("KAFKA_BOOTSTRAP", broker);
    Stage::with(own_topics(settings, &tag), &url, broker.to_owned(), tag, None)
}

/// Nobody listens at the broker's address: worker tasks go on, the start is not refused, health stays honest.
#[test]
fn without_a_broker_the_engine_serves_what_needs_none() -> anyhow::Result<()> {
    let mut on = stage_on(&format!("127.0.0.1:{}", free_port()?))?;
    let work = on.name("work");
    let definition = podium_tests::support::pipeline::definition(
        &on.name("simple"),
        vec![json!({"name": work, "taskReferenceName": "work", "type": "SIMPLE"})],
    );
    let id = on.register_and_start(&definition, &json!({}))?;
    let task = until("the task", SOON, || Ok(on.client.poll(&work, 1, "w")?.pop()))?;
    on.client.complete(&task, &json!({}))?;
    on.client.wait_for(&id, "COMPLETED", SOON)?;

    let stages = [stage("email", &on.name("email"), &on.broker, &json!({}))];
    let waiting = on.register_and_start(&in_sequence(&on.name("pipe"), &stages), &json!({}))?;
    let run = on.client.run(&waiting)?;
    assert!(matches!(run["status"].as_str(), Some("RUNNING" | "FAILED")), "{run}");
    let live = http::get(&on.podium.base(), "/health/live")?;
    assert_eq!(live.status, 200, "a broker that is away is no reason to restart the node");
    assert!(on.podium.is_alive());
    on.sql.assert_sound()
}

/// The broker dies and comes back while runs are under way: all of them end.
#[test]
fn runs_outlive_a_restart_of_the_broker() -> anyhow::Result<()> {
    let node = kafka::Node::start()?;
    let mut on = stage_on(node.bootstrap())?;
    kafka::create_topic(&on.broker, &events_topic(&on.tag), 3)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let _phone = on.service(&on.name("phone"), that_says("phone", "success"))?;
    let stages = [
        stage("email", &on.name("email"), &on.broker, &json!({})),
        stage("phone", &on.name("phone"), &on.broker, &json!({})),
    ];
    on.client.register_workflow(&in_sequence(&on.name("wf"), &stages))?;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(on.client.start(&on.name("wf"), &json!({}))?);
    }
    on.client.wait_for(&ids[0], "COMPLETED", SOON)?;
    node.kill()?;
    for _ in 0..20 {
        ids.push(on.client.start(&on.name("wf"), &json!({}))?);
    }
    node.restart()?;
    for id in &ids {
        let run = on.client.wait_for(id, "COMPLETED", Duration::from_secs(90))?;
        assert_eq!(run["tasks"].as_array().map(Vec::len), Some(4), "{run}");
    }
    assert!(on.podium.is_alive());
    on.sql.assert_sound()
}

/// SIGTERM while work is under way: the process ends in time and with status 0, and its work goes on after a start.
#[test]
fn a_stop_is_clean_and_loses_nothing() -> anyhow::Result<()> {
    let mut on = stage_on(kafka::shared()?)?;
    let work = on.name("work");
    let definition = podium_tests::support::pipeline::definition(
        &on.name("simple"),
        vec![json!({"name": work, "taskReferenceName": "work", "type": "SIMPLE"})],
    );
    let mut ids = vec![on.register_and_start(&definition, &json!({}))?];
    for _ in 0..30 {
        ids.push(on.client.start(&on.name("simple"), &json!({}))?);
    }
    assert!(on.podium.terminate(Duration::from_secs(20))?, "{}", on.podium.log_tail());
    on.podium.restart()?;
    assert_eq!(on.sql.missing_runs(&ids)?, Vec::<String>::new());
    let mut left = ids.len();
    until("all tasks", SOON, || {
        for task in on.client.poll(&work, 20, "w")? {
            on.client.complete(&task, &json!({}))?;
            left -= 1;
        }
        Ok((left == 0).then_some(()))
    })?;
    for id in &ids {
        on.client.wait_for(id, "COMPLETED", SOON)?;
    }
    on.sql.assert_sound()
}
