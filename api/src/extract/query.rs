//! The query string, read as existing servers do (contract §1).

use std::borrow::Cow;

use axum::http::Uri;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The parameters of a request. Nothing is decoded before it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Query(uri.query().unwrap_or_default())
    }

    fn values(self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.0.split('&').filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name || decode(key) == name).then(|| decode(value))
        })
    }

    /// The parameter as it came; `None` if absent, `Some("")` if empty.
    pub(crate) fn text(self, name: &'a str) -> Result<Option<Cow<'a, str>>, ApiError> {
        match self.values(name).next() {
            Some(text) if text.contains('\0') => Err(mismatch(name, "String", &text)),
            other => Ok(other),
        }
    }

    /// The parameter, which must be there; it may be empty.
    pub(crate) fn required(self, name: &'a str) -> Result<Cow<'a, str>, ApiError> {
        self.text(name)?.ok_or_else(|| {
            ApiError::bad_request(format!(
                "Required request parameter '{name}' for method parameter type String is not present"
            ))
        })
    }

    /// true/false, on/off, yes/no, 1/0; `default` if absent or empty.
    pub(crate) fn bool(self, name: &'a str, default: bool) -> Result<bool, ApiError> {
        let Some(text) = self.values(name).next() else { return Ok(default) };
        match text.trim().to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(mismatch(name, "boolean", &text)),
        }
    }

    /// A 32-bit number, also hexadecimal, signed or with blanks; `None` if absent or empty.
    pub(crate) fn int(self, name: &'a str) -> Result<Option<i32>, ApiError> {
        let Some(text) = self.values(name).next() else { return Ok(None) };
        if text.is_empty() {
            return Ok(None);
        }
        parse_int(&text).map(Some).ok_or_else(|| mismatch(name, "int", &text))
    }

    /// A 64-bit number; `None` if absent or empty.
    pub(crate) fn long(self, name: &'a str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.values(name).next() else { return Ok(None) };
        if text.is_empty() {
            return Ok(None);
        }
        text.trim().parse().map(Some).map_err(|_| mismatch(name, "long", &text))
    }

    /// The parameters `name[member]=value`, as an object of texts.
    pub(crate) fn members(self, name: &'a str) -> Result<Map<String, Value>, ApiError> {
        let mut members = Map::new();
        for pair in self.0.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = decode(key);
            let member = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            let Some(member) = member else { continue };
            let value = decode(value);
            if member.contains('\0') || value.contains('\0') {
                return Err(mismatch(&key, "String", &value));
            }
            members.insert(member.to_owned(), Value::String(value.into_owned()));
        }
        Ok(members)
    }

    /// All values of a list parameter, repeated or separated by commas.
    pub(crate) fn list(self, name: &'a str) -> Result<Vec<String>, ApiError> {
        let mut items = Vec::new();
        for text in self.values(name) {
            if text.contains('\0') {
                return Err(mismatch(name, "List", &text));
            }
            items.extend(text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()));
        }
        Ok(items)
    }
}

/// A whole number as `Integer.decode` and `Integer.valueOf` take it.
pub(crate) fn parse_int(text: &str) -> Option<i32> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1_i64, rest),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let hexadecimal = ["0x", "0X", "#"].into_iter().find_map(|prefix| digits.strip_prefix(prefix));
    let (digits, radix) = hexadecimal.map_or((digits, 10), |digits| (digits, 16));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i32::try_from(sign * i64::from_str_radix(digits, radix).ok()?).ok()
}

/// The answer to a parameter that cannot be read.
pub(crate) fn mismatch(name: &str, expected: &str, given: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Method parameter '{name}': Failed to convert value of type 'java.lang.String' to required type '{expected}'; For input string: \"{given}\""
    ))
}

/// Percent-decodes one part of a query string; `+` is a blank. Bytes that are no UTF-8 become U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten().and_then(hex);
        match (byte, escaped) {
            (_, Some(value)) => {
                out.push(value);
                at += 3;
            }
            (b'+', None) => {
                out.push(b' ');
                at += 1;
            }
            (other, None) => {
                out.push(other);
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |b: u8| (b as char).to_digit(16);
    match digits {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(query: &str) -> Uri {
        format!("/x?{query}").parse().expect("a URI")
    }

    #[test]
    fn booleans_have_many_spellings() {
        for (text, expected) in
            [("false", false), ("off", false), ("no", false), ("0", false), ("FALSE", false)]
        {
            assert_eq!(Query::of(&uri(&format!("b={text}"))).bool("b", true).ok(), Some(expected), "{text}");
        }
        for text in ["true", "on", "yes", "1", ""] {
            assert_eq!(Query::of(&uri(&format!("b={text}"))).bool("b", true).ok(), Some(true), "{text}");
        }
        for text in ["maybe", "2"] {
            assert_eq!(
                Query::of(&uri(&format!("b={text}"))).bool("b", true).expect_err("refused").status(),
                400
            );
        }
    }

    #[test]
    fn whole_numbers_are_read_leniently() {
        for (text, expected) in [("12", 12), ("%201", 1), ("0x1", 1), ("%2B1", 1), ("-3", -3), ("%23f", 15)] {
            assert_eq!(Query::of(&uri(&format!("n={text}"))).int("n").ok(), Some(Some(expected)), "{text}");
        }
        assert_eq!(Query::of(&uri("n=")).int("n").ok(), Some(None));
        assert_eq!(Query::of(&uri("m=1")).int("n").ok(), Some(None));
        for text in ["abc", "1.0", "99999999999", "--1", "%2B-1"] {
            assert!(Query::of(&uri(&format!("n={text}"))).int("n").is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_decoded_and_lists_split() {
        let uri = uri("a=c+d%20%C3%A9&list=x,y&list=z&list=&empty=");
        let query = Query::of(&uri);
        assert_eq!(query.text("a").expect("readable").as_deref(), Some("c d é"));
        assert_eq!(query.text("empty").expect("readable").as_deref(), Some(""));
        assert_eq!(query.text("none").expect("readable"), None);
        assert_eq!(query.list("list").expect("no NUL"), ["x", "y", "z"]);
        let members = self::uri("o%5Ba%5D=1&o[b]=x+y&other[c]=2&o=3");
        let members = Query::of(&members).members("o").expect("readable");
        assert_eq!(Value::Object(members), serde_json::json!({"a": "1", "b": "x y"}));
    }
}
