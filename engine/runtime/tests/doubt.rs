//! Claims whose commit was never answered: the lease is found again or given back, never lost.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use podium_core::{RunStatus, TaskStatus};
use podium_runtime::{Engine, EngineConfig, EngineError};
use podium_store::{Store, StoreOptions};
use serde_json::json;
use support::wire::{CLOSE, SILENT, Wire, wire};
use support::{
    Db, SOON, complete, config, database, define, node, poll, poll_of, poll_one, simple, start, state, until,
    until_status,
};

/// A node whose connections go through the wire, and one whose do not.
async fn nodes(db: &Db) -> (Wire, Engine, Engine) {
    let direct = node(db, config()).await;
    let wire = wire(&db.url).await;
    let options = StoreOptions {
        answer_timeout: Duration::from_secs(2),
        settle_timeout: Duration::from_secs(1),
        ..StoreOptions::default()
    };
    let store = Store::connect(&wire.url, options).await.unwrap();
    let through = Engine::open(store, None, EngineConfig { writers: 1, ..config() }).await.unwrap();
    let fork = json!([
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[simple("pay")], [simple("ship")]]},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["pay", "ship"]}
    ]);
    define(&direct, "order", fork).await;
    (wire, through, direct)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_stored_unseen_is_handed_to_its_poll() {
    let db = database().await;
    let (wire, through, direct) = nodes(&db).await;
    let run = start(&direct, "order").await;
    wire.fault.store(SILENT, Ordering::SeqCst);
    let claiming = {
        let through = through.clone();
        tokio::spawn(async move { poll(&through, "pay", 1, 4_000).await })
    };
    let claimed = "SELECT count(*) FROM task WHERE task_type = 'pay' AND status = 1";
    until("the claim is stored", SOON, || async { db.number(claimed).await == 1 }).await;
    // before its node can ask, the run goes on elsewhere
    let ship = poll_one(&direct, "ship").await;
    complete(&direct, &ship).await;
    let got = claiming.await.unwrap();
    assert_eq!(got.iter().map(|t| (t.run.id, t.task.poll_count)).collect::<Vec<_>>(), [(run, 1)]);
    complete(&direct, &got[0]).await;
    until_status(&direct, run, RunStatus::Completed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_a_claim_that_nobody_could_look_for_goes_back() {
    let db = database().await;
    let (wire, through, direct) = nodes(&db).await;
    let run = start(&direct, "order").await;
    wire.fault.store(CLOSE, Ordering::SeqCst);
    let told = through.poll(poll_of("pay", 1, 1_000)).await;
    assert!(matches!(told, Err(EngineError::Unavailable(_))), "{told:?}");
    let pay = || async {
        let found = state(&direct, run).await;
        found.tasks.latest("pay").map(|t| (t.status, t.poll_count)).unwrap()
    };
    assert_eq!(pay().await, (TaskStatus::InProgress, 1), "the lease was stored, and nobody has it");
    wire.open();
    let began = Instant::now();
    until("it goes back", SOON, || async { pay().await == (TaskStatus::Scheduled, 1) }).await;
    println!("the lease went back after {:?}", began.elapsed());
    assert_eq!(poll_one(&direct, "pay").await.task.poll_count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_handed_over_unseen_goes_back() {
    let db = database().await;
    let (wire, through, direct) = nodes(&db).await;
    // the first start reads and keeps the definition; both tasks of later ones are handed over
    let first = start(&through, "order").await;
    through.terminate(first, None).await.unwrap();
    let parked = {
        let through = through.clone();
        tokio::spawn(async move { poll(&through, "pay", 1, 60_000).await })
    };
    until("parked", SOON, || async { through.counters().parked_polls == 1 }).await;
    wire.fault.store(CLOSE, Ordering::SeqCst);
    let started = through.start(support::start_of("order")).await;
    assert!(matches!(started, Err(EngineError::Unavailable(_))), "{started:?}");
    assert_eq!(db.number("SELECT count(*) FROM run").await, 2, "it was stored all the same");
    // nearly always; a poll that was just looking at the queue is handed nothing
    let handed = "SELECT poll_count::bigint FROM task AS t JOIN run AS r ON r.id = t.run_id
        WHERE t.task_type = 'pay' AND r.status = 0";
    let handed = db.number(handed).await;
    wire.open();
    // the poll that was to have it gets it in the end, after the lease went back
    let got = parked.await.unwrap();
    assert_eq!(got.iter().map(|t| t.task.poll_count).collect::<Vec<_>>(), [handed as i32 + 1]);
    complete(&direct, &got[0]).await;
}
