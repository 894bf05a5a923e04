//! DO_WHILE: runs its body again and again while a condition holds, or once for each item of a list (spec: semantics
//! §4.10; scenarios 110–128).
//!
//! ```text
//! loop            iteration = the current pass; open until the last one has ended
//!   t__1, t__2    the rows of the passes; of a loop inside of a loop t__<outer>_<inner>
//! ```
//!
//! | input or member | meaning |
//! |---|---|
//! | `loopCondition` | JavaScript over `$`: the parameters as they resolve now, the loop's output under its own reference, and the latest output of each task of the body under its reference; true or a number above zero goes on |
//! | `items`, input `_items` | a list: one pass for each item, with `loopIndex` and `loopItem` in the loop's output; the condition, unless blank, may end it sooner |
//! | input `keepLastN` | only the last N passes keep their rows and their output |
//!
//! Output: `iteration`, and for each pass that has ended a member with the outputs of its tasks. While the loop is open
//! only the counters are stored; the rest is made from the rows for whoever reads it, so that a thousand passes do not
//! write the first one a thousand times. A pass has ended when none of its rows is open any more. A failed task that is
//! neither optional nor tried again ends the run as anywhere else; a permissive one ends the loop.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Place, Turn, unfit_reason};
use crate::expr::script::{NoValue, is_true};
use crate::expr::{Member, java};
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::{Input, Node, NodeIx, Plan};
use crate::run::{Passes, RunState, RunStatus};
use crate::task::{TaskState, TaskStatus};

pub(super) struct DoWhile;

impl TaskKind for DoWhile {
    fn name(&self) -> &'static str {
        "DO_WHILE"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn is_watcher(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        if node.config.input_parameters.get("keepLastN").is_some_and(|keep| keep.as_i64().is_none()) {
            let reason = format!("keepLastN of the loop '{}' must be a whole number", node.ref_name);
            return Err(Halt::refusing_start(reason));
        }
        let input = map.input(turn, node);
        map.running(turn, node, input).updated_at = turn.cx.now;
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let (Some(row), Some(node)) = (turn.run.tasks.get(no).cloned(), turn.node_of(no)) else { return };
        let Some(first) = node.loop_first else {
            return turn.fail(no, format!("The loop '{}' has no tasks", node.ref_name));
        };
        let items = items(turn, &row, &node);
        if items.as_ref().is_some_and(Vec::is_empty) {
            let output = Map::from_iter([("iteration".to_owned(), Value::from(0))]);
            return turn.complete(no, Payload::from_map(output));
        }
        let item = items.and_then(|items| items.into_iter().next());
        count(turn, no, 1, item.map(|item| (0, item)));
        begin_pass(turn, Place::of(&row, &node.ref_name).inside(1), first);
    }

    fn evaluate(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let (Some(row), Some(node)) = (turn.run.tasks.get(no).cloned(), turn.node_of(no)) else { return };
        // a paused run gets no new tasks
        let running = turn.run.head.status == RunStatus::Running;
        if !running || row.status != TaskStatus::InProgress || row.iteration < 1 {
            return;
        }
        let place = Place::of(&row, &node.ref_name);
        let here = place.inside(row.iteration);
        let failed = failures(turn, &node, &here);
        if failed.is_empty() && is_open(turn, &row, &node) {
            return;
        }
        let ended = |t: &TaskState| t.status.is_terminal();
        let pass = pass(turn.plan, turn.run, &node, &here, &ended).unwrap_or_default();
        if !failed.is_empty() {
            return finish(turn, &row, &node, pass, TaskStatus::Failed, Some(failed));
        }
        show_variables(turn, no, &node);
        match goes_on(turn, &row, &node, &pass) {
            Ok(None) => finish(turn, &row, &node, pass, TaskStatus::Completed, None),
            Ok(Some(next)) => {
                let mut passes = take_passes(turn, &row, &node);
                put(&mut passes, row.iteration, pass);
                turn.run.tasks.keep_loop_passes(no, passes);
                let item = next.map(|item| (row.iteration, item));
                let iteration = row.iteration.saturating_add(1);
                count(turn, no, iteration, item);
                forget(turn, &row, &node, iteration);
                if let Some(first) = node.loop_first {
                    begin_pass(turn, place.inside(iteration), first);
                }
            }
            Err(NoValue::Failed(reason)) => {
                let condition = node.config.loop_condition.as_deref().unwrap_or_default();
                let reason = format!("Unable to evaluate condition {condition}, exception {reason}");
                finish(turn, &row, &node, pass, TaskStatus::FailedWithTerminalError, Some(reason));
            }
            Err(NoValue::Later) => turn.wake_by(turn.cx.now),
            Err(NoValue::Unknown) => {}
        }
    }
}

fn begin_pass(turn: &mut Turn<'_>, place: Place, first: NodeIx) {
    turn.goes_round_again();
    turn.schedule(place, first);
    turn.goes_round_again();
}

/// The reasons of the tasks of a pass that failed and that nothing but a `permissive` mark kept from ending the run.
fn failures(turn: &Turn<'_>, node: &Node, here: &Place) -> String {
    if !turn.plan.has_permissive() && !turn.run.tasks.branches.any_fork() {
        return String::new();
    }
    node.body
        .iter()
        .filter_map(|ix| turn.run.tasks.latest(&here.name(&turn.node(*ix)?.ref_name)))
        .filter(|t| t.executed && !t.status.is_successful())
        .map(|t| format!("{} ", t.reason.as_deref().unwrap_or("null")))
        .collect()
}

/// Does a row of the current pass still run? Costs one look-up while the one that was last seen open still is.
fn is_open(turn: &mut Turn<'_>, row: &TaskState, node: &Node) -> bool {
    let here = Place::of(row, &node.ref_name).inside(row.iteration);
    let from = turn.run.tasks.join_watch(row.no);
    let count = node.body.len();
    let open = (0..count).map(|i| (from + i) % count).find(|i| {
        let name = turn.node(node.body[*i]).map(|n| here.name(&n.ref_name));
        name.and_then(|name| turn.run.tasks.latest(&name)).is_some_and(|t| !t.status.is_terminal())
    });
    if let Some(at) = open {
        turn.run.tasks.set_join_watch(row.no, at);
    }
    open.is_some()
}

/// The outputs of the tasks of one pass, of the rows that `counts` accepts; `None` if it has no row at all.
fn pass(
    plan: &Plan,
    run: &RunState,
    node: &Node,
    place: &Place,
    counts: &dyn Fn(&TaskState) -> bool,
) -> Option<Map<String, Value>> {
    let mut outputs = Map::new();
    for ix in &node.body {
        let Some(task) = run.node(plan, *ix) else { continue };
        let Some(row) = run.tasks.latest(&place.name(&task.ref_name)).filter(|row| counts(row)) else {
            continue;
        };
        let output = output_so_far(plan, run, row).unwrap_or_else(|| row.output.map().clone());
        outputs.insert(task.ref_name.to_string(), Value::Object(output));
    }
    (!outputs.is_empty()).then_some(outputs)
}

/// The output of an open loop, as far as its passes have ended; `None` if what is stored in the row is all there is.
pub(crate) fn output_so_far(plan: &Plan, run: &RunState, row: &TaskState) -> Option<Map<String, Value>> {
    if &*row.task_type != "DO_WHILE" || row.status.is_terminal() || row.iteration <= 1 {
        return None;
    }
    let passes = match run.tasks.loop_passes(row.no) {
        Some(passes) => passes.clone(),
        None => gathered(plan, run, row, &*run.node_of(plan, row)?),
    };
    Some(shown(&passes, row))
}

/// One member of the same, without making all of it.
pub(crate) fn member<'r>(passes: &'r Passes, row: &'r TaskState, name: &str) -> Option<Member<'r>> {
    let pass = name.parse::<i32>().ok();
    match pass.and_then(|pass| passes.binary_search_by_key(&pass, |(number, _)| *number).ok()) {
        Some(at) => Some(Member::Object(&passes[at].1)),
        None => row.output.map().get(name).map(Member::Borrowed),
    }
}

fn shown(passes: &Passes, row: &TaskState) -> Map<String, Value> {
    let pass = |(number, pass): &(i32, Arc<Map<String, Value>>)| {
        (number.to_string(), Value::Object(Map::clone(pass)))
    };
    let mut output: Map<String, Value> = passes.iter().map(pass).collect();
    // a row that was opened again shows passes too, as they were
    for (name, value) in row.output.map() {
        output.entry(name.clone()).or_insert_with(|| value.clone());
    }
    output
}

/// The passes that have ended, from the rows and from what the loop's own row shows since it was opened again.
fn gathered(plan: &Plan, run: &RunState, row: &TaskState, node: &Node) -> Passes {
    let mut passes = Passes::default();
    let place = Place::of(row, &node.ref_name);
    for iteration in 1..row.iteration {
        if let Some(pass) = pass(plan, run, node, &place.inside(iteration), &|_| true) {
            put(&mut passes, iteration, pass);
        }
    }
    for (name, value) in row.output.map() {
        if let (Ok(iteration), Value::Object(pass)) = (name.parse(), value) {
            put(&mut passes, iteration, pass.clone());
        }
    }
    passes
}

fn put(passes: &mut Passes, iteration: i32, pass: Map<String, Value>) {
    let passes = Arc::make_mut(passes);
    match passes.binary_search_by_key(&iteration, |(number, _)| *number) {
        Ok(at) => passes[at].1 = Arc::new(pass),
        Err(at) => passes.insert(at, (iteration, Arc::new(pass))),
    }
}

fn take_passes(turn: &mut Turn<'_>, row: &TaskState, node: &Node) -> Passes {
    let known = turn.run.tasks.take_loop_passes(row.no);
    known.unwrap_or_else(|| gathered(turn.plan, turn.run, row, node))
}

/// What a loop had that is canceled in this turn. The current pass counts if the turn brought it further.
pub(crate) fn canceled_output(turn: &Turn<'_>, no: TaskNo) -> Option<Payload> {
    let row = turn.run.tasks.get(no).filter(|row| &*row.task_type == "DO_WHILE" && row.iteration >= 1)?;
    let node = turn.node_of_row(row)?;
    let here = Place::of(row, &node.ref_name).inside(row.iteration);
    let mut output = output_so_far(turn.plan, turn.run, row).unwrap_or_else(|| row.output.map().clone());
    let mut moved = false;
    let mut current = pass(turn.plan, turn.run, &node, &here, &|_| true).unwrap_or_default();
    for ix in &node.body {
        let Some(task) = turn.node(*ix) else { continue };
        let Some(t) = turn.run.tasks.latest(&here.name(&task.ref_name)) else { continue };
        moved |= turn.is_new(t.no);
        // the one that ends the run has not told its output to anybody yet
        if task.kind.name() == "TERMINATE" {
            current.insert(task.ref_name.to_string(), Value::Object(Map::new()));
        }
    }
    if moved {
        output.insert(row.iteration.to_string(), Value::Object(current));
    }
    Some(Payload::from_map(java::hash_map_order(&output)))
}

/// A loop that is given the variables of the run shows them as its condition saw them last.
fn show_variables(turn: &mut Turn<'_>, no: TaskNo, node: &Node) {
    let parameters = &node.config.input_parameters;
    let all = |value: &&Value| value.as_str() == Some("${workflow.variables}");
    if !parameters.values().any(|value| all(&value)) {
        return;
    }
    let variables = Value::Object(turn.run.head.variables.map().clone());
    turn.change(no, |row| {
        let mut input = row.input.map().clone();
        for (name, _) in parameters.iter().filter(|(_, value)| all(value)) {
            input.insert(name.clone(), variables.clone());
        }
        row.input = Payload::from_map(input);
    });
}

/// The loop ends.
fn finish(
    turn: &mut Turn<'_>,
    row: &TaskState,
    node: &Node,
    pass: Map<String, Value>,
    status: TaskStatus,
    reason: Option<String>,
) {
    let mut passes = take_passes(turn, row, node);
    turn.goes_round_again();
    put(&mut passes, row.iteration, pass);
    let output = Payload::from_map(java::hash_map_order(&shown(&passes, row)));
    let limit = turn.cx.settings.payload_limit_bytes;
    match unfit_reason("output", &output, turn, row.no, limit) {
        Some(reason) => turn.end(row.no, TaskStatus::FailedWithTerminalError, Some(reason), None),
        None => turn.end(row.no, status, reason.map(Into::into), Some(output)),
    }
}

/// Sets the counters.
fn count(turn: &mut Turn<'_>, no: TaskNo, iteration: i32, item: Option<(i32, Value)>) {
    let mut counters = Map::new();
    counters.insert("iteration".to_owned(), Value::from(iteration));
    if let Some((index, item)) = item {
        counters.insert("loopIndex".to_owned(), Value::from(index));
        counters.insert("loopItem".to_owned(), item);
    }
    let now = turn.cx.now;
    turn.change(no, |row| {
        row.iteration = iteration;
        row.output = Payload::from_map(counters);
        row.updated_at = now;
    });
}

/// An operator has opened the loop again at one of its passes: what it shows of that pass and those before stays until
/// they end anew.
pub(crate) fn go_back(turn: &mut Turn<'_>, no: TaskNo, iteration: i32, shown: Option<&Payload>) {
    let (Some(row), Some(node)) = (turn.run.tasks.get(no).cloned(), turn.node_of(no)) else { return };
    let shown = shown.map(|output| output.map().clone()).unwrap_or_default();
    let item = items(turn, &row, &node).and_then(|items| {
        let index = iteration - 1;
        items.get(usize::try_from(index).ok()?).cloned().map(|item| (index, item))
    });
    turn.run.tasks.forget_loop_passes(no);
    count(turn, no, iteration, item);
    let earlier = |name: &str| name.parse::<i32>().is_ok_and(|pass| pass <= iteration);
    turn.change(no, |row| {
        let mut output = row.output.map().clone();
        output.extend(shown.into_iter().filter(|(name, _)| earlier(name)));
        row.output = Payload::from_map(java::hash_map_order(&output));
    });
}

/// What an open row keeps of the output that it had when it ended: of a loop the counters, of others nothing.
pub(crate) fn counters(row: &TaskState) -> Payload {
    if &*row.task_type != "DO_WHILE" {
        return Payload::empty();
    }
    let kept = |name: &&String| matches!(name.as_str(), "iteration" | "loopIndex" | "loopItem");
    let members = row.output.map();
    Payload::from_map(members.keys().filter(kept).map(|name| (name.clone(), members[name].clone())).collect())
}

/// The list that the loop goes over, if it goes over one.
fn items(turn: &Turn<'_>, row: &TaskState, node: &Node) -> Option<Vec<Value>> {
    let given = match &node.config.items {
        Some(items) if !items.trim().is_empty() => {
            turn.resolve(&Value::String(items.clone()), turn.run.task_id(row.no))
        }
        _ => row.input.get("_items")?.clone(),
    };
    Some(match given {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        other => vec![other],
    })
}

/// Is there another pass? With its item, if the loop goes over a list.
fn goes_on(
    turn: &Turn<'_>,
    row: &TaskState,
    node: &Node,
    pass: &Map<String, Value>,
) -> Result<Option<Option<Value>>, NoValue> {
    let condition = node.config.loop_condition.as_deref().unwrap_or_default();
    let blank = condition.trim().is_empty();
    let items = items(turn, row, node);
    let next = items.as_ref().map(|items| items.get(usize::try_from(row.iteration).unwrap_or(0)).cloned());
    match next {
        Some(None) => return Ok(None),
        Some(Some(item)) if blank => return Ok(Some(Some(item))),
        None if blank => return Ok(None),
        Some(Some(_)) | None => {}
    }
    let input = condition_input(turn, row, node, pass, condition);
    let holds = is_true(&turn.javascript(condition, &input)?);
    Ok(holds.then_some(next.flatten()))
}

/// What the condition sees as `$`.
fn condition_input(
    turn: &Turn<'_>,
    row: &TaskState,
    node: &Node,
    pass: &Map<String, Value>,
    condition: &str,
) -> Map<String, Value> {
    let mut input = row.input.map().clone();
    // what the parameters read may have changed in this pass
    if matches!(node.input, Input::Template { .. }) {
        input.extend(turn.input_of(row.no, node).map().clone());
    }
    for (name, value) in row.output.map() {
        if name != "iteration" {
            input.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    let mut own = row.output.map().clone();
    if !reads_only_counters(condition, &node.ref_name) {
        if let Some(output) = output_so_far(turn.plan, turn.run, row) {
            own = output;
        }
        own.insert(row.iteration.to_string(), Value::Object(pass.clone()));
    }
    input.insert(node.ref_name.to_string(), Value::Object(own));
    let mut bodies = vec![node.body.clone()];
    while let Some(body) = bodies.pop() {
        for ix in body {
            let Some(task) = turn.node(ix) else { continue };
            if let Some(latest) = turn.run.tasks.named(&task.ref_name) {
                input.insert(task.ref_name.to_string(), Value::Object(latest.output.map().clone()));
            }
            bodies.push(task.body.clone());
        }
    }
    input
}

/// Does a condition look at nothing of its loop's output but the counters? Then it need not be shown all passes.
fn reads_only_counters(condition: &str, name: &str) -> bool {
    const COUNTERS: [&str; 3] = ["iteration", "loopIndex", "loopItem"];
    let reads_counter = |rest: &str| {
        COUNTERS.iter().any(|counter| {
            let quoted = [format!("['{counter}']"), format!("[\"{counter}\"]")];
            let dotted = rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(counter));
            quoted.iter().any(|text| rest.starts_with(text.as_str()))
                || dotted.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    // `$` without a member right behind it could be anything
    let whole = condition.split('$').skip(1).any(|rest| !rest.starts_with('.'));
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut mentions = condition.match_indices(name).filter(|(at, _)| {
        let (before, after) = (&condition[..*at], &condition[at + name.len()..]);
        // a part of another word is no mention
        !word(before.chars().next_back()) && !word(after.chars().next())
    });
    !whole && !name.is_empty() && mentions.all(|(at, _)| reads_counter(&condition[at + name.len()..]))
}

/// Drops the rows and the outputs of the passes that `keepLastN` gives up.
fn forget(turn: &mut Turn<'_>, row: &TaskState, node: &Node, iteration: i32) {
    let Some(keep) = row.input.get("keepLastN").and_then(Value::as_i64).filter(|n| *n > 0) else { return };
    let last = i64::from(iteration) - keep;
    let Ok(last) = i32::try_from(last) else { return };
    if last < 1 {
        return;
    }
    let known = turn.run.tasks.take_loop_passes(row.no);
    let place = Place::of(row, &node.ref_name);
    // an earlier number may have been greater: nothing is kept from before a gap
    let mut gone = last;
    while gone >= 1 && forget_pass(turn, node, &place.inside(gone)) {
        gone -= 1;
    }
    if let Some(mut passes) = known {
        Arc::make_mut(&mut passes).retain(|(number, _)| *number > last);
        turn.run.tasks.keep_loop_passes(row.no, passes);
    }
}

/// Removes all rows of a pass, those of loops and dynamic forks inside too. False if there was none.
fn forget_pass(turn: &mut Turn<'_>, node: &Node, place: &Place) -> bool {
    let mut any = false;
    for ix in &node.body {
        let Some(task) = turn.node(*ix) else { continue };
        let Some(latest) = turn.run.tasks.latest(&place.name(&task.ref_name)).cloned() else { continue };
        any = true;
        if task.kind.name() == "DO_WHILE" {
            for inner in 1..=latest.iteration {
                forget_pass(turn, &task, &place.inside(inner));
            }
        }
        let forked = latest.input.get("forkedTasks").and_then(Value::as_array).cloned().unwrap_or_default();
        for name in forked.iter().filter_map(Value::as_str) {
            remove_attempts(turn, &place.name_of(name));
        }
        remove_attempts(turn, &latest.ref_name);
    }
    any
}

fn remove_attempts(turn: &mut Turn<'_>, name: &str) {
    while let Some(no) = turn.run.tasks.latest(name).map(|row| row.no) {
        turn.remove(no);
    }
}

#[cfg(test)]
mod tests;
