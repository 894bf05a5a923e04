//! Descriptions of the bodies that are read or written by hand, for the OpenAPI document. No value of
//! these types is ever made.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Any JSON object.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct JsonObject(pub BTreeMap<String, Value>);

/// A request to play a workflow with made-up results instead of workers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowTestRequest {
    pub name: String,
    /// The latest if absent.
    pub version: Option<i32>,
    pub correlation_id: Option<String>,
    pub input: Option<BTreeMap<String, Value>>,
    /// A definition to use instead of a registered one.
    pub workflow_def: Option<WorkflowDef>,
    /// 0 to 99.
    pub priority: Option<i32>,
    /// Task reference name → the results of its attempts, in order.
    pub task_ref_to_mock_output: Option<BTreeMap<String, Vec<TaskMock>>>,
    /// Reference name of a SUB_WORKFLOW → the results for the tasks of its workflow.
    #[schema(no_recursion)]
    pub sub_workflow_test_request: Option<BTreeMap<String, WorkflowTestRequest>>,
}

/// A made-up result of a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskMock {
    /// COMPLETED (if absent), FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS or CANCELED.
    pub status: Option<String>,
    pub output: BTreeMap<String, Value>,
}

/// What a worker says about a task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskResult {
    pub workflow_instance_id: String,
    pub task_id: String,
    /// IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR or CANCELED.
    pub status: String,
    pub output_data: Option<BTreeMap<String, Value>>,
    pub reason_for_incompletion: Option<String>,
    /// Seconds after which the task may be polled again; only with IN_PROGRESS.
    pub callback_after_seconds: Option<i64>,
    pub worker_id: Option<String>,
    pub logs: Option<Vec<ReportedLog>>,
    pub external_output_payload_storage_path: Option<String>,
    /// The run that the worker started for this task; only kept and shown.
    pub sub_workflow_id: Option<String>,
    /// Only refresh the lease; nothing else of the report counts.
    pub extend_lease: Option<bool>,
}

/// A line that comes with a report.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportedLog {
    pub log: String,
    pub created_time: Option<i64>,
}

/// A request to start a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartWorkflowRequest {
    pub name: String,
    /// The latest if absent.
    pub version: Option<i32>,
    pub correlation_id: Option<String>,
    pub input: Option<BTreeMap<String, Value>>,
    /// Task type → domain; `*` is every other type.
    pub task_to_domain: Option<BTreeMap<String, String>>,
    /// A definition to use instead of a registered one.
    pub workflow_def: Option<WorkflowDef>,
    pub external_input_payload_storage_path: Option<String>,
    /// 0 to 99.
    pub priority: Option<i32>,
}

/// One attempt of one task. Instants are milliseconds since 1970, 0 = not yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What workers poll for: the name of SIMPLE tasks, else the type.
    pub task_type: String,
    pub status: String,
    pub input_data: BTreeMap<String, Value>,
    pub reference_task_name: String,
    pub retry_count: i32,
    pub seq: i32,
    pub correlation_id: Option<String>,
    pub poll_count: i32,
    pub task_def_name: String,
    pub scheduled_time: i64,
    pub start_time: i64,
    pub end_time: i64,
    pub update_time: i64,
    pub start_delay_in_seconds: i32,
    pub retried_task_id: Option<String>,
    pub retried: bool,
    pub executed: bool,
    pub callback_from_worker: bool,
    pub subworkflow_changed: bool,
    pub first_start_time: i64,
    pub execution_metadata: BTreeMap<String, Value>,
    pub response_timeout_seconds: i64,
    pub workflow_instance_id: String,
    pub workflow_type: Option<String>,
    pub task_id: String,
    pub reason_for_incompletion: Option<String>,
    pub callback_after_seconds: i64,
    pub worker_id: Option<String>,
    pub output_data: BTreeMap<String, Value>,
    /// Where the input is if it is too large to be shown.
    pub external_input_payload_storage_path: Option<String>,
    /// Where the output is if it is too large to be shown.
    pub external_output_payload_storage_path: Option<String>,
    pub workflow_task: WorkflowTask,
    /// Null if the task has none.
    #[schema(nullable)]
    pub task_definition: Option<TaskDef>,
    pub rate_limit_per_frequency: i32,
    pub rate_limit_frequency_in_seconds: i32,
    pub domain: Option<String>,
    pub workflow_priority: i32,
    /// Of a call with such a task definition.
    pub execution_name_space: Option<String>,
    /// Of a call with such a task definition.
    pub isolation_group_id: Option<String>,
    pub iteration: i32,
    pub sub_workflow_id: Option<String>,
    pub queue_wait_time: i64,
    pub loop_over_task: bool,
    /// The resolved sink of an EVENT task.
    pub sink: Option<String>,
}

/// A workflow execution. Instants are milliseconds since 1970, 0 = not yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workflow {
    pub owner_app: String,
    pub create_time: i64,
    pub update_time: i64,
    /// RUNNING, COMPLETED, FAILED, TIMED_OUT, TERMINATED or PAUSED.
    pub status: String,
    pub end_time: i64,
    pub workflow_id: String,
    pub parent_workflow_id: Option<String>,
    pub parent_workflow_task_id: Option<String>,
    /// In the order of scheduling.
    pub tasks: Vec<Task>,
    pub input: BTreeMap<String, Value>,
    pub output: BTreeMap<String, Value>,
    pub correlation_id: Option<String>,
    pub re_run_from_workflow_id: Option<String>,
    pub reason_for_incompletion: Option<String>,
    pub event: Option<String>,
    pub task_to_domain: BTreeMap<String, String>,
    pub failed_reference_task_names: Vec<String>,
    pub failed_task_names: Vec<String>,
    /// The copy that this execution runs by.
    pub workflow_definition: WorkflowDef,
    pub external_input_payload_storage_path: Option<String>,
    pub external_output_payload_storage_path: Option<String>,
    pub priority: i32,
    pub variables: BTreeMap<String, Value>,
    pub last_retried_time: i64,
    pub history: Vec<Value>,
    /// The key under which the runs of `rateLimitConfig` are counted; absent without such a limit and once it has ended.
    pub rate_limit_key: Option<String>,
    /// It waits for a run with its key to end.
    pub rate_limited: bool,
    pub start_time: i64,
    pub workflow_name: String,
    pub workflow_version: i32,
}

/// The status of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowStatus {
    pub workflow_id: String,
    pub correlation_id: Option<String>,
    pub output: Option<BTreeMap<String, Value>>,
    pub variables: Option<BTreeMap<String, Value>>,
    pub status: String,
}

/// A page of workflows, as summaries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultWorkflowSummary {
    pub total_hits: i64,
    pub results: Vec<WorkflowSummary>,
}

/// A page of workflows, without their tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultWorkflow {
    pub total_hits: i64,
    pub results: Vec<Workflow>,
}

/// A page of tasks, as summaries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultTaskSummary {
    pub total_hits: i64,
    pub results: Vec<TaskSummary>,
}

/// What a search shows of a workflow. Instants are texts in UTC.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowSummary {
    pub workflow_type: String,
    pub version: i32,
    pub workflow_id: String,
    pub correlation_id: Option<String>,
    pub start_time: String,
    pub update_time: String,
    pub end_time: Option<String>,
    pub status: String,
    /// As a Java program shows a map: `{a=1, b={c=2}}`.
    pub input: String,
    pub output: String,
    pub reason_for_incompletion: Option<String>,
    /// Milliseconds; 0 until it has ended.
    pub execution_time: i64,
    pub event: Option<String>,
    /// By comma.
    pub failed_reference_task_names: String,
    pub external_input_payload_storage_path: Option<String>,
    pub external_output_payload_storage_path: Option<String>,
    pub priority: i32,
    pub failed_task_names: Vec<String>,
    pub task_to_domain: BTreeMap<String, String>,
    /// Empty if there is none.
    pub parent_workflow_id: String,
    pub classifier: String,
    /// Characters of `input`.
    pub input_size: i64,
    pub output_size: i64,
}

/// What a search shows of a task. Instants are texts in UTC, 1970 = not yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskSummary {
    pub workflow_id: String,
    pub workflow_type: String,
    pub correlation_id: Option<String>,
    pub scheduled_time: String,
    pub start_time: String,
    pub update_time: String,
    pub end_time: String,
    pub status: String,
    pub reason_for_incompletion: Option<String>,
    pub execution_time: i64,
    pub queue_wait_time: i64,
    pub task_def_name: String,
    pub task_type: String,
    pub input: String,
    pub output: String,
    pub task_id: String,
    pub workflow_priority: i32,
    pub domain: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchResultTask {
    pub total_hits: i64,
    pub results: Vec<Task>,
}

/// A workflow definition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDef {
    pub owner_app: Option<String>,
    pub create_time: Option<i64>,
    pub update_time: Option<i64>,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub version: Option<i32>,
    pub tasks: Vec<WorkflowTask>,
    pub input_parameters: Option<Vec<String>>,
    pub output_parameters: Option<BTreeMap<String, Value>>,
    pub failure_workflow: Option<String>,
    pub failure_workflow_version: Option<i32>,
    /// Always 2.
    pub schema_version: Option<i32>,
    pub restartable: Option<bool>,
    pub workflow_status_listener_enabled: Option<bool>,
    pub workflow_status_listener_sink: Option<String>,
    pub owner_email: Option<String>,
    /// TIME_OUT_WF or ALERT_ONLY.
    pub timeout_policy: Option<String>,
    /// 0 = none.
    pub timeout_seconds: Option<i64>,
    pub variables: Option<BTreeMap<String, Value>>,
    pub input_template: Option<BTreeMap<String, Value>>,
    pub rate_limit_config: Option<BTreeMap<String, Value>>,
    pub input_schema: Option<BTreeMap<String, Value>>,
    pub output_schema: Option<BTreeMap<String, Value>>,
    pub enforce_schema: Option<bool>,
    pub metadata: Option<BTreeMap<String, Value>>,
    pub cache_config: Option<BTreeMap<String, Value>>,
    pub masked_fields: Option<Vec<String>>,
}

/// A task of a workflow definition.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowTask {
    pub name: String,
    pub task_reference_name: String,
    pub description: Option<String>,
    pub input_parameters: Option<BTreeMap<String, Value>>,
    /// SIMPLE if absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub dynamic_task_name_param: Option<String>,
    pub case_value_param: Option<String>,
    pub case_expression: Option<String>,
    pub script_expression: Option<String>,
    #[schema(no_recursion)]
    pub decision_cases: Option<BTreeMap<String, Vec<WorkflowTask>>>,
    pub dynamic_fork_join_tasks_param: Option<String>,
    pub dynamic_fork_tasks_param: Option<String>,
    pub dynamic_fork_tasks_input_param_name: Option<String>,
    #[schema(no_recursion)]
    pub default_case: Option<Vec<WorkflowTask>>,
    #[schema(no_recursion)]
    pub fork_tasks: Option<Vec<Vec<WorkflowTask>>>,
    /// Seconds.
    pub start_delay: Option<i32>,
    pub sub_workflow_param: Option<SubWorkflowParams>,
    pub join_on: Option<Vec<String>>,
    pub sink: Option<String>,
    pub optional: Option<bool>,
    pub task_definition: Option<TaskDef>,
    pub rate_limited: Option<bool>,
    pub default_exclusive_join_task: Option<Vec<String>>,
    pub async_complete: Option<bool>,
    pub loop_condition: Option<String>,
    #[schema(no_recursion)]
    pub loop_over: Option<Vec<WorkflowTask>>,
    pub items: Option<String>,
    pub retry_count: Option<i32>,
    pub evaluator_type: Option<String>,
    pub expression: Option<String>,
    pub on_state_change: Option<BTreeMap<String, Value>>,
    pub join_status: Option<String>,
    pub cache_config: Option<BTreeMap<String, Value>>,
    pub permissive: Option<bool>,
    /// SYNC or ASYNC.
    pub join_mode: Option<String>,
    pub metadata: Option<BTreeMap<String, Value>>,
}

/// Which workflow a SUB_WORKFLOW task runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubWorkflowParams {
    pub name: Option<String>,
    pub version: Option<i32>,
    pub task_to_domain: Option<BTreeMap<String, String>>,
    /// A whole definition, or a text that is one `${…}`.
    pub workflow_definition: Option<Value>,
    pub idempotency_key: Option<String>,
    /// FAIL, RETURN_EXISTING or FAIL_ON_RUNNING.
    pub idempotency_strategy: Option<String>,
    pub priority: Option<Value>,
}

/// A task definition. Spans are in seconds unless the name says otherwise; 0 = none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDef {
    pub owner_app: Option<String>,
    pub create_time: Option<i64>,
    pub update_time: Option<i64>,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
    pub name: String,
    pub description: Option<String>,
    pub retry_count: Option<i32>,
    pub timeout_seconds: Option<i64>,
    pub input_keys: Option<Vec<String>>,
    pub output_keys: Option<Vec<String>>,
    pub runtime_metadata: Option<Vec<String>>,
    /// RETRY, TIME_OUT_WF or ALERT_ONLY.
    pub timeout_policy: Option<String>,
    /// FIXED, EXPONENTIAL_BACKOFF or LINEAR_BACKOFF.
    pub retry_logic: Option<String>,
    pub retry_delay_seconds: Option<i32>,
    pub response_timeout_seconds: Option<i64>,
    pub concurrent_exec_limit: Option<i32>,
    pub input_template: Option<BTreeMap<String, Value>>,
    pub rate_limit_per_frequency: Option<i32>,
    pub rate_limit_frequency_in_seconds: Option<i32>,
    pub isolation_group_id: Option<String>,
    pub execution_name_space: Option<String>,
    pub owner_email: Option<String>,
    pub poll_timeout_seconds: Option<i32>,
    pub backoff_scale_factor: Option<i32>,
    pub max_retry_delay_seconds: Option<i32>,
    pub backoff_jitter_ms: Option<i32>,
    pub base_type: Option<String>,
    pub total_timeout_seconds: Option<i64>,
    pub task_status_listener_enabled: Option<bool>,
    pub input_schema: Option<BTreeMap<String, Value>>,
    pub output_schema: Option<BTreeMap<String, Value>>,
    pub enforce_schema: Option<bool>,
}
