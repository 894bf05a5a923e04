//! The rate limit of workflows: on all nodes together no more runs with one key go on at a time than the definition allows,
//! those that wait come in their order, and no crash keeps a slot.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, Ordering::Relaxed};
use std::time::Duration;

use futures::future::join_all;
use podium_core::{Payload, RunId, RunStatus, SlotState, Span, TaskStatus};
use podium_runtime::{Engine, EngineConfig, EngineError, Verb};
use podium_store::{Store, StoreOptions};
use serde_json::{Value, json};
use support::wire::{CLOSE, wire};
use support::{
    Db, SOON, complete, config, database, define, define_with, node, poll, poll_one, report_of, simple,
    start, start_of, state, until, until_status,
};

/// Registers `order`, whose runs are counted by the customer in their input.
async fn limited(engine: &Engine, at_once: i32, policy: &str, tasks: Value) {
    define_with(
        engine,
        json!({"name": "order", "tasks": tasks, "rateLimitConfig":
            {"rateLimitKey": "customer-${workflow.input.c}", "concurrentExecLimit": at_once, "policy": policy}}),
    )
    .await;
}

async fn start_for(engine: &Engine, customer: i32) -> RunId {
    let mut request = start_of("order");
    request.input = Payload::from_object_text(json!({ "c": customer }).to_string());
    engine.start(request).await.unwrap()
}

/// Two nodes that know of each other.
async fn two(db: &Db) -> (Engine, Engine) {
    let nodes = (node(db, config()).await, node(db, config()).await);
    until("shared", SOON, || async { db.number("SELECT count(DISTINCT node) FROM node_lease").await == 2 })
        .await;
    nodes
}

async fn waits(engine: &Engine, run: RunId) -> bool {
    let found = state(engine, run).await;
    found.tasks.is_empty()
        && found.head.extra.slot.as_ref().is_some_and(|slot| slot.state == SlotState::Waits)
}

/// Nothing is kept of runs that have ended, and nobody is stuck.
async fn nothing_left(db: &Db) {
    assert_eq!(db.number("SELECT count(*) FROM run_slot").await, 0);
    assert_eq!(db.number("SELECT count(*) FROM run_limit").await, 0);
    assert_eq!(db.store.audit(None, 1_000, Span::ZERO).await.unwrap().stuck, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_above_the_limit_wait_in_their_order() {
    let db = database().await;
    let (a, b) = two(&db).await;
    limited(&a, 2, "QUEUE", json!([simple("pay")])).await;
    let mut runs = Vec::new();
    for i in 0..9 {
        runs.push(start_for(if i % 2 == 0 { &a } else { &b }, 7).await);
        // whoever has a slot has its first task when the start answers
        assert_eq!(waits(&a, runs[i]).await, i >= 2, "{i}");
    }
    let other = start_for(&a, 8).await;
    assert!(!waits(&b, other).await, "another key has a limit of its own");
    a.terminate(other, None).await.unwrap();
    assert_eq!(db.store.audit(None, 100, Span::ZERO).await.unwrap().stuck, 0, "waiting is declared");
    let shown = "SELECT count(*) FROM podium.waits WHERE waits_for = 'RATE_LIMIT'";
    assert_eq!(db.number(shown).await, 7);
    let place = format!("SELECT place::bigint FROM podium.rate_limits WHERE run_id = '{}'", runs[4]);
    assert_eq!(db.number(&place).await, 3);
    for done in 1..=runs.len() {
        let task = poll_one(if done % 3 == 0 { &b } else { &a }, "pay").await;
        complete(if done % 2 == 0 { &b } else { &a }, &task).await;
        // the next one has its slot with the end of the one before
        let held = db.word("SELECT COALESCE(string_agg(run_id::text, ' ' ORDER BY seq), '') FROM run_slot WHERE NOT waits").await;
        let begun = &runs[..runs.len().min(done + 2)];
        let first = begun.iter().map(ToString::to_string).filter(|run| held.contains(run.as_str())).count();
        assert_eq!(
            (first, held.split_whitespace().count()),
            (begun.len() - done, begun.len() - done),
            "{held}"
        );
    }
    until_status(&a, runs[8], RunStatus::Completed).await;
    nothing_left(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_end_lets_the_next_one_in() {
    let db = database().await;
    let (a, b) = two(&db).await;
    limited(&a, 1, "QUEUE", json!([simple("pay")])).await;
    let mut runs = Vec::new();
    for _ in 0..8 {
        runs.push(start_for(&a, 1).await);
    }
    let begun = async |i: usize| {
        let run = runs[i];
        until("it begins", SOON, || async { !waits(&a, run).await }).await;
    };
    // one that waits may go: the others keep their order
    a.terminate(runs[1], None).await.unwrap();
    b.remove(runs[2], false).await.unwrap();
    assert!(waits(&a, runs[3]).await);
    let task = poll_one(&b, "pay").await;
    assert_eq!(task.run.id, runs[0]);
    complete(&a, &task).await;
    begun(3).await;
    b.terminate(runs[3], Some("enough".to_owned())).await.unwrap();
    begun(4).await;
    b.remove(runs[4], false).await.unwrap();
    begun(5).await;
    let task = poll_one(&b, "pay").await;
    assert_eq!(task.run.id, runs[5]);
    a.report(report_of(&task, TaskStatus::FailedWithTerminalError)).await.unwrap();
    begun(6).await;
    // a pause keeps the slot; a paused run that is let in begins once it is resumed
    b.pause(runs[6]).await.unwrap();
    assert!(waits(&a, runs[7]).await);
    a.pause(runs[7]).await.unwrap();
    a.terminate(runs[6], None).await.unwrap();
    until("it is let in", SOON, || async {
        db.number("SELECT count(*) FROM run_slot WHERE NOT waits").await == 1
            && db.number("SELECT count(*) FROM inbox").await == 0
    })
    .await;
    assert!(state(&a, runs[7]).await.tasks.is_empty());
    b.resume(runs[7]).await.unwrap();
    // a retried run takes a slot at once, and counts
    a.operate(runs[5], Verb::Retry { resume_children: false }).await.unwrap();
    let held = poll(&a, "pay", 5, 1_000).await;
    assert_eq!(held.len(), 2);
    // a restarted one waits like any other
    a.operate(runs[0], Verb::Restart { latest: false }).await.unwrap();
    assert!(waits(&a, runs[0]).await);
    for task in &held {
        complete(&b, task).await;
    }
    complete(&a, &poll_one(&a, "pay").await).await;
    until_status(&a, runs[0], RunStatus::Completed).await;
    nothing_left(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_wait_fails_and_a_parent_hears_of_it() {
    let db = database().await;
    let (a, b) = two(&db).await;
    limited(&a, 1, "REJECT", json!([simple("pay")])).await;
    let sub = json!([{"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW",
        "inputParameters": {"c": 1}, "subWorkflowParam": {"name": "order"}}]);
    define(&a, "parent", sub).await;
    let first = start_for(&a, 1).await;
    let second = start_for(&b, 1).await;
    let found = until_status(&b, second, RunStatus::Failed).await;
    assert!(found.head.reason.is_some_and(|why| why.contains("customer-1")));
    let parent = start(&b, "parent").await;
    until_status(&a, parent, RunStatus::Failed).await;
    complete(&b, &poll_one(&b, "pay").await).await;
    until_status(&a, first, RunStatus::Completed).await;
    // now there is room
    let parent = start(&b, "parent").await;
    complete(&a, &poll_one(&a, "pay").await).await;
    until_status(&a, parent, RunStatus::Completed).await;
    nothing_left(&db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_wait_like_others_and_their_parents_with_them() {
    let db = database().await;
    let (a, b) = two(&db).await;
    limited(&a, 2, "QUEUE", json!([simple("pay")])).await;
    let sub = json!([{"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW",
        "inputParameters": {"c": 1}, "subWorkflowParam": {"name": "order"}}]);
    define(&a, "parent", sub).await;
    let parents = join_all((0..12).map(|i| start(if i % 2 == 0 { &a } else { &b }, "parent"))).await;
    for i in 0..12 {
        let (one, other) = if i % 3 == 0 { (&a, &b) } else { (&b, &a) };
        let task = poll_one(one, "pay").await;
        assert!(
            db.number("SELECT count(*) FROM task WHERE task_type = 'pay' AND status IN (0, 1)").await <= 2
        );
        complete(other, &task).await;
    }
    for parent in parents {
        until_status(&a, parent, RunStatus::Completed).await;
    }
    nothing_left(&db).await;
}

/// A crowd of starts, ends, verbs and broken connections on two nodes; then all ends, and nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_break_keeps_a_slot_or_loses_a_run() {
    let db = Arc::new(database().await);
    let b = node(&db, config()).await;
    let wire = wire(&db.url).await;
    let options = StoreOptions {
        answer_timeout: Duration::from_secs(2),
        settle_timeout: Duration::from_secs(1),
        ..StoreOptions::default()
    };
    let store = Store::connect(&wire.url, options).await.unwrap();
    let a = Engine::open(store, None, EngineConfig { writers: 1, ..config() }).await.unwrap();
    limited(&b, 3, "QUEUE", json!([simple("pay")])).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watched = {
        let (db, stop) = (db.clone(), stop.clone());
        tokio::spawn(async move {
            let mut most = 0;
            while !stop.load(Relaxed) {
                let open = "SELECT COALESCE(max(n), 0) FROM (SELECT count(*) AS n FROM run AS r
                    WHERE r.status IN (0, 1) AND EXISTS (SELECT FROM task AS t WHERE t.run_id = r.id)
                    GROUP BY r.input::json ->> 'c') AS x";
                most = most.max(db.number(open).await);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            most
        })
    };
    let workers: Vec<_> = [&a, &b]
        .map(|engine| {
            let (engine, stop) = (engine.clone(), stop.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Relaxed) {
                    let Ok(leased) = engine.poll(support::poll_of("pay", 2, 200)).await else { continue };
                    leased.guard.disarm();
                    for view in leased.tasks {
                        n += 1;
                        tokio::time::sleep(Duration::from_millis(15)).await;
                        let status = if n % 5 == 0 {
                            TaskStatus::FailedWithTerminalError
                        } else {
                            TaskStatus::Completed
                        };
                        // a run that was removed meanwhile takes no report, however often
                        while let Err(EngineError::Unavailable(_)) =
                            engine.report(report_of(&view, status)).await
                        {
                            if stop.load(Relaxed) {
                                break;
                            }
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    }
                }
            })
        })
        .into_iter()
        .collect();
    for round in 0..40 {
        let engine = if round % 2 == 0 { &a } else { &b };
        for customer in 0..2 {
            let mut request = start_of("order");
            request.input = Payload::from_object_text(json!({ "c": customer }).to_string());
            if let Ok(run) = engine.start(request).await {
                match round % 7 {
                    3 => drop(b.terminate(run, None).await),
                    5 => drop(b.remove(run, false).await),
                    _ => {}
                }
            }
        }
        if round % 8 == 4 {
            wire.fault.store(CLOSE, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(150)).await;
            wire.open();
        }
    }
    wire.open();
    let open = "SELECT count(*) FROM run WHERE status IN (0, 1)";
    until("all ended", Duration::from_secs(60), || async {
        // a lease that nobody has any more is not what this is about
        let lost = "SELECT count(*) FROM task AS t JOIN run AS r ON r.id = t.run_id WHERE t.status = 1 AND r.status = 0";
        if db.number(lost).await > 0 {
            for run in db.store.open_runs_of("order").await.unwrap() {
                let found = state(&b, run).await;
                if found.tasks.iter().any(|t| t.status == TaskStatus::InProgress) {
                    drop(b.terminate(run, None).await);
                }
            }
        }
        db.number(open).await == 0
    })
    .await;
    stop.store(true, Relaxed);
    join_all(workers).await;
    let most = watched.await.unwrap();
    println!("at most {most} of one key at once, {} runs", db.number("SELECT count(*) FROM run").await);
    assert!((1..=3).contains(&most), "{most}");
    nothing_left(&db).await;
}
