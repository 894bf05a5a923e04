//! What an operator may set.

use std::time::Duration;

use podium_core::Settings;

/// Settings of one engine. The defaults are right for one node with a few cores.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Shown to other nodes and in the lease table.
    pub node_name: String,
    /// Writer tasks, each with one connection (1..=4). One already writes more than two cores of HTTP can bring.
    pub writers: usize,
    /// Runs in one statement at most.
    pub batch_runs: usize,
    /// Bytes of payloads in one statement at most.
    pub batch_bytes: usize,
    /// Events that may wait for one writer; beyond it callers are told to come back.
    pub queue_limit: usize,
    /// Runs kept in memory, over all writers.
    pub cached_runs: usize,
    /// Bytes that those runs may take, over all writers (estimated).
    pub cached_bytes: usize,
    /// Ready task ids kept in memory, over all queues that have pollers.
    pub ready_window: usize,
    /// Polls that may wait at once.
    pub parked_polls: usize,
    /// Calls that may wait for a run to go on at once.
    pub waiting_calls: usize,
    /// Tasks that one poll may take (a larger `count` is cut to it).
    pub poll_count_limit: usize,
    /// How often the node renews its leases and looks for due work.
    pub pulse_every: Duration,
    /// How long what this node holds stays its own without a pulse: after it another node takes over.
    pub lease: Duration,
    /// How often partitions are made ahead.
    pub partitions_every: Duration,
    /// How often runs without a cause of progress are counted.
    pub audit_every: Duration,
    /// How jq filters are run; without it they fail.
    pub jq: Option<JqCommand>,
    /// Where clients put payloads by path; `None` = in the database.
    pub payloads: Option<std::sync::Arc<dyn crate::ports::PayloadStore>>,
    /// Limits and rules of decisions.
    pub settings: Settings,
}

/// A command that answers jq questions on its standard streams (see [`serve_jq`](crate::serve_jq)). It is started as often
/// as filters run at once, without environment, and killed when one takes too long; it ends when its input does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JqCommand {
    pub program: std::path::PathBuf,
    pub args: Vec<String>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            node_name: "podium".to_owned(),
            writers: 1,
            batch_runs: 400,
            batch_bytes: 1 << 20,
            queue_limit: 50_000,
            cached_runs: 20_000,
            cached_bytes: 32 << 20,
            ready_window: 4_096,
            parked_polls: 20_000,
            waiting_calls: 10_000,
            poll_count_limit: 1_000,
            pulse_every: Duration::from_secs(1),
            lease: Duration::from_secs(2),
            partitions_every: Duration::from_secs(3600),
            audit_every: Duration::from_secs(60),
            jq: None,
            payloads: None,
            settings: Settings::default(),
        }
    }
}
