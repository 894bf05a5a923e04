//! A request as it comes from a topic.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A request that is for us.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which message it was: the same when it comes again, and another for every message that is sent. The header
    /// `podium-event-id`, else topic, partition and offset.
    pub event_id: String,
    /// When the broker was given it, if the brokers keep that.
    pub sent_at: Option<DateTime<Utc>>,
    /// The run that waits for the answer.
    pub workflow_id: String,
    /// The request's label, given back with the answer. Never the engine's task id.
    pub task_id: Option<String>,
    pub data: Map<String, Value>,
    /// What stands beside `data`, for messages that keep fields of their own there.
    pub beside: Map<String, Value>,
}

/// Which records are requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepts {
    pub(crate) request_type: &'static str,
    /// Also records without an `eventType`.
    pub(crate) untyped: bool,
}

/// What a record turned out to be.
#[derive(Debug)]
pub(crate) enum Parsed {
    Request(Request),
    /// Another service's, by its `eventType`.
    Other,
    /// Nobody's: it is kept in the dead-letter topic with this reason.
    Unreadable(String),
}

impl Request {
    /// Reads a record's value: a JSON object, or a JSON string that holds one (unwrapped once).
    pub(crate) fn parse(value: &[u8], accepts: Accepts) -> Parsed {
        let mut object = match serde_json::from_slice(value) {
            Ok(Value::Object(object)) => object,
            Ok(Value::String(text)) => match serde_json::from_str(&text) {
                Ok(Value::Object(object)) => object,
                Ok(_) | Err(_) => {
                    return Parsed::Unreadable("the value is a text that holds no JSON object".into());
                }
            },
            Ok(_) => return Parsed::Unreadable("the value is no JSON object".into()),
            Err(e) => return Parsed::Unreadable(format!("the value is no JSON: {e}")),
        };
        match object.get("eventType").and_then(Value::as_str) {
            Some(kind) if kind == accepts.request_type => {}
            None if accepts.untyped => {}
            Some(_) | None => return Parsed::Other,
        }
        let text = |name: &str| {
            object.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let Some(workflow_id) = text("workflowId").or_else(|| text("workflowInstanceId")) else {
            return Parsed::Unreadable("workflowId is missing: nobody could be answered".into());
        };
        let task_id = text("taskId");
        let data = match object.remove("data") {
            Some(Value::Object(data)) => data,
            Some(_) | None => Map::new(),
        };
        Parsed::Request(Request { workflow_id, task_id, data, beside: object, ..Request::default() })
    }

    /// A text of `data`; empty counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.data.get(name).and_then(Value::as_str).filter(|t| !t.is_empty())
    }
}

/// The file fields of a request's `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRequest {
    pub input_bucket: String,
    pub input_key: String,
    pub output_bucket: String,
    pub output_key: String,
}

impl FileRequest {
    /// Reads the four fields. An `output_key` that holds `null` (a template that resolved to nothing) becomes
    /// `<stem>_<workflow id>.csv`.
    ///
    /// # Errors
    /// Names every field that is missing.
    pub fn read(request: &Request, stem: &str) -> Result<Self, String> {
        let names = ["input_bucket", "input_key", "output_bucket", "output_key"];
        let missing: Vec<&str> = names.into_iter().filter(|n| request.text(n).is_none()).collect();
        if !missing.is_empty() {
            return Err(format!("data lacks {}", missing.join(", ")));
        }
        let text = |name: &str| request.text(name).unwrap_or_default().to_owned();
        let mut output_key = text("output_key");
        if output_key.contains("null") {
            output_key = format!("{stem}_{}.csv", request.workflow_id);
        }
        for (name, key) in [("input_key", text("input_key")), ("output_key", output_key.clone())] {
            // a legal name in S3, and a way out of its folder for whoever copies objects to files
            if key.split('/').any(|part| matches!(part, "." | "..")) || key.chars().any(char::is_control) {
                return Err(format!(
                    "{name} is {key:?}: a key without \"..\" and control characters is expected"
                ));
            }
        }
        let file = Self {
            input_bucket: text("input_bucket"),
            input_key: text("input_key"),
            output_bucket: text("output_bucket"),
            output_key,
        };
        if (&file.input_bucket, &file.input_key) == (&file.output_bucket, &file.output_key) {
            return Err(
                "input and output are the same object: a repeated request would read its own result".into()
            );
        }
        Ok(file)
    }

    /// Whether a request names any file at all.
    pub fn is_named_by(request: &Request) -> bool {
        ["input_bucket", "input_key", "output_bucket", "output_key"]
            .iter()
            .any(|n| request.data.contains_key(*n))
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepts, FileRequest, Parsed, Request};

    const TYPED: Accepts = Accepts { request_type: "x_request", untyped: false };

    fn request(text: &str) -> Request {
        match Request::parse(text.as_bytes(), TYPED) {
            Parsed::Request(r) => r,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn reads_objects_and_wrapped_objects() {
        let plain = r#"{"workflowId":"w","taskId":"t","eventType":"x_request","data":{"email":"a"}}"#;
        let wrapped = serde_json::to_string(plain).expect("a string");
        for text in [plain, wrapped.as_str()] {
            let r = request(text);
            assert_eq!(
                (r.workflow_id.as_str(), r.task_id.as_deref(), r.text("email")),
                ("w", Some("t"), Some("a"))
            );
        }
        assert_eq!(request(r#"{"workflowInstanceId":"i","eventType":"x_request"}"#).workflow_id, "i");
    }

    #[test]
    fn skips_others_and_keeps_what_nobody_can_read() {
        for other in [r#"{"workflowId":"w","eventType":"y_request"}"#, r#"{"workflowId":"w"}"#] {
            assert!(matches!(Request::parse(other.as_bytes(), TYPED), Parsed::Other));
        }
        let either = Accepts { untyped: true, ..TYPED };
        let untyped = br#"{"workflowId":"w","metadata_key":"k"}"#;
        let Parsed::Request(r) = Request::parse(untyped, either) else { panic!("it is for us") };
        assert_eq!(r.beside["metadata_key"], "k");
        for bad in ["", "{", "[]", "\"{\"", r#"{"eventType":"x_request"}"#] {
            assert!(matches!(Request::parse(bad.as_bytes(), TYPED), Parsed::Unreadable(_)), "{bad}");
        }
    }

    #[test]
    fn names_missing_fields_and_repairs_null_keys() {
        let r = request(
            r#"{"workflowId":"w","eventType":"x_request","data":{"input_bucket":"b","output_key":""}}"#,
        );
        assert_eq!(
            FileRequest::read(&r, "s"),
            Err("data lacks input_key, output_bucket, output_key".to_owned())
        );
        let r = request(
            r#"{"workflowId":"w","eventType":"x_request","data":{"input_bucket":"b","input_key":"k","output_bucket":"o","output_key":"email_null.csv"}}"#,
        );
        assert_eq!(
            FileRequest::read(&r, "email_validated").expect("whole").output_key,
            "email_validated_w.csv"
        );
    }

    #[test]
    fn keys_do_not_climb() {
        for bad in ["../k", "a/../k", "a/./k", "..", "a\nb"] {
            let mut r = request(r#"{"workflowId":"w","eventType":"x_request","data":{}}"#);
            for (name, value) in
                [("input_bucket", "b"), ("input_key", "a..b"), ("output_bucket", "o"), ("output_key", bad)]
            {
                r.data.insert(name.to_owned(), value.into());
            }
            let refused = FileRequest::read(&r, "s").expect_err("refused");
            assert!(refused.starts_with(&format!("output_key is {bad:?}")), "{refused}");
        }
    }
}
