//! Replays recorded scenarios of a genuine Conductor against a server and compares call by call.
//!
//! The scenario format, normalisation and comparison are described in `tests/conformance/README.md`. What is
//! not here: starting servers (`crate::support`) and the verdict over a whole suite (`tests/conformance/main.rs`).

pub mod compare;
mod fill;
mod kafka;
mod normalise;
mod pointer;
mod run;
mod scenario;
mod steps;
pub mod stub;
mod text;
mod trace;

pub use normalise::Rules;
pub use run::{Environment, Outcome, play};
pub use scenario::{Deviation, Scenario, Suite};
pub use trace::{Entry, Golden};

/// Why a scenario could not go on.
#[derive(Debug, Clone)]
pub struct Stop(pub String);

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop(format!("connection failed: {error}"))
    }
}

/// A trace with its ids numbered, as golden files are written.
pub fn numbered(trace: &[Entry]) -> anyhow::Result<Vec<Entry>> {
    let mut seen = std::collections::HashMap::new();
    trace
        .iter()
        .map(|entry| {
            let mut entry = entry.clone();
            for part in [&mut entry.headers, &mut entry.text, &mut entry.json] {
                *part = part.as_ref().map(|value| normalise::number_ids(value, &mut seen));
            }
            Ok(entry)
        })
        .collect()
}
