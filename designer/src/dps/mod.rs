//! The XML in which the designer describes a name-parse or e-mail-hygiene service, and the JSON that its job reads.
//!
//! [`to_xml`] writes what the designer writes on Save (spec: pipeline §6.4); [`to_json`] is the built-in substitute for
//! the closed converter program (§8). The members that other components read are certain: `metadata.environment`,
//! `service.input.uri`, `service.output.uri`, `service.report.uri`, `service.report.record[].delimiter`. The rest is
//! ours until a real sample is seen.
//!
//! The XML comes from outside: document types and entities are refused, never expanded; size, depth and the number of
//! elements are bounded.

mod expression;
mod form;
mod json;
mod tree;
mod write;

pub use form::{Form, NameOrientation, NameType, Service};
pub use json::to_json;
pub use write::{DEFAULT_NAMESPACE, to_xml};

/// Bounds on a document, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `WBEmailHygiene` or `WBNameParse`: the service to convert. Without, the only one in the document.
    pub execution_id: Option<String>,
    pub max_bytes: usize,
    /// Elements inside elements, the root being one.
    pub max_depth: usize,
    pub max_elements: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { execution_id: None, max_bytes: 4 * 1024 * 1024, max_depth: 64, max_elements: 20_000 }
    }
}

/// Why XML was not converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DpsError {
    #[error("the service XML has {found} bytes, more than {limit}")]
    TooLarge { found: usize, limit: usize },
    #[error("the service XML nests elements deeper than {limit}")]
    TooDeep { limit: usize },
    #[error("the service XML has more than {limit} elements")]
    TooManyElements { limit: usize },
    #[error("the service XML has a document type, which is refused: remove the <!DOCTYPE ...>")]
    DocumentType,
    #[error(
        "the service XML uses the entity &{name};, which is refused: only &lt; &gt; &amp; &quot; &apos; and characters by number are read"
    )]
    Entity { name: String },
    #[error("the service XML is not well-formed at byte {at}: {reason}")]
    NotWellFormed { at: u64, reason: String },
    #[error("the service XML lacks {}", .parts.join(", "))]
    Missing { parts: Vec<String> },
    #[error("the service XML has the services {}, none of which is {wanted}", .found.join(", "))]
    OtherService { wanted: String, found: Vec<String> },
    #[error("the service XML has the services {}: say which one is meant", .found.join(", "))]
    SeveralServices { found: Vec<String> },
}

/// The XML inside a request's `dp_config`: a JSON string is unwrapped, in anything else each `\"` becomes `"`; white
/// space around it goes. The two characters `\n` stay what they are.
#[must_use]
pub fn unescape(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::String(inner)) => inner.trim().to_owned(),
        Ok(_) | Err(_) => text.replace("\\\"", "\"").trim().to_owned(),
    }
}
