//! What starts without a caller: event handlers and schedules. Each event and each instant has its effect once.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::def::{EventHandler, Schedule, event_handler};
use podium_core::handler::Message;
use podium_core::{RunStatus, TaskStatus, Timestamp};
use podium_runtime::{Engine, FiringQuery, FiringState, Handled};
use serde_json::{Value, json};
use support::{SOON, config, database, define, node, start, state, until, until_status};

fn handler(name: &str, event: &str, actions: &Value) -> EventHandler {
    let raw = json!({"name": name, "event": event, "active": true, "actions": actions});
    event_handler::parse(&raw).unwrap()
}

fn starts(name: &str) -> Value {
    json!([{"action": "start_workflow", "start_workflow": {"name": name, "input": {"k": "${k}"}}}])
}

async fn define_publisher(engine: &Engine, waits: bool) {
    let event = json!({
        "name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "conductor:q", "asyncComplete": waits,
        "inputParameters": {"k": "${workflow.input.a}"},
    });
    define(engine, "pub", json!([event])).await;
    let human = json!({"name": "h", "taskReferenceName": "h", "type": "HUMAN"});
    define(engine, "target", json!([human])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_starts_one_run_however_many_nodes_there_are() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define_publisher(&a, false).await;
    a.create_event_handler(handler("h", "conductor:pub:q", &starts("target"))).await.unwrap();
    for engine in [&a, &b] {
        for _ in 0..20 {
            let run = start(engine, "pub").await;
            until_status(engine, run, RunStatus::Completed).await;
        }
    }
    until("all events are taken", SOON, || async {
        db.number("SELECT count(*) FROM outbox WHERE pending").await == 0
    })
    .await;
    assert_eq!(db.number("SELECT count(*) FROM run WHERE name = 'target'").await, 40);
    assert_eq!(db.number("SELECT count(*) FROM run WHERE input LIKE '%\"k\":1%'").await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_wait_for_handlers_that_come_later_unless_their_task_is_cancelled() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define_publisher(&engine, true).await;
    let (kept, cancelled) = (start(&engine, "pub").await, start(&engine, "pub").await);
    assert_eq!(engine.waiting_events("conductor:pub:q").await.unwrap(), 2);
    engine.terminate(cancelled, None).await.unwrap();
    assert_eq!(engine.waiting_events("conductor:pub:q").await.unwrap(), 1);
    let ends = json!([
        {"action": "complete_task", "complete_task": {"workflowId": "${workflowInstanceId}", "taskRefName": "e",
            "output": {"got": "${k}"}}},
        {"action": "start_workflow", "start_workflow": {"name": "no such workflow"}},
    ]);
    engine.create_event_handler(handler("h", "conductor:pub:q", &ends)).await.unwrap();
    let run = until_status(&engine, kept, RunStatus::Completed).await;
    let task = run.tasks.get(1).unwrap();
    assert_eq!((task.status, task.output.get("got")), (TaskStatus::Completed, Some(&json!(1))));
    assert_eq!(engine.waiting_events("conductor:pub:q").await.unwrap(), 0);
    assert_eq!(state(&engine, cancelled).await.head.status, RunStatus::Terminated);
    assert_eq!(engine.counters().failed_handler_actions, 1, "the other action could not be done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_handled_again_starts_nothing_twice() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define_publisher(&a, false).await;
    a.create_event_handler(handler("h", "kafka:t", &starts("target"))).await.unwrap();
    for engine in [&a, &b] {
        until("the handler is known", SOON, || async {
            engine.handled_events().borrow().contains("kafka:t")
        })
        .await;
    }
    let message = |offset: i64| Message {
        event: "kafka:t".to_owned(),
        id: format!("0-{offset}"),
        origin: format!("cluster/t/0/{offset}"),
        at: Timestamp::from_millis(1_790_000_000_000),
        payload: json!({"k": offset}),
    };
    let all = (0..40).map(|i| if i % 2 == 0 { a.handle(message(i / 4)) } else { b.handle(message(i / 4)) });
    for handled in futures::future::join_all(all).await {
        assert_eq!(handled.unwrap(), Handled::Done(Vec::new()));
    }
    assert_eq!(db.number("SELECT count(*) FROM run WHERE name = 'target'").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_fires_once_for_each_instant() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define_publisher(&a, false).await;
    let schedule = json!({
        "name": "s", "cronExpression": "* * * * * *", "startWorkflowRequest": {"name": "target"},
    });
    b.put_schedule(Schedule::parse(&schedule).unwrap()).await.unwrap();
    until("it has fired three times", SOON, || async {
        db.number("SELECT count(*) FROM schedule_execution WHERE state = 1").await >= 3
    })
    .await;
    // a node that dies between a firing and its start leaves a row like this one
    db.sql("UPDATE schedule_execution SET state = 0 WHERE scheduled_at = (SELECT max(scheduled_at) FROM schedule_execution)").await;
    b.pause_schedule("s", None).await.unwrap();
    let query = FiringQuery { states: vec![FiringState::Executed], limit: 100, ..FiringQuery::default() };
    let (total, fired) = a.firings(&query).await.unwrap();
    assert!(total >= 2 && fired.len() as i64 == total);
    let mut instants: Vec<_> = fired.iter().map(|firing| firing.scheduled_at).collect();
    instants.dedup();
    assert_eq!(instants.len(), fired.len(), "one for each instant");
    let runs = db.number("SELECT count(*) FROM run WHERE name = 'target'").await;
    let firings = db.number("SELECT count(*) FROM schedule_execution").await;
    assert!(runs == firings || runs == firings - 1, "{runs} runs of {firings} firings");
}
