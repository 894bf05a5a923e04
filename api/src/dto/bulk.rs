use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The workflows that a bulk operation is about: what a search finds.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkQuery {
    /// In the language of the search for workflows.
    pub query: Option<String>,
    /// Words, as in the search; a query or words must be given.
    pub free_text: Option<String>,
    /// `field:ASC` or `field:DESC`, several joined by `|`; newest first if absent.
    pub sort: Option<String>,
    /// Workflows at most, in this order: 1 to 100000; 10000 if absent.
    pub cap: Option<i64>,
    /// Names the operation: the same request under the same id is the same operation, however often it is sent. Made up
    /// if absent.
    pub operation_id: Option<String>,
}

/// An operation on many workflows, as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    pub operation_id: String,
    /// pause, resume, retry, restart, terminate, remove or terminate-remove.
    pub operation: &'static str,
    /// RUNNING, COMPLETED or STOPPED.
    pub status: &'static str,
    pub query: String,
    pub free_text: String,
    pub sort: String,
    pub cap: i64,
    /// Workflows that the search found; no more than the cap are taken.
    pub matched: i64,
    /// Workflows in its list.
    pub total: i64,
    /// Of these, those that had no turn yet.
    pub pending: i64,
    pub succeeded: i64,
    /// Refused, each with its reason in the results.
    pub failed: i64,
    /// Left as they were, because the operation was stopped.
    pub stopped: i64,
    /// Milliseconds.
    pub created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of what became of the workflows of an operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperationResults {
    pub operation_id: String,
    /// In the order of the list.
    pub results: Vec<BulkOperationResult>,
}

/// What became of one workflow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperationResult {
    pub workflow_id: String,
    /// PENDING, SUCCEEDED, FAILED or STOPPED.
    pub status: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}
