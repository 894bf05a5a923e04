//! Keys, and what kept outputs do to a run.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::json;

use super::*;
use crate::decide::bench::{Bench, NOW};
use crate::decide::{Cx, Decision, Known, Settings, World, decide};
use crate::effect::Effect;
use crate::event::{Event, TaskReport};
use crate::plan::InlineDefinition;
use crate::run::{RunExtra, RunStatus};
use crate::task::TaskStatus;

/// Keeps outputs; what nobody asked for yet is not loaded.
#[derive(Default)]
struct Shelf {
    known: RefCell<HashMap<CacheKey, Option<Payload>>>,
}

impl World for Shelf {
    fn definition(&self, _name: &str, _version: Option<i32>) -> Known {
        Known::Absent
    }

    fn inline(&self, _definition: &InlineDefinition) -> Known {
        Known::Absent
    }

    fn polled_recently(&self, _task_type: &str, _domain: &str) -> bool {
        false
    }

    fn cached(&self, key: &CacheKey) -> Remembered {
        match self.known.borrow().get(key) {
            None => Remembered::NotLoaded,
            Some(None) => Remembered::Nothing,
            Some(Some(output)) => Remembered::Found(output.clone()),
        }
    }
}

fn task(key: &str, ttl: i64) -> Value {
    json!({"name": "a", "taskReferenceName": "a", "type": "SIMPLE", "inputParameters": {"id": "${workflow.input.id}"},
        "cacheConfig": {"key": key, "ttlInSecond": ttl}})
}

fn ready(task: Value, input: Value) -> Bench {
    Bench::ready(json!({"tasks": [task]}), input, RunExtra::default(), Settings::default())
}

/// Decides; what is asked for is looked up on the shelf, and it is decided again.
fn hear(bench: &mut Bench, shelf: &Shelf, event: &Event) -> Vec<Effect> {
    let settings = Settings::default();
    let before = bench.run.clone();
    loop {
        let cx = Cx { now: NOW, random: 1, settings: &settings, world: shelf };
        match decide(&bench.plan, &mut bench.run, event, &cx) {
            Decision::Done(effects) => return effects,
            Decision::Needs(needs) => {
                assert!(!needs.cached.is_empty());
                let mut known = shelf.known.borrow_mut();
                for key in &needs.cached {
                    known.entry(*key).or_default();
                }
                bench.run = before.clone();
            }
            Decision::Refused(refusal) | Decision::RefusedOnRecord(refusal, _) => panic!("{refusal}"),
        }
    }
}

fn completes(bench: &mut Bench, shelf: &Shelf, status: TaskStatus) -> Option<Kept> {
    let report = TaskReport {
        task: bench.row("a").no,
        status,
        output: Payload::from_map(json!({"o": 1}).as_object().expect("a map").clone()),
        merge_output: false,
        reason: None,
        worker: None,
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    };
    let effects = hear(bench, shelf, &Event::Reported(report));
    let kept = effects.iter().find_map(|effect| match effect {
        Effect::Kept(kept) => Some((**kept).clone()),
        _ => None,
    });
    if let Some(kept) = &kept {
        shelf.known.borrow_mut().insert(kept.key, Some(kept.output.clone()));
    }
    kept
}

#[test]
fn an_output_is_kept_with_its_completion_and_the_next_task_has_it() {
    let shelf = Shelf::default();
    let start = |id: i64| {
        let mut bench = ready(task("${id}", 60), json!({"id": id}));
        let effects = hear(&mut bench, &shelf, &Event::Started);
        (bench, effects)
    };
    let (mut first, _) = start(1);
    assert!(first.row("a").ready);
    let kept = completes(&mut first, &shelf, TaskStatus::Completed).expect("it is kept");
    assert_eq!((&*kept.name, kept.task, kept.expires_at), ("a", 1, NOW + Span::from_secs(60)));
    let (second, effects) = start(1);
    let row = second.row("a");
    assert_eq!((row.status, row.ready, row.poll_count), (TaskStatus::Completed, false, 0));
    assert_eq!((row.output.get("o"), row.worker.as_deref()), (Some(&json!(1)), Some(WORKER)));
    assert_eq!(second.run.head.status, RunStatus::Completed);
    assert!(!effects.iter().any(|e| matches!(e, Effect::Kept(_))), "its time is not prolonged by use");
    assert!(start(2).0.row("a").ready, "another key");
}

#[test]
fn what_did_not_complete_is_not_kept() {
    let shelf = Shelf::default();
    let mut bench = ready(task("${id}", 60), json!({"id": 1}));
    hear(&mut bench, &shelf, &Event::Started);
    assert_eq!(completes(&mut bench, &shelf, TaskStatus::InProgress), None);
    assert_eq!(completes(&mut bench, &shelf, TaskStatus::FailedWithTerminalError), None);
}

#[test]
fn a_key_reads_the_inputs_and_counts_only_if_all_of_it_is_found() {
    let object = |value: Value| Payload::from_map(value.as_object().expect("a map").clone());
    let key = |key: &str, input: Value| {
        let config: TaskConfig = serde_json::from_value(task(key, 1)).expect("a task");
        let rule = CacheRule::of(&config).expect("a rule");
        rule.key("a", "a", &object(input), &object(json!({"x": 7})))
    };
    let one = key("${a.b}-${c}", json!({"a": {"b": 1}, "c": "x"}));
    assert!(one.is_some());
    assert_eq!(
        one,
        key("${a.b}-${c}", json!({"c": "x", "a": {"b": 1, "d": 2}})),
        "only what it names counts"
    );
    assert_ne!(one, key("${a.b}-${c}", json!({"a": {"b": 2}, "c": "x"})));
    assert_eq!(key("${workflow.input.x}", json!({})), key("7", json!({})));
    for missing in ["${a}", "k-${a.b}", "${workflow.variables.v}", "${t.output.o}"] {
        assert_eq!(key(missing, json!({"a": null})), None, "{missing}");
    }
}

#[test]
fn without_a_key_or_a_time_to_live_nothing_is_kept() {
    for config in
        [json!({"key": "", "ttlInSecond": 1}), json!({"key": "k"}), json!({"key": "k", "ttlInSecond": 0})]
    {
        let mut task = task("k", 1);
        task["cacheConfig"] = config.clone();
        let task: TaskConfig = serde_json::from_value(task).expect("a task");
        assert!(CacheRule::of(&task).is_none(), "{config}");
    }
}
