//! Pipelines of KAFKA_PUBLISH and EVENT pairs, on the real broker and on the embedded one.

use podium_tests::support::audit::Sql;
use podium_tests::support::kafka;
use podium_tests::support::pipeline::{completion, in_sequence, side_by_side, stage, that_says, waiting};
use podium_tests::support::stage::{Broker, SOON, Stage, dead_letter_topic};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

/// Declares each story twice, once for each broker.
macro_rules! on_both_brokers {
    ($($name:ident),* $(,)?) => {
        mod real_broker {
            $(#[test] fn $name() -> anyhow::Result<()> { super::$name(super::Broker::Real) })*
        }
        mod embedded_broker {
            $(#[test] fn $name() -> anyhow::Result<()> { super::$name(super::Broker::Embedded) })*
        }
    };
}

on_both_brokers!(
    stages_in_sequence_complete,
    stages_side_by_side_join,
    a_failure_event_fails_the_run,
    duplicates_change_nothing,
    an_early_event_is_kept,
    a_poison_record_stops_nobody,
    the_request_is_published_once_with_its_key_and_id,
);

fn task<'a>(run: &'a Value, reference: &str) -> &'a Value {
    let tasks = run["tasks"].as_array().expect("a run has tasks");
    tasks.iter().find(|t| t["referenceTaskName"] == reference).unwrap_or(&Value::Null)
}

fn stages(on: &Stage, services: &[&str]) -> Vec<[Value; 2]> {
    services
        .iter()
        .map(|s| {
            stage(
                s,
                &on.name(s),
                &on.broker,
                &json!({"input_bucket": "b", "input_key": "${workflow.input.key}"}),
            )
        })
        .collect()
}

/// Pattern 1.
fn stages_in_sequence_complete(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let _phone = on.service(&on.name("phone"), that_says("phone", "success"))?;
    let definition = in_sequence(&on.name("wf"), &stages(&on, &["email", "phone"]));
    let id = on.register_and_start(&definition, &json!({"key": "k"}))?;
    let run = on.client.wait_for(&id, "COMPLETED", SOON)?;
    assert_eq!(task(&run, &waiting("email"))["outputData"]["processedRecords"], 3);
    assert_eq!(task(&run, &waiting("phone"))["outputData"]["result"], "success");
    assert_eq!(task(&run, "email")["status"], "COMPLETED");
    on.sql.assert_sound()
}

/// Pattern 3.
fn stages_side_by_side_join(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let _phone = on.service(&on.name("phone"), that_says("phone", "success"))?;
    let definition = side_by_side(&on.name("wf"), &stages(&on, &["email", "phone"]));
    on.client.register_workflow(&definition)?;
    let ids: Vec<String> =
        (0..20).map(|_| on.client.start(&on.name("wf"), &json!({}))).collect::<anyhow::Result<_>>()?;
    for id in &ids {
        let run = on.client.wait_for(id, "COMPLETED", SOON)?;
        assert_eq!(task(&run, "join")["status"], "COMPLETED");
    }
    on.sql.assert_sound()
}

fn a_failure_event_fails_the_run(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let _email = on.service(&on.name("email"), that_says("email", "failure"))?;
    let definition = in_sequence(&on.name("wf"), &stages(&on, &["email", "phone"]));
    let id = on.register_and_start(&definition, &json!({}))?;
    let run = on.client.wait_for(&id, "FAILED", SOON)?;
    let waited = task(&run, &waiting("email"));
    assert_eq!(
        (&waited["status"], &waited["outputData"]["error"]),
        (&json!("FAILED"), &json!("object not found"))
    );
    assert!(
        waited["reasonForIncompletion"].as_str().is_some_and(|r| r.contains("object not found")),
        "{waited}"
    );
    assert_eq!(*task(&run, "phone"), Value::Null, "nothing is published after a failure");
    on.sql.assert_sound()
}

fn duplicates_change_nothing(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let answer = |request: &Value| {
        let workflow = request["workflowId"].as_str().unwrap_or_default();
        let good = completion(workflow, "email", "success").to_string();
        let late = completion(workflow, "email", "failure").to_string();
        vec![good.clone(), good, late]
    };
    let _email = on.service(&on.name("email"), Box::new(answer))?;
    let _phone = on.service(&on.name("phone"), that_says("phone", "success"))?;
    let definition = in_sequence(&on.name("wf"), &stages(&on, &["email", "phone"]));
    let id = on.register_and_start(&definition, &json!({}))?;
    let run = on.client.wait_for(&id, "COMPLETED", SOON)?;
    assert_eq!(run["tasks"].as_array().map(Vec::len), Some(4), "{run}");
    assert_eq!(task(&run, &waiting("email"))["outputData"]["result"], "success");
    // A record behind the duplicates has been handled, so the duplicates have been.
    let other = on.client.start(&on.name("wf"), &json!({}))?;
    on.client.wait_for(&other, "COMPLETED", SOON)?;
    assert_eq!(on.client.run(&id)?["status"], "COMPLETED");
    on.sql.assert_sound()
}

/// The event is there before its task: a worker's task holds the run back.
fn an_early_event_is_kept(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let gate = on.name("gate");
    let [publish, wait] = stage("email", &on.name("email"), &on.broker, &json!({}));
    let definition = podium_tests::support::pipeline::definition(
        &on.name("wf"),
        vec![json!({"name": gate, "taskReferenceName": "gate", "type": "SIMPLE"}), publish, wait],
    );
    kafka::create_topic(&on.broker, &on.name("email"), 1)?;
    let id = on.register_and_start(&definition, &json!({}))?;
    on.publish(&id, &completion(&id, "email", "success").to_string())?;
    parked(&on.sql, &id)?;
    let mut polled =
        until("the gate", SOON, || Ok(Some(on.client.poll(&gate, 1, "w")?).filter(|t| !t.is_empty())))?;
    on.client.complete(&polled.remove(0), &json!({}))?;
    let run = on.client.wait_for(&id, "COMPLETED", SOON)?;
    assert_eq!(task(&run, &waiting("email"))["outputData"]["result"], "success");
    assert_eq!(on.sql.number("SELECT count(*) FROM parked_event")?, 0);
    on.sql.assert_sound()
}

/// Waits until the run has a parked event.
fn parked(sql: &Sql, id: &str) -> anyhow::Result<()> {
    until("the early event to be parked", SOON, || {
        let count = sql.number(&format!("SELECT count(*) FROM parked_event WHERE run_id = '{id}'"))?;
        Ok((count == 1).then_some(()))
    })
}

fn a_poison_record_stops_nobody(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let answer = |request: &Value| {
        let workflow = request["workflowId"].as_str().unwrap_or_default();
        vec!["{this is no JSON".to_owned(), completion(workflow, "email", "success").to_string()]
    };
    let _email = on.service(&on.name("email"), Box::new(answer))?;
    let definition = in_sequence(&on.name("wf"), &stages(&on, &["email"]));
    let id = on.register_and_start(&definition, &json!({}))?;
    on.client.wait_for(&id, "COMPLETED", SOON)?;
    let dead = until("the dead letter", SOON, || {
        // The topic may not exist until the letter is there.
        Ok(kafka::read_all(&on.broker, &dead_letter_topic(&on.tag)).ok().filter(|r| !r.is_empty()))
    })?;
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].value.as_deref(), Some("{this is no JSON"));
    assert!(!dead[0].headers.is_empty(), "a dead letter says where it comes from");
    on.sql.assert_sound()
}

fn the_request_is_published_once_with_its_key_and_id(kind: Broker) -> anyhow::Result<()> {
    let on = Stage::open(kind)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let definition = in_sequence(&on.name("wf"), &stages(&on, &["email"]));
    on.client.register_workflow(&definition)?;
    let ids: Vec<String> =
        (0..50).map(|_| on.client.start(&on.name("wf"), &json!({"key": "a b"}))).collect::<Result<_, _>>()?;
    for id in &ids {
        on.client.wait_for(id, "COMPLETED", SOON)?;
    }
    let records = kafka::read_all(&on.broker, &on.name("email"))?;
    assert_eq!(records.len(), ids.len());
    let mut event_ids: Vec<&str> = records.iter().filter_map(|r| r.header("podium-event-id")).collect();
    event_ids.sort_unstable();
    event_ids.dedup();
    assert_eq!(event_ids.len(), ids.len(), "each message has an id of its own");
    for id in &ids {
        let record = records.iter().find(|r| r.key.as_deref() == Some(id)).expect("one for each run");
        assert_eq!(record.json()["workflowId"], json!(id));
        assert_eq!(record.json()["data"]["input_key"], "a b");
    }
    on.sql.assert_sound()
}
