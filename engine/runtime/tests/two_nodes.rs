//! Two nodes on one database: any node takes any request, PostgreSQL decides every race.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use podium_core::{CompletionEvent, InboxMessage, RunId, RunStatus, TaskStatus};
use podium_runtime::{Definition, Engine, InboundEvent, IngestBatch, Ingested, LaneKey, Reported};
use serde_json::json;
use support::{
    SOON, complete, config, database, define, node, poll, poll_of, poll_one, report_of, simple, start,
    start_of, state, until, until_status, worker,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_takes_any_request() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay"), simple("ship"), simple("bill")])).await;
    let run = start(&a, "order").await;
    let pay = poll_one(&b, "pay").await;
    complete(&b, &pay).await;
    // a still has the run as its own start left it
    let ship = poll_one(&a, "ship").await;
    assert!(matches!(complete(&a, &pay).await, Reported::Ignored(_)), "b has taken it already");
    complete(&b, &ship).await;
    let bill = poll_one(&a, "bill").await;
    complete(&b, &bill).await;
    assert_eq!(state(&a, run).await.head.status, RunStatus::Completed);
    let stale = a.counters().stale + b.counters().stale;
    assert!(stale >= 2, "both had old copies: {stale}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_task_is_claimed_once() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay")])).await;
    // nobody polls yet: all of them lie in the index when both nodes begin
    join_all((0..300).map(|i| start(if i % 2 == 0 { &a } else { &b }, "order"))).await;
    let workers: Vec<_> = (0..8).map(|i| worker(if i % 2 == 0 { &a } else { &b }, "pay", 7)).collect();
    until("all are complete", SOON, || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 300
    })
    .await;
    let mut done = 0;
    for worker in workers {
        done += worker.stop().await;
    }
    assert_eq!(done, 300);
    assert_eq!(db.number("SELECT max(poll_count)::bigint FROM task").await, 1);
    let (ca, cb) = (a.counters(), b.counters());
    println!(
        "claims {} + {}, lost {} + {}, stale {} + {}",
        ca.claims, cb.claims, ca.lost_claims, cb.lost_claims, ca.stale, cb.stale
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_finds_the_tasks_of_the_other() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay")])).await;
    // b knows that it is not alone once it holds its share
    until("shared", SOON, || async { db.number("SELECT count(DISTINCT node) FROM node_lease").await == 2 })
        .await;
    let waiting = {
        let b = b.clone();
        tokio::spawn(async move { poll(&b, "pay", 1, 15_000).await })
    };
    until("parked", SOON, || async { b.counters().parked_polls == 1 }).await;
    let began = Instant::now();
    let run = start(&a, "order").await;
    // before the poll ends, that is before anybody asks anew
    let got = waiting.await.unwrap();
    println!("a task of the other node came after {:?}", began.elapsed());
    assert_eq!(got[0].run.id, run);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_of_a_dead_node_move_to_the_other() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(
        &a,
        "nap",
        json!([{"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "4 seconds"}}]),
    )
    .await;
    let runs: Vec<RunId> = join_all((0..100).map(|_| start(&a, "nap"))).await;
    drop(a);
    let all = || async { db.number("SELECT count(*) FROM run WHERE status = 2").await == 100 };
    until("the other node has fired them", SOON, all).await;
    let late = "SELECT (extract(epoch FROM max(ended_at - scheduled_at)) * 1000)::bigint FROM task";
    let latest = db.number(late).await - 4_000;
    println!("latest timer of the dead node: {latest} ms late");
    assert!(latest < 3_500, "{latest}");
    assert_eq!(state(&b, runs[0]).await.head.status, RunStatus::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_changed_elsewhere_is_used_at_once() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay")])).await;
    start(&a, "order").await;
    for i in 0..20 {
        // a has the former definition in memory, and the pulse has not told it yet
        define(&b, "order", json!([simple(&format!("step{i}"))])).await;
        let run = start(&a, "order").await;
        let found = state(&a, run).await;
        let task = found.tasks.iter().next().unwrap();
        assert_eq!(*task.task_type, *format!("step{i}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_fork_is_worked_on_by_two_nodes() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    let refs: Vec<_> = (0..200).map(|i| format!("l{i}")).collect();
    let leaves: Vec<_> =
        refs.iter().map(|r| json!([{"name": "leaf", "taskReferenceName": r, "type": "SIMPLE"}])).collect();
    define(
        &a,
        "fork",
        json!([{"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": leaves},
            {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": refs}]),
    )
    .await;
    let workers: Vec<_> = (0..8).map(|i| worker(if i % 2 == 0 { &a } else { &b }, "leaf", 10)).collect();
    let began = Instant::now();
    let run = start(&a, "fork").await;
    until_status(&b, run, RunStatus::Completed).await;
    println!(
        "fork of 200 on two nodes: {:?}, stale {} + {}",
        began.elapsed(),
        a.counters().stale,
        b.counters().stale
    );
    let mut done = 0;
    for worker in workers {
        done += worker.stop().await;
    }
    assert_eq!(done, 200);
}

fn lane() -> LaneKey {
    LaneKey { cluster: "c".to_owned(), group: "g".to_owned(), topic: "t".to_owned(), partition: 0 }
}

fn completion(run: RunId, offset: i64) -> InboundEvent {
    let event = CompletionEvent {
        source: format!("c/t/0/{offset}"),
        task_id: None,
        event_type: Some("email_validation_completed".to_owned()),
        succeeded: true,
        data: json!({"offset": offset}).to_string(),
        reason: None,
    };
    InboundEvent { run, message: InboxMessage::Completion(event) }
}

async fn ingest(engine: &Engine, epoch: i64, offset: i64, event: InboundEvent) {
    let batch = IngestBatch {
        lane: lane(),
        epoch,
        expected_offset: (offset > 0).then_some(offset),
        next_offset: offset + 1,
        events: vec![event],
    };
    assert_eq!(engine.ingest(batch).await.unwrap(), Ingested::Done { accepted: 1, unknown_runs: 0 });
}

/// The event and the task that waits for it come at the same moment on two nodes, a thousand times: whichever
/// comes first, they meet, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_event_and_its_task_always_meet() {
    const TIMES: i64 = 1_000;
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    let event = json!({"name": "wait_for_email_completion", "taskReferenceName": "wait_for_email_completion",
        "type": "EVENT", "sink": "conductor", "asyncComplete": true});
    define(&a, "pipeline", json!([simple("email"), event, simple("after")])).await;
    let epoch = b.take_position(lane()).await.unwrap().epoch;
    // some nodes' turns go first, some last: both orders must come about
    let runs = join_all((0..TIMES).map(|_| start(&a, "pipeline"))).await;
    let mut tasks = Vec::new();
    while tasks.len() < TIMES as usize {
        tasks.extend(poll(&a, "email", 200, 1_000).await);
    }
    let reports = async {
        for chunk in tasks.chunks(20) {
            join_all(chunk.iter().map(|view| complete(&a, view))).await;
        }
    };
    let order: Vec<RunId> = tasks.iter().map(|t| t.run.id).collect();
    let events = async {
        for (offset, run) in (0..).zip(&order) {
            ingest(&b, epoch, offset, completion(*run, offset)).await;
        }
    };
    let began = Instant::now();
    tokio::join!(reports, events);
    let met = "SELECT count(*) FROM task WHERE ref_name = 'wait_for_email_completion' AND status = 2";
    until("all have met", Duration::from_secs(60), || async { db.number(met).await == TIMES }).await;
    println!(
        "{TIMES} pairs met in {:?}, stale {} + {}",
        began.elapsed(),
        a.counters().stale,
        b.counters().stale
    );
    until("the inbox is empty", SOON, || async { db.number("SELECT count(*) FROM inbox").await == 0 }).await;
    assert_eq!(db.number("SELECT count(*) FROM parked_event").await, 0);
    assert_eq!(db.number("SELECT count(*) FROM task WHERE ref_name = 'after'").await, TIMES);
    for run in runs.iter().take(20) {
        let found = state(&b, *run).await;
        let wait = found.tasks.latest("wait_for_email_completion").unwrap();
        assert!(wait.output.get("offset").is_some(), "{:?}", wait.output);
    }
    // a paused consumer that wakes up changes nothing
    let newer = a.take_position(lane()).await.unwrap();
    assert_eq!(newer.next_offset, Some(TIMES));
    let batch = IngestBatch {
        lane: lane(),
        epoch,
        expected_offset: Some(TIMES),
        next_offset: TIMES + 1,
        events: vec![completion(runs[0], TIMES)],
    };
    assert_eq!(b.ingest(batch).await.unwrap(), Ingested::Fenced);
}

/// Connections die under load, again and again: nothing acknowledged is lost, nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_connections_lose_nothing() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let workers: Vec<_> = ["pay", "ship", "pay", "ship"].into_iter().map(|t| worker(&engine, t, 5)).collect();
    let starters: Vec<_> = (0..8)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut started = Vec::new();
                while started.len() < 100 {
                    if let Ok(run) = engine.start(start_of("order")).await {
                        started.push(run);
                    }
                }
                started
            })
        })
        .collect();
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        db.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'podium' AND datname = current_database()",
        )
        .await;
    }
    let mut runs = HashSet::new();
    for starter in starters {
        runs.extend(starter.await.unwrap());
    }
    assert_eq!(runs.len(), 800);
    let open = || async { db.number("SELECT count(*) FROM run WHERE status <> 2").await == 0 };
    // a lease whose answer was lost with its connection goes back; nothing waits for the response time-out
    until("all runs are complete", Duration::from_secs(60), open).await;
    for worker in workers {
        worker.stop().await;
    }
    let stored = db.number("SELECT count(*) FROM run").await;
    println!("{stored} runs stored, {} acknowledged; {:?}", runs.len(), engine.counters());
    for run in runs {
        assert_eq!(state(&engine, run).await.head.status, RunStatus::Completed);
    }
    assert_eq!(db.number("SELECT count(*) FROM task").await, 2 * stored, "no task was made twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inline_definition_needs_no_registration() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    let def = serde_json::from_value(
        json!({"name": "inline", "tasks": [simple("pay")], "inputTemplate": {"b": 2, "a": 9}}),
    );
    let request = podium_runtime::StartRequest {
        definition: Definition::Inline(Box::new(def.unwrap())),
        ..start_of("inline")
    };
    let run = a.start(request).await.unwrap();
    let view = poll_one(&b, "pay").await;
    assert_eq!(view.run.id, run);
    assert_eq!(view.task.input.text(), r#"{"in":{"a":1,"b":2}}"#, "the template fills what is missing");
    b.report(report_of(&view, TaskStatus::Completed)).await.unwrap();
    assert!(a.workflow_def("inline", None).await.unwrap().is_none());
    assert_eq!(state(&a, run).await.head.status, RunStatus::Completed);
    assert!(poll_of("x", 1, 1).domain.is_none());
}
