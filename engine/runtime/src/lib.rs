//! The running engine: what `api`, `events` and `workers` call.
//!
//! ```text
//! start, report, claim, event, timer --> mailbox of the run's writer --> decide --> one statement --> answers
//! ```
//!
//! Every change of a run is a turn (`turn.rs`) made by a writer (`writer.rs`): batches of turns, one statement and
//! one commit each, guarded by the version of every run in it. Everything else here decides nothing: it finds out
//! what is to be done (`pulse.rs`, `timers.rs`, `ready`), waits (`longpoll.rs`, `watch.rs`) or carries messages out
//! (`loops/outbox_relay`). All of it may be lost at any moment: the rows know.
//!
//! Not here: SQL (store), rules (core), the wire (api), Kafka (events).

mod admission;
mod batch;
mod broken;
mod cache;
mod clock;
mod config;
mod engine;
mod entropy;
mod errors;
mod event_log;
mod handlers;
mod lease;
mod loading;
mod longpoll;
mod loops;
mod mailbox;
pub mod messages;
mod plans;
pub mod ports;
mod pulse;
mod ready;
mod script;
mod services;
mod settle;
mod shared;
mod stats;
mod status;
mod timers;
mod turn;
mod watch;
mod writer;

pub use config::{EngineConfig, JqCommand};
pub use engine::Engine;
pub use handlers::Handled;
pub use lease::{LeaseGuard, Leased};
pub use messages::*;
pub use podium_store::{
    ActionRecord, BriefRun, BulkRun, BulkState, EventExecution, EventKey, EventOutcome, HttpNotice,
    PlotBucket, RunOverview, TaskOverview,
};
pub use script::{script_fault, serve_jq};
pub use services::bulk::{Bulk, BulkRequest, BulkVerb};
pub use services::calls::{CallCount, LeasedCall, OpenCall};
pub use services::explain::Explained;
pub use services::external::{NotAPayloadPath, PayloadPath};
pub use services::history::History;
pub use services::http_notices::{NoticeCount, Resting};
pub use services::live::{RunFeed, RunNews, RunsFeed, RunsNews};
pub use services::lookup::CreatedIn;
pub use services::operate::Verb;
pub use services::overview::Overview;
pub use services::plot::RunPlot;
pub use services::preview::{OtherRun, Preview};
pub use services::queue_states::{Poller, QueueOverview, QueueStates};
pub use services::queues::{LastPoll, QueueSize};
pub use services::recent::{RecentRuns, RecentTask};
pub use services::rehearse::{Rehearsal, RehearsedResult};
pub use services::search::{Found, SearchQuery, StatusCount};
pub use status::{Counters, Health};
