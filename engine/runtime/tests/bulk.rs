//! One verb on all runs that a search found: each is acted on once, whoever dies on the way.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::time::{Duration, Instant};

use futures::StreamExt;
use podium_core::search::{Scope, parse};
use podium_core::{Asker, RunStatus, TaskStatus};
use podium_runtime::{Bulk, BulkRequest, BulkState, BulkVerb, Engine, EngineError, SearchQuery};
use serde_json::json;
use support::{
    Db, complete, config, database, define, node, poll, poll_one, report_of, simple, start, state, until,
};

/// Runs of the large test.
fn many() -> usize {
    std::env::var("PODIUM_BULK_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(600)
}

fn asked(verb: BulkVerb, query: &str, cap: i64) -> (BulkRequest, SearchQuery) {
    let request =
        BulkRequest { verb, query: query.to_owned(), free_text: String::new(), sort: String::new(), cap };
    let query = SearchQuery {
        filter: parse(Scope::Runs, query).unwrap(),
        sort: Vec::new(),
        start: 0,
        size: cap,
        count: true,
    };
    (request, query)
}

async fn begin(
    engine: &Engine,
    id: &str,
    verb: BulkVerb,
    query: &str,
    cap: i64,
) -> Result<Bulk, EngineError> {
    let (request, query) = asked(verb, query, cap);
    engine.begin_bulk(Some(id.to_owned()), request, query).await
}

async fn ended(engine: &Engine, id: &str) -> Bulk {
    until(&format!("operation {id} is over"), Duration::from_secs(120), || async {
        engine.bulk(id).await.unwrap().stored.ended_at.is_some()
    })
    .await;
    engine.bulk(id).await.unwrap()
}

/// Runs of `order` whose only task has failed.
async fn failed(engine: &Engine, db: &Db, count: usize) {
    define(engine, "order", json!([simple("pay")])).await;
    futures::stream::iter(0..count)
        .for_each_concurrent(64, |_| async {
            start(engine, "order").await;
        })
        .await;
    fail_all(engine).await;
    let failed = "SELECT count(*) FROM run WHERE status = 3";
    assert_eq!(db.number(failed).await, count as i64);
}

async fn fail_all(engine: &Engine) {
    loop {
        let tasks = poll(engine, "pay", 100, 500).await;
        if tasks.is_empty() {
            return;
        }
        futures::stream::iter(tasks)
            .for_each_concurrent(64, |task| async move {
                engine.report(report_of(&task, TaskStatus::FailedWithTerminalError)).await.unwrap();
            })
            .await;
    }
}

const FAILED: &str = "workflowType = order AND status = FAILED";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_runs_are_retried_once_though_their_node_dies() {
    let count = many();
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    failed(&a, &db, count).await;
    let by = Asker { actor: Some("alice".into()), ..Asker::default() };
    let began = Instant::now();
    let bulk = begin(&a.by(by), "nightly-1", BulkVerb::Retry, FAILED, 100_000).await.unwrap();
    assert_eq!((bulk.stored.matched, bulk.stored.by.actor.as_deref()), (count as i64, Some("alice")));
    // whichever node works on it, it dies in the middle
    until("some are done", Duration::from_secs(60), || async {
        db.number("SELECT count(*) FROM bulk_run WHERE state = 1").await > 0
    })
    .await;
    drop(a);
    db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'podium%' AND pid <> pg_backend_pid()",
    )
    .await;
    // those that go on fail again: a second retry would be seen
    let bulk = ended(&b, "nightly-1").await;
    println!("{count} runs retried in {:?} (a node died meanwhile)", began.elapsed());
    assert_eq!((bulk.stored.counts.done, bulk.stored.counts.pending), (count as i64, 0));
    assert_eq!(bulk.stored.counts.refused, 0);
    let twice = "SELECT count(*) FROM (SELECT run_id FROM podium.history WHERE operation = 'RETRY' GROUP BY run_id HAVING count(*) <> 1) AS x";
    assert_eq!(db.number(twice).await, 0, "each run was retried once");
    assert_eq!(
        db.number("SELECT count(*) FROM podium.history WHERE operation = 'RETRY' AND actor = 'alice'").await,
        count as i64
    );
    // the same again is the same operation
    let again = begin(&b, "nightly-1", BulkVerb::Retry, FAILED, 100_000).await.unwrap();
    assert_eq!(again.stored.created_at, bulk.stored.created_at);
    let other = begin(&b, "nightly-1", BulkVerb::Pause, FAILED, 100_000).await.unwrap_err();
    assert!(matches!(other, EngineError::Conflict(_)), "{other}");
    let page = b.bulk_runs("nightly-1", Some(BulkState::Done), 10, 20).await.unwrap();
    assert_eq!(page.iter().map(|run| run.place).collect::<Vec<_>>(), (10..30).collect::<Vec<_>>());
}

/// A crash between the act and its note: the same is asked again, of a run that has failed again meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_and_not_noted_is_not_done_again() {
    let db = database().await;
    let engine = node(&db, config()).await;
    failed(&engine, &db, 20).await;
    begin(&engine, "x", BulkVerb::Retry, FAILED, 100).await.unwrap();
    ended(&engine, "x").await;
    fail_all(&engine).await;
    db.sql("UPDATE bulk_run SET state = 0, at = NULL; UPDATE bulk_operation SET ended_at = NULL, until = '-infinity'")
        .await;
    let bulk = ended(&engine, "x").await;
    assert_eq!(bulk.stored.counts.done, 20);
    assert_eq!(db.number("SELECT count(*) FROM run WHERE status = 3").await, 20, "none was retried twice");
    assert_eq!(db.number("SELECT count(*) FROM podium.history WHERE operation = 'RETRY'").await, 20);
    // removed and not noted
    begin(&engine, "y", BulkVerb::TerminateRemove { reason: None, archive: false }, FAILED, 10)
        .await
        .unwrap();
    ended(&engine, "y").await;
    db.sql("UPDATE bulk_run SET state = 0 WHERE bulk = 'y'; UPDATE bulk_operation SET ended_at = NULL, until = '-infinity' WHERE id = 'y'")
        .await;
    let bulk = ended(&engine, "y").await;
    assert_eq!((bulk.stored.counts.done, bulk.stored.matched), (10, 20), "the cap holds");
    assert_eq!(db.number("SELECT count(*) FROM run").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_answers_for_itself_and_an_operation_can_be_stopped() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let (done, open) = (start(&engine, "order").await, start(&engine, "order").await);
    let pay = poll_one(&engine, "pay").await;
    let (done, open) = if pay.run.id == done { (done, open) } else { (open, done) };
    engine.report(report_of(&pay, TaskStatus::FailedWithTerminalError)).await.unwrap();
    let all = "workflowType = order";
    begin(&engine, "pauses", BulkVerb::Pause, all, 100).await.unwrap();
    let bulk = ended(&engine, "pauses").await;
    assert_eq!((bulk.stored.counts.done, bulk.stored.counts.refused), (1, 1));
    let refused = engine.bulk_runs("pauses", Some(BulkState::Refused), 0, 10).await.unwrap();
    assert_eq!(refused[0].run, done);
    assert!(refused[0].why.as_deref().is_some_and(|why| why.contains("has ended")), "{refused:?}");
    assert_eq!(state(&engine, open).await.head.status, RunStatus::Paused);
    let verbs = [
        BulkVerb::Resume,
        BulkVerb::Terminate { reason: Some("enough".to_owned()) },
        BulkVerb::Restart { latest: true },
        BulkVerb::Terminate { reason: None },
        BulkVerb::Remove { archive: true },
    ];
    for (at, verb) in verbs.into_iter().enumerate() {
        let id = format!("step{at}");
        begin(&engine, &id, verb, &format!("workflowId IN ({open})"), 1).await.unwrap();
        let bulk = ended(&engine, &id).await;
        assert_eq!(bulk.stored.counts.done, 1, "{:?}", bulk.request.verb);
    }
    assert!(engine.run(open).await.unwrap().is_none(), "it is archived");
    // nothing found, nothing to do
    let none = begin(&engine, "none", BulkVerb::Retry, "workflowType = nobody", 1).await.unwrap();
    assert!(none.stored.ended_at.is_some() && none.stored.matched == 0);
    for (id, query, cap) in [("a b", all, 1), ("", all, 1), ("c", "", 1), ("d", all, 0), ("e", all, 100_001)]
    {
        let refused = begin(&engine, id, BulkVerb::Pause, query, cap).await.unwrap_err();
        assert!(matches!(refused, EngineError::Invalid(_)), "{id:?} {query:?} {cap}: {refused}");
    }
    assert!(matches!(engine.bulk("unknown").await, Err(EngineError::NotFound(_))));
    assert!(matches!(engine.stop_bulk("unknown").await, Err(EngineError::NotFound(_))));
    // made by hand, so that nobody works on it before it is stopped
    db.sql("INSERT INTO bulk_operation (id, request, matched, until) SELECT 'slow', request, 1, now() + interval '1 hour' FROM bulk_operation WHERE id = 'pauses'")
        .await;
    db.sql(&format!(
        "INSERT INTO bulk_run (bulk, place, run_id, state) VALUES ('slow', 0, '{}', 0)",
        done.uuid()
    ))
    .await;
    engine.stop_bulk("slow").await.unwrap();
    let bulk = engine.bulk("slow").await.unwrap();
    assert!(bulk.stored.stopped && bulk.stored.counts.stopped == 1 && bulk.stored.ended_at.is_some());
}

/// Others get their turns while a large operation goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_traffic_lives_beside_it() {
    let db = database().await;
    let engine = node(&db, config()).await;
    failed(&engine, &db, 400).await;
    define(&engine, "other", json!([simple("hello")])).await;
    begin(&engine, "x", BulkVerb::Terminate { reason: None }, FAILED, 1_000).await.unwrap();
    let mut slowest = Duration::ZERO;
    let mut runs = 0;
    while engine.bulk("x").await.unwrap().stored.ended_at.is_none() {
        let began = Instant::now();
        start(&engine, "other").await;
        complete(&engine, &poll_one(&engine, "hello").await).await;
        slowest = slowest.max(began.elapsed());
        runs += 1;
    }
    println!("{runs} runs meanwhile, the slowest in {slowest:?}");
    assert!(runs > 1, "one that waits for the end of the operation is the only one");
}
