use serde::Serialize;
use utoipa::ToSchema;

/// Workflows over time. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowPlot {
    pub from: i64,
    /// This instant is not part of it.
    pub to: i64,
    /// Milliseconds of one bucket.
    pub step: i64,
    /// There are more workflows than were looked at; only the newest 200,000 (20,000 on a slow database) are counted.
    pub truncated: bool,
    /// In order, also those without workflows.
    pub buckets: Vec<PlottedWorkflows>,
}

/// The workflows that were started in one stretch of time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlottedWorkflows {
    /// When the stretch begins.
    pub at: i64,
    pub started: i64,
    pub completed: i64,
    pub failed: i64,
    pub timed_out: i64,
    pub terminated: i64,
    /// Also paused ones.
    pub running: i64,
    /// Half of those that ended took at most so many milliseconds; absent if none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<i64>,
}
