//! What event handlers did can be seen afterwards, also that they did nothing, and why.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::time::Duration;

use podium_core::def::{EventHandler, event_handler};
use podium_core::handler::Message;
use podium_core::{RunId, RunStatus, Timestamp};
use podium_runtime::{Engine, EventExecution, EventOutcome, Handled};
use podium_store::{Store, StoreOptions};
use serde_json::{Value, json};
use support::{Db, SOON, config, database, define, node, simple, start, until, until_status};

fn handler(name: &str, condition: &str, actions: &Value) -> EventHandler {
    let raw = json!({"name": name, "event": "kafka:orders", "active": true, "condition": condition, "actions": actions,
        "evaluatorType": "javascript"});
    event_handler::parse(&raw).unwrap()
}

fn message(offset: i64, payload: Value) -> Message {
    Message {
        event: "kafka:orders".to_owned(),
        id: format!("0-{offset}"),
        origin: format!("cluster/orders/0/{offset}"),
        at: Timestamp::from_millis(1_790_000_000_000),
        payload,
    }
}

/// A node with handlers for one topic.
async fn handling(db: &Db, handlers: Vec<EventHandler>) -> Engine {
    let engine = node(db, config()).await;
    define(&engine, "target", json!([simple("pay")])).await;
    for handler in handlers {
        engine.create_event_handler(handler).await.unwrap();
    }
    engine
}

async fn noted(engine: &Engine, count: i64) -> Vec<EventExecution> {
    until("all is noted", SOON, || async {
        engine.event_executions(None, None, 0, 0).await.unwrap().1 == count
    })
    .await;
    engine.event_executions(None, None, 0, 100).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_shows_what_each_handler_did_with_it() {
    let db = database().await;
    let starts = json!([
        {"action": "start_workflow", "start_workflow": {"name": "target", "input": {"k": "${k}"}}},
        {"action": "start_workflow", "start_workflow": {"name": "no such workflow"}},
    ]);
    let ends =
        json!([{"action": "complete_task", "complete_task": {"workflowId": "${run}", "taskRefName": "pay"}}]);
    let engine = handling(
        &db,
        vec![
            handler("ends", "", &ends),
            handler("small", "$.k < 10", &starts),
            handler("starts", "", &starts),
        ],
    )
    .await;
    let run = start(&engine, "target").await;
    let Handled::Done(told) =
        engine.handle(message(1, json!({"k": 12, "run": run.to_string()}))).await.unwrap()
    else {
        panic!("nobody knows what is to be done")
    };
    assert_eq!(told.len(), 1);
    let all = noted(&engine, 3).await;
    let of = |name: &str| all.iter().find(|note| note.handler == name).unwrap();

    let started = of("starts");
    assert_eq!((started.outcome, started.message_id.as_str()), (EventOutcome::Failed, "0-1"));
    let child: RunId = started.actions[0].run.as_deref().unwrap().parse().unwrap();
    until_status(&engine, child, RunStatus::Running).await;
    assert!(started.actions[0].error.is_none());
    assert!(started.actions[1].error.as_deref().unwrap().contains("no such workflow"));
    assert_eq!(started.payload, format!(r#"{{"k":12,"run":"{run}"}}"#));

    let ended = of("ends");
    assert_eq!(ended.outcome, EventOutcome::Completed);
    let action = &ended.actions[0];
    assert_eq!(
        (action.action.as_str(), action.run.as_deref()),
        ("complete_task", Some(run.to_string().as_str()))
    );
    assert_eq!(action.ref_name.as_deref(), Some("pay"));

    let skipped = of("small");
    assert_eq!((skipped.outcome, skipped.condition.as_deref()), (EventOutcome::Skipped, Some("$.k < 10")));
    assert!(skipped.actions.is_empty());

    // handled again it is no second note
    engine.handle(message(1, json!({"k": 5, "run": run.to_string()}))).await.unwrap();
    until("the later one counts", SOON, || async {
        let (found, total) = engine.event_executions(Some("small"), None, 0, 10).await.unwrap();
        total == 1 && found[0].outcome == EventOutcome::Failed && found[0].payload.contains("5")
    })
    .await;
    assert_eq!(engine.event_executions(None, Some("kafka:orders"), 1, 1).await.unwrap().0.len(), 1);
    assert_eq!(engine.event_executions(Some("ends"), Some("kafka:other"), 0, 10).await.unwrap().1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_nothing_happened_can_be_seen() {
    let db = database().await;
    let ends =
        json!([{"action": "complete_task", "complete_task": {"workflowId": "${run}", "taskRefName": "pay"}}]);
    let engine =
        handling(&db, vec![handler("broken", "nonsense.k", &json!([])), handler("ends", "", &ends)]).await;
    // the condition of the first has no value: nothing is done at all
    let undecided = engine.handle(message(1, json!({"run": "x"}))).await.unwrap();
    assert!(matches!(undecided, Handled::Undecided(_)));
    let note = noted(&engine, 1).await.remove(0);
    assert_eq!((note.handler.as_str(), note.outcome), ("broken", EventOutcome::Undecided));
    assert!(note.why.unwrap().contains("nonsense"));
    engine.delete_event_handler("broken").await.unwrap();
    // a run that is not there
    let nobody = RunId::new(Timestamp::from_millis(1), 9, 0).to_string();
    engine.handle(message(2, json!({"run": nobody}))).await.unwrap();
    let note = noted(&engine, 2).await.remove(0);
    assert_eq!(note.outcome, EventOutcome::Failed);
    assert!(note.actions[0].error.as_deref().unwrap().contains(&nobody));
    // a large message is kept as far as is useful
    engine.handle(message(3, json!({"run": nobody, "text": "x".repeat(100_000)}))).await.unwrap();
    let note = noted(&engine, 3).await.remove(0);
    assert_eq!(note.payload.len(), 8 << 10);
    assert!(note.payload_size > 100_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_leaves_nothing_unnoted() {
    let db = database().await;
    let engine = handling(&db, vec![handler("h", "$.k > 1", &json!([]))]).await;
    for offset in 0..20 {
        engine.handle(message(offset, json!({"k": offset}))).await.unwrap();
    }
    engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(db.number("SELECT count(*) FROM event_execution WHERE outcome = 2").await, 2);
    assert_eq!(db.number("SELECT count(*) FROM event_execution").await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_are_forgotten_by_age_and_number() {
    let db = database().await;
    let engine = handling(&db, vec![handler("h", "$.k % 2 == 0", &json!([]))]).await;
    for offset in 0..20 {
        engine.handle(message(offset, json!({"k": offset}))).await.unwrap();
    }
    noted(&engine, 20).await;
    let store = Store::connect(&db.url, StoreOptions::default()).await.unwrap();
    let day = podium_core::Span::from_secs(24 * 3600);
    let prune =
        async |keep, without, limit| store.prune_event_executions(day, keep, without, limit).await.unwrap();
    let left =
        async |more: &str| db.number(&format!("SELECT count(*) FROM event_execution WHERE {more}")).await;
    assert_eq!(prune(100, 100, 1_000).await, 0);
    assert_eq!(prune(100, 4, 1_000).await, 6);
    assert_eq!((left("outcome = 0").await, left("outcome = 2").await), (10, 4));
    assert_eq!(prune(8, 4, 5).await, 5, "no more than asked for at once");
    assert_eq!(prune(8, 4, 5).await, 1);
    assert_eq!(left("true").await, 8);
    assert_eq!(left("payload LIKE '%:19%'").await, 1, "the latest stay");
    db.sql("UPDATE event_execution SET at = now() - interval '2 days' WHERE payload LIKE '%:18%'").await;
    assert_eq!(prune(100, 100, 1_000).await, 1);
}
