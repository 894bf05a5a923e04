//! What an operator may set about the REST API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use podium_runtime::ports::DeadLetters;
use tokio::sync::watch;

/// Components beside the database that do not answer just now, each with the reason.
pub type Troubles = BTreeMap<&'static str, String>;

/// Settings of the REST API and of the connections it is served on.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Bytes of one request body at most; a larger one answers 413. It is larger than what an input or an
    /// output may have, because a report with an output that is too large must arrive: it fails its task.
    pub body_limit_bytes: usize,
    /// Bytes of the JSON of a workflow's input at most; a larger one answers 413.
    pub input_limit_bytes: usize,
    /// How long a client may take to send its body once the head has arrived.
    pub body_read_timeout: Duration,
    /// How long a client may take to send the head of a request; also how long an idle connection is kept.
    pub header_read_timeout: Duration,
    /// Connections served at the same time; more wait in the listener's backlog.
    pub max_connections: usize,
    /// How long open requests may go on once the server is told to stop.
    pub shutdown_grace: Duration,
    /// Origins that browsers may call from, exactly as they send them (`https://host:port`); empty = none.
    pub cors_origins: Vec<String>,
    /// What `GET /api/version` answers: the version of Conductor whose dialect this is, because clients
    /// decide by it what they may call.
    pub reported_version: String,
    /// Answers as Conductor 3.15 where a later one alters what its clients do: 204 for a task that does not exist, and
    /// 200 with an empty list for a log without lines.
    pub compat_3_15: bool,
    /// What `GET /api/admin/config` shows, by key; nothing secret.
    pub settings: BTreeMap<String, String>,
    /// Names of secrets, in order.
    pub secret_names: Vec<String>,
    /// Variables that `GET /api/environment` shows.
    pub variables: BTreeMap<String, String>,
    /// What the health answers say is missing besides the engine's own; `None`: nothing else belongs to this node.
    pub troubles: Option<watch::Receiver<Troubles>>,
    /// Records that were no events; `None`: there are no brokers.
    pub dead_letters: Option<Arc<dyn DeadLetters>>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        ApiConfig {
            body_limit_bytes: 16 * 1024 * 1024,
            input_limit_bytes: 10 * 1024 * 1024,
            body_read_timeout: Duration::from_secs(30),
            header_read_timeout: Duration::from_secs(75),
            max_connections: 10_000,
            shutdown_grace: Duration::from_secs(10),
            cors_origins: Vec::new(),
            reported_version: "3.32.1".to_owned(),
            compat_3_15: false,
            settings: BTreeMap::new(),
            secret_names: Vec::new(),
            variables: BTreeMap::new(),
            troubles: None,
            dead_letters: None,
        }
    }
}
