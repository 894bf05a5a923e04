//! `{{name}}` interpolation and the generators `$repeat`, `$list`, `$json`.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::Stop;
use super::pointer::{as_text, step_into};

static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\s*\}\}")
        .expect("the pattern is written here")
});

/// The variables of a run.
pub(crate) type Variables = HashMap<String, Value>;

fn lookup(variables: &Variables, name: &str) -> Result<Value, Stop> {
    let mut parts = name.split('.');
    let head = parts.next().unwrap_or_default();
    let mut value = variables
        .get(head)
        .ok_or_else(|| Stop(format!("the scenario uses {{{{{name}}}}}, which is not set")))?;
    for part in parts {
        value = step_into(value, part)
            .ok_or_else(|| Stop(format!("variable {{{{{name}}}}} has no member {part:?}")))?;
    }
    Ok(value.clone())
}

/// A text with its variables put in. A text that is exactly one `{{…}}` keeps the value's type.
pub(crate) fn text(variables: &Variables, text: &str) -> Result<Value, Stop> {
    let mut out = String::new();
    let mut end = 0;
    for found in VARIABLE.captures_iter(text) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1)) else { continue };
        let value = lookup(variables, name.as_str())?;
        if whole.len() == text.len() {
            return Ok(value);
        }
        out.push_str(&text[end..whole.start()]);
        out.push_str(&as_text(&value));
        end = whole.end();
    }
    out.push_str(&text[end..]);
    Ok(Value::String(out))
}

/// A value with all its texts (member names too) filled and its generators run.
pub(crate) fn value(variables: &Variables, input: &Value) -> Result<Value, Stop> {
    match input {
        Value::String(s) => text(variables, s),
        Value::Array(list) => {
            list.iter().map(|v| value(variables, v)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(members) => match generator(variables, members)? {
            Some(made) => Ok(made),
            None => {
                let mut out = Map::new();
                for (name, member) in members {
                    out.insert(as_text(&text(variables, name)?), value(variables, member)?);
                }
                Ok(Value::Object(out))
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(input.clone()),
    }
}

fn generator(variables: &Variables, members: &Map<String, Value>) -> Result<Option<Value>, Stop> {
    let Some((name, body)) = members.iter().next().filter(|_| members.len() == 1) else { return Ok(None) };
    let malformed = || Stop(format!("the scenario's {name} is malformed"));
    match name.as_str() {
        "$repeat" => {
            let parts = value(variables, body)?;
            let word = parts.get(0).map(as_text).ok_or_else(malformed)?;
            let times = parts.get(1).and_then(Value::as_u64).ok_or_else(malformed)?;
            Ok(Some(Value::String(word.repeat(times as usize))))
        }
        "$list" => {
            let count = body.get("count").and_then(Value::as_u64).ok_or_else(malformed)?;
            let item = body.get("item").ok_or_else(malformed)?;
            let mut inner = variables.clone();
            let mut list = Vec::new();
            for i in 0..count {
                inner.insert("i".to_owned(), json!(i));
                list.push(value(&inner, item)?);
            }
            Ok(Some(Value::Array(list)))
        }
        "$json" => Ok(Some(Value::String(value(variables, body)?.to_string()))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Variables, value};

    fn fill(input: Value) -> Result<Value, String> {
        let variables: Variables =
            [("n".to_owned(), json!(5)), ("t".to_owned(), json!({"id": "x", "l": [1, 2]}))].into();
        value(&variables, &input).map_err(|stop| stop.0)
    }

    #[test]
    fn a_lone_variable_keeps_its_type() {
        assert_eq!(fill(json!("{{n}}")), Ok(json!(5)));
        assert_eq!(fill(json!("v-{{n}}-{{t.l.1}}-${x.y}")), Ok(json!("v-5-2-${x.y}")));
        assert_eq!(fill(json!({"k{{n}}": ["{{ t.id }}"]})), Ok(json!({"k5": ["x"]})));
        assert!(fill(json!("{{nope}}")).is_err());
    }

    #[test]
    fn generators_make_lists_texts_and_json() {
        assert_eq!(fill(json!({"$list": {"count": 2, "item": "i{{i}}"}})), Ok(json!(["i0", "i1"])));
        assert_eq!(fill(json!({"$repeat": ["ab", 2]})), Ok(json!("abab")));
        assert_eq!(fill(json!({"$json": {"a": "{{n}}"}})), Ok(json!("{\"a\":5}")));
    }
}
