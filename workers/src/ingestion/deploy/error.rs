//! Why a deployment did not come to its end, and how that is answered.

use podium_designer::Violations;
use podium_ledger::LedgerError;
use podium_objects::ObjectError;
use serde_json::{Value, json};

use super::super::convert::ConvertError;
use super::super::definition::Unfit;
use super::super::engine::EngineError;

/// Begins every message of a deployment that failed, as it always did.
const FAILED: &str = "Failed to deploy workflow: ";

/// What stopped a deployment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    /// The request is not of the documented form.
    #[error("{place}: {reason}")]
    Shape { place: &'static str, reason: String },
    #[error("the graph cannot be deployed: {0}")]
    Graph(Violations),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Conflict(String),
    #[error("the metadata of task {task:?} cannot be used: {reason}")]
    Metadata { task: String, reason: String },
    #[error(transparent)]
    Objects(#[from] ObjectError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    #[error("another process went on with this deployment; repeat the request to see what became of it")]
    Lost,
}

impl DeployError {
    pub(super) fn shape(place: &'static str, reason: String) -> Self {
        Self::Shape { place, reason }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Shape { .. } | Self::Graph(_) | Self::Unfit(_) | Self::Missing(_) => 422,
            Self::Convert(ConvertError::Configuration { .. }) => 422,
            Self::Convert(ConvertError::Program(_)) | Self::Metadata { .. } => 500,
            Self::Conflict(_) => 409,
            Self::Objects(error) => store_status(error),
            // what the engine says about the definition is the sender's to know
            Self::Engine(EngineError::Refused { status: status @ (400 | 409 | 413 | 422), .. }) => *status,
            Self::Engine(EngineError::Refused { .. } | EngineError::Address(_)) => 502,
            Self::Engine(EngineError::Away { .. }) | Self::Ledger(_) | Self::Lost => 503,
        }
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Shape { place, reason } => {
                let path: Vec<&str> = match *place {
                    "body" => vec!["body"],
                    "Idempotency-Key" => vec!["header", place],
                    place => std::iter::once("body").chain([place]).collect(),
                };
                json!({"detail": [{"loc": path, "msg": reason, "type": "value_error"}]})
            }
            Self::Graph(violations) => json!({
                "detail": format!("{FAILED}{self}"),
                "violations": violations,
            }),
            other => json!({"detail": format!("{FAILED}{other}")}),
        }
    }
}

/// How trouble with a store is answered.
pub(crate) fn store_status(error: &ObjectError) -> u16 {
    match error {
        ObjectError::NoSuchObject { .. } | ObjectError::NoSuchBucket { .. } => 404,
        ObjectError::TooLarge { .. } => 413,
        // a store that is full says so in its own words, with a status that asks to come back
        ObjectError::Unavailable { reason, .. } | ObjectError::Refused { reason, .. }
            if ["StorageFull", "QuotaExceeded", "EntityTooLarge"]
                .iter()
                .any(|word| reason.contains(word)) =>
        {
            507
        }
        ObjectError::Unavailable { .. } => 503,
        ObjectError::Denied { .. }
        | ObjectError::Damaged { .. }
        | ObjectError::Refused { .. }
        | ObjectError::Settings(_) => 502,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_of_the_documented_form() {
        let error = DeployError::shape("workflow", "field required".to_owned());
        assert_eq!(
            error.body(),
            json!({"detail": [{"loc": ["body", "workflow"], "msg": "field required", "type": "value_error"}]})
        );
        let error = DeployError::Convert(ConvertError::Program("dpservices.bin failed:no".to_owned()));
        assert_eq!(
            (error.status(), error.body()),
            (500, json!({"detail": "Failed to deploy workflow: dpservices.bin failed:no"}))
        );
    }

    #[test]
    fn a_full_store_is_told_from_one_that_is_away() {
        let error = |reason: &str| ObjectError::Unavailable {
            action: "write",
            bucket: "b".into(),
            key: "k".into(),
            reason: reason.to_owned(),
        };
        assert_eq!(store_status(&error("XMinioStorageFull: Storage backend has reached its minimum")), 507);
        assert_eq!(store_status(&error("connection refused")), 503);
    }
}
