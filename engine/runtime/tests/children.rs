//! Runs that start runs: what is created and told in a commit outlives the node that made it.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use futures::future::join_all;
use podium_core::{RunId, RunState, RunStatus, Span, TaskStatus};
use podium_runtime::Engine;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use support::{
    Db, SOON, complete, config, database, define, define_with, node, poll_one, simple, start, state, until,
    until_status, worker,
};

fn sub(reference: &str, child: &str) -> Value {
    json!({"name": reference, "taskReferenceName": reference, "type": "SUB_WORKFLOW",
        "inputParameters": {"x": "${workflow.input}"}, "subWorkflowParam": {"name": child, "version": 1}})
}

async fn family(engine: &Engine) {
    define(engine, "child", json!([simple("work")])).await;
    define(engine, "parent", json!([sub("sw", "child"), simple("after")])).await;
}

fn child_of(parent: &RunState) -> RunId {
    parent.tasks.latest("sw").unwrap().child.unwrap()
}

/// Nobody gets past the run's row until this is let go: its turns are decided and cannot be stored.
async fn hold(db: &Db, run: RunId) -> PgConnection {
    let mut c = db.connection().await;
    let text = format!("BEGIN; SELECT 1 FROM run WHERE id = '{}' FOR UPDATE", run.uuid());
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(&mut c).await.unwrap();
    c
}

/// Kills the node while its statement for the held run waits, and lets the run go.
async fn kill(db: &Db, engine: Engine, mut held: PgConnection) {
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'podium-writer' AND wait_event_type = 'Lock'";
    until("the turn of the held run is on its way", SOON, || async { db.number(waits).await == 1 }).await;
    drop(engine);
    db.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'podium-writer'",
    )
    .await;
    sqlx::raw_sql("ROLLBACK").execute(&mut held).await.unwrap();
    held.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_ends_as_its_child_does() {
    let db = database().await;
    let engine = node(&db, config()).await;
    family(&engine).await;
    let run = start(&engine, "parent").await;
    let work = poll_one(&engine, "work").await;
    let parent = state(&engine, run).await;
    assert_eq!(work.run.id, child_of(&parent));
    assert_eq!(work.task.input.text(), r#"{"in":{"x":{"a":1}}}"#);
    assert_eq!(parent.tasks.latest("sw").unwrap().status, TaskStatus::InProgress);
    complete(&engine, &work).await;
    complete(&engine, &poll_one(&engine, "after").await).await;
    let parent = until_status(&engine, run, RunStatus::Completed).await;
    let output = parent.tasks.latest("sw").unwrap().output.map().clone();
    assert_eq!(
        json!(output),
        json!({"done": true, "subWorkflowId": work.run.id.to_string()}),
        "the child's output and its id"
    );
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_begun_by_another_node_if_its_own_dies() {
    let db = database().await;
    let engine = node(&db, config()).await;
    family(&engine).await;
    let runs = join_all((0..20).map(|_| start(&engine, "parent"))).await;
    drop(engine);
    let engine = node(&db, config()).await;
    let workers = [worker(&engine, "work", 5), worker(&engine, "after", 5)];
    for run in runs {
        until_status(&engine, run, RunStatus::Completed).await;
    }
    for worker in workers {
        assert_eq!(worker.stop().await, 20);
    }
    assert_eq!(db.number("SELECT count(*) FROM run").await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_child_reaches_its_parent_though_the_node_dies() {
    let db = database().await;
    let engine = node(&db, config()).await;
    family(&engine).await;
    let run = start(&engine, "parent").await;
    let work = poll_one(&engine, "work").await;
    let held = hold(&db, run).await;
    complete(&engine, &work).await;
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 1, "told in the commit that ended the child");
    kill(&db, engine, held).await;
    assert_eq!(state_of(&db, run).await.tasks.latest("sw").unwrap().status, TaskStatus::InProgress);
    let engine = node(&db, config()).await;
    complete(&engine, &poll_one(&engine, "after").await).await;
    until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_parent_reaches_its_child_though_the_node_dies() {
    let db = database().await;
    let engine = node(&db, config()).await;
    family(&engine).await;
    let run = start(&engine, "parent").await;
    let work = poll_one(&engine, "work").await;
    let child = work.run.id;
    let held = hold(&db, child).await;
    engine.terminate(run, Some("enough".to_owned())).await.unwrap();
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 1, "told in the commit that ended the parent");
    kill(&db, engine, held).await;
    assert_eq!(state_of(&db, child).await.head.status, RunStatus::Running);
    let engine = node(&db, config()).await;
    let child = until_status(&engine, child, RunStatus::Terminated).await;
    let reason = "Parent workflow has been terminated with reason: enough";
    assert_eq!(child.head.reason.as_deref(), Some(reason));
    let parent = state(&engine, run).await;
    assert_eq!(parent.head.status, RunStatus::Terminated);
    assert_eq!(parent.tasks.latest("sw").unwrap().reason, None, "the child does not answer its parent's end");
    assert_eq!(db.number("SELECT count(*) FROM inbox").await, 0);
}

async fn state_of(db: &Db, run: RunId) -> RunState {
    db.store.load(run).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_levels_end_from_below_and_from_above() {
    const LEVELS: usize = 20;
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "level20", json!([simple("work")])).await;
    for level in (0..LEVELS).rev() {
        define(&engine, &format!("level{level}"), json!([sub("sw", &format!("level{}", level + 1))])).await;
    }
    let run = start(&engine, "level0").await;
    let work = poll_one(&engine, "work").await;
    assert_eq!(db.store.audit(None, 100, Span::ZERO).await.unwrap().stuck, 0);
    complete(&engine, &work).await;
    until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(db.number("SELECT count(*) FROM run WHERE status = 2").await, 1 + LEVELS as i64);

    let run = start(&engine, "level0").await;
    let work = poll_one(&engine, "work").await;
    engine.terminate(run, None).await.unwrap();
    let leaf = until_status(&engine, work.run.id, RunStatus::Terminated).await;
    let mut reason = "Parent workflow has been terminated with status TERMINATED".to_owned();
    for _ in 1..LEVELS {
        reason = format!("Parent workflow has been terminated with reason: {reason}");
    }
    assert_eq!(leaf.head.reason.as_deref(), Some(&*reason));
    assert_eq!(db.number("SELECT count(*) FROM run WHERE status < 2").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_given_whole_and_the_latest_of_the_start() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "child", json!([simple("old")])).await;
    let whole = json!({"name": "whole", "version": 7, "tasks": [simple("given")]});
    let given = json!({"name": "g", "taskReferenceName": "g", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "ignored", "workflowDefinition": whole}});
    let latest = json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "child"}});
    define(&engine, "parent", json!([given, latest])).await;
    let run = start(&engine, "parent").await;
    let task = poll_one(&engine, "given").await;
    assert_eq!((&*task.run.name, task.plan.def().version), ("whole", 7));
    define_with(&engine, json!({"name": "child", "version": 2, "tasks": [simple("new")]})).await;
    complete(&engine, &task).await;
    // the version was pinned when the parent started
    complete(&engine, &poll_one(&engine, "old").await).await;
    until_status(&engine, run, RunStatus::Completed).await;
    define(
        &engine,
        "lost",
        json!([{"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "nowhere"}}]),
    )
    .await;
    let refused = engine.start(support::start_of("lost")).await.unwrap_err();
    assert!(refused.to_string().starts_with("The Task nowhere defined as a sub-workflow"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_start_while_definitions_change_all_the_time() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "child", json!([simple("work")])).await;
    let latest = json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "child", "version": 0}});
    define(&engine, "parent", json!([simple("first"), latest])).await;
    let runs = join_all((0..5).map(|_| start(&engine, "parent"))).await;
    let busy: Vec<_> = (0..4)
        .map(|n| {
            let engine = engine.clone();
            tokio::spawn(async move {
                loop {
                    define(&engine, &format!("other{n}"), json!([simple("x")])).await;
                }
            })
        })
        .collect();
    let workers = [worker(&engine, "first", 5), worker(&engine, "work", 5)];
    for run in runs {
        until_status(&engine, run, RunStatus::Completed).await;
    }
    busy.iter().for_each(tokio::task::JoinHandle::abort);
    for worker in workers {
        assert_eq!(worker.stop().await, 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_must_not_be_leaves_nothing() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let nameless = json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "${workflow.input.nothing}", "version": 1}});
    define(&engine, "parent", json!([nameless])).await;
    let refused = engine.start(support::start_of("parent")).await.unwrap_err();
    assert_eq!(refused.to_string(), "The sub-workflow of the task 'sw' has no name");
    assert_eq!(db.number("SELECT count(*) FROM run").await, 0);

    // the start of a child has nobody to refuse it to
    let above = json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "parent", "version": 1}});
    define(&engine, "grandparent", json!([above])).await;
    let run = start(&engine, "grandparent").await;
    let run = until_status(&engine, run, RunStatus::Failed).await;
    let reason = run.tasks.latest("sw").unwrap().reason.clone().unwrap();
    assert!(reason.ends_with("failure reason: The sub-workflow of the task 'sw' has no name"), "{reason}");
}
