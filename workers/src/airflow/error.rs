//! What can go wrong with a call of Airflow, by what the caller can do about it.

use std::time::Duration;

/// Why a call did not do what was asked: what was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {fault}")]
pub struct AirflowError {
    /// The verb and its object, with Airflow's address.
    pub call: String,
    pub fault: AirflowFault,
}

/// What came of a call. `detail` is Airflow's own text, shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AirflowFault {
    #[error("Airflow does not accept our credentials (401): {detail}")]
    Unauthorized { detail: String },
    #[error("Airflow does not allow it (403): {detail}")]
    Forbidden { detail: String },
    #[error("Airflow does not know it (404): {detail}")]
    NotFound { detail: String },
    #[error("Airflow has something else of that name (409): {detail}")]
    Conflict { detail: String },
    #[error("Airflow is asked too often (429): {detail}")]
    TooMany { detail: String, after: Option<Duration> },
    #[error("Airflow failed ({status}): {detail}")]
    Server { status: u16, detail: String },
    #[error("Airflow refused ({status}): {detail}")]
    Refused { status: u16, detail: String },
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("no connection: {0}")]
    Transport(String),
    #[error("the answer ({status}) is no JSON of Airflow: {start:?}")]
    NotJson { status: u16, start: String },
    #[error("could not log in: {0}")]
    Login(String),
    #[error("{0}")]
    Settings(String),
}

impl AirflowFault {
    /// Whether the same call may work in a moment.
    fn is_transient(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Server { .. } | Self::TimedOut(_) | Self::Transport(_) => true,
            Self::Refused { status, .. } => *status == 408,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::NotJson { .. }
            | Self::Login(_)
            | Self::Settings(_) => false,
        }
    }

    /// The same, met while logging in: what may pass stays what it is, anything else is a login that does not work.
    pub(super) fn at_login(self, what: &str) -> Self {
        if self.is_transient() { self } else { Self::Login(format!("{what}: {self}")) }
    }
}

impl AirflowError {
    /// Whether the same call may work in a moment: 408, 429, 5xx, no connection, no answer.
    pub fn is_transient(&self) -> bool {
        self.fault.is_transient()
    }

    /// Whether Airflow answered and said no: not known, not allowed.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self.fault,
            AirflowFault::Unauthorized { .. }
                | AirflowFault::Forbidden { .. }
                | AirflowFault::NotFound { .. }
                | AirflowFault::Login(_)
        )
    }

    /// How long Airflow wants to be left alone.
    pub(crate) fn asks_to_wait(&self) -> Option<Duration> {
        match &self.fault {
            AirflowFault::TooMany { after, .. } => *after,
            _ => None,
        }
    }
}
