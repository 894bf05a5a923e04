//! `RerunWorkflowRequest` (contract §5.17), with two members more.

use podium_core::def::lenient;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// From where a workflow is to run again, and what it is given. Everything is optional.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = RerunWorkflowRequest)]
pub struct RerunWorkflowRequest {
    /// The task to begin with; without one the workflow begins with its first task.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) re_run_from_task_id: Option<String>,
    /// The same by reference name; counts only without an id. More than Conductor has.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) re_run_from_task_ref_name: Option<String>,
    /// References of tasks that are to run again too; counts only without an id. More than Conductor has.
    #[serde(deserialize_with = "references")]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) reset_tasks: Vec<String>,
    /// Replaces the input of that task.
    #[schema(value_type = Option<Object>)]
    pub(crate) task_input: Option<Map<String, Value>>,
    /// Replaces the input of the workflow.
    #[schema(value_type = Option<Object>)]
    pub(crate) workflow_input: Option<Map<String, Value>>,
    /// Replaces the correlation id.
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) correlation_id: Option<String>,
}

/// A list of references. Callers also send a bare boolean, which names none.
fn references<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Array(items)) => items,
        Some(_) | None => Vec::new(),
    };
    let text = |name: Value| match name {
        Value::String(name) => Some(name),
        _ => None,
    };
    Ok(names.into_iter().filter_map(text).collect())
}
