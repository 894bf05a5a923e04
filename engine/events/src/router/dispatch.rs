//! What a record of the events topic says (spec: pipeline §2, §3.2, §5 rules 1 to 3 and 6). Pure.

use podium_core::{CompletionEvent, RunId};
use serde_json::{Map, Value};

/// Why a record has no effect, though nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Neither its type nor its result says that something was completed.
    NoCompletion,
    NoWorkflow,
    NoType,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    Completion {
        run: RunId,
        event: CompletionEvent,
    },
    /// A completion for a workflow whose id cannot be one of ours.
    ForeignRun,
    Skipped(Skipped),
    /// No event at all: the reason for the dead-letter topic.
    Poison(String),
}

/// Reads a record's value. `source` names the record: `cluster/topic/partition/offset`.
pub fn read(value: Option<&[u8]>, source: impl FnOnce() -> String) -> Reading {
    let mut event = match object(value) {
        Ok(event) => event,
        Err(why) => return Reading::Poison(why),
    };
    let data = match data(&mut event) {
        Ok(data) => data,
        Err(why) => return Reading::Poison(why),
    };
    if !is_completion(&event, &data) {
        return Reading::Skipped(Skipped::NoCompletion);
    }
    let Some(workflow) = text(&event, "workflowInstanceId").or_else(|| text(&event, "workflowId")) else {
        return Reading::Skipped(Skipped::NoWorkflow);
    };
    let Some(event_type) = event_type(&event) else {
        return Reading::Skipped(Skipped::NoType);
    };
    let Ok(run) = workflow.parse() else { return Reading::ForeignRun };
    let succeeded = succeeded(&data);
    let event = CompletionEvent {
        source: source(),
        task_id: text(&event, "taskId").map(str::to_owned),
        event_type: Some(event_type),
        succeeded,
        reason: if succeeded { None } else { reason(&data) },
        data: Value::Object(data).to_string(),
    };
    Reading::Completion { run, event }
}

/// The value as a JSON object; a JSON text that holds JSON is unwrapped once.
fn object(value: Option<&[u8]>) -> Result<Map<String, Value>, String> {
    let value = value.ok_or("the record has no value")?;
    let parsed = serde_json::from_slice(value).map_err(|e| format!("the value is no JSON: {e}"))?;
    let unwrapped = match parsed {
        Value::String(inner) => {
            serde_json::from_str(&inner).map_err(|e| format!("the value is a text that is no JSON: {e}"))?
        }
        other => other,
    };
    match unwrapped {
        Value::Object(members) => Ok(members),
        other => Err(format!("the value is {}, not an object", kind(&other))),
    }
}

/// Takes the data out of the event.
fn data(event: &mut Map<String, Value>) -> Result<Map<String, Value>, String> {
    match event.get_mut("data").map(Value::take) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) | Err(_) => Err("data is a text that holds no object".to_owned()),
        },
        Some(other) => Err(format!("data is {}, not an object", kind(&other))),
    }
}

/// Rule 1.
fn is_completion(event: &Map<String, Value>, data: &Map<String, Value>) -> bool {
    let completed = |name| text(event, name).is_some_and(|t| t.contains("_completed"));
    completed("event")
        || completed("eventType")
        || matches!(text(data, "result"), Some("success" | "failure"))
}

/// Rule 3.
fn event_type(event: &Map<String, Value>) -> Option<String> {
    let parts = text(event, "event").map(|e| e.split(':').collect::<Vec<_>>()).unwrap_or_default();
    let found = if parts.len() >= 3 {
        parts.last().map(|last| (*last).to_owned())
    } else {
        let kind = text(event, "eventType")?;
        Some(if kind.contains("_completed") {
            kind.to_owned()
        } else {
            kind.replace("_request", "_completed")
        })
    };
    found.filter(|kind| !kind.is_empty())
}

/// Rule 6: `result` decides; without it a `status` that names a failure does.
fn succeeded(data: &Map<String, Value>) -> bool {
    match data.get("result") {
        Some(Value::String(result)) => result == "success",
        None | Some(Value::Null) => {
            let status = text(data, "status").map(str::to_ascii_lowercase);
            !matches!(status.as_deref(), Some("failed" | "failure" | "error"))
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
    }
}

/// The error text of a failure, whatever its service calls it.
fn reason(data: &Map<String, Value>) -> Option<String> {
    ["error", "error_message", "errorMessage"].into_iter().find_map(|name| match data.get(name)? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    })
}

/// A member that is a text with something in it.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podium_core::Timestamp;
    use serde_json::json;

    fn run() -> RunId {
        RunId::new(Timestamp::from_millis(1_700_000_000_000), 42, 0)
    }

    fn read_json(value: &Value) -> Reading {
        read(Some(value.to_string().as_bytes()), || "c/t/0/1".to_owned())
    }

    fn event(value: &Value) -> CompletionEvent {
        match read_json(value) {
            Reading::Completion { event, .. } => event,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_documented_completion_is_read() {
        let value = json!({"workflowId": run().to_string(), "taskId": "phone_validation_task",
            "eventType": "phone_validation_completed",
            "data": {"status": "success", "result": "success", "processedRecords": 31}});
        let Reading::Completion { run: of, event } = read_json(&value) else { panic!("a completion") };
        assert_eq!(of, run());
        assert_eq!(event.task_id.as_deref(), Some("phone_validation_task"));
        assert_eq!(event.event_type.as_deref(), Some("phone_validation_completed"));
        assert!(event.succeeded && event.reason.is_none());
        assert_eq!(event.data, r#"{"status":"success","result":"success","processedRecords":31}"#);
        assert_eq!(event.source, "c/t/0/1");
    }

    #[test]
    fn json_inside_a_json_text_is_unwrapped_once() {
        let inner =
            json!({"workflowId": run().to_string(), "eventType": "x_completed", "data": "{\"a\": 1.50}"});
        assert_eq!(event(&json!(inner.to_string())).data, r#"{"a":1.50}"#);
        assert!(matches!(read_json(&json!(json!(inner.to_string()).to_string())), Reading::Poison(_)));
    }

    #[test]
    fn types_come_from_event_first() {
        let with = |more: Value| {
            let mut value = json!({"workflowInstanceId": run().to_string(), "workflowId": "other", "data": {"result": "success"}});
            value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            value
        };
        assert_eq!(event(&with(json!({"event": "conductor:wf:a_b"}))).event_type.as_deref(), Some("a_b"));
        assert_eq!(
            event(&with(json!({"event": "x", "eventType": "a_request"}))).event_type.as_deref(),
            Some("a_completed")
        );
        assert_eq!(
            event(&with(json!({"eventType": "a_completed_request"}))).event_type.as_deref(),
            Some("a_completed_request")
        );
        assert_eq!(read_json(&with(json!({}))), Reading::Skipped(Skipped::NoType));
        assert_eq!(read_json(&with(json!({"event": "a:b:"}))), Reading::Skipped(Skipped::NoType));
    }

    #[test]
    fn success_and_reasons() {
        let of = |data: Value| {
            event(&json!({"workflowId": run().to_string(), "eventType": "x_completed", "data": data}))
        };
        assert!(of(json!({})).succeeded && of(json!({"result": null, "status": "done"})).succeeded);
        for data in [
            json!({"result": "failure", "status": "success"}),
            json!({"status": "FAILED"}),
            json!({"result": true}),
            json!({"status": "error"}),
            json!({"result": "other"}),
        ] {
            assert!(!of(data.clone()).succeeded, "{data}");
        }
        let failed = |more: &str, with: Value| of(json!({"result": "failure", more: with})).reason;
        assert_eq!(failed("error", json!("no file")).as_deref(), Some("no file"));
        assert_eq!(failed("error_message", json!("m")).as_deref(), Some("m"));
        assert_eq!(failed("errorMessage", json!({"a": 1})).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(failed("error", json!("")), None);
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let poison = |bytes: Option<&[u8]>| matches!(read(bytes, String::new), Reading::Poison(_));
        assert!(
            poison(None)
                && poison(Some(b""))
                && poison(Some(b"not json"))
                && poison(Some(b"[1]"))
                && poison(Some(b"\xff\xfe"))
        );
        assert!(
            poison(Some("[".repeat(100_000).as_bytes())),
            "deep nesting ends the parser, not the process"
        );
        assert!(poison(Some(br#"{"data": [1]}"#)));
        let skipped = |value: Value| match read_json(&value) {
            Reading::Skipped(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(skipped(json!({})), Skipped::NoCompletion);
        assert_eq!(skipped(json!({"eventType": 5, "data": {"result": "maybe"}})), Skipped::NoCompletion);
        assert_eq!(skipped(json!({"eventType": "x_completed"})), Skipped::NoWorkflow);
        assert_eq!(read_json(&json!({"eventType": "x_completed", "workflowId": "w"})), Reading::ForeignRun);
        let task = run().task(3).to_string();
        assert_eq!(read_json(&json!({"eventType": "x_completed", "workflowId": task})), Reading::ForeignRun);
    }
}
