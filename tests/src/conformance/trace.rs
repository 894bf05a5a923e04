//! One recorded entry, as golden files keep it and as a run makes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The parts of an entry that are compared, in the order of the report.
pub(super) const PARTS: [&str; 6] = ["status", "type", "headers", "empty", "text", "json"];

/// What one step's call answered, normalised.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Index in the scenario's steps, or `3.0` inside a concurrent step.
    #[serde(default)]
    pub step: String,
    #[serde(default)]
    pub call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "even_null")]
    pub json: Option<Value>,
    /// Whether the whole body, of which `json` may show a part only, is an error with the answered status and
    /// a message.
    #[serde(skip)]
    pub(super) is_proper_error: bool,
}

/// A body may be the JSON text `null`, which is a value here and not an absence.
fn even_null<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

impl Entry {
    pub(super) fn part(&self, name: &str) -> Option<Value> {
        match name {
            "status" => self.status.clone(),
            "type" => self.content_type.clone(),
            "headers" => self.headers.clone(),
            "empty" => self.empty.then(|| json!(true)),
            "text" => self.text.clone(),
            _ => self.json.clone(),
        }
    }

    /// All parts as one value: the key by which unordered concurrent entries are sorted.
    pub(super) fn sort_value(&self) -> Value {
        let mut members = serde_json::Map::new();
        members.insert("call".to_owned(), json!(self.call));
        for part in PARTS {
            if let Some(value) = self.part(part) {
                members.insert(part.to_owned(), value);
            }
        }
        Value::Object(members)
    }
}

/// One golden file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Golden {
    pub id: String,
    pub title: String,
    pub spec: String,
    pub server: String,
    /// Only under `better/`: step of the scenario -> members that it must have instead, where the better
    /// outcome needs another call (fewer records to read, for instance).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replace: BTreeMap<usize, Map<String, Value>>,
    pub steps: Vec<Entry>,
}

impl Golden {
    /// The scenario's steps with the members that this trace replaces.
    pub fn adapt(&self, steps: &[Value]) -> Vec<Value> {
        let mut steps = steps.to_vec();
        for (at, members) in &self.replace {
            if let Some(Value::Object(step)) = steps.get_mut(*at) {
                step.extend(members.clone());
            }
        }
        steps
    }
}
