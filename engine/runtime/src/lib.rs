//! The running engine.

mod config;
mod lease;
pub mod messages;
pub mod ports;
mod status;

use std::time::Duration;

use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::{LogLine, RunId, TaskId};

pub use config::EngineConfig;
pub use lease::{LeaseGuard, Leased};
pub use messages::*;
pub use status::{Counters, Health};

/// The engine of this node: a cheap handle that may be cloned and shared.
#[derive(Clone, Debug)]
pub struct Engine {}

fn not_open<T>() -> Result<T, EngineError> {
    Err(EngineError::Unavailable("the engine is not open yet".to_owned()))
}

impl Engine {
    /// Starts a run and answers with its id once its first turn is durable.
    pub async fn start(&self, _request: StartRequest) -> Result<RunId, EngineError> {
        not_open()
    }
    /// Leases up to `count` ready tasks to a worker.
    pub async fn poll(&self, _request: PollRequest) -> Result<Leased, EngineError> {
        not_open()
    }
    /// Takes a report on a task.
    pub async fn report(&self, _request: ReportRequest) -> Result<Reported, EngineError> {
        not_open()
    }
    /// Reads a run from its rows.
    pub async fn run(&self, _id: RunId) -> Result<Option<RunView>, EngineError> {
        not_open()
    }
    /// Reads a task from its rows.
    pub async fn task(&self, _id: TaskId) -> Result<Option<TaskView>, EngineError> {
        not_open()
    }
    /// Ends a run.
    pub async fn terminate(&self, _id: RunId, _reason: Option<String>) -> Result<(), EngineError> {
        not_open()
    }
    /// Decides a run again.
    pub async fn look(&self, _id: RunId) -> Result<(), EngineError> {
        not_open()
    }
    /// Registers a definition.
    pub async fn create_workflow_def(&self, _def: WorkflowDef, _overwrite: bool) -> Result<(), EngineError> {
        not_open()
    }
    /// Registers or replaces definitions; one answer for each.
    pub async fn put_workflow_defs(
        &self,
        _defs: Vec<WorkflowDef>,
    ) -> Result<Vec<Result<(), EngineError>>, EngineError> {
        not_open()
    }
    /// The definition registered under a name (`version` `None` = the latest).
    pub async fn workflow_def(&self, _name: &str, _version: Option<i32>) -> Result<Option<WorkflowDef>, EngineError> {
        not_open()
    }
    /// All versions of all definitions, by name and version.
    pub async fn workflow_defs(&self) -> Result<Vec<WorkflowDef>, EngineError> {
        not_open()
    }
    /// Removes a definition; false if there was none.
    pub async fn delete_workflow_def(&self, _name: &str, _version: i32) -> Result<bool, EngineError> {
        not_open()
    }
    /// Registers or replaces task definitions.
    pub async fn put_task_defs(&self, _defs: Vec<TaskDef>) -> Result<(), EngineError> {
        not_open()
    }
    /// Replaces a task definition; false (and nothing written) if there was none.
    pub async fn update_task_def(&self, _def: TaskDef) -> Result<bool, EngineError> {
        not_open()
    }
    /// A task definition by name.
    pub async fn task_def(&self, _name: &str) -> Result<Option<TaskDef>, EngineError> {
        not_open()
    }
    /// All task definitions by name.
    pub async fn task_defs(&self) -> Result<Vec<TaskDef>, EngineError> {
        not_open()
    }
    /// Removes a task definition; false if there was none.
    pub async fn delete_task_def(&self, _name: &str) -> Result<bool, EngineError> {
        not_open()
    }
    /// Appends a line to the log of a task; the task need not exist (contract §8.6).
    pub async fn append_log(&self, _task: &str, _line: LogLine) -> Result<(), EngineError> {
        not_open()
    }
    /// The log of a task, oldest first.
    pub async fn logs(&self, _task: &str) -> Result<Vec<LogLine>, EngineError> {
        not_open()
    }
    /// Takes a lane over from whoever held it.
    pub async fn take_position(&self, _lane: LaneKey) -> Result<Position, EngineError> {
        not_open()
    }
    /// Takes a batch of events and the position after it, in one commit.
    pub async fn ingest(&self, _batch: IngestBatch) -> Result<Ingested, EngineError> {
        not_open()
    }
    /// Whether this node can do its work.
    pub fn health(&self) -> Health {
        Health {
            healthy: false,
            reason: Some("the engine is not open yet".to_owned()),
            last_write_age: Duration::MAX,
            writers_alive: false,
            stopping: false,
        }
    }
    /// Figures since the node started.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
    /// Stops the node: refuses new work, finishes what is in hand within `grace`, gives its leases up.
    pub async fn shutdown(&self, _grace: Duration) {}
}
