//! Random definitions with the behaviour of their workers.
//!
//! An expression reads only what has surely ended where it stands: an earlier task of its own list or of a list around
//! it. So what it reads does not depend on the order of events.

use std::collections::HashMap;

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_oneof};
use serde_json::{Map, Value, json};

use crate::script::{Outcome, Play, Script};

/// What keeps a failure from ending the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    None,
    Optional,
    Permissive,
    Both,
}

/// A worker's task.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    retries: u8,
    own_retries: Option<u8>,
    mark: Mark,
    /// For one pass after the other.
    plays: Vec<Play>,
    reads: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Simple(Worker),
    /// Each branch with the choice of what the JOIN waits for in it.
    Fork(Vec<(Vec<Shape>, u8)>),
    Switch {
        reads: u8,
        case: u8,
        cases: Vec<Vec<Shape>>,
        default: Vec<Shape>,
    },
    Loop {
        passes: u8,
        items: bool,
        keep: Option<u8>,
        body: Vec<Shape>,
    },
    /// A dynamic fork into a worker's task for each.
    Branches(Vec<Worker>),
    /// Waits for this many seconds.
    Wait(u8),
    Set {
        reads: u8,
    },
    Inline {
        reads: u8,
        broken: bool,
        mark: Mark,
    },
    Terminate(u8),
}

fn play() -> impl Strategy<Value = Play> {
    let bad = prop_oneof![
        6 => Just(Outcome::Failed),
        2 => Just(Outcome::Silent),
        1 => Just(Outcome::Terminal),
        1 => Just(Outcome::Canceled),
    ];
    let first = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(bad.clone(), 1..3)];
    let then = prop_oneof![20 => Just(Outcome::Done), 1 => bad];
    (first, then, 0..3_u8).prop_map(|(first, then, value)| Play { first, then, value })
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        8 => Just(Mark::None),
        2 => Just(Mark::Optional),
        1 => Just(Mark::Permissive),
        1 => Just(Mark::Both),
    ]
}

fn worker() -> impl Strategy<Value = Worker> {
    let retries = prop_oneof![1 => Just(0_u8), 3 => 1..3_u8];
    let plays = prop::collection::vec(play(), 1..3);
    (retries, prop::option::weighted(0.1, 0..3_u8), mark(), plays, any::<u8>()).prop_map(
        |(retries, own_retries, mark, plays, reads)| Worker { retries, own_retries, mark, plays, reads },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        12 => worker().prop_map(Shape::Simple),
        1 => prop::collection::vec(worker(), 0..4).prop_map(Shape::Branches),
        1 => (0..20_u8).prop_map(Shape::Wait),
        2 => any::<u8>().prop_map(|reads| Shape::Set { reads }),
        2 => (any::<u8>(), prop::bool::weighted(0.1), mark())
            .prop_map(|(reads, broken, mark)| Shape::Inline { reads, broken, mark }),
        1 => prop_oneof![9 => Just(None), 1 => (0..3_u8).prop_map(Some)]
            .prop_map(|end| end.map_or(Shape::Set { reads: 0 }, Shape::Terminate)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..3);
        let some = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            3 => prop::collection::vec((list.clone(), any::<u8>()), 1..4).prop_map(Shape::Fork),
            2 => (1..4_u8, any::<bool>(), prop::option::weighted(0.2, 1..3_u8), list)
                .prop_map(|(passes, items, keep, body)| Shape::Loop {
                    // a list may be empty
                    passes: if items { passes - 1 } else { passes },
                    items,
                    keep,
                    body
                }),
            2 => (any::<u8>(), 0..4_u8, prop::collection::vec(some.clone(), 1..3), some)
                .prop_map(|(reads, case, cases, default)| Shape::Switch { reads, case, cases, default }),
        ]
    })
}

pub(crate) fn shapes() -> BoxedStrategy<Vec<Shape>> {
    prop::collection::vec(shape(), 1..5).boxed()
}

/// A definition with all that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) def: Value,
    pub(crate) task_defs: Value,
    /// Of the task definitions, by name.
    pub(crate) retries: HashMap<String, i32>,
    pub(crate) script: Script,
}

#[derive(Default)]
struct Writer {
    count: usize,
    defs: Vec<Value>,
    retries: HashMap<String, i32>,
    script: Script,
    /// Nothing that fails whatever workers do.
    tame: bool,
}

/// Expressions that can be read at a place.
type Scope = Vec<String>;

/// `tame`: nothing but workers makes the run fail.
pub(crate) fn made(shapes: &[Shape], tame: bool) -> Made {
    let mut writer = Writer { tame, ..Writer::default() };
    let mut scope = Scope::new();
    let tasks = writer.list(shapes, &mut scope);
    let output: Map<String, Value> =
        scope.iter().enumerate().map(|(at, text)| (format!("o{at}"), json!(text))).collect();
    let def = json!({"name": "random", "version": 1, "tasks": tasks, "outputParameters": output,
        "failureWorkflow": "undo"});
    let Writer { defs, retries, script, .. } = writer;
    Made { def, task_defs: Value::Array(defs), retries, script }
}

impl Writer {
    fn list(&mut self, shapes: &[Shape], scope: &mut Scope) -> Vec<Value> {
        shapes.iter().flat_map(|shape| self.task(shape, scope)).collect()
    }

    fn task(&mut self, shape: &Shape, scope: &mut Scope) -> Vec<Value> {
        self.count += 1;
        let name = format!("r{}", self.count);
        let mut task = json!({"name": name, "taskReferenceName": name});
        let mut with = |more: Value| {
            task.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        };
        match shape {
            Shape::Simple(worker) => {
                with(self.worker(&name, worker, scope));
                scope.push(format!("${{{name}.output.x}}"));
            }
            Shape::Branches(workers) => {
                let (mut tasks, mut inputs) = (Vec::new(), Map::new());
                for (at, worker) in workers.iter().enumerate() {
                    let branch = format!("{name}b{at}");
                    let mut task = self.worker(&branch, worker, scope);
                    task["name"] = json!(branch);
                    task["taskReferenceName"] = json!(branch);
                    task["taskDefinition"] = self.defs.last().expect("it was just made").clone();
                    inputs.insert(branch, task["inputParameters"].take());
                    task["inputParameters"] = json!({});
                    tasks.push(task);
                }
                with(json!({"type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "t",
                    "dynamicForkTasksInputParamName": "i", "inputParameters": {"t": tasks, "i": inputs}}));
                let join = format!("{name}join");
                return vec![task, json!({"name": join, "taskReferenceName": join, "type": "JOIN"})];
            }
            Shape::Wait(seconds) => {
                with(json!({"type": "WAIT", "inputParameters": {"duration": format!("{seconds}s")}}));
            }
            Shape::Fork(branches) => {
                let (mut joins, mut lists) = (Vec::new(), Vec::new());
                for (branch, choice) in branches {
                    let list = self.list(branch, &mut scope.clone());
                    let at = match choice % 8 {
                        0 => None,
                        1 | 2 => Some(usize::from(*choice) % list.len()),
                        _ => Some(list.len() - 1),
                    };
                    joins.extend(at.map(|at| list[at]["taskReferenceName"].clone()));
                    lists.push(list);
                }
                with(json!({"type": "FORK_JOIN", "forkTasks": lists}));
                let join = format!("{name}join");
                return vec![
                    task,
                    json!({"name": join, "taskReferenceName": join, "type": "JOIN", "joinOn": joins}),
                ];
            }
            Shape::Switch { reads, case, cases, default } => {
                let named: Map<String, Value> = cases
                    .iter()
                    .enumerate()
                    .map(|(at, list)| (at.to_string(), Value::Array(self.list(list, &mut scope.clone()))))
                    .collect();
                let default = self.list(default, &mut scope.clone());
                with(json!({"type": "SWITCH", "evaluatorType": "value-param", "expression": "c",
                    "inputParameters": {"c": read(scope, *reads, json!(case))}, "decisionCases": named,
                    "defaultCase": default}));
                scope.push(format!("${{{name}.output.selectedCase}}"));
            }
            Shape::Loop { passes, items, keep, body } => {
                let mut inside = scope.clone();
                inside.push(format!("${{{name}.output.iteration}}"));
                let mut input = Map::new();
                if *items {
                    inside.push(format!("${{{name}.output.loopItem}}"));
                    input.insert("_items".to_owned(), (1..=*passes).map(|n| json!(n % 3)).collect());
                }
                if let Some(keep) = keep {
                    input.insert("keepLastN".to_owned(), json!(keep));
                }
                let condition = if *items { String::new() } else { format!("$.{name}.iteration < {passes}") };
                let body = self.list(body, &mut inside);
                with(
                    json!({"type": "DO_WHILE", "loopOver": body, "loopCondition": condition, "inputParameters": input}),
                );
                scope.push(format!("${{{name}.output.iteration}}"));
            }
            Shape::Set { reads } => {
                let variable = format!("v{name}");
                with(json!({"type": "SET_VARIABLE",
                    "inputParameters": {variable: read(scope, *reads, json!("set"))}}));
            }
            Shape::Inline { reads, broken, mark } => {
                let expression = if *broken && !self.tame { " " } else { "v" };
                with(json!({"type": "INLINE", "inputParameters": {"evaluatorType": "value-param",
                    "expression": expression, "v": read(scope, *reads, json!(1))}}));
                with(marks(*mark));
                scope.push(format!("${{{name}.output.result}}"));
            }
            Shape::Terminate(_) if self.tame => {
                with(json!({"type": "SET_VARIABLE", "inputParameters": {"end": 1}}));
            }
            Shape::Terminate(kind) => {
                let status = ["COMPLETED", "FAILED", "TERMINATED"][usize::from(*kind)];
                with(json!({"type": "TERMINATE",
                    "inputParameters": {"terminationStatus": status, "workflowOutput": {"by": name}}}));
            }
        }
        vec![task]
    }

    fn worker(&mut self, name: &str, worker: &Worker, scope: &Scope) -> Value {
        self.defs
            .push(json!({"name": name, "retryCount": worker.retries, "retryDelaySeconds": worker.retries,
            "responseTimeoutSeconds": RESPONSE_S, "timeoutSeconds": 0}));
        self.retries.insert(name.to_owned(), i32::from(worker.retries));
        self.script.add(name, worker.plays.clone());
        let mut task = marks(worker.mark);
        task["type"] = json!("SIMPLE");
        task["inputParameters"] = json!({"saw": read(scope, worker.reads, json!(7))});
        if let Some(retries) = worker.own_retries {
            task["retryCount"] = json!(retries);
        }
        task
    }
}

/// Seconds that a worker may be silent.
pub(crate) const RESPONSE_S: i64 = 10;

fn read(scope: &Scope, choice: u8, constant: Value) -> Value {
    match usize::from(choice) % (scope.len() + 1) {
        0 => constant,
        // the latest first: these are the ones that something happens to
        at => json!(scope[scope.len() - at]),
    }
}

fn marks(mark: Mark) -> Value {
    match mark {
        Mark::None => json!({}),
        Mark::Optional => json!({"optional": true}),
        Mark::Permissive => json!({"permissive": true}),
        Mark::Both => json!({"optional": true, "permissive": true}),
    }
}
