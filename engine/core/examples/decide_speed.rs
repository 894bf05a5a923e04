//! How long decisions take: `cargo run --release -p podium-core --example decide_speed`.

// this program measures time
#![allow(clippy::disallowed_methods)]

use std::time::Instant;

use podium_core::decide::{Known, World};
use podium_core::{
    Cx, Decision, Event, NewRun, Payload, Plan, RunExtra, RunId, RunState, Settings, TaskNo, TaskReport,
    TaskStatus, Timestamp, decide,
};
use serde_json::{Value, json};

struct Nobody;

impl World for Nobody {
    fn definition(&self, _name: &str, _version: Option<i32>) -> Known {
        Known::Absent
    }
    fn inline(&self, _definition: &podium_core::plan::InlineDefinition) -> Known {
        Known::Absent
    }
    fn polled_recently(&self, _task_type: &str, _domain: &str) -> bool {
        false
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn plan(tasks: Value) -> Plan {
    let def = serde_json::from_value(json!({"name": "w", "tasks": tasks})).expect("a definition");
    Plan::compile(&podium_core::plan::snapshot(&def, &|_| None)).expect("a plan")
}

fn run(plan: &Plan, random: u64) -> RunState {
    RunState::new(NewRun {
        id: RunId::new(NOW, random, 0),
        snapshot: plan.hash,
        name: "w".into(),
        def_version: 1,
        variables: Payload::empty(),
        input: Payload::from_object_text(r#"{"a":1}"#),
        correlation_id: None,
        priority: 0,
        extra: RunExtra::default(),
        now: NOW,
    })
}

fn turn(plan: &Plan, run: &mut RunState, settings: &Settings, event: &Event) -> usize {
    let cx = Cx { now: NOW, random: 1, settings, world: &Nobody };
    match decide(plan, run, event, &cx) {
        Decision::Done(effects) => effects.len(),
        other => panic!("{other:?}"),
    }
}

fn done(task: TaskNo) -> Event {
    Event::Reported(TaskReport {
        task,
        status: TaskStatus::Completed,
        output: Payload::from_object_text(r#"{"x":1}"#),
        merge_output: false,
        reason: None,
        worker: Some("w".into()),
        callback_after_s: 0,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    })
}

fn simple(name: &str, input: Value) -> Value {
    json!({"name": name, "taskReferenceName": name, "type": "SIMPLE", "inputParameters": input})
}

/// Claims and completes every task as it becomes ready; the number of events.
fn drive(plan: &Plan, settings: &Settings, backwards: bool) -> u32 {
    let mut state = run(plan, 1);
    turn(plan, &mut state, settings, &Event::Started);
    let mut events = 1;
    loop {
        let ready = |t: &&std::sync::Arc<podium_core::TaskState>| t.ready;
        let next =
            if backwards { state.tasks.open().rev().find(ready) } else { state.tasks.open().find(ready) };
        let Some(no) = next.map(|t| t.no) else { break };
        turn(plan, &mut state, settings, &Event::Claimed { task: no, worker: None, before: None });
        turn(plan, &mut state, settings, &done(no));
        events += 2;
    }
    assert!(state.head.status.is_terminal());
    events
}

fn main() {
    let settings = Settings::default();
    for (what, input) in [
        ("fixed input", json!({"k": 1})),
        ("template", json!({"k": "${workflow.input.a}", "t": "x-${workflow.input.a}"})),
    ] {
        let plan = plan(json!([simple("t", input)]));
        let rounds = 100_000_u32;
        let start = Instant::now();
        for n in 0..rounds {
            let mut state = run(&plan, u64::from(n));
            turn(&plan, &mut state, &settings, &Event::Started);
            turn(&plan, &mut state, &settings, &Event::Claimed { task: 1, worker: None, before: None });
            turn(&plan, &mut state, &settings, &done(1));
        }
        println!("one-task run, {what}: {:?} for Started + Claimed + Reported", start.elapsed() / rounds);
    }
    for count in [1_000, 5_000] {
        let tasks: Vec<Value> =
            (0..count).map(|i| simple(&format!("t{i}"), json!({"k": "${workflow.input.a}"}))).collect();
        let line = plan(Value::Array(tasks.clone()));
        let names: Vec<String> = (0..count).map(|i| format!("t{i}")).collect();
        let branches: Vec<Value> = tasks.into_iter().map(|t| json!([t])).collect();
        let fork = plan(json!([
            {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches},
            {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names}]));
        for (what, plan, backwards) in
            [("line", &line, false), ("fork", &fork, false), ("fork backwards", &fork, true)]
        {
            let start = Instant::now();
            let events = drive(plan, &settings, backwards);
            println!("{what} of {count}: {:?} per event", start.elapsed() / events);
        }
    }
}
