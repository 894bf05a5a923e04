//! JSON pointers of the scenario format: RFC 6901 with a negative index, a selector for arrays of objects
//! (`/tasks/[referenceTaskName=t2,retryCount=1]`) and, where many places are meant, `*`.

use serde_json::Value;

use super::text::canonical;

/// The unescaped segments of a pointer; `None` if it is neither empty nor begins with a slash.
pub(crate) fn segments(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect())
}

/// A value's text: strings as they are, everything else as compact JSON with sorted members.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        other => canonical(other, ",", ":"),
    }
}

fn index_of(list: &[Value], segment: &str) -> Option<usize> {
    if let Some(conditions) = segment.strip_prefix('[').and_then(|s| s.strip_suffix(']')) {
        let wanted: Option<Vec<(&str, &str)>> = conditions.split(',').map(|c| c.split_once('=')).collect();
        let wanted = wanted?;
        return list.iter().position(|element| {
            element.is_object()
                && wanted
                    .iter()
                    .all(|(name, text)| as_text(element.get(name).unwrap_or(&Value::Null)) == *text)
        });
    }
    let number: i64 = segment.parse().ok()?;
    let at = if number < 0 { list.len() as i64 + number } else { number };
    usize::try_from(at).ok().filter(|&at| at < list.len())
}

/// The member or element that one segment names.
pub(crate) fn step_into<'a>(node: &'a Value, segment: &str) -> Option<&'a Value> {
    match node {
        Value::Array(list) => index_of(list, segment).map(|at| &list[at]),
        Value::Object(members) => members.get(segment),
        _ => None,
    }
}

/// The value at a pointer (no `*`).
pub(crate) fn get<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    segments(pointer)?.iter().try_fold(document, |node, segment| step_into(node, segment))
}

/// Calls `change` on every place that a pointer with `*` segments reaches. The whole document (an empty
/// pointer) is not such a place.
pub(crate) fn each(document: &mut Value, pointer: &str, change: &mut dyn FnMut(&mut Value)) {
    if let Some(segments) = segments(pointer).filter(|s| !s.is_empty()) {
        walk(document, &segments, change);
    }
}

fn walk(node: &mut Value, segments: &[String], change: &mut dyn FnMut(&mut Value)) {
    let Some((segment, rest)) = segments.split_first() else {
        change(node);
        return;
    };
    match node {
        Value::Array(list) if segment == "*" => list.iter_mut().for_each(|n| walk(n, rest, change)),
        Value::Object(members) if segment == "*" => members.values_mut().for_each(|n| walk(n, rest, change)),
        Value::Array(list) => {
            if let Some(at) = index_of(list, segment) {
                walk(&mut list[at], rest, change);
            }
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(segment.as_str()) {
                walk(member, rest, change);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn pointers_select_index_from_the_end_and_unescape() {
        let document = json!({"tasks": [{"r": "a", "n": 0}, {"r": "a", "n": 1, "s": "x"}], "a/b": 1});
        assert_eq!(super::get(&document, "/tasks/[r=a,n=1]/s"), Some(&json!("x")));
        assert_eq!(super::get(&document, "/tasks/-1/n"), Some(&json!(1)));
        assert_eq!(super::get(&document, "/tasks/-3/n"), None);
        assert_eq!(super::get(&document, "/a~1b"), Some(&json!(1)));
        assert_eq!(super::get(&document, "/tasks/[r=b]/s"), None);
        assert_eq!(super::get(&document, ""), Some(&document));
        assert_eq!(super::get(&document, "tasks"), None);
    }

    #[test]
    fn a_star_reaches_every_member() {
        let mut document = json!({"tasks": [{"n": 0}, {"n": 1}, {"m": 1}]});
        super::each(&mut document, "/tasks/*/n", &mut |n| *n = json!("x"));
        assert_eq!(document, json!({"tasks": [{"n": "x"}, {"n": "x"}, {"m": 1}]}));
    }
}
