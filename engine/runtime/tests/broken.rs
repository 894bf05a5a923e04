//! Work that cannot be done: the run is put aside with the reason, callers are told, others go on.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::{CompletionEvent, InboxMessage, RunId, RunStatus};
use podium_runtime::{Engine, EngineError, InboundEvent, IngestBatch, Ingested, LaneKey};
use serde_json::{Value, json};
use support::{
    Db, SOON, complete, config, database, define, node, poll_one, simple, start, state, until, until_status,
};

fn nap(seconds: u32) -> Value {
    let input = json!({"duration": format!("{seconds} seconds")});
    json!({"name": "nap", "taskReferenceName": "nap", "type": "WAIT", "inputParameters": input})
}

/// Waits until the node has seen `count` further pulses.
async fn pulses(engine: &Engine, count: u64) {
    let wanted = engine.counters().pulses + count;
    until("pulses", SOON, || async { engine.counters().pulses >= wanted }).await;
}

async fn fault(db: &Db, run: RunId) -> String {
    db.word(&format!("SELECT coalesce(fault, '') FROM podium.runs WHERE run_id = '{}'", run.uuid())).await
}

async fn until_fault(db: &Db, run: RunId) -> String {
    until("the run has a fault", SOON, || async { !fault(db, run).await.is_empty() }).await;
    fault(db, run).await
}

/// Nothing happens to the run any more by itself, others go on, and a touch tries again.
async fn rests(engine: &Engine, db: &Db, run: RunId) {
    let before = engine.counters();
    let version = state(engine, run).await.head.version;
    pulses(engine, 3).await;
    let other = start(engine, "sound").await;
    until_status(engine, other, RunStatus::Completed).await;
    let after = engine.counters();
    assert_eq!((after.failed_turns, after.runs_faulted), (before.failed_turns, before.runs_faulted));
    assert_eq!(state(engine, run).await.head.version, version);
    assert_eq!(state(engine, run).await.head.wake_at, None);
    assert!(!fault(db, run).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_whose_change_is_refused_puts_its_run_aside() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "poison", json!([nap(1), simple("pay")])).await;
    define(&engine, "sound", json!([nap(1)])).await;
    let run = start(&engine, "poison").await;
    // the next task gets a number that is taken: the cached copy does not know
    db.sql(&format!(
        "INSERT INTO task SELECT * FROM task WHERE false;
        INSERT INTO task (run_id, scheduled_at, no, seq, shard, priority, attempt, iteration, task_type, ref_name, domain,
            changed_in, available_at, response_timeout_s, poll_count, status, ready, retried, executed)
        SELECT run_id, scheduled_at, no + 1, seq, shard, priority, attempt, iteration, 'x', 'gone', domain,
            changed_in, available_at, response_timeout_s, poll_count, 2, false, false, true
        FROM task WHERE run_id = '{}'",
        run.uuid()
    ))
    .await;
    let why = until_fault(&db, run).await;
    assert!(why.starts_with("the database refused the change: duplicate key"), "{why}");
    assert_eq!(engine.counters().runs_faulted, 1);
    rests(&engine, &db, run).await;
    // mended and touched, it goes on as if nothing had been
    db.sql("DELETE FROM task WHERE ref_name = 'gone'").await;
    engine.look(run).await.unwrap();
    let pay = poll_one(&engine, "pay").await;
    complete(&engine, &pay).await;
    let ended = until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(ended.head.extra.fault, None);
    assert_eq!(fault(&db, run).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_panics_puts_its_run_aside() {
    let db = database().await;
    let (engine, other) = (node(&db, config()).await, node(&db, config()).await);
    define(&engine, "poison", json!([nap(1), simple("pay")])).await;
    define(&engine, "sound", json!([nap(1)])).await;
    let run = start(&engine, "poison").await;
    drop(engine);
    // the next task's place in the order overflows: with the tests' settings of the compiler that is a panic
    db.sql("UPDATE task SET seq = 2147483647").await;
    let why = until_fault(&db, run).await;
    assert!(why.starts_with("the decision broke off: "), "{why}");
    rests(&other, &db, run).await;
    // a touch that cannot be decided either is told, and changes nothing
    let told = other.look(run).await;
    assert!(matches!(told, Err(EngineError::Internal(_))), "{told:?}");
    rests(&other, &db, run).await;
    other.terminate(run, None).await.unwrap();
    assert_eq!(fault(&db, run).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_breaks_a_decision_waits_with_its_run() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let event = json!({"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "kafka:t", "asyncComplete": true});
    define(&engine, "poison", json!([event, simple("pay")])).await;
    define(&engine, "sound", json!([nap(1)])).await;
    let run = start(&engine, "poison").await;
    db.sql("UPDATE task SET seq = 2147483647; UPDATE run SET version = version + 1").await;
    let lane =
        LaneKey { cluster: "c".to_owned(), group: "g".to_owned(), topic: "t".to_owned(), partition: 0 };
    let epoch = engine.take_position(lane.clone()).await.unwrap().epoch;
    let message = InboxMessage::Completion(CompletionEvent {
        source: "c/t/0/0".to_owned(),
        task_id: Some(state(&engine, run).await.task_id(1).to_string()),
        event_type: None,
        succeeded: true,
        data: "{}".to_owned(),
        reason: None,
    });
    let batch = IngestBatch {
        lane,
        epoch,
        expected_offset: None,
        next_offset: 1,
        events: vec![InboundEvent { run, message }],
    };
    assert!(matches!(engine.ingest(batch).await.unwrap(), Ingested::Done { accepted: 1, .. }));
    until_fault(&db, run).await;
    rests(&engine, &db, run).await;
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 1, "the event is not lost");
    db.sql("UPDATE task SET seq = 1; UPDATE run SET version = version + 1").await;
    engine.look(run).await.unwrap();
    let pay = poll_one(&engine, "pay").await;
    assert_eq!(pay.run.id, run);
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_cannot_even_be_put_aside_is_left_alone_for_longer_and_longer() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "poison", json!([nap(1), simple("pay")])).await;
    define(&engine, "sound", json!([nap(1)])).await;
    let run = start(&engine, "poison").await;
    db.sql(&format!(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
        CREATE TRIGGER no BEFORE UPDATE ON run FOR EACH ROW WHEN (OLD.id = '{}') EXECUTE FUNCTION no()",
        run.uuid()
    ))
    .await;
    until("it failed", SOON, || async { engine.counters().failed_turns > 0 }).await;
    let began = std::time::Instant::now();
    pulses(&engine, 6).await;
    let failed = engine.counters().failed_turns;
    // the turn and its fault, each time; the machine may be slow, but it cannot be early
    let times = [0, 2, 6, 14, 30, 62].into_iter().filter(|at| began.elapsed().as_secs() + 1 > *at).count();
    assert!(failed as usize <= 2 * times, "{failed} in {:?}", began.elapsed());
    db.sql("DROP TRIGGER no ON run").await;
    let pay = poll_one(&engine, "pay").await;
    assert_eq!(pay.run.id, run);
}
