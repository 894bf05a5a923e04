//! Expressions: what a value is made of.

use serde_json::{Map, Value, json};

use super::tree::Element;

/// Elements that are a value by themselves.
const VALUES: [&str; 4] = ["field", "string", "decimal", "expression"];

/// The expression inside an element such as `from` or `parm`; null where there is none.
///
/// `{"field" | "string" | "decimal" | "expression": text}` or `{"function": name, "parms": [expressions]}`; a parameter
/// that has a name carries it as `name` as well.
pub(super) fn inside(element: &Element) -> Value {
    element.children.iter().find_map(expression).unwrap_or(Value::Null)
}

fn expression(element: &Element) -> Option<Value> {
    let mut found = Map::new();
    if VALUES.contains(&element.name.as_str()) {
        let text = element.attribute("name").filter(|_| element.text.is_empty()).unwrap_or(&element.text);
        found.insert(element.name.clone(), text.into());
        return Some(found.into());
    }
    match element.name.as_str() {
        "function" => {
            found.insert("function".into(), element.attribute("name").unwrap_or_default().into());
            found.insert("parms".into(), element.all("parm").map(parameter).collect());
            Some(found.into())
        }
        // the job fills the output field itself
        "default" => {
            found.insert("default".into(), element.text.trim().into());
            Some(found.into())
        }
        _ => None,
    }
}

fn parameter(parm: &Element) -> Value {
    let name = parm.attribute("name");
    match (name, inside(parm)) {
        (Some(name), Value::Object(expression)) => {
            let mut named = Map::new();
            named.insert("name".into(), name.into());
            named.extend(expression);
            named.into()
        }
        (Some(name), _) => json!({"name": name, "string": parm.text}),
        (None, Value::Null) => json!({"string": parm.text}),
        (None, expression) => expression,
    }
}

/// The `assign` elements below an `assignment`: `[{name, from}]`.
pub(super) fn assignments(list: Option<&Element>) -> Value {
    let all = list.into_iter().flat_map(|list| list.all("assign"));
    all.map(|assign| {
        let from = assign.child("from").map_or_else(|| inside(assign), inside);
        json!({"name": assign.attribute("name").unwrap_or_default(), "from": from})
    })
    .collect()
}
