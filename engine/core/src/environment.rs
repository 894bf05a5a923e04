//! What definitions may read of the surroundings of the server (spec: semantics §3.2; scenarios s182a, s184m).
//!
//! | expression | gives |
//! | --- | --- |
//! | `${NAME}` | a variable of the server's process, before any task of that name; if there is none, what a path gives |
//! | `${workflow.env.NAME}`, `${workflow.env.NAME.a.b}` | a variable meant for definitions, or what it holds as JSON; unknown: null |
//! | `${workflow.secrets.NAME}`, with a path too | stays as it is in all that is stored and shown; a worker that gets the task, a call and a script find the secret in its place; unknown: null, inside of a text nothing |

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::payload::Payload;
use crate::task::TaskState;

/// How a secret is named in a text.
const SECRET: &str = "${workflow.secrets.";

/// Variables and secrets of one node, read once when it starts. All nodes are to have the same.
#[derive(Clone, Default)]
pub struct Environment {
    /// Variables of the process that definitions may read as `${NAME}`.
    pub process: BTreeMap<String, String>,
    /// `${workflow.env.NAME}`.
    pub variables: BTreeMap<String, String>,
    /// `${workflow.secrets.NAME}`.
    pub secrets: BTreeMap<String, String>,
}

impl fmt::Debug for Environment {
    /// Names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("secrets", &self.secrets.keys())
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// What `${workflow.env.<name>}` gives, `None` if there is nothing.
    pub(crate) fn variable(&self, name: &str) -> Option<Value> {
        look_up(&self.variables, name)
    }

    /// The task as who runs it gets it: with secrets in its input. The same task if it names none; costs one look over
    /// the text of the input.
    pub fn with_secrets(&self, task: Arc<TaskState>) -> Arc<TaskState> {
        let text = task.input.text();
        if !text.as_bytes().contains(&b'$') || !text.contains(SECRET) {
            return task;
        }
        let mut filled = (*task).clone();
        filled.input = Payload::from_map(self.fill_map(task.input.map()));
        Arc::new(filled)
    }

    fn fill_map(&self, map: &Map<String, Value>) -> Map<String, Value> {
        map.iter().map(|(name, value)| (name.clone(), self.fill(value))).collect()
    }

    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.contains(SECRET) => self.fill_text(text),
            Value::Array(list) => Value::Array(list.iter().map(|value| self.fill(value)).collect()),
            Value::Object(map) => Value::Object(self.fill_map(map)),
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> Value {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(SECRET) {
            let inside = &rest[at + SECRET.len()..];
            let Some(end) = inside.find('}') else { break };
            let secret = look_up(&self.secrets, &inside[..end]);
            if at == 0 && rest.len() == text.len() && end + 1 == inside.len() {
                return secret.unwrap_or(Value::Null);
            }
            out.push_str(&rest[..at]);
            match secret {
                None => {}
                Some(Value::String(secret)) => out.push_str(&secret),
                Some(other) => out.push_str(&other.to_string()),
            }
            rest = &inside[end + 1..];
        }
        out.push_str(rest);
        Value::String(out)
    }
}

/// The value of that name; or, behind the first dot, what the value holds there as JSON.
fn look_up(values: &BTreeMap<String, String>, name: &str) -> Option<Value> {
    if let Some(value) = values.get(name) {
        return Some(Value::String(value.clone()));
    }
    let (name, path) = name.split_once('.')?;
    let whole: Value = serde_json::from_str(values.get(name)?).ok()?;
    let mut found = &whole;
    for member in path.split('.') {
        found = match found {
            Value::Array(list) => list.get(member.parse::<usize>().ok()?)?,
            other => other.get(member)?,
        };
    }
    Some(found.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decide::bench::Bench;

    fn environment() -> Environment {
        let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Environment {
            process: map("HOME", "/home/x"),
            variables: map("PLACE", r#"{"city": "K", "l": [1]}"#),
            secrets: map("PIN", r#"{"a": "4711"}"#),
        }
    }

    #[test]
    fn secrets_stand_in_what_a_worker_gets_and_in_nothing_else() {
        let input = json!({"whole": "${workflow.secrets.PIN.a}", "in": "<${workflow.secrets.PIN.a}|${workflow.secrets.NO}>",
            "none": "${workflow.secrets.NO}", "deep": {"l": ["${workflow.secrets.NO.a}"]}, "open": "${workflow.secrets.PIN"});
        let task = json!({"name": "t", "taskReferenceName": "t", "inputParameters": input});
        let bench = Bench::start(json!([task]), json!({}));
        let row = bench.row("t");
        assert_eq!(json!(row.input.map()), input);
        let filled = environment().with_secrets(Arc::new(row.clone()));
        let expected = json!({"whole": "4711", "in": "<4711|>", "none": null, "deep": {"l": [null]},
            "open": "${workflow.secrets.PIN"});
        assert_eq!(json!(filled.input.map()), expected);
        let plain = Arc::new(
            Bench::start(json!([{"name": "t", "taskReferenceName": "t"}]), json!({})).row("t").clone(),
        );
        assert!(Arc::ptr_eq(&environment().with_secrets(plain.clone()), &plain));
    }

    #[test]
    fn variables_are_texts_or_hold_json() {
        let environment = environment();
        assert_eq!(environment.variable("PLACE.city"), Some(json!("K")));
        assert_eq!(environment.variable("PLACE.l.0"), Some(json!(1)));
        assert_eq!(environment.variable("PLACE.no"), None);
        assert_eq!(environment.variable("NO"), None);
        assert!(environment.variable("PLACE").is_some_and(|value| value.is_string()));
        assert!(!format!("{environment:?}").contains("4711"));
    }
}
