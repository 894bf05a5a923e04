//! What the services around the engine must not forget, in a PostgreSQL database of their own.
//!
//! | table | what | one row is |
//! | --- | --- | --- |
//! | `public.dag_monitor_requests` | DAG runs that are monitored, as documented for the pipeline | a DAG run for a task |
//! | `ledger.reverse_email_requests` | two DAG runs, one after the other | a message |
//! | `ledger.deployments` | workflows that are deployed, and how far each came | a request |
//! | `ledger.handled_events` | messages whose effect happened | a message and who handled it |
//! | `ledger.job_runs`, `job_dags_paused` | runs of our own job runner | a run, a DAG whose runs wait |
//!
//! No payloads and no files are here, and nothing that the engine knows. Any number of processes share a ledger: open
//! rows are claimed under a [`Lease`], and every later call about a row says which lease it means, so that a process
//! that was paused for too long changes nothing any more. Time is the database's.
//!
//! A leaf: it imports no other room. Beside `engine/store` it is the only place with SQL.

mod connect;
mod dag_runs;
mod deployments;
mod error;
mod graphs;
mod handled;
mod job_runs;
mod monitor;
mod reverse_email;
mod watch;

pub use connect::{LedgerSettings, Server};
pub use dag_runs::MonitoredDagRun;
pub use deployments::{Claim, Deployment, DeploymentStep, NewDeployment};
pub use error::LedgerError;
pub use graphs::DeployedGraph;
pub use job_runs::JobRunRow;
pub use monitor::{DagRunRequest, DagRunRow};
pub use reverse_email::{ReverseEmailRequest, ReverseEmailRow};
pub use watch::{Book, Lease, Refusal, Standing};

use sqlx::postgres::PgPool;

/// A ledger. Cheap to clone; all clones share one pool of connections.
#[derive(Clone)]
pub struct Ledger {
    pool: PgPool,
}
