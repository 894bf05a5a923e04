//! The decision: what an event changes in a run.

use crate::effect::Effect;
use crate::event::Event;
use crate::plan::Plan;
use crate::run::{RunState, SnapshotHash};
use crate::time::Timestamp;

/// Everything impure that a decision may look at, handed in.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The instant of the turn, from the database's clock.
    pub now: Timestamp,
    /// Seed for jitter and for ids of wanted runs; another one for every call.
    pub random: u64,
    pub settings: &'a Settings,
    pub world: &'a dyn World,
}

/// What a decision may ask about the world outside of its run.
pub trait World {
    /// The snapshot that a start of this definition would use now (`version` `None` = latest).
    fn definition(&self, name: &str, version: Option<i32>) -> Known;
    /// Did a worker poll this task type in this domain within the last ten seconds?
    fn polled_recently(&self, task_type: &str, domain: &str) -> bool;
}

/// Answer to a look-up of a definition.
#[derive(Clone, Debug)]
pub enum Known {
    Found { snapshot: SnapshotHash, version: i32 },
    Absent,
    /// Not loaded: the decision stops with [`Decision::Needs`] and is repeated once it is.
    NotLoaded,
}

/// Limits and rules that an operator may set; the defaults are Conductor's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Completion type → reference name of the EVENT task that waits for it (spec: pipeline §5, rule 4c).
    pub event_references: Vec<(String, String)>,
    /// How long an event that nothing waits for is kept.
    pub parked_ttl: crate::time::Span,
    /// Bytes of JSON of all workflow variables (256 KiB).
    pub variables_limit_bytes: usize,
    /// Bytes of JSON of one task input or output beyond which the task fails (10 MiB).
    pub payload_limit_bytes: usize,
    /// Log lines kept of one report.
    pub log_lines_per_report: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let reference = |t: &str, r: &str| (t.to_owned(), r.to_owned());
        Settings {
            event_references: vec![
                reference("email_validation_completed", "wait_for_email_completion"),
                reference("phone_validation_completed", "wait_for_phone_completion"),
                reference("enrichment_completed", "wait_for_enrichment_completion"),
                reference("airflow_dag_completed", "wait_for_airflow_completion"),
                reference("airflow_completed", "wait_for_airflow_completion"),
            ],
            parked_ttl: crate::time::Span::from_secs(7 * 24 * 3600),
            variables_limit_bytes: 256 * 1024,
            payload_limit_bytes: 10 * 1024 * 1024,
            log_lines_per_report: 10,
        }
    }
}

/// The answer of [`decide`].
#[derive(Clone, Debug)]
pub enum Decision {
    /// The run was changed in place; these effects are the change, final images only. Empty = nothing changed.
    Done(Vec<Effect>),
    /// The event is not allowed in this state. The run is as it was.
    Refused(Refusal),
    /// Something was not loaded. The run must be thrown away and the decision repeated on a fresh copy.
    Needs(Needs),
}

/// What must be loaded before a decision can be made.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Definitions by name and version (`None` = latest).
    pub definitions: Vec<(String, Option<i32>)>,
}

/// Why an event was not allowed. Not an error of the engine, and not logged as one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no such task")]
    UnknownTask,
    #[error("task is not ready")]
    NotReady,
    #[error("task has already ended")]
    TaskEnded,
    #[error("run has already ended")]
    RunEnded,
    #[error("Cannot terminate a COMPLETED workflow.")]
    RunCompleted,
}

/// Decides what `event` changes in `run`, folding each change as it goes.
pub fn decide(_plan: &Plan, _run: &mut RunState, _event: &Event, _cx: &Cx<'_>) -> Decision {
    Decision::Done(Vec::new())
}
