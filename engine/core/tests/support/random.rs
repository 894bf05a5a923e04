//! Random definitions.

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_oneof};
use serde_json::{Value, json};

/// A task of a random definition, before it has its names.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Simple {
        retries: u8,
        optional: bool,
        permissive: bool,
        reads: bool,
    },
    Fork(Vec<Vec<Shape>>),
    Switch {
        case: u8,
        cases: Vec<Vec<Shape>>,
        default: Vec<Shape>,
    },
    SetVariable,
    Wait {
        seconds: Option<u8>,
    },
    Event {
        waits: bool,
        kafka: bool,
    },
    Publish {
        readable: bool,
    },
    Call {
        waits: bool,
    },
    Noop,
    Human,
    /// A task whose type is a value: 0 = a worker's, 1 = WAIT, 2 = NOOP, 3 = EVENT.
    Dynamic(u8),
    /// A DECISION into one of the lists, and an EXCLUSIVE_JOIN of their ends.
    Decision {
        case: u8,
        cases: Vec<Vec<Shape>>,
    },
    /// A body that is repeated, for items if `items`, keeping only the last pass if `forgets`.
    Loop {
        passes: u8,
        items: bool,
        forgets: bool,
        body: Vec<Shape>,
    },
    /// A dynamic fork into this many branches, some of them done by the engine.
    Branches(u8),
    Terminate(u8),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        6 => (0..3_u8, prop::bool::weighted(0.2), prop::bool::weighted(0.1), any::<bool>())
            .prop_map(|(retries, optional, permissive, reads)| Shape::Simple { retries, optional, permissive, reads }),
        1 => Just(Shape::SetVariable),
        1 => prop::option::of(0..5_u8).prop_map(|seconds| Shape::Wait { seconds }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(waits, kafka)| Shape::Event { waits, kafka }),
        1 => prop::bool::weighted(0.9).prop_map(|readable| Shape::Publish { readable }),
        2 => prop::bool::weighted(0.2).prop_map(|waits| Shape::Call { waits }),
        1 => Just(Shape::Noop),
        1 => Just(Shape::Human),
        1 => (0..4_u8).prop_map(Shape::Dynamic),
        1 => (0..4_u8).prop_map(Shape::Branches),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            2 => prop::collection::vec(list.clone(), 1..4).prop_map(Shape::Fork),
            1 => (1..4_u8, any::<bool>(), prop::bool::weighted(0.2), list.clone())
                .prop_map(|(passes, items, forgets, body)| Shape::Loop { passes, items, forgets, body }),
            1 => (0..4_u8, prop::collection::vec(prop::collection::vec(inner.clone(), 0..3), 1..3), prop::collection::vec(inner, 0..2))
                .prop_map(|(case, cases, default)| Shape::Switch { case, cases, default }),
            1 => (0..4_u8, prop::collection::vec(list, 1..3)).prop_map(|(case, cases)| Shape::Decision { case, cases }),
        ]
    })
}

pub(crate) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    (prop::collection::vec(shape(), 1..5), prop::option::weighted(0.15, 0..3_u8)).prop_map(
        |(mut shapes, terminate)| {
            shapes.extend(terminate.map(Shape::Terminate));
            shapes
        },
    )
}

/// Writes the shapes as a definition.
#[derive(Default)]
pub(crate) struct Writer {
    count: usize,
    defs: Vec<Value>,
}

impl Writer {
    pub(crate) fn definition(shapes: &[Shape]) -> (Value, Value) {
        let mut writer = Writer::default();
        let tasks = writer.list(shapes);
        let def = json!({
            "name": "random", "version": 1, "tasks": tasks, "timeoutSeconds": 100_000, "timeoutPolicy": "TIME_OUT_WF",
            "outputParameters": {"first": "${r1.output.x}", "status": "${r1.status}"}
        });
        (def, Value::Array(writer.defs))
    }

    fn list(&mut self, shapes: &[Shape]) -> Vec<Value> {
        shapes.iter().flat_map(|shape| self.task(shape)).collect()
    }

    fn task(&mut self, shape: &Shape) -> Vec<Value> {
        self.count += 1;
        let name = format!("r{}", self.count);
        let mut task = json!({"name": name, "taskReferenceName": name});
        let mut with = |more: Value| {
            for (key, value) in more.as_object().expect("a map") {
                task[key] = value.clone();
            }
        };
        match shape {
            Shape::Simple { retries, optional, permissive, reads } => {
                self.defs.push(json!({"name": name, "retryCount": retries, "retryDelaySeconds": retries,
                    "responseTimeoutSeconds": 50, "timeoutSeconds": 0, "timeoutPolicy": "RETRY"}));
                let input =
                    if *reads { json!({"x": "${r1.output.x}", "id": "${CPEWF_TASK_ID}"}) } else { json!({}) };
                with(
                    json!({"type": "SIMPLE", "optional": optional, "permissive": permissive, "inputParameters": input}),
                );
            }
            Shape::Fork(branches) => {
                let mut joins = Vec::new();
                let mut lists = Vec::new();
                for branch in branches {
                    let mut list = self.list(branch);
                    let last = Shape::Simple { retries: 0, optional: false, permissive: false, reads: true };
                    list.extend(self.task(&last));
                    joins.push(list.last().expect("a task")["taskReferenceName"].clone());
                    lists.push(list);
                }
                with(json!({"type": "FORK_JOIN", "forkTasks": lists}));
                let join = format!("{name}_join");
                return vec![
                    task,
                    json!({"name": join, "taskReferenceName": join, "type": "JOIN", "joinOn": joins}),
                ];
            }
            Shape::Switch { case, cases, default } => {
                let mut named = serde_json::Map::new();
                for (at, list) in cases.iter().enumerate() {
                    named.insert(at.to_string(), Value::Array(self.list(list)));
                }
                let default = self.list(default);
                with(json!({"type": "SWITCH", "evaluatorType": "value-param", "expression": "c",
                    "inputParameters": {"c": case}, "decisionCases": named, "defaultCase": default}));
            }
            Shape::Decision { case, cases } => {
                let mut named = serde_json::Map::new();
                let mut ends = Vec::new();
                for (at, list) in cases.iter().enumerate() {
                    let mut list = self.list(list);
                    let last = Shape::Simple { retries: 0, optional: false, permissive: false, reads: false };
                    list.extend(self.task(&last));
                    ends.push(list.last().expect("a task")["taskReferenceName"].clone());
                    named.insert(at.to_string(), Value::Array(list));
                }
                with(json!({"type": "DECISION", "caseValueParam": "c", "inputParameters": {"c": case},
                    "decisionCases": named}));
                let (before, join) = (format!("{name}_before"), format!("{name}_join"));
                return vec![
                    json!({"name": before, "taskReferenceName": before, "type": "NOOP"}),
                    task,
                    json!({"name": join, "taskReferenceName": join, "type": "EXCLUSIVE_JOIN", "joinOn": ends,
                        "defaultExclusiveJoinTask": [before]}),
                ];
            }
            Shape::Loop { passes, items, forgets, body } => {
                let body = self.list(body);
                let mut input = serde_json::Map::new();
                if *items {
                    input.insert("_items".to_owned(), json!(vec![1; usize::from(*passes)]));
                }
                if *forgets {
                    input.insert("keepLastN".to_owned(), json!(1));
                }
                let condition = if *items { String::new() } else { format!("$.{name}.iteration < {passes}") };
                with(
                    json!({"type": "DO_WHILE", "loopOver": body, "loopCondition": condition, "inputParameters": input}),
                );
            }
            Shape::Branches(count) => {
                let branches: Vec<Value> = (0..*count)
                    .map(|at| {
                        let kind = if at % 3 == 2 { "NOOP" } else { "SIMPLE" };
                        let branch = format!("{name}_b{at}");
                        json!({"name": branch, "taskReferenceName": branch, "type": kind, "inputParameters": {"x": "${r1.output.x}"}})
                    })
                    .collect();
                with(
                    json!({"type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "t", "dynamicForkTasksInputParamName": "i",
                    "inputParameters": {"t": branches, "i": {}}}),
                );
                let join = format!("{name}_join");
                return vec![task, json!({"name": join, "taskReferenceName": join, "type": "JOIN"})];
            }
            Shape::Dynamic(kind) => {
                let chosen = ["worker", "WAIT", "NOOP", "EVENT"][usize::from(*kind)];
                with(json!({"type": "DYNAMIC", "dynamicTaskNameParam": "t",
                    "inputParameters": {"t": chosen, "sink": "conductor", "asyncComplete": false}}));
            }
            Shape::SetVariable => {
                let variable = format!("v_{name}");
                with(json!({"type": "SET_VARIABLE", "inputParameters": {variable: 1}}));
            }
            Shape::Wait { seconds: Some(seconds) } => {
                with(json!({"type": "WAIT", "inputParameters": {"duration": format!("{seconds}s")}}));
            }
            Shape::Wait { seconds: None } => with(json!({"type": "WAIT"})),
            Shape::Event { waits, kafka } => {
                let sink =
                    if *kafka { format!("kafka:{name}") } else { format!("conductor:{name}_completed") };
                with(json!({"type": "EVENT", "sink": sink, "asyncComplete": waits}));
            }
            Shape::Publish { readable: true } => {
                let request =
                    json!({"bootStrapServers": "b", "topic": "t", "value": {"x": "${r1.output.x}"}});
                with(
                    json!({"type": "KAFKA_PUBLISH", "optional": true, "inputParameters": {"kafka_request": request}}),
                );
            }
            Shape::Publish { readable: false } => {
                with(
                    json!({"type": "KAFKA_PUBLISH", "optional": true, "inputParameters": {"kafka_request": [1]}}),
                );
            }
            Shape::Call { waits } => with(json!({"type": "HTTP", "asyncComplete": waits,
                "inputParameters": {"http_request": {"uri": "http://h/", "method": "GET"}}})),
            Shape::Noop => with(json!({"type": "NOOP"})),
            Shape::Human => with(json!({"type": "HUMAN"})),
            Shape::Terminate(kind) => {
                let status = ["COMPLETED", "FAILED", "TERMINATED"][usize::from(*kind)];
                with(
                    json!({"type": "TERMINATE", "inputParameters": {"terminationStatus": status, "workflowOutput": {"k": 1}}}),
                );
            }
        }
        vec![task]
    }
}

/// Anything that parses as a definition.
pub(crate) fn junk(depth: u32) -> BoxedStrategy<Value> {
    let kinds = prop::sample::select(vec![
        "SIMPLE",
        "",
        "FORK_JOIN",
        "JOIN",
        "SWITCH",
        "SET_VARIABLE",
        "WAIT",
        "EVENT",
        "KAFKA_PUBLISH",
        "TERMINATE",
        "NOOP",
        "HUMAN",
        "MADE_UP",
        "DO_WHILE",
        "DYNAMIC",
        "FORK_JOIN_DYNAMIC",
        "INLINE",
        "LAMBDA",
        "JSON_JQ_TRANSFORM",
        "DECISION",
        "EXCLUSIVE_JOIN",
        "HTTP",
    ]);
    let name = prop::sample::select((0..12).map(|i| format!("j{i}")).collect::<Vec<_>>());
    let text = prop::sample::select(vec![
        "",
        "x",
        "conductor:x",
        "kafka:",
        "kafka:t",
        ":",
        "${workflow.input}",
        "${j1.output.x}",
        "${",
        "$${a}",
        "1d",
        "soon",
        "value-param",
        "javascript",
        "COMPLETED",
        "FAILED",
        "2020-01-01",
        "${workflow.input[}",
        "${${x}}",
    ]);
    let value = prop_oneof![
        text.clone().prop_map(|t| json!(t)),
        Just(Value::Null),
        Just(json!([1, "${x}"])),
        Just(json!({"a": "${j2.status}"})),
        Just(json!(true)),
        Just(json!(1e300)),
    ];
    let keys = prop::sample::select(vec![
        "duration",
        "until",
        "kafka_request",
        "terminationStatus",
        "terminationReason",
        "forkTaskInputs",
        "expression",
        "queryExpression",
        "_items",
        "keepLastN",
        "workflowOutput",
        "sink",
        "x",
    ]);
    let inputs = prop::collection::hash_map(keys, value, 0..3);
    let inner = if depth == 0 {
        Just(Vec::new()).boxed()
    } else {
        prop::collection::vec(junk(depth - 1), 0..3).boxed()
    };
    let lists = (inner.clone(), inner.clone(), inner.clone(), inner);
    (kinds, name.clone(), inputs, prop::collection::vec(name, 0..3), text.clone(), text, lists, any::<(bool, bool, i8)>())
        .prop_map(|(kind, name, inputs, joins, expression, evaluator, (a, b, c, d), (optional, flag, number))| {
            json!({"name": name, "taskReferenceName": name, "type": kind, "inputParameters": inputs, "joinOn": joins,
                "expression": expression, "evaluatorType": evaluator, "sink": expression, "optional": optional,
                "asyncComplete": flag, "permissive": flag, "dynamicTaskNameParam": "x", "caseValueParam": "x",
                "defaultExclusiveJoinTask": [name], "dynamicForkTasksParam": "x", "dynamicForkTasksInputParamName": "sink",
                "loopOver": d, "loopCondition": "$.x < 3", "startDelay": number, "retryCount": number.rem_euclid(3),
                "forkTasks": [a], "decisionCases": {"x": b}, "defaultCase": c})
        })
        .boxed()
}
