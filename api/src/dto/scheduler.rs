//! What schedules have started, as the wire shows it (contract §5.22).

use podium_core::def::Schedule;
use podium_runtime::{FiringRow, FiringState};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::event_schema::WorkflowSchedule;
use super::schema::StartWorkflowRequest;

/// One firing of a schedule. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleExecution {
    pub execution_id: String,
    pub schedule_name: String,
    /// The instant that it fired for.
    pub scheduled_time: i64,
    /// When it really did.
    pub execution_time: i64,
    pub workflow_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    #[schema(value_type = StartWorkflowRequest)]
    pub start_workflow_request: Option<Box<RawValue>>,
    /// POLLED, EXECUTED or FAILED.
    pub state: &'static str,
    pub zone_id: String,
}

impl From<FiringRow> for ScheduleExecution {
    fn from(row: FiringRow) -> Self {
        let state = match row.state {
            FiringState::Polled => "POLLED",
            FiringState::Executed => "EXECUTED",
            FiringState::Failed => "FAILED",
        };
        ScheduleExecution {
            execution_id: row.id.to_string(),
            schedule_name: row.schedule,
            scheduled_time: row.scheduled_at.as_millis(),
            execution_time: row.executed_at.as_millis(),
            workflow_name: row.workflow,
            workflow_id: (row.state == FiringState::Executed).then(|| row.run.to_string()),
            // there is no stack here: what went wrong is the reason
            stack_trace: row.reason.clone(),
            reason: row.reason,
            start_workflow_request: RawValue::from_string(row.request).ok(),
            state,
            zone_id: row.zone,
        }
    }
}

/// A page of firings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundExecutions {
    pub total_hits: i64,
    pub results: Vec<ScheduleExecution>,
}

/// A page of schedules.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundSchedules {
    pub total_hits: i64,
    #[schema(value_type = Vec<WorkflowSchedule>)]
    pub results: Vec<Schedule>,
}

/// Which schedules got a next instant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Requeued {
    #[serde(rename = "recordIds.size")]
    pub count: usize,
    #[serde(rename = "sampleIds")]
    pub names: Vec<String>,
}
