//! The wire, member for member (contract §5): camelCase, absent instead of null, unknown members ignored,
//! instants in milliseconds.
//!
//! Requests are parsed into the types here. Of the answers, the small ones are serialised from the types
//! here; tasks and workflows are written by hand in `convert`, and [`schema`] describes them for the
//! OpenAPI document (a test compares the two).

mod bulk;
mod counts;
mod definition;
mod error;
mod event_log;
pub mod event_schema;
mod explain;
mod health;
mod history;
mod log;
mod overview;
mod plot;
mod preview;
mod queue;
mod queue_states;
mod recent;
mod rerun_request;
mod scheduler;
pub mod schema;
mod signal;
mod start_request;
mod task_result;
mod test_request;

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub use bulk::{BulkOperation, BulkOperationResult, BulkOperationResults, BulkQuery};
pub use counts::{CountRelation, WorkflowCounts};
pub(crate) use definition::{task_def, task_defs, workflow_def};
pub use error::{ErrorResponse, ValidationError};
pub use event_log::{
    DeadLetterList, DeadLetterRecord, EventActionRecord, EventExecutionRecord, EventExecutions, LetterOrigin,
    LetterPlace, ParkedEventRecord, ReplayAnswer, ReplayRequest, ReplayedLetter,
};
pub use explain::{QueueLastPoll, WorkflowExplanation, WorkflowWait};
pub use health::{HealthCheckStatus, HealthResult, ProbeStatus};
pub use history::{WorkflowHistory, WorkflowHistoryLine};
pub use log::TaskExecLog;
pub use overview::{OverviewTasks, OverviewWorkflow, WorkflowOverview};
pub use plot::{PlottedWorkflows, WorkflowPlot};
pub use preview::{ConcernedWorkflow, OperationPreview, PreviewedTask};
pub(crate) use queue::kept_as;
pub use queue::{EnvironmentVariable, ExternalStorageLocation, PollData, ShardSize, WorkflowDefSummary};
pub use queue_states::{QueuePoller, QueueStatus, QueueStatuses};
pub use recent::{RecentTaskName, RecentWorkflow, RecentWorkflows};
pub use rerun_request::RerunWorkflowRequest;
pub use scheduler::{FoundExecutions, FoundSchedules, Requeued, ScheduleExecution};
pub(crate) use signal::ReturnStrategy;
pub use signal::SignalResponse;
pub(crate) use start_request::StartWorkflowRequest;
pub(crate) use task_result::{ResultStatus, TaskResult};
pub(crate) use test_request::{TaskMock, WorkflowTestRequest};

/// What became of each item of a list.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkResponse {
    /// Item → why it failed.
    pub bulk_error_results: BTreeMap<String, String>,
    pub bulk_successful_results: Vec<String>,
}

impl BulkResponse {
    pub(crate) fn failed(&mut self, item: Option<String>, why: &str) {
        self.bulk_error_results.insert(item.unwrap_or_default(), why.to_owned());
    }
}
