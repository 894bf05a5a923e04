//! The body of every failed call (contract §3.1).

use serde::Serialize;
use utoipa::ToSchema;

/// Why a call failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorResponse {
    /// The HTTP status again.
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Host name of the server; absent when validation failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// True if the same call may succeed later.
    pub retryable: bool,
    /// Every broken rule; only when validation failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_errors: Option<Vec<ValidationError>>,
}

/// One broken rule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValidationError {
    /// Where, as `method.arg0[index].member`.
    pub path: String,
    pub message: String,
    /// The value, if it is a scalar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid_value: Option<String>,
}
