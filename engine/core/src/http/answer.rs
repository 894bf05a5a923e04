//! What an answer, or the lack of one, means for the task.

use serde_json::{Map, Value, json};

use super::request::Call;
use crate::expr::java;
use crate::payload::Payload;
use crate::task::TaskStatus;

/// Characters of a reason that are kept; clients see the first 500.
const REASON_CHARS: usize = 2_000;

/// What a server said in the end.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// The server's words beside the status; empty where it has none.
    pub phrase: String,
    /// By name as it came, in order; a name may come several times.
    pub headers: Vec<(String, String)>,
    /// Decoded, within the executor's limit.
    pub body: Vec<u8>,
}

/// How a call leaves its task.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR; IN_PROGRESS: somebody will report on it.
    pub status: TaskStatus,
    pub output: Payload,
    pub reason: Option<String>,
}

impl Called {
    pub(super) fn failed(reason: String, response: Option<Value>) -> Called {
        let mut output = Map::new();
        output.extend(response.map(|response| ("response".to_owned(), response)));
        let reason = reason.chars().filter(|c| *c != '\0').take(REASON_CHARS).collect();
        Called { status: TaskStatus::Failed, output: Payload::from_map(output), reason: Some(reason) }
    }

    /// The call broke off: `what` is the error as a Java program prints it.
    pub(super) fn thrown(what: String) -> Called {
        let reason = format!("Failed to invoke HTTP task due to: {what}");
        Called::failed(reason, Some(Value::String(what)))
    }

    /// No answer came: `why` in the words of the network.
    pub fn unanswered(call: &Call, why: &str) -> Called {
        let (method, uri) = (call.method, call.shown());
        Called::thrown(format!("java.lang.Exception: I/O error on {method} request for \"{uri}\": {why}"))
    }

    /// The call is not allowed, and another attempt would not be either.
    pub fn refused(why: &str) -> Called {
        Called {
            status: TaskStatus::FailedWithTerminalError,
            ..Called::failed(why.to_owned(), Some(Value::from(why)))
        }
    }

    /// What the server's answer makes of the task.
    pub fn answered(call: &Call, answer: &Answer) -> Called {
        let body = || text(&answer.body, content_type(answer));
        let phrase = if answer.phrase.is_empty() { phrase(answer.status) } else { &answer.phrase };
        if answer.status >= 400 {
            let (status, method, uri) = (answer.status, call.method, call.shown());
            let body = if answer.body.is_empty() {
                "[no body]".to_owned()
            } else {
                format!("\"{}\"", in_one_line(&body()))
            };
            let what = format!("{status} {phrase} on {method} request for \"{uri}\": {body}");
            return Called::thrown(format!("java.lang.Exception: {what}"));
        }
        let succeeded = (200..300).contains(&answer.status);
        let body = if succeeded && !answer.body.is_empty() { value(&body()) } else { Value::Null };
        let mut headers: Map<String, Value> = Map::new();
        for (name, value) in &answer.headers {
            match headers.entry(name.clone()).or_insert_with(|| json!([])) {
                Value::Array(values) => values.push(Value::from(value.as_str())),
                other => *other = json!([value]),
            }
        }
        let response =
            json!({"body": body, "headers": headers, "statusCode": answer.status, "reasonPhrase": phrase});
        let response = response.as_object().map(java::hash_map_order).unwrap_or_default();
        if !succeeded {
            let reason = "No response from the remote service".to_owned();
            return Called::failed(reason, Some(Value::Object(response)));
        }
        let output = Payload::from_map(Map::from_iter([("response".to_owned(), Value::Object(response))]));
        let status = if call.waits { TaskStatus::InProgress } else { TaskStatus::Completed };
        Called { status, output, reason: None }
    }
}

fn content_type(answer: &Answer) -> &str {
    let named = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    named.map_or("", |(_, value)| value)
}

/// UTF-8 where it is that, or the answer says so; else every byte is a character of its own (ISO 8859-1).
fn text(bytes: &[u8], content_type: &str) -> String {
    let latin1 = || bytes.iter().map(|byte| char::from(*byte)).collect();
    let kind = content_type.to_ascii_lowercase().replace(['"', ' '], "");
    if kind.contains("charset=iso-8859-1") || kind.contains("charset=latin1") {
        return latin1();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if kind.contains("charset=utf-8") || kind.contains("json") => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Err(_) => latin1(),
    }
}

/// The JSON value that a text begins with, whatever its content type: a list or a map as it is, a number as a decimal,
/// anything else as a text. What is no JSON is a text, too.
fn value(text: &str) -> Value {
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Value::from("");
    }
    match serde_json::Deserializer::from_str(text).into_iter::<Value>().next() {
        Some(Ok(Value::Number(number))) => {
            let number: f64 = number.as_str().parse().unwrap_or(f64::NAN);
            java::normalise(&serde_json::from_str(&java::double_text(number)).unwrap_or_else(|_| text.into()))
        }
        Some(Ok(value @ (Value::Array(_) | Value::Object(_)))) => java::normalise(&value),
        Some(Ok(Value::Bool(truth))) => Value::from(truth.to_string()),
        Some(Ok(Value::Null)) => Value::from("null"),
        Some(Ok(Value::String(text))) => Value::from(text),
        Some(Err(_)) | None => Value::from(text),
    }
}

/// As the client prints a body: one line, no control characters.
fn in_one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push_str("<EOL>"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

/// The words of RFC 9110 and its relatives for a status.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested range not satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version not supported",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, Called, value};
    use crate::http::Call;
    use crate::task::TaskStatus;

    fn call(waits: bool) -> Call {
        let input = json!({"uri": "http://h:1/reply?q=1", "method": "GET", "asyncComplete": waits});
        Call::of(input.as_object().expect("a map")).expect("a call")
    }

    fn answer(status: u16, body: &str) -> Answer {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers =
            vec![header("Content-Type", "application/json"), header("x-lower", "a"), header("x-lower", "b")];
        Answer { status, headers, body: body.as_bytes().to_vec(), ..Answer::default() }
    }

    fn response(called: &Called) -> &Value {
        called.output.get("response").expect("a response")
    }

    #[test]
    fn success_is_the_answer_in_parts() {
        let called = Called::answered(&call(false), &answer(201, r#"{"d":1.10,"big":12345678901,"n":null}"#));
        assert_eq!((called.status, called.reason.as_deref()), (TaskStatus::Completed, None));
        assert_eq!(
            *response(&called),
            json!({"body": {"d": 1.1, "big": 12_345_678_901_i64, "n": null}, "statusCode": 201, "reasonPhrase": "Created",
                "headers": {"Content-Type": ["application/json"], "x-lower": ["a", "b"]}})
        );
        assert_eq!(Called::answered(&call(true), &answer(200, "")).status, TaskStatus::InProgress);
        assert_eq!(response(&Called::answered(&call(false), &answer(204, "")))["body"], Value::Null);
    }

    #[test]
    fn bodies_are_json_where_they_begin_as_it() {
        for (text, wanted) in [
            ("5", json!(5.0)),
            ("2.50", json!(2.5)),
            ("12345678901234567890", serde_json::from_str("1.2345678901234567E19").expect("a number")),
            ("true", json!("true")),
            ("null", json!("null")),
            ("\"quoted\"", json!("quoted")),
            (" [] ", json!([])),
            ("5 trailing", json!(5.0)),
            ("{\"a\":1} trailing", json!({"a": 1})),
            ("{\"dup\":1,\"dup\":2}", json!({"dup": 2})),
            ("{not json", json!("{not json")),
            ("hello world", json!("hello world")),
            ("  ", json!("")),
        ] {
            assert_eq!(value(text), wanted, "{text}");
        }
    }

    #[test]
    fn failure_is_a_sentence() {
        let called = |status, body: &str| Called::answered(&call(false), &answer(status, body));
        let not_found = called(404, "a\nb\u{1}");
        let what = "java.lang.Exception: 404 Not Found on GET request for \"http://h:1/reply\": \"a<EOL>b?\"";
        assert_eq!(*response(&not_found), json!(what));
        assert_eq!(not_found.reason, Some(format!("Failed to invoke HTTP task due to: {what}")));
        assert_eq!(not_found.status, TaskStatus::Failed);
        let odd = "java.lang.Exception: 599  on GET request for \"http://h:1/reply\": [no body]";
        assert_eq!(*response(&called(599, "")), json!(odd));
        let not_modified = called(304, "x");
        assert_eq!(not_modified.reason.as_deref(), Some("No response from the remote service"));
        assert_eq!(response(&not_modified)["body"], Value::Null);
        assert_eq!(response(&not_modified)["reasonPhrase"], "Not Modified");
    }

    #[test]
    fn what_is_refused_is_not_tried_again() {
        let called = Called::refused("EGRESS_DENIED: no");
        assert_eq!(called.status, TaskStatus::FailedWithTerminalError);
        assert_eq!(called.reason.as_deref(), Some("EGRESS_DENIED: no"));
        let lost = Called::unanswered(&call(false), "Read timed out");
        let what = "java.lang.Exception: I/O error on GET request for \"http://h:1/reply\": Read timed out";
        assert_eq!(lost.reason, Some(format!("Failed to invoke HTTP task due to: {what}")));
    }
}
