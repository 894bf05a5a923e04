//! JOIN: waits until all tasks in `joinOn` have ended (spec: semantics §4.6; scenarios 69–84).
//!
//! Asked again, in the same turn, whenever one of those tasks ends. Its output has the output of every task that it
//! names and that has one; what there is so far is computed for readers and not stored while it waits.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Place, Turn, link_output, unfit_reason};
use crate::def::TaskConfig;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::{Node, Plan};
use crate::run::RunState;
use crate::task::{TaskState, TaskStatus};

pub(super) struct Join;

impl TaskKind for Join {
    fn name(&self) -> &'static str {
        "JOIN"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "JOIN"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn joins(&self) -> bool {
        true
    }

    fn is_watcher(&self) -> bool {
        true
    }

    fn watches<'c>(&self, config: &'c TaskConfig) -> Vec<&'c str> {
        config.join_on.iter().map(String::as_str).collect()
    }

    fn evaluate(&self, turn: &mut Turn<'_>, no: TaskNo) {
        evaluate(turn, no);
    }

    fn is_inline(&self) -> bool {
        false
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let mut input = Map::new();
        input.insert("joinOn".to_owned(), json!(node.config.join_on));
        let row = map.running(turn, node, Payload::from_map(input));
        row.updated_at = turn.cx.now;
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        turn.ask_join(no);
    }
}

/// The references that a JOIN waits for: those of the definition, or after a dynamic fork those that its row lists.
enum Names<'n> {
    Static(&'n [String]),
    Listed(&'n [Value]),
}

impl<'n> Names<'n> {
    fn of(node: &'n Node, row: &'n TaskState) -> Names<'n> {
        if !node.joins_dynamic {
            return Names::Static(&node.config.join_on);
        }
        let listed = row.input.get("joinOn").and_then(Value::as_array);
        Names::Listed(listed.map(Vec::as_slice).unwrap_or_default())
    }

    fn len(&self) -> usize {
        match self {
            Names::Static(names) => names.len(),
            Names::Listed(names) => names.len(),
        }
    }

    /// As it is called where the JOIN stands.
    fn get(&self, at: usize, place: &Place) -> Cow<'n, str> {
        let name = match self {
            Names::Static(names) => names[at].as_str(),
            Names::Listed(names) => names[at].as_str().unwrap_or_default(),
        };
        if place.suffix().is_empty() { Cow::Borrowed(name) } else { Cow::Owned(place.name_of(name)) }
    }

    fn all(&self, place: &Place) -> Vec<Cow<'n, str>> {
        (0..self.len()).map(|at| self.get(at, place)).collect()
    }
}

/// What a JOIN has come to.
struct Joined {
    status: TaskStatus,
    output: Map<String, Value>,
    reason: Option<Arc<str>>,
}

/// Looks at an open JOIN; ends it if all its tasks have ended. Costs one look-up while a task that it was last seen
/// waiting for is still open.
fn evaluate(turn: &mut Turn<'_>, no: TaskNo) {
    let Some(join) = turn.run.tasks.get(no) else { return };
    if join.status != TaskStatus::InProgress {
        return;
    }
    let plan = turn.plan;
    let join = join.clone();
    let Some(node) = turn.node_of_row(&join) else { return };
    let names = Names::of(&node, &join);
    let place = Place::of(&join, &node.ref_name);
    let from = turn.run.tasks.join_watch(no);
    let waiting = (0..names.len()).map(|i| (from + i) % names.len()).find(|i| {
        let row = turn.run.tasks.latest(&names.get(*i, &place));
        row.is_none_or(|t| !t.status.is_terminal())
    });
    if let Some(at) = waiting {
        if at != from {
            turn.run.tasks.set_join_watch(no, at);
        }
        return;
    }
    let joined = joined(plan, turn.run, &names.all(&place));
    let output = Payload::from_map(joined.output);
    match unfit_reason("output", &output, turn, no, usize::MAX) {
        Some(reason) => turn.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None),
        None => turn.end(no, joined.status, joined.reason, Some(output)),
    }
}

fn joined(plan: &Plan, run: &RunState, names: &[Cow<'_, str>]) -> Joined {
    let mut output = Map::new();
    let mut with_errors = String::new();
    for name in names {
        let Some(row) = run.tasks.latest(name) else { continue };
        let optional = run.node_of(plan, row).is_some_and(|n| n.optional);
        if !row.status.is_successful() && !optional {
            let reasons: Vec<&str> =
                unsuccessful(run, names).map(|t| t.reason.as_deref().unwrap_or("null")).collect();
            add_children(run, names, &mut output);
            return Joined { status: TaskStatus::Failed, output, reason: Some(reasons.join(" ").into()) };
        }
        if !row.output.is_empty() {
            output.insert(name.to_string(), Value::Object(row.output.map().clone()));
        }
        if optional && row.status == TaskStatus::CompletedWithErrors {
            with_errors.push_str(&format!("{}/{} ", row.def_name, run.task_id(row.no)));
        }
    }
    if with_errors.is_empty() {
        Joined { status: TaskStatus::Completed, output, reason: None }
    } else {
        let reason = Some(format!("{with_errors}completed with errors").into());
        Joined { status: TaskStatus::CompletedWithErrors, output, reason }
    }
}

/// A JOIN that fails shows the children of its other tasks as it knew them while they ran.
fn add_children(run: &RunState, names: &[Cow<'_, str>], output: &mut Map<String, Value>) {
    for name in names {
        if let Some(child) = run.tasks.latest(name).and_then(|row| row.child)
            && !output.contains_key(name.as_ref())
        {
            output.insert(name.to_string(), Value::Object(link_output(child).map().clone()));
        }
    }
}

fn unsuccessful<'r>(
    run: &'r RunState,
    names: &'r [Cow<'_, str>],
) -> impl Iterator<Item = &'r Arc<TaskState>> {
    names.iter().filter_map(|name| run.tasks.latest(name)).filter(|t| !t.status.is_successful())
}

/// The references that a waiting JOIN still waits for, as they are called where it stands, and how many it names.
pub(crate) fn still_open(run: &RunState, node: &Node, join: &TaskState) -> (Vec<String>, usize) {
    let place = Place::of(join, &node.ref_name);
    let names = Names::of(node, join);
    let open = |name: &str| run.tasks.latest(name).is_none_or(|row| !row.status.is_terminal());
    let all = names.all(&place);
    let count = all.len();
    (all.into_iter().filter(|name| open(name)).map(Cow::into_owned).collect(), count)
}

/// The outputs that a waiting JOIN has so far, of the rows that `counts` accepts.
pub(crate) fn partial_output(
    plan: &Plan,
    run: &RunState,
    join: &TaskState,
    counts: impl Fn(&TaskState) -> bool,
) -> Map<String, Value> {
    let mut output = Map::new();
    let Some(node) = run.node_of(plan, join) else { return output };
    let place = Place::of(join, &node.ref_name);
    for name in Names::of(&node, join).all(&place) {
        let Some(row) = run.tasks.latest(&name) else { continue };
        if !row.output.is_empty() && counts(row) {
            output.insert(name.to_string(), Value::Object(row.output.map().clone()));
        }
    }
    output
}
