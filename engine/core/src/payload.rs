//! JSON that users own: inputs, outputs, variables.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::id::RunId;

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

    /// The members. A text that is no object (possible only if the store was edited by hand) reads as `{}`.
    pub fn map(&self) -> &Map<String, Value> {
        self.0.parsed.get_or_init(|| serde_json::from_str(&self.0.text).unwrap_or_default())
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map().get(key)
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    pub fn is_empty(&self) -> bool {
        &*self.0.text == "{}" || self.map().is_empty()
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
