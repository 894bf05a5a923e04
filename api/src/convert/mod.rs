//! Between the wire's words and the engine's. This is the only place that knows both.
//!
//! | wire | inside | why |
//! | --- | --- | --- |
//! | workflow (execution), `workflowId`, `workflowInstanceId` | run, `RunId` | "workflow" also means the definition |
//! | workflow definition | `WorkflowDef`; compiled: `Plan` | the compiled form needs its own name |
//! | task, `taskId` | task: one attempt of one reference in one iteration | same grain, stated |
//! | `referenceTaskName`, `taskReferenceName` | `ref_name` | shorter |
//! | `retryCount` of a task | `attempt` | counts from 0 as the wire does |
//! | `retryCount` of a definition | `retry_count` | how often a failed attempt is repeated |
//! | `workflowType`, `workflowName` | `name` of the run | |
//! | `taskDefName` | `def_name` | |
//! | `workflowTask` | `TaskConfig` | a task of the definition, not of a run |
//! | `reasonForIncompletion` | `reason` | |
//! | poll, ack, pop | claim, lease | one idea, one word |
//! | `callbackAfterSeconds` | `callback_after_s`, `available_at` | an instant, not a duration, in storage |
//! | `lastRetriedTime` | `retried_at` | |
//! | `subWorkflowId` | `child`, `sub_workflow_id` | what the engine started; what a worker says it started |
//! | `parentWorkflowId`, `parentWorkflowTaskId` | `ParentLink` | |
//! | `failedReferenceTaskNames`, `failedTaskNames` | `failed_refs`, `failed_names` | |
//! | decide | look | decisions happen in turns; an operator only asks for one |
//! | server, `instance` | node | |
//! | domain, correlationId, priority, iteration, seq | the same | |
//!
//! Definitions keep their wire names inside too, because the definition language is Conductor's.

mod bulk;
mod explain;
mod external;
mod history;
mod limits;
mod mask;
mod overview;
mod preview;
mod rehearsal;
mod report;
mod rerun;
mod signal;
mod stamp;
mod start;
mod summary;
mod task;
mod violations;
mod workflow;

#[cfg(test)]
mod tests;

pub(crate) use bulk::{bulk, bulk_result, bulk_state};
pub(crate) use explain::explanation;
pub(crate) use history::history;
pub(crate) use limits::{check_key, check_names, check_stored_key};
pub(crate) use mask::{shown_run, shown_task};
pub(crate) use overview::overview_json;
pub(crate) use preview::preview;
pub(crate) use rehearsal::rehearsal;
pub(crate) use report::{report, reported_ids};
pub(crate) use rerun::rerun;
pub(crate) use signal::signal_response_json;
pub(crate) use stamp::{Clock, created, replaced, stamped_task_def, updated_task_def};
pub(crate) use start::{Wanted, check_priority, definition_of, start};
pub(crate) use summary::{classifier, search_result, task_summary, workflow_summary};
pub(crate) use task::{task_json, tasks_json};
pub(crate) use violations::{
    refuse_if_any, validate_event_handler, validate_task_def, validate_workflow_def,
};
pub(crate) use workflow::{TaskPage, tasks_page_json, workflow_json, workflow_status_json};
