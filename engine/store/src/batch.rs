//! Turns the effects of many runs into the rows of one statement.

use std::collections::HashMap;
use std::sync::Arc;

use podium_core::{
    Effect, InboxId, LogLine, Outgoing, ParkedEvent, Payload, RunExtra, RunHead, RunId, SnapshotHash, TaskNo, TaskState,
    Timestamp,
};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::change::{Change, ChangeKind};
use crate::outbox::{headers_text, lane};
use crate::statement::part;
use crate::wire::{RowType, Rows};

/// The composite types of the hot statement, as this database numbers them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Types {
    pub run: RowType,
    pub task: RowType,
    pub run_key: RowType,
    pub payload: RowType,
    pub task_key: RowType,
    pub inbox_key: RowType,
    pub parked: RowType,
    pub outbox: RowType,
    pub log: RowType,
}

/// Where payloads go by size, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In the row up to here.
    pub inline: usize,
    /// With the batch up to here, before it beyond.
    pub ahead: usize,
}

/// Why a change could not be turned into rows.
#[derive(Debug)]
pub(crate) enum Unwritable {
    NoSnapshot(SnapshotHash),
    Broken(&'static str),
}

/// The rows of one batch, by part of the statement.
#[derive(Debug)]
pub(crate) struct Batch {
    limits: Limits,
    /// The lowest and highest run id.
    bounds: Option<(Uuid, Uuid)>,
    updates: Rows,
    inserts: Rows,
    confirms: Rows,
    adds: Rows,
    changes: Rows,
    payloads: Rows,
    /// Payloads that go before the batch.
    pub(crate) ahead: Rows,
    taken: Rows,
    parked: Rows,
    unparked: Rows,
    emitted: Rows,
    settled: Rows,
    children: Rows,
    parents: Vec<Uuid>,
    removed: Rows,
    logged: Rows,
    /// Payloads that got a slot in this batch: told about it once it is committed.
    placed: Vec<(Payload, RunId, i64)>,
}

/// What remains of a task's effects in one change.
#[derive(Clone, Copy)]
enum Fate<'a> {
    Added(&'a Arc<TaskState>),
    Changed(&'a Arc<TaskState>),
    Removed,
    /// Came and went within the change.
    Nothing,
}

/// The final images of one change.
#[derive(Default)]
struct Images<'a> {
    head: Option<&'a RunHead>,
    tasks: Vec<(TaskNo, Fate<'a>)>,
    place: HashMap<TaskNo, usize>,
    emitted: Vec<&'a Outgoing>,
    settled: Vec<TaskNo>,
    taken: Vec<InboxId>,
    parked: Vec<&'a ParkedEvent>,
    unparked: Vec<InboxId>,
    logged: Vec<(TaskNo, &'a LogLine)>,
}

impl<'a> Images<'a> {
    fn of(effects: &'a [Effect]) -> Self {
        let mut images = Images::default();
        for effect in effects {
            match effect {
                Effect::Run(head) => images.head = Some(head),
                Effect::TaskAdded(task) => images.task(task.no, Fate::Added(task)),
                Effect::TaskChanged(task) => images.task(task.no, Fate::Changed(task)),
                Effect::TaskRemoved(no) => images.task(*no, Fate::Removed),
                Effect::Emitted(body) => images.emitted.push(body),
                Effect::Settled(no) => {
                    let before = images.emitted.len();
                    images.emitted.retain(|o| o.task != *no);
                    if images.emitted.len() == before {
                        images.settled.push(*no);
                    }
                }
                // the runtime resolved it into one of `extra_runs`
                Effect::RunWanted(_) => {}
                Effect::InboxTaken(id) => images.taken.push(*id),
                Effect::Parked(event) => images.parked.push(event),
                Effect::Unparked(id) => {
                    let before = images.parked.len();
                    images.parked.retain(|p| p.inbox != *id);
                    if images.parked.len() == before {
                        images.unparked.push(*id);
                    }
                }
                Effect::Logged { task, line } => images.logged.push((*task, line)),
            }
        }
        images
    }

    fn task(&mut self, no: TaskNo, now: Fate<'a>) {
        // most changes have one or two tasks: no map for them
        if self.tasks.len() == 8 && self.place.is_empty() {
            self.place.extend(self.tasks.iter().enumerate().map(|(i, (no, _))| (*no, i)));
        }
        let known = if self.tasks.len() < 8 {
            self.tasks.iter().position(|(n, _)| *n == no)
        } else {
            self.place.get(&no).copied()
        };
        match known {
            None => {
                if self.tasks.len() >= 8 {
                    self.place.insert(no, self.tasks.len());
                }
                self.tasks.push((no, now));
            }
            Some(i) => {
                let before = &mut self.tasks[i].1;
                *before = match (*before, now) {
                    (Fate::Added(_), Fate::Changed(t) | Fate::Added(t)) => Fate::Added(t),
                    (Fate::Added(_) | Fate::Nothing, Fate::Removed) => Fate::Nothing,
                    (Fate::Nothing, Fate::Added(t) | Fate::Changed(t)) => Fate::Added(t),
                    (Fate::Changed(_) | Fate::Removed, Fate::Added(t) | Fate::Changed(t)) => Fate::Changed(t),
                    (Fate::Changed(_) | Fate::Removed, Fate::Removed) => Fate::Removed,
                    (before, Fate::Nothing) => before,
                };
            }
        }
    }

    fn removes(&self) -> bool {
        self.tasks.iter().any(|(_, fate)| matches!(fate, Fate::Removed))
    }
}

impl Batch {
    pub(crate) fn new(t: &Types, limits: Limits) -> Self {
        Batch {
            limits,
            bounds: None,
            updates: Rows::new(t.run),
            inserts: Rows::new(t.run),
            confirms: Rows::new(t.run_key),
            adds: Rows::new(t.task),
            changes: Rows::new(t.task),
            payloads: Rows::new(t.payload),
            ahead: Rows::new(t.payload),
            taken: Rows::new(t.inbox_key),
            parked: Rows::new(t.parked),
            unparked: Rows::new(t.inbox_key),
            emitted: Rows::new(t.outbox),
            settled: Rows::new(t.task_key),
            children: Rows::new(t.run),
            parents: Vec::new(),
            removed: Rows::new(t.task_key),
            logged: Rows::new(t.log),
            placed: Vec::new(),
        }
    }

    /// Adds a change. The caller adds changes in the order of their run ids.
    pub(crate) fn add(
        &mut self,
        change: &Change<'_>,
        snapshot_id: &dyn Fn(&SnapshotHash) -> Option<i64>,
        next_slot: &mut dyn FnMut() -> i64,
    ) -> Result<(), Unwritable> {
        let run = change.run;
        let images = Images::of(change.effects);
        let known = |hash: &SnapshotHash| snapshot_id(hash).ok_or(Unwritable::NoSnapshot(*hash));
        // everything that can fail comes before the first row is written
        let snapshot = images.head.map(|h| known(&h.snapshot)).transpose()?;
        let children: Vec<(&RunHead, i64)> =
            change.extra_runs.iter().map(|r| Ok((&r.head, known(&r.head.snapshot)?))).collect::<Result<_, _>>()?;
        if images.head.is_some_and(|head| head.id != run) {
            return Err(Unwritable::Broken("a change holds the row of another run"));
        }
        // a new task took a number, so the run's row has changed too
        if images.head.is_none() && images.tasks.iter().any(|(_, fate)| matches!(fate, Fate::Added(_))) {
            return Err(Unwritable::Broken("a task was added without a change of its run's row"));
        }
        let (low, high) = self.bounds.unwrap_or((run.uuid(), run.uuid()));
        self.bounds = Some((low.min(run.uuid()), high.max(run.uuid())));
        let version = match change.kind {
            ChangeKind::Confirm { expected } => {
                if !change.effects.is_empty() || !change.extra_runs.is_empty() {
                    return Err(Unwritable::Broken("a change that only confirms has effects"));
                }
                self.confirms.begin().run(run).int2(run.shard()).int8(expected).end();
                return Ok(());
            }
            ChangeKind::Insert { .. } => 1,
            ChangeKind::Update { expected } => expected + 1,
        };
        let mut places = Places { limit: self.limits, run, new: Vec::new(), next_slot };
        match (change.kind, images.head.zip(snapshot)) {
            (ChangeKind::Insert { metadata_version }, Some((head, snapshot))) => {
                run_image(&mut self.inserts, head, version, snapshot, false, metadata_version, &mut places);
            }
            (ChangeKind::Insert { .. }, None) => return Err(Unwritable::Broken("a new run has no image of its own row")),
            (_, Some((head, snapshot))) => {
                run_image(&mut self.updates, head, version, snapshot, images.removes(), None, &mut places);
            }
            (_, None) => bump_image(&mut self.updates, run, version, images.removes()),
        }
        let priority = images.head.map(|h| h.priority);
        for (no, fate) in &images.tasks {
            match fate {
                Fate::Added(task) => task_image(&mut self.adds, task, version, priority, &mut places),
                Fate::Changed(task) => task_image(&mut self.changes, task, version, priority, &mut places),
                Fate::Removed => self.removed.begin().run(run).int2(run.shard()).int4(*no as i32).end(),
                Fate::Nothing => {}
            }
        }
        let new = places.new;
        self.place(run, new);
        for id in images.taken {
            self.taken.begin().run(run).int2(run.shard()).int8(id).end();
        }
        for event in images.parked {
            let body = serde_json::to_string(&event.event).expect("a struct of strings always has a JSON text");
            let row = self.parked.begin().run(run).int2(run.shard()).int8(event.inbox).text(&body);
            row.at(event.parked_at).at(event.expires_at).end();
        }
        for id in images.unparked {
            self.unparked.begin().run(run).int2(run.shard()).int8(id).end();
        }
        for body in images.emitted {
            outbox_image(&mut self.emitted, run, body);
        }
        for no in images.settled {
            self.settled.begin().run(run).int2(run.shard()).int4(no as i32).end();
        }
        for (no, line) in images.logged {
            self.logged.begin().run(run).int2(run.shard()).int4(no as i32).at(line.at).text(&line.text).end();
        }
        for (head, snapshot) in children {
            let mut places = Places { limit: self.limits, run: head.id, new: Vec::new(), next_slot: &mut *next_slot };
            run_image(&mut self.children, head, head.version, snapshot, false, None, &mut places);
            self.parents.push(run.uuid());
            // a child's payloads cannot hang on its parent's guard by their own run id: they go ahead
            let new = places.new;
            for (payload, slot) in new {
                payload_image(&mut self.ahead, head.id, slot, &payload);
                self.placed.push((payload, head.id, slot));
            }
        }
        Ok(())
    }

    fn place(&mut self, run: RunId, new: Vec<(Payload, i64)>) {
        for (payload, slot) in new {
            let rows =
                if payload.size_bytes() > self.limits.ahead { &mut self.ahead } else { &mut self.payloads };
            payload_image(rows, run, slot, &payload);
            self.placed.push((payload, run, slot));
        }
    }

    /// The lowest and highest id of the runs that it changes; `None` if there are none.
    pub(crate) fn bounds(&self) -> Option<(Uuid, Uuid)> {
        self.bounds
    }

    /// Tells the payloads of committed runs where they are kept.
    pub(crate) fn committed(&self, stored: &dyn Fn(RunId) -> bool) {
        for (payload, run, slot) in &self.placed {
            if stored(*run) {
                payload.keep(*run, *slot);
            }
        }
    }

    /// Which parts of the statement have rows.
    pub(crate) fn parts(&self) -> u8 {
        let any = |rows: &[&Rows], p: u8| if rows.iter().any(|r| !r.is_empty()) { p } else { 0 };
        any(&[&self.updates], part::UPDATE)
            | any(&[&self.inserts], part::INSERT)
            | any(&[&self.confirms], part::CONFIRM)
            | any(&[&self.adds], part::ADD)
            | any(&[&self.changes], part::CHANGE)
            | any(&[&self.payloads], part::PAYLOAD)
            | any(&[&self.taken, &self.parked, &self.unparked, &self.emitted, &self.settled], part::EVENTS)
            | any(&[&self.children, &self.removed, &self.logged], part::RARE)
    }

    /// The arguments in the order in which `statement::text` numbers them.
    pub(crate) fn arguments(&self, write_id: i64, parts: u8) -> Result<PgArguments, sqlx::error::BoxDynError> {
        let has = |p: u8| parts & p != 0;
        let mut args = PgArguments::default();
        args.reserve(16, self.len_bytes());
        args.add(write_id)?;
        let events = [&self.parked, &self.unparked, &self.emitted, &self.settled];
        let ordered: [(u8, &[&Rows]); 8] = [
            (part::EVENTS, &[&self.taken]),
            (part::UPDATE, &[&self.updates]),
            (part::INSERT, &[&self.inserts]),
            (part::CONFIRM, &[&self.confirms]),
            (part::ADD, &[&self.adds]),
            (part::CHANGE, &[&self.changes]),
            (part::PAYLOAD, &[&self.payloads]),
            (part::EVENTS, &events),
        ];
        for (p, rows) in ordered {
            if has(p) {
                for rows in rows {
                    args.add(*rows)?;
                }
            }
        }
        if has(part::RARE) {
            args.add(&self.children)?;
            args.add(&self.parents[..])?;
            args.add(&self.removed)?;
            args.add(&self.logged)?;
        }
        Ok(args)
    }

    fn len_bytes(&self) -> usize {
        [&self.updates, &self.inserts, &self.adds, &self.changes, &self.payloads, &self.emitted]
            .iter()
            .map(|r| r.len_bytes() + 24)
            .sum()
    }
}

/// Decides where the payloads of one run go.
struct Places<'s> {
    limit: Limits,
    run: RunId,
    /// Payloads that this batch stores, with their slots.
    new: Vec<(Payload, i64)>,
    next_slot: &'s mut dyn FnMut() -> i64,
}

impl Places<'_> {
    /// The two columns of a payload: its text, or its slot. `{}` is neither.
    fn columns<'p>(&mut self, payload: &'p Payload) -> (Option<&'p str>, Option<i64>) {
        let text = payload.text();
        if text == "{}" {
            return (None, None);
        }
        if text.len() <= self.limit.inline {
            return (Some(text), None);
        }
        if let Some(slot) = payload.kept_slot(self.run) {
            return (None, Some(slot));
        }
        if let Some((_, slot)) = self.new.iter().find(|(p, _)| p.same(payload)) {
            return (None, Some(*slot));
        }
        let slot = (self.next_slot)();
        self.new.push((payload.clone(), slot));
        (None, Some(slot))
    }
}

fn payload_image(rows: &mut Rows, run: RunId, slot: i64, payload: &Payload) {
    rows.begin().run(run).int2(run.shard()).int8(slot).text(payload.text()).end();
}

/// Zero stands for "never" in the core's rows and is null in the table.
fn at_unless_zero(at: Timestamp) -> Option<Timestamp> {
    (at != Timestamp::default()).then_some(at)
}

fn run_image(
    rows: &mut Rows,
    head: &RunHead,
    version: i64,
    snapshot_id: i64,
    removes: bool,
    metadata_version: Option<i64>,
    places: &mut Places<'_>,
) {
    let (input, input_slot) = places.columns(&head.input);
    let (output, output_slot) = places.columns(&head.output);
    let (variables, variables_slot) = places.columns(&head.variables);
    let row = rows.begin().run(head.id).int2(head.id.shard()).int2(head.id.bucket()).int8(version).int8(snapshot_id);
    row.at(head.created_at).int4(head.def_version).int2(head.priority).int4(head.next_no as i32);
    row.int2(head.status.code()).bool(true).bool(removes).int8_or_null(metadata_version);
    row.at_or_null(at_unless_zero(head.updated_at)).at_or_null(head.wake_at).at_or_null(head.ended_at);
    row.at_or_null(head.retried_at).int8_or_null(input_slot).int8_or_null(output_slot).int8_or_null(variables_slot);
    row.text(&head.name).text_or_null(head.correlation_id.as_deref()).text_or_null(head.reason.as_deref());
    row.text_or_null(input).text_or_null(output).text_or_null(variables);
    row.text_or_null(extra_text(&head.extra).as_deref()).end();
}

/// The image of a run of which only the version changes.
fn bump_image(rows: &mut Rows, run: RunId, version: i64, removes: bool) {
    let row = rows.begin().run(run).int2(run.shard()).int2(run.bucket()).int8(version).int8(0);
    row.at(Timestamp::default()).int4(0).int2(0).int4(0).int2(0).bool(false).bool(removes).int8_or_null(None);
    row.at_or_null(None).at_or_null(None).at_or_null(None).at_or_null(None);
    row.int8_or_null(None).int8_or_null(None).int8_or_null(None).text_or_null(None).text_or_null(None);
    row.text_or_null(None).text_or_null(None).text_or_null(None).text_or_null(None).text_or_null(None).end();
}

fn extra_text(extra: &RunExtra) -> Option<String> {
    if *extra == RunExtra::default() {
        return None;
    }
    Some(serde_json::to_string(extra).expect("a struct of strings and ids always has a JSON text"))
}

fn task_image(rows: &mut Rows, t: &TaskState, version: i64, priority: Option<i16>, places: &mut Places<'_>) {
    let run = places.run;
    let (input, input_slot) = places.columns(&t.input);
    let (output, output_slot) = places.columns(&t.output);
    let row = rows.begin().run(run).int2(run.shard()).int4(t.no as i32).int8(version).int4(t.seq);
    row.int2(priority.unwrap_or(0)).int4(t.attempt).int4(t.iteration).at(t.scheduled_at).at(t.available_at);
    row.int8(t.response_timeout_s).int4(t.poll_count).int2(t.status.code());
    row.bool(t.ready).bool(t.retried).bool(t.executed).int4_or_null(t.retry_of.map(|no| no as i32));
    row.at_or_null((t.first_scheduled_at != t.scheduled_at).then_some(t.first_scheduled_at));
    row.at_or_null(at_unless_zero(t.updated_at)).at_or_null(t.started_at).at_or_null(t.ended_at);
    row.at_or_null(t.wait_until).int8_or_null((t.callback_after_s != 0).then_some(t.callback_after_s));
    row.int4_or_null((t.start_delay_s != 0).then_some(t.start_delay_s));
    row.int8_or_null(input_slot).int8_or_null(output_slot).run_or_null(t.child).text(&t.task_type).text(&t.ref_name);
    row.text_or_null((t.def_name != t.task_type).then_some(&*t.def_name)).text(t.domain.as_deref().unwrap_or(""));
    row.text_or_null(t.worker.as_deref()).text_or_null(t.reason.as_deref()).text_or_null(input);
    row.text_or_null(output).text_or_null(None).end();
}

fn outbox_image(rows: &mut Rows, run: RunId, body: &Outgoing) {
    let row = rows.begin().run(run).int2(run.shard()).int4(body.task as i32).int2(lane(body));
    row.text_or_null(body.cluster.as_deref()).text(&body.topic).bytea_or_null(body.key.as_deref()).bytea(&body.value);
    row.text_or_null(headers_text(&body.headers).as_deref()).int8_or_null(body.max_block_ms).end();
}
