//! The account of a run: who did what to it, on any node, in the commit of what it tells of.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::{Act, Asker, HistoryLine, Payload, Rerun, RunId, RunStatus, TaskStatus};
use podium_runtime::{Engine, EngineError, Reported, Verb};
use serde_json::json;
use support::{
    SOON, complete, config, database, define, define_with, node, poll_one, report_of, simple, start, state,
    until, until_status,
};

const RETRY: Verb = Verb::Retry { resume_children: false };

fn alice() -> Asker {
    Asker {
        actor: Some("alice".into()),
        origin: Some("10.0.0.9".into()),
        reason: Some("the bank is back".into()),
        ticket: None,
    }
}

async fn lines(engine: &Engine, run: RunId) -> Vec<HistoryLine> {
    engine.history(run, 0, 1_000).await.unwrap().lines
}

async fn acts(engine: &Engine, run: RunId) -> Vec<Act> {
    lines(engine, run).await.iter().map(|line| line.act).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_usual_run_has_no_account() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let run = start(&engine, "order").await;
    let pay = poll_one(&engine, "pay").await;
    engine.report(report_of(&pay, TaskStatus::InProgress)).await.unwrap();
    let pay = poll_one(&engine, "pay").await;
    complete(&engine, &pay).await;
    complete(&engine, &pay).await;
    complete(&engine, &poll_one(&engine, "ship").await).await;
    until_status(&engine, run, RunStatus::Completed).await;
    assert!(lines(&engine, run).await.is_empty());
    assert_eq!(db.number("SELECT count(*) FROM history").await, 0);
    let nobody = podium_core::RunId::new(state(&engine, run).await.head.created_at, 1, 0);
    assert!(matches!(engine.history(nobody, 0, 10).await, Err(EngineError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_says_who_asked_and_both_nodes_count_on() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay"), simple("ship"), simple("thank")])).await;
    let run = start(&a, "order").await;
    a.by(alice()).pause(run).await.unwrap();
    a.by(alice()).pause(run).await.unwrap();
    b.resume(run).await.unwrap();
    let skip = Verb::Skip { ref_name: "thank".to_owned(), input: Payload::empty(), output: Payload::empty() };
    a.operate(run, skip).await.unwrap();
    let pay = poll_one(&b, "pay").await;
    b.report(report_of(&pay, TaskStatus::FailedWithTerminalError)).await.unwrap();
    assert!(a.by(alice()).pause(run).await.is_err(), "what is refused is no news");
    b.by(alice()).operate(run, RETRY).await.unwrap();
    a.by(alice()).terminate(run, Some("no, it is not".to_owned())).await.unwrap();
    b.operate(run, Verb::Rerun(Rerun::default())).await.unwrap();
    a.terminate(run, None).await.unwrap();
    a.operate(run, Verb::Restart { latest: true }).await.unwrap();
    b.terminate(run, None).await.unwrap();
    a.by(alice()).remove(run, true).await.unwrap();
    let told = lines(&b, run).await;
    let acts: Vec<Act> = told.iter().map(|line| line.act).collect();
    use Act::{Archive, Pause, Rerun as Ran, Restart, Resume, Retry, SkipTask, Terminate};
    assert_eq!(
        acts,
        [Pause, Resume, SkipTask, Retry, Terminate, Ran, Terminate, Restart, Terminate, Archive]
    );
    assert_eq!(told.iter().map(|line| line.seq).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let retry = &told[3];
    assert_eq!((retry.before, retry.after), (RunStatus::Failed, RunStatus::Running));
    assert_eq!(retry.by, alice());
    assert_eq!(told[4].by.reason.as_deref(), Some("no, it is not"), "what the call says goes before");
    assert_eq!(told[1].by, Asker::default());
    assert_eq!(told[2].task.as_ref().map(|(_, name)| &**name), Some("thank"));
    assert_eq!(told[7].detail.as_deref(), Some(r#"{"version":1}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_too_late_is_ignored_and_seen() {
    let db = database().await;
    let (a, b) = (node(&db, config()).await, node(&db, config()).await);
    define(&a, "order", json!([simple("pay")])).await;
    let run = start(&a, "order").await;
    let pay = poll_one(&a, "pay").await;
    b.terminate(run, None).await.unwrap();
    let before = state(&a, run).await;
    assert!(matches!(complete(&a, &pay).await, Reported::Ignored(_)));
    assert!(matches!(complete(&b, &pay).await, Reported::Ignored(_)));
    let after = state(&a, run).await;
    assert_eq!((before.tasks, before.head.status), (after.tasks, after.head.status));
    let told = lines(&a, run).await;
    assert_eq!(
        told.iter().map(|l| l.act).collect::<Vec<_>>(),
        [Act::Terminate, Act::LateAnswer, Act::LateAnswer]
    );
    assert_eq!(told[1].by.actor.as_deref(), Some("w"));
    assert_eq!(told[1].detail.as_deref(), Some(r#"{"answer":"COMPLETED","task":"CANCELED"}"#));
    // the row is taken away: the worker hears that there is no such task, and the account still tells
    a.operate(run, Verb::Rerun(Rerun::default())).await.unwrap();
    let error = b.report(report_of(&pay, TaskStatus::Completed)).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound(_)), "{error}");
    let told = lines(&a, run).await;
    assert_eq!(told.last().unwrap().detail.as_deref(), Some(r#"{"answer":"COMPLETED","task":"REMOVED"}"#));
    complete(&a, &poll_one(&a, "pay").await).await;
    until_status(&b, run, RunStatus::Completed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_engine_does_by_itself_is_there_too() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let def = json!({"name": "brief", "timeoutSeconds": 1, "timeoutPolicy": "TIME_OUT_WF", "tasks": [simple("pay")]});
    define_with(&engine, def).await;
    let brief = start(&engine, "brief").await;
    let sub = json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "child"}});
    define(&engine, "child", json!([simple("work")])).await;
    define(&engine, "parent", json!([sub])).await;
    let parent = start(&engine, "parent").await;
    let child = poll_one(&engine, "work").await.run.id;
    engine.terminate(parent, Some("enough".to_owned())).await.unwrap();
    until_status(&engine, child, RunStatus::Terminated).await;
    let told = lines(&engine, child).await;
    let [line] = &told[..] else { panic!("one line was expected: {told:?}") };
    assert_eq!(
        (line.act, line.before, line.after),
        (Act::EndedByParent, RunStatus::Running, RunStatus::Terminated)
    );
    assert_eq!(line.by.origin.as_deref(), Some(&*format!("workflow {parent}")));
    engine.operate(parent, RETRY).await.unwrap();
    until("the child of the retried parent", SOON, || async {
        db.number("SELECT count(*) FROM run WHERE status = 0").await >= 2
    })
    .await;
    until_status(&engine, brief, RunStatus::TimedOut).await;
    assert_eq!(acts(&engine, brief).await, [Act::WorkflowTimeout]);
}
