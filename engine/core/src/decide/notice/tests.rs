//! Who is told what, and in which order.

use serde_json::{Value, json};

use crate::decide::bench::{Bench, NOW, operate, simple};
use crate::decide::{Settings, notice};
use crate::effect::Effect;
use crate::event::Event;
use crate::id::{MAX_TASK_NO, is_notice};
use crate::operation::{Edition, Operation, Rerun, RerunFrom};
use crate::task::TaskStatus;

/// What the effects tell: the sink, and the body.
fn told(effects: &[Effect]) -> Vec<(String, Value)> {
    let body = |value: &[u8]| serde_json::from_slice(value).expect("JSON");
    let told = |effect: &Effect| match effect {
        Effect::Raised(raised) => Some((raised.event.to_string(), body(raised.value.as_deref()?))),
        Effect::Emitted(out) if is_notice(out.task) => {
            Some((format!("kafka:{}", out.topic), body(&out.value)))
        }
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

fn events(effects: &[Effect]) -> Vec<String> {
    let event = |(_, body): (String, Value)| body["eventType"].as_str().expect("a text").to_owned();
    told(effects).into_iter().map(event).collect()
}

fn listened(tasks: Value) -> Value {
    json!({"tasks": tasks, "workflowStatusListenerEnabled": true, "workflowStatusListenerSink": "kafka:ends"})
}

#[test]
fn a_run_tells_of_each_change_of_its_status_in_order() {
    let (mut bench, effects) =
        Bench::watch(listened(json!([simple("a")])), json!({"k": 1}), Settings::default());
    let (sink, body) = told(&effects).remove(0);
    assert_eq!(
        (sink.as_str(), &body["workflowName"], &body["eventType"]),
        ("kafka:ends", &json!("wf"), &json!("started"))
    );
    assert_eq!(body["payload"]["status"], "RUNNING");
    assert_eq!(body["payload"]["input"], "{k=1}");
    assert_eq!(body["payload"]["startTime"], "2023-11-14T22:13:20.000Z");
    let heard = |bench: &mut Bench, event: &Event| events(&bench.decide_at(event, NOW));
    assert_eq!(heard(&mut bench, &operate(Operation::Pause)), ["paused"]);
    assert_eq!(heard(&mut bench, &operate(Operation::Pause)), Vec::<String>::new());
    assert_eq!(heard(&mut bench, &operate(Operation::Resume)), ["resumed"]);
    let terminate = Event::Terminate { reason: Some("enough".to_owned()) };
    assert_eq!(heard(&mut bench, &terminate), ["terminated", "finalized"]);
    assert_eq!(heard(&mut bench, &terminate), Vec::<String>::new());
    assert_eq!(heard(&mut bench, &operate(Operation::Retry { resume_children: false })), ["retried"]);
    let task = bench.row("a").no;
    let end = bench.reported(task, TaskStatus::Completed, json!({"o": [1]}));
    assert_eq!(events(&end), ["completed", "finalized"]);
    assert_eq!(told(&end)[0].1["payload"]["output"], "{o=[1]}");
    assert_eq!(heard(&mut bench, &operate(Operation::Restart(Edition::Kept))), ["restarted"]);
    assert_eq!(heard(&mut bench, &terminate), ["terminated", "finalized"]);
    let rerun = |from| operate(Operation::Rerun(Box::new(Rerun { from, ..Rerun::default() })));
    assert_eq!(heard(&mut bench, &rerun(RerunFrom::Start)), ["reran"]);
    assert_eq!(heard(&mut bench, &terminate), ["terminated", "finalized"]);
    let no = bench.row("a").no;
    assert_eq!(heard(&mut bench, &rerun(RerunFrom::Task(no))), ["retried"]);
    assert_eq!(bench.run.head.extra.notices, 15);
}

#[test]
fn notices_are_numbered_beyond_the_tasks_and_settle_like_messages() {
    let (mut bench, effects) = Bench::watch(listened(json!([simple("a")])), json!({}), Settings::default());
    let first = effects.iter().find_map(|e| match e {
        Effect::Emitted(out) => Some(out.clone()),
        _ => None,
    });
    let first = first.expect("it tells of its start");
    assert_eq!(first.task, MAX_TASK_NO + 1);
    let id = format!("{}/1", bench.run.head.id);
    assert_eq!(first.headers, [("podium-event-id".to_owned(), id.into_bytes())]);
    let settled =
        bench.decide_at(&Event::Published { task: first.task, outcome: Err("no topic".to_owned()) }, NOW);
    assert_eq!(settled, [Effect::Settled(first.task)], "a notice that nobody takes fails nothing");
}

#[test]
fn a_run_that_ends_as_it_starts_tells_of_both() {
    let noop = json!([{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]);
    let (_, effects) = Bench::watch(listened(noop), json!({}), Settings::default());
    assert_eq!(events(&effects), ["started", "completed", "finalized"]);
    assert_eq!(told(&effects)[0].1["payload"]["status"], "RUNNING");
}

#[test]
fn who_did_not_ask_hears_nothing_and_the_setting_stands_in_for_a_sink() {
    let settings =
        Settings { workflow_status_sink: Some("conductor:status".to_owned()), ..Settings::default() };
    let (_, effects) = Bench::watch(json!({"tasks": [simple("a")]}), json!({}), settings.clone());
    assert!(told(&effects).is_empty());
    let def = json!({"tasks": [simple("a")], "workflowStatusListenerEnabled": true});
    let (_, effects) = Bench::watch(def.clone(), json!({}), settings);
    assert_eq!(told(&effects)[0].0, "conductor:wf:status");
    let (_, effects) = Bench::watch(def, json!({}), Settings::default());
    assert!(told(&effects).is_empty());
}

#[test]
fn tasks_tell_where_the_setting_says_unless_their_definition_forbids_it() {
    let settings = Settings { task_status_sink: Some("kafka:tasks".to_owned()), ..Settings::default() };
    let mut quiet = simple("q");
    quiet["taskDefinition"] = json!({"name": "q", "taskStatusListenerEnabled": false});
    let set = json!({"name": "s", "taskReferenceName": "s", "type": "NOOP"});
    let (mut bench, effects) = Bench::watch(
        json!({"tasks": [simple("a"), set, quiet], "maskedFields": ["pin"]}),
        json!({}),
        settings,
    );
    assert_eq!(events(&effects), ["scheduled"]);
    let task = bench.row("a").no;
    let claim = Event::Claimed { task, worker: None, before: None };
    assert_eq!(events(&bench.decide_at(&claim, NOW)), ["in_progress"]);
    let end = bench.reported(task, TaskStatus::Completed, json!({"pin": 5}));
    assert_eq!(events(&end), ["completed", "scheduled", "in_progress", "completed"]);
    let summary = &told(&end)[0].1["payload"];
    assert_eq!((&summary["taskDefName"], &summary["output"]), (&json!("a"), &json!("{pin=***}")));
    let task = bench.row("q").no;
    assert!(told(&bench.reported(task, TaskStatus::Completed, json!({}))).is_empty());
}

#[test]
fn changes_of_state_say_what_their_entries_say() {
    let mut a = simple("a");
    a["optional"] = json!(true);
    a["onStateChange"] = json!({
        "onScheduled": [{"type": "conductor:x", "payload": {"n": "${workflow.input.n}", "id": "${CPEWF_TASK_ID}"}}],
        "onStart": [{"type": "kafka:t"}, {"type": "nobody knows", "payload": {}}, {}],
        "onFailed": [{"type": "kafka:f", "payload": {"why": "${a.reasonForIncompletion}"}}],
        "onSuccess": [{"type": "kafka:s", "payload": {"out": "${a.output}"}}],
        "onCancelled": [{"type": "kafka:c", "payload": {"c": 1}}],
        "onNothing": [{"type": "kafka:n", "payload": {}}]});
    let start = || Bench::watch(json!({"tasks": [a.clone()]}), json!({"n": 7}), Settings::default());
    let (mut bench, effects) = start();
    let (no, id) = (bench.row("a").no, bench.run.task_id(1).to_string());
    assert_eq!(told(&effects), [("conductor:wf:x".to_owned(), json!({"n": 7, "id": id}))]);
    let claimed = bench.decide_at(&Event::Claimed { task: no, worker: None, before: None }, NOW);
    assert_eq!(told(&claimed), [("kafka:t".to_owned(), json!({}))]);
    let failed = bench.reported(no, TaskStatus::FailedWithTerminalError, json!({}));
    assert_eq!(told(&failed), [("kafka:f".to_owned(), json!({"why": "because"}))]);
    let (mut bench, _) = start();
    let done = bench.reported(no, TaskStatus::Completed, json!({"r": 1}));
    assert_eq!(told(&done), [("kafka:s".to_owned(), json!({"out": {"r": 1}}))], "nobody claimed it");
    let (mut bench, _) = start();
    let ended = bench.decide_at(&Event::Terminate { reason: None }, NOW);
    assert_eq!(told(&ended), [("kafka:c".to_owned(), json!({"c": 1}))]);
}

#[test]
fn instants_are_shown_as_searches_show_them() {
    assert_eq!(notice::iso(crate::time::Timestamp::from_millis(951_782_400_001)), "2000-02-29T00:00:00.001Z");
}
