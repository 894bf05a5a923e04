//! The run under change.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::account::Note;
use super::mapping::Mapping;
use super::scope::RunScope;
use super::{Cx, Decision, Needs, Place};
use crate::effect::{EVENT_ID, Effect, Outgoing, Raised};
use crate::expr::script::{Call, Evaluated, Language, NoValue};
use crate::expr::{java, mentions_template, resolve_value};
use crate::id::{TaskId, TaskNo};
use crate::payload::Payload;
use crate::plan::{Node, NodeIx, NodeRef, Plan};
use crate::run::{RunHead, RunState};
use crate::task::{TaskState, TaskStatus};
use crate::time::Timestamp;

/// One decision in the making. Changes the run in place and remembers what the rows were, so that the effects name each
/// changed row once and only if it differs in the end.
pub(crate) struct Turn<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) run: &'a mut RunState,
    pub(crate) cx: &'a Cx<'a>,
    /// First images of touched rows; `None` = the row is new.
    pub(super) before: BTreeMap<TaskNo, Option<Arc<TaskState>>>,
    pub(super) head_before: Option<Box<RunHead>>,
    /// Effects that are no row images.
    pub(super) other: Vec<Effect>,
    /// Rows that ended and whose end is not processed yet.
    pub(super) ended: Vec<TaskNo>,
    /// JOINs that something happened for.
    pub(super) joins: Vec<TaskNo>,
    pub(super) needs: Needs,
    /// The turn asks for a script whose answer it does not have.
    asks_script: Cell<bool>,
    /// The earliest instant that this turn wants to be woken at.
    wake: Option<Timestamp>,
    /// A start that must not be.
    pub(super) unstartable: Option<String>,
    /// When the run was last updated, without the latest round of this turn.
    pub(super) updated_before_round: Timestamp,
    /// All deadlines were looked at: `wake` is exact, also if later than the stored one.
    pub(super) wake_exact: bool,
    /// The run had ended and is open again.
    pub(super) reopened: bool,
    /// Lines of the run's account.
    pub(super) notes: Vec<Note>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(plan: &'a Plan, run: &'a mut RunState, cx: &'a Cx<'a>) -> Self {
        let updated_before_round = run.head.updated_at;
        Turn {
            plan,
            run,
            cx,
            updated_before_round,
            before: BTreeMap::new(),
            head_before: None,
            other: Vec::new(),
            ended: Vec::new(),
            joins: Vec::new(),
            needs: Needs::default(),
            asks_script: Cell::new(false),
            wake: None,
            unstartable: None,
            wake_exact: false,
            reopened: false,
            notes: Vec::new(),
        }
    }

    /// The run's row for change.
    pub(crate) fn head(&mut self) -> &mut RunHead {
        if self.head_before.is_none() {
            self.head_before = Some(Box::new(self.run.head.clone()));
        }
        &mut self.run.head
    }

    /// Something has changed that is looked at in another round: the latest one does not count as an update of the run, as
    /// in Conductor, where only the last round of an evaluation does.
    pub(crate) fn goes_round_again(&mut self) {
        let before = self.updated_before_round;
        if self.run.head.updated_at != before {
            self.head().updated_at = before;
        }
    }

    /// Changes a row.
    pub(crate) fn change(&mut self, no: TaskNo, change: impl FnOnce(&mut TaskState)) {
        if let Some(row) = self.run.tasks.get(no) {
            self.before.entry(no).or_insert_with(|| Some(row.clone()));
        }
        self.run.tasks.change(no, change);
    }

    pub(super) fn add(&mut self, row: TaskState) {
        self.before.entry(row.no).or_insert(None);
        self.run.tasks.put(Arc::new(row));
    }

    /// Takes a row away.
    pub(crate) fn remove(&mut self, no: TaskNo) {
        if let Some(row) = self.run.tasks.remove(no) {
            self.before.entry(no).or_insert(Some(row));
        }
    }

    /// Puts a row back to an earlier image.
    pub(super) fn put_back(&mut self, row: Arc<TaskState>) {
        self.run.tasks.put(row);
    }

    pub(super) fn was_touched(&self, no: TaskNo) -> bool {
        self.before.contains_key(&no)
    }

    /// The rows that were touched, in their order, with the status that each had before: `None` = it is new.
    pub(super) fn touched_rows(&self) -> Vec<(TaskNo, Option<TaskStatus>)> {
        self.before.iter().map(|(no, row)| (*no, row.as_ref().map(|row| row.status))).collect()
    }

    /// Has the run's own row been changed?
    pub(super) fn has_changed_head(&self) -> bool {
        self.head_before.is_some()
    }

    /// Is anything not as it was before this turn?
    pub(super) fn changes_anything(&self) -> bool {
        let moved = self.head_before.as_ref().is_some_and(|head| **head != self.run.head);
        let touched = |(no, row): (&TaskNo, &Option<Arc<TaskState>>)| row.as_ref() != self.run.tasks.get(*no);
        moved || !self.other.is_empty() || self.before.iter().any(touched)
    }

    pub(super) fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    /// Did this turn make the row?
    pub(crate) fn is_new(&self, no: TaskNo) -> bool {
        matches!(self.before.get(&no), Some(None))
    }

    pub(crate) fn node_of(&self, no: TaskNo) -> Option<NodeRef<'a>> {
        self.node_of_row(self.run.tasks.get(no)?)
    }

    pub(crate) fn node_of_row(&self, row: &TaskState) -> Option<NodeRef<'a>> {
        self.run.node_of(self.plan, row)
    }

    /// The latest row of a reference as a task in the same place as `row` means it.
    pub(crate) fn beside(&self, row: &TaskState, name: &str) -> Option<&Arc<TaskState>> {
        let place = self.place_of(row);
        if place.suffix().is_empty() {
            self.run.tasks.latest(name)
        } else {
            self.run.tasks.latest(&place.name_of(name))
        }
    }

    /// Where a row stands.
    pub(crate) fn place_of(&self, row: &TaskState) -> Place {
        match self.node_of_row(row) {
            Some(node) => Place::of(row, &node.ref_name),
            None => Place::default(),
        }
    }

    pub(crate) fn node(&self, ix: NodeIx) -> Option<NodeRef<'a>> {
        self.run.node(self.plan, ix)
    }

    /// What a JavaScript expression makes of an input.
    pub(crate) fn javascript(&self, script: &str, input: &Map<String, Value>) -> Result<Value, NoValue> {
        let call = Call { language: Language::JavaScript, script, input, may_wait: true };
        self.run_script(&call).value()
    }

    /// The same where the flow cannot stand still: the text of the value, or why there is none.
    pub(crate) fn case_of(&self, script: &str, input: &Map<String, Value>) -> Result<String, String> {
        let call = Call { language: Language::JavaScript, script, input, may_wait: false };
        match self.run_script(&call).value() {
            Ok(value) => Ok(java::to_text(&value)),
            Err(NoValue::Failed(reason)) => Err(reason),
            // this decision is made again anyway
            Err(NoValue::Later | NoValue::Unknown) => Err("the script did not run".to_owned()),
        }
    }

    pub(crate) fn run_script(&self, call: &Call<'_>) -> Evaluated {
        let answer = self.cx.world.evaluate(call);
        if answer == Evaluated::Unknown {
            self.asks_script.set(true);
        }
        answer
    }

    /// Is it clear that this turn must be decided again?
    pub(super) fn is_void(&self) -> bool {
        self.asks_script.get() || !self.needs.is_empty()
    }

    /// Takes over what the making of rows found missing.
    pub(super) fn note_needs(&mut self, map: &mut Mapping) {
        self.needs.task_definitions.append(&mut map.needs.task_definitions);
        self.needs.definitions.append(&mut map.needs.definitions);
        self.needs.cached.append(&mut map.needs.cached);
    }

    pub(super) fn by_worker(&self, no: TaskNo) -> bool {
        // a row that the definition does not know can only be a worker's
        self.node_of(no).is_none_or(|node| node.kind.by_worker())
    }

    /// Ends a row. Its successors are computed later in the turn.
    pub(crate) fn end(
        &mut self,
        no: TaskNo,
        status: TaskStatus,
        reason: Option<Arc<str>>,
        output: Option<Payload>,
    ) {
        let now = self.cx.now;
        self.change(no, |row| {
            row.status = status;
            row.ready = false;
            row.ended_at = Some(now);
            if row.updated_at == Timestamp::default() {
                row.updated_at = now;
            }
            if reason.is_some() {
                row.reason = reason;
            }
            if let Some(output) = output {
                row.output = output;
            }
        });
        self.note_end(no);
    }

    /// Notes that a row has ended: its successors are to be computed and JOINs that name it to be asked.
    pub(super) fn note_end(&mut self, no: TaskNo) {
        self.ended.push(no);
        let Some(node) = self.node_of(no) else { return };
        if let Some(row) = self.run.tasks.get(no)
            && row.status == TaskStatus::Completed
            && let Some(fault) = node.output_fault(&row.output)
        {
            self.change(no, |row| {
                row.status = TaskStatus::Failed;
                row.reason = Some(fault.into());
            });
        }
        self.keep_output(no, &node);
        let dynamic =
            node.fork.as_deref().and_then(|fork| self.plan.node_of(fork)).and_then(|fork| fork.next);
        if node.joined_by.is_empty() && dynamic.is_none() {
            return;
        }
        let Some(row) = self.run.tasks.get(no) else { return };
        for join in node.joined_by.iter().copied().chain(dynamic) {
            if let Some(join) = self.node(join)
                && let Some(join) = self.beside(row, &join.ref_name)
                && !join.status.is_terminal()
            {
                self.joins.push(join.no);
            }
        }
    }

    /// Keeps the output of a task that has just completed for later ones, if its definition wants it.
    fn keep_output(&mut self, no: TaskNo, node: &Node) {
        let Some(rule) = node.cache.as_ref() else { return };
        let head = &self.run.head;
        // one that was open until now: not one that came with a kept output
        let was_open =
            self.before.get(&no).is_some_and(|b| b.as_ref().is_some_and(|b| !b.status.is_terminal()));
        let by_worker = node.kind.by_worker() && !head.extra.rehearsed;
        let Some(row) = self.run.tasks.get(no).filter(|row| row.status == TaskStatus::Completed) else {
            return;
        };
        if was_open
            && by_worker
            && let Some(kept) = rule.kept(row, &head.input, self.cx.now)
        {
            self.other.push(Effect::Kept(Box::new(kept)));
        }
    }

    pub(crate) fn complete(&mut self, no: TaskNo, output: Payload) {
        self.end(no, TaskStatus::Completed, None, Some(output));
    }

    pub(crate) fn fail(&mut self, no: TaskNo, reason: String) {
        self.end(no, TaskStatus::Failed, Some(reason.into()), None);
    }

    /// A row that the engine runs itself begins.
    pub(crate) fn begin(&mut self, no: TaskNo) {
        let now = self.cx.now;
        self.change(no, |row| {
            row.status = TaskStatus::InProgress;
            row.ready = false;
            row.started_at = row.started_at.or(Some(now));
            row.updated_at = now;
        });
    }

    /// The engine took the row as a worker would have.
    pub(crate) fn polled_by_engine(&mut self, no: TaskNo) {
        self.change(no, |row| {
            row.poll_count += 1;
            row.worker = Some("podium".into());
            row.callback_after_s = 0;
        });
    }

    pub(crate) fn set_output(&mut self, no: TaskNo, output: Payload) {
        self.change(no, |row| row.output = output);
    }

    pub(crate) fn ask_join(&mut self, no: TaskNo) {
        self.joins.push(no);
    }

    pub(crate) fn emit(&mut self, message: Outgoing) {
        self.other.push(Effect::Emitted(Arc::new(message)));
    }

    /// The header that tells the messages of this task apart from others: the task's id, with a number behind it once the
    /// run was opened again, for a row that runs again asks for something new. Who reads a message twice sees the same.
    pub(crate) fn event_id(&self, task: TaskNo) -> (String, Vec<u8>) {
        let id = self.run.task_id(task);
        let id = match self.run.head.extra.openings {
            0 => id.to_string(),
            openings => format!("{id}/{openings}"),
        };
        (EVENT_ID.to_owned(), id.into_bytes())
    }

    /// Tells the handlers of an own queue of the event of this task.
    pub(crate) fn raise(&mut self, task: TaskNo, event: &str) {
        self.other.push(Effect::Raised(Raised {
            task,
            event: event.into(),
            value: None,
            headers: Vec::new(),
        }));
    }

    /// What expressions see now; `task`: the id of the task that is made, if it is known.
    pub(super) fn scope(&self, task: Option<TaskId>) -> RunScope<'_> {
        RunScope { plan: self.plan, run: self.run, task, environment: &self.cx.settings.environment }
    }

    /// A row as its task sees it while it runs: with the secrets that its input names.
    pub(crate) fn running_row(&self, no: TaskNo) -> Option<Arc<TaskState>> {
        let row = self.run.tasks.get(no)?;
        Some(self.cx.settings.environment.with_secrets(row.clone()))
    }

    /// Resolves a value of a definition for a task.
    pub(crate) fn resolve(&self, value: &Value, task: TaskId) -> Value {
        if !mentions_template(value) {
            return value.clone();
        }
        resolve_value(value, &self.scope(Some(task)))
    }

    /// The same where the id of the task is not known yet: `${CPEWF_TASK_ID}` stays as it is.
    pub(crate) fn resolve_without_id(&self, value: &Value) -> Value {
        if !mentions_template(value) {
            return value.clone();
        }
        resolve_value(value, &self.scope(None))
    }

    pub(crate) fn wake_by(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |w| w.min(at)));
    }

    /// The answer: every changed row once, in a fixed order.
    pub(super) fn finish(mut self) -> Decision {
        self.needs.scripts = self.asks_script.get();
        if !self.needs.is_empty() {
            return Decision::Needs(self.needs);
        }
        self.settle_wake();
        self.write_account();
        let mut effects = Vec::with_capacity(self.before.len() + self.other.len() + 1);
        if let Some(before) = self.head_before
            && *before != self.run.head
        {
            effects.push(Effect::Run(Box::new(self.run.head.clone())));
        }
        for (no, before) in self.before {
            let Some(row) = self.run.tasks.get(no) else {
                effects.extend(before.map(|_| Effect::TaskRemoved(no)));
                continue;
            };
            match before {
                None => effects.push(Effect::TaskAdded(row.clone())),
                Some(before) if before != *row => effects.push(Effect::TaskChanged(row.clone())),
                Some(_) => {}
            }
        }
        effects.append(&mut self.other);
        Decision::Done(effects)
    }

    /// `wake_at` may be too early, never too late: it is written only when it gets earlier, when all deadlines were
    /// looked at, and when the run ends; nothing but the events that it keeps ends by itself then.
    fn settle_wake(&mut self) {
        let stored = self.run.head.wake_at;
        let wanted = if self.run.head.status.is_terminal() {
            self.first_expiry()
        } else if self.wake_exact {
            self.wake
        } else {
            match (stored, self.wake) {
                (Some(stored), Some(wake)) => Some(stored.min(wake)),
                (stored, wake) => stored.or(wake),
            }
        };
        if wanted != stored {
            self.head().wake_at = wanted;
        }
    }
}
