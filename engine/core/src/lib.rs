//! The decisions of Podium: pure functions over plain data.
//!
//! ```text
//! decide(plan, run, event, cx) -> effects (and the run's next wake_at)
//! fold(run, effect)            -> the same change in memory
//! ```
//!
//! No clock, no SQL, no HTTP, no randomness and no logging: time, ids and look-ups are arguments (`Cx`).
//! The contract of `decide` and the invariants that the property tests hold are in [`decide`].

pub mod cache;
pub mod cron;
pub mod decide;
pub mod def;
pub mod effect;
pub mod environment;
pub mod event;
pub mod explain;
pub mod expr;
pub mod handler;
pub mod history;
pub mod http;
pub mod id;
pub mod mask;
pub mod operation;
pub mod payload;
pub mod plan;
pub mod run;
mod schema;
pub mod search;
mod table;
pub mod task;
pub mod tasks;
pub mod time;
pub mod view;

pub use decide::{Cx, Decision, Needs, Refusal, Settings, decide};
pub use effect::{
    Counted, Effect, Outgoing, Raised, SlotAsked, SlotWish, Told, WantedDefinition, WantedRun, fold,
};
pub use environment::Environment;
pub use event::{
    Asked, CallNews, ChildEnded, ChildReopened, CompletionEvent, Event, HandlerAction, InboxId, InboxMessage,
    LogLine, NamedTask, ParentEnded, ParkedEvent, TaskReport,
};
pub use history::{Act, Asker, HistoryLine};
pub use id::{RunId, TaskId, TaskNo};
pub use operation::{Edition, Objection, ObjectionKind, Operation, Rerun, RerunFrom};
pub use payload::Payload;
pub use plan::Plan;
pub use run::{
    NewRun, ParentLink, RunExtra, RunHead, RunSlot, RunState, RunStatus, SlotState, SnapshotHash, TaskTable,
};
pub use task::{Lease, TaskState, TaskStatus};
pub use time::{Span, Timestamp};
