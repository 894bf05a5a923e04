//! A world around one run: workers, time, operators and crashes, in any order.
//!
//! Every decision is made twice, on the state in memory and on one read back from its rows, and must give the same
//! effects, byte for byte; folding them must give the decided run. A crash goes on with the one that was read back.

use std::collections::HashMap;

use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::plan::{Snapshot, snapshot};
use podium_core::{
    Cx, Decision, Effect, Event, NewRun, Operation, Payload, Plan, Refusal, RunExtra, RunHead, RunId,
    RunState, RunStatus, Span, TaskNo, TaskReport, TaskState, TaskStatus, TaskTable, Timestamp, decide, fold,
};
use serde_json::Map;

use crate::invariants::told;
use crate::script::{Outcome, Script, split};
use crate::shapes::Made;
use crate::support::{Bench, START};

/// What happens next, if it can; `pick` chooses among the rows that it can happen to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) what: u8,
    pub(crate) pick: u16,
    pub(crate) crash: bool,
}

pub(crate) struct Drive {
    plan: Plan,
    pub(crate) run: RunState,
    pub(crate) script: Script,
    pub(crate) now: Timestamp,
    bench: Bench,
    turns: u64,
    /// What was asked and answered, to be asked again.
    log: Vec<(Timestamp, Event, String)>,
    /// Failure workflows that were wanted.
    pub(crate) wanted: usize,
    progress: HashMap<TaskNo, u8>,
    /// Looks at the run after every step.
    pub(crate) check: Box<dyn Fn(&RunState)>,
}

impl Drive {
    pub(crate) fn new(made: &Made) -> Drive {
        let def: WorkflowDef = serde_json::from_value(made.def.clone()).expect("a definition");
        let defs: Vec<TaskDef> = serde_json::from_value(made.task_defs.clone()).expect("task definitions");
        let made_of = snapshot(&def, &|name| defs.iter().find(|d| d.name.as_deref() == Some(name)).cloned());
        let plan = Plan::compile(&Snapshot::from_text(&made_of.text()).expect("a snapshot")).expect("a plan");
        let mut bench = Bench::default();
        bench.definitions.insert("undo".to_owned(), 1);
        Drive {
            run: new_run(&plan),
            plan,
            script: made.script.clone(),
            now: START,
            bench,
            turns: 0,
            log: Vec::new(),
            wanted: 0,
            progress: HashMap::new(),
            check: Box::new(|_| {}),
        }
    }

    fn cx(&self) -> Cx<'_> {
        Cx { now: self.now, random: self.turns, settings: &self.bench.settings, world: &self.bench }
    }

    pub(crate) fn step(&mut self, event: Event, crash: bool) -> Result<Vec<Effect>, Refusal> {
        self.turns += 1;
        let mut read_back = reloaded(&self.run);
        let before = self.run.clone();
        let mut run = self.run.clone();
        let answer = answered(decide(&self.plan, &mut run, &event, &self.cx()));
        let again = answered(decide(&self.plan, &mut read_back.clone(), &event, &self.cx()));
        let text = format!("{answer:?}");
        assert_eq!(text, format!("{again:?}"), "memory and rows decide {event:?} alike");
        let (answer, effects) = answer;
        for effect in &effects {
            fold(&mut read_back, effect);
        }
        assert_eq!(read_back.head, run.head, "the folded head after {event:?}");
        assert_eq!(read_back.tasks, run.tasks, "the folded tasks after {event:?}");
        self.log.push((self.now, event.clone(), text));
        self.run = if crash { read_back } else { run };
        commit(&mut self.run, &effects);
        self.wanted += effects.iter().filter(|e| matches!(e, Effect::RunWanted(_))).count();
        let paused = before.head.status == RunStatus::Paused && self.run.head.status == RunStatus::Paused;
        let added = effects.iter().any(|e| matches!(e, Effect::TaskAdded(_)));
        assert!(!(paused && added), "a paused run begins nothing: {event:?}");
        if before.head.status.is_terminal() && !matches!(event, Event::Operate(_) | Event::Terminate { .. }) {
            let tells = |e: &Effect| matches!(e, Effect::Run(_) | Effect::Noted(_));
            assert!(effects.iter().all(tells), "an ended run does not change: {event:?}");
            assert_eq!(lasting(&self.run), lasting(&before), "an ended run does not change: {event:?}");
        }
        if effects.is_empty() {
            assert_eq!(
                (&self.run.head, &self.run.tasks),
                (&before.head, &before.tasks),
                "{event:?} in silence"
            );
        } else if answer.is_ok() {
            self.look(&event);
            (self.check)(&self.run);
        }
        answer
    }

    /// Deciding again changes nothing, unless time has changed it.
    fn look(&self, event: &Event) {
        if self.run.head.wake_at.is_some_and(|at| at <= self.now) {
            return;
        }
        for again in [Event::Look, Event::Due] {
            let answer = answered(decide(&self.plan, &mut self.run.clone(), &again, &self.cx()));
            assert_eq!(answer.0, Ok(Vec::new()), "{again:?} after {event:?}");
        }
    }

    fn pick(&self, pick: u16, fits: impl Fn(&TaskState) -> bool) -> Option<TaskState> {
        let rows: Vec<_> = self.run.tasks.iter().filter(|row| fits(row)).collect();
        rows.get(usize::from(pick) % rows.len().max(1)).map(|row| TaskState::clone(row))
    }

    fn outcome(&self, row: &TaskState) -> Option<Outcome> {
        let (reference, place) = split(&row.ref_name);
        self.script.knows(reference).then(|| self.script.outcome(reference, &place, row.attempt))
    }

    fn speaks(&self, row: &TaskState) -> bool {
        self.outcome(row).is_some_and(|outcome| outcome != Outcome::Silent)
    }

    fn leased(&self, row: &TaskState) -> bool {
        row.status == TaskStatus::InProgress && self.speaks(row)
    }

    fn claimable(&self, row: &TaskState) -> bool {
        row.ready && row.available_at <= self.now
    }

    /// What the worker of a task reports in the end.
    fn report(&self, row: &TaskState) -> TaskReport {
        let (reference, place) = split(&row.ref_name);
        let status = match self.script.outcome(reference, &place, row.attempt) {
            // said too late
            Outcome::Done | Outcome::Silent => TaskStatus::Completed,
            Outcome::Failed => TaskStatus::Failed,
            Outcome::Terminal => TaskStatus::FailedWithTerminalError,
            Outcome::Canceled => TaskStatus::Canceled,
        };
        let output = self.script.output(reference, &place, row.attempt, row.input.map());
        let reason = (!status.is_successful()).then(|| Script::reason(reference, row.attempt));
        TaskReport { status, reason, output: Payload::from_map(output), ..alive(row.no) }
    }

    /// One thing happens, if it can. `verbs`: operators pause and resume.
    pub(crate) fn act(&mut self, choice: Choice, verbs: bool) {
        let Choice { what, pick, crash } = choice;
        match what % 20 {
            0..=4 => {
                if let Some(row) = self.pick(pick, |row| self.claimable(row)) {
                    let worker = Some("w".into());
                    let _ = self.step(Event::Claimed { task: row.no, worker, before: None }, crash);
                }
            }
            5..=9 => {
                if let Some(row) = self.pick(pick, |row| self.leased(row)) {
                    let _ = self.step(Event::Reported(self.report(&row)), crash);
                }
            }
            10 => {
                // nobody has to poll a task to report on it
                if let Some(row) = self.pick(pick, |row| row.ready && self.speaks(row)) {
                    let _ = self.step(Event::Reported(self.report(&row)), crash);
                }
            }
            11 => {
                if let Some(row) = self.pick(pick, |row| self.leased(row)) {
                    let said = self.progress.entry(row.no).or_default();
                    *said += 1;
                    if *said < 3 {
                        let callback_after_s = i64::from(pick % 3);
                        let report = TaskReport { callback_after_s, ..alive(row.no) };
                        let _ = self.step(Event::Reported(report), crash);
                    }
                }
            }
            12 => {
                if let Some(row) = self.pick(pick, |row| row.status == TaskStatus::InProgress) {
                    let event = match pick % 3 {
                        0 => Event::Requeued { task: row.no },
                        1 => Event::Returned { task: row.no, poll_count: row.poll_count },
                        _ => Event::Returned { task: row.no, poll_count: row.poll_count - 1 },
                    };
                    let _ = self.step(event, crash);
                }
            }
            13 | 14 => self.repeat_report(pick, crash),
            15 => {
                let _ = self.step(if pick % 2 == 0 { Event::Look } else { Event::Due }, crash);
            }
            16 => {
                let no = TaskNo::from(pick % 8) + self.run.head.next_no;
                let answer = self.step(Event::Claimed { task: no, worker: None, before: None }, crash);
                assert_eq!(answer, Err(Refusal::UnknownTask));
                if let Some(row) = self.pick(pick, |row| !self.claimable(row)) {
                    let answer =
                        self.step(Event::Claimed { task: row.no, worker: None, before: None }, crash);
                    assert_eq!(answer, Err(Refusal::NotReady));
                }
            }
            17 | 18 => self.wait(i64::from(pick % 7) + 1, pick % 3 != 0, crash),
            _ if verbs => {
                let verb = match self.run.head.status {
                    _ if pick % 4 == 0 => Operation::ResetCallbacks,
                    RunStatus::Running => Operation::Pause,
                    _ => Operation::Resume,
                };
                let _ = self.step(Event::Operate(verb), crash);
            }
            _ => {}
        }
    }

    /// A result comes a second time, or too late.
    fn repeat_report(&mut self, pick: u16, crash: bool) {
        let known = |row: &TaskState| row.status.is_terminal() && self.outcome(row).is_some();
        if let Some(row) = self.pick(pick, known) {
            let answer = self.step(Event::Reported(self.report(&row)), crash);
            assert!(matches!(answer, Err(Refusal::TaskEnded | Refusal::RunEnded)), "{answer:?}");
        }
    }

    /// Time passes. Who works says so; who is silent is not heard.
    fn wait(&mut self, seconds: i64, due: bool, crash: bool) {
        let leased: Vec<TaskNo> =
            self.run.tasks.iter().filter(|row| self.leased(row)).map(|row| row.no).collect();
        for no in leased {
            let report = TaskReport { extend_lease: true, ..alive(no) };
            let _ = self.step(Event::Reported(report), crash);
        }
        self.now = self.now + Span::from_secs(seconds);
        if due {
            let _ = self.step(Event::Due, crash);
        }
    }

    /// Lets friendly workers bring the run to its end; panics if it does not come there.
    pub(crate) fn finish(&mut self) {
        let mut idle = 0;
        for turn in 0..20_000_u16 {
            if self.run.head.status.is_terminal() {
                return self.press();
            }
            if self.run.head.status == RunStatus::Paused {
                self.step(Event::Operate(Operation::Resume), false).expect("it is paused");
                continue;
            }
            idle += 1;
            if let Some(row) = self.pick(turn, |row| self.leased(row)) {
                self.step(Event::Reported(self.report(&row)), false).expect("it is leased");
            } else if let Some(row) = self.pick(turn, |row| self.claimable(row)) {
                let event = Event::Claimed { task: row.no, worker: Some("w".into()), before: None };
                self.step(event, false).expect("it is ready");
            } else {
                let version = self.run.head.version;
                self.wait(4, true, false);
                if self.run.head.version != version {
                    idle = 0;
                }
                assert!(idle < 20, "nothing moves the run: {}", told(&self.run));
                continue;
            }
            idle = 0;
        }
        panic!("the run does not come to its end");
    }

    /// Whatever is said to an ended run, it stays as it is.
    fn press(&mut self) {
        let before = lasting(&self.run);
        let rows: Vec<TaskState> = self.run.tasks.iter().map(|row| TaskState::clone(row)).collect();
        for row in rows {
            let _ = self.step(Event::Claimed { task: row.no, worker: None, before: None }, false);
            let _ = self.step(Event::Returned { task: row.no, poll_count: row.poll_count }, true);
            if self.outcome(&row).is_some() {
                let _ = self.step(Event::Reported(self.report(&row)), false);
            }
        }
        self.wait(100_000, true, true);
        let _ = self.step(Event::Look, false);
        assert_eq!(lasting(&self.run), before, "an ended run stays as it is");
    }

    /// The same events at the same times give the same answers, to the byte, and the same run.
    pub(crate) fn replay(&self) {
        let mut run = new_run(&self.plan);
        for (at, (now, event, told)) in self.log.iter().enumerate() {
            let random = at as u64 + 1;
            let cx = Cx { now: *now, random, settings: &self.bench.settings, world: &self.bench };
            let answer = answered(decide(&self.plan, &mut run, event, &cx));
            assert_eq!(&format!("{answer:?}"), told, "{event:?} again");
            commit(&mut run, &answer.1);
        }
        assert_eq!((&run.head, &run.tasks), (&self.run.head, &self.run.tasks));
    }
}

fn new_run(plan: &Plan) -> RunState {
    RunState::new(NewRun {
        id: RunId::new(START, 42, 0),
        snapshot: plan.hash,
        name: "random".into(),
        def_version: 1,
        variables: Payload::empty(),
        input: Payload::from_map(Map::new()),
        correlation_id: None,
        priority: 0,
        extra: RunExtra::default(),
        now: START,
    })
}

fn answered(decision: Decision) -> (Result<Vec<Effect>, Refusal>, Vec<Effect>) {
    match decision {
        Decision::Done(effects) => (Ok(effects.clone()), effects),
        Decision::Refused(refusal) => (Err(refusal), Vec::new()),
        Decision::RefusedOnRecord(refusal, effects) => (Err(refusal), effects),
        Decision::Needs(needs) => panic!("needs {needs:?}"),
    }
}

/// A run without what its account changes.
fn lasting(run: &RunState) -> (RunHead, TaskTable) {
    let mut head = run.head.clone();
    head.version = 0;
    std::sync::Arc::make_mut(&mut head.extra).history = 0;
    (head, run.tasks.clone())
}

/// What the store does to the versions.
fn commit(run: &mut RunState, effects: &[Effect]) {
    if effects.is_empty() {
        return;
    }
    run.head.version += 1;
    let version = run.head.version;
    for effect in effects {
        if let Effect::TaskAdded(row) | Effect::TaskChanged(row) = effect {
            run.tasks.change(row.no, |row| row.changed_in = version);
        }
    }
}

/// The run as another node reads it from its rows: nothing remembered, payloads as text, rows in no order.
fn reloaded(run: &RunState) -> RunState {
    let text = |payload: &Payload| Payload::from_object_text(payload.text());
    let mut head = run.head.clone();
    (head.input, head.output, head.variables) =
        (text(&head.input), text(&head.output), text(&head.variables));
    let rows = run.tasks.iter().rev().map(|row| {
        let mut row = TaskState::clone(row);
        (row.input, row.output) = (text(&row.input), text(&row.output));
        row
    });
    RunState { head, tasks: TaskTable::from_rows(rows), parked: run.parked.clone() }
}

fn alive(task: TaskNo) -> TaskReport {
    TaskReport {
        task,
        status: TaskStatus::InProgress,
        output: Payload::empty(),
        merge_output: false,
        reason: None,
        worker: Some("w".into()),
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    }
}
