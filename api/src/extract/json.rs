//! JSON bodies: content types, required bodies, forgiving parsing (contract §1).

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use podium_core::Payload;
use podium_core::payload::MAX_DEPTH;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::json::{rewrite, scan};
use crate::state::Api;

/// The body of a request that must be JSON: UTF-8, not empty, not nested too deep, without U+0000. It is
/// not parsed yet; what follows its first value is ignored.
#[derive(Debug)]
pub(crate) struct JsonBody {
    bytes: Bytes,
    /// Some numbers or surrogates must change before the text is kept.
    unusual: bool,
}

impl FromRequest<Api> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        must_be_json(&parts.headers)?;
        JsonBody::new(super::read_body(body, api.config()).await?)
    }
}

impl JsonBody {
    pub(crate) fn new(bytes: Bytes) -> Result<Self, ApiError> {
        let text =
            std::str::from_utf8(&bytes).map_err(|e| ApiError::unreadable(format!("Invalid UTF-8: {e}")))?;
        let facts = scan(text);
        if facts.depth > MAX_DEPTH {
            return Err(ApiError::unreadable(format!("the text is nested deeper than {MAX_DEPTH} levels")));
        }
        if facts.nul {
            return Err(ApiError::unreadable("the text contains the character U+0000"));
        }
        let body = JsonBody { unusual: facts.unusual, bytes };
        if body.text().trim().is_empty() {
            return Err(missing_body());
        }
        Ok(body)
    }

    /// The text as it came, without a byte order mark.
    pub(crate) fn text(&self) -> &str {
        let text = std::str::from_utf8(&self.bytes).expect("checked when the body was read");
        text.strip_prefix('\u{FEFF}').unwrap_or(text)
    }

    /// True if the text can only be an object. Needed because a typed reading would take a list too,
    /// member by member.
    pub(crate) fn is_object(&self) -> bool {
        self.text().trim_start().starts_with('{')
    }

    /// A piece of this body as it is kept: the same text, or a copy with numbers in Conductor's form.
    pub(crate) fn kept<'a>(&self, piece: &'a str) -> Cow<'a, str> {
        if self.unusual { Cow::Owned(rewrite(piece)) } else { Cow::Borrowed(piece) }
    }

    /// The body as a payload; it must be one JSON object.
    pub(crate) fn object(&self) -> Result<Payload, ApiError> {
        let text = first_value(self.text())?;
        if text == "null" {
            return Err(missing_body());
        }
        object_payload(self, text)
    }

    /// The body as a value, the last of duplicate members winning.
    pub(crate) fn value(&self) -> Result<Value, ApiError> {
        let kept = self.kept(self.text());
        let mut parser = serde_json::Deserializer::from_str(&kept);
        match Value::deserialize(&mut parser) {
            Ok(Value::Null) => Err(missing_body()),
            Ok(value) => Ok(value),
            Err(error) => Err(ApiError::unreadable(error)),
        }
    }

    /// The body as a typed request, which must be an object. It goes over a value, because a typed reading
    /// of the text would refuse members that occur twice.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let value = self.value()?;
        if !value.is_object() {
            return Err(ApiError::unreadable(format!(
                "an object was expected, not {}",
                kind_of(first_value(self.text())?)
            )));
        }
        serde_json::from_value(value).map_err(ApiError::unreadable)
    }
}

/// A piece of a body, which must be an object, as a payload.
fn object_payload(body: &JsonBody, text: &str) -> Result<Payload, ApiError> {
    if !text.starts_with('{') {
        return Err(ApiError::unreadable(format!("an object was expected, not {}", kind_of(text))));
    }
    Ok(Payload::from_object_text(body.kept(text)))
}

/// The first JSON value of a text, checked, without the blanks around it.
fn first_value(text: &str) -> Result<&str, ApiError> {
    let mut parser = serde_json::Deserializer::from_str(text);
    <&RawValue>::deserialize(&mut parser).map(RawValue::get).map_err(ApiError::unreadable)
}

fn kind_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn missing_body() -> ApiError {
    ApiError::bad_request("Required request body is missing")
}

/// Refuses a request whose content type is not JSON.
fn must_be_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let unsupported = |message: String| Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    let Some(header) = headers.get(header::CONTENT_TYPE) else {
        return unsupported("Content-Type 'application/octet-stream' is not supported".to_owned());
    };
    if header.as_bytes() == b"application/json" {
        return Ok(());
    }
    let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split_once('/') {
        None => unsupported(format!("Invalid mime type \"{text}\": does not contain '/'")),
        Some(("application", sub)) if sub == "json" || sub.ends_with("+json") => Ok(()),
        Some(_) if text.to_ascii_lowercase().contains("charset=") => {
            unsupported(format!("Content-Type '{text}' is not supported"))
        }
        Some(_) => unsupported(format!("Content-Type '{text};charset=UTF-8' is not supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<JsonBody, ApiError> {
        JsonBody::new(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn content_type(text: &str) -> Result<(), ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, text.parse().expect("a header"));
        must_be_json(&headers)
    }

    #[test]
    fn only_json_is_taken() {
        for given in
            ["application/json", "application/json;charset=UTF-8", "APPLICATION/JSON", "application/x+json"]
        {
            assert!(content_type(given).is_ok(), "{given}");
        }
        for (given, message) in [
            ("text/plain", "Content-Type 'text/plain;charset=UTF-8' is not supported"),
            ("garbage", "Invalid mime type \"garbage\": does not contain '/'"),
        ] {
            let refused = content_type(given).expect_err("refused");
            assert_eq!((refused.status().as_u16(), refused.message()), (415, message));
        }
        assert_eq!(must_be_json(&HeaderMap::new()).expect_err("refused").status(), 415);
    }

    #[test]
    fn a_body_is_required() {
        for text in ["", "  \n", "null", " null "] {
            let refused = body(text).and_then(|b| b.object()).expect_err("refused");
            assert_eq!(
                (refused.status().as_u16(), refused.message()),
                (400, "Required request body is missing")
            );
        }
    }

    #[test]
    fn an_object_passes_through_as_it_came() {
        let payload =
            body("\u{FEFF} {\"b\": 1,  \"a\":{}} trailing").and_then(|b| b.object()).expect("an object");
        assert_eq!(payload.text(), "{\"b\": 1,  \"a\":{}}");
        let payload = body("{\"exp\":1e5}").and_then(|b| b.object()).expect("an object");
        assert_eq!(payload.text(), "{\"exp\":100000.0}");
    }

    #[test]
    fn other_things_are_refused() {
        for text in [
            "{",
            "nope",
            "{'name': 1}",
            "{\"name\": }",
            "{\"name\": \"a\",}",
            "{\"a\" 1}",
            "\"text\"",
            "1",
            "[]",
            "true",
            "{\"name\": \"a\tb\"}",
            "{\"name\": \"\\x\"}",
            "{\"name\": NaN}",
            "{\"t\": 01}",
            "// c\n{}",
            "{\"nul\":\"a\\u0000b\"}",
        ] {
            let refused = body(text).and_then(|b| b.object()).expect_err(text);
            assert_eq!(refused.status(), 400, "{text}");
            assert!(refused.message().starts_with("JSON parse error: "), "{text}: {}", refused.message());
        }
        assert!(body(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn the_last_duplicate_wins() {
        let value =
            body(r#"{"name":"a","retryCount":1,"name":"b"} trailing"#).and_then(|b| b.value()).expect("JSON");
        assert_eq!(value, serde_json::json!({"name": "b", "retryCount": 1}));
    }
}
