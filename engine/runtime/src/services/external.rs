//! Payloads under paths: those that callers stored, and those of runs and tasks that are too large to be shown.
//!
//! A large payload of a run lies in a row of its own already, so its path is only another name for it: nothing is
//! copied when it is made, and it goes when its run goes. What a caller stores is copied into the run that names it.

use std::fmt;
use std::str::FromStr;

use podium_core::{Payload, RunId, TaskId};

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;
use crate::shared::Shared;

/// Bytes of a path that a caller makes up.
const PATH_AT_MOST: usize = 1_000;

/// The path of a payload of a run or a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadPath {
    RunInput(RunId),
    RunOutput(RunId),
    TaskInput(TaskId),
    TaskOutput(TaskId),
}

impl fmt::Display for PayloadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadPath::RunInput(run) => write!(f, "{run}-input.json"),
            PayloadPath::RunOutput(run) => write!(f, "{run}-output.json"),
            PayloadPath::TaskInput(task) => write!(f, "{task}-input.json"),
            PayloadPath::TaskOutput(task) => write!(f, "{task}-output.json"),
        }
    }
}

/// The text is no path of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a payload of a run")]
pub struct NotAPayloadPath;

impl FromStr for PayloadPath {
    type Err = NotAPayloadPath;

    fn from_str(text: &str) -> Result<Self, NotAPayloadPath> {
        let name = text.strip_suffix(".json").ok_or(NotAPayloadPath)?;
        let (id, is_input) = match (name.strip_suffix("-input"), name.strip_suffix("-output")) {
            (Some(id), _) => (id, true),
            (None, Some(id)) => (id, false),
            (None, None) => return Err(NotAPayloadPath),
        };
        // a run's id is one without a task's number
        match (id.parse::<RunId>(), id.parse::<TaskId>()) {
            (Ok(run), _) if is_input => Ok(PayloadPath::RunInput(run)),
            (Ok(run), _) => Ok(PayloadPath::RunOutput(run)),
            (Err(_), Ok(task)) if is_input => Ok(PayloadPath::TaskInput(task)),
            (Err(_), Ok(task)) => Ok(PayloadPath::TaskOutput(task)),
            (Err(_), Err(_)) => Err(NotAPayloadPath),
        }
    }
}

impl Engine {
    /// Keeps a payload under a path, so that a start or a report can name it; in place of an older one.
    ///
    /// Errors: `Conflict` for the path of a run's own payload; `Invalid` if the path is too long.
    pub async fn put_external(&self, path: &str, payload: &Payload) -> Result<(), EngineError> {
        if path.parse::<PayloadPath>().is_ok() {
            return Err(EngineError::Conflict(format!("{path} belongs to a workflow and cannot be written")));
        }
        if path.len() > PATH_AT_MOST {
            return Err(EngineError::Invalid(format!("a path has at most {PATH_AT_MOST} bytes")));
        }
        self.shared().store.put_external(path, payload.text().as_bytes()).await.map_err(storage)
    }

    /// The payload under a path: of a run, a task, or as a caller stored it. `None` if there is none.
    pub async fn external(&self, path: &str) -> Result<Option<Payload>, EngineError> {
        payload(self.shared(), path).await
    }
}

/// What an input or output is to be: the one that was given, else the one under the path. A path without a payload
/// means an empty one, as existing servers have it.
pub(crate) async fn given_or_stored(
    shared: &Shared,
    given: &Payload,
    path: Option<&str>,
) -> Result<Payload, EngineError> {
    match path {
        Some(path) if given.is_empty() => Ok(payload(shared, path).await?.unwrap_or_default()),
        Some(_) | None => Ok(given.clone()),
    }
}

async fn payload(shared: &Shared, path: &str) -> Result<Option<Payload>, EngineError> {
    let load = async |run: RunId| shared.store.load(run).await.map_err(storage);
    match path.parse() {
        Ok(PayloadPath::RunInput(run)) => Ok(load(run).await?.map(|run| run.head.input)),
        Ok(PayloadPath::RunOutput(run)) => Ok(load(run).await?.map(|run| run.head.output)),
        Ok(PayloadPath::TaskInput(task)) => {
            Ok(load(task.run()).await?.and_then(|run| Some(run.tasks.get(task.no())?.input.clone())))
        }
        Ok(PayloadPath::TaskOutput(task)) => {
            Ok(load(task.run()).await?.and_then(|run| Some(run.tasks.get(task.no())?.output.clone())))
        }
        Err(NotAPayloadPath) => {
            let Some(bytes) = shared.store.get_external(path).await.map_err(storage)? else {
                return Ok(None);
            };
            let text = String::from_utf8(bytes)
                .map_err(|_| EngineError::Internal(format!("the payload {path} is no text")))?;
            // another node's clients stored it through the same check: it is one JSON object
            Ok(Some(Payload::from_object_text(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use podium_core::Timestamp;

    use super::*;

    #[test]
    fn paths_read_back() {
        let run = RunId::new(Timestamp::from_millis(1_700_000_000_123), 7, 0);
        let task = run.task(3);
        for path in [
            PayloadPath::RunInput(run),
            PayloadPath::RunOutput(run),
            PayloadPath::TaskInput(task),
            PayloadPath::TaskOutput(task),
        ] {
            assert_eq!(path.to_string().parse(), Ok(path));
        }
        for other in ["", "x-input.json", "3f2c.json", &format!("{run}.json"), &format!("{run}-input")] {
            assert_eq!(other.parse::<PayloadPath>(), Err(NotAPayloadPath), "{other}");
        }
    }
}
