//! Definitions: what is registered.

use podium_core::Timestamp;
use podium_core::def::{TaskDef, WorkflowDef};
use podium_store::{PutMode, PutOutcome, StoredTaskDef, TaskLimit};

use crate::engine::Engine;
use crate::errors::storage;
use crate::loops::limits;
use crate::messages::EngineError;
use crate::plans::{task_def, workflow_def};
use crate::shared::Shared;

pub(crate) async fn create_workflow_def(
    shared: &Shared,
    def: &WorkflowDef,
    overwrite: bool,
) -> Result<(), EngineError> {
    let name = def.name.as_deref().unwrap_or_default();
    let mode = if overwrite { PutMode::Upsert } else { PutMode::Create };
    match shared.store.put_workflow_def(name, def.version, &text(def)?, mode).await.map_err(storage)? {
        PutOutcome::Stored => Ok(()),
        PutOutcome::Exists => {
            Err(EngineError::Conflict(format!("Workflow with {name}.{} already exists!", def.version)))
        }
    }
}

/// One after the other: what fails is reported for itself (contract §7).
pub(crate) async fn put_workflow_defs(shared: &Shared, defs: &[WorkflowDef]) -> Vec<Result<(), EngineError>> {
    let mut answers = Vec::with_capacity(defs.len());
    for def in defs {
        answers.push(create_workflow_def(shared, def, true).await);
    }
    answers
}

pub(crate) async fn find_workflow_def(
    shared: &Shared,
    name: &str,
    version: Option<i32>,
) -> Result<Option<WorkflowDef>, EngineError> {
    let stored = shared.store.get_workflow_def(name, version).await.map_err(storage)?;
    stored.map(|stored| workflow_def(&stored.text)).transpose()
}

pub(crate) async fn workflow_defs(shared: &Shared) -> Result<Vec<WorkflowDef>, EngineError> {
    let stored = shared.store.list_workflow_defs().await.map_err(storage)?;
    stored.iter().map(|stored| workflow_def(&stored.text)).collect()
}

impl Engine {
    /// The names of all workflow definitions, in order.
    pub async fn workflow_names(&self) -> Result<Vec<String>, EngineError> {
        self.shared().store.workflow_names().await.map_err(storage)
    }

    /// The versions of a workflow definition, in order, each with the instant of its first registration.
    pub async fn workflow_versions(&self, name: &str) -> Result<Vec<(i32, Timestamp)>, EngineError> {
        self.shared().store.workflow_versions(name).await.map_err(storage)
    }

    /// The highest version of each workflow definition, by name.
    pub async fn latest_workflow_defs(&self) -> Result<Vec<WorkflowDef>, EngineError> {
        let stored = self.shared().store.latest_workflow_defs().await.map_err(storage)?;
        stored.iter().map(|stored| workflow_def(&stored.text)).collect()
    }
}

pub(crate) async fn delete_workflow_def(
    shared: &Shared,
    name: &str,
    version: i32,
) -> Result<bool, EngineError> {
    shared.store.delete_workflow_def(name, version).await.map_err(storage)
}

pub(crate) async fn put_task_defs(shared: &Shared, defs: &[TaskDef]) -> Result<(), EngineError> {
    let with_limit = |def| Ok((stored_task_def(def)?, limit_of(def)));
    let stored = defs.iter().map(with_limit).collect::<Result<Vec<_>, _>>()?;
    shared.store.put_task_defs(&stored).await.map_err(storage)?;
    limits::refresh(shared).await
}

pub(crate) async fn update_task_def(shared: &Shared, def: &TaskDef) -> Result<bool, EngineError> {
    let limit = limit_of(def);
    let existed =
        shared.store.update_task_def(&stored_task_def(def)?, limit.as_ref()).await.map_err(storage)?;
    limits::refresh(shared).await?;
    Ok(existed)
}

pub(crate) async fn find_task_def(shared: &Shared, name: &str) -> Result<Option<TaskDef>, EngineError> {
    let stored = shared.store.get_task_def(name).await.map_err(storage)?;
    stored.map(|stored| task_def(&stored.text)).transpose()
}

pub(crate) async fn task_defs(shared: &Shared) -> Result<Vec<TaskDef>, EngineError> {
    let stored = shared.store.list_task_defs().await.map_err(storage)?;
    stored.iter().map(|stored| task_def(&stored.text)).collect()
}

pub(crate) async fn delete_task_def(shared: &Shared, name: &str) -> Result<bool, EngineError> {
    let existed = shared.store.delete_task_def(name).await.map_err(storage)?;
    limits::refresh(shared).await?;
    Ok(existed)
}

/// The limits of a task definition; zero and less mean none, as in Conductor.
fn limit_of(def: &TaskDef) -> Option<TaskLimit> {
    let given = |limit: i32| (limit > 0).then_some(limit);
    let limit = TaskLimit {
        at_once: def.concurrent_exec_limit.and_then(given),
        per_window: given(def.rate_limit_per_frequency),
        window_s: def.rate_limit_frequency_in_seconds.max(1),
    };
    (limit.at_once.is_some() || limit.per_window.is_some()).then_some(limit)
}

fn stored_task_def(def: &TaskDef) -> Result<StoredTaskDef, EngineError> {
    Ok(StoredTaskDef { name: def.name.clone().unwrap_or_default(), text: text(def)? })
}

fn text(def: &impl serde::Serialize) -> Result<String, EngineError> {
    serde_json::to_string(def)
        .map_err(|e| EngineError::Invalid(format!("the definition has no JSON text: {e}")))
}
