//! The small objects inside of definitions that are kept but not acted on (contract §5.4), and the
//! coercions that lists and enums need.

use podium_core::def::lenient;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A schema of an input or output.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SchemaDef {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    owner_app: Option<String>,
    #[serde(deserialize_with = "lenient::i64")]
    create_time: i64,
    #[serde(deserialize_with = "lenient::i64")]
    update_time: i64,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    updated_by: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::i32")]
    version: i32,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<SchemaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Map<String, Value>>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    external_ref: Option<String>,
}

impl Default for SchemaDef {
    fn default() -> Self {
        SchemaDef {
            owner_app: None,
            create_time: 0,
            update_time: 0,
            created_by: None,
            updated_by: None,
            name: None,
            version: 1,
            kind: None,
            data: None,
            external_ref: None,
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SchemaType {
    Json,
    Avro,
    Protobuf,
}

/// A limit on concurrent runs.
#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RateLimitConfig {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    rate_limit_key: Option<String>,
    #[serde(deserialize_with = "lenient::i32")]
    concurrent_exec_limit: i32,
    policy: RateLimitPolicy,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RateLimitPolicy {
    #[default]
    Queue,
    Reject,
}

/// How long an output may be used again.
#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CacheConfig {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(deserialize_with = "lenient::i32")]
    ttl_in_second: i32,
}

/// Reads a member as a `T` and writes it back with its defaults; an explicit null is dropped.
pub(super) fn part<T: DeserializeOwned + Serialize>(
    owner: &mut Map<String, Value>,
    member: &str,
) -> Result<(), String> {
    match owner.get_mut(member) {
        None => Ok(()),
        Some(Value::Null) => {
            owner.shift_remove(member);
            Ok(())
        }
        Some(value @ Value::Object(_)) => {
            let part: T = serde_json::from_value(value.take()).map_err(|e| format!("{member}: {e}"))?;
            *value = serde_json::to_value(part).map_err(|e| format!("{member}: {e}"))?;
            Ok(())
        }
        Some(other) => Err(format!("{member} is an object, not {other}")),
    }
}

/// A member that is one of `words`, or its position among them.
pub(super) fn one_of(owner: &mut Map<String, Value>, member: &str, words: &[&str]) -> Result<(), String> {
    let Some(value) = owner.get_mut(member) else { return Ok(()) };
    let found = match &*value {
        Value::Null => return Ok(()),
        Value::String(word) => words.iter().find(|known| *known == word),
        Value::Number(n) => n.as_u64().and_then(|n| words.get(usize::try_from(n).ok()?)),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match found {
        Some(word) => {
            *value = Value::String((*word).to_owned());
            Ok(())
        }
        None => Err(format!("{member} is one of {}, not {value}", words.join(", "))),
    }
}

/// A member that is a list of texts: scalars are taken in their JSON form, nulls are left out.
pub(super) fn texts(owner: &mut Map<String, Value>, member: &str) -> Result<(), String> {
    let items = match owner.get_mut(member) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(format!("{member} is a list of texts, not {other}")),
    };
    items.retain(|item| !item.is_null());
    for item in items {
        match item {
            Value::String(_) => {}
            Value::Number(_) | Value::Bool(_) => *item = Value::String(item.to_string()),
            other => return Err(format!("{member} is a list of texts; it contains {other}")),
        }
    }
    Ok(())
}
