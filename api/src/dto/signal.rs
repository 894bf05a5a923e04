//! `SignalResponse`: the answer of calls that wait for a workflow (contract §5.20).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schema::Task;

/// Which part of what was waited for is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReturnStrategy {
    #[default]
    TargetWorkflow,
    BlockingWorkflow,
    BlockingTask,
    BlockingTaskInput,
}

impl ReturnStrategy {
    const ALL: [ReturnStrategy; 4] = [
        ReturnStrategy::TargetWorkflow,
        ReturnStrategy::BlockingWorkflow,
        ReturnStrategy::BlockingTask,
        ReturnStrategy::BlockingTaskInput,
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            ReturnStrategy::TargetWorkflow => "TARGET_WORKFLOW",
            ReturnStrategy::BlockingWorkflow => "BLOCKING_WORKFLOW",
            ReturnStrategy::BlockingTask => "BLOCKING_TASK",
            ReturnStrategy::BlockingTaskInput => "BLOCKING_TASK_INPUT",
        }
    }

    /// Reads the exact word; `None` for any other.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.word() == word)
    }
}

/// A workflow, or the task that it stands at. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignalResponse {
    /// The strategy asked for. TARGET_WORKFLOW: the workflow of the call; BLOCKING_WORKFLOW: it or the one below it
    /// that does not go on; BLOCKING_TASK, BLOCKING_TASK_INPUT: the task that does not go on.
    pub response_type: String,
    /// The workflow of the call.
    pub target_workflow_id: String,
    pub target_workflow_status: String,
    pub request_id: String,
    /// The workflow that is shown, or to which the shown task belongs.
    pub workflow_id: String,
    pub correlation_id: Option<String>,
    pub input: BTreeMap<String, Value>,
    pub output: BTreeMap<String, Value>,
    /// The time was over before the workflow ended or stood still.
    pub signal_timeout: bool,
    /// Of the workflow or the task.
    pub status: String,
    pub priority: i32,
    pub create_time: i64,
    pub update_time: i64,
    /// Of a workflow.
    pub variables: Option<BTreeMap<String, Value>>,
    /// Of a workflow.
    pub tasks: Option<Vec<Task>>,
    /// Of a task: its worker.
    pub created_by: Option<String>,
    /// Of a task, as those below.
    pub task_type: Option<String>,
    pub task_id: Option<String>,
    pub reference_task_name: Option<String>,
    pub retry_count: Option<i32>,
    pub task_def_name: Option<String>,
    pub retried_task_id: Option<String>,
    pub workflow_type: Option<String>,
    pub reason_for_incompletion: Option<String>,
}
