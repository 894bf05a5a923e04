use serde::Serialize;
use utoipa::ToSchema;

/// Why a workflow does not go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowExplanation {
    pub workflow_id: String,
    pub status: &'static str,
    pub version: i64,
    /// One sentence.
    pub summary: String,
    /// How many of its tasks are open; of very many only the first are among the waits.
    pub open_tasks: usize,
    /// What concerns the workflow as a whole first, then tasks that wait for something outside, those that have waited longest
    /// first, then tasks that wait for other tasks.
    pub waits: Vec<WorkflowWait>,
}

/// Something that a workflow waits for. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowWait {
    /// Absent if it concerns the workflow as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_task_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    /// POLL, RETRY_DELAY, WORKER, TIME, CHILD, PUBLISH, EVENT, HUMAN, JOIN, HTTP, RATE_LIMIT, CONCURRENCY_LIMIT, PAUSED, FAULT,
    /// DECISION, ENDED or OTHER; there may be more one day.
    pub kind: &'static str,
    pub since: i64,
    /// When time alone changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// What it waits for, in a sentence.
    pub text: String,
    /// What would make it go on, in a sentence.
    pub wakes: String,
    /// Who has the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_poll: Option<QueueLastPoll>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_workflow_id: Option<String>,
    /// The page of the documentation that tells more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docs: Option<String>,
}

/// When the queue of a task was last polled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueLastPoll {
    pub at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
}
