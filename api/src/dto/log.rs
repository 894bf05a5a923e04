//! Lines of a task's log (contract §5.10).

use podium_core::def::lenient;
use podium_core::{LogLine, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// One line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskExecLog {
    pub log: String,
    pub task_id: String,
    /// Milliseconds since 1970; 0 if a worker gave none.
    pub created_time: i64,
}

impl TaskExecLog {
    pub(crate) fn new(task_id: &str, line: LogLine) -> Self {
        TaskExecLog { log: line.text, task_id: task_id.to_owned(), created_time: line.at.as_millis() }
    }
}

/// A line inside of a report: an object, or only the text (then it was written now).
#[derive(Debug, Default)]
pub(crate) struct ReportedLine {
    pub(crate) text: String,
    /// `None` = now.
    pub(crate) created_ms: Option<i64>,
}

impl ReportedLine {
    pub(crate) fn at(self, now: Timestamp) -> LogLine {
        LogLine { text: self.text, at: self.created_ms.map_or(now, Timestamp::from_millis) }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LineObject {
    #[serde(deserialize_with = "lenient::opt_text")]
    log: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    created_time: i64,
}

impl<'de> Deserialize<'de> for ReportedLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match value {
            serde_json::Value::String(text) => Ok(ReportedLine { text, created_ms: None }),
            serde_json::Value::Object(_) => {
                let line: LineObject = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
                Ok(ReportedLine { text: line.log.unwrap_or_default(), created_ms: Some(line.created_time) })
            }
            other => Err(serde::de::Error::custom(format!("a log line is an object or a text, not {other}"))),
        }
    }
}
