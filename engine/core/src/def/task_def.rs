//! Task definitions: retries, time-outs and limits of a kind of task.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient;

/// How the delay before a retry grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RetryLogic {
    #[default]
    Fixed,
    ExponentialBackoff,
    LinearBackoff,
}

/// What a time-out of a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskTimeoutPolicy {
    Retry,
    #[default]
    TimeOutWf,
    AlertOnly,
}

/// A task definition as users register it. Spans are in seconds as the member names say; 0 means none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDef {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub owner_app: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    pub create_time: i64,
    #[serde(deserialize_with = "lenient::i64")]
    pub update_time: i64,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::i32")]
    pub retry_count: i32,
    #[serde(deserialize_with = "lenient::i64")]
    pub timeout_seconds: i64,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input_keys: Vec<Option<String>>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub output_keys: Vec<Option<String>>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub runtime_metadata: Vec<Option<String>>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub timeout_policy: TaskTimeoutPolicy,
    #[serde(deserialize_with = "lenient::or_default")]
    pub retry_logic: RetryLogic,
    #[serde(deserialize_with = "lenient::i32")]
    pub retry_delay_seconds: i32,
    #[serde(deserialize_with = "lenient::i64")]
    pub response_timeout_seconds: i64,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub concurrent_exec_limit: Option<i32>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input_template: Map<String, Value>,
    #[serde(deserialize_with = "lenient::i32")]
    pub rate_limit_per_frequency: i32,
    #[serde(deserialize_with = "rate_window")]
    pub rate_limit_frequency_in_seconds: i32,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub isolation_group_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub execution_name_space: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub owner_email: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub poll_timeout_seconds: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub backoff_scale_factor: Option<i32>,
    #[serde(deserialize_with = "lenient::i32")]
    pub max_retry_delay_seconds: i32,
    #[serde(deserialize_with = "lenient::i32")]
    pub backoff_jitter_ms: i32,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub base_type: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    pub total_timeout_seconds: i64,
    #[serde(deserialize_with = "lenient::bool")]
    pub task_status_listener_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    #[serde(deserialize_with = "lenient::bool")]
    pub enforce_schema: bool,
}

impl Default for TaskDef {
    fn default() -> Self {
        TaskDef {
            owner_app: None,
            create_time: 0,
            update_time: 0,
            created_by: None,
            updated_by: None,
            name: None,
            description: None,
            retry_count: 3,
            timeout_seconds: 0,
            input_keys: Vec::new(),
            output_keys: Vec::new(),
            runtime_metadata: Vec::new(),
            timeout_policy: TaskTimeoutPolicy::default(),
            retry_logic: RetryLogic::default(),
            retry_delay_seconds: 60,
            response_timeout_seconds: 3600,
            concurrent_exec_limit: None,
            input_template: Map::new(),
            rate_limit_per_frequency: 0,
            rate_limit_frequency_in_seconds: 1,
            isolation_group_id: None,
            execution_name_space: None,
            owner_email: None,
            poll_timeout_seconds: None,
            backoff_scale_factor: Some(1),
            max_retry_delay_seconds: 0,
            backoff_jitter_ms: 0,
            base_type: None,
            total_timeout_seconds: 0,
            task_status_listener_enabled: true,
            input_schema: None,
            output_schema: None,
            enforce_schema: false,
        }
    }
}

fn rate_window<'de, D: serde::Deserializer<'de>>(d: D) -> Result<i32, D::Error> {
    Ok(lenient::opt_i32(d)?.unwrap_or(1))
}
