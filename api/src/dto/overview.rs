use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schema::WorkflowDef;

/// A workflow as its page shows it: no inputs and outputs, and its tasks as rows of columns.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowOverview {
    pub workflow: OverviewWorkflow,
    /// The definition that it runs by; absent if only some of the tasks are here.
    pub definition: Option<WorkflowDef>,
    pub tasks: OverviewTasks,
    /// There if only the tasks that changed after this version are here: the others are as they were then.
    pub since: Option<i64>,
}

/// The workflow itself. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewWorkflow {
    pub workflow_id: String,
    pub workflow_name: String,
    pub workflow_version: i32,
    pub status: String,
    /// Rises with every change.
    pub version: i64,
    pub start_time: i64,
    /// The last change by a decision.
    pub update_time: Option<i64>,
    pub end_time: Option<i64>,
    pub reason_for_incompletion: Option<String>,
    pub correlation_id: Option<String>,
    pub parent_workflow_id: Option<String>,
    pub parent_workflow_task_id: Option<String>,
    pub priority: i32,
    /// Bytes of its JSON text as it is stored.
    pub input_size: i64,
    pub output_size: i64,
    pub failed_reference_task_names: Vec<String>,
    /// How many tasks it has, whether they are here or not.
    pub task_count: i64,
}

/// The tasks in the order of their `seq`: one list of values for each, in the order of `columns`. What a task does not have is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverviewTasks {
    /// taskId, referenceTaskName, taskType, taskDefName, status, attempt (the `retryCount` of a task), iteration, seq,
    /// scheduledTime, startTime, endTime, updateTime, workerId, reasonForIncompletion, subWorkflowId, retriedTaskId, retried,
    /// pollCount, callbackAfterSeconds, inputSize, outputSize (bytes of the stored JSON text), caseOutput (the case that a
    /// SWITCH or DECISION took).
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}
