//! What is said of queues and definitions in lists (contract §5.11, §5.18, §5.23).

use podium_core::http::is_isolation;
use podium_core::tasks::HTTP;
use podium_runtime::LastPoll;
use serde::Serialize;
use utoipa::ToSchema;

/// The last poll of one queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PollData {
    /// The task type.
    pub queue_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Milliseconds since 1970.
    pub last_poll_time: i64,
}

/// The name and the domain of a queue; a group of calls is part of the name.
pub(crate) fn named(task_type: String, domain: Option<String>) -> (String, Option<String>) {
    match domain {
        Some(group) if task_type == HTTP && is_isolation(&group) => (task_type + &group, None),
        domain => (task_type, domain),
    }
}

/// The type and the domain of the rows of a queue of this name: a group of calls stands as their domain.
pub(crate) fn kept_as<'n>(name: &'n str, domain: Option<&'n str>) -> (&'n str, Option<&'n str>) {
    match name.strip_prefix(HTTP) {
        Some(group) if domain.is_none() && is_isolation(group) => (HTTP, Some(group)),
        _ => (name, domain),
    }
}

impl From<LastPoll> for PollData {
    fn from(poll: LastPoll) -> Self {
        let (queue_name, domain) = named(poll.task_type, poll.domain);
        PollData { queue_name, domain, worker_id: poll.worker, last_poll_time: poll.at.as_millis() }
    }
}

/// How full one shard of a queue is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShardSize {
    pub size: i64,
    /// Tasks taken and not acknowledged: none, because a task leaves its queue in the commit that hands it out.
    pub uacked: i64,
}

/// A version of a workflow definition. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowDefSummary {
    pub name: String,
    pub version: i32,
    pub create_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<i64>,
}

/// Where a payload is put or read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExternalStorageLocation {
    /// Address on this server.
    pub uri: String,
    /// What a start or a report names.
    pub path: String,
}

/// A variable that definitions may use.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
}
