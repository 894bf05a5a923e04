//! Members that a definition wants hidden (`maskedFields`): people who look at a run see `***` in their place. Workers and
//! expressions see what is there.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::payload::Payload;

/// What stands in place of a hidden value.
pub const MASK: &str = "***";

/// The payload as people see it: at any depth, members with one of these names have no other value than [`MASK`].
pub fn masked<'p>(payload: &'p Payload, fields: &[String]) -> Cow<'p, Payload> {
    // a name that the text does not have is no member either: most payloads need not be parsed
    let may = |field: &String| payload.text().contains(field.as_str()) || payload.text().contains('\\');
    if fields.is_empty() || !fields.iter().any(may) {
        return Cow::Borrowed(payload);
    }
    let mut map = payload.map().clone();
    if hide(&mut map, fields) { Cow::Owned(Payload::from_map(map)) } else { Cow::Borrowed(payload) }
}

fn hide(map: &mut Map<String, Value>, fields: &[String]) -> bool {
    let mut any = false;
    for (name, value) in map {
        if fields.contains(name) {
            *value = Value::from(MASK);
            any = true;
        } else {
            any |= hide_in(value, fields);
        }
    }
    any
}

fn hide_in(value: &mut Value, fields: &[String]) -> bool {
    match value {
        Value::Object(map) => hide(map, fields),
        Value::Array(list) => list.iter_mut().fold(false, |any, value| hide_in(value, fields) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_these_names_are_hidden_at_any_depth_and_nothing_else_is() {
        let given = json!({"pin": 1, "a": {"pin": {"b": 2}, "c": "pin"}, "l": [[{"pin": null}], "pin"]});
        let payload = Payload::from_map(given.as_object().expect("a map").clone());
        let shown = masked(&payload, &["pin".to_owned(), "none".to_owned()]);
        let expected = json!({"pin": "***", "a": {"pin": "***", "c": "pin"}, "l": [[{"pin": "***"}], "pin"]});
        assert_eq!(json!(shown.map()), expected);
        assert!(matches!(masked(&payload, &["none".to_owned()]), Cow::Borrowed(_)));
        assert!(matches!(masked(&payload, &[]), Cow::Borrowed(_)));
        let escaped = Payload::from_object_text(r#"{"p\u0069n": 5}"#);
        assert_eq!(json!(masked(&escaped, &["pin".to_owned()]).map()), json!({"pin": "***"}));
    }
}
