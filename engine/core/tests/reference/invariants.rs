//! What holds of every run after every step, whatever happened (the numbers are those of the published invariants).

use std::collections::{BTreeMap, HashMap, HashSet};

use podium_core::def::{TaskConfig, WorkflowDef};
use podium_core::{RunState, RunStatus, Span, TaskState, TaskStatus};
use serde_json::Value;

use crate::script::{joined, split};

/// The references in the body of each loop, those of loops in it too.
pub(crate) type Bodies = HashMap<String, HashSet<String>>;

pub(crate) fn bodies(def: &WorkflowDef) -> Bodies {
    let mut bodies = Bodies::new();
    for task in &def.tasks {
        let _ = note(task, &mut bodies);
    }
    bodies
}

/// The references of a task and of all that is in it.
fn note(task: &TaskConfig, bodies: &mut Bodies) -> HashSet<String> {
    let body: HashSet<String> = task.loop_over.iter().flat_map(|inner| note(inner, bodies)).collect();
    if task.kind() == "DO_WHILE" {
        bodies.insert(task.ref_name().to_owned(), body.clone());
    }
    let lists = task.fork_tasks.iter().chain(task.decision_cases.values()).chain([&task.default_case]);
    let mut all = body;
    for inner in lists.flatten() {
        all.extend(note(inner, bodies));
    }
    // what a dynamic fork makes
    for branch in task.input_parameters.get("t").and_then(Value::as_array).into_iter().flatten() {
        all.insert(branch["taskReferenceName"].as_str().expect("a name").to_owned());
    }
    all.insert(task.ref_name().to_owned());
    all
}

pub(crate) fn check(run: &RunState, bodies: &Bodies) {
    rows(run);
    joins(run);
    loops(run, bodies);
    if run.head.status.is_terminal() {
        // I4
        assert_eq!(run.tasks.open().count(), 0, "nothing is open in an ended run");
        assert!(run.tasks.iter().all(|row| !row.ready), "nothing is offered by an ended run");
        assert_eq!(run.head.wake_at, None, "nothing wakes an ended run");
        assert!(run.head.ended_at.is_some());
    } else {
        moves(run);
    }
}

/// I3, I16: attempts and times.
fn rows(run: &RunState) {
    let mut attempts: BTreeMap<&str, Vec<&TaskState>> = BTreeMap::new();
    let mut seq = 0;
    for row in run.tasks.iter() {
        assert!(row.seq > seq && row.no < run.head.next_no, "rows are numbered in order");
        seq = row.seq;
        assert!(!row.ready || row.status == TaskStatus::Scheduled, "only what is scheduled is ready");
        // a JOIN or a loop that an operator opened again still shows its earlier end, as in Conductor
        let again = run.head.retried_at.is_some() && matches!(&*row.task_type, "JOIN" | "DO_WHILE");
        let ended = row.status.is_terminal();
        assert!(ended == row.ended_at.is_some() || (again && !ended), "what has ended has an end");
        let times = [Some(row.scheduled_at), row.started_at, row.ended_at];
        assert!(times.iter().flatten().is_sorted(), "{} goes back in time: {times:?}", row.ref_name);
        attempts.entry(&row.ref_name).or_default().push(row);
    }
    for rows in attempts.values() {
        for pair in rows.windows(2) {
            assert_eq!(pair[1].attempt, pair[0].attempt + 1, "attempts rise by one");
            assert_eq!(pair[1].retry_of, Some(pair[0].no));
            assert!(pair[0].retried && pair[0].status.is_terminal(), "only what has ended is tried again");
        }
        assert!(!rows[rows.len() - 1].retried, "the last attempt is the one that counts");
    }
}

/// I7: a JOIN that has ended by itself has all that it waits for.
fn joins(run: &RunState) {
    for row in run.tasks.iter().filter(|row| &*row.task_type == "JOIN") {
        if !row.status.is_terminal() || row.status == TaskStatus::Canceled {
            continue;
        }
        let (_, place) = split(&row.ref_name);
        for name in row.input.get("joinOn").and_then(Value::as_array).expect("a list") {
            let name = joined(name.as_str().expect("a name"), &place);
            let there = run.tasks.latest(&name).is_some_and(|row| row.status.is_terminal());
            assert!(there, "{} has ended without {name}", row.ref_name);
        }
    }
}

/// I9: the passes of a loop follow one another.
fn loops(run: &RunState, bodies: &Bodies) {
    for row in run.tasks.iter().filter(|row| &*row.task_type == "DO_WHILE") {
        let (reference, outside) = split(&row.ref_name);
        let depth = outside.len();
        for inner in run.tasks.iter() {
            let (name, place) = split(&inner.ref_name);
            let inside = place.len() > depth && place[..depth] == outside[..];
            if !inside || !bodies[reference].contains(name) {
                continue;
            }
            assert!(place[depth] <= row.iteration, "{} is ahead of {}", inner.ref_name, row.ref_name);
            if place[depth] < row.iteration {
                assert!(inner.status.is_terminal(), "{} lags behind {}", inner.ref_name, row.ref_name);
            }
        }
    }
}

/// I5: an open run has something that moves it, in time.
fn moves(run: &RunState) {
    let paused = run.head.status == RunStatus::Paused;
    let by_worker =
        |row: &TaskState| row.ready || (row.status == TaskStatus::InProgress && row.poll_count > 0);
    let waits = |row: &TaskState| row.status == TaskStatus::InProgress && row.wait_until.is_some();
    assert!(
        paused || run.tasks.open().any(|row| by_worker(row) || waits(row)),
        "nothing moves the run: {}",
        told(run)
    );
    for row in run.tasks.open() {
        if let Some(until) = row.wait_until.filter(|_| waits(row)) {
            assert!(run.head.wake_at.is_some_and(|at| at <= until), "{} is over in time", row.ref_name);
        }
        if row.status == TaskStatus::InProgress && row.poll_count > 0 && !paused {
            let deadline = row.updated_at + Span::from_secs(row.response_timeout_s + row.callback_after_s);
            let wake = run.head.wake_at;
            assert!(wake.is_some_and(|at| at <= deadline), "{} times out in time", row.ref_name);
        }
    }
}

/// The rows in short.
pub(crate) fn told(run: &RunState) -> String {
    let row = |t: &std::sync::Arc<TaskState>| {
        let flags = format!("{}{}", if t.executed { "e" } else { "" }, if t.retried { "r" } else { "" });
        format!("{}/{} {} {} {flags}", t.ref_name, t.attempt, t.task_type, t.status.as_str())
    };
    let rows: Vec<String> = run.tasks.iter().map(row).collect();
    format!("{} [{}]", run.head.status.as_str(), rows.join(", "))
}
