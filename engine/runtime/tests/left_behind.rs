//! What an operation settles in its one commit, by kind of thing that a run may have under way.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::time::{Duration, Instant};

use podium_core::{CompletionEvent, InboxMessage, Rerun, RunId, RunStatus, TaskStatus};
use podium_runtime::{Engine, InboundEvent, IngestBatch, LaneKey, Reported, Verb};
use serde_json::{Value, json};
use sqlx::PgConnection;
use support::{
    Db, SOON, complete, config, database, define, node, poll, poll_one, report_of, simple, start, state,
    until, until_status,
};

const RETRY: Verb = Verb::Retry { resume_children: false };

fn task(kind: &str, name: &str, more: Value) -> Value {
    let mut task = json!({"name": name, "taskReferenceName": name, "type": kind});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

/// One branch for each kind of thing that can be under way.
async fn define_all(engine: &Engine) {
    define(engine, "child", json!([simple("work")])).await;
    let branches = json!([
        [simple("leased")],
        [simple("ready")],
        [task("WAIT", "timer", json!({"inputParameters": {"duration": "1 hours"}}))],
        [task("HUMAN", "human", json!({}))],
        [task("SUB_WORKFLOW", "sub", json!({"subWorkflowParam": {"name": "child", "version": 1}}))],
        [task(
            "KAFKA_PUBLISH",
            "publish",
            json!({"inputParameters": {"kafka_request":
            {"topic": "t", "value": "v", "bootStrapServers": "nowhere:1"}}})
        )],
        [task("EVENT", "event", json!({"sink": "kafka:outgoing", "asyncComplete": true}))],
    ]);
    let fork = task("FORK_JOIN", "fork", json!({"forkTasks": branches}));
    let names = ["leased", "ready", "timer", "human", "sub", "publish", "event"];
    define(engine, "all", json!([fork, task("JOIN", "join", json!({"joinOn": names}))])).await;
}

/// A run with all of them under way, and an event that came too early.
async fn under_way(engine: &Engine) -> (RunId, RunId) {
    let run = start(engine, "all").await;
    assert_eq!(poll_one(engine, "leased").await.run.id, run);
    let child = poll_one(engine, "work").await.run.id;
    park(engine, run).await;
    (run, child)
}

async fn park(engine: &Engine, run: RunId) {
    let lane =
        LaneKey { cluster: "c".to_owned(), group: run.to_string(), topic: "t".to_owned(), partition: 0 };
    let position = engine.take_position(lane.clone()).await.unwrap();
    let event = CompletionEvent {
        source: "early".to_owned(),
        task_id: None,
        event_type: Some("xyz_done".to_owned()),
        succeeded: true,
        data: "{}".to_owned(),
        reason: None,
    };
    let batch = IngestBatch {
        lane,
        epoch: position.epoch,
        expected_offset: None,
        next_offset: 1,
        events: vec![InboundEvent { run, message: InboxMessage::Completion(event) }],
    };
    engine.ingest(batch).await.unwrap();
    until("the event is parked", SOON, || async { state(engine, run).await.parked.len() == 1 }).await;
}

/// Nobody gets past the run's row until this is let go.
async fn hold(db: &Db, run: RunId) -> PgConnection {
    let mut c = db.connection().await;
    let text = format!("BEGIN; SELECT 1 FROM run WHERE id = '{}' FOR UPDATE", run.uuid());
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut c).await.unwrap();
    c
}

/// What an unsuccessful end leaves: the event that it keeps in case that the run is opened again, and its expiry.
const KEPT: [(&str, i64); 2] = [("wake-ups", 1), ("parked events", 1)];

/// Everything of the run that could still happen, by kind.
async fn left(db: &Db, run: RunId) -> Vec<(&'static str, i64)> {
    let mut left = Vec::new();
    for (kind, query) in [
        ("open tasks", "FROM task WHERE run_id = $ AND status < 2"),
        ("tasks to poll", "FROM task WHERE run_id = $ AND ready"),
        ("wake-ups", "FROM run WHERE id = $ AND wake_at IS NOT NULL"),
        ("parked events", "FROM parked_event WHERE run_id = $"),
        ("messages to send", "FROM outbox WHERE run_id = $ AND pending"),
    ] {
        let query = query.replace('$', &format!("'{}'", run.uuid()));
        match db.number(&format!("SELECT count(*) {query}")).await {
            0 => {}
            n => left.push((kind, n)),
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_settles_everything_in_one_commit_and_tells_the_children() {
    let db = database().await;
    // no sink: messages stay where they are
    let engine = node(&db, config()).await;
    define_all(&engine).await;
    let (run, child) = under_way(&engine).await;
    let before = state(&engine, run).await;
    let kinds: Vec<_> = left(&db, run).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["open tasks", "tasks to poll", "wake-ups", "parked events", "messages to send"]);
    // the child cannot have its turn: what is there now is what the one commit left
    let held = hold(&db, child).await;
    let asked = Instant::now();
    engine.terminate(run, Some("enough".to_owned())).await.unwrap();
    assert!(asked.elapsed() >= Duration::from_secs(2), "it waits for the child, and not for ever");
    let after = state(&engine, run).await;
    assert_eq!(after.head.version, before.head.version + 1, "one commit");
    assert_eq!((after.head.status, left(&db, run).await), (RunStatus::Terminated, KEPT.to_vec()));
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 1, "the child was told in it");
    drop(held);
    until_status(&engine, child, RunStatus::Terminated).await;
    assert_eq!(left(&db, child).await, vec![]);
    assert!(poll(&engine, "ready", 1, 0).await.is_empty(), "nobody is offered what was cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_answers_when_the_children_had_their_turns() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define_all(&a).await;
    for engine in [&a, &b] {
        let (run, child) = under_way(engine).await;
        engine.terminate(run, None).await.unwrap();
        assert_eq!(state(&a, child).await.head.status, RunStatus::Terminated, "not a moment later");
    }
    let untold = db.number("SELECT count(*) FROM inbox").await;
    assert_eq!(untold, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_settles_the_same_and_a_retry_brings_it_back_once() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define_all(&engine).await;
    let (run, child) = under_way(&engine).await;
    let ready = poll_one(&engine, "ready").await;
    engine.report(report_of(&ready, TaskStatus::FailedWithTerminalError)).await.unwrap();
    let failed = until_status(&engine, run, RunStatus::Failed).await;
    assert_eq!(left(&db, run).await, KEPT);
    until_status(&engine, child, RunStatus::Terminated).await;
    let sent = db.number("SELECT count(*) FROM outbox").await;
    engine.operate(run, RETRY).await.unwrap();
    let again = state(&engine, run).await;
    let open: Vec<_> = again.tasks.open().map(|row| row.ref_name.to_string()).collect();
    assert_eq!(open.len(), 8, "every branch and the join: {open:?}");
    assert!(
        again
            .tasks
            .open()
            .all(|row| row.no > failed.tasks.iter().last().unwrap().no || &*row.ref_name == "join")
    );
    // each message once more, of the new attempt; those of the old ones stay withdrawn
    let pending = db.number("SELECT count(*) FROM outbox WHERE pending").await;
    assert_eq!((pending, db.number("SELECT count(*) FROM outbox").await), (2, sent + 2));
    engine.terminate(run, None).await.unwrap();
    assert_eq!(left(&db, run).await, KEPT);
    engine.operate(run, Verb::Restart { latest: false }).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE pending").await, 2);
    engine.terminate(run, None).await.unwrap();
    engine.operate(run, Verb::Rerun(Rerun::default())).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM outbox WHERE pending").await, 2);
    engine.terminate(run, None).await.unwrap();
    assert_eq!(left(&db, run).await, vec![]);
    let open = "SELECT count(*) FROM run WHERE status < 2";
    until("all children ended with their parent", SOON, || async { db.number(open).await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_settled_can_change_nothing() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let run = start(&engine, "order").await;
    let first = poll_one(&engine, "pay").await;
    engine.terminate(run, None).await.unwrap();
    engine.operate(run, RETRY).await.unwrap();
    let second = poll_one(&engine, "pay").await;
    assert!(matches!(complete(&engine, &first).await, Reported::Ignored(_)));
    assert_eq!(state(&engine, run).await.tasks.open().count(), 1, "the new attempt is still the worker's");
    complete(&engine, &second).await;
    complete(&engine, &poll_one(&engine, "ship").await).await;
    until_status(&engine, run, RunStatus::Completed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_run_leaves_no_row_of_any_kind() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define_all(&engine).await;
    let (run, child) = under_way(&engine).await;
    engine.pause(run).await.unwrap();
    engine.remove(run, false).await.unwrap();
    for table in ["task", "payload", "task_log", "inbox", "parked_event", "outbox", "history"] {
        let rows = db.number(&format!("SELECT count(*) FROM {table} WHERE run_id = '{}'", run.uuid())).await;
        assert_eq!(rows, 0, "{table}");
    }
    // the children of a removed run live on (contract §9), and their end tells nobody
    assert_eq!(state(&engine, child).await.head.status, RunStatus::Running);
    engine.terminate(child, None).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}

/// The retried parent has told its child and the node dies before the child's turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_hears_of_it_though_the_node_dies() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define_all(&engine).await;
    let (run, child) = under_way(&engine).await;
    let held = hold(&db, child).await;
    engine.terminate(run, None).await.unwrap();
    drop(engine);
    db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'podium-writer'",
    )
    .await;
    drop(held);
    assert_eq!(db.store.load(child).await.unwrap().unwrap().head.status, RunStatus::Running);
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 1);
    let engine = node(&db, config()).await;
    until_status(&engine, child, RunStatus::Terminated).await;
    assert_eq!((left(&db, run).await, left(&db, child).await), (KEPT.to_vec(), vec![]));
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}
