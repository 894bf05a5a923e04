//! Values as a Java program shows them. Users see these forms wherever a value stands inside a longer text.

use std::fmt::Write;

use serde_json::{Map, Number, Value};

/// `String.valueOf`: maps as `{k=v, k2=v2}`, lists as `[a, b]`, decimals as `Double.toString`, null as `null`.
pub fn to_text(v: &Value) -> String {
    match v {
        Value::String(s) => s.clone(),
        _ => {
            let mut out = String::new();
            write_text(&mut out, v);
            out
        }
    }
}

/// [`to_text`] of a map.
pub fn map_text(map: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_map(&mut out, map);
    out
}

fn write_text(out: &mut String, v: &Value) {
    match v {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&number_text(n)),
        Value::String(s) => out.push_str(s),
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_text(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(out, map),
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>) {
    out.push('{');
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(key);
        out.push('=');
        write_text(out, value);
    }
    out.push('}');
}

/// True for a number written without point and exponent: Java holds it as Integer, Long or BigInteger.
pub fn is_integer(n: &Number) -> bool {
    !n.as_str().contains(['.', 'e', 'E'])
}

/// The text of a number: integers exactly, whatever their length; others as [`double_text`].
pub fn number_text(n: &Number) -> String {
    match (is_integer(n), n.as_str()) {
        (true, "-0") => "0".to_owned(),
        (true, text) => text.to_owned(),
        (false, text) => double_text(text.parse().unwrap_or(f64::NAN)),
    }
}

/// `Double.toString`: `1000.0`, `1.0E21`, `1.0E-5`.
pub fn double_text(x: f64) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = x.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{x:?}");
    }
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

/// A value with its decimals in the form that a Java program writes back: `1.10` is 1.1, `1e5` is 100000.0.
pub fn normalise(v: &Value) -> Value {
    match v {
        Value::Number(n) => normalise_number(n),
        Value::Array(list) => Value::Array(list.iter().map(normalise).collect()),
        Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), normalise(v))).collect()),
        other => other.clone(),
    }
}

fn normalise_number(n: &Number) -> Value {
    if is_integer(n) {
        return if n.as_str() == "-0" { Value::from(0) } else { Value::Number(n.clone()) };
    }
    let x: f64 = n.as_str().parse().unwrap_or(f64::NAN);
    if !x.is_finite() {
        // Java writes what does not fit into a double as this text
        return Value::String(double_text(x));
    }
    serde_json::from_str(&double_text(x)).unwrap_or_else(|_| Value::Number(n.clone()))
}

/// The members in the order in which a Java `HashMap` that got them one by one gives them back.
pub fn hash_map_order(map: &Map<String, Value>) -> Map<String, Value> {
    hash_order(map.keys())
        .into_iter()
        .filter_map(|key| map.get_key_value(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

/// [`hash_map_order`] in the map and in every map below it.
pub fn hash_map_order_deep(v: &Value) -> Value {
    match v {
        Value::Array(list) => Value::Array(list.iter().map(hash_map_order_deep).collect()),
        Value::Object(map) => Value::Object(
            hash_order(map.keys())
                .into_iter()
                .filter_map(|key| map.get_key_value(key))
                .map(|(k, v)| (k.clone(), hash_map_order_deep(v)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Keys in `HashMap` order: by bucket, and in a bucket as they came (a resize keeps that order).
pub(crate) fn hash_order<'a>(keys: impl ExactSizeIterator<Item = &'a String>) -> Vec<&'a String> {
    let mut buckets: u32 = 16;
    while keys.len() as u64 > u64::from(buckets) * 3 / 4 && buckets < 1 << 30 {
        buckets *= 2;
    }
    let mut keyed: Vec<(u32, &String)> = keys.map(|key| (spread_hash(key) & (buckets - 1), key)).collect();
    keyed.sort_by_key(|(bucket, _)| *bucket);
    keyed.into_iter().map(|(_, key)| key).collect()
}

/// `String.hashCode` with the mixing that `HashMap` adds.
fn spread_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ (hash >> 16)
}

/// The compact JSON that the matches of an indefinite path take inside a text. It escapes `/` and the
/// control and punctuation blocks of Unicode, as the JSON library behind existing servers does.
pub fn match_list_text(v: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, v);
    out
}

fn write_json(out: &mut String, v: &Value) {
    match v {
        Value::String(s) => write_json_string(out, s),
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json_string(out, key);
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
        other => write_text(out, other),
    }
}

fn write_json_string(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' => out.push_str("\\/"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2000}'..='\u{20ff}' => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("writing into a String cannot fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
