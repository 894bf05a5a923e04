//! Large runs: what a step costs does not grow with what came before it. Counted in events, turns, reads and bytes of the
//! database's log, which a busy machine hardly changes.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use futures::future::join_all;
use podium_core::{Payload, RunStatus};
use podium_runtime::Engine;
use serde_json::{Value, json};
use support::{
    Db, complete, config, database, define, define_with, node, poll, poll_one, simple, start, start_of,
    until_status,
};
use tokio::sync::Mutex;

/// The log is that of the whole server: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// What was spent so far.
#[derive(Clone, Copy, Debug)]
struct Spent {
    events: u64,
    turns: u64,
    /// Runs read back because they were not in memory.
    misses: u64,
    log_bytes: i64,
}

impl Spent {
    async fn now(db: &Db, engine: &Engine) -> Spent {
        let counters = engine.counters();
        let log_bytes = db.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await;
        Spent { events: counters.events, turns: counters.turns, misses: counters.cache_misses, log_bytes }
    }

    fn since(self, earlier: Spent) -> Spent {
        Spent {
            events: self.events - earlier.events,
            turns: self.turns - earlier.turns,
            misses: self.misses - earlier.misses,
            log_bytes: self.log_bytes - earlier.log_bytes,
        }
    }
}

/// A node whose log holds changes and nothing else: the copy of a page after a checkpoint depends on the clock.
async fn quiet_node() -> (Db, Engine) {
    let db = database().await;
    db.sql("ALTER SYSTEM SET full_page_writes = off").await;
    db.sql("SELECT pg_reload_conf()").await;
    let engine = node(&db, config()).await;
    (db, engine)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_passes_of_a_loop_cost_the_same_each() {
    let _alone = ALONE.lock().await;
    let (db, engine) = quiet_node().await;
    let body = json!({"name": "step", "taskReferenceName": "a", "type": "SIMPLE", "inputParameters": {"n": "${l.output.iteration}"}});
    let condition = "if ($.l['iteration'] < 1000) { true; } else { false; }";
    define(
        &engine,
        "loop",
        json!([{"name": "l", "taskReferenceName": "l", "type": "DO_WHILE",
        "inputParameters": {"value": 1}, "loopCondition": condition, "loopOver": [body]}]),
    )
    .await;
    let run = start(&engine, "loop").await;
    let mut marks = vec![Spent::now(&db, &engine).await];
    for pass in 1..=1_000 {
        let task = poll_one(&engine, "step").await;
        assert_eq!(task.task.iteration, pass);
        complete(&engine, &task).await;
        if pass % 100 == 0 {
            marks.push(Spent::now(&db, &engine).await);
        }
    }
    let end = until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(end.tasks.len(), 1_001);
    let cost = |at: usize| marks[at].since(marks[at - 1]);
    // the last hundred has the end of the run with its output in it
    let (early, late) = (cost(2), cost(9));
    eprintln!("of a hundred passes: {early:?} early, {late:?} late");
    assert!(late.events * 10 <= early.events * 11, "{early:?} {late:?}");
    assert!(late.turns * 10 <= early.turns * 11, "{early:?} {late:?}");
    assert!(late.misses <= early.misses + 2, "{early:?} {late:?}");
    // the words of searches, made four times a second of all that a run has by then, are in it
    assert!(late.log_bytes <= early.log_bytes * 3, "{early:?} {late:?}");
}

/// A dynamic fork as wide as its input says, done by one worker that takes a hundred tasks at a time.
async fn fork(db: &Db, engine: &Engine, width: usize) -> Spent {
    let tasks: Vec<Value> = (0..width)
        .map(|n| json!({"name": "part", "taskReferenceName": format!("p{n}"), "type": "SIMPLE"}))
        .collect();
    let inputs: serde_json::Map<String, Value> =
        (0..width).map(|n| (format!("p{n}"), json!({"n": n}))).collect();
    let input = Payload::from_object_text(json!({"tasks": tasks, "inputs": inputs}).to_string());
    let before = Spent::now(db, engine).await;
    let run = engine.start(podium_runtime::StartRequest { input, ..start_of("wide") }).await.unwrap();
    let mut done = 0;
    while done < width {
        let tasks = poll(engine, "part", 100, 5_000).await;
        assert!(!tasks.is_empty(), "{done} of {width} tasks came");
        done += tasks.len();
        join_all(tasks.iter().map(|task| complete(engine, task))).await;
    }
    let end = until_status(engine, run, RunStatus::Completed).await;
    assert_eq!(end.tasks.len(), width + 2);
    Spent::now(db, engine).await.since(before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_tasks_cost_ten_times_what_five_hundred_do() {
    let _alone = ALONE.lock().await;
    let (db, engine) = quiet_node().await;
    define(
        &engine,
        "wide",
        json!([
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "tasks",
            "dynamicForkTasksInputParamName": "inputs",
            "inputParameters": {"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"}},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN"}]),
    )
    .await;
    fork(&db, &engine, 50).await;
    let (some, many) = (fork(&db, &engine, 500).await, fork(&db, &engine, 5_000).await);
    eprintln!("500 tasks: {some:?}; 5,000 tasks: {many:?}");
    assert!(many.events <= some.events * 11, "{some:?} {many:?}");
    assert!(many.turns <= some.turns * 11, "{some:?} {many:?}");
    assert!(many.misses <= some.misses + 2, "a wide run stays in memory: {some:?} {many:?}");
    // what grew with the width would be a hundred times as much; the words of searches are in it, which are made four times
    // a second: of each state of a task on a slow machine, and none before the end of the small run on a quick one
    assert!(many.log_bytes <= some.log_bytes * 50, "{some:?} {many:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sub_workflows_twenty_deep_cost_twice_what_ten_do() {
    let _alone = ALONE.lock().await;
    let (db, engine) = quiet_node().await;
    define(&engine, "d0", json!([simple("deepest")])).await;
    for depth in 1..=20 {
        let below = json!({"name": "sub", "taskReferenceName": "sub", "type": "SUB_WORKFLOW",
            "subWorkflowParam": {"name": format!("d{}", depth - 1), "version": 1}});
        define_with(
            &engine,
            json!({"name": format!("d{depth}"), "version": 1, "tasks": [below],
            "outputParameters": {"from": "${sub.output}"}}),
        )
        .await;
    }
    let mut spent = Vec::new();
    for depth in [3, 10, 20] {
        let before = Spent::now(&db, &engine).await;
        let run = start(&engine, &format!("d{depth}")).await;
        let task = poll_one(&engine, "deepest").await;
        complete(&engine, &task).await;
        until_status(&engine, run, RunStatus::Completed).await;
        spent.push(Spent::now(&db, &engine).await.since(before));
    }
    assert_eq!(db.number("SELECT count(*) FROM run WHERE status = 2").await, 4 + 11 + 21);
    let (ten, twenty) = (spent[1], spent[2]);
    eprintln!("10 deep: {ten:?}; 20 deep: {twenty:?}");
    assert!(twenty.events <= ten.events * 22 / 10, "{ten:?} {twenty:?}");
    assert!(twenty.turns <= ten.turns * 22 / 10, "{ten:?} {twenty:?}");
}
