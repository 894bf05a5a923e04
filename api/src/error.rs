//! What callers are told when a call fails: Conductor's error body (contract §3.1).
//!
//! Requests that cannot be parsed answer 400, 413 or 415 where Conductor answers 500, and outages answer
//! 503 with `Retry-After`; `docs/compatibility.md` lists each.

use std::sync::OnceLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use podium_runtime::EngineError;

use crate::dto::{ErrorResponse, ValidationError};
use crate::routes::answer;

/// Seconds after which a caller may try again when the node is full or PostgreSQL is away.
const RETRY_AFTER_SECONDS: &str = "1";

/// A failed call: a status and Conductor's body.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    retryable: bool,
    /// Some: the body of failed validation, which names no instance.
    violations: Option<Vec<ValidationError>>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        ApiError { status, message: message.into(), retryable: false, violations: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::NOT_FOUND, message)
    }

    /// The text is no JSON, or not the JSON that was expected.
    pub(crate) fn unreadable(cause: impl std::fmt::Display) -> Self {
        ApiError::bad_request(format!("JSON parse error: {cause}"))
    }

    pub(crate) fn unknown_run(id: &str) -> Self {
        ApiError::not_found(format!("No such workflow found by id: {id}"))
    }

    pub(crate) fn unknown_task(id: &str) -> Self {
        ApiError::not_found(format!("No such task found by id: {id}"))
    }

    /// Every rule that a request broke; never empty.
    pub(crate) fn validation(violations: Vec<ValidationError>) -> Self {
        ApiError {
            status: StatusCode::BAD_REQUEST,
            message: "Validation failed, check below errors for detail.".to_owned(),
            retryable: false,
            violations: Some(violations),
        }
    }

    /// What the caller is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// One broken rule.
    pub(crate) fn violation(path: &str, message: &str, invalid: Option<String>) -> Self {
        ApiError::validation(vec![ValidationError {
            path: path.to_owned(),
            message: message.to_owned(),
            invalid_value: invalid,
        }])
    }
}

#[cfg(test)]
impl ApiError {
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::NotFound(_) | EngineError::UnknownDefinition { .. } => ApiError::not_found(message),
            EngineError::Invalid(_) => ApiError::bad_request(message),
            EngineError::Conflict(_) | EngineError::Rejected(_) => {
                ApiError::new(StatusCode::CONFLICT, message)
            }
            EngineError::TooLarge(_) => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message),
            EngineError::Unavailable(_) => {
                ApiError { retryable: true, ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message) }
            }
            EngineError::Internal(_) => {
                tracing::error!(error = %message, "a call failed inside the engine");
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let instance = self.violations.is_none().then(|| host_name().to_owned());
        let body = ErrorResponse {
            status: self.status.as_u16(),
            message: Some(self.message),
            instance,
            retryable: self.retryable,
            validation_errors: self.violations,
        };
        let mut response = answer::json(&body);
        *response.status_mut() = self.status;
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

/// The name of this machine, as error bodies show it.
fn host_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = from_kernel.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
        if name.trim().is_empty() { "podium".to_owned() } else { name.trim().to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(error: ApiError) -> serde_json::Value {
        let bytes =
            axum::body::to_bytes(error.into_response().into_body(), usize::MAX).await.expect("in memory");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn the_plain_body_has_conductors_members() {
        let body = body(ApiError::unknown_run("w123")).await;
        let names: Vec<_> = body.as_object().expect("object").keys().cloned().collect();
        assert_eq!(names, ["status", "message", "instance", "retryable"]);
        assert_eq!(body["message"], "No such workflow found by id: w123");
        assert_eq!(body["status"], 404);
        assert_eq!(body["retryable"], false);
    }

    #[tokio::test]
    async fn failed_validation_names_no_instance() {
        let body =
            body(ApiError::violation("updateTask.arg0.taskId", "Task ID cannot be null or empty", None))
                .await;
        let expected = serde_json::json!({
            "status": 400,
            "message": "Validation failed, check below errors for detail.",
            "retryable": false,
            "validationErrors": [{"path": "updateTask.arg0.taskId", "message": "Task ID cannot be null or empty"}],
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn outages_may_be_tried_again() {
        let response =
            ApiError::from(EngineError::Unavailable("the database is away".to_owned())).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
