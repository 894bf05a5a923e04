//! What a verb would do is what it does.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::{Payload, Rerun, RerunFrom, RunId, RunStatus, TaskStatus};
use podium_runtime::{Engine, EngineError, OtherRun, Preview, Verb};
use serde_json::json;
use support::{
    complete, config, database, define, node, poll_one, report_of, simple, start, state, until_status,
};

const RETRY: Verb = Verb::Retry { resume_children: false };

fn names(rows: &[std::sync::Arc<podium_core::TaskState>]) -> Vec<(&str, TaskStatus, i32)> {
    rows.iter().map(|row| (&*row.ref_name, row.status, row.attempt)).collect()
}

async fn preview(engine: &Engine, run: RunId, verb: Verb) -> Preview {
    let before = state(engine, run).await;
    let preview = engine.preview(run, verb).await.unwrap();
    let after = state(engine, run).await;
    assert_eq!((before.head, before.tasks.len()), (after.head, after.tasks.len()), "nothing is written");
    preview
}

/// `pay` is done, `ship` failed.
async fn failed(engine: &Engine) -> RunId {
    define(engine, "order", json!([simple("pay"), simple("ship"), simple("thank")])).await;
    let run = start(engine, "order").await;
    complete(engine, &poll_one(engine, "pay").await).await;
    let ship = poll_one(engine, "ship").await;
    engine.report(report_of(&ship, TaskStatus::FailedWithTerminalError)).await.unwrap();
    until_status(engine, run, RunStatus::Failed).await;
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_says_what_it_keeps_and_what_runs_again() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let run = failed(&engine).await;
    let told = preview(&engine, run, RETRY).await;
    assert_eq!((told.run, told.before, told.after), (run, RunStatus::Failed, RunStatus::Running));
    assert_eq!(names(&told.kept), [("pay", TaskStatus::Completed, 0)]);
    assert_eq!(names(&told.reset), [("ship", TaskStatus::FailedWithTerminalError, 0)]);
    assert_eq!(names(&told.again), [("ship", TaskStatus::Scheduled, 1)]);
    assert!(told.cancelled.is_empty() && told.others.is_empty());
    engine.operate(run, RETRY).await.unwrap();
    let rows = state(&engine, run).await.tasks;
    let open = rows.open().map(|row| (row.ref_name.to_string(), row.attempt)).collect::<Vec<_>>();
    assert_eq!(open, [("ship".to_owned(), 1)], "and that is what it does");
    // what the verb refuses, its preview refuses
    let refused = engine.preview(run, RETRY).await.unwrap_err();
    assert_eq!(engine.operate(run, RETRY).await.unwrap_err(), refused);
    assert!(matches!(refused, EngineError::NotFound(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rerun_takes_away_what_came_after() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let run = failed(&engine).await;
    let rerun = Rerun {
        from: RerunFrom::References { first: Some("pay".to_owned()), others: Vec::new() },
        ..Rerun::default()
    };
    let told = preview(&engine, run, Verb::Rerun(rerun)).await;
    assert_eq!(names(&told.kept), []);
    assert_eq!(told.reset.iter().map(|row| &*row.ref_name).collect::<Vec<_>>(), ["pay", "ship"]);
    assert_eq!(told.again.iter().map(|row| &*row.ref_name).collect::<Vec<_>>(), ["pay"]);
    let told = preview(&engine, run, Verb::Restart { latest: false }).await;
    assert_eq!((told.kept.len(), told.reset.len(), told.again.len()), (0, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_and_parents_are_named() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "inner", json!([simple("pay")])).await;
    let child = json!({"name": "sub", "taskReferenceName": "sub", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "inner", "version": 1}});
    define(&engine, "outer", json!([child])).await;
    let outer = start(&engine, "outer").await;
    let pay = poll_one(&engine, "pay").await;
    engine.report(report_of(&pay, TaskStatus::FailedWithTerminalError)).await.unwrap();
    until_status(&engine, outer, RunStatus::Failed).await;
    let told = preview(&engine, outer, RETRY).await;
    assert_eq!(
        (told.run, told.others.iter().map(|o| o.1).collect::<Vec<_>>()),
        (outer, vec![OtherRun::Started])
    );
    let told = preview(&engine, outer, Verb::Retry { resume_children: true }).await;
    assert_eq!(told.run, pay.run.id);
    assert_eq!(told.others, [(outer, OtherRun::Reopened)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skip_is_seen_before_it_is_done() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let run = start(&engine, "order").await;
    let verb = Verb::Skip { ref_name: "ship".to_owned(), input: Payload::empty(), output: Payload::empty() };
    let told = preview(&engine, run, verb).await;
    assert_eq!(names(&told.again), [("ship", TaskStatus::Skipped, 0)]);
}
