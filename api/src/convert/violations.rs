//! Broken rules of definitions as the wire lists them (contract §3.1, §4).

use std::collections::HashMap;

use podium_core::def::event_handler;
use podium_core::def::validate::{self, Violations};
use podium_core::def::{EventHandler, TaskConfig, TaskDef, WorkflowDef};
use podium_runtime::{Engine, EngineError};
use serde_json::Value;

use crate::dto::ValidationError;
use crate::error::ApiError;

/// Types whose rules look into the input template of their task definition.
const RULES_USE_TEMPLATES: [&str; 3] = ["HTTP", "KAFKA_PUBLISH", "JSON_JQ_TRANSFORM"];

/// Applies every rule to a definition; `prefix` names the call and its argument (`registerWorkflowDef.arg0`).
pub(crate) async fn validate_workflow_def(
    engine: &Engine,
    def: &WorkflowDef,
    raw: &Value,
    prefix: &str,
) -> Result<Vec<ValidationError>, EngineError> {
    let mut names = Vec::new();
    names_with_templates(&def.tasks, &mut names);
    let mut known = HashMap::new();
    for name in names {
        if let Some(task_def) = engine.task_def(name).await? {
            known.insert(name.to_owned(), task_def);
        }
    }
    let find = |name: &str| known.get(name).cloned();
    Ok(listed(validate::workflow(def, raw, &find, &podium_runtime::script_fault), prefix))
}

/// Applies every rule to a task definition.
pub(crate) fn validate_task_def(def: &TaskDef, prefix: &str) -> Vec<ValidationError> {
    listed(validate::task_def(def), prefix)
}

/// Applies every rule to an event handler.
pub(crate) fn validate_event_handler(handler: &EventHandler, prefix: &str) -> Vec<ValidationError> {
    listed(event_handler::violations(handler), prefix)
}

/// The refusal that lists all violations, if there are any.
pub(crate) fn refuse_if_any(violations: Vec<ValidationError>) -> Result<(), ApiError> {
    if violations.is_empty() { Ok(()) } else { Err(ApiError::validation(violations)) }
}

fn names_with_templates<'a>(tasks: &'a [TaskConfig], names: &mut Vec<&'a str>) {
    for task in tasks {
        if RULES_USE_TEMPLATES.contains(&task.kind()) {
            names.push(task.name());
        }
        names_with_templates(&task.default_case, names);
        names_with_templates(&task.loop_over, names);
        task.decision_cases
            .values()
            .chain(&task.fork_tasks)
            .for_each(|list| names_with_templates(list, names));
    }
}

fn listed(violations: Violations, prefix: &str) -> Vec<ValidationError> {
    let path = |relative: &str| match relative {
        "" => prefix.to_owned(),
        _ => format!("{prefix}.{relative}"),
    };
    let listed = violations.0.into_iter();
    listed
        .map(|v| ValidationError { path: path(&v.path), message: v.message, invalid_value: v.invalid })
        .collect()
}
