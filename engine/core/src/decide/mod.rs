//! The decision: what an event changes in a run.
//!
//! ```text
//! mod        the question and the answer; one function per event
//! account    what is not the run's usual way, and who asked
//! turn       the run under change: every change of a row goes through it, and it makes the effects at the end
//! report     a worker claims a task, hands it back or loses it, reports on it; the broker answers
//! call       an executor of a node makes the call of a task: it lives, it is over, its lease lapses
//! arrive     something arrived from outside: a completion event finds its EVENT task, or is kept
//! children   runs that this run starts; what runs tell each other
//! advance    rounds: tasks that ended -> retries, successors -> new rows, until nothing changes
//! mapping    a task of the definition -> rows
//! place      where in the run's loops a row stands
//! retry      may a failed attempt be repeated, and when
//! timeout    what is overdue; when the run must be looked at next
//! finish     the run ends: status, reason, output, cancelled tasks
//! operate    what an operator may do to a run
//! failure    the failure workflow and what it is told
//! notice     who is told of changes of status, and what
//! slot       the rate limit of a workflow: who waits before the first task
//! scope      what expressions see of a run
//! ```
//!
//! Invariants, held by `tests/properties.rs`: deciding again on the decided state changes nothing; nothing changes an ended
//! task or run, except an operator; one row per reference, iteration and attempt; a JOIN passes only when all it names
//! have ended; the order of independent completions does not change the end; an open run has something that will move it.

mod account;
mod advance;
mod arrive;
#[cfg(test)]
pub(crate) mod bench;
mod call;
mod children;
#[cfg(test)]
mod depth_tests;
mod failure;
mod fault;
mod finish;
mod handled;
mod kept;
mod mapping;
mod notice;
mod operate;
mod place;
mod report;
mod retry;
mod scope;
mod slot;
mod timeout;
mod turn;

pub(crate) use children::link_output;
pub(crate) use failure::workflow_model;
pub(crate) use finish::Halt;
pub(crate) use mapping::{Mapping, unfit_reason};
pub(crate) use place::Place;
pub(crate) use timeout::{clock_of, poll_end, response_end, task_end, total_end};
pub(crate) use turn::Turn;

use crate::cache::{CacheKey, Remembered};
use crate::def::TaskDef;
use crate::effect::Effect;
use crate::event::Event;
use crate::expr::script::{Call, Evaluated};
use crate::operation::{Edition, Objection, Operation};
use crate::payload::Payload;
use crate::plan::{InlineDefinition, Plan};
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
    /// The snapshot that a start of this definition would use now.
    fn inline(&self, definition: &InlineDefinition) -> Known;
    /// Did a worker poll this task type in this domain within the last ten seconds?
    fn polled_recently(&self, task_type: &str, domain: &str) -> bool;
    /// The task definition registered under this name now.
    fn task_definition(&self, _name: &str) -> KnownTask {
        KnownTask::Absent
    }
    /// Has the task definition under this name limits that count its claims?
    fn is_limited(&self, _name: &str) -> bool {
        false
    }
    /// The payload that somebody stored under a path.
    fn payload(&self, _path: &str) -> KnownPayload {
        KnownPayload::Absent
    }
    /// The output that is kept under a key now.
    fn cached(&self, _key: &CacheKey) -> Remembered {
        Remembered::Nothing
    }
    /// What a script makes of an input.
    fn evaluate(&self, _call: &Call<'_>) -> Evaluated {
        Evaluated::Failed("scripts do not run here".to_owned())
    }
}

/// Answer to a look-up of a payload.
#[derive(Clone, Debug)]
pub enum KnownPayload {
    Found(Payload),
    Absent,
    /// It cannot be had, and why.
    Unusable(String),
    /// Not loaded: the decision stops with [`Decision::Needs`] and is repeated once it is.
    NotLoaded,
}

/// Answer to a look-up of a task definition.
#[derive(Clone, Debug)]
pub enum KnownTask {
    Found(Box<TaskDef>),
    Absent,
    /// Not loaded: the decision stops with [`Decision::Needs`] and is repeated once it is.
    NotLoaded,
}

/// Answer to a look-up of a definition.
#[derive(Clone, Debug)]
pub enum Known {
    Found {
        snapshot: SnapshotHash,
        version: i32,
    },
    Absent,
    /// It cannot be run, and why.
    Unusable(String),
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
    /// Where runs whose definition asks for it tell of their status, unless the definition names a place: a sink as EVENT
    /// tasks have (see [`crate::tasks::sink_fault`]); `None` = nowhere.
    pub workflow_status_sink: Option<String>,
    /// Where tasks tell of their status, unless their definition forbids it; `None` = nowhere.
    pub task_status_sink: Option<String>,
    /// What definitions may read of the surroundings of the server; by default nothing.
    pub environment: std::sync::Arc<crate::environment::Environment>,
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
            workflow_status_sink: None,
            task_status_sink: None,
            environment: std::sync::Arc::default(),
        }
    }
}

/// The answer of [`decide`].
#[derive(Clone, Debug)]
pub enum Decision {
    /// The run was changed in place; these effects are the change, final images only. Empty = nothing changed.
    Done(Vec<Effect>),
    /// The event is not allowed in this state. The run is as it was, except that of an unstartable one nothing is left.
    Refused(Refusal),
    /// The same, and the run's account tells of it: the effects are that line and its number, nothing else.
    RefusedOnRecord(Refusal, Vec<Effect>),
    /// Something was not loaded. The run must be thrown away and the decision repeated on a fresh copy.
    Needs(Needs),
}

/// What must be loaded before a decision can be made.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Definitions by name and version (`None` = latest).
    pub definitions: Vec<(String, Option<i32>)>,
    /// Definitions given whole.
    pub inline: Vec<InlineDefinition>,
    /// Task definitions by name.
    pub task_definitions: Vec<String>,
    /// Payloads by path.
    pub payloads: Vec<String>,
    /// Outputs that may be kept.
    pub cached: Vec<CacheKey>,
    /// Scripts must be run.
    pub scripts: bool,
}

impl Needs {
    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
            && self.inline.is_empty()
            && self.task_definitions.is_empty()
            && self.cached.is_empty()
            && self.payloads.is_empty()
            && !self.scripts
    }
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
    /// The definition with this input does not get as far as its first tasks, so there is no run.
    #[error("{0}")]
    Unstartable(String),
    #[error("run has already ended")]
    RunEnded,
    #[error("Cannot terminate a COMPLETED workflow.")]
    RunCompleted,
    /// An operator's verb is not for this state.
    #[error(transparent)]
    Operator(#[from] Objection),
}

/// Decides what `event` changes in `run`, folding each change as it goes.
///
/// Total: whatever users put into definitions, inputs and reports ends as a task or run with a reason, never as an error.
/// A crash after this call and before the commit leaves nothing behind: the effects are the only thing that lasts.
pub fn decide(plan: &Plan, run: &mut RunState, event: &Event, cx: &Cx<'_>) -> Decision {
    let by = match event {
        Event::Asked(asked) => Some(&asked.by),
        _ => None,
    };
    let event = event.what();
    if account::was_served(&run.head, by) {
        return Decision::Done(Vec::new());
    }
    let plan = match event {
        // the run is to live by another definition from this turn on
        Event::Operate(Operation::Restart(Edition::Latest(latest))) => latest,
        _ => plan,
    };
    let before = run.head.status;
    let mut turn = Turn::new(plan, run, cx);
    let answer = match event {
        Event::Started => turn.started(),
        // time alone brings a faulted run no further
        Event::Due if turn.run.head.extra.fault.is_some() => Ok(()),
        Event::Claimed { task, worker, before } => turn.claimed(*task, worker.clone(), *before),
        Event::Returned { task, poll_count } => turn.returned(*task, *poll_count),
        Event::Requeued { task } => turn.requeued(*task),
        Event::Reported(report) => turn.reported(report),
        Event::Called { task, lease, news } => turn.called(*task, *lease, news),
        Event::Published { task, outcome } => turn.published(*task, outcome),
        Event::Arrived { inbox, message } => turn.arrived(*inbox, message),
        Event::Disowned { task, poll_count, worker, stored_in } => {
            turn.disowned(*task, *poll_count, worker.as_deref(), *stored_in)
        }
        Event::Due => turn.due(),
        Event::Faulted { reason, claim } => turn.faulted(reason, *claim),
        Event::Look => turn.look(),
        Event::Terminate { reason } => turn.terminated(reason.as_deref()),
        Event::Operate(operation) => turn.operated(operation),
        // nobody asks for an asking
        Event::Asked(_) => Ok(()),
    };
    match answer {
        Ok(()) => {
            if let Some(reason) = turn.unstartable.take() {
                return Decision::Refused(Refusal::Unstartable(reason));
            }
            if !matches!(event, Event::Due | Event::Faulted { .. }) {
                turn.touched();
            }
            turn.give_notice(event, before);
            turn.note_asked(event, by);
            turn.finish()
        }
        Err(refusal) if turn.has_notes() => match turn.finish() {
            Decision::Done(effects) => Decision::RefusedOnRecord(refusal, effects),
            other => other,
        },
        Err(refusal) => Decision::Refused(refusal),
    }
}
