//! JSON as existing servers write it into Kafka records: decimals in Java's form (`1.0E21`, `2.5`), integers of any length
//! exactly, nothing escaped that need not be.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::expr::java;

/// The compact JSON of a value.
pub(crate) fn of(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// The compact JSON of a map.
pub(crate) fn of_map(map: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_map(map, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&java::number_text(n)),
        Value::String(s) => write_text(s, out),
        Value::Array(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(map, out),
    }
}

fn write_map(map: &Map<String, Value>, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in map.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
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
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_have_their_java_form() {
        let value: Value = serde_json::from_str(
            r#"{"a":1e21,"b":2.50,"c":123456789012345678901234567890,"d":"a\"\\\u0001\u2028\n","e":[null,true,-0.00001]}"#,
        )
        .expect("JSON");
        assert_eq!(
            of(&value),
            "{\"a\":1.0E21,\"b\":2.5,\"c\":123456789012345678901234567890,\"d\":\"a\\\"\\\\\\u0001\u{2028}\\n\",\
             \"e\":[null,true,-1.0E-5]}"
        );
        assert_eq!(of_map(&Map::new()), "{}");
        assert_eq!(of(&Value::String("abc".to_owned())), "\"abc\"");
    }
}
