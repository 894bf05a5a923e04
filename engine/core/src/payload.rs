//! JSON that users own: inputs, outputs, variables.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::id::RunId;

/// Levels of nesting that a value of a user may have; what brings in or makes a deeper one is refused or fails with a
/// reason. The parser stops at 128: the rest is for what a value is wrapped in on its way.
pub const MAX_DEPTH: usize = 100;

/// One JSON object that a user gave or a template made, written once and handed around by reference.
///
/// Keeps the text as it came (member order, numbers of any length) and parses it only when somebody
/// looks inside, so a value that only passes through is never parsed. Cloning is one counter.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    text: Box<str>,
    parsed: OnceLock<Map<String, Value>>,
    kept: OnceLock<(RunId, i64)>,
}

impl Payload {
    /// The empty object `{}`.
    pub fn empty() -> Self {
        static EMPTY: OnceLock<Payload> = OnceLock::new();
        EMPTY.get_or_init(|| Payload::from_map(Map::new())).clone()
    }

    /// Takes text that the caller knows to be one JSON object (checked at the edge, or read back from the store).
    pub fn from_object_text(text: impl Into<Box<str>>) -> Self {
        Payload(Arc::new(Inner { text: text.into(), parsed: OnceLock::new(), kept: OnceLock::new() }))
    }

    pub fn from_map(map: Map<String, Value>) -> Self {
        let text = serde_json::to_string(&map).expect("a JSON map always has a text").into_boxed_str();
        let parsed = OnceLock::new();
        let _ = parsed.set(map);
        Payload(Arc::new(Inner { text, parsed, kept: OnceLock::new() }))
    }

    /// The members.
    ///
    /// # Panics
    /// If the text is no object that can be read. That is possible only if the store was edited by hand; a decision
    /// that looks into it breaks off, and its run is put aside with this reason instead of going on without the value.
    pub fn map(&self) -> &Map<String, Value> {
        self.0.parsed.get_or_init(|| match serde_json::from_str(&self.0.text) {
            Ok(map) => map,
            Err(error) => panic!("a stored value cannot be read: {error}"),
        })
    }

    /// Nested deeper than [`MAX_DEPTH`] levels.
    pub fn is_too_deep(&self) -> bool {
        // each level takes two bytes: most values need not be looked at
        self.0.text.len() > 2 * MAX_DEPTH && depth(&self.0.text) > MAX_DEPTH
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map().get(key)
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    pub fn is_empty(&self) -> bool {
        let members = self.0.text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        members.is_some_and(|members| members.trim().is_empty())
    }

    pub fn size_bytes(&self) -> usize {
        self.0.text.len()
    }

    /// The slot in which the store keeps this value for the run, if it does: then a row refers to it and
    /// the value is not written again. Slots are never rewritten, so this stays true.
    pub fn kept_slot(&self, run: RunId) -> Option<i64> {
        self.0.kept.get().filter(|(owner, _)| *owner == run).map(|(_, slot)| *slot)
    }

    /// Remembers where the store keeps this value. For the store, after a commit or a load; the first one stays.
    pub fn keep(&self, run: RunId, slot: i64) {
        let _ = self.0.kept.set((run, slot));
    }

    /// True if both are the same value by reference: nothing was copied.
    pub fn same(&self, other: &Payload) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Deepest nesting of objects and lists in a JSON text.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text.bytes() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

impl Default for Payload {
    fn default() -> Self {
        Payload::empty()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.text() == other.text() || self.map() == other.map()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<Map<String, Value>> for Payload {
    fn from(map: Map<String, Value>) -> Self {
        Payload::from_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Payload {
        let inner = levels - 1;
        Payload::from_object_text(format!(r#"{{"a":{}{}}}"#, "[".repeat(inner), "]".repeat(inner)))
    }

    #[test]
    fn depth_is_counted_outside_of_texts() {
        assert!(!nested(MAX_DEPTH).is_too_deep());
        assert!(nested(MAX_DEPTH + 1).is_too_deep());
        assert_eq!(depth(r#"{"a":"[[[\"[[\\","b":[{}]}"#), 3);
    }

    #[test]
    #[should_panic(expected = "a stored value cannot be read: recursion limit exceeded")]
    fn what_cannot_be_read_is_not_empty() {
        let payload = nested(500);
        assert!(!payload.is_empty());
        payload.map();
    }

    #[test]
    fn blanks_are_nothing() {
        for empty in ["{}", " { } ", "{\n}"] {
            assert!(Payload::from_object_text(empty).is_empty(), "{empty:?}");
        }
        assert!(!Payload::from_object_text(r#"{"a":{}}"#).is_empty());
    }
}
