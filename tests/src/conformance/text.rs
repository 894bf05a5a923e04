//! One text form of JSON that does not depend on member order, used to sort and to select.
//!
//! The goldens' unordered lists were sorted by the text that Python's `json.dumps(…, sort_keys=True)` makes
//! (ASCII only, `", "` and `": "` between), so this writes exactly that.

use serde_json::Value;

/// JSON with sorted members and non-ASCII characters escaped, with the given separators.
pub(crate) fn canonical(value: &Value, comma: &str, colon: &str) -> String {
    let mut out = String::new();
    write(value, comma, colon, &mut out);
    out
}

/// The text by which unordered lists are sorted; ids do not take part.
pub(crate) fn sort_key(value: &Value) -> String {
    super::normalise::mask_uuids(&canonical(value, ", ", ": "))
}

fn write(value: &Value, comma: &str, colon: &str, out: &mut String) {
    match value {
        Value::Array(list) => {
            out.push('[');
            for (i, element) in list.iter().enumerate() {
                if i > 0 {
                    out.push_str(comma);
                }
                write(element, comma, colon, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    out.push_str(comma);
                }
                quote(name, out);
                out.push_str(colon);
                write(&members[name], comma, colon, out);
            }
            out.push('}');
        }
        Value::String(text) => quote(text, out),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='\u{7e}' => out.push(c),
            other => {
                let mut units = [0u16; 2];
                for unit in other.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn the_text_is_what_python_writes() {
        let value = json!({"b": [1, null, true], "a": "é\n\"\u{1F600}\u{7f}"});
        assert_eq!(
            super::canonical(&value, ", ", ": "),
            r#"{"a": "\u00e9\n\"\ud83d\ude00\u007f", "b": [1, null, true]}"#
        );
    }
}
