//! Descriptions of event handlers and schedules for the OpenAPI document; the core reads and writes them. No value
//! of these types is ever made.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schema::StartWorkflowRequest;

/// What is to be done with one kind of event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventHandler {
    /// Unique among handlers.
    pub name: String,
    /// `<queue type>:<queue name>`, for instance `conductor:my_workflow:shipped` or `kafka:my-topic`.
    pub event: String,
    /// Absent = every message.
    pub condition: Option<String>,
    pub evaluator_type: Option<String>,
    pub actions: Vec<Action>,
    /// Only active handlers see messages; false if absent.
    pub active: Option<bool>,
}

/// One thing to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Action {
    /// start_workflow, complete_task or fail_task; terminate_workflow, update_workflow_variables and start_agent are
    /// kept but not carried out.
    pub action: Option<String>,
    pub start_workflow: Option<StartWorkflow>,
    pub complete_task: Option<TaskDetails>,
    pub fail_task: Option<TaskDetails>,
    #[serde(rename = "expandInlineJSON")]
    pub expand_inline_json: Option<bool>,
    pub terminate_workflow: Option<TerminateWorkflow>,
    pub update_workflow_variables: Option<UpdateWorkflowVariables>,
    pub start_agent: Option<BTreeMap<String, Value>>,
}

/// A workflow to start.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartWorkflow {
    pub name: String,
    pub version: Option<i32>,
    pub correlation_id: Option<String>,
    pub input: Option<BTreeMap<String, Value>>,
    pub task_to_domain: Option<BTreeMap<String, String>>,
}

/// A task to end, found by its id, else by workflow and reference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetails {
    pub workflow_id: Option<String>,
    pub task_ref_name: Option<String>,
    pub output: Option<BTreeMap<String, Value>>,
    pub task_id: Option<String>,
    pub reason_for_incompletion: Option<String>,
}

/// A workflow to end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminateWorkflow {
    pub workflow_id: Option<String>,
    pub termination_reason: Option<String>,
}

/// Variables to set.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateWorkflowVariables {
    pub workflow_id: Option<String>,
    pub variables: Option<BTreeMap<String, Value>>,
    pub append_array: Option<bool>,
}

/// When to start what. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowSchedule {
    pub name: String,
    /// `second minute hour day-of-month month day-of-week`, or a macro such as `@daily`.
    pub cron_expression: Option<String>,
    /// Instants that were missed while nobody could start them are made up for.
    pub run_catchup_schedule_instances: Option<bool>,
    pub paused: Option<bool>,
    pub paused_reason: Option<String>,
    pub start_workflow_request: StartWorkflowRequest,
    /// UTC if absent.
    pub zone_id: Option<String>,
    /// Several expressions; if there are any, `cronExpression` does not count.
    pub cron_schedules: Option<Vec<CronSchedule>>,
    pub schedule_start_time: Option<i64>,
    pub schedule_end_time: Option<i64>,
    pub create_time: Option<i64>,
    pub updated_time: Option<i64>,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
    pub description: Option<String>,
}

/// One of several expressions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CronSchedule {
    pub cron_expression: String,
    /// UTC if absent.
    pub zone_id: Option<String>,
}
