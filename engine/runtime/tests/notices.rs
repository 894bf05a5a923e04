//! Notices: what definitions ask to be told of changes of status goes out with the commits, once.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use podium_core::{RunStatus, Settings};
use podium_runtime::EngineConfig;
use podium_runtime::ports::{EventSink, OutboxMessage, PublishOutcome};
use serde_json::{Value, json};
use support::{
    SOON, complete, config, database, define_with, node_with, poll_one, simple, start, state, until,
    until_status,
};

/// The far side of the sink's port: takes everything but what goes to the topic `closed`.
#[derive(Default)]
struct Wire(Mutex<Vec<(String, Value)>>);

impl EventSink for Wire {
    fn publish(&self, message: OutboxMessage) -> BoxFuture<'static, PublishOutcome> {
        let body = serde_json::from_slice(&message.body.value).unwrap();
        self.0.lock().push((message.body.topic.clone(), body));
        let closed = message.body.topic == "closed";
        let refused = || PublishOutcome::Refused("nobody is there".to_owned());
        async move { if closed { refused() } else { PublishOutcome::Acknowledged } }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_hears_of_a_run_and_its_tasks_in_order_and_once() {
    let db = database().await;
    let wire = Arc::new(Wire::default());
    let settings = Settings { task_status_sink: Some("kafka:tasks".to_owned()), ..Settings::default() };
    let engine = node_with(&db, Some(wire.clone()), EngineConfig { settings, ..config() }).await;
    let mut task = simple("a");
    task["onStateChange"] = json!({"onSuccess": [{"type": "kafka:done", "payload": {"of": "${a.output.done}"}}],
        "onStart": [{"type": "kafka:closed", "payload": {}}]});
    define_with(
        &engine,
        json!({"name": "heard", "tasks": [task], "workflowStatusListenerEnabled": true,
        "workflowStatusListenerSink": "kafka:runs"}),
    )
    .await;
    define_with(&engine, json!({"name": "unheard", "tasks": [
        {"name": "n", "taskReferenceName": "n", "type": "NOOP", "taskDefinition": {"name": "n", "taskStatusListenerEnabled": false}}]}))
    .await;
    let unheard = start(&engine, "unheard").await;
    until_status(&engine, unheard, RunStatus::Completed).await;
    let run = start(&engine, "heard").await;
    complete(&engine, &poll_one(&engine, "a").await).await;
    until_status(&engine, run, RunStatus::Completed).await;
    until("all notices are settled", SOON, || async {
        db.number("SELECT count(*) FROM outbox WHERE pending").await == 0
    })
    .await;
    let seen = wire.0.lock().clone();
    let of = |topic: &str| -> Vec<Value> {
        seen.iter().filter(|(t, _)| t == topic).map(|(_, body)| body["eventType"].clone()).collect()
    };
    assert_eq!(of("runs"), ["started", "completed", "finalized"]);
    assert_eq!(of("tasks"), ["scheduled", "in_progress", "completed"]);
    let ids = seen.iter().filter(|(t, _)| t == "runs").map(|(_, body)| body["payload"]["workflowId"].clone());
    assert!(ids.eq([run, run, run].map(|run| Value::from(run.to_string()))));
    let done: Vec<&(String, Value)> = seen.iter().filter(|(t, _)| t == "done").collect();
    assert_eq!(done, [&("done".to_owned(), json!({"of": true}))]);
    assert_eq!(of("closed").len(), 1, "what is refused is dropped");
    assert_eq!(db.number("SELECT count(*) FROM outbox").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_queue_is_for_event_handlers() {
    let db = database().await;
    let engine = node_with(&db, None, config()).await;
    define_with(
        &engine,
        json!({"name": "first", "tasks": [simple("a")], "workflowStatusListenerEnabled": true,
        "workflowStatusListenerSink": "conductor:ends"}),
    )
    .await;
    define_with(&engine, json!({"name": "second", "tasks": [simple("b")]})).await;
    let handler = json!({"name": "h", "event": "conductor:first:ends", "active": true,
        "condition": "$.eventType == 'completed'",
        "actions": [{"action": "start_workflow", "start_workflow":
            {"name": "second", "input": {"of": "${payload.workflowId}", "as": "${payload.status}"}}}]});
    let handler = podium_core::def::event_handler::parse(&handler).unwrap();
    engine.create_event_handler(handler).await.unwrap();
    let run = start(&engine, "first").await;
    complete(&engine, &poll_one(&engine, "a").await).await;
    let task = poll_one(&engine, "b").await;
    let second = state(&engine, task.run.id).await;
    let input = second.head.input.map();
    assert_eq!((&input["of"], &input["as"]), (&json!(run.to_string()), &json!("COMPLETED")));
    until("all events are handled", SOON, || async {
        db.number("SELECT count(*) FROM outbox WHERE pending").await == 0
    })
    .await;
    assert_eq!(db.number("SELECT count(*) FROM run").await, 2);
    assert_eq!(db.number("SELECT count(*) FROM outbox").await, 3);
}
