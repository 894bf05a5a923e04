//! How the store's errors look to callers of the engine.

use podium_store::StoreError;

use crate::messages::EngineError;

/// Errors that may pass become `Unavailable`; the rest is a fault of ours or of the rows and is logged here, once.
pub(crate) fn storage(error: StoreError) -> EngineError {
    if error.is_transient() {
        tracing::warn!(error = chain(&error), "the database could not be used");
        return EngineError::Unavailable("the database is not available".to_owned());
    }
    tracing::error!(error = chain(&error), "the database refused a statement");
    EngineError::Internal(error.to_string())
}

/// The error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
