//! For the unit tests of task types: a run that has just started.

use serde_json::Value;

use super::{Cx, Decision, Known, Refusal, Settings, World, decide};
use crate::effect::Effect;
use crate::event::{Event, TaskReport};
use crate::expr::script::{Call, Evaluated};
use crate::id::{RunId, TaskNo};
use crate::operation::Operation;
use crate::payload::Payload;
use crate::plan::{InlineDefinition, Plan, snapshot};
use crate::run::{NewRun, RunExtra, RunState, SnapshotHash};
use crate::task::{TaskState, TaskStatus};
use crate::time::Timestamp;

/// Knows the definition `child` in three versions, and all that are given whole but `bad`.
struct Nobody;

impl World for Nobody {
    fn definition(&self, name: &str, version: Option<i32>) -> Known {
        match (name, version.unwrap_or(3)) {
            ("child", version @ 1..=3) => Known::Found { snapshot: SnapshotHash([7; 32]), version },
            _ => Known::Absent,
        }
    }

    fn inline(&self, definition: &InlineDefinition) -> Known {
        if definition.text().contains("\"bad\"") {
            return Known::Unusable("it is bad".to_owned());
        }
        Known::Found { snapshot: SnapshotHash(definition.key()), version: 1 }
    }

    fn polled_recently(&self, _task_type: &str, domain: &str) -> bool {
        domain == "live"
    }

    fn is_limited(&self, name: &str) -> bool {
        name == "limited"
    }

    /// Just enough of two languages for the tests of task types.
    fn evaluate(&self, call: &Call<'_>) -> Evaluated {
        let path = |text: &str| {
            let pointer = text.trim().trim_start_matches('$').replace('.', "/");
            Value::Object(call.input.clone()).pointer(&pointer).cloned().unwrap_or(Value::Null)
        };
        let script = call.script;
        if script == "throw" {
            Evaluated::Failed("thrown".to_owned())
        } else if script == "later" && call.may_wait {
            Evaluated::Later
        } else if let Some(list) = script.strip_suffix("[]") {
            Evaluated::Values(path(list).as_array().cloned().unwrap_or_default())
        } else if let Some((left, right)) = script.split_once(" < ") {
            let right: i64 = right.parse().expect("a number");
            Evaluated::Values(vec![Value::Bool(path(left).as_i64().is_some_and(|left| left < right))])
        } else {
            Evaluated::Values(vec![path(script)])
        }
    }
}

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A task of type SIMPLE.
pub(crate) fn simple(name: &str) -> Value {
    serde_json::json!({"name": name, "taskReferenceName": name, "type": "SIMPLE"})
}

pub(crate) fn operate(operation: Operation) -> Event {
    Event::Operate(operation)
}

/// A plan and its run, after the first decision.
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) run: RunState,
    settings: Settings,
}

impl Bench {
    /// Starts a run of these tasks.
    pub(crate) fn start(tasks: Value, input: Value) -> Bench {
        Bench::start_with(tasks, input, RunExtra::default())
    }

    pub(crate) fn start_with(tasks: Value, input: Value, extra: RunExtra) -> Bench {
        Bench::start_from(serde_json::json!({"tasks": tasks}), input, extra)
    }

    /// Starts a run of this definition.
    pub(crate) fn start_def(def: Value, input: Value) -> Bench {
        Bench::start_from(def, input, RunExtra::default())
    }

    fn start_from(def: Value, input: Value, extra: RunExtra) -> Bench {
        let settings = Settings { variables_limit_bytes: 100, ..Settings::default() };
        let mut bench = Bench::ready(def, input, extra, settings);
        bench.decide(&Event::Started);
        bench
    }

    /// Starts a run of this definition under these settings, and shows what its start changes.
    pub(crate) fn watch(def: Value, input: Value, settings: Settings) -> (Bench, Vec<Effect>) {
        let mut bench = Bench::ready(def, input, RunExtra::default(), settings);
        let effects = bench.decide_at(&Event::Started, NOW);
        (bench, effects)
    }

    /// A run before its first turn.
    pub(crate) fn ready(mut def: Value, input: Value, extra: RunExtra, settings: Settings) -> Bench {
        def["name"] = Value::from("wf");
        let def = serde_json::from_value(def).expect("a definition");
        let plan = Plan::compile(&snapshot(&def, &|_| None)).expect("a plan");
        let run = RunState::new(NewRun {
            id: RunId::new(NOW, 1, 0),
            snapshot: plan.hash,
            name: "wf".into(),
            def_version: 1,
            variables: Payload::empty(),
            input: Payload::from_map(input.as_object().expect("a map").clone()),
            correlation_id: None,
            priority: 0,
            extra,
            now: NOW,
        });
        Bench { plan, run, settings }
    }

    pub(crate) fn decide(&mut self, event: &Event) {
        self.decide_at(event, NOW);
    }

    pub(crate) fn decide_at(&mut self, event: &Event, now: Timestamp) -> Vec<Effect> {
        self.answer(event, now).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    pub(crate) fn try_decide(&mut self, event: &Event) -> Result<Vec<Effect>, Refusal> {
        self.answer(event, NOW)
    }

    fn answer(&mut self, event: &Event, now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        let cx = Cx { now, random: 1, settings: &self.settings, world: &Nobody };
        match decide(&self.plan, &mut self.run, event, &cx) {
            Decision::Done(effects) => Ok(effects),
            Decision::Refused(refusal) | Decision::RefusedOnRecord(refusal, _) => Err(refusal),
            Decision::Needs(needs) => panic!("{needs:?}"),
        }
    }

    /// What an event that is refused leaves in the account of the run.
    pub(crate) fn late(&mut self, event: &Event) -> Vec<Effect> {
        let cx = Cx { now: NOW, random: 1, settings: &self.settings, world: &Nobody };
        match decide(&self.plan, &mut self.run, event, &cx) {
            Decision::RefusedOnRecord(_, effects) => effects,
            Decision::Refused(_) => Vec::new(),
            other => panic!("{event:?} was not refused: {other:?}"),
        }
    }

    /// A worker reports on the latest row of a reference.
    pub(crate) fn report(&mut self, name: &str, status: TaskStatus, output: Value) {
        self.reported(self.row(name).no, status, output);
    }

    /// A worker reports on a row.
    pub(crate) fn reported(&mut self, task: TaskNo, status: TaskStatus, output: Value) -> Vec<Effect> {
        let report = TaskReport {
            task,
            status,
            output: Payload::from_map(output.as_object().expect("a map").clone()),
            merge_output: false,
            reason: (!status.is_successful()).then(|| "because".to_owned()),
            worker: None,
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        };
        self.decide_at(&Event::Reported(report), NOW)
    }

    /// The latest row of a reference.
    pub(crate) fn row(&self, name: &str) -> &TaskState {
        self.run.tasks.latest(name).unwrap_or_else(|| panic!("no row of {name}"))
    }

    /// Why the event is not allowed.
    pub(crate) fn refusal(&mut self, event: &Event) -> String {
        match self.try_decide(event) {
            Ok(effects) => panic!("{event:?} was allowed: {effects:?}"),
            Err(refusal) => refusal.to_string(),
        }
    }

    pub(crate) fn claim(&mut self, name: &str) {
        let task = self.row(name).no;
        self.decide(&Event::Claimed { task, worker: None, before: None });
    }

    /// A worker reports an end without output.
    pub(crate) fn end(&mut self, name: &str, status: TaskStatus) {
        self.report(name, status, serde_json::json!({}));
    }

    /// The references of all rows, in the order that clients see.
    pub(crate) fn refs(&self) -> Vec<&str> {
        self.run.tasks.in_order().into_iter().map(|t| &*t.ref_name).collect()
    }

    pub(crate) fn reason(&self) -> &str {
        self.run.head.reason.as_deref().unwrap_or_default()
    }
}
