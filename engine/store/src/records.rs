//! Plain data that goes in and out of the store besides the core's own types.

use std::sync::Arc;
use std::time::Duration;

use podium_core::{
    InboxId, InboxMessage, Outgoing, ParkedEvent, RunHead, RunId, Span, TaskNo, TaskState, Timestamp,
};

/// How to use the database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Connections for everything but the writers.
    pub pool_size: u32,
    /// Payloads up to this many bytes stay in the row of their run or task; larger ones go to `payload`.
    pub inline_limit_bytes: usize,
    /// Payloads beyond this many bytes are inserted before the batch, so that they do not delay it.
    pub ahead_limit_bytes: usize,
    /// How long one round trip of a writer may take before its connection counts as lost and what it carried is
    /// settled. Batches take milliseconds; a checkpoint on a slow disk may take seconds.
    pub answer_timeout: Duration,
    /// How long a writer tries to find out what became of a commit whose connection broke.
    pub settle_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            pool_size: 8,
            // Replay of one-task workflows in batches of 100, in the row against in `payload`, µs of PostgreSQL's CPU and
            // KB of log each: 100 bytes 46 / 1.39 against 62 / 1.68; 200 bytes 54 / 1.82 against 61 / 1.88; 300 bytes
            // 53 / 2.26 against 56 / 2.09; 500 bytes 65 / 3.09 against 67 / 2.49; 1,000 bytes 75 / 5.11 against
            // 74 / 3.48. A payload that is also kept in another place of its run is stored once only in `payload`.
            inline_limit_bytes: 300,
            ahead_limit_bytes: 64 * 1024,
            answer_timeout: Duration::from_secs(15),
            settle_timeout: Duration::from_secs(30),
        }
    }
}

/// What has changed in a run since a version that somebody has in memory.
#[derive(Clone, Debug)]
pub enum Newer {
    /// The head, the tasks written after that version, and all parked events.
    Rows {
        head: Box<RunHead>,
        tasks: Vec<TaskState>,
        parked: Vec<ParkedEvent>,
    },
    /// Task rows were removed since: load the whole run.
    Reload,
    Gone,
}

/// A ready task that a poll may try to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub run: RunId,
    pub no: TaskNo,
    pub available_at: Timestamp,
    pub priority: i16,
}

/// A node's registration: the name under which it holds buckets and lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLease {
    /// Rises with every registration of any node; identifies this one.
    pub epoch: i64,
    /// How long what the node holds stays its own without a pulse.
    pub lease: Span,
}

/// One message of the outbox that is not settled yet.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    pub run: RunId,
    pub lane: i16,
    /// Order of the lane.
    pub seq: i64,
    pub body: Arc<Outgoing>,
}

/// The answer of the pulse.
#[derive(Clone, Debug, Default)]
pub struct PulseAnswer {
    pub db_now: Timestamp,
    /// Buckets and lanes that this node holds now.
    pub buckets: Vec<i16>,
    pub lanes: Vec<i16>,
    /// Runs in own buckets whose `wake_at` lies before the horizon, earliest first.
    pub due: Vec<(RunId, Timestamp)>,
    /// Runs in own buckets with inbox rows, in the order of their ids; without those that have a fault.
    pub inbox: Vec<RunId>,
    /// Where the next pulse goes on to look for them; `None` = there are no more, from the beginning.
    pub inbox_after: Option<RunId>,
    /// Unsettled messages of own lanes, each lane in its order.
    pub outbox: Vec<OutboxRow>,
    /// There is a bulk operation that nobody works on.
    pub bulk: bool,
    pub metadata_version: i64,
    /// When the next schedule fires; `None` = none does.
    pub schedule_at: Option<Timestamp>,
    /// Events wait for an active handler.
    pub events: bool,
    /// Notices wait for HTTP endpoints.
    pub http_notices: bool,
}

/// The position of a consumer in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// The broker's cluster id.
    pub cluster: String,
    pub group: String,
    pub topic: String,
    pub partition: i32,
}

/// A partition taken over: every later commit carries the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub epoch: i64,
    /// `None` = nothing committed yet.
    pub next_offset: Option<i64>,
}

/// Messages of one partition, in order, and the position after them.
#[derive(Clone, Debug)]
pub struct IngestBatch<'a> {
    pub lane: &'a LaneKey,
    pub epoch: i64,
    /// The position before this batch; `None` = nothing committed yet.
    pub expected_offset: Option<i64>,
    pub next_offset: i64,
    pub messages: &'a [(RunId, InboxMessage)],
}

/// One inbox row.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundRow {
    pub id: InboxId,
    pub run: RunId,
    pub message: InboxMessage,
}

/// What became of an [`IngestBatch`].
#[derive(Clone, Debug, PartialEq)]
pub enum IngestOutcome {
    /// Position and rows are committed. `unknown_runs` messages named a run that does not exist; a message
    /// whose row is still waiting from an earlier delivery is in neither.
    Done { rows: Vec<InboundRow>, unknown_runs: usize },
    /// Another node holds the lane, or the position is not the expected one: nothing was written.
    Fenced,
}

/// What to do when a definition exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    Create,
    Upsert,
}

/// What became of a definition that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    Stored,
    /// Only with [`PutMode::Create`]: it exists, nothing was changed.
    Exists,
}

/// A registered workflow definition: its wire JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredWorkflowDef {
    pub name: String,
    pub version: i32,
    pub text: String,
}

/// A registered task definition: its wire JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTaskDef {
    pub name: String,
    pub text: String,
}

/// Ready tasks of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    pub task_type: String,
    /// `""` = no domain.
    pub domain: String,
    pub depth: i64,
}

/// When a worker last polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollRow {
    pub task_type: String,
    /// `""` = no domain.
    pub domain: String,
    pub worker: String,
    pub last_poll_at: Timestamp,
}

/// Counters of this process since it connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub batches: u64,
    pub stored: u64,
    pub stale: u64,
    pub failed: u64,
    /// Batches and removals sent again because of a race that rolled them back.
    pub retried: u64,
    /// Batches split because one of their changes was refused.
    pub halved: u64,
    /// Batches whose commit outcome was unknown and had to be settled.
    pub settled: u64,
}
