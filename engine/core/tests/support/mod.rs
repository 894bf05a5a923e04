//! A run on a bench: a clock that stands still, a world that is told what it knows.

pub(crate) mod random;

use std::collections::HashMap;

use podium_core::decide::{Known, World};
use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::expr::script::{Call, Evaluated};
use podium_core::plan::{InlineDefinition, Snapshot, snapshot};
use podium_core::run::SnapshotHash;
use podium_core::{
    Cx, Decision, Effect, Event, NewRun, Payload, Plan, Refusal, RunExtra, RunId, RunState, Settings, Span,
    TaskNo, Timestamp, decide, fold,
};
use serde_json::Value;

/// Definitions that a failure workflow may name, and who polled.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) definitions: HashMap<String, i32>,
    pub(crate) pollers: Vec<(String, String)>,
}

impl World for Bench {
    fn definition(&self, name: &str, _version: Option<i32>) -> Known {
        match self.definitions.get(name) {
            Some(version) => Known::Found { snapshot: SnapshotHash([7; 32]), version: *version },
            None => Known::Absent,
        }
    }

    fn inline(&self, definition: &InlineDefinition) -> Known {
        Known::Found { snapshot: SnapshotHash(definition.key()), version: 1 }
    }

    /// Conditions of loops are all this bench can read.
    fn evaluate(&self, call: &Call<'_>) -> Evaluated {
        let Some((left, right)) = call.script.split_once(" < ") else {
            return Evaluated::Values(vec![Value::Null]);
        };
        let pointer = left.trim_start_matches('$').replace('.', "/");
        let left = Value::Object(call.input.clone()).pointer(&pointer).and_then(Value::as_i64);
        let right = right.parse::<i64>().ok();
        Evaluated::Values(vec![Value::Bool(left.zip(right).is_some_and(|(left, right)| left < right))])
    }

    fn polled_recently(&self, task_type: &str, domain: &str) -> bool {
        self.pollers.iter().any(|(t, d)| t == task_type && d == domain)
    }
}

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A run under test; every decision is folded into a copy and compared.
pub(crate) struct Story {
    pub(crate) plan: Plan,
    pub(crate) run: RunState,
    pub(crate) bench: Bench,
    pub(crate) now: Timestamp,
    turns: u64,
}

impl Story {
    pub(crate) fn new(def: &Value, task_defs: &Value, input: &Value) -> Story {
        let def: WorkflowDef = serde_json::from_value(def.clone()).expect("a workflow definition");
        let defs: Vec<TaskDef> = serde_json::from_value(task_defs.clone()).expect("task definitions");
        let made = snapshot(&def, &|name| defs.iter().find(|d| d.name.as_deref() == Some(name)).cloned());
        let made = Snapshot::from_text(&made.text()).expect("a snapshot reads its own text");
        let plan = Plan::compile(&made).expect("a plan");
        let run = RunState::new(NewRun {
            id: RunId::new(START, 42, 0),
            snapshot: plan.hash,
            name: def.name.clone().unwrap_or_default().into(),
            def_version: def.version,
            variables: Payload::from_map(def.variables.clone()),
            input: Payload::from_map(input.as_object().expect("the input is a map").clone()),
            correlation_id: None,
            priority: 0,
            extra: RunExtra::default(),
            now: START,
        });
        Story { plan, run, bench: Bench::default(), now: START, turns: 0 }
    }

    /// Decides and folds. Panics if the folded effects are not the decided run.
    pub(crate) fn step(&mut self, event: &Event) -> Result<Vec<Effect>, Refusal> {
        self.turns += 1;
        let mut folded = self.run.clone();
        let cx = Cx { now: self.now, random: self.turns, settings: &self.bench.settings, world: &self.bench };
        match decide(&self.plan, &mut self.run, event, &cx) {
            Decision::Done(effects) => {
                for effect in &effects {
                    fold(&mut folded, effect);
                }
                assert_same(&folded, &self.run, event);
                if !effects.is_empty() {
                    self.run.head.version += 1;
                }
                Ok(effects)
            }
            // there is no such run: what was decided of it is thrown away
            Decision::Refused(refusal @ Refusal::Unstartable(_)) => {
                self.run = folded;
                Err(refusal)
            }
            Decision::Refused(refusal) => {
                assert_same(&folded, &self.run, event);
                Err(refusal)
            }
            Decision::RefusedOnRecord(refusal, effects) => {
                for effect in &effects {
                    fold(&mut folded, effect);
                }
                assert_same(&folded, &self.run, event);
                self.run.head.version += 1;
                Err(refusal)
            }
            Decision::Needs(needs) => panic!("needs {needs:?}"),
        }
    }

    pub(crate) fn wait(&mut self, span: Span) {
        self.now = self.now + span;
    }

    /// The latest row of a reference.
    pub(crate) fn no(&self, ref_name: &str) -> TaskNo {
        self.run.tasks.latest(ref_name).unwrap_or_else(|| panic!("there is no {ref_name} yet")).no
    }
}

fn assert_same(folded: &RunState, decided: &RunState, event: &Event) {
    assert_eq!(folded.head, decided.head, "the folded head after {event:?}");
    assert_eq!(folded.tasks, decided.tasks, "the folded tasks after {event:?}");
    assert_eq!(folded.parked, decided.parked, "the folded parked events after {event:?}");
}
