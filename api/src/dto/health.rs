//! Health answers (contract §2.8).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Conductor's health body. Unlike there it is no constant: `healthResults` lists what is missing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckStatus {
    pub health_results: Vec<HealthResult>,
    pub suppressed_health_results: Vec<HealthResult>,
    pub healthy: bool,
}

/// One thing that is not well.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthResult {
    pub details: BTreeMap<String, String>,
    pub error_message: String,
    pub healthy: bool,
}

/// The answer of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeStatus {
    /// `UP` or `DOWN`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
