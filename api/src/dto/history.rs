use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A page of the account of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowHistory {
    pub workflow_id: String,
    /// Lines that are kept: the first 500 and the latest 500 at most.
    pub total_hits: i64,
    /// Oldest first.
    pub results: Vec<WorkflowHistoryLine>,
}

/// Something that was done to a workflow besides its usual way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowHistoryLine {
    /// Counts all lines from 1; a gap is what was not kept.
    pub seq: u32,
    /// Milliseconds.
    pub at: i64,
    /// PAUSE, RESUME, RETRY, RESTART, RERUN, SKIP_TASK, RESET_CALLBACKS, ARCHIVE, TERMINATE, DECIDE, REQUEUE_TASK;
    /// LATE_ANSWER, TASK_TIMEOUT, WORKFLOW_TIMEOUT, FAULT, FAULT_CLEARED, ENDED_BY_PARENT, RETRIED_BY_PARENT, REOPENED_BY_CHILD.
    pub operation: &'static str,
    pub status_before: &'static str,
    pub status_after: &'static str,
    /// Who asked, as they said it; of a late answer the worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// From where: the address of the client, or the other workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_task_name: Option<String>,
    /// What was asked for, what was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}
