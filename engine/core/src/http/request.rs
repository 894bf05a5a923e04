//! What the input of an HTTP task asks for.

use serde_json::{Map, Value};

use super::answer::Called;
use super::uri;
use crate::expr::java;
use crate::tasks::json_text;

/// Patience of a task that names none, in milliseconds: to connect, and for a byte of the answer.
const PATIENCE_MS: u64 = 3_000;
const JSON: &str = "application/json";

/// A request that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// One of the eight methods of HTTP, in capitals.
    pub method: &'static str,
    /// The encoded address; nobody has looked yet whether it names a host.
    pub uri: String,
    /// In the order in which they go out, Accept and Content-Type first. Names and values are as the task gave them:
    /// whether HTTP allows them is for the client to say.
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    /// Milliseconds to connect; `None` = no limit of the task's own.
    pub connect_ms: Option<u64>,
    /// Milliseconds without anything from the server; `None` = no limit of the task's own.
    pub read_ms: Option<u64>,
    /// A 2xx leaves the task IN_PROGRESS until somebody reports on it.
    pub(super) waits: bool,
}

/// What a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

impl Call {
    /// Reads the input of a task: `http_request`, or without that the input itself.
    ///
    /// # Errors
    /// How the task ends if no request can be made of it.
    pub fn of(input: &Map<String, Value>) -> Result<Call, Box<Called>> {
        Call::read(input).map_err(Box::new)
    }

    fn read(input: &Map<String, Value>) -> Result<Call, Called> {
        let request = match input.get("http_request") {
            None | Some(Value::Null) => input,
            Some(Value::Object(members)) => members,
            Some(other) => return Err(unreadable("http_request", "a map", other)),
        };
        let given_uri = text(request, "uri")?;
        let method = text(request, "method")?;
        let headers = match request.get("headers") {
            None | Some(Value::Null) => &Map::new(),
            Some(Value::Object(members)) => members,
            Some(other) => return Err(unreadable("headers", "a map", other)),
        };
        let connect_ms = patience(request, "connectionTimeOut")?;
        let read_ms = patience(request, "readTimeOut")?;
        let content_type = text(request, "contentType")?.unwrap_or_else(|| JSON.to_owned());
        let accept = accept(request)?;
        let Some(given_uri) = given_uri else {
            let reason = "Missing HTTP URI.  See documentation for HttpTask for required input parameters";
            return Err(Called::failed(reason.to_owned(), None));
        };
        let Some(method) = method else {
            return Err(Called::failed("No HTTP method specified".to_owned(), None));
        };
        for kind in std::iter::once(content_type.as_str()).chain(accept.iter().map(String::as_str)) {
            is_media_type(kind).map_err(Called::thrown)?;
        }
        let uri = uri::encode(&given_uri).map_err(Called::thrown)?;
        let Some(method) = METHODS.into_iter().find(|known| *known == method) else {
            let what = format!("java.lang.IllegalArgumentException: Invalid HTTP method: {method}");
            return Err(Called::thrown(what));
        };
        let mut sent = Vec::with_capacity(headers.len() + 2);
        let given = |name: &str| headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && !v.is_null());
        if !given("Accept") {
            sent.push(("Accept".to_owned(), accept.join(", ")));
        }
        if !given("Content-Type") {
            sent.push(("Content-Type".to_owned(), content_type.clone()));
        }
        let with_value = headers.iter().filter(|(_, value)| !value.is_null());
        sent.extend(with_value.map(|(name, value)| (name.clone(), java::to_text(value))));
        let body = body(request.get("body"), &content_type);
        let waits = input.get("asyncComplete") == Some(&Value::Bool(true));
        Ok(Call { method, uri, headers: sent, body, connect_ms, read_ms, waits })
    }

    /// The address without its query, as reasons show it.
    pub fn shown(&self) -> &str {
        uri::shown(&self.uri)
    }

    /// Scheme, host and port as written.
    pub fn origin(&self) -> &str {
        uri::origin(&self.uri)
    }
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

fn body(given: Option<&Value>, content_type: &str) -> Option<Body> {
    let is_form = content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let text = match given? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Object(members) if is_form => form(members),
        value => json_text::of(value),
    };
    let latin1 = ["charset=iso-8859-1", "charset=latin1"];
    let kind = content_type.to_ascii_lowercase().replace(['"', ' '], "");
    if latin1.iter().any(|charset| kind.contains(charset)) {
        return Some(Body(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()));
    }
    Some(Body(text.into_bytes()))
}

/// A map as a form: a list is one pair for each item, null is none.
fn form(members: &Map<String, Value>) -> String {
    let mut out = String::new();
    let mut pair = |name: &str, value: &Value| {
        if !out.is_empty() {
            out.push('&');
        }
        plus_encode(&mut out, name);
        out.push('=');
        plus_encode(&mut out, &java::to_text(value));
    };
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Array(items) => items.iter().for_each(|item| pair(name, item)),
            value => pair(name, value),
        }
    }
    out
}

fn plus_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

fn accept(request: &Map<String, Value>) -> Result<Vec<String>, Called> {
    match request.get("accept") {
        None | Some(Value::Null) => Ok(vec![JSON.to_owned()]),
        Some(Value::Array(items)) => {
            let items = items.iter().filter(|item| !item.is_null()).map(java::to_text);
            Ok(items.collect())
        }
        Some(Value::Object(members)) => {
            Err(unreadable("accept", "a text or a list of texts", &Value::Object(members.clone())))
        }
        Some(value) => Ok(java::to_text(value).split(',').map(|kind| kind.trim().to_owned()).collect()),
    }
}

fn is_media_type(kind: &str) -> Result<(), String> {
    let invalid = |why: &str| {
        Err(format!(
            "org.springframework.http.InvalidMediaTypeException: Invalid mime type \"{kind}\": {why}"
        ))
    };
    let plain = kind.split(';').next().unwrap_or_default().trim();
    if plain.is_empty() {
        return invalid("'mimeType' must not be empty");
    }
    let full = if plain == "*" { "*/*" } else { plain };
    match full.split_once('/') {
        None => invalid("does not contain '/'"),
        Some((_, "")) => invalid("does not contain subtype after '/'"),
        Some(("*", sub)) if sub != "*" => invalid("wildcard type is legal only in '*/*' (all mime types)"),
        Some(_) => Ok(()),
    }
}

fn text(request: &Map<String, Value>, name: &str) -> Result<Option<String>, Called> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(other @ (Value::Array(_) | Value::Object(_))) => Err(unreadable(name, "a text", other)),
        Some(value) => Ok(Some(java::to_text(value))),
    }
}

/// Zero and below is no limit, as for the client's sockets.
fn patience(request: &Map<String, Value>, name: &str) -> Result<Option<u64>, Called> {
    let wrong = |value: &Value| unreadable(name, "a whole number of milliseconds", value);
    let ms = match request.get(name) {
        None | Some(Value::Null) => return Ok(Some(PATIENCE_MS)),
        Some(value @ Value::Number(n)) => {
            n.as_i64().or_else(|| n.as_f64().map(|ms| ms as i64)).ok_or_else(|| wrong(value))?
        }
        Some(value @ Value::String(text)) => match text.trim() {
            "" => return Ok(Some(PATIENCE_MS)),
            text => text.parse().map_err(|_| wrong(value))?,
        },
        Some(other) => return Err(wrong(other)),
    };
    Ok(u64::try_from(ms).ok().filter(|ms| *ms > 0))
}

fn unreadable(member: &str, wanted: &str, got: &Value) -> Called {
    let got: String = got.to_string().chars().take(200).collect();
    Called::thrown(format!("{member} must be {wanted}, not {got}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Body, Call};
    use crate::task::TaskStatus;

    fn call(request: Value) -> Result<Call, String> {
        let input = json!({ "http_request": request, "asyncComplete": false });
        Call::of(input.as_object().expect("a map")).map_err(|called| {
            assert_eq!(called.status, TaskStatus::Failed);
            called.reason.expect("a reason")
        })
    }

    fn sent(call: &Call, name: &str) -> Vec<String> {
        let named = call.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    }

    fn body_of(value: Value, kind: &str) -> Option<String> {
        let call = call(json!({"uri": "http://h/", "method": "POST", "body": value, "contentType": kind}));
        call.expect("a call").body.map(|Body(bytes)| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn what_is_missing_is_named_in_order() {
        let missing = "Missing HTTP URI.  See documentation for HttpTask for required input parameters";
        assert_eq!(call(json!({"method": "GET"})), Err(missing.to_owned()));
        assert_eq!(call(json!({"uri": "http://h/"})), Err("No HTTP method specified".to_owned()));
        let thrown = |what: &str| Err(format!("Failed to invoke HTTP task due to: {what}"));
        for method in ["get", "FROB"] {
            let what = format!("java.lang.IllegalArgumentException: Invalid HTTP method: {method}");
            assert_eq!(call(json!({"uri": "http://h/", "method": method})), thrown(&what));
        }
        assert_eq!(
            call(json!({"uri": "http://h/", "method": "GET", "contentType": "bad"})),
            thrown(
                "org.springframework.http.InvalidMediaTypeException: Invalid mime type \"bad\": does not contain '/'"
            )
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_reason() {
        let reason = |request: Value| call(request).expect_err("a reason");
        assert_eq!(
            reason(json!("text")),
            "Failed to invoke HTTP task due to: http_request must be a map, not \"text\""
        );
        for wrong in [
            json!({"uri": "http://h/", "method": "GET", "headers": "text"}),
            json!({"uri": ["http://h/"], "method": "GET"}),
            json!({"uri": "http://h/", "method": "GET", "readTimeOut": "soon"}),
        ] {
            assert!(reason(wrong).contains(" must be "));
        }
    }

    #[test]
    fn the_input_itself_may_be_the_request() {
        let input =
            json!({"uri": "http://h/a", "method": "PUT", "http_request": null, "asyncComplete": true});
        let call = Call::of(input.as_object().expect("a map")).expect("a call");
        assert_eq!((call.uri.as_str(), call.method, call.waits), ("http://h/a", "PUT", true));
        assert_eq!((call.connect_ms, call.read_ms), (Some(3000), Some(3000)));
    }

    #[test]
    fn headers_are_texts() {
        let call = call(
            json!({"uri": "http://h/", "method": "GET", "accept": ["application/json", "text/html"],
            "headers": {"X-One": 1, "X-Null": null, "X-Map": {"k": "v"}, "content-type": "text/csv"}, "readTimeOut": "0"}),
        );
        let call = call.expect("a call");
        assert_eq!(sent(&call, "accept"), ["application/json, text/html"]);
        assert_eq!(sent(&call, "content-type"), ["text/csv"]);
        assert_eq!(
            (sent(&call, "x-one"), sent(&call, "x-map")),
            (vec!["1".to_owned()], vec!["{k=v}".to_owned()])
        );
        assert!(sent(&call, "x-null").is_empty());
        assert_eq!(call.read_ms, None);
    }

    #[test]
    fn a_text_goes_as_it_is_and_anything_else_as_json() {
        assert_eq!(body_of(Value::Null, "application/json"), None);
        assert_eq!(body_of(json!("raw"), "application/json").as_deref(), Some("raw"));
        assert_eq!(
            body_of(json!({"k": [1, null, {"b": 2.0}]}), "application/json").as_deref(),
            Some(r#"{"k":[1,null,{"b":2.0}]}"#)
        );
        assert_eq!(
            body_of(json!({"a b": "ä&", "n": null, "l": [1, 2]}), "application/x-www-form-urlencoded")
                .as_deref(),
            Some("a+b=%C3%A4%26&l=1&l=2")
        );
    }
}
