//! `TaskResult`: what a worker reports (contract §5.9).
//!
//! The usual report is parsed without copies: the output stays text, checked but not built. A report that
//! does not fit (escaped ids, numbers as text, members given twice) goes the slow, forgiving way; both
//! give the same result.

use std::borrow::Cow;

use podium_core::def::lenient;
use podium_core::{Payload, TaskStatus};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::log::ReportedLine;
use crate::error::ApiError;
use crate::extract::JsonBody;

/// A report, with the coercions of the wire already done.
#[derive(Debug)]
pub(crate) struct TaskResult<'a> {
    pub(crate) workflow_instance_id: Option<Cow<'a, str>>,
    pub(crate) task_id: Option<Cow<'a, str>>,
    pub(crate) reason_for_incompletion: Option<Cow<'a, str>>,
    pub(crate) callback_after_seconds: i64,
    pub(crate) worker_id: Option<Cow<'a, str>>,
    pub(crate) status: Option<ResultStatus>,
    pub(crate) output: Payload,
    pub(crate) logs: Vec<ReportedLine>,
    pub(crate) external_output: Option<String>,
    pub(crate) sub_workflow_id: Option<String>,
    pub(crate) extend_lease: bool,
}

/// The statuses that a worker may report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultStatus {
    InProgress,
    Failed,
    FailedWithTerminalError,
    Completed,
    Canceled,
}

impl ResultStatus {
    /// In the order in which the wire numbers them.
    const ALL: [ResultStatus; 5] = [
        ResultStatus::InProgress,
        ResultStatus::Failed,
        ResultStatus::FailedWithTerminalError,
        ResultStatus::Completed,
        ResultStatus::Canceled,
    ];

    const fn word(self) -> &'static str {
        self.task_status().as_str()
    }

    /// Reads the exact word; `None` for any other.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    pub(crate) const fn task_status(self) -> TaskStatus {
        match self {
            ResultStatus::InProgress => TaskStatus::InProgress,
            ResultStatus::Failed => TaskStatus::Failed,
            ResultStatus::FailedWithTerminalError => TaskStatus::FailedWithTerminalError,
            ResultStatus::Completed => TaskStatus::Completed,
            ResultStatus::Canceled => TaskStatus::Canceled,
        }
    }
}

impl<'de> Deserialize<'de> for ResultStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let found = match &value {
            Value::String(word) => ResultStatus::parse(word),
            Value::Number(n) => {
                n.as_u64().and_then(|n| ResultStatus::ALL.get(usize::try_from(n).ok()?).copied())
            }
            _ => None,
        };
        let words = ResultStatus::ALL.map(ResultStatus::word).join(", ");
        found.ok_or_else(|| serde::de::Error::custom(format!("status is one of {words}, not {value}")))
    }
}

/// The fast reading: everything as the SDKs send it.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Usual<'a> {
    #[serde(borrow)]
    workflow_instance_id: Option<&'a str>,
    #[serde(borrow)]
    task_id: Option<&'a str>,
    #[serde(borrow)]
    reason_for_incompletion: Option<&'a str>,
    callback_after_seconds: i64,
    #[serde(borrow)]
    worker_id: Option<&'a str>,
    #[serde(borrow)]
    status: Option<&'a str>,
    #[serde(borrow)]
    output_data: Option<&'a RawValue>,
    logs: Vec<ReportedLine>,
    #[serde(borrow)]
    external_output_payload_storage_path: Option<&'a str>,
    #[serde(borrow)]
    sub_workflow_id: Option<&'a str>,
    extend_lease: bool,
}

/// The forgiving reading.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Unusual {
    #[serde(deserialize_with = "lenient::opt_text")]
    workflow_instance_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text")]
    task_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text")]
    reason_for_incompletion: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    callback_after_seconds: i64,
    #[serde(deserialize_with = "lenient::opt_text")]
    worker_id: Option<String>,
    status: Option<ResultStatus>,
    #[serde(deserialize_with = "lenient::or_default")]
    output_data: Map<String, Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    logs: Vec<ReportedLine>,
    #[serde(deserialize_with = "lenient::opt_text")]
    external_output_payload_storage_path: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text")]
    sub_workflow_id: Option<String>,
    #[serde(deserialize_with = "lenient::bool")]
    extend_lease: bool,
}

impl<'a> TaskResult<'a> {
    /// Reads a report. Errors: 400 with the parser's words.
    pub(crate) fn read(body: &'a JsonBody) -> Result<TaskResult<'a>, ApiError> {
        match TaskResult::usual(body) {
            Some(result) => Ok(result),
            None => body.parse::<Unusual>().map(TaskResult::from),
        }
    }

    /// The report if it needs no forgiveness.
    fn usual(body: &'a JsonBody) -> Option<TaskResult<'a>> {
        if !body.is_object() {
            return None;
        }
        let mut parser = serde_json::Deserializer::from_str(body.text());
        let usual = Usual::deserialize(&mut parser).ok()?;
        let status = match usual.status {
            None => None,
            Some(word) => Some(ResultStatus::parse(word)?),
        };
        let output = match usual.output_data.map(RawValue::get) {
            None | Some("null") => Payload::empty(),
            Some(text) if text.starts_with('{') => Payload::from_object_text(body.kept(text)),
            Some(_) => return None,
        };
        Some(TaskResult {
            workflow_instance_id: usual.workflow_instance_id.map(Cow::Borrowed),
            task_id: usual.task_id.map(Cow::Borrowed),
            reason_for_incompletion: usual.reason_for_incompletion.map(Cow::Borrowed),
            callback_after_seconds: usual.callback_after_seconds,
            worker_id: usual.worker_id.map(Cow::Borrowed),
            status,
            output,
            logs: usual.logs,
            external_output: usual.external_output_payload_storage_path.map(str::to_owned),
            sub_workflow_id: usual.sub_workflow_id.map(str::to_owned),
            extend_lease: usual.extend_lease,
        })
    }
}

impl From<Unusual> for TaskResult<'_> {
    fn from(given: Unusual) -> Self {
        TaskResult {
            workflow_instance_id: given.workflow_instance_id.map(Cow::Owned),
            task_id: given.task_id.map(Cow::Owned),
            reason_for_incompletion: given.reason_for_incompletion.map(Cow::Owned),
            callback_after_seconds: given.callback_after_seconds,
            worker_id: given.worker_id.map(Cow::Owned),
            status: given.status,
            output: Payload::from_map(given.output_data),
            logs: given.logs,
            external_output: given.external_output_payload_storage_path,
            sub_workflow_id: given.sub_workflow_id,
            extend_lease: given.extend_lease,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> JsonBody {
        JsonBody::new(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("a body")
    }

    #[test]
    fn the_usual_report_keeps_its_output_text() {
        let body = body(
            r#"{"workflowInstanceId":"w","taskId":"t","status":"COMPLETED","workerId":"me",
                "outputData":{"b":1, "a":[true]},"logs":[{"log":"one","createdTime":5,"taskId":"x"},"two"],
                "subWorkflowId":"s","unknown":1,"orCreateExecutionMetadata":{},"reasonForIncompletion":null}"#,
        );
        let result = TaskResult::usual(&body).expect("fits the fast reading");
        assert_eq!(result.output.text(), r#"{"b":1, "a":[true]}"#);
        assert_eq!(result.status, Some(ResultStatus::Completed));
        assert_eq!(result.sub_workflow_id.as_deref(), Some("s"));
        assert!(matches!(result.task_id, Some(Cow::Borrowed("t"))));
        assert_eq!(result.logs.len(), 2);
        assert_eq!((result.logs[0].created_ms, result.logs[1].created_ms), (Some(5), None));
    }

    #[test]
    fn an_unusual_report_is_forgiven() {
        let body = body(
            r#"{"workflowInstanceId":"\u0077","taskId":7,"status":"FAILED","callbackAfterSeconds":"12","extendLease":"false",
                "taskId":"t","outputData":{"a":1e5},"logs":null,"workerId":null}"#,
        );
        assert!(TaskResult::usual(&body).is_none());
        let result = TaskResult::read(&body).expect("readable");
        assert_eq!(result.workflow_instance_id.as_deref(), Some("w"));
        assert_eq!(result.task_id.as_deref(), Some("t"));
        assert_eq!(result.callback_after_seconds, 12);
        assert_eq!(result.output.text(), r#"{"a":100000.0}"#);
        assert_eq!(result.status, Some(ResultStatus::Failed));
    }

    #[test]
    fn both_readings_treat_nulls_alike() {
        let body = body(r#"{"taskId":null,"status":null,"outputData":null,"extendLease":false}"#);
        let fast = TaskResult::usual(&body).expect("fits");
        let slow = TaskResult::from(body.parse::<Unusual>().expect("readable"));
        for result in [fast, slow] {
            assert_eq!(result.output.text(), "{}");
            assert!(result.task_id.is_none() && result.status.is_none());
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in [
            r#"{"status":"SCHEDULED"}"#,
            r#"{"status":"completed"}"#,
            r#"{"outputData":[]}"#,
            r#"{"outputData":"x"}"#,
            r#"{"callbackAfterSeconds":"x"}"#,
            r#"{"logs":"x"}"#,
            r#"{"extendLease":"maybe"}"#,
            "[]",
            "{",
        ] {
            let body = body(text);
            let refused = TaskResult::read(&body).expect_err(text);
            assert_eq!(refused.status(), 400, "{text}");
        }
    }
}
