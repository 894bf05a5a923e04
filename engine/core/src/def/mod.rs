//! Definitions: what users write. The definition language is Conductor's, so these types carry its
//! member names and its rules for absent members; everything else about the wire stays in the `api` package.

pub mod event_handler;
pub mod lenient;
pub mod parse;
pub mod schedule;
pub mod task_def;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod workflow_def;

pub use event_handler::EventHandler;
pub use parse::{parse_task, parse_task_config, parse_workflow};
pub use schedule::Schedule;
pub use task_def::{RetryLogic, TaskDef, TaskTimeoutPolicy};
pub use workflow_def::{SubWorkflowParams, TaskConfig, WorkflowDef, WorkflowTimeoutPolicy};
