//! Everything that is wrong with what was handed in, at once.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with a graph or a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What kind of thing, for machines.
    pub code: &'static str,
    /// The node that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What was found and what would be right.
    pub message: String,
}

/// All that is wrong; an error is never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    pub(crate) fn add(&mut self, code: &'static str, node: Option<&str>, message: impl Into<String>) {
        self.0.push(Violation { code, node: node.map(str::to_owned), message: message.into() });
    }

    /// `Err` if anything was found.
    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, violation) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{}", violation.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
