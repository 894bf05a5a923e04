//! Calls that wait for a run: they end by commits, of this node and of others, and leave nothing behind.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use podium_core::{Payload, RunId, RunStatus, TaskStatus};
use podium_runtime::{Engine, EngineConfig, EngineError, Rehearsal, RehearsedResult, WaitRequest, Waited};
use serde_json::json;
use support::{
    SOON, complete, config, database, define, node, poll, poll_one, simple, start, start_of, state, until,
};
use tokio::task::JoinHandle;

fn wait_of(run: RunId, timeout: Duration) -> WaitRequest {
    WaitRequest { run, until: Vec::new(), timeout }
}

/// Waits beside the test.
fn waiting(engine: &Engine, request: WaitRequest) -> JoinHandle<(Waited, Duration)> {
    let engine = engine.clone();
    tokio::spawn(async move {
        let began = Instant::now();
        (engine.wait(request).await.unwrap(), began.elapsed())
    })
}

async fn until_waiting(engine: &Engine, calls: u64) {
    until("the calls wait", SOON, || async { engine.counters().waiting_calls == calls }).await;
}

fn wait_task(name: &str) -> serde_json::Value {
    json!({"name": name, "taskReferenceName": name, "type": "WAIT"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_this_node_ends_a_wait_at_once() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let run = start(&engine, "order").await;
    let end = waiting(&engine, wait_of(run, SOON));
    let until_pay = waiting(&engine, WaitRequest { until: vec!["pay".to_owned()], ..wait_of(run, SOON) });
    until_waiting(&engine, 2).await;
    complete(&engine, &poll_one(&engine, "pay").await).await;
    let (waited, _) = until_pay.await.unwrap();
    let blocked = waited.blocked.unwrap();
    assert_eq!((&*blocked.task.ref_name, waited.timed_out), ("pay", false));
    assert_eq!(waited.target.run.head.status, RunStatus::Running);
    assert!(!end.is_finished());
    complete(&engine, &poll_one(&engine, "ship").await).await;
    let (waited, _) = end.await.unwrap();
    assert_eq!((waited.target.run.head.status, waited.timed_out), (RunStatus::Completed, false));
    assert_eq!(engine.counters().waiting_calls, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_another_node_ends_a_wait() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay")])).await;
    let run = start(&a, "order").await;
    let pay = poll_one(&a, "pay").await;
    let end = waiting(&b, wait_of(run, SOON));
    until_waiting(&b, 1).await;
    complete(&a, &pay).await;
    let (waited, took) = end.await.unwrap();
    assert_eq!((waited.target.run.head.status, waited.timed_out), (RunStatus::Completed, false));
    assert!(took < SOON, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_at_its_time_and_when_the_node_stops() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    define(&engine, "quick", json!([])).await;
    let run = start(&engine, "order").await;
    let waited = engine.wait(wait_of(run, Duration::from_millis(50))).await.unwrap();
    assert_eq!((waited.target.run.head.status, waited.timed_out), (RunStatus::Running, true));
    let quick = start(&engine, "quick").await;
    let waited = engine.wait(wait_of(quick, Duration::ZERO)).await.unwrap();
    assert_eq!((waited.target.run.head.status, waited.timed_out), (RunStatus::Completed, true));

    let end = waiting(&engine, wait_of(run, SOON));
    until_waiting(&engine, 1).await;
    engine.stop_accepting();
    let (waited, took) = end.await.unwrap();
    assert!(waited.timed_out && took < SOON, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_are_bounded_and_leave_nothing_when_the_caller_goes_away() {
    let db = database().await;
    let engine = node(&db, EngineConfig { waiting_calls: 1, ..config() }).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    let gone = waiting(&engine, wait_of(run, SOON));
    until_waiting(&engine, 1).await;
    let refused = engine.wait(wait_of(run, SOON)).await.unwrap_err();
    assert!(matches!(refused, EngineError::Unavailable(_)), "{refused:?}");
    gone.abort();
    until_waiting(&engine, 0).await;
    let unknown = engine.wait(wait_of(run, Duration::from_millis(10))).await;
    assert!(unknown.unwrap().timed_out, "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_signal_answers_one_wait() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    let tasks: Vec<_> = (0..8).map(|n| wait_task(&format!("w{n}"))).collect();
    define(&a, "order", json!(tasks)).await;
    let run = start(&a, "order").await;
    let waited = a.wait(wait_of(run, SOON)).await.unwrap();
    assert_eq!(&*waited.blocked.unwrap().task.ref_name, "w0");
    let answer = |n: usize| Payload::from_object_text(format!("{{\"n\":{n}}}"));
    let signals = (0..8).map(|n| {
        let engine = if n % 2 == 0 { &a } else { &b };
        engine.signal(run, TaskStatus::Completed, answer(n))
    });
    for sent in futures::future::join_all(signals).await {
        assert!(sent.unwrap(), "every signal found a WAIT");
    }
    let after = state(&a, run).await;
    assert_eq!(after.head.status, RunStatus::Completed);
    let mut numbers: Vec<_> =
        after.tasks.iter().map(|t| t.output.get("n").unwrap().as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    assert!(!a.signal(run, TaskStatus::Completed, Payload::empty()).await.unwrap(), "nothing waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_plays_the_results_and_no_worker_gets_the_tasks() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let mut request = start_of("order");
    request.task_to_domain.insert("*".to_owned(), "nobody".to_owned());
    let result = || RehearsedResult { status: TaskStatus::Completed, output: Payload::empty() };
    let results = |names: &[&str]| {
        names.iter().map(|name| ((*name).to_owned(), [result()].into())).collect::<HashMap<_, _>>()
    };
    let run = engine.start(request.clone()).await.unwrap();
    assert!(poll(&engine, "pay", 1, 50).await.is_empty());
    let part = Rehearsal { results: results(&["pay"]), ..Rehearsal::default() };
    let shown = engine.rehearse(run, part).await.unwrap();
    assert_eq!(shown.run.head.status, RunStatus::Running, "ship has no result");
    assert_eq!(shown.run.tasks.latest("ship").unwrap().status, TaskStatus::Scheduled);

    let run = engine.start(request).await.unwrap();
    let all = Rehearsal { results: results(&["pay", "ship"]), ..Rehearsal::default() };
    let shown = engine.rehearse(run, all).await.unwrap();
    assert_eq!(shown.run.head.status, RunStatus::Completed);
}
