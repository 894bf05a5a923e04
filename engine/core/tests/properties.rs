//! The invariants of decisions, over random definitions and random orders of events.
//!
//! 1. Quiescent: what was decided stays decided; a wake-up before its time changes nothing.
//! 2. Terminal is final.
//! 3. One row per reference and attempt; attempts rise by one; `seq` rises.
//! 4. A run is COMPLETED only when all rows have ended; a JOIN passes only when all it names have.
//! 5. The order of independent completions does not change the end.
//! 6. An open run has something that will move it, and is woken in time.
//!
//! That folding the effects gives the decided run is checked in every step, by [`support::Story::step`].

#[allow(dead_code)]
mod support;

use std::collections::{BTreeMap, HashSet};

use podium_core::{
    CompletionEvent, Effect, Event, InboxMessage, Payload, RunStatus, Span, TaskNo, TaskReport, TaskState,
    TaskStatus,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::Story;

/// A task of a random definition, before it has its names.
#[derive(Clone, Debug)]
enum Shape {
    Simple { retries: u8, optional: bool, permissive: bool, reads: bool },
    Fork(Vec<Vec<Shape>>),
    Switch { case: u8, cases: Vec<Vec<Shape>>, default: Vec<Shape> },
    SetVariable,
    Wait { seconds: Option<u8> },
    Event { waits: bool, kafka: bool },
    Publish { readable: bool },
    Noop,
    Human,
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
        1 => Just(Shape::Noop),
        1 => Just(Shape::Human),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            2 => prop::collection::vec(list.clone(), 1..4).prop_map(Shape::Fork),
            1 => (0..4_u8, prop::collection::vec(prop::collection::vec(inner.clone(), 0..3), 1..3), prop::collection::vec(inner, 0..2))
                .prop_map(|(case, cases, default)| Shape::Switch { case, cases, default }),
        ]
    })
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    (prop::collection::vec(shape(), 1..5), prop::option::weighted(0.15, 0..3_u8)).prop_map(
        |(mut shapes, terminate)| {
            shapes.extend(terminate.map(Shape::Terminate));
            shapes
        },
    )
}

/// Writes the shapes as a definition.
#[derive(Default)]
struct Writer {
    count: usize,
    defs: Vec<Value>,
}

impl Writer {
    fn definition(shapes: &[Shape]) -> (Value, Value) {
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

/// A choice of what happens next; the numbers pick among what is possible.
#[derive(Clone, Copy, Debug)]
struct Choice {
    row: u16,
    what: u8,
    data: u8,
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let choice =
        (any::<u16>(), any::<u8>(), any::<u8>()).prop_map(|(row, what, data)| Choice { row, what, data });
    prop::collection::vec(choice, 0..60)
}

fn report(task: TaskNo, status: TaskStatus, output: Value) -> Event {
    Event::Reported(TaskReport {
        task,
        status,
        output: Payload::from_map(output.as_object().expect("a map").clone()),
        merge_output: false,
        reason: (!status.is_successful()).then(|| "because".to_owned()),
        worker: None,
        callback_after_s: 1,
        extend_lease: false,
        external_output: None,
        logs: Vec::new(),
    })
}

fn completion(inbox: i64, kind: String, succeeded: bool, data: u8) -> Event {
    Event::Arrived {
        inbox,
        message: InboxMessage::Completion(CompletionEvent {
            source: inbox.to_string(),
            task_id: None,
            event_type: Some(kind),
            succeeded,
            data: json!({"x": data}).to_string(),
            reason: None,
        }),
    }
}

/// What may happen to this run now, one of it.
fn event(story: &Story, choice: Choice, inbox: i64) -> (Span, Event) {
    let rows: Vec<TaskState> = story.run.tasks.iter().map(|t| TaskState::clone(t)).collect();
    let row = &rows[usize::from(choice.row) % rows.len()];
    let status = [
        TaskStatus::Completed,
        TaskStatus::Completed,
        TaskStatus::Failed,
        TaskStatus::FailedWithTerminalError,
        TaskStatus::InProgress,
        TaskStatus::Canceled,
    ][usize::from(choice.data) % 6];
    let now = Span::ZERO;
    match choice.what % 12 {
        0..=2 => (now, Event::Claimed { task: row.no, worker: Some("w".into()) }),
        // a JOIN that a caller reports on has not joined anything
        3..=5 if &*row.task_type == "JOIN" => (now, Event::Look),
        3..=5 => (now, report(row.no, status, json!({"x": choice.data, "y": {"z": [1, null]}}))),
        6 => (now, Event::Returned { task: row.no, poll_count: i32::from(choice.data % 3) }),
        7 => {
            let outcome = if choice.data.is_multiple_of(4) { Err("refused".to_owned()) } else { Ok(()) };
            (now, Event::Published { task: row.no, outcome })
        }
        8 => (
            now,
            completion(
                inbox,
                format!("{}_completed", row.ref_name),
                !choice.data.is_multiple_of(3),
                choice.data,
            ),
        ),
        9 => (Span::from_secs(i64::from(choice.data)), Event::Due),
        10 => (Span::from_millis(i64::from(choice.data)), Event::Look),
        _ => (Span::from_secs(i64::from(choice.data % 5)), Event::Due),
    }
}

/// Pushes the run on as friendly workers would; `pick` chooses among what is open. False if nothing can.
fn push(story: &mut Story, pick: usize) -> bool {
    let movable = |t: &&std::sync::Arc<TaskState>| &*t.task_type != "JOIN";
    let open: Vec<TaskState> = story.run.tasks.open().filter(movable).map(|t| TaskState::clone(t)).collect();
    if open.is_empty() {
        return false;
    }
    let row = &open[pick % open.len()];
    let output = json!({"x": *row.ref_name});
    let event = match &*row.task_type {
        "WAIT" if row.wait_until.is_some() || row.status == TaskStatus::Scheduled => {
            story.now = story.now.max(story.run.head.wake_at.expect("a wake-up"));
            Event::Due
        }
        "KAFKA_PUBLISH" | "EVENT" if row.status == TaskStatus::Scheduled => {
            story.now = story.now.max(story.run.head.wake_at.expect("a wake-up"));
            Event::Due
        }
        "KAFKA_PUBLISH" => Event::Published { task: row.no, outcome: Ok(()) },
        "EVENT" if row.input.get("asyncComplete") == Some(&Value::Bool(false)) => {
            Event::Published { task: row.no, outcome: Ok(()) }
        }
        _ => report(row.no, TaskStatus::Completed, output),
    };
    let _ = story.step(&event);
    true
}

fn check(story: &Story) {
    let run = &story.run;
    let mut attempts: BTreeMap<(&str, i32), Vec<&TaskState>> = BTreeMap::new();
    let mut seq = 0;
    for row in run.tasks.iter() {
        assert!(row.seq > seq, "seq rises");
        seq = row.seq;
        assert!(row.no < run.head.next_no);
        attempts.entry((&row.ref_name, row.iteration)).or_default().push(row);
        assert!(!row.ready || row.status == TaskStatus::Scheduled, "only scheduled rows are ready");
        assert_eq!(row.status.is_terminal(), row.ended_at.is_some(), "what has ended has an end");
    }
    for (_, rows) in attempts {
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row.attempt as usize, at, "attempts rise by one");
            assert_eq!(row.retry_of, at.checked_sub(1).map(|before| rows[before].no));
            assert_eq!(row.retried, at + 1 < rows.len(), "only the last attempt is not retried");
        }
    }
    for row in run.tasks.iter().filter(|t| &*t.task_type == "JOIN") {
        if matches!(row.status, TaskStatus::Completed | TaskStatus::CompletedWithErrors) {
            for name in row.input.get("joinOn").and_then(Value::as_array).expect("joinOn") {
                let name = name.as_str().expect("a name");
                assert!(run.tasks.latest(name).is_some_and(|t| t.status.is_terminal()), "{name} has ended");
            }
        }
    }
    if run.head.status.is_terminal() {
        assert_eq!(run.tasks.open().count(), 0, "nothing is open in an ended run");
        assert_eq!(run.head.wake_at, None);
        assert!(run.parked.is_empty());
        return;
    }
    let moves = |t: &&std::sync::Arc<TaskState>| &*t.task_type != "JOIN";
    assert!(run.tasks.open().any(|t| moves(&t)), "an open run has something that will move it");
    let wake = run.head.wake_at;
    let in_time = |at| wake.is_some_and(|wake| wake <= at);
    for row in run.tasks.open() {
        let worker = row.ready || (row.status == TaskStatus::InProgress && row.poll_count > 0);
        if row.status == TaskStatus::Scheduled && !row.ready {
            assert!(in_time(row.available_at), "{} begins in time", row.ref_name);
        }
        if let Some(until) = row.wait_until.filter(|_| row.status == TaskStatus::InProgress) {
            assert!(in_time(until), "{} ends in time", row.ref_name);
        }
        if worker && row.response_timeout_s > 0 && row.status == TaskStatus::InProgress {
            assert!(
                in_time(row.updated_at + Span::from_secs(row.response_timeout_s)),
                "{} times out in time",
                row.ref_name
            );
        }
    }
    for parked in &run.parked {
        assert!(in_time(parked.expires_at), "a kept event expires in time");
    }
}

/// One step, and what must hold about it.
fn step(story: &mut Story, event: &Event) {
    let before: Vec<_> = story.run.tasks.iter().filter(|t| t.status.is_terminal()).cloned().collect();
    let ended = story.run.head.status.is_terminal().then(|| story.run.clone());
    let wake = story.run.head.wake_at;
    let answer = story.step(event);
    if let Ok(effects) = &answer {
        let mut rows = HashSet::new();
        for effect in effects {
            if let Effect::TaskAdded(row) | Effect::TaskChanged(row) = effect {
                assert!(rows.insert(row.no), "each row is named once");
            }
        }
        if matches!(event, Event::Due) && wake.is_none_or(|at| at > story.now) {
            assert!(effects.is_empty(), "nothing is due");
        }
    }
    for row in before {
        assert_eq!(story.run.tasks.get(row.no), Some(&row), "what has ended stays as it is");
    }
    if let Some(ended) = ended {
        assert_eq!(ended.head.status, story.run.head.status);
        assert_eq!(ended.tasks, story.run.tasks);
    }
    check(story);
    // deciding again changes nothing
    let again = match event {
        Event::Claimed { .. } | Event::Published { .. } => return,
        Event::Reported(r) if r.status == TaskStatus::InProgress => return,
        other => other.clone(),
    };
    if let Ok(effects) = story.step(&again) {
        let real = effects.iter().filter(|e| !matches!(e, Effect::InboxTaken(_) | Effect::Parked(_))).count();
        assert_eq!(real, 0, "{again:?} twice changed {effects:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_in_any_order_of_events(shapes in shapes(), choices in choices()) {
        let (def, task_defs) = Writer::definition(&shapes);
        let mut story = Story::new(&def, &task_defs, &json!({}));
        step(&mut story, &Event::Started);
        for (inbox, choice) in choices.into_iter().enumerate() {
            if story.run.tasks.is_empty() {
                break;
            }
            let (wait, event) = event(&story, choice, inbox as i64);
            story.wait(wait);
            step(&mut story, &event);
        }
        for pick in 0..10_000 {
            if story.run.head.status.is_terminal() {
                break;
            }
            prop_assert!(push(&mut story, pick), "an open run can always be pushed on");
            check(&story);
        }
        prop_assert!(story.run.head.status.is_terminal(), "every run comes to its end");
        if story.run.head.status == RunStatus::Completed {
            prop_assert!(story.run.tasks.iter().all(|t| t.status.is_terminal()));
        }
    }

    #[test]
    fn the_order_of_completions_does_not_change_the_end(shapes in shapes(), picks in prop::collection::vec(any::<usize>(), 1..40)) {
        let (def, task_defs) = Writer::definition(&shapes);
        let end = |order: &dyn Fn(usize) -> usize| {
            let mut story = Story::new(&def, &task_defs, &json!({"k": 1}));
            story.step(&Event::Started).expect("a start");
            for at in 0..10_000 {
                if story.run.head.status.is_terminal() || !push(&mut story, order(at)) {
                    break;
                }
            }
            let run = &story.run;
            let rows: BTreeMap<(String, i32), (TaskStatus, Vec<String>)> = run
                .tasks
                .iter()
                .map(|t| ((t.ref_name.to_string(), t.attempt), (t.status, t.output.map().keys().cloned().collect())))
                .collect();
            let variables: BTreeMap<String, Value> = run.head.variables.map().clone().into_iter().collect();
            (run.head.status, rows, variables, run.head.output.get("first").cloned())
        };
        let first = end(&|_| 0);
        prop_assert!(first.0.is_terminal());
        let other = end(&|at| picks[at % picks.len()]);
        // a JOIN collects the outputs in the order of its list, whatever came first
        prop_assert_eq!(first, other);
    }
}

/// Anything that parses as a definition.
fn junk(depth: u32) -> BoxedStrategy<Value> {
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
    let lists = (inner.clone(), inner.clone(), inner);
    (kinds, name.clone(), inputs, prop::collection::vec(name, 0..3), text.clone(), text, lists, any::<(bool, bool, i8)>())
        .prop_map(|(kind, name, inputs, joins, expression, evaluator, (a, b, c), (optional, flag, number))| {
            json!({"name": name, "taskReferenceName": name, "type": kind, "inputParameters": inputs, "joinOn": joins,
                "expression": expression, "evaluatorType": evaluator, "sink": expression, "optional": optional,
                "asyncComplete": flag, "permissive": flag, "startDelay": number, "retryCount": number.rem_euclid(3),
                "forkTasks": [a], "decisionCases": {"x": b}, "defaultCase": c})
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_definition_and_no_order_of_events_breaks_a_decision(
        tasks in prop::collection::vec(junk(2), 0..4),
        choices in choices(),
    ) {
        let def = json!({"name": "junk", "tasks": tasks, "failureWorkflow": "$x.y.z", "outputParameters": {"o": "${j1.output}"}});
        let parsed: podium_core::def::WorkflowDef = serde_json::from_value(def.clone()).expect("it parses");
        let made = podium_core::plan::snapshot(&parsed, &|_| None);
        if podium_core::Plan::compile(&made).is_err() {
            return Ok(());
        }
        let mut story = Story::new(&def, &json!([]), &json!({"z": "nowhere"}));
        story.step(&Event::Started).expect("a start");
        for (inbox, choice) in choices.into_iter().enumerate() {
            if story.run.tasks.is_empty() {
                break;
            }
            let (wait, event) = event(&story, choice, inbox as i64);
            story.wait(wait);
            let _ = story.step(&event);
        }
    }
}
