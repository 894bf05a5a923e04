//! Outputs kept for later tasks (`cacheConfig`), on a real database: who works, who does not, and what is stored when.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::{Payload, RunStatus, TaskStatus};
use podium_runtime::{Engine, ReportRequest, StartRequest};
use serde_json::{Value, json};
use support::{
    Db, complete, config, database, define, node, poll, poll_one, report_of, start_of, until_status,
};

const KEPT: &str = "SELECT count(*) FROM task_cache";

fn cached(retries: i32) -> Value {
    json!({"name": "work", "taskReferenceName": "a", "type": "SIMPLE", "inputParameters": {"id": "${workflow.input.id}"},
        "cacheConfig": {"key": "${id}", "ttlInSecond": 3600},
        "taskDefinition": {"name": "work", "retryCount": retries, "retryDelaySeconds": 0}})
}

async fn start(engine: &Engine, id: i64) -> podium_core::RunId {
    let input = Payload::from_object_text(json!({"id": id}).to_string());
    engine.start(StartRequest { input, ..start_of("w") }).await.unwrap()
}

/// A run whose task nobody had to do.
async fn needs_no_worker(engine: &Engine, id: i64, output: &Value) {
    let run = start(engine, id).await;
    let end = until_status(engine, run, RunStatus::Completed).await;
    let row = end.tasks.latest("a").unwrap();
    assert_eq!((row.poll_count, row.worker.as_deref()), (0, Some("cache")));
    assert_eq!(Value::Object(row.output.map().clone()), *output);
}

async fn needs_a_worker(engine: &Engine, id: i64) {
    let run = start(engine, id).await;
    let task = poll_one(engine, "work").await;
    assert_eq!(task.run.id, run);
    complete(engine, &task).await;
    until_status(engine, run, RunStatus::Completed).await;
}

async fn pair() -> (Db, Engine, Engine) {
    let db = database().await;
    let (one, other) = (node(&db, config()).await, node(&db, config()).await);
    define(&one, "w", json!([cached(1)])).await;
    (db, one, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_task_with_a_key_needs_no_worker_on_any_node() {
    let (db, one, other) = pair().await;
    needs_a_worker(&one, 1).await;
    assert_eq!(db.number(KEPT).await, 1, "kept by the commit that completed the task");
    for engine in [&one, &other] {
        needs_no_worker(engine, 1, &json!({"done": true})).await;
    }
    needs_a_worker(&other, 2).await;
    assert_eq!(db.number(KEPT).await, 2);
    assert!(poll(&one, "work", 1, 50).await.is_empty());
    // its time is over: it is neither used nor kept for ever
    db.sql("UPDATE task_cache SET expires_at = clock_timestamp()").await;
    needs_a_worker(&one, 1).await;
    needs_no_worker(&one, 1, &json!({"done": true})).await;
    assert_eq!(db.store.prune_task_cache(10).await.unwrap(), 1, "the other key");
    assert_eq!(db.number(KEPT).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_fails_leaves_nothing_and_its_next_attempt_is_work() {
    let (db, engine, _other) = pair().await;
    let run = start(&engine, 1).await;
    let task = poll_one(&engine, "work").await;
    engine.report(report_of(&task, TaskStatus::Failed)).await.unwrap();
    assert_eq!(db.number(KEPT).await, 0);
    // meanwhile another run did the same work: an attempt that is made again is made again
    let again = poll_one(&engine, "work").await;
    assert_eq!((again.run.id, again.task.attempt), (run, 1));
    let output = Payload::from_object_text(r#"{"late":true}"#);
    engine.report(ReportRequest { output, ..report_of(&again, TaskStatus::Completed) }).await.unwrap();
    until_status(&engine, run, RunStatus::Completed).await;
    needs_no_worker(&engine, 1, &json!({"late": true})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_fork_looks_up_all_of_its_keys_at_once() {
    let (db, engine, _other) = pair().await;
    needs_a_worker(&engine, 1).await;
    let branch = |n: usize| {
        let mut task = cached(0);
        task["taskReferenceName"] = json!(format!("a{n}"));
        task["inputParameters"] = json!({"id": 1});
        json!([task])
    };
    let names: Vec<String> = (0..50).map(|n| format!("a{n}")).collect();
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": (0..50).map(branch).collect::<Vec<_>>()});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names});
    define(&engine, "wide", json!([fork, join])).await;
    let run = engine.start(start_of("wide")).await.unwrap();
    let end = until_status(&engine, run, RunStatus::Completed).await;
    assert!((0..50).all(|n| end.tasks.latest(&format!("a{n}")).unwrap().worker.as_deref() == Some("cache")));
    assert_eq!(db.number(KEPT).await, 1);
}
