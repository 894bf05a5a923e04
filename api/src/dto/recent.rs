use serde::Serialize;
use utoipa::ToSchema;

/// Status, milliseconds, attempts.
type Cell = (Option<&'static str>, Option<i64>, i64);

/// The last workflows of a definition by its tasks. Instants are milliseconds since 1970.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentWorkflows {
    /// Newest first.
    pub runs: Vec<RecentWorkflow>,
    /// In the order of the newest one's definition; what only others have (other versions, dynamic forks) stands behind. A
    /// task of a loop is there once. At most 500.
    pub tasks: Vec<RecentTaskName>,
    /// For each of `runs` a list with one cell for each of `tasks`: status (null: it was not there), milliseconds that its
    /// ended attempts took together (null: none ended), attempts. In a loop all passes count; the status is that of the
    /// pass that matters most: failed before under way before done.
    #[schema(value_type = Vec<Vec<Vec<Option<serde_json::Value>>>>)]
    pub cells: Vec<Vec<Cell>>,
    /// There are more tasks than 500, or a workflow has so many that only its first and last were looked at.
    pub truncated: bool,
}

/// One workflow, a column of the grid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentWorkflow {
    pub workflow_id: String,
    pub workflow_version: i32,
    pub status: &'static str,
    pub start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<i64>,
}

/// One task, a row of the grid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentTaskName {
    pub reference_task_name: String,
    pub task_type: String,
}
