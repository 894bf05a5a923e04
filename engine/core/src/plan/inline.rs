//! Definitions that are not registered: given whole by a task or a request.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::def::WorkflowDef;

/// A definition that a task gives whole, known by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineDefinition {
    key: [u8; 32],
    text: Arc<str>,
}

impl InlineDefinition {
    pub fn of(def: &WorkflowDef) -> Self {
        let text: Arc<str> = serde_json::to_string(def).expect("a definition always has a JSON text").into();
        InlineDefinition { key: Sha256::digest(text.as_bytes()).into(), text }
    }

    /// SHA-256 of the text.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// The definition as JSON.
    pub fn text(&self) -> &str {
        &self.text
    }
}
