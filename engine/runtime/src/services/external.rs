//! Payloads under paths: those that callers stored, and those of runs and tasks that are too large to be shown.
//!
//! A large payload of a run lies in a row of its own already, so its path is only another name for it: nothing is
//! copied when it is made, and it goes when its run goes. What a caller stores is copied into the run that names it, up to
//! the limit of every input and output.
//!
//! With a store outside (`ports::PayloadStore`) callers put and get payloads there. A payload of a run is copied there when
//! somebody asks for its address; the copy is nobody's state, and may be deleted at any time.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use podium_core::payload::MAX_DEPTH;
use podium_core::{Payload, RunId, TaskId};
use serde::de::IgnoredAny;

use crate::engine::Engine;
use crate::errors::storage;
use crate::messages::EngineError;
use crate::ports::PayloadStoreError;
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
        check_path(path)?;
        self.shared().store.put_external(path, payload.text().as_bytes()).await.map_err(storage)
    }

    /// The whole address to which a client can put a payload under this path, in the store outside; `None` without one.
    ///
    /// Errors: those of [`Engine::put_external`], and `Unavailable`.
    pub async fn address_to_put(&self, path: &str) -> Result<Option<String>, EngineError> {
        let Some(payloads) = &self.shared().config.payloads else { return Ok(None) };
        check_path(path)?;
        payloads.address_to_put(path).await.map(Some).map_err(|error| outside(path, error))
    }

    /// The whole address from which a client can get the payload under this path, in the store outside; `None` without
    /// one. A payload of a run is put there first. Errors: `Unavailable`; `Invalid` if the path is too long.
    pub async fn address_to_get(&self, path: &str) -> Result<Option<String>, EngineError> {
        let Some(payloads) = &self.shared().config.payloads else { return Ok(None) };
        check_length(path)?;
        if path.parse::<PayloadPath>().is_ok()
            && let Some(payload) = payload(self.shared(), path).await?
        {
            payloads.put(path, payload.text().as_bytes()).await.map_err(|error| outside(path, error))?;
        }
        payloads.address_to_get(path).await.map(Some).map_err(|error| outside(path, error))
    }

    /// The payload under a path: of a run, a task, or as a caller stored it. `None` if there is none.
    pub async fn external(&self, path: &str) -> Result<Option<Payload>, EngineError> {
        payload(self.shared(), path).await
    }
}

fn check_path(path: &str) -> Result<(), EngineError> {
    if path.parse::<PayloadPath>().is_ok() {
        return Err(EngineError::Conflict(format!("{path} belongs to a workflow and cannot be written")));
    }
    check_length(path)
}

fn check_length(path: &str) -> Result<(), EngineError> {
    if path.len() > PATH_AT_MOST {
        return Err(EngineError::Invalid(format!("a path has at most {PATH_AT_MOST} bytes")));
    }
    Ok(())
}

fn outside(path: &str, error: PayloadStoreError) -> EngineError {
    match error {
        PayloadStoreError::Unavailable(why) => EngineError::Unavailable(why),
        error => EngineError::Internal(format!("the payload {path} could not be reached: {error}")),
    }
}

fn too_large(path: &str, size: u64, limit: usize) -> EngineError {
    EngineError::TooLarge(format!(
        "the payload {path} has {size} bytes, more than the limit of {limit} (engine.payload_limit_bytes)"
    ))
}

/// What an input or output is to be: the one that was given, else the one under the path. A path without a payload
/// means an empty one, as existing servers have it.
pub(crate) async fn given_or_stored(
    shared: &Shared,
    given: &Payload,
    path: Option<&str>,
) -> Result<Payload, EngineError> {
    match path {
        Some(path) if given.is_empty() => Ok(stored(shared, path).await?.unwrap_or_default()),
        Some(_) | None => Ok(given.clone()),
    }
}

/// The payload under a path, for a run that is to have a copy. `None` if there is none. Errors: `TooLarge`, `Invalid` if it
/// is no JSON object, `Unavailable`.
pub(crate) async fn stored(shared: &Shared, path: &str) -> Result<Option<Payload>, EngineError> {
    let limit = shared.config.settings.payload_limit_bytes;
    let found = payload(shared, path).await?;
    match found {
        Some(payload) if payload.size_bytes() > limit => {
            Err(too_large(path, payload.size_bytes() as u64, limit))
        }
        found => Ok(found),
    }
}

/// What a client put into the store outside: nobody has looked at it yet.
async fn from_outside(shared: &Shared, path: &str) -> Result<Option<Payload>, EngineError> {
    let Some(payloads) = &shared.config.payloads else { return Ok(None) };
    let limit = shared.config.settings.payload_limit_bytes;
    let bytes = payloads.get(path, limit).await.map_err(|error| match error {
        PayloadStoreError::TooLarge(size) => too_large(path, size, limit),
        error => outside(path, error),
    })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let unfit = |why: &str| EngineError::Invalid(format!("the payload {path} is no JSON object: {why}"));
    let text = String::from_utf8(bytes).map_err(|_| unfit("it is no UTF-8"))?;
    let payload = tokio::task::spawn_blocking(move || -> Result<Payload, String> {
        serde_json::from_str::<Members>(&text).map_err(|error| error.to_string())?;
        let payload = Payload::from_object_text(text);
        if payload.is_too_deep() {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(payload)
    });
    let payload = payload.await.map_err(|_| unfit("it could not be read"))?;
    payload.map(Some).map_err(|why| unfit(&why))
}

/// Any members; nothing of them is kept.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Members(
    #[allow(dead_code, reason = "only whether it can be read counts")] HashMap<String, IgnoredAny>,
);

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
            if let Some(payload) = from_outside(shared, path).await? {
                return Ok(Some(payload));
            }
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
