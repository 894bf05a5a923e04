//! `openapi/examples.json`: one call of each operation that succeeds, and what it answered.
//!
//! `given` names what must be there before (see `world`); `$run`, `$task` and `$unique` stand for its ids.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, Operation, variable};

pub(crate) const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/examples.json");

#[derive(Deserialize, Serialize, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Example {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) given: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) path: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) query: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    /// The status of an operation that cannot succeed on a server as it comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Value>,
}

pub(crate) struct Examples(pub(crate) BTreeMap<String, Example>);

impl Examples {
    pub(crate) fn read() -> anyhow::Result<Examples> {
        Ok(Examples(serde_json::from_str(&std::fs::read_to_string(FILE)?)?))
    }

    pub(crate) fn of(&self, id: &str) -> Option<&Example> {
        self.0.get(id)
    }

    /// Examples of operations that the document does not have.
    pub(crate) fn strangers(&self, document: &Document) -> Vec<String> {
        let ids: Vec<_> = document.operations().iter().map(|o| o.id).collect();
        let strange = self.0.keys().filter(|id| !ids.contains(&id.as_str()));
        strange.map(|id| format!("openapi/examples.json has {id}, the document does not")).collect()
    }
}

/// Ids of what was made for a call: token without `$` → value.
pub(crate) type Ids = BTreeMap<&'static str, String>;

/// A request as it goes on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Values of the path's variables in order, not yet encoded.
    pub(crate) path: Vec<Piece>,
    /// Names and values, not yet encoded.
    pub(crate) query: Vec<(String, Raw)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<&'static str>,
}

/// A part of a path between slashes.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Literal(String),
    Variable(Raw),
}

/// A text that goes out percent-encoded, or as it is.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Plain(String),
    AsIs(String),
}

impl Raw {
    fn wire(&self) -> String {
        match self {
            Raw::AsIs(text) => text.clone(),
            Raw::Plain(text) => text.bytes().map(encoded).collect(),
        }
    }
}

fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

impl Request {
    /// The call of an example.
    pub(crate) fn of(operation: &Operation<'_>, example: &Example, ids: &Ids) -> anyhow::Result<Request> {
        let mut path = Vec::new();
        for segment in operation.path.split('/').skip(1) {
            path.push(match variable(segment) {
                None => Piece::Literal(segment.to_owned()),
                Some(name) => {
                    let value = example.path.get(name);
                    let value =
                        value.ok_or_else(|| anyhow::anyhow!("{}: no example of {name}", operation.id))?;
                    Piece::Variable(Raw::Plain(text(&filled(value, ids))))
                }
            });
        }
        let query = example.query.iter();
        let query =
            query.map(|(name, value)| (name.clone(), Raw::Plain(text(&filled(value, ids))))).collect();
        let body = example.body.as_ref().map(|body| {
            // a body that is not JSON is sent as it stands
            let body = filled(body, ids);
            let plain = !operation.body["requestBody"]["content"]["text/plain"].is_null();
            if plain { text(&body).into_bytes() } else { body.to_string().into_bytes() }
        });
        let content_type = body.is_some().then_some("application/json");
        Ok(Request { method: operation.method.clone(), path, query, body, content_type })
    }

    pub(crate) fn target(&self) -> String {
        let mut target = String::new();
        for piece in &self.path {
            target.push('/');
            match piece {
                Piece::Literal(text) => target.push_str(text),
                Piece::Variable(value) => target.push_str(&value.wire()),
            }
        }
        for (at, (name, value)) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(&format!("{name}={}", value.wire()));
        }
        target
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The value with its tokens replaced.
pub(crate) fn filled(value: &Value, ids: &Ids) -> Value {
    match value {
        Value::String(text) => Value::String(
            ids.iter().fold(text.clone(), |text, (token, id)| text.replace(&format!("${token}"), id)),
        ),
        Value::Array(items) => items.iter().map(|item| filled(item, ids)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled(value, ids))).collect()
        }
        other => other.clone(),
    }
}
