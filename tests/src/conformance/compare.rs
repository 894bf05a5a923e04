//! Compares a recorded trace with the trace of this run.
//!
//! A golden `<id:n>` is paired with one UUID for the whole scenario: the same token is the same UUID
//! everywhere, and two tokens never share one. The number itself means nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use super::normalise::uuid_pattern;
use super::trace::{Entry, PARTS};

static ID_TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<id:\d+>").expect("the pattern is written here"));

const ANY: &str = "<any>";
const ANY_OR_ABSENT: &str = "<any?>";

/// One place where the two traces differ. `None` stands for "absent".
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub step: String,
    pub call: String,
    /// JSON pointer in the body, or `(status)`, `(type)`, `(text)`, `(empty)`, `(json)`, `(headers)…`.
    pub at: String,
    pub expected: Option<Value>,
    pub actual: Option<Value>,
}

/// What may differ without being a difference.
#[derive(Debug, Clone, Default)]
pub struct Tolerance {
    /// Globs of pointers (indexes as `*`) of members that only this server sends.
    pub allowed_extra: Vec<String>,
    /// Globs of pointers where null and absent are the same.
    pub null_equals_absent: Vec<String>,
    /// A recorded 5xx may be a 4xx whose body has `status` and `message`.
    pub better_errors: bool,
}

/// `*` matches any text and `?` one character; everything else is itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut re = String::from("(?s)^");
    for c in pattern.chars() {
        match c {
            '*' => re.push_str(".*"),
            '?' => re.push('.'),
            other => re.push_str(&regex::escape(&other.to_string())),
        }
    }
    re.push('$');
    Regex::new(&re).is_ok_and(|re| re.is_match(text))
}

/// All differences of a trace, entry by entry. Entries that only one side has are the caller's business.
pub fn traces(golden: &[Entry], actual: &[Entry], tolerance: &Tolerance) -> Vec<Difference> {
    let mut matcher = Matcher { tolerance, uuid_of: HashMap::new(), token_of: HashMap::new() };
    let mut all = Vec::new();
    for (g, a) in golden.iter().zip(actual) {
        if tolerance.better_errors && is_better_error(g, a) {
            continue;
        }
        let mut found = Vec::new();
        for part in PARTS {
            let name = if part == "json" { String::new() } else { format!("({part})") };
            match (g.part(part), a.part(part)) {
                (None, None) => {}
                (Some(e), Some(v)) => matcher.value(&e, &v, &name, &mut found),
                (e, v) if e.as_ref().is_none_or(|e| e != ANY) => {
                    let name = if part == "json" { "(json)".to_owned() } else { name };
                    let shown = v.map(|v| matcher.show(&v));
                    found.push((name, e, shown));
                }
                _ => {}
            }
        }
        all.extend(found.into_iter().map(|(at, expected, actual)| Difference {
            step: g.step.clone(),
            call: g.call.clone(),
            at,
            expected,
            actual,
        }));
    }
    all
}

fn is_better_error(golden: &Entry, actual: &Entry) -> bool {
    let status = |e: &Entry| e.status.as_ref().and_then(Value::as_u64).unwrap_or_default();
    status(golden) >= 500 && (400..500).contains(&status(actual)) && actual.is_proper_error
}

type Found = Vec<(String, Option<Value>, Option<Value>)>;

#[derive(Clone)]
struct Matcher<'a> {
    tolerance: &'a Tolerance,
    uuid_of: HashMap<String, String>,
    token_of: HashMap<String, String>,
}

impl Matcher<'_> {
    fn pair(&mut self, token: &str, uuid: &str) -> bool {
        let uuid = uuid.to_lowercase();
        if self.uuid_of.contains_key(token) || self.token_of.contains_key(&uuid) {
            return self.uuid_of.get(token) == Some(&uuid);
        }
        self.uuid_of.insert(token.to_owned(), uuid.clone());
        self.token_of.insert(uuid, token.to_owned());
        true
    }

    fn string(&mut self, expected: &str, actual: &str) -> bool {
        let tokens: Vec<&str> = ID_TOKEN.find_iter(expected).map(|m| m.as_str()).collect();
        if tokens.is_empty() {
            return expected == actual;
        }
        if shape(&ID_TOKEN, expected) != shape(uuid_pattern(), actual) {
            return false;
        }
        let pairs = tokens.into_iter().zip(uuid_pattern().find_iter(actual));
        pairs.fold(true, |all, (token, uuid)| self.pair(token, uuid.as_str()) && all)
    }

    fn show_text(&self, text: &str) -> String {
        uuid_pattern()
            .replace_all(text, |found: &Captures<'_>| {
                self.token_of.get(&found[0].to_lowercase()).cloned().unwrap_or_else(|| "<new id>".to_owned())
            })
            .into_owned()
    }

    fn show(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.show_text(text)),
            Value::Array(list) => Value::Array(list.iter().map(|v| self.show(v)).collect()),
            Value::Object(members) => {
                Value::Object(members.iter().map(|(k, v)| (self.show_text(k), self.show(v))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn value(&mut self, expected: &Value, actual: &Value, at: &str, found: &mut Found) {
        let equal = match (expected, actual) {
            (Value::String(e), _) if e == ANY || e == ANY_OR_ABSENT => true,
            (Value::String(e), _) if e == "<elided>" => {
                if actual != "<elided>" {
                    found.push((at.to_owned(), Some("an object".into()), Some(self.show(actual))));
                }
                return;
            }
            (Value::Object(e), Value::Object(a)) => return self.object(e, a, at, found),
            (Value::Array(e), Value::Array(a)) => {
                if e.len() != a.len() {
                    let text = |n: usize| Some(Value::String(format!("array of {n}")));
                    found.push((at.to_owned(), text(e.len()), text(a.len())));
                }
                for (i, (e, a)) in e.iter().zip(a).enumerate() {
                    self.value(e, a, &format!("{at}/{i}"), found);
                }
                return;
            }
            (Value::String(e), Value::String(a)) => self.string(e, a),
            (Value::String(e), Value::Number(_)) => e == "<n>",
            (Value::Number(e), Value::Number(a)) => same_number(&e.to_string(), &a.to_string()),
            (e, a) => e == a,
        };
        if !equal {
            found.push((at.to_owned(), Some(expected.clone()), Some(self.show(actual))));
        }
    }

    fn object(
        &mut self,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
        at: &str,
        found: &mut Found,
    ) {
        let names = self.names(expected, actual);
        let all: BTreeSet<&String> = expected.keys().chain(names.keys()).collect();
        for name in all {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            match (expected.get(name), names.get(name).and_then(|key| actual.get(key))) {
                (Some(e), Some(a)) => self.value(e, a, &here, found),
                (Some(e), None) => {
                    if e != ANY_OR_ABSENT && !(e.is_null() && self.null_ok(&here)) {
                        found.push((here, Some(e.clone()), None));
                    }
                }
                (None, Some(a)) => {
                    let fine =
                        (a.is_null() && self.null_ok(&here)) || listed(&self.tolerance.allowed_extra, &here);
                    if !fine {
                        found.push((here, None, Some(self.show(a))));
                    }
                }
                (None, None) => {}
            }
        }
    }

    /// Shown name -> the name in the answer. A name may hold ids: known ones are translated, the others are
    /// paired by their shape, first with the member whose value fits.
    fn names(
        &mut self,
        expected: &Map<String, Value>,
        actual: &Map<String, Value>,
    ) -> HashMap<String, String> {
        let mut names: HashMap<String, String> = HashMap::new();
        for key in actual.keys() {
            let shown = uuid_pattern().replace_all(key, |found: &Captures<'_>| {
                self.token_of.get(&found[0].to_lowercase()).cloned().unwrap_or_else(|| found[0].to_owned())
            });
            names.insert(shown.into_owned(), key.clone());
        }
        let mut wanted: Vec<&String> = expected.keys().filter(|k| ID_TOKEN.is_match(k)).collect();
        wanted.sort();
        for name in wanted {
            if names.contains_key(name) {
                continue;
            }
            let wanted_shape = shape(&ID_TOKEN, name);
            let mut like: Vec<String> = names
                .keys()
                .filter(|n| !expected.contains_key(*n) && shape(uuid_pattern(), n) == wanted_shape)
                .cloned()
                .collect();
            like.sort_by_key(|n| (!self.fits(&expected[name], &actual[&names[n]]), n.clone()));
            for shown in like {
                if self.string(name, &shown) {
                    if let Some(key) = names.remove(&shown) {
                        names.insert(name.clone(), key);
                    }
                    break;
                }
            }
        }
        names
    }

    fn fits(&self, expected: &Value, actual: &Value) -> bool {
        let mut found = Vec::new();
        self.clone().value(expected, actual, "", &mut found);
        found.is_empty()
    }

    fn null_ok(&self, at: &str) -> bool {
        listed(&self.tolerance.null_equals_absent, at)
    }
}

fn shape(ids: &Regex, text: &str) -> String {
    ids.replace_all(text, "\0").into_owned()
}

fn listed(globs: &[String], at: &str) -> bool {
    let general: Vec<&str> = at
        .split('/')
        .map(|s| if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) { "*" } else { s })
        .collect();
    globs.iter().any(|g| glob(g, &general.join("/")))
}

/// Integers by their digits, decimals by their value; an integer never equals a decimal.
fn same_number(a: &str, b: &str) -> bool {
    let decimal = |t: &str| t.contains(['.', 'e', 'E']);
    match (decimal(a), decimal(b)) {
        (false, false) => a == b,
        (true, true) => matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(x), Ok(y)) if x == y),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::{Difference, Tolerance, glob, traces};
    use crate::conformance::normalise::number_ids;
    use crate::conformance::trace::Entry;

    const A: &str = "00000001-0000-4000-8000-000000000000";
    const B: &str = "00000002-0000-4000-8000-000000000000";
    const C: &str = "00000003-0000-4000-8000-000000000000";

    fn entry(value: Value) -> Vec<Entry> {
        vec![Entry { status: Some(json!(200)), json: Some(value), ..Entry::default() }]
    }

    fn compare(golden: Value, actual: Value, tolerance: &Tolerance) -> Vec<Difference> {
        traces(&entry(golden), &entry(actual), tolerance)
    }

    fn places(golden: Value, actual: Value) -> Vec<String> {
        compare(golden, actual, &Tolerance::default()).into_iter().map(|d| d.at).collect()
    }

    #[test]
    fn ids_are_paired_one_to_one() {
        let golden = number_ids(&json!({"a": A, "b": [B, format!("Task {A} failed")]}), &mut HashMap::new());
        assert_eq!(golden, json!({"a": "<id:1>", "b": ["<id:2>", "Task <id:1> failed"]}));
        let none: Vec<String> = Vec::new();
        assert_eq!(places(golden.clone(), json!({"a": C, "b": [A, format!("Task {C} failed")]})), none);
        assert_eq!(places(golden.clone(), json!({"a": C, "b": [A, format!("Task {A} failed")]})), ["/b/1"]);
        assert_eq!(places(golden, json!({"a": C, "b": [C, format!("Task {C} failed")]})), ["/b/0"]);
    }

    #[test]
    fn ids_in_member_names_are_paired_too() {
        let golden = json!({"x": "<id:1>", "m": {"<id:1>": 1, "<id:2>": 2}});
        assert!(places(golden.clone(), json!({"x": A, "m": {B: 2, A: 1}})).is_empty());
        assert!(!places(golden, json!({"x": A, "m": {B: 1, A: 2}})).is_empty());
    }

    #[test]
    fn members_lengths_and_number_kinds_count() {
        let golden = json!({"a": 1, "b": null, "c": [1, 2], "d": 5});
        let but = |change: &dyn Fn(&mut Value)| {
            let mut actual = golden.clone();
            change(&mut actual);
            places(golden.clone(), actual)
        };
        assert_eq!(but(&|v| v["d"] = json!(5.0)), ["/d"]);
        assert_eq!(but(&|v| drop(v.as_object_mut().and_then(|m| m.remove("b")))), ["/b"]);
        assert_eq!(but(&|v| v["e"] = json!(1)), ["/e"]);
        assert_eq!(but(&|v| v["c"] = json!([1])), ["/c"]);
        assert_eq!(but(&|v| v["a"] = json!(true)), ["/a"]);
        assert!(but(&|_| ()).is_empty());
        assert!(super::same_number("1e3", "1000.0") && !super::same_number("5", "5.0"));
    }

    #[test]
    fn wildcards_take_what_they_say() {
        let none: Vec<String> = Vec::new();
        assert_eq!(places(json!({"t": "<n>"}), json!({"t": 4})), none);
        assert_eq!(places(json!({"t": "<n>"}), json!({"t": "4"})), ["/t"]);
        assert_eq!(places(json!({"t": "<any?>", "u": "<any>"}), json!({"u": [1]})), none);
        assert_eq!(places(json!({"t": "<elided>"}), json!({"t": null})), ["/t"]);
        assert_eq!(places(json!({"t": "<time>"}), json!({"t": 0})), ["/t"]);
    }

    #[test]
    fn what_is_tolerated_is_named() {
        let tolerance = Tolerance {
            allowed_extra: vec!["/tasks/*/podium*".to_owned()],
            null_equals_absent: vec!["/n".to_owned()],
            better_errors: false,
        };
        let actual = json!({"tasks": [{"podiumX": 1}]});
        assert!(compare(json!({"tasks": [{}], "n": null}), actual, &tolerance).is_empty());
        assert!(glob("tasks/s0*", "tasks/s001-x") && !glob("tasks/s0?", "tasks/s001"));
    }

    #[test]
    fn the_kind_of_body_is_part_of_the_answer() {
        let golden = vec![Entry { status: Some(json!(200)), empty: true, ..Entry::default() }];
        let actual = vec![Entry {
            status: Some(json!(400)),
            json: Some(json!({"status": 400, "message": "m"})),
            is_proper_error: true,
            ..Entry::default()
        }];
        let found = traces(&golden, &actual, &Tolerance::default());
        assert_eq!(
            found.iter().map(|d| d.at.as_str()).collect::<Vec<_>>(),
            ["(status)", "(empty)", "(json)"]
        );

        let golden = vec![Entry { status: Some(json!(500)), json: Some(json!({})), ..Entry::default() }];
        let better = Tolerance { better_errors: true, ..Tolerance::default() };
        assert!(traces(&golden, &actual, &better).is_empty());
        assert!(!traces(&golden, &actual, &Tolerance::default()).is_empty());
    }
}
