//! One turn of one run: its events decided one after the other on the folded state, written as one change.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use podium_core::cache::{CacheKey, Remembered};
use podium_core::decide::{Known, KnownPayload, KnownTask, World};
use podium_core::expr::script::{Call, Evaluated};
use podium_core::plan::InlineDefinition;
use podium_core::{
    Cx, Decision, Edition, Effect, Event, InboxId, InboxMessage, Needs, NewRun, Operation, Outgoing, Payload,
    Refusal, RunId, RunState, Settings, TaskNo, TaskState, TaskStatus, Timestamp, WantedDefinition,
    WantedRun, decide,
};
use podium_store::{Change, ChangeKind, INBOX_ROWS};

use crate::cache::CachedRun;
use crate::entropy::random;
use crate::mailbox::{Envelope, Said, Start, Work};
use crate::plans::{Answers, Definitions};
use crate::ready::Queues;

/// What decisions of this node may look at, besides the time.
pub(crate) struct Outside<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) definitions: &'a Definitions,
    pub(crate) queues: &'a Queues,
}

/// The same for one turn, with what was read for it.
pub(crate) struct Informed<'a> {
    pub(crate) outside: &'a Outside<'a>,
    pub(crate) answers: &'a Answers,
}

impl World for Informed<'_> {
    fn definition(&self, name: &str, version: Option<i32>) -> Known {
        self.outside.definitions.known(self.answers, name, version)
    }

    fn inline(&self, definition: &InlineDefinition) -> Known {
        self.outside.definitions.known_inline(self.answers, definition)
    }

    fn polled_recently(&self, task_type: &str, domain: &str) -> bool {
        self.outside.queues.polled_recently(task_type, domain)
    }

    fn is_limited(&self, name: &str) -> bool {
        self.outside.definitions.limits.covers(name)
    }

    fn task_definition(&self, name: &str) -> KnownTask {
        self.outside.definitions.known_task(self.answers, name)
    }

    fn payload(&self, path: &str) -> KnownPayload {
        self.answers.payload(path)
    }

    fn cached(&self, key: &CacheKey) -> Remembered {
        self.answers.cached(key)
    }

    fn evaluate(&self, call: &Call<'_>) -> Evaluated {
        self.answers.scripts.get(call)
    }
}

/// Why a turn cannot go on. The run in it is spoilt and must be made anew.
pub(crate) enum Trouble {
    /// These must be loaded first.
    Needs(Needs),
    /// There can be no such run: its start is refused.
    Unstartable(Refusal),
    /// A decision broke one of its own rules.
    Broken(String),
}

pub(crate) struct Turn {
    pub(crate) run: Box<CachedRun>,
    /// The run before this turn, if decisions are likely to ask for something.
    before: Option<Box<CachedRun>>,
    /// What its change hangs on, should it change anything.
    base: ChangeKind,
    /// Events heard, with what was said to each.
    pub(crate) heard: Vec<(Envelope, Said)>,
    /// What all of its decisions changed, in order; the store keeps the last image of each row.
    pub(crate) effects: Vec<Effect>,
    children: Vec<RunState>,
    /// What was read because a decision of this turn asked for it.
    pub(crate) answers: Answers,
    /// Work that must wait until this turn is committed.
    pub(crate) later: Vec<Envelope>,
    /// Inbox rows heard: one that came by two ways counts once.
    inbox: Vec<InboxId>,
    /// Tasks leased to polls that waited for them.
    handed: Vec<TaskNo>,
    /// It holds a claim that limits count.
    pub(crate) limited: bool,
    /// A hand-off broke off: nothing of this turn may be stored.
    pub(crate) spoilt: Option<String>,
    pub(crate) was_open: bool,
}

impl Turn {
    /// A turn of a stored run.
    pub(crate) fn of(run: Box<CachedRun>) -> Self {
        let base = ChangeKind::Update { expected: run.state.head.version };
        Turn::on(run, base)
    }

    /// The first turn of a new run.
    pub(crate) fn start(start: &Start) -> Self {
        let state = RunState::new(start.new.clone());
        let base = ChangeKind::Insert { metadata_version: start.metadata_version };
        let run = Box::new(CachedRun { state, plan: start.plan.clone(), own: true, keeps_copy: 0 });
        Turn { answers: start.answers.clone(), ..Turn::on(run, base) }
    }

    fn on(run: Box<CachedRun>, base: ChangeKind) -> Self {
        Turn {
            was_open: !run.state.head.status.is_terminal(),
            run,
            before: None,
            base,
            heard: Vec::new(),
            effects: Vec::new(),
            children: Vec::new(),
            answers: Answers::default(),
            later: Vec::new(),
            inbox: Vec::new(),
            handed: Vec::new(),
            limited: false,
            spoilt: None,
        }
    }

    pub(crate) fn id(&self) -> RunId {
        self.run.state.head.id
    }

    /// Decides one piece of work. On trouble the work is among the heard, to be tried again with the others.
    pub(crate) fn hear(
        &mut self,
        envelope: Envelope,
        now: Timestamp,
        outside: &Outside<'_>,
    ) -> Result<(), Trouble> {
        self.keep_copy(&envelope.work);
        let now = match envelope.work {
            Work::Inbox => now,
            Work::Start(_) | Work::Event(_) => self.answers.scripts.next_instant().unwrap_or(now),
        };
        let decided = match &envelope.work {
            Work::Event(Event::Arrived { inbox, .. }) if self.inbox.contains(inbox) => Ok(Said::Done),
            Work::Start(_) => self.decide(&Event::Started, now, outside),
            Work::Event(event) => self.decide(event, now, outside),
            // its rows come as events of their own
            Work::Inbox => Ok(Said::Done),
        };
        if let Work::Event(Event::Arrived { inbox, .. }) = &envelope.work {
            self.inbox.push(*inbox);
        }
        let (said, outcome) = match decided {
            Ok(said) => (said, Ok(())),
            Err(trouble) => (Said::Done, Err(trouble)),
        };
        self.heard.push((envelope, said));
        outcome
    }

    /// Copies the run before its first change if what comes may ask for something. A claim asks for nothing.
    fn keep_copy(&mut self, work: &Work) {
        let untouched = self.before.is_none() && self.effects.is_empty();
        let claim = matches!(work, Work::Event(Event::Claimed { .. }) | Work::Inbox);
        if self.run.keeps_copy > 0 && untouched && !claim {
            self.run.keeps_copy -= 1;
            self.before = Some(self.run.clone());
        }
    }

    /// Leases a task to a worker that waits for it, in the same change that made it ready.
    pub(crate) fn claim(
        &mut self,
        task: TaskNo,
        worker: Option<Arc<str>>,
        now: Timestamp,
        outside: &Outside<'_>,
    ) -> bool {
        if self.spoilt.is_some() {
            return false;
        }
        match self.decide(&Event::Claimed { task, worker, before: None }, now, outside) {
            Ok(Said::Done) => {
                self.handed.push(task);
                true
            }
            Ok(Said::Refused(_)) => false,
            Err(trouble) => {
                self.spoilt = Some(match trouble {
                    Trouble::Broken(text) => text,
                    Trouble::Needs(_) => "a claim asked for a definition".to_owned(),
                    Trouble::Unstartable(refusal) => refusal.to_string(),
                });
                false
            }
        }
    }

    fn decide(&mut self, event: &Event, now: Timestamp, outside: &Outside<'_>) -> Result<Said, Trouble> {
        // a run that another run created has no tasks yet: whatever comes first begins it
        let head = &self.run.state.head;
        let stored = matches!(self.base, ChangeKind::Update { .. });
        let fault = matches!(event, Event::Faulted { .. });
        if stored && head.next_no == 1 && !head.status.is_terminal() && !fault {
            self.decide_one(&Event::Started, now, outside)?;
        }
        self.decide_one(event, now, outside)
    }

    fn decide_one(&mut self, event: &Event, now: Timestamp, outside: &Outside<'_>) -> Result<Said, Trouble> {
        let world = Informed { outside, answers: &self.answers };
        let cx = Cx { now, random: random(), settings: outside.settings, world: &world };
        let CachedRun { state, plan, .. } = &mut *self.run;
        // a fault in a decision costs its run's callers an error, not the node its writer
        let decision = catch_unwind(AssertUnwindSafe(|| decide(plan, state, event, &cx)));
        match decision {
            Ok(Decision::Done(mut effects)) => {
                if let Event::Arrived { inbox, .. } = event {
                    take_row(&mut effects, *inbox);
                }
                if let Event::Operate(Operation::Restart(Edition::Latest(latest))) = event.what()
                    && !effects.is_empty()
                {
                    self.run.plan = latest.clone();
                }
                for effect in &effects {
                    if let Effect::RunWanted(wanted) = effect {
                        self.children.push(child(wanted, now, outside.definitions, &self.answers)?);
                    }
                    self.limited |= matches!(effect, Effect::Counted(_));
                }
                if self.effects.is_empty() {
                    self.effects = effects;
                } else {
                    self.effects.extend(effects);
                }
                Ok(Said::Done)
            }
            Ok(Decision::Refused(refusal @ Refusal::Unstartable(_))) => Err(Trouble::Unstartable(refusal)),
            Ok(Decision::RefusedOnRecord(refusal, effects)) => {
                self.effects.extend(effects);
                Ok(Said::Refused(refusal))
            }
            Ok(Decision::Refused(refusal)) => Ok(Said::Refused(refusal)),
            Ok(Decision::Needs(needs)) => Err(Trouble::Needs(needs)),
            Err(panic) => Err(Trouble::Broken(format!("the decision broke off: {}", panic_text(&*panic)))),
        }
    }

    /// What the store is asked for: the change, or only a confirmation that nothing has moved.
    pub(crate) fn change(&self) -> Change<'_> {
        if self.spoilt.is_some() {
            let kind = ChangeKind::Confirm { expected: self.run.state.head.version };
            return Change { run: self.id(), kind, effects: &[], extra_runs: &[] };
        }
        let kind = match self.base {
            ChangeKind::Update { expected } if self.effects.is_empty() => ChangeKind::Confirm { expected },
            base => base,
        };
        Change { run: self.id(), kind, effects: &self.effects, extra_runs: &self.children }
    }

    /// The change is stored: the state in memory is that version now.
    pub(crate) fn stored(&mut self) {
        match self.base {
            ChangeKind::Insert { .. } => self.run.state.head.version = 1,
            ChangeKind::Update { expected } if !self.effects.is_empty() => {
                self.run.state.head.version = expected + 1
            }
            ChangeKind::Update { .. } | ChangeKind::Confirm { .. } => {}
        }
    }

    /// Tasks that this turn made ready and left so.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Arc<TaskState>> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::TaskAdded(image) | Effect::TaskChanged(image) if image.ready => {
                // a later change may have taken it; the image that counts is the last one
                self.run.state.tasks.get(image.no).filter(|last| last.ready)
            }
            _ => None,
        })
    }

    /// Types of the tasks under limits that this turn took out of their queue or ended: others may come now.
    pub(crate) fn made_room(&self, limited: impl Fn(&str) -> bool) -> impl Iterator<Item = &Arc<str>> {
        self.effects.iter().filter_map(move |effect| match effect {
            Effect::TaskChanged(image)
                if image.status != TaskStatus::InProgress && limited(&image.def_name) =>
            {
                Some(&image.task_type)
            }
            _ => None,
        })
    }

    /// A limit did not allow this turn: its claims under limits, and all else of its work.
    pub(crate) fn split_limited(self) -> (Vec<Envelope>, Vec<Envelope>) {
        let counted: Vec<TaskNo> = self
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Counted(claim) => Some(claim.task),
                _ => None,
            })
            .collect();
        self.into_work().into_iter().partition(|envelope| {
            matches!(&envelope.work, Work::Event(Event::Claimed { task, .. }) if counted.contains(task))
        })
    }

    /// Messages that this turn emitted and did not withdraw.
    pub(crate) fn emitted(&self) -> impl Iterator<Item = &Arc<Outgoing>> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Emitted(body) if !self.effects.contains(&Effect::Settled(body.task)) => Some(body),
            _ => None,
        })
    }

    /// Queues of the engine that this turn put an event into.
    pub(crate) fn raised(&self) -> impl Iterator<Item = &str> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Raised(raised) => Some(&*raised.event),
            _ => None,
        })
    }

    /// Runs that this turn told something.
    pub(crate) fn told(&self) -> impl Iterator<Item = RunId> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Told(told) => Some(told.to),
            _ => None,
        })
    }

    /// The run is not stored yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.base, ChangeKind::Insert { .. })
    }

    /// The version that the run has once this turn is stored.
    fn version(&self) -> i64 {
        match self.base {
            ChangeKind::Insert { .. } => 1,
            ChangeKind::Update { expected } | ChangeKind::Confirm { expected } => expected + 1,
        }
    }

    /// As many inbox rows as are read at once: there may be more.
    pub(crate) fn took_many_rows(&self) -> bool {
        self.inbox.len() >= INBOX_ROWS
    }

    /// Nobody knows whether this turn was stored. What gives back the leases that it may have made for polls that get
    /// another answer: those handed over and, with `claims`, those that were asked for.
    pub(crate) fn disowned(&self, claims: bool) -> Vec<Event> {
        let claimed = self.heard.iter().filter_map(|(envelope, said)| match (&envelope.work, said) {
            (Work::Event(Event::Claimed { task, .. }), Said::Done) if claims => Some(task),
            _ => None,
        });
        let leased = self.handed.iter().chain(claimed).filter_map(|no| self.run.state.tasks.get(*no));
        let give_back = |row: &Arc<TaskState>| Event::Disowned {
            task: row.no,
            poll_count: row.poll_count,
            worker: row.worker.clone(),
            stored_in: self.version(),
        };
        leased.map(give_back).collect()
    }

    /// Nobody knows whether this turn was stored: a claim that is decided again may find its own lease.
    pub(crate) fn in_doubt(&mut self) {
        let version = self.version();
        for (envelope, said) in &mut self.heard {
            if let (Work::Event(Event::Claimed { task, before, .. }), Said::Done) =
                (&mut envelope.work, &said)
            {
                let found = self.run.state.tasks.get(*task).map(|row| row.changed_in);
                if before.is_none() || *before != found {
                    *before = Some(version);
                }
            }
        }
    }

    /// The runs that this turn has created.
    pub(crate) fn take_children(&mut self) -> Vec<RunState> {
        std::mem::take(&mut self.children)
    }

    /// The run as it was before this turn, if a copy was kept.
    pub(crate) fn take_before(&mut self) -> Option<Box<CachedRun>> {
        self.before.take()
    }

    /// What must be tried again, in order.
    pub(crate) fn into_work(self) -> Vec<Envelope> {
        again(self.heard.into_iter().map(|(e, _)| e).chain(self.later))
    }
}

/// Work for another try. Inbox rows that another node may have taken are read again.
pub(crate) fn again(tried: impl Iterator<Item = Envelope>) -> Vec<Envelope> {
    let mut inbox = false;
    let mut work = Vec::with_capacity(tried.size_hint().0);
    for envelope in tried {
        if !envelope.work.is_inbox() {
            work.push(envelope);
        } else if !inbox {
            inbox = true;
            work.push(envelope.with(Work::Inbox));
        }
    }
    work
}

/// A parked event is part of the run's state from then on, so its inbox row goes with the same commit.
fn take_row(effects: &mut Vec<Effect>, row: InboxId) {
    let parked = effects.iter().any(|e| matches!(e, Effect::Parked(p) if p.inbox == row));
    if parked && !effects.contains(&Effect::InboxTaken(row)) {
        effects.push(Effect::InboxTaken(row));
    }
}

/// The row of a run that this one starts. It is born due, so that a crash before its first turn loses nothing.
fn child(
    wanted: &WantedRun,
    now: Timestamp,
    definitions: &Definitions,
    answers: &Answers,
) -> Result<RunState, Trouble> {
    let Some(found) = definitions.wanted(answers, &wanted.definition) else {
        // forgotten since the decision looked: definitions have moved
        let mut missing = Needs::default();
        match &wanted.definition {
            WantedDefinition::Registered { name, version } => {
                missing.definitions.push((name.clone(), *version));
            }
            WantedDefinition::Inline(definition) => missing.inline.push(definition.clone()),
        }
        return Err(Trouble::Needs(missing));
    };
    let mut state = RunState::new(NewRun {
        id: wanted.id,
        snapshot: found.plan.hash,
        name: found.name.clone(),
        def_version: found.version,
        variables: found.variables.clone(),
        input: found.input(wanted.input.clone()),
        correlation_id: wanted.correlation_id.clone(),
        priority: wanted.priority,
        extra: wanted.extra.clone(),
        now,
    });
    state.head.version = 1;
    state.head.wake_at = Some(now);
    Ok(state)
}

/// Bytes that an effect adds to a statement, about.
pub(crate) fn effect_bytes(effects: &[Effect]) -> usize {
    const ROW: usize = 200;
    let payload = |p: &Payload| p.size_bytes();
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Run(head) => ROW + payload(&head.output) + payload(&head.variables),
            Effect::TaskAdded(t) => ROW + payload(&t.input) + payload(&t.output),
            Effect::TaskChanged(t) => ROW + payload(&t.output),
            Effect::Emitted(out) => ROW + out.value.len(),
            Effect::Parked(event) => ROW + event.event.data.len(),
            Effect::Logged { line, .. } => ROW + line.text.len(),
            Effect::RunWanted(wanted) => ROW + payload(&wanted.input),
            Effect::Told(told) => ROW + message_bytes(&told.message),
            Effect::Kept(kept) => ROW + payload(&kept.output),
            Effect::Noted(line) => ROW + line.by.reason.as_ref().map_or(0, |reason| reason.len()),
            Effect::Raised(raised) => ROW + raised.event.len() + raised.value.as_ref().map_or(0, Vec::len),
            Effect::TaskRemoved(_)
            | Effect::Settled(_)
            | Effect::InboxTaken(_)
            | Effect::Unparked(_)
            | Effect::Counted(_)
            | Effect::SlotAsked(_)
            | Effect::SlotLeft(_) => ROW,
        })
        .sum()
}

fn message_bytes(message: &InboxMessage) -> usize {
    match message {
        InboxMessage::Completion(event) => event.data.len(),
        InboxMessage::ChildEnded(ended) => ended.output.len(),
        InboxMessage::ParentEnded(ended) => ended.reason.len(),
        InboxMessage::ChildReopened(reopened) => reopened.log.len(),
        InboxMessage::RetryWanted | InboxMessage::SlotGranted { .. } | InboxMessage::SlotRefused { .. } => 0,
        InboxMessage::Action(action) => action.output.len(),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a decision broke off".to_owned())
}
