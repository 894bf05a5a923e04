//! Airflow: a client for its REST API, and the services that trigger DAG runs.
//!
//! ```text
//! airflow-trigger-requests ─> adapter.rs ───┐                    ┌─> Airflow
//! email-hygiene-requests ──> email_hygiene ─┴─ hand_over.rs ─────┴─> dag-monitor-queue ─> ../dag_monitor
//! reverse-email-requests ──> reverse_email ──> ledger ─> watch.rs ─> Airflow (match, then append) ─> completion
//! ```
//!
//! client.rs makes the calls; api.rs says what `/api/v1` (v1.rs) and `/api/v2` (v2.rs) have in common; credentials.rs and
//! mwaa.rs get sessions and tokens, and renew them. look.rs is one look at a DAG run, watch.rs looks at thousands.
//!
//! An id of a DAG run follows from the message that asks for it (run_id.rs): the same message read twice meets its own
//! run, and a rerun gets another.

mod adapter;
mod address;
mod api;
mod client;
mod credentials;
mod dag_call;
mod desk;
mod email_hygiene;
mod error;
mod hand_over;
mod http;
mod look;
mod mwaa;
mod reverse_email;
mod run_id;
mod settings;
mod v1;
mod v2;
mod watch;

pub use adapter::AirflowAdapter;
pub(crate) use address::Address;
pub use api::{AirflowApi, DagRun, PasswordLogin};
pub use client::Airflow;
pub(crate) use dag_call::either;
pub(crate) use desk::Desk;
pub use email_hygiene::EmailHygiene;
pub use error::{AirflowError, AirflowFault};
pub(crate) use look::{Seen, look, next_look};
pub use reverse_email::ReverseEmail;
pub use settings::{
    AirflowAuth, AirflowSettings, AirflowVersion, DagJob, DagJobs, DagParts, MwaaSettings, WatchSettings,
};
pub(crate) use watch::{Watched, keeping, watch};
