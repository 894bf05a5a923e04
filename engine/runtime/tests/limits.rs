//! Limits of task definitions: never more at once, never more in a stretch of time, on all nodes together.
//!
//! What a worker has in hand, from the answer of its poll until it reports, lies inside of its lease: a counter of the
//! workers' own sees every excess.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::future::join_all;
use podium_core::def::TaskDef;
use podium_core::{RunId, RunStatus, TaskStatus};
use podium_runtime::Engine;
use serde_json::{Value, json};
use support::{
    Db, SOON, complete, config, database, define, node, poll, poll_of, poll_one, report_of, simple, start,
    state, until, until_status,
};

async fn task_def(engine: &Engine, def: Value) {
    let def: TaskDef = serde_json::from_value(def).unwrap();
    engine.put_task_defs(vec![def]).await.unwrap();
}

/// Waits until a node has heard of the definitions as they are.
async fn hears(node: &Engine) {
    let before = node.counters().pulses;
    until("two pulses", SOON, || async { node.counters().pulses >= before + 2 }).await;
}

/// Two nodes that know of each other.
async fn two(db: &Db) -> (Engine, Engine) {
    let nodes = (node(db, config()).await, node(db, config()).await);
    until("shared", SOON, || async { db.number("SELECT count(DISTINCT node) FROM node_lease").await == 2 })
        .await;
    nodes
}

/// Workers that do all kinds of things with their tasks, and what they saw.
#[derive(Default)]
struct Crew {
    stop: AtomicBool,
    busy: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

impl Crew {
    async fn work(self: Arc<Self>, engine: Engine, task_type: &'static str, seed: usize) {
        let mut dice = seed;
        let mut roll = move |sides: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        while !self.stop.load(Relaxed) {
            let Ok(leased) = engine.poll(poll_of(task_type, 1 + roll(3), 200)).await else { continue };
            if roll(12) == 0 {
                // the connection breaks: what was leased goes back
                drop(leased);
                continue;
            }
            leased.guard.disarm();
            let busy = self.busy.fetch_add(leased.tasks.len(), Relaxed) + leased.tasks.len();
            self.most.fetch_max(busy, Relaxed);
            for view in leased.tasks {
                tokio::time::sleep(Duration::from_millis(roll(8) as u64)).await;
                self.busy.fetch_sub(1, Relaxed);
                let status = match roll(10) {
                    0 => TaskStatus::Failed,
                    1 => TaskStatus::InProgress,
                    _ => TaskStatus::Completed,
                };
                while engine.report(report_of(&view, status)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                self.done.fetch_add(usize::from(status == TaskStatus::Completed), Relaxed);
            }
        }
    }

    /// Looks at the rows until told to stop: the most tasks of a type that were in progress in one snapshot.
    async fn watch(self: Arc<Self>, db: Arc<Db>, task_type: &'static str) -> i64 {
        let rows = format!("SELECT count(*) FROM task WHERE status = 1 AND task_type = '{task_type}'");
        let mut most = 0;
        while !self.stop.load(Relaxed) {
            let count = db.number(&rows).await;
            most = most.max(count);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        most
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_at_once_on_two_nodes() {
    let db = Arc::new(database().await);
    let (a, b) = two(&db).await;
    task_def(
        &a,
        json!({"name": "narrow", "concurrentExecLimit": 3, "retryCount": 100, "retryDelaySeconds": 0}),
    )
    .await;
    let twice: Vec<Value> = ["x", "y"]
        .iter()
        .map(|r| json!([{"name": "narrow", "taskReferenceName": r, "type": "SIMPLE"}]))
        .collect();
    let tasks = json!([
        simple("narrow"),
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": twice},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["x", "y"]}
    ]);
    define(&a, "order", tasks).await;
    let crew = Arc::new(Crew::default());
    let watched = tokio::spawn(crew.clone().watch(db.clone(), "narrow"));
    let workers: Vec<_> = (0..10)
        .map(|i| {
            let engine = if i % 2 == 0 { &a } else { &b };
            tokio::spawn(crew.clone().work(engine.clone(), "narrow", i + 1))
        })
        .collect();
    join_all((0..60).map(|i| start(if i % 2 == 0 { &a } else { &b }, "order"))).await;
    until("all are complete", Duration::from_secs(90), || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 60
    })
    .await;
    crew.stop.store(true, Relaxed);
    join_all(workers).await;
    let rows = watched.await.unwrap();
    let most = crew.most.load(Relaxed);
    println!("most in hand {most}, most in rows {rows}, refused or stale {}", a.counters().stale);
    assert!(most <= 3 && rows <= 3, "{most} in hand, {rows} in rows");
    assert_eq!(most, 3, "the limit is used");
    assert_eq!(crew.done.load(Relaxed), 180);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_come_first_served_and_delayed_ones_keep_their_place() {
    let db = database().await;
    let (a, b) = two(&db).await;
    task_def(&a, json!({"name": "single", "concurrentExecLimit": 1})).await;
    define(&a, "order", json!([simple("single")])).await;
    let mut runs = Vec::new();
    for i in 0..12 {
        runs.push(start(if i % 3 == 0 { &b } else { &a }, "order").await);
    }
    // the first one is put off: nobody overtakes it
    let first = poll_one(&a, "single").await;
    assert_eq!(first.run.id, runs[0]);
    let mut later = report_of(&first, TaskStatus::InProgress);
    later.callback_after_s = 2;
    a.report(later).await.unwrap();
    assert!(poll(&b, "single", 5, 300).await.is_empty(), "the oldest is not due yet");
    for (i, run) in runs.iter().enumerate() {
        let (one, other) = if i % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let task = poll_one(one, "single").await;
        assert_eq!(task.run.id, *run, "{i}");
        complete(other, &task).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_free_is_taken_at_once() {
    let db = database().await;
    let a = node(&db, config()).await;
    task_def(&a, json!({"name": "single", "concurrentExecLimit": 1})).await;
    define(&a, "order", json!([simple("single")])).await;
    let runs: Vec<RunId> = join_all((0..30).map(|_| start(&a, "order"))).await;
    let began = Instant::now();
    for _ in 1..runs.len() {
        let task = poll_one(&a, "single").await;
        let next = {
            let a = a.clone();
            tokio::spawn(async move { poll(&a, "single", 1, 5_000).await })
        };
        until("parked", SOON, || async { a.counters().parked_polls == 1 }).await;
        complete(&a, &task).await;
        // whoever waits gets the next one, and hands it back so that it comes again
        for view in next.await.unwrap() {
            a.report(report_of(&view, TaskStatus::InProgress)).await.unwrap();
        }
    }
    let each = began.elapsed() / 29;
    println!("a slot was taken again after {each:?}");
    assert!(each < Duration::from_millis(400), "{each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_limit_counts_for_what_waits_already() {
    let db = database().await;
    let (a, b) = two(&db).await;
    define(&a, "order", json!([simple("some")])).await;
    join_all((0..20).map(|_| start(&a, "order"))).await;
    // b has the tasks in its window without a limit
    let first = poll_one(&b, "some").await;
    complete(&b, &first).await;
    task_def(&b, json!({"name": "some", "concurrentExecLimit": 2})).await;
    hears(&a).await;
    let mut held = poll(&b, "some", 10, 300).await;
    assert_eq!(held.len(), 2);
    assert!(poll(&b, "some", 10, 300).await.is_empty());
    assert!(poll(&a, "some", 10, 1_500).await.is_empty());
    task_def(&a, json!({"name": "some", "concurrentExecLimit": 5})).await;
    held.extend(poll(&a, "some", 10, 3_000).await);
    assert_eq!(held.len(), 5);
    // fewer than are in progress: none until enough have ended
    task_def(&a, json!({"name": "some", "concurrentExecLimit": 4})).await;
    complete(&a, &held.pop().unwrap()).await;
    assert!(poll(&a, "some", 10, 300).await.is_empty());
    complete(&a, &held.pop().unwrap()).await;
    held.extend(poll(&a, "some", 10, 3_000).await);
    assert_eq!(held.len(), 4);
    // none at all
    assert!(a.delete_task_def("some").await.unwrap());
    let rest = poll(&a, "some", 50, 3_000).await;
    assert_eq!(rest.len(), 20 - 1 - 2 - 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_leaves_no_slot_taken() {
    let db = Arc::new(database().await);
    let (a, b) = two(&db).await;
    task_def(
        &a,
        json!({"name": "frail", "concurrentExecLimit": 2, "retryCount": 100, "retryDelaySeconds": 0,
            "responseTimeoutSeconds": 2}),
    )
    .await;
    hears(&b).await;
    define(&a, "order", json!([simple("frail")])).await;
    join_all((0..40).map(|_| start(&a, "order"))).await;
    let crew = Arc::new(Crew::default());
    let watched = tokio::spawn(crew.clone().watch(db.clone(), "frail"));
    // the workers of the node that dies die with it, leases and all
    let doomed: Vec<_> = (0..4).map(|i| tokio::spawn(crew.clone().work(a.clone(), "frail", i + 1))).collect();
    until("some are complete", SOON, || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await >= 5
    })
    .await;
    doomed.iter().for_each(|worker| worker.abort());
    drop(a);
    let other = Arc::new(Crew::default());
    let workers: Vec<_> =
        (0..4).map(|i| tokio::spawn(other.clone().work(b.clone(), "frail", i + 9))).collect();
    until("all are complete", Duration::from_secs(60), || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 40
    })
    .await;
    other.stop.store(true, Relaxed);
    crew.stop.store(true, Relaxed);
    join_all(workers).await;
    assert!(watched.await.unwrap() <= 2);
    assert_eq!(db.number("SELECT count(*) FROM task WHERE status = 1").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_begin_in_any_stretch_of_time() {
    let db = database().await;
    let (a, b) = two(&db).await;
    task_def(&a, json!({"name": "paced", "rateLimitPerFrequency": 4, "rateLimitFrequencyInSeconds": 2}))
        .await;
    define(&a, "order", json!([simple("paced")])).await;
    join_all((0..14).map(|i| start(if i % 2 == 0 { &a } else { &b }, "order"))).await;
    let over = Arc::new(AtomicBool::new(false));
    let workers = [&a, &b, &a, &b].map(|engine| {
        let (engine, over) = (engine.clone(), over.clone());
        tokio::spawn(async move {
            while !over.load(Relaxed) {
                for view in poll(&engine, "paced", 3, 500).await {
                    complete(&engine, &view).await;
                }
            }
        })
    });
    let all = || async { db.number("SELECT count(*) FROM run WHERE status = 2").await == 14 };
    until("all have ended", SOON, all).await;
    over.store(true, Relaxed);
    join_all(workers).await;
    assert_eq!(db.number("SELECT count(*) FROM task").await, 14);
    let shortest = "SELECT (extract(epoch FROM min(started_at - fourth_before)) * 1000)::bigint FROM
        (SELECT started_at, lag(started_at, 4) OVER (ORDER BY started_at) AS fourth_before FROM task) AS t";
    let shortest = db.number(shortest).await;
    // the stamp and the count are made one after the other
    assert!(shortest > 1_900, "five began within {shortest} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_or_ended_run_makes_room() {
    let db = database().await;
    let a = node(&db, config()).await;
    task_def(&a, json!({"name": "single", "concurrentExecLimit": 1})).await;
    define(&a, "order", json!([simple("single")])).await;
    let (first, second) = (start(&a, "order").await, start(&a, "order").await);
    let task = poll_one(&a, "single").await;
    assert_eq!(task.run.id, first);
    let next = {
        let a = a.clone();
        tokio::spawn(async move { poll_one(&a, "single").await })
    };
    a.terminate(first, None).await.unwrap();
    let task = next.await.unwrap();
    assert_eq!(task.run.id, second);
    complete(&a, &task).await;
    until_status(&a, second, RunStatus::Completed).await;
    assert_eq!(state(&a, first).await.head.status, RunStatus::Terminated);
}
