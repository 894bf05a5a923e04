//! Turns the effects of many runs into the rows of one statement.

use std::collections::BTreeMap;

use podium_core::cache::{CacheKey, Kept};
use podium_core::{Payload, RunHead, RunId, SlotWish, SnapshotHash};
use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::change::{Change, ChangeKind};
use crate::history::line_image;
use crate::images::{Fate, Images};
use crate::row_images::{
    Places, bump_image, outbox_image, payload_image, raised_image, run_image, task_image,
};
use crate::statement::part;
use crate::wire::{At, RowType, Rows};

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
    pub claim: RowType,
    pub history: RowType,
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

/// Messages of runs for other runs, column by column.
#[derive(Debug, Default)]
struct Told {
    senders: Vec<Uuid>,
    runs: Vec<Uuid>,
    shards: Vec<i16>,
    buckets: Vec<i16>,
    sources: Vec<String>,
    bodies: Vec<String>,
}

/// Slots that runs take and leave, column by column.
#[derive(Debug, Default)]
struct Slots {
    runs: Vec<Uuid>,
    shards: Vec<i16>,
    buckets: Vec<i16>,
    keys: Vec<String>,
    wishes: Vec<i16>,
    limits: Vec<i32>,
    stints: Vec<i32>,
}

impl Slots {
    fn put(&mut self, run: RunId, key: &str, wish: i16, at_once: i32, stint: u32) {
        self.runs.push(run.uuid());
        self.shards.push(run.shard());
        self.buckets.push(run.bucket());
        self.keys.push(key.to_owned());
        self.wishes.push(wish);
        self.limits.push(at_once);
        self.stints.push(stint as i32);
    }
}

/// The wishes of `move_run_slots`.
const LEAVES: i16 = 0;

fn wish_code(wish: SlotWish) -> i16 {
    match wish {
        SlotWish::InTurn => 1,
        SlotWish::NowOrNever => 2,
        SlotWish::AtOnce => 3,
    }
}

/// Outputs to keep, by key: one of each, and in one order, so that two batches meet their common rows in one order.
type KeptOutputs = BTreeMap<CacheKey, (Uuid, Kept)>;

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
    /// Messages of tasks that may have had one before.
    emitted_again: Rows,
    settled: Rows,
    children: Rows,
    parents: Vec<Uuid>,
    removed: Rows,
    logged: Rows,
    told: Told,
    /// Claims that limits count.
    claims: Rows,
    slots: Slots,
    kept: KeptOutputs,
    /// Lines of the runs' accounts.
    noted: Rows,
    /// Payloads that got a slot in this batch: told about it once it is committed.
    placed: Vec<(Payload, RunId, i64)>,
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
            emitted_again: Rows::new(t.outbox),
            settled: Rows::new(t.task_key),
            children: Rows::new(t.run),
            parents: Vec::new(),
            removed: Rows::new(t.task_key),
            logged: Rows::new(t.log),
            told: Told::default(),
            claims: Rows::new(t.claim),
            slots: Slots::default(),
            kept: KeptOutputs::new(),
            noted: Rows::new(t.history),
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
        let children: Vec<(&RunHead, i64)> = change
            .extra_runs
            .iter()
            .map(|r| Ok((&r.head, known(&r.head.snapshot)?)))
            .collect::<Result<_, _>>()?;
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
            (ChangeKind::Insert { .. }, None) => {
                return Err(Unwritable::Broken("a new run has no image of its own row"));
            }
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
        for body in &images.emitted {
            let rows = if images.is_new(body.task) { &mut self.emitted } else { &mut self.emitted_again };
            outbox_image(rows, run, body);
        }
        for raised in &images.raised {
            let rows = if images.is_new(raised.task) { &mut self.emitted } else { &mut self.emitted_again };
            raised_image(rows, run, raised);
        }
        for id in images.taken {
            self.taken.begin().run(run).int2(run.shard()).int8(id).end();
        }
        for event in images.parked {
            let body =
                serde_json::to_string(&event.event).expect("a struct of strings always has a JSON text");
            let row = self.parked.begin().run(run).int2(run.shard()).int8(event.inbox).text(&body);
            row.at(event.parked_at).at(event.expires_at).end();
        }
        for claim in images.counted {
            let row = self.claims.begin().run(run).int2(run.shard()).int4(claim.task as i32);
            row.int4(claim.poll_count).text(&claim.name).end();
        }
        for key in images.left {
            self.slots.put(run, key, LEAVES, 0, 0);
        }
        if let Some(asked) = images.asked {
            self.slots.put(run, &asked.key, wish_code(asked.wish), asked.at_once, asked.stint);
        }
        for kept in images.kept {
            self.kept.insert(kept.key, (run.uuid(), kept.clone()));
        }
        for line in images.noted.values() {
            line_image(&mut self.noted, run, line);
        }
        for id in images.unparked {
            self.unparked.begin().run(run).int2(run.shard()).int8(id).end();
        }
        for no in images.settled {
            self.settled.begin().run(run).int2(run.shard()).int4(no as i32).end();
        }
        for (no, line) in images.logged {
            self.logged.begin().run(run).int2(run.shard()).int4(no as i32).at(line.at).text(&line.text).end();
        }
        for (at, told) in images.told.into_iter().enumerate() {
            let body = serde_json::to_string(&told.message)
                .expect("a struct of texts and ids always has a JSON text");
            self.told.senders.push(run.uuid());
            self.told.runs.push(told.to.uuid());
            self.told.shards.push(told.to.shard());
            self.told.buckets.push(told.to.bucket());
            self.told.sources.push(format!("run/{run}/{version}/{at}"));
            self.told.bodies.push(body);
        }
        for (head, snapshot) in children {
            let mut places =
                Places { limit: self.limits, run: head.id, new: Vec::new(), next_slot: &mut *next_slot };
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
    pub(crate) fn parts(&self) -> u16 {
        let any = |rows: &[&Rows], p: u16| if rows.iter().any(|r| !r.is_empty()) { p } else { 0 };
        any(&[&self.updates], part::UPDATE)
            | any(&[&self.inserts], part::INSERT)
            | any(&[&self.confirms], part::CONFIRM)
            | any(&[&self.adds], part::ADD)
            | any(&[&self.changes], part::CHANGE)
            | any(&[&self.payloads], part::PAYLOAD)
            | any(&[&self.taken, &self.parked, &self.unparked, &self.emitted, &self.settled], part::EVENTS)
            | any(&[&self.children, &self.removed, &self.logged, &self.emitted_again], part::RARE)
            | any(&[&self.claims], part::LIMITED)
            | any(&[&self.noted], part::NOTED)
            | if self.told.senders.is_empty() { 0 } else { part::TOLD }
            | if self.slots.runs.is_empty() { 0 } else { part::SLOTS }
            | if self.kept.is_empty() { 0 } else { part::KEPT }
    }

    /// The arguments in the order in which `statement::text` numbers them.
    pub(crate) fn arguments(
        &self,
        write_id: i64,
        parts: u16,
    ) -> Result<PgArguments, sqlx::error::BoxDynError> {
        let has = |p: u16| parts & p != 0;
        let mut args = PgArguments::default();
        args.reserve(16, self.len_bytes());
        args.add(write_id)?;
        let events = [&self.parked, &self.unparked, &self.emitted, &self.settled];
        let ordered: [(u16, &[&Rows]); 9] = [
            (part::EVENTS, &[&self.taken]),
            (part::LIMITED, &[&self.claims]),
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
            args.add(&self.emitted_again)?;
        }
        if has(part::TOLD) {
            args.add(&self.told.senders[..])?;
            args.add(&self.told.runs[..])?;
            args.add(&self.told.shards[..])?;
            args.add(&self.told.buckets[..])?;
            args.add(&self.told.sources[..])?;
            args.add(&self.told.bodies[..])?;
        }
        if has(part::SLOTS) {
            args.add(&self.slots.runs[..])?;
            args.add(&self.slots.shards[..])?;
            args.add(&self.slots.buckets[..])?;
            args.add(&self.slots.keys[..])?;
            args.add(&self.slots.wishes[..])?;
            args.add(&self.slots.limits[..])?;
            args.add(&self.slots.stints[..])?;
        }
        if has(part::KEPT) {
            let kept = || self.kept.values();
            args.add(kept().map(|(_, k)| &k.key.0[..]).collect::<Vec<_>>())?;
            args.add(kept().map(|(_, k)| &*k.name).collect::<Vec<_>>())?;
            args.add(kept().map(|(run, _)| *run).collect::<Vec<_>>())?;
            args.add(kept().map(|(_, k)| k.task as i32).collect::<Vec<_>>())?;
            args.add(kept().map(|(_, k)| At(k.expires_at)).collect::<Vec<_>>())?;
            args.add(kept().map(|(_, k)| k.output.text()).collect::<Vec<_>>())?;
        }
        if has(part::NOTED) {
            args.add(&self.noted)?;
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
