//! KAFKA_PUBLISH: one record to a topic (spec: semantics §4.17; scenarios 171, 172).
//!
//! Input: `kafka_request` with `bootStrapServers`, `topic`, `value`, `key`, `keySerializer`, `headers`,
//! `requestTimeoutMs`, `maxBlockMs`. The value always goes out as JSON, the key in its text form or, with the Long and
//! Integer serializers, as a number. The record goes to the outbox in the same commit; the broker's acknowledgement
//! completes the task (or leaves it open with `asyncComplete`), its refusal fails it. A request that cannot be read fails
//! the task with a reason.

use serde_json::{Map, Value};

use super::{TaskKind, json_text};
use crate::decide::Turn;
use crate::effect::Outgoing;
use crate::expr::java;
use crate::id::TaskNo;

pub(super) struct KafkaPublish;

const STRING_SERIALIZER: &str = "org.apache.kafka.common.serialization.StringSerializer";
const LONG_SERIALIZER: &str = "org.apache.kafka.common.serialization.LongSerializer";
const INTEGER_SERIALIZER: &str = "org.apache.kafka.common.serialization.IntegerSerializer";
/// Serializers of the client library that exist but take no text.
const OTHER_SERIALIZERS: [&str; 8] =
    ["ByteArray", "ByteBuffer", "Bytes", "Double", "Float", "Short", "UUID", "Void"];

impl TaskKind for KafkaPublish {
    fn name(&self) -> &'static str {
        "KAFKA_PUBLISH"
    }

    fn uses_template(&self) -> bool {
        true
    }

    fn is_inline(&self) -> bool {
        false
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no).cloned() else { return };
        turn.begin(no);
        turn.polled_by_engine(no);
        match request(row.input.get("kafka_request"), no) {
            Ok(mut message) => {
                message.headers.push(turn.event_id(no));
                turn.emit(message);
            }
            Err(reason) => turn.fail(no, reason),
        }
    }
}

fn request(request: Option<&Value>, task: TaskNo) -> Result<Outgoing, String> {
    let request = match request {
        None | Some(Value::Null) => {
            return Err("Missing Kafka request. Task input MUST have a 'kafka_request' key with KafkaTask.Input as value. \
                        See documentation for KafkaTask for required input parameters"
                .to_owned());
        }
        Some(Value::Object(members)) => members,
        Some(other) => return Err(unreadable("kafka_request", "a map", other)),
    };
    let servers = text(request, "bootStrapServers")?;
    let topic = text(request, "topic")?;
    // not given: the relay knows whether the broker exists, and waits accordingly
    let max_block_ms = number(request, "maxBlockMs")?;
    number(request, "requestTimeoutMs")?;
    let headers = match request.get("headers") {
        None => Some(Vec::new()),
        Some(Value::Null) => None,
        Some(Value::Object(members)) => Some(
            members.iter().map(|(name, value)| (name.clone(), java::to_text(value).into_bytes())).collect(),
        ),
        Some(other) => return Err(unreadable("headers", "a map", other)),
    };
    let serializer = match request.get("keySerializer") {
        None => Some(STRING_SERIALIZER.to_owned()),
        Some(Value::Null) => None,
        Some(_) => text(request, "keySerializer")?,
    };
    let Some(servers) = servers.filter(|s| !s.trim().is_empty()) else {
        return Err("No boot strap servers specified".to_owned());
    };
    let Some(topic) = topic.filter(|t| !t.trim().is_empty()) else {
        return Err(
            "Missing Kafka topic. See documentation for KafkaTask for required input parameters".to_owned()
        );
    };
    let value = match request.get("value") {
        None | Some(Value::Null) => {
            return Err(
                "Missing Kafka value.  See documentation for KafkaTask for required input parameters"
                    .to_owned(),
            );
        }
        Some(value) => json_text::of(value).into_bytes(),
    };
    let not_sent = |why: String| format!("Failed to invoke kafka task due to: {why}");
    let serializer = serializer.ok_or_else(|| not_sent("null".to_owned()))?;
    let key = key(request.get("key"), &serializer).map_err(not_sent)?;
    let headers = headers.ok_or_else(|| not_sent("headers is null".to_owned()))?;
    Ok(Outgoing { task, cluster: Some(servers), topic, key: Some(key), value, headers, max_block_ms })
}

fn key(key: Option<&Value>, serializer: &str) -> Result<Vec<u8>, String> {
    let text = key.map_or_else(|| "null".to_owned(), java::to_text);
    let no_number = || format!("For input string: \"{text}\"");
    match serializer {
        STRING_SERIALIZER => Ok(text.into_bytes()),
        LONG_SERIALIZER => parse_java::<i64>(&text).map(|n| n.to_be_bytes().to_vec()).ok_or_else(no_number),
        INTEGER_SERIALIZER => {
            parse_java::<i32>(&text).map(|n| n.to_be_bytes().to_vec()).ok_or_else(no_number)
        }
        known if is_known(known) => Err(format!(
            "Can't convert key of class java.lang.String to class {known} specified in key.serializer"
        )),
        other => Err(format!(
            "org.apache.kafka.common.config.ConfigException: Invalid value {other} for configuration key.serializer: \
             Class {other} could not be found."
        )),
    }
}

fn is_known(serializer: &str) -> bool {
    serializer
        .strip_prefix("org.apache.kafka.common.serialization.")
        .and_then(|name| name.strip_suffix("Serializer"))
        .is_some_and(|name| OTHER_SERIALIZERS.contains(&name))
}

/// `Long.parseLong`: a sign and digits, nothing else.
fn parse_java<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn text(request: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s.clone())),
        Some(Value::Number(n)) => Ok(Some(n.to_string())),
        Some(Value::Bool(b)) => Ok(Some(b.to_string())),
        Some(other) => Err(unreadable(name, "a text", other)),
    }
}

fn number(request: &Map<String, Value>, name: &str) -> Result<Option<i64>, String> {
    let wrong = |v: &Value| unreadable(name, "a whole number", v);
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(v @ Value::Number(n)) => {
            n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)).map(Some).ok_or_else(|| wrong(v))
        }
        Some(v @ Value::String(s)) => match s.trim() {
            "" => Ok(None),
            s => s.parse().map(Some).map_err(|_| wrong(v)),
        },
        Some(other) => Err(wrong(other)),
    }
}

fn unreadable(member: &str, wanted: &str, got: &Value) -> String {
    let mut got = got.to_string();
    if got.len() > 200 {
        let end = (0..=200).rev().find(|i| got.is_char_boundary(*i)).unwrap_or(0);
        got.truncate(end);
        got.push('…');
    }
    format!("Failed to invoke kafka task due to: {member} must be {wanted}, not {got}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(more: Value) -> Result<Outgoing, String> {
        let mut members = json!({"bootStrapServers": "kafka:9092", "topic": "t", "value": "v"});
        for (name, value) in more.as_object().expect("a map") {
            members[name] = value.clone();
        }
        request(Some(&members), 1)
    }

    #[test]
    fn what_is_missing_is_named_in_order() {
        let why = |v: Value| request(Some(&v), 1).expect_err("a reason");
        assert!(
            request(None, 1)
                .expect_err("a reason")
                .starts_with("Missing Kafka request. Task input MUST have")
        );
        assert_eq!(why(json!({})), "No boot strap servers specified");
        assert_eq!(
            why(json!({"bootStrapServers": "b", "topic": "  ", "value": 1})),
            "Missing Kafka topic. See documentation for KafkaTask for required input parameters"
        );
        assert_eq!(
            why(json!({"bootStrapServers": "b", "topic": "t", "value": null})),
            "Missing Kafka value.  See documentation for KafkaTask for required input parameters"
        );
    }

    #[test]
    fn keys_take_the_form_of_their_serializer() {
        let key = |key: Value, kind: &str| {
            let name = format!("org.apache.kafka.common.serialization.{kind}Serializer");
            sent(json!({"key": key, "keySerializer": name})).map(|m| m.key.expect("a key"))
        };
        assert_eq!(sent(json!({})).expect("a message").key.as_deref(), Some(&b"null"[..]));
        assert_eq!(key(json!([1, "a", null]), "String").expect("text"), b"[1, a, null]");
        assert_eq!(key(json!("+5"), "Long").expect("number"), 5_i64.to_be_bytes());
        assert_eq!(key(json!(7), "Integer").expect("number"), 7_i32.to_be_bytes());
        for (value, kind) in [
            (json!("7.5"), "Long"),
            (json!(" 5"), "Long"),
            (json!("2147483648"), "Integer"),
            (Value::Null, "Long"),
        ] {
            let text = java::to_text(&value);
            let why = key(value, kind).expect_err("no number");
            assert_eq!(why, format!("Failed to invoke kafka task due to: For input string: \"{text}\""));
        }
        assert!(
            key(json!("x"), "ByteArray")
                .expect_err("no text")
                .contains("Can't convert key of class java.lang.String")
        );
        let unknown = sent(json!({"keySerializer": "no.such.Serializer"})).expect_err("unknown");
        assert!(unknown.contains("Invalid value no.such.Serializer for configuration key.serializer"));
    }

    #[test]
    fn a_request_that_cannot_be_read_fails_with_a_reason() {
        assert!(request(Some(&json!("text")), 1).is_err());
        for bad in [
            json!({"headers": [1]}),
            json!({"maxBlockMs": "soon"}),
            json!({"bootStrapServers": ["b"]}),
            json!({"headers": null}),
        ] {
            assert!(sent(bad).is_err());
        }
        let ok = sent(json!({"maxBlockMs": "10000", "topic": 12345, "unknown": 1})).expect("coerced");
        assert_eq!(
            (ok.topic.as_str(), ok.max_block_ms, ok.value.as_slice()),
            ("12345", Some(10_000), &b"\"v\""[..])
        );
    }
}
