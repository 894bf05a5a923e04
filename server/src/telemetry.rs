//! Logs: text on a terminal, JSON lines elsewhere, always on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, LogFormat, LogSection};

/// Starts logging for the whole process; a second call changes nothing.
///
/// # Errors
/// When `log.level` names no level or target.
pub(crate) fn start(log: &LogSection) -> Result<(), ConfigError> {
    // sqlx reports a statement of over a second with its whole text; the engine counts and names them itself
    let level =
        if log.level.contains("sqlx") { log.level.clone() } else { format!("sqlx=error,{}", log.level) };
    let filter = EnvFilter::try_new(level)
        .map_err(|e| ConfigError(format!("log.level is {:?}, which cannot be read: {e}", log.level)))?;
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // an error means that a test or an outer program has set its own up
    let set = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    if let Err(error) = set {
        tracing::debug!(%error, "logging was set up before");
    }
    Ok(())
}
