//! The engine's only room with SQL: what is durable, and the statements that keep it so.

mod change;
mod error;
mod records;

pub use change::{Applied, Change, ChangeKind, ChangeOutcome};
pub use error::StoreError;
pub use records::{
    Candidate, InboundRow, IngestBatch, IngestOutcome, LaneKey, Newer, NodeLease, OutboxRow, PollRow, Position,
    PulseAnswer, PutMode, PutOutcome, Stats, StoreOptions, StoredTaskDef, StoredWorkflowDef,
};
