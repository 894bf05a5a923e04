//! Random runs against a reference that is obviously right.
//!
//! ```text
//! shapes      random definitions, with what their workers do
//! walk        the reference: what a run of a definition can come to
//! drive       workers, time, operators and crashes, in random order, around the real decisions
//! compare     does the run fit the reference
//! invariants  what holds of every run after every step
//! ```
//!
//! What an order of events may change. Without anything that ends a run early, nothing: rows, attempts, statuses,
//! outputs, variables and the output of the run are those of the reference. (Workers are a function of the reference, the
//! pass and the attempt; expressions read only what has surely ended where they stand.) Things that end a run early race
//! with each other and with everything beside them: a failure that nothing absorbs, a TERMINATE, a JOIN or a loop with a
//! permissive failure in it. Of those that the flow can reach, all are *allowed ends*; behind one of them its own thread of
//! the flow goes no further, while other threads may have come to any point. So of a run that was ended early it is
//! compared: its status, reason and failed task are those of one allowed end that has really happened; each row that is
//! there is one of the reference's, and either ended as foretold or was cancelled with the run; and with each row all rows
//! are there, and have ended, that come before it (a *consistent cut* of the reference). The last holds after every step of
//! every run, and is what "a task starts only after its predecessors" (I8) means.
//!
//! What the last round of a run noted down is taken back, as in Conductor: an absorbed failure with which a run ends shows
//! its own status, not COMPLETED_WITH_ERRORS.
//!
//! `PROPTEST_CASES` says how many runs of each kind there are.

#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

mod compare;
mod drive;
mod invariants;
mod script;
mod shapes;
mod walk;

use std::rc::Rc;

use podium_core::def::WorkflowDef;
use podium_core::operation::Edition;
use podium_core::{Event, Operation, Payload, Refusal, Rerun, RerunFrom, RunState, RunStatus};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, proptest};

use compare::Beside;
use drive::{Choice, Drive};
use shapes::{Made, made, shapes};
use walk::{Reference, walk};

/// The references of a definition's tasks for workers.
fn names_in(def: &serde_json::Value) -> Vec<String> {
    match def {
        serde_json::Value::Object(members) => {
            let own = members.get("taskReferenceName").and_then(|name| name.as_str()).map(str::to_owned);
            let simple = members.get("type").is_some_and(|kind| kind == "SIMPLE");
            own.filter(|_| simple).into_iter().chain(members.values().flat_map(names_in)).collect()
        }
        serde_json::Value::Array(items) => items.iter().flat_map(names_in).collect(),
        _ => Vec::new(),
    }
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    let choice = (any::<u8>(), any::<u16>(), prop::bool::weighted(0.2))
        .prop_map(|(what, pick, crash)| Choice { what, pick, crash });
    prop::collection::vec(choice, 0..80)
}

fn definition(made: &Made) -> WorkflowDef {
    serde_json::from_value(made.def.clone()).expect("a definition")
}

fn reference(made: &Made) -> Rc<Reference> {
    Rc::new(walk(&definition(made), &made.retries, &made.script))
}

/// Looks at a run that an operator has changed: the reference says nothing of it.
fn unforetold(made: &Made) -> Box<dyn Fn(&RunState)> {
    let bodies = invariants::bodies(&definition(made));
    Box::new(move |run| invariants::check(run, &bodies))
}

/// A run that has started, looked at after every step.
fn started(made: &Made, reference: &Rc<Reference>) -> Drive {
    let mut drive = Drive::new(made);
    let (reference, bodies) = (reference.clone(), invariants::bodies(&definition(made)));
    drive.check = Box::new(move |run| {
        invariants::check(run, &bodies);
        Beside::new(&reference, run).on_its_way();
    });
    drive.step(Event::Started, false).expect("a start");
    drive
}

// how much is tried is the caller's choice
#[allow(clippy::disallowed_methods)]
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 60;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_run_ends_as_the_reference_says_in_any_order(shapes in shapes(), choices in choices()) {
        let made = made(&shapes, false);
        let reference = reference(&made);
        let mut drive = started(&made, &reference);
        for choice in choices {
            drive.act(choice, false);
        }
        drive.finish();
        Beside::new(&reference, &drive.run).at_the_end(drive.wanted);
        drive.replay();
    }

    #[test]
    fn pauses_change_nothing_in_the_end(shapes in shapes(), choices in choices()) {
        let made = made(&shapes, false);
        let reference = reference(&made);
        let mut drive = started(&made, &reference);
        for choice in choices {
            drive.act(choice, true);
        }
        drive.finish();
        Beside::new(&reference, &drive.run).at_the_end(drive.wanted);
        drive.replay();
    }

    #[test]
    fn a_retry_with_good_workers_completes_what_failed(shapes in shapes(), choices in choices()) {
        let made = made(&shapes, true);
        let mut drive = started(&made, &reference(&made));
        for choice in &choices {
            drive.act(*choice, false);
        }
        drive.finish();
        if drive.run.head.status != RunStatus::Completed {
            drive.check = unforetold(&made);
            drive.script.good = true;
            let retry = Event::Operate(Operation::Retry { resume_children: false });
            drive.step(retry, choices.len() % 2 == 0).expect("a failed run can be retried");
            for choice in choices {
                drive.act(choice, true);
            }
            drive.finish();
            assert_eq!(drive.run.head.status, RunStatus::Completed, "{:?}", drive.run.head.reason);
        }
        drive.replay();
    }

    #[test]
    fn an_end_by_an_operator_ends_all(shapes in shapes(), choices in choices()) {
        let made = made(&shapes, false);
        let mut drive = started(&made, &reference(&made));
        for choice in choices {
            drive.act(choice, true);
        }
        let before = drive.run.head.status;
        drive.check = unforetold(&made);
        let answer = drive.step(Event::Terminate { reason: Some("enough".to_owned()) }, true);
        if before == RunStatus::Completed {
            assert_eq!(answer, Err(Refusal::RunCompleted));
        } else {
            let head = &drive.run.head;
            let reason = if before == RunStatus::Terminated { head.reason.as_deref() } else { Some("enough") };
            assert_eq!((head.status, head.reason.as_deref()), (RunStatus::Terminated, reason));
            assert_eq!(drive.step(Event::Terminate { reason: None }, true), Ok(Vec::new()));
        }
        drive.finish();
        drive.replay();
    }

    #[test]
    fn a_rerun_with_good_workers_comes_to_an_end(shapes in shapes(), choices in choices(), from in any::<u16>()) {
        let made = made(&shapes, true);
        let mut drive = started(&made, &reference(&made));
        for choice in &choices {
            drive.act(*choice, true);
        }
        drive.finish();
        // a row that is begun again keeps when it was begun first
        drive.check = Box::new(|_| {});
        drive.script.good = true;
        let rows: Vec<_> = drive.run.tasks.iter().map(|row| row.no).collect();
        let from = match rows.get(usize::from(from) % (rows.len() + 1)) {
            Some(no) => RerunFrom::Task(*no),
            None => RerunFrom::Start,
        };
        let anew = from == RerunFrom::Start;
        let rerun = Rerun { from, task_input: None, input: None, correlation_id: None, asked_above: false };
        let rerun = Event::Operate(Operation::Rerun(Box::new(rerun)));
        if drive.step(rerun, choices.len() % 2 == 0).is_ok() {
            for choice in choices.iter().rev() {
                drive.act(*choice, true);
            }
            drive.finish();
            // a permissive failure beside the task that was named stays one
            let status = drive.run.head.status;
            assert!(status == RunStatus::Completed || !anew, "{:?}", drive.run.head.reason);
        }
        drive.replay();
    }

    #[test]
    fn skipped_tasks_hold_up_nothing(shapes in shapes(), choices in choices(), skipped in any::<u16>()) {
        let made = made(&shapes, true);
        let mut drive = started(&made, &reference(&made));
        // rows of skipped tasks are there before the flow comes to them
        drive.check = Box::new(|_| {});
        drive.script.good = true;
        let names: Vec<String> = names_in(&made.def);
        for (at, choice) in choices.iter().enumerate() {
            drive.act(*choice, true);
            if at % 7 == 3 && !names.is_empty() {
                let ref_name = names[(usize::from(skipped) + at) % names.len()].clone();
                let skip = Operation::Skip { ref_name, input: Payload::empty(), output: Payload::empty() };
                // one that the flow has reached already is not skipped any more
                let _ = drive.step(Event::Operate(skip), at % 2 == 0);
            }
        }
        drive.finish();
        assert!(drive.run.head.status.is_terminal());
        drive.replay();
    }

    #[test]
    fn a_restarted_run_ends_as_a_new_one(shapes in shapes(), choices in choices()) {
        let made = made(&shapes, false);
        let reference = reference(&made);
        let mut drive = started(&made, &reference);
        for choice in &choices {
            drive.act(*choice, true);
        }
        drive.finish();
        drive.wanted = 0;
        drive.step(Event::Operate(Operation::Restart(Edition::Kept)), choices.len() % 2 == 0).expect("it has ended");
        for choice in choices.iter().rev() {
            drive.act(*choice, true);
        }
        drive.finish();
        Beside::new(&reference, &drive.run).on_its_way();
        drive.replay();
    }
}
