//! JSON as users send it → definitions.
//!
//! Reads forgivingly where existing clients rely on it (`"12"` for a number, an ordinal for an enum, a bare name
//! for a task definition, unknown members) and says where in the document something cannot be read.
//! What is read may still break the rules of [`super::validate`].

mod members;
mod shape;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{TaskConfig, TaskDef, WorkflowDef};
use shape::{Place, Shape};

/// Reads a workflow definition. The error names the member that cannot be read.
///
/// An explicit `null` reads as if the member were absent, except for numbers and booleans, where it is 0 and false.
pub fn parse_workflow(raw: &Value) -> Result<WorkflowDef, String> {
    read(Shape::Object(members::WORKFLOW), raw, "The workflow definition")
}

/// Reads a task definition; a bare text makes one of that name.
pub fn parse_task(raw: &Value) -> Result<TaskDef, String> {
    read(Shape::TaskDef, raw, "The task definition")
}

/// Reads one task of a workflow, such as a dynamic fork is given at run time.
pub fn parse_task_config(raw: &Value) -> Result<TaskConfig, String> {
    read(Shape::Task, raw, "The task")
}

fn read<T: DeserializeOwned>(shape: Shape, raw: &Value, what: &str) -> Result<T, String> {
    let tidy = shape
        .read(raw, &Place::Root(what))?
        .ok_or_else(|| format!("{what}: a JSON object was expected, not null"))?;
    serde_json::from_value(tidy).map_err(|e| format!("{what}: {e}"))
}
