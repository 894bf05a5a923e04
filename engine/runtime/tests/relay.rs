//! Messages out: in order, at least once, and what becomes of them is told to their run.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use podium_core::{Outgoing, RunId, RunStatus, TaskNo};
use podium_runtime::ports::{EventSink, OutboxMessage, PublishOutcome};
use serde_json::{Value, json};
use sqlx::Connection;
use support::{SOON, config, database, define, node, node_with, start, state, until, until_status};
use tokio::sync::oneshot;

/// The far side of the sink's port, in the hands of the test: says what is to become of each message and keeps
/// the order in which they were handed over.
#[derive(Default)]
struct Wire {
    seen: Mutex<Vec<(RunId, TaskNo)>>,
    /// Outcomes to give before messages are acknowledged, by count of hand-overs.
    script: Mutex<HashMap<usize, PublishOutcome>>,
    silent: AtomicBool,
    /// Messages with this key get no answer.
    stuck: Mutex<Option<Vec<u8>>>,
    /// Nothing gets an answer but by being taken back.
    kept: Mutex<Option<Vec<oneshot::Sender<PublishOutcome>>>>,
}

impl EventSink for Wire {
    fn publish(&self, message: OutboxMessage) -> BoxFuture<'static, PublishOutcome> {
        let mut seen = self.seen.lock();
        seen.push((message.run, message.body.task));
        let said = self.script.lock().remove(&(seen.len() - 1)).unwrap_or(PublishOutcome::Acknowledged);
        let stuck = said == PublishOutcome::Acknowledged
            && message.body.key.is_some()
            && *self.stuck.lock() == message.body.key;
        if stuck || self.silent.load(Ordering::Relaxed) {
            return std::future::pending().boxed();
        }
        if let Some(kept) = &mut *self.kept.lock() {
            let (keeper, answer) = oneshot::channel();
            kept.push(keeper);
            return async move { answer.await.unwrap() }.boxed();
        }
        async move {
            tokio::task::yield_now().await;
            said
        }
        .boxed()
    }

    fn take_back(&self) {
        for keeper in self.kept.lock().take().unwrap_or_default() {
            let _ = keeper.send(PublishOutcome::Lost("taken back".to_owned()));
        }
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

/// A key whose partition has no leader: another key of the same lane goes its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_held_up_holds_up_no_other() {
    let lane_of = |key: &str| {
        let body = Outgoing {
            task: 1,
            cluster: Some("localhost:9092".to_owned()),
            topic: "t".to_owned(),
            key: Some(key.as_bytes().to_vec()),
            value: Vec::new(),
            headers: Vec::new(),
            max_block_ms: None,
        };
        podium_store::lane(&body)
    };
    let other = (0..).map(|n| format!("k{n}")).find(|key| lane_of(key) == lane_of("stuck")).unwrap();
    let db = database().await;
    let wire = Arc::new(Wire::default());
    *wire.stuck.lock() = Some(b"stuck".to_vec());
    wire.script.lock().insert(1, PublishOutcome::Lost("no leader".to_owned()));
    let engine = node_with(&db, Some(wire.clone()), config()).await;
    define(&engine, "held", json!([publish("a", "stuck")])).await;
    define(&engine, "free", json!([publish("a", &other), publish("b", &other)])).await;
    let held = join_all((0..3).map(|_| start(&engine, "held"))).await;
    until("one is lost and the rest flies", SOON, || async { engine.counters().relay_lost == 1 }).await;
    for _ in 0..3 {
        let free = start(&engine, "free").await;
        until_status(&engine, free, RunStatus::Completed).await;
    }
    for run in held {
        assert_eq!(state(&engine, run).await.head.status, RunStatus::Running);
    }
}

/// PostgreSQL does not renew the leases while brokers are slow: what is not sent yet is taken back, and goes again
/// when the node holds its lanes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_lease_sends_nothing() {
    let db = database().await;
    let wire = Arc::new(Wire::default());
    *wire.kept.lock() = Some(Vec::new());
    let engine = node_with(&db, Some(wire.clone()), config()).await;
    define(&engine, "tell", json!([publish("a", "k")])).await;
    let run = start(&engine, "tell").await;
    until("it is handed over", SOON, || async { wire.seen.lock().len() == 1 }).await;
    let cut = db.url.clone();
    let block = tokio::spawn(async move {
        let mut blocker = sqlx::PgConnection::connect(&cut).await.unwrap();
        let block = "BEGIN; LOCK TABLE node IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT";
        sqlx::raw_sql(block).execute(&mut blocker).await.unwrap();
    });
    until("it is taken back", SOON, || async { wire.kept.lock().is_none() }).await;
    assert!(!block.is_finished(), "it was taken back before the node could renew its lease");
    assert_eq!(wire.seen.lock().len(), 1);
    block.await.unwrap();
    until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(*wire.seen.lock(), [(run, 1), (run, 1)]);
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
