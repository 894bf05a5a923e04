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

use podium_core::http::Called;
use podium_core::{
    CallNews, CompletionEvent, Effect, Event, InboxMessage, Payload, Refusal, RunStatus, Span, TaskNo,
    TaskReport, TaskState, TaskStatus,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::Story;
use support::random::{Writer, junk, shapes};

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
        sub_workflow_id: None,
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

/// Does a row of this type, while it is open, wait for other rows of its run?
fn waits_inside(row: &TaskState) -> bool {
    matches!(&*row.task_type, "JOIN" | "EXCLUSIVE_JOIN" | "DO_WHILE")
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
        0..=2 => (now, Event::Claimed { task: row.no, worker: Some("w".into()), before: None }),
        3..=7 if row.wait_until.is_some() && &*row.task_type == "HTTP" && !choice.data.is_multiple_of(5) => {
            let news = match choice.data % 3 {
                0 => CallNews::Alive,
                _ => CallNews::Over(Called { status, output: Payload::empty(), reason: None }),
            };
            (now, Event::Called { task: row.no, lease: row.lease(), news })
        }
        // a JOIN that a caller reports on has not joined anything
        3..=5 if waits_inside(row) => (now, Event::Look),
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
    let movable = |t: &&std::sync::Arc<TaskState>| !waits_inside(t);
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
        "HTTP" if row.status == TaskStatus::Scheduled => {
            story.now = story.now.max(row.available_at);
            Event::Claimed { task: row.no, worker: None, before: None }
        }
        "HTTP" if row.wait_until.is_some() => {
            let called = Called { status: TaskStatus::Completed, output: Payload::empty(), reason: None };
            Event::Called { task: row.no, lease: row.lease(), news: CallNews::Over(called) }
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
                let name = &format!("{name}{}", &row.ref_name[row.base_ref().len()..]);
                assert!(run.tasks.latest(name).is_some_and(|t| t.status.is_terminal()), "{name} has ended");
            }
        }
    }
    if run.head.status.is_terminal() {
        assert_eq!(run.tasks.open().count(), 0, "nothing is open in an ended run");
        let expires = run.parked.iter().map(|p| p.expires_at).min();
        assert_eq!(run.head.wake_at, expires, "nothing but what it keeps ends by itself");
        assert!(run.parked.is_empty() || run.head.status != RunStatus::Completed);
        return;
    }
    let moves = |t: &&std::sync::Arc<TaskState>| !waits_inside(t);
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
        let now = story.run.tasks.get(row.no);
        // a loop may give up the rows of its earlier passes
        let forgotten = now.is_none() && row.iteration > 0;
        assert!(forgotten || now == Some(&row), "what has ended stays as it is");
    }
    if let Some(ended) = ended {
        assert_eq!(ended.head.status, story.run.head.status);
        assert_eq!(ended.tasks, story.run.tasks);
    }
    check(story);
    // deciding again changes nothing
    let again = match event {
        Event::Claimed { .. } | Event::Published { .. } | Event::Called { .. } => return,
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
        if let Err(Refusal::Unstartable(_)) = story.step(&Event::Started) {
            return Ok(());
        }
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
