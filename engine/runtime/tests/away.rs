//! Every call while the database is away (scenario 66 of the semantics): it answers in bounded time that it could not be
//! served, nothing is half done, and it works once the database is back. There is no queue apart from the database, so
//! nothing succeeds without it.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::join_all;
use podium_core::{Payload, Rerun, RunId, RunStatus, TaskStatus};
use podium_runtime::{Engine, EngineError, Verb};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use support::{
    Db, SOON, complete, config, database, define, node, poll_of, poll_one, report_of, simple, start,
    start_of, state, until, until_status,
};

/// Nobody may connect to the database any more, or everybody again.
async fn allow(db: &Db, connections: bool) {
    let (server, name) = db.url.rsplit_once('/').unwrap();
    let mut c = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let text = format!(
        "ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {connections};
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut c).await.unwrap();
}

/// All there is of runs and tasks.
async fn rows(db: &Db) -> String {
    db.word(
        "SELECT COALESCE(string_agg(x, E'\\n' ORDER BY x), '') FROM (
            SELECT r::text AS x FROM run AS r UNION ALL SELECT t::text FROM task AS t
        ) AS every",
    )
    .await
}

type Answer = Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>>;

/// A run for each verb, in the state that it is for; and the calls.
struct Scene {
    calls: Vec<(&'static str, Answer)>,
}

async fn failed(engine: &Engine) -> RunId {
    let run = start(engine, "work").await;
    let task = poll_one(engine, "pay").await;
    engine.report(report_of(&task, TaskStatus::FailedWithTerminalError)).await.unwrap();
    until_status(engine, run, RunStatus::Failed).await;
    run
}

fn rerun() -> Verb {
    Verb::Rerun(Rerun {
        from: podium_core::RerunFrom::Start,
        task_input: None,
        input: None,
        correlation_id: None,
        asked_above: false,
    })
}

async fn scene(engine: &Engine) -> Scene {
    let mut calls: Vec<(&'static str, Answer)> = Vec::new();
    for (what, status) in
        [("report an end", TaskStatus::Completed), ("report progress", TaskStatus::InProgress)]
    {
        start(engine, "work").await;
        let report = report_of(&poll_one(engine, "pay").await, status);
        let engine = engine.clone();
        calls.push((what, Box::pin(async move { engine.report(report).await.map(drop) })));
    }
    for (what, verb) in [
        ("retry", Verb::Retry { resume_children: false }),
        ("restart", Verb::Restart { latest: false }),
        ("rerun", rerun()),
    ] {
        let (run, engine) = (failed(engine).await, engine.clone());
        calls.push((what, Box::pin(async move { engine.operate(run, verb).await })));
    }
    let (run, on) = (failed(engine).await, engine.clone());
    calls.push(("archive", Box::pin(async move { on.remove(run, true).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    calls.push(("pause", Box::pin(async move { on.pause(run).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    on.pause(run).await.unwrap();
    calls.push(("resume", Box::pin(async move { on.resume(run).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    calls.push(("terminate", Box::pin(async move { on.terminate(run, None).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    calls.push(("remove", Box::pin(async move { on.remove(run, false).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    calls.push(("reset callbacks", Box::pin(async move { on.reset_callbacks(run).await })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    let skip = Verb::Skip { ref_name: "ship".to_owned(), input: Payload::empty(), output: Payload::empty() };
    calls.push(("skip", Box::pin(async move { on.operate(run, skip).await })));
    let on = engine.clone();
    calls.push(("start", Box::pin(async move { on.start(start_of("order")).await.map(drop) })));
    let (run, on) = (start(engine, "order").await, engine.clone());
    calls.push(("read", Box::pin(async move { on.run(run).await.map(drop) })));
    Scene { calls }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_says_that_it_could_not_be_served() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "work", json!([simple("pay")])).await;
    define(&engine, "order", json!([simple("idle"), simple("ship")])).await;
    let (while_away, once_back) = (scene(&engine).await, scene(&engine).await);
    let before = rows(&db).await;
    allow(&db, false).await;
    let began = Instant::now();
    let answers = join_all(while_away.calls.into_iter().map(|(what, call)| async move {
        let answer = tokio::time::timeout(Duration::from_secs(45), call).await;
        (what, answer)
    }))
    .await;
    let polled = engine.poll(poll_of("nothing", 1, 100)).await;
    println!("answered after {:?}", began.elapsed());
    for (what, answer) in answers {
        let answer = answer.unwrap_or_else(|_| panic!("{what} was never answered"));
        assert!(matches!(answer, Err(EngineError::Unavailable(_))), "{what}: {answer:?}");
    }
    // a poll finds nothing, or says why
    assert!(polled.map_or(true, |leased| leased.tasks.is_empty()));
    allow(&db, true).await;
    assert_eq!(rows(&db).await, before, "nothing was half done");
    let healthy = || async { engine.start(start_of("order")).await.is_ok() };
    until("starts are served again", SOON, healthy).await;
    for (what, call) in once_back.calls {
        assert_eq!(call.await, Ok(()), "{what}");
    }
    // what was asked for and not done is as it was
    let left = poll_one(&engine, "idle").await;
    complete(&engine, &left).await;
    until("it goes on", SOON, || async { state(&engine, left.run.id).await.tasks.latest("ship").is_some() })
        .await;
}
