//! Messages out: in order, at least once, and what becomes of them is told to their run.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use podium_core::{RunId, RunStatus, TaskNo};
use podium_runtime::ports::{EventSink, OutboxMessage, PublishOutcome};
use serde_json::{Value, json};
use support::{SOON, config, database, define, node, node_with, start, state, until, until_status};

/// The far side of the sink's port, in the hands of the test: says what is to become of each message and keeps
/// the order in which they were handed over.
#[derive(Default)]
struct Wire {
    seen: Mutex<Vec<(RunId, TaskNo)>>,
    /// Outcomes to give before messages are acknowledged, by count of hand-overs.
    script: Mutex<HashMap<usize, PublishOutcome>>,
    silent: AtomicBool,
}

impl EventSink for Wire {
    fn publish(&self, message: OutboxMessage) -> BoxFuture<'static, PublishOutcome> {
        let mut seen = self.seen.lock();
        seen.push((message.run, message.body.task));
        let said = self.script.lock().remove(&(seen.len() - 1)).unwrap_or(PublishOutcome::Acknowledged);
        if self.silent.load(Ordering::Relaxed) {
            return std::future::pending().boxed();
        }
        async move {
            tokio::task::yield_now().await;
            said
        }
        .boxed()
    }
}

fn publish(ref_name: &str, key: &str) -> Value {
    let request =
        json!({"topic": "t", "key": key, "value": {"n": ref_name}, "bootStrapServers": "localhost:9092"});
    json!({"name": ref_name, "taskReferenceName": ref_name, "type": "KAFKA_PUBLISH",
        "inputParameters": {"kafka_request": request}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_run_go_in_order_and_complete_their_tasks() {
    let db = database().await;
    let wire = Arc::new(Wire::default());
    let engine = node_with(&db, Some(wire.clone()), config()).await;
    define(&engine, "tell", json!([publish("a", "k"), publish("b", "k"), publish("c", "k")])).await;
    let runs = join_all((0..100).map(|_| start(&engine, "tell"))).await;
    until("all are told", SOON, || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 100
    })
    .await;
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE pending").await, 0);
    let seen = wire.seen.lock().clone();
    assert_eq!(seen.len(), 300);
    for run in runs {
        let of_run: Vec<TaskNo> = seen.iter().filter(|(r, _)| *r == run).map(|(_, no)| *no).collect();
        assert_eq!(of_run, [1, 2, 3]);
    }
    let relayed = || async { engine.counters().relay_open == 0 };
    until("nothing is open", SOON, relayed).await;
    assert_eq!(engine.counters().relay_published, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_message_goes_again_and_a_refused_one_fails_its_task() {
    let db = database().await;
    let wire = Arc::new(Wire::default());
    for (at, outcome) in [
        (0, PublishOutcome::Lost("the broker went away".to_owned())),
        (1, PublishOutcome::Lost("still away".to_owned())),
        (3, PublishOutcome::Refused("the topic does not exist".to_owned())),
    ] {
        wire.script.lock().insert(at, outcome);
    }
    let engine = node_with(&db, Some(wire.clone()), config()).await;
    define(&engine, "tell", json!([publish("a", "k"), publish("b", "k")])).await;
    let run = start(&engine, "tell").await;
    let end = until_status(&engine, run, RunStatus::Failed).await;
    assert!(
        end.head.reason.as_deref().is_some_and(|r| r.contains("the topic does not exist")),
        "{:?}",
        end.head.reason
    );
    assert_eq!(*wire.seen.lock(), [(run, 1), (run, 1), (run, 1), (run, 2)]);
    let counters = engine.counters();
    assert_eq!((counters.relay_lost, counters.relay_published, counters.relay_refused), (2, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_did_not_get_out_is_sent_by_another() {
    let db = database().await;
    let silent = Arc::new(Wire::default());
    silent.silent.store(true, Ordering::Relaxed);
    let dead = node_with(&db, Some(silent.clone()), config()).await;
    define(&dead, "tell", json!([publish("a", "k"), publish("b", "l")])).await;
    let runs = join_all((0..150).map(|_| start(&dead, "tell"))).await;
    until("all are on their way", SOON, || async { silent.seen.lock().len() == 150 }).await;
    drop(dead);
    let wire = Arc::new(Wire::default());
    let engine = node_with(&db, Some(wire.clone()), config()).await;
    // one lane brings a hundred rows with each pulse: more than that needs a second one
    until("all are told", Duration::from_secs(30), || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 150
    })
    .await;
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE pending").await, 0);
    for run in runs {
        let seen: Vec<TaskNo> =
            wire.seen.lock().iter().filter(|(r, _)| *r == run).map(|(_, no)| *no).collect();
        assert_eq!(seen, [1, 2]);
        assert_eq!(state(&engine, run).await.head.status, RunStatus::Completed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_decides_the_other_publishes_in_order() {
    let db = database().await;
    let (wa, wb) = (Arc::new(Wire::default()), Arc::new(Wire::default()));
    let a = node_with(&db, Some(wa.clone()), config()).await;
    let b = node_with(&db, Some(wb.clone()), config()).await;
    until("shared", SOON, || async { db.number("SELECT count(DISTINCT node) FROM node_lease").await == 2 })
        .await;
    let keys = ["k", "l", "m", "n", "o", "p"];
    for key in keys {
        define(&a, key, json!([publish("a", key), publish("b", key), publish("c", key)])).await;
    }
    let mut runs = Vec::new();
    for key in keys {
        runs.extend(join_all((0..10).map(|i| start(if i % 2 == 0 { &a } else { &b }, key))).await);
    }
    until("all are told", Duration::from_secs(30), || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 60
    })
    .await;
    let (sa, sb) = (wa.seen.lock().clone(), wb.seen.lock().clone());
    println!("node a sent {}, node b {}", sa.len(), sb.len());
    assert_eq!(sa.len() + sb.len(), 180, "each message once");
    for run in runs {
        let on = |seen: &[(RunId, TaskNo)]| {
            seen.iter().filter(|(r, _)| *r == run).map(|(_, no)| *no).collect::<Vec<_>>()
        };
        // a run of one key is in one lane: one node has sent all of it, in order
        assert!(
            matches!((&*on(&sa), &*on(&sb)), ([1, 2, 3], []) | ([], [1, 2, 3])),
            "{:?} {:?}",
            on(&sa),
            on(&sb)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sink_messages_wait() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "tell", json!([publish("a", "k")])).await;
    let run = start(&engine, "tell").await;
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE pending").await, 1);
    engine.shutdown(SOON).await;
    let wire = Arc::new(Wire::default());
    let other = node_with(&db, Some(wire.clone()), config()).await;
    until_status(&other, run, RunStatus::Completed).await;
    assert_eq!(*wire.seen.lock(), [(run, 1)]);
}
