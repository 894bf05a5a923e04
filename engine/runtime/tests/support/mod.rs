//! What the tests of the engine share: nodes on a database of their own, small definitions, waiting for conditions.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]
#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../../../store/tests/common/mod.rs"]
mod cluster;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use podium_core::def::WorkflowDef;
use podium_core::{Payload, RunId, RunState, RunStatus, TaskId, TaskStatus};
use podium_runtime::ports::EventSink;
use podium_runtime::{Definition, Engine, EngineConfig, PollRequest, ReportRequest, StartRequest, TaskView};
use podium_store::{Store, StoreOptions};
use serde_json::{Value, json};

#[allow(unused_imports, reason = "only some tests disturb the way to the database")]
pub(crate) use cluster::wire;
pub(crate) use cluster::{Db, database};

pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn config() -> EngineConfig {
    EngineConfig { node_name: "test".to_owned(), ..EngineConfig::default() }
}

/// A node on the database, with connections of its own.
pub(crate) async fn node(db: &Db, config: EngineConfig) -> Engine {
    node_with(db, None, config).await
}

pub(crate) async fn node_with(db: &Db, sink: Option<Arc<dyn EventSink>>, config: EngineConfig) -> Engine {
    let store = Store::connect(&db.url, StoreOptions::default()).await.unwrap();
    Engine::open(store, sink, config).await.unwrap()
}

/// Registers a definition whose tasks are these.
pub(crate) async fn define(engine: &Engine, name: &str, tasks: Value) {
    define_with(engine, json!({"name": name, "tasks": tasks})).await;
}

pub(crate) async fn define_with(engine: &Engine, def: Value) {
    let def: WorkflowDef = serde_json::from_value(def).unwrap();
    engine.create_workflow_def(def, true).await.unwrap();
}

pub(crate) fn simple(name: &str) -> Value {
    json!({"name": name, "taskReferenceName": name, "type": "SIMPLE", "inputParameters": {"in": "${workflow.input}"}})
}

pub(crate) fn start_of(name: &str) -> StartRequest {
    StartRequest {
        definition: Definition::Registered { name: name.to_owned(), version: None },
        input: Payload::from_object_text(r#"{"a":1}"#),
        correlation_id: None,
        priority: 0,
        task_to_domain: IndexMap::new(),
        event: None,
        external_input: None,
    }
}

pub(crate) async fn start(engine: &Engine, name: &str) -> RunId {
    engine.start(start_of(name)).await.unwrap()
}

pub(crate) fn poll_of(task_type: &str, count: usize, timeout_ms: u64) -> PollRequest {
    PollRequest {
        task_type: task_type.into(),
        domain: None,
        worker: Some("w".into()),
        count,
        timeout: Duration::from_millis(timeout_ms),
    }
}

/// Polls, and keeps what it gets.
pub(crate) async fn poll(engine: &Engine, task_type: &str, count: usize, timeout_ms: u64) -> Vec<TaskView> {
    let leased = engine.poll(poll_of(task_type, count, timeout_ms)).await.unwrap();
    leased.guard.disarm();
    leased.tasks
}

/// Polls until there is one.
pub(crate) async fn poll_one(engine: &Engine, task_type: &str) -> TaskView {
    let end = Instant::now() + SOON;
    loop {
        if let Some(task) = poll(engine, task_type, 1, 1_000).await.pop() {
            return task;
        }
        assert!(Instant::now() < end, "no task of type {task_type} came");
    }
}

pub(crate) fn id_of(view: &TaskView) -> TaskId {
    view.run.id.task(view.task.no)
}

pub(crate) fn report_of(view: &TaskView, status: TaskStatus) -> ReportRequest {
    ReportRequest {
        run: view.run.id,
        task: id_of(view),
        status,
        output: Payload::from_object_text(r#"{"done":true}"#),
        merge_output: false,
        reason: None,
        worker: Some("w".to_owned()),
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    }
}

pub(crate) async fn complete(engine: &Engine, view: &TaskView) -> podium_runtime::Reported {
    engine.report(report_of(view, TaskStatus::Completed)).await.unwrap()
}

pub(crate) async fn state(engine: &Engine, run: RunId) -> RunState {
    engine.run(run).await.unwrap().unwrap().run
}

/// Waits until the condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(
    what: &str,
    within: Duration,
    mut condition: impl FnMut() -> F,
) {
    let end = Instant::now() + within;
    while !condition().await {
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn until_status(engine: &Engine, run: RunId, status: RunStatus) -> RunState {
    until(&format!("run {run} is {status:?}"), SOON, || async {
        state(engine, run).await.head.status == status
    })
    .await;
    state(engine, run).await
}

/// Completes tasks of a type until told to stop; returns how many.
pub(crate) fn worker(engine: &Engine, task_type: &'static str, count: usize) -> Worker {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (engine, stopped) = (engine.clone(), stop.clone());
    let task = tokio::spawn(async move {
        let mut done = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let Ok(leased) = engine.poll(poll_of(task_type, count, 100)).await else { continue };
            leased.guard.disarm();
            for view in leased.tasks {
                while engine.report(report_of(&view, TaskStatus::Completed)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                done += 1;
            }
        }
        done
    });
    Worker { stop, task }
}

pub(crate) struct Worker {
    stop: Arc<std::sync::atomic::AtomicBool>,
    task: tokio::task::JoinHandle<usize>,
}

impl Worker {
    pub(crate) async fn stop(self) -> usize {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
