//! A task of the definition becomes rows.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::finish::Halt;
use super::place::Place;
use super::{Needs, Turn};
use crate::cache::{self, Remembered};
use crate::http::isolation;
use crate::id::{MAX_TASK_NO, TaskId, TaskNo};
use crate::payload::{MAX_DEPTH, Payload};
use crate::plan::{Input, Node, NodeIx, NodeRef};
use crate::task::{TaskState, TaskStatus};
use crate::tasks::lease_of;
use crate::time::{Span, Timestamp};

/// The rows that a round makes. Nothing of it is in the run until the round is over, so one row of a round does not see
/// another.
#[derive(Default)]
pub(crate) struct Mapping {
    pub(super) rows: Vec<TaskState>,
    seen: HashSet<(NodeIx, Arc<str>)>,
    /// Where the rows stand.
    place: Place,
    /// Branches that this round makes; in the run once their fork's row is.
    branches: Vec<Arc<Node>>,
    /// What is not known and must be.
    pub(super) needs: Needs,
    /// Input that an operator gave for a task.
    given: Option<(NodeIx, Payload)>,
    /// A task is made that an operator wants done again.
    again: bool,
}

impl Mapping {
    /// Adds the rows of a task, unless it has some already.
    pub(crate) fn expand(&mut self, turn: &Turn<'_>, ix: NodeIx) -> Result<(), Halt> {
        let mut ix = ix;
        let node = loop {
            let Some(node) = self.node(turn, ix) else { return Ok(()) };
            match turn.run.tasks.latest(&self.place.name(&node.ref_name)) {
                // an operator skipped it: on with what follows
                Some(row) if row.status == TaskStatus::Skipped => match node.next {
                    Some(next) => ix = next,
                    None => return Ok(()),
                },
                Some(_) => return Ok(()),
                None => break node,
            }
        };
        if !self.seen.insert((ix, self.place.suffix().clone())) {
            return Ok(());
        }
        node.kind.expand(turn, self, &node)?;
        if self.next_no(turn) > MAX_TASK_NO {
            return Err(Halt::failed("The run has used up all its task numbers".to_owned()));
        }
        Ok(())
    }

    /// Adds the rows of a task that is made anew, whatever rows it has.
    pub(super) fn expand_again(&mut self, turn: &Turn<'_>, node: &Node) -> Result<(), Halt> {
        self.seen.insert((node.ix, self.place.suffix().clone()));
        self.again = true;
        let made = node.kind.expand(turn, self, node);
        self.again = false;
        made
    }

    /// The task gets this input instead of the one that its parameters resolve to.
    pub(super) fn give(&mut self, node: &Node, input: Payload) {
        self.given = Some((node.ix, input));
    }

    /// A row for a task that the flow passes over; not among the rows of the round.
    pub(super) fn passed_over(mut self, turn: &Turn<'_>, node: &Node, input: Payload) -> TaskState {
        self.row(turn, node, input).clone()
    }

    fn given_for(&self, node: &Node) -> Option<Payload> {
        self.given.as_ref().filter(|(ix, _)| *ix == node.ix).map(|(_, input)| input.clone())
    }

    /// Rows made from now on stand here.
    pub(crate) fn go_to(&mut self, place: Place) {
        self.place = place;
    }

    /// The reference, without the suffix of the place, of the last row made since there were `from`.
    pub(crate) fn last_ref(&self, from: usize) -> Option<&str> {
        let row = self.rows.get(from..)?.last()?;
        row.ref_name.strip_suffix(&**self.place.suffix())
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The name that a row of this reference gets now.
    pub(crate) fn name(&self, node: &Node) -> Arc<str> {
        self.place.name(&node.ref_name)
    }

    /// The latest version of a definition must be known.
    pub(crate) fn wants_definition(&mut self, name: &str) {
        self.needs.definitions.push((name.to_owned(), None));
    }

    pub(crate) fn wants_task_definition(&mut self, name: &str) {
        self.needs.task_definitions.push(name.to_owned());
    }

    /// Where the next branch of a dynamic fork gets its place.
    pub(crate) fn next_branch(&self, turn: &Turn<'_>) -> usize {
        turn.run.tasks.branches.len() + self.branches.len()
    }

    pub(crate) fn add_branches(&mut self, nodes: Vec<Arc<Node>>) {
        self.branches.extend(nodes);
    }

    fn node<'a>(&self, turn: &Turn<'a>, ix: NodeIx) -> Option<NodeRef<'a>> {
        let known = turn.run.tasks.branches.len();
        if ix.is_branch() && ix.index() >= known {
            return self.branches.get(ix.index() - known).cloned().map(NodeRef::Own);
        }
        turn.node(ix)
    }

    fn next_no(&self, turn: &Turn<'_>) -> TaskNo {
        turn.run.head.next_no.saturating_add(self.rows.len() as TaskNo)
    }

    /// The id that the next row gets.
    fn next_id(&self, turn: &Turn<'_>) -> TaskId {
        turn.run.task_id(self.next_no(turn))
    }

    /// The input of a task, resolved now for the row that is made next.
    pub(crate) fn input(&self, turn: &Turn<'_>, node: &Node) -> Payload {
        self.given_for(node).unwrap_or_else(|| resolve_input(turn, node, Some(self.next_id(turn))))
    }

    /// The input where the id of the task is not known yet: `${CPEWF_TASK_ID}` stays as it is.
    pub(crate) fn input_without_id(&self, turn: &Turn<'_>, node: &Node) -> Payload {
        self.given_for(node).unwrap_or_else(|| resolve_input(turn, node, None))
    }

    /// A SCHEDULED row with its input; for a worker's type ready after the definition's `startDelay`.
    pub(crate) fn scheduled(&mut self, turn: &Turn<'_>, node: &Node) -> &mut TaskState {
        let input = self.input(turn, node);
        self.scheduled_with(turn, node, input)
    }

    /// The same with an input of the kind's own making.
    pub(crate) fn scheduled_with(&mut self, turn: &Turn<'_>, node: &Node, input: Payload) -> &mut TaskState {
        self.scheduled_of(turn, node, &node.task_type, &node.def_name, input)
    }

    /// The same for a DYNAMIC task: `node` is its form as the type that was chosen, `name` its queue.
    pub(crate) fn scheduled_as(&mut self, turn: &Turn<'_>, node: &Node, name: &str) -> &mut TaskState {
        let name = name.into();
        let input = self.input(turn, node);
        self.scheduled_of(turn, node, &name, &name, input)
    }

    fn scheduled_of(
        &mut self,
        turn: &Turn<'_>,
        node: &Node,
        task_type: &Arc<str>,
        def_name: &Arc<str>,
        input: Payload,
    ) -> &mut TaskState {
        let delay = node.config.start_delay.max(0);
        let now = turn.cx.now;
        let by_worker = node.kind.by_worker();
        // as in Conductor, what the engine calls itself has no domain; its group, if any, stands in its place
        let is_placed = lease_of(task_type).is_none() || turn.run.head.extra.rehearsed;
        let domain = match node.config.task_definition.as_ref() {
            _ if by_worker && is_placed => domain(turn, task_type),
            Some(def) if by_worker => isolation(def).map(Into::into),
            _ => None,
        };
        let kept = self.kept(turn, node, task_type, def_name, &input);
        let row = self.row(turn, node, input);
        row.task_type = task_type.clone();
        row.def_name = def_name.clone();
        row.domain = domain;
        if !node.kind.is_inline() {
            row.start_delay_s = delay;
            row.callback_after_s = i64::from(delay);
            row.available_at = now + Span::from_secs(i64::from(delay));
        }
        row.ready = by_worker && row.status == TaskStatus::Scheduled;
        if row.ready
            && let Some(output) = kept
        {
            row.end_with_kept(output, now);
        }
        row
    }

    /// The output that is kept for a task with this input, if there is one.
    fn kept(
        &mut self,
        turn: &Turn<'_>,
        node: &Node,
        task_type: &str,
        def_name: &str,
        input: &Payload,
    ) -> Option<Payload> {
        let rule = node.cache.as_ref().filter(|_| node.kind.by_worker())?;
        let head = &turn.run.head;
        if self.again || head.extra.rehearsed {
            return None;
        }
        let key = rule.key(task_type, def_name, input, &head.input)?;
        match turn.cx.world.cached(&key) {
            Remembered::Found(output) => Some(output),
            Remembered::Nothing => None,
            Remembered::NotLoaded => {
                self.needs.cached.push(key);
                None
            }
        }
    }

    /// An IN_PROGRESS row, for types that begin as soon as the flow reaches them.
    pub(crate) fn running(&mut self, turn: &Turn<'_>, node: &Node, input: Payload) -> &mut TaskState {
        let row = self.row(turn, node, input);
        row.started_at = Some(turn.cx.now);
        if row.status == TaskStatus::Scheduled {
            row.status = TaskStatus::InProgress;
        }
        row
    }

    fn row(&mut self, turn: &Turn<'_>, node: &Node, input: Payload) -> &mut TaskState {
        let now = turn.cx.now;
        let limit = turn.cx.settings.payload_limit_bytes;
        let no = self.next_no(turn);
        let mut row = TaskState {
            no,
            seq: 0,
            ref_name: self.place.name(&node.ref_name),
            task_type: node.task_type.clone(),
            def_name: node.def_name.clone(),
            status: TaskStatus::Scheduled,
            ready: false,
            available_at: now,
            attempt: 0,
            iteration: self.place.iteration,
            poll_count: 0,
            domain: None,
            worker: None,
            scheduled_at: now,
            first_scheduled_at: now,
            started_at: None,
            ended_at: None,
            updated_at: Timestamp::default(),
            start_delay_s: 0,
            callback_after_s: 0,
            response_timeout_s: 0,
            reason: None,
            input,
            output: Payload::empty(),
            retry_of: None,
            retried: false,
            executed: false,
            wait_until: None,
            child: None,
            sub_workflow_id: None,
            changed_in: 0,
        };
        if let Some(reason) = unfit_reason("input", &row.input, turn, no, limit) {
            row.fail_unfit(reason, now);
        } else if let Some(fault) = node.input_fault(&row.input) {
            row.fail_for_good(fault.into(), now);
        }
        self.rows.push(row);
        self.rows.last_mut().expect("a row was just pushed")
    }

    /// A row that repeats a failed attempt.
    pub(super) fn repeat(
        &mut self,
        turn: &Turn<'_>,
        node: Option<&Node>,
        failed: &TaskState,
        delay_s: i32,
        jitter: Span,
    ) {
        let now = turn.cx.now;
        let no = self.next_no(turn);
        // a row that the definition does not know can only be a worker's
        let by_worker = node.is_none_or(|node| node.kind.by_worker());
        self.seen.extend(node.map(|node| (node.ix, Place::of(failed, &node.ref_name).suffix().clone())));
        let input = node.map_or_else(
            || failed.input.clone(),
            |node| repeated_input(turn, node, &failed.input, turn.run.task_id(no)),
        );
        let unfit = unfit_reason("input", &input, turn, no, turn.cx.settings.payload_limit_bytes);
        let mut row = TaskState {
            no,
            seq: 0,
            status: TaskStatus::Scheduled,
            ready: by_worker,
            available_at: now + Span::from_secs(i64::from(delay_s)) + jitter,
            attempt: failed.attempt.saturating_add(1),
            poll_count: 0,
            worker: None,
            scheduled_at: now,
            started_at: None,
            ended_at: None,
            updated_at: Timestamp::default(),
            start_delay_s: delay_s,
            callback_after_s: i64::from(delay_s),
            input,
            output: Payload::empty(),
            retry_of: Some(failed.no),
            retried: false,
            executed: false,
            child: None,
            sub_workflow_id: None,
            changed_in: 0,
            ..failed.clone()
        };
        if let Some(reason) = unfit {
            row.fail_unfit(reason, now);
        } else if let Some(fault) = node.and_then(|node| node.input_fault(&row.input)) {
            row.fail_for_good(fault.into(), now);
        }
        self.rows.push(row);
    }
}

impl Turn<'_> {
    /// The input of a task whose row is there, resolved as it would be now.
    pub(crate) fn input_of(&self, no: TaskNo, node: &Node) -> Payload {
        resolve_input(self, node, Some(self.run.task_id(no)))
    }
}

fn resolve_input(turn: &Turn<'_>, node: &Node, task: Option<TaskId>) -> Payload {
    match &node.input {
        Input::Fixed(payload) => payload.clone(),
        Input::Template { template, fallback } => {
            let input = template.render_map(&turn.scope(task));
            Payload::from_map(crate::plan::with_fallback(input, fallback))
        }
    }
}

/// The old input, overlaid with the parameters as they resolve now; members that no longer resolve stay (spec: semantics
/// §2.4).
fn repeated_input(turn: &Turn<'_>, node: &Node, old: &Payload, task: TaskId) -> Payload {
    if node.params.is_plain() {
        return old.clone();
    }
    let fresh = node.params.render_map(&turn.scope(Some(task)));
    let mut input: Map<String, Value> = old.map().clone();
    for (name, value) in fresh {
        input.insert(name, value);
    }
    Payload::from_map(input)
}

impl TaskState {
    /// The row cannot have its input, so it ends before it begins.
    fn fail_unfit(&mut self, reason: Arc<str>, now: Timestamp) {
        self.input = Payload::empty();
        self.fail_for_good(reason, now);
    }

    /// The row completes as soon as it is there.
    fn end_with_kept(&mut self, output: Payload, now: Timestamp) {
        self.status = TaskStatus::Completed;
        self.ready = false;
        self.output = output;
        self.worker = Some(cache::WORKER.into());
        self.started_at = Some(now);
        self.ended_at = Some(now);
        self.updated_at = now;
    }

    /// The row ends before it begins, and is not tried again.
    fn fail_for_good(&mut self, reason: Arc<str>, now: Timestamp) {
        self.reason = Some(reason);
        self.status = TaskStatus::FailedWithTerminalError;
        self.ready = false;
        self.ended_at = Some(now);
        self.updated_at = now;
    }
}

/// Why a task may not have this input or output.
pub(crate) fn unfit_reason(
    what: &str,
    payload: &Payload,
    turn: &Turn<'_>,
    no: TaskNo,
    limit: usize,
) -> Option<Arc<str>> {
    let (task, run) = (turn.run.task_id(no), turn.run.head.id);
    let size = payload.size_bytes();
    if size > limit {
        let text = format!(
            "The payload size: {size} of task: {task} in workflow: {run}  is greater than the permissible limit: {limit} bytes"
        );
        return Some(text.into());
    }
    let too_deep = || {
        format!("The {what} of task: {task} in workflow: {run} is nested deeper than {MAX_DEPTH} levels")
            .into()
    };
    payload.is_too_deep().then(too_deep)
}

/// The domain of a new worker task (spec: semantics §1.10): the list under `*`, overridden by the one under its type; of a
/// list the first domain with a worker that polled lately, else the last.
fn domain(turn: &Turn<'_>, task_type: &str) -> Option<Arc<str>> {
    let domains = &turn.run.head.extra.task_to_domain;
    if domains.is_empty() {
        return None;
    }
    let list = |key: &str| domains.get(key).filter(|list| !list.trim().is_empty());
    list(task_type).or_else(|| list("*")).and_then(|list| active(turn, task_type, list))
}

fn active(turn: &Turn<'_>, task_type: &str, list: &str) -> Option<Arc<str>> {
    let is_none = |d: &str| d.eq_ignore_ascii_case("NO_DOMAIN");
    let all: Vec<&str> = list.split(',').map(str::trim).collect();
    let live = all.iter().find(|d| !is_none(d) && turn.cx.world.polled_recently(task_type, d));
    let chosen = live.or(all.last()).copied()?;
    (!is_none(chosen) && !chosen.is_empty()).then(|| chosen.into())
}
