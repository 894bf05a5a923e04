//! Task types, one per file.
//!
//! A [`TaskKind`] says which rows a task of the definition becomes and what happens when such a row begins. A new type is
//! a new file and a line in [`KINDS`]. Names that nobody knows are worker tasks, as in Conductor.

mod decision;
mod do_while;
mod dynamic;
mod event;
mod exclusive_join;
mod fork_join;
mod fork_join_dynamic;
mod http;
mod human;
mod inline;
mod join;
mod json_jq_transform;
pub(crate) mod json_text;
mod kafka_publish;
mod lambda;
mod noop;
mod set_variable;
mod simple;
mod start_workflow;
mod sub_workflow;
mod switch;
mod terminate;
mod user_defined;
mod wait;

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::decide::{Halt, Mapping, Turn};
use crate::def::TaskConfig;
use crate::id::TaskNo;
use crate::plan::{Node, Plan};
use crate::task::TaskState;
use crate::time::Span;

pub(crate) use do_while::{
    canceled_output as canceled_loop_output, counters, go_back, member as loop_member,
    output_so_far as loop_output,
};
pub use event::{EventRun, event_payload, is_address, sink_fault};
pub(crate) use event::{Fit, Sink, sink_fits, sink_matches};
pub use http::{CALL_LEASE, HTTP};
pub(crate) use join::{partial_output as partial_join_output, still_open as open_joined};

/// What a task type does.
pub(crate) trait TaskKind: Send + Sync {
    /// The `type` of the definition; empty for the kind that takes all unknown ones.
    fn name(&self) -> &'static str;

    /// What a row shows as its type.
    fn task_type<'c>(&self, config: &'c TaskConfig) -> &'c str {
        config.kind()
    }

    /// What a row shows as the name of its task definition.
    fn def_name<'c>(&self, config: &'c TaskConfig) -> &'c str {
        config.name()
    }

    /// Do workers poll for it?
    fn by_worker(&self) -> bool {
        false
    }

    /// Does the task definition's `inputTemplate` apply?
    fn uses_template(&self) -> bool {
        false
    }

    /// Built-in flow control is never tried again on its own.
    fn is_flow_control(&self) -> bool {
        false
    }

    /// Does it wait for the tasks in `joinOn` and collect their outputs?
    fn joins(&self) -> bool {
        false
    }

    /// Is its type known only when the flow reaches it?
    fn is_chosen(&self) -> bool {
        false
    }

    /// Can a DYNAMIC task turn out to be of this type?
    fn can_be_chosen(&self) -> bool {
        !self.is_flow_control()
    }

    /// Can a task of it end the run?
    fn may_terminate(&self) -> bool {
        false
    }

    /// Does an open row of it wait for other rows of the run?
    fn is_watcher(&self) -> bool {
        false
    }

    /// The references that it waits for.
    fn watches<'c>(&self, _config: &'c TaskConfig) -> Vec<&'c str> {
        Vec::new()
    }

    /// A row that an open row of this type waits for has ended.
    fn evaluate(&self, _turn: &mut Turn<'_>, _no: TaskNo) {}

    /// Does it run inside the decision as soon as it is scheduled?
    fn is_inline(&self) -> bool {
        !self.by_worker()
    }

    /// Puts members of the definition into the parameters, before these are compiled.
    fn prepare(&self, _config: &mut TaskConfig) {}

    /// The rows that this task becomes when the flow reaches it. The default is one SCHEDULED row.
    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        map.scheduled(turn, node);
        Ok(())
    }

    /// A row of a type that no worker runs begins: changes the row through the turn.
    fn enter(&self, _turn: &mut Turn<'_>, _no: TaskNo) {}
}

static KINDS: &[&dyn TaskKind] = &[
    &simple::Simple,
    &fork_join::ForkJoin,
    &join::Join,
    &switch::Switch,
    &set_variable::SetVariable,
    &wait::Wait,
    &human::Human,
    &noop::Noop,
    &event::EventTask,
    &kafka_publish::KafkaPublish,
    &terminate::Terminate,
    &do_while::DoWhile,
    &sub_workflow::SubWorkflow,
    &start_workflow::StartWorkflow,
    &dynamic::Dynamic,
    &fork_join_dynamic::ForkJoinDynamic,
    &exclusive_join::ExclusiveJoin,
    &decision::Decision,
    &inline::Inline,
    &lambda::Lambda,
    &json_jq_transform::JsonJqTransform,
    &http::Http,
];

/// How long a claim of a task of this type holds without a word from whom it was given to; `None` for a worker's, which
/// has its response time-out. Types with such a lease are run by executors of the nodes.
pub(crate) fn lease_of(task_type: &str) -> Option<Span> {
    (task_type == HTTP).then_some(CALL_LEASE)
}

/// Does the row, of a type that the engine runs, wait for an answer from outside? The input member `asyncComplete` says so,
/// else the definition.
pub(crate) fn waits_for_answer(plan: &Plan, row: &TaskState) -> bool {
    match row.input.get("asyncComplete") {
        Some(value) => value == &Value::Bool(true),
        None => plan.config(row.base_ref()).and_then(|c| c.async_complete).unwrap_or(false),
    }
}

/// May the row have a message in the outbox?
pub(crate) fn publishes(row: &TaskState) -> bool {
    match &*row.task_type {
        "KAFKA_PUBLISH" => true,
        "EVENT" => {
            row.input.get("sink").and_then(Value::as_str).is_some_and(|sink| !sink.starts_with("conductor"))
        }
        _ => false,
    }
}

/// May the row have an event in one of the engine's own queues?
pub(crate) fn raises(row: &TaskState) -> bool {
    &*row.task_type == "EVENT" && !publishes(row)
}

/// The kind of a `type` of a definition.
pub(crate) fn kind(name: &str) -> &'static dyn TaskKind {
    KINDS.iter().copied().find(|k| k.name() == name).unwrap_or(&user_defined::UserDefined)
}

/// The kind that a DYNAMIC task of this name is, and its place among [`variants`]: a name that is no type of the
/// engine's is a worker's.
pub(crate) fn chosen(name: &str) -> (usize, &'static dyn TaskKind) {
    let ours = |k: &dyn TaskKind| !k.by_worker() || lease_of(name).is_some();
    match KINDS.iter().position(|k| k.name() == name && ours(*k)) {
        Some(at) => (at, KINDS[at]),
        None => (KINDS.len(), &user_defined::UserDefined),
    }
}

/// Room for a DYNAMIC task in all its forms.
pub(crate) fn variants() -> Vec<OnceLock<Arc<Node>>> {
    (0..=KINDS.len()).map(|_| OnceLock::new()).collect()
}

/// The names of the types that Podium runs itself or schedules specially; every other type is a worker task.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|k| k.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_file_and_unknown_names_are_worker_tasks() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count, "a name is there twice");
        assert!(kind("SIMPLE").by_worker());
        assert!(kind("SOMETHING_ELSE").by_worker());
        assert!(!kind("WAIT").by_worker());
    }
}
