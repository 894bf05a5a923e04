//! Turns one answer into its comparable form by `rules.json`, the one place that says what is volatile.
//!
//! UUIDs stay as they are here; the comparison pairs them with the golden's `<id:n>`.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use super::compare::Tolerance;

static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
        .expect("the pattern is written here")
});

/// The pattern of a UUID anywhere in a text.
pub(crate) fn uuid_pattern() -> &'static Regex {
    &UUID
}

/// The text with every UUID replaced by `<id>`.
pub(crate) fn mask_uuids(text: &str) -> String {
    UUID.replace_all(text, "<id>").into_owned()
}

#[derive(Deserialize)]
struct RawRules {
    volatile_keys: Vec<VolatileKey>,
    elided_keys: Vec<ElidedKey>,
    text_patterns: Vec<RawPattern>,
    epoch_millis_range: [i64; 2],
    long_text_over: usize,
    null_equals_absent: Vec<String>,
}

#[derive(Deserialize)]
struct VolatileKey {
    key: String,
    #[serde(rename = "as")]
    becomes: String,
    #[serde(default)]
    when_has: Vec<String>,
    #[serde(default)]
    when: HashMap<String, Vec<Value>>,
    unless_prefix: Option<String>,
}

#[derive(Deserialize)]
struct ElidedKey {
    key: String,
    when_has: Vec<String>,
}

#[derive(Deserialize)]
struct RawPattern {
    re: String,
    to: String,
    #[serde(default)]
    unless: Vec<String>,
}

struct Pattern {
    re: Regex,
    to: String,
    unless: Vec<String>,
}

/// The rules, ready to use.
pub struct Rules {
    volatile: Vec<VolatileKey>,
    elided: Vec<ElidedKey>,
    patterns: Vec<Pattern>,
    epoch_millis: [i64; 2],
    long_text_over: usize,
    null_equals_absent: Vec<String>,
}

impl Rules {
    /// Reads the text of `rules.json`.
    pub fn parse(text: &str) -> anyhow::Result<Rules> {
        let raw: RawRules = serde_json::from_str(text)?;
        let patterns = raw.text_patterns.into_iter().map(Pattern::compile).collect::<anyhow::Result<_>>()?;
        Ok(Rules {
            volatile: raw.volatile_keys,
            elided: raw.elided_keys,
            patterns,
            epoch_millis: raw.epoch_millis_range,
            long_text_over: raw.long_text_over,
            null_equals_absent: raw.null_equals_absent,
        })
    }

    /// What the comparison lets pass: the rules' nulls, these extra members, and 4xx for a recorded 5xx.
    pub fn tolerance(&self, allowed_extra: &[String]) -> Tolerance {
        Tolerance {
            allowed_extra: allowed_extra.to_vec(),
            null_equals_absent: self.null_equals_absent.clone(),
            better_errors: true,
        }
    }
}

impl Pattern {
    /// The file's patterns are Python's: group references are written `\1`, and a pattern may begin with a
    /// look-behind, which the `regex` crate lacks and which becomes a group that is put back.
    fn compile(raw: RawPattern) -> anyhow::Result<Pattern> {
        let references = Regex::new(r"\\(\d)")?;
        let (re, to) = match raw.re.strip_prefix("(?<=") {
            Some(rest) => {
                anyhow::ensure!(
                    !raw.to.contains('\\'),
                    "look-behind and group reference together: {}",
                    raw.re
                );
                (format!("({rest}"), format!("${{1}}{}", raw.to))
            }
            None => (raw.re.clone(), references.replace_all(&raw.to, "$${$1}").into_owned()),
        };
        Ok(Pattern { re: Regex::new(&re)?, to, unless: raw.unless })
    }

    fn apply(&self, text: &str) -> String {
        self.re
            .replace_all(text, |found: &Captures<'_>| {
                if self.unless.iter().any(|u| u == &found[0]) {
                    return found[0].to_owned();
                }
                let mut out = String::new();
                found.expand(&self.to, &mut out);
                out
            })
            .into_owned()
    }
}

/// Normalises with the rules and one run's own texts.
pub(crate) struct Normaliser<'a> {
    pub(crate) rules: &'a Rules,
    /// (text found in answers, what is put back), longest first.
    pub(crate) literals: Vec<(String, String)>,
}

impl Normaliser<'_> {
    /// A text with the run's own words put back and measured values masked.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (found, back) in &self.literals {
            if text.contains(found.as_str()) {
                text = text.replace(found.as_str(), back);
            }
        }
        for pattern in &self.rules.patterns {
            text = pattern.apply(&text);
        }
        let length = text.chars().count();
        if length <= self.rules.long_text_over {
            return text;
        }
        let hash = Sha1::digest(mask_uuids(&text).as_bytes());
        let hex: String = hash.iter().take(5).map(|b| format!("{b:02x}")).collect();
        format!("<text:{length}:{hex}>")
    }

    /// A JSON value with volatile members masked; `full` keeps embedded definitions.
    pub(crate) fn value(&self, value: &Value, full: bool) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => match number.as_i64() {
                Some(n) if (self.rules.epoch_millis[0]..=self.rules.epoch_millis[1]).contains(&n) => {
                    Value::String("<time>".to_owned())
                }
                _ => value.clone(),
            },
            Value::Array(list) => Value::Array(list.iter().map(|v| self.value(v, full)).collect()),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, member)| {
                        let masked = self.masked(members, name, member, full);
                        (self.text(name), masked.unwrap_or_else(|| self.value(member, full)))
                    })
                    .collect(),
            ),
        }
    }

    fn masked(&self, parent: &Map<String, Value>, name: &str, member: &Value, full: bool) -> Option<Value> {
        let has_all = |names: &[String]| names.iter().all(|n| parent.contains_key(n));
        let mut token = None;
        if !full && member.is_object() {
            token = self
                .rules
                .elided
                .iter()
                .find(|rule| rule.key == name && has_all(&rule.when_has))
                .map(|_| "<elided>");
        }
        for rule in &self.rules.volatile {
            let applies = rule.key == name
                && !member.is_null()
                && has_all(&rule.when_has)
                && rule.when.iter().all(|(k, wanted)| wanted.contains(parent.get(k).unwrap_or(&Value::Null)))
                && rule
                    .unless_prefix
                    .as_ref()
                    .is_none_or(|p| !super::pointer::as_text(member).starts_with(p.as_str()));
            if applies {
                token = Some(&rule.becomes);
            }
        }
        token.map(|t| Value::String(t.to_owned()))
    }
}

/// Replaces UUIDs by `<id:n>`, numbered by first appearance in `seen`, walking members in sorted order.
pub(crate) fn number_ids(value: &Value, seen: &mut HashMap<String, usize>) -> Value {
    match value {
        Value::String(text) => Value::String(number_text(text, seen)),
        Value::Array(list) => Value::Array(list.iter().map(|v| number_ids(v, seen)).collect()),
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            Value::Object(
                names
                    .into_iter()
                    .map(|name| {
                        let shown = number_text(name, seen);
                        (shown, number_ids(&members[name], seen))
                    })
                    .collect(),
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn number_text(text: &str, seen: &mut HashMap<String, usize>) -> String {
    UUID.replace_all(text, |found: &Captures<'_>| {
        let next = seen.len() + 1;
        let number = *seen.entry(found[0].to_lowercase()).or_insert(next);
        format!("<id:{number}>")
    })
    .into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Normaliser, Rules};

    fn rules() -> Rules {
        Rules::parse(include_str!("../../conformance/rules.json")).expect("the committed rules")
    }

    fn norm(value: Value) -> Value {
        let rules = rules();
        let literals = vec![("uabc".to_owned(), "{{unique}}".to_owned())];
        Normaliser { rules: &rules, literals }.value(&value, false)
    }

    #[test]
    fn a_runs_own_words_and_measured_values_are_masked() {
        let n = norm(
            json!({"name": "x_uabc", "startTime": 1_790_000_000_000_i64, "endTime": 0, "queueWaitTime": 12,
            "reason": "Task timed out after 7 seconds. Timeout configured as 5 seconds"}),
        );
        assert_eq!(n["name"], "x_{{unique}}");
        assert_eq!(
            (&n["startTime"], &n["endTime"], &n["queueWaitTime"]),
            (&json!("<time>"), &json!(0), &json!("<n>"))
        );
        assert_eq!(n["reason"], "Task timed out after <n> seconds. Timeout configured as 5 seconds");
    }

    #[test]
    fn volatile_members_depend_on_their_neighbours() {
        assert_eq!(norm(json!({"workerId": "kit-worker"}))["workerId"], "kit-worker");
        assert_eq!(norm(json!({"workerId": "vm"}))["workerId"], "<worker>");
        assert_eq!(norm(json!({"instance": "free data"}))["instance"], "free data");
        assert_eq!(norm(json!({"instance": "x", "status": 1, "retryable": false}))["instance"], "<host>");
        assert_eq!(norm(json!({"taskType": "JOIN", "pollCount": 3}))["pollCount"], "<n>");
        assert_eq!(norm(json!({"taskType": "t", "pollCount": 3}))["pollCount"], 3);
        let t = norm(
            json!({"taskId": "1", "referenceTaskName": "t", "taskDefinition": null, "workflowTask": {"a": 1}}),
        );
        assert_eq!((&t["taskDefinition"], &t["workflowTask"]), (&Value::Null, &json!("<elided>")));
    }

    #[test]
    fn text_patterns_know_their_exceptions_and_the_look_behind() {
        let n = norm(json!([
            "1970-01-01T00:00:00.000Z",
            "at 2026-01-02T03:04:05.678Z",
            "x.Y@1a2b3c4d z",
            "@1a2b3c4d",
            "at 1790000000000 ms"
        ]));
        assert_eq!(
            n,
            json!(["1970-01-01T00:00:00.000Z", "at <isotime>", "x.Y@<hash> z", "@1a2b3c4d", "at <time> ms"])
        );
    }

    #[test]
    fn long_texts_become_their_length_and_hash() {
        let n = norm(json!("x".repeat(2001)));
        let text = n.as_str().expect("a text");
        assert!(text.starts_with("<text:2001:") && text.len() == "<text:2001:".len() + 11, "{text}");
    }
}
