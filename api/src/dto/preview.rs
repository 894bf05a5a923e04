use serde::Serialize;
use utoipa::ToSchema;

/// What a verb would do to a workflow. Nothing was done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationPreview {
    /// The workflow that it is about in truth: a sub-workflow of the one that was named, perhaps.
    pub workflow_id: String,
    pub status_before: &'static str,
    /// Right after it; tasks that the engine runs itself have been passed by then.
    pub status_after: &'static str,
    /// Tasks that have ended and whose results go on counting.
    pub kept: Vec<PreviewedTask>,
    /// Tasks that have ended and whose results count no more.
    pub reset: Vec<PreviewedTask>,
    /// Tasks as they would run again, or for the first time.
    pub run_again: Vec<PreviewedTask>,
    /// Open tasks that would be cancelled.
    pub cancelled: Vec<PreviewedTask>,
    /// Other workflows that it concerns: sub-workflows and parents.
    pub workflows: Vec<ConcernedWorkflow>,
}

/// One attempt of a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewedTask {
    /// Absent if the task is not there yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    pub reference_task_name: String,
    pub task_type: String,
    /// As it is now; of those that run again, as it would be.
    pub status: &'static str,
    /// 0 outside of loops.
    pub iteration: i32,
    /// 0 for the first attempt.
    pub retry_count: i32,
}

/// Another workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConcernedWorkflow {
    /// Absent if it is not there yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// STARTED, RETRIED, REOPENED or ENDED.
    pub change: &'static str,
}
