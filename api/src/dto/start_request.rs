//! `StartWorkflowRequest` (contract §5.17).

use indexmap::IndexMap;
use podium_core::def::lenient;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A request to start a workflow, with everything but its name optional.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StartWorkflowRequest {
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32")]
    pub(crate) version: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) correlation_id: Option<String>,
    /// `None` = explicitly null, which only an external payload may excuse.
    pub(crate) input: Option<Map<String, Value>>,
    #[serde(deserialize_with = "domains")]
    pub(crate) task_to_domain: IndexMap<String, String>,
    pub(crate) workflow_def: Option<Value>,
    #[serde(deserialize_with = "lenient::opt_text")]
    pub(crate) external_input_payload_storage_path: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32")]
    pub(crate) priority: Option<i32>,
    /// Read only to refuse words that do not exist; starts do not act on it.
    #[serde(rename = "idempotencyStrategy")]
    _idempotency_strategy: Option<IdempotencyStrategy>,
}

impl Default for StartWorkflowRequest {
    fn default() -> Self {
        StartWorkflowRequest {
            name: None,
            version: None,
            correlation_id: None,
            input: Some(Map::new()),
            task_to_domain: IndexMap::new(),
            workflow_def: None,
            external_input_payload_storage_path: None,
            priority: Some(0),
            _idempotency_strategy: None,
        }
    }
}

/// What to do when a key was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum IdempotencyStrategy {
    Fail,
    ReturnExisting,
    FailOnRunning,
}

/// Texts by name; a null value is as good as no entry.
fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IndexMap<String, String>, D::Error> {
    let given = Option::<IndexMap<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    let mut domains = IndexMap::with_capacity(given.len());
    for (task, domain) in given {
        match domain {
            Value::Null => {}
            Value::String(text) => {
                domains.insert(task, text);
            }
            Value::Number(_) | Value::Bool(_) => {
                domains.insert(task, domain.to_string());
            }
            other => return Err(serde::de::Error::custom(format!("a domain is a text, not {other}"))),
        }
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<StartWorkflowRequest, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn absent_and_null_are_different_for_the_input() {
        assert_eq!(read("{}").expect("readable").input, Some(Map::new()));
        assert_eq!(read(r#"{"input":null}"#).expect("readable").input, None);
    }

    #[test]
    fn wrong_types_are_refused() {
        for text in [
            r#"{"version":"latest"}"#,
            r#"{"input":[]}"#,
            r#"{"input":"x"}"#,
            r#"{"priority":"high"}"#,
            r#"{"taskToDomain":[]}"#,
            r#"{"taskToDomain":{"a":{}}}"#,
            r#"{"idempotencyStrategy":"SOMETIMES"}"#,
            r#"{"correlationId":{}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let read = read(r#"{"priority":null,"taskToDomain":{"a":null,"b":"","c":1},"unknown":1}"#)
            .expect("readable");
        assert_eq!(read.priority, None);
        let expected = [("b".to_owned(), String::new()), ("c".to_owned(), "1".to_owned())];
        assert_eq!(read.task_to_domain, expected.into_iter().collect::<IndexMap<_, _>>());
    }
}
