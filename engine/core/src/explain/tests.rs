//! One run for each thing that a run can wait for, and what is said about it.

use serde_json::{Value, json};

use super::{Explanation, Known, Polled, Room, WaitKind, explain};
use crate::decide::Settings;
use crate::decide::bench::{Bench, NOW, operate, simple};
use crate::effect::{Effect, fold};
use crate::event::{Event, TaskReport};
use crate::operation::Operation;
use crate::payload::Payload;
use crate::run::{RunExtra, RunSlot, RunStatus, SlotState};
use crate::task::TaskStatus;
use crate::time::Span;

fn known() -> Known {
    Known { now: NOW + Span::from_secs(180), ..Known::default() }
}

fn told(bench: &Bench, known: &Known) -> Explanation {
    explain(&bench.plan, &bench.run, known)
}

/// The only wait of a run: what it is, what is said about it, what ends it.
fn only(bench: &Bench, known: &Known) -> (WaitKind, String, String) {
    let told = told(bench, known);
    let [wait] = &told.waits[..] else { panic!("not one wait: {told:?}") };
    assert_eq!(told.summary, wait.text, "the summary is the sentence about it");
    for sentence in [&wait.text, &wait.wakes] {
        assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "no sentence: {sentence:?}");
    }
    (wait.kind, wait.text.clone(), wait.wakes.clone())
}

fn one(task: Value) -> Bench {
    Bench::start(json!([task]), json!({}))
}

fn of_type(kind: &str, more: Value) -> Value {
    let mut task = json!({"name": "t", "taskReferenceName": "t", "type": kind});
    for (name, value) in more.as_object().expect("a map") {
        task[name] = value.clone();
    }
    task
}

fn polled(domain: Option<&str>, ago_s: i64) -> Polled {
    let at = NOW + Span::from_secs(180 - ago_s);
    Polled { task_type: "a".to_owned(), domain: domain.map(str::to_owned), worker: Some("w1".to_owned()), at }
}

#[test]
fn a_task_that_no_worker_takes_says_who_polls() {
    let bench = one(simple("a"));
    for (polls, said) in [
        (vec![], "no worker has ever polled `a`"),
        (vec![polled(None, 10_900)], "nobody has polled `a` for 3 h"),
        (vec![polled(None, 2)], "`a` was last polled 2 s ago by `w1`"),
        (vec![polled(Some("eu"), 2)], "no worker has ever polled `a`, but workers have polled it in `eu`"),
    ] {
        let (kind, text, wakes) = only(&bench, &Known { polls, ..known() });
        assert_eq!(kind, WaitKind::Poll);
        assert_eq!(text, format!("`a` waits for a worker; {said}."));
        assert_eq!(wakes, "A worker that polls `a`.");
    }
    let task_to_domain = indexmap::IndexMap::from_iter([("*".to_owned(), "live".to_owned())]);
    let bench = Bench::start_with(
        json!([simple("a")]),
        json!({}),
        RunExtra { task_to_domain, ..RunExtra::default() },
    );
    let (_, text, wakes) = only(&bench, &Known { polls: vec![polled(None, 2)], ..known() });
    let expected = "`a` waits for a worker; no worker has ever polled `a` in the domain `live`, but workers have polled it in `no domain`.";
    assert_eq!((text.as_str(), wakes.as_str()), (expected, "A worker that polls `a` in the domain `live`."));
}

#[test]
fn limits_that_are_full_say_so() {
    let bench = one(simple("a"));
    let room = |room: Room| Known { room: [("a".to_owned(), room)].into(), ..known() };
    let free = Room { at_once: Some(5), held: 4, ..Room::default() };
    assert_eq!(only(&bench, &room(free.clone())).0, WaitKind::Poll);
    let (kind, text, wakes) = only(&bench, &room(Room { held: 5, ..free }));
    assert_eq!(kind, WaitKind::ConcurrencyLimit);
    assert_eq!(text, "`a` waits because 5 of at most 5 tasks of `a` are in progress.");
    assert_eq!(wakes, "The end of a task of `a`.");
    let begins_at = Some(known().now + Span::from_secs(9));
    let told = told(&bench, &room(Room { per_window: Some(2), begun: 2, begins_at, ..Room::default() }));
    assert_eq!((told.waits[0].kind, told.waits[0].until), (WaitKind::RateLimit, begins_at));
}

#[test]
fn a_task_with_a_worker_says_which_and_until_when() {
    let mut task = simple("a");
    task["taskDefinition"] = json!({"name": "a", "responseTimeoutSeconds": 600, "timeoutSeconds": 0});
    let mut bench = one(task);
    let no = bench.row("a").no;
    bench.decide(&Event::Claimed { task: no, worker: Some("w1".into()), before: None });
    let told = told(&bench, &known());
    let wait = &told.waits[0];
    assert_eq!((wait.kind, wait.worker.as_deref()), (WaitKind::Worker, Some("w1")));
    assert_eq!(wait.until, Some(NOW + Span::from_secs(600)));
    assert_eq!(wait.text, "`w1` has had `a` for 3 min.");
    assert_eq!(wait.wakes, "Its report; the task times out in 7 min.");
    assert_eq!(told.waits.len(), 1);
}

#[test]
fn delays_say_whose_they_are() {
    let mut task = simple("a");
    task["taskDefinition"] = json!({"name": "a", "retryCount": 3, "retryDelaySeconds": 300, "responseTimeoutSeconds": 0, "timeoutSeconds": 0});
    let mut bench = one(task.clone());
    bench.claim("a");
    bench.end("a", TaskStatus::Failed);
    let (kind, text, _) = only(&bench, &known());
    assert_eq!(kind, WaitKind::RetryDelay);
    let expected = "`a` waits for its retry delay, of which 2 min are left, before attempt 2 of 4; the last one failed: because.";
    assert_eq!(text, expected);

    let mut bench = one(task);
    bench.claim("a");
    let report = TaskReport {
        task: bench.row("a").no,
        status: TaskStatus::InProgress,
        output: Payload::empty(),
        merge_output: false,
        reason: None,
        worker: Some("w1".into()),
        callback_after_s: 240,
        extend_lease: false,
        external_output: None,
        sub_workflow_id: None,
        logs: Vec::new(),
    };
    bench.decide(&Event::Reported(report));
    let (kind, text, _) = only(&bench, &known());
    assert_eq!(
        (kind, text.as_str()),
        (WaitKind::Time, "`w1` wants to be given `a` again later: 60 s are left.")
    );

    let mut task = simple("a");
    task["startDelay"] = json!(240);
    let (kind, text, _) = only(&one(task), &known());
    assert_eq!((kind, text.as_str()), (WaitKind::Time, "`a` begins with a delay: 60 s are left."));
}

#[test]
fn tasks_of_the_engine_say_what_they_are_about() {
    for (task, kind, text) in [
        (
            of_type("WAIT", json!({"inputParameters": {"duration": "5 minutes"}})),
            WaitKind::Time,
            "`t` waits for its time: 2 min are left.",
        ),
        (of_type("WAIT", json!({})), WaitKind::Event, "`t` waits until somebody ends it."),
        (of_type("HUMAN", json!({})), WaitKind::Human, "`t` waits for a person."),
        (
            of_type("EVENT", json!({"sink": "conductor:paid", "asyncComplete": true})),
            WaitKind::Event,
            "`t` was published to `conductor:paid` and waits for the event that completes it.",
        ),
        (
            of_type(
                "HTTP",
                json!({"inputParameters": {"http_request": {"uri": "http://h/", "method": "GET"}}}),
            ),
            WaitKind::Http,
            "`t` waits for a node to make its HTTP call.",
        ),
        (
            of_type("EXCLUSIVE_JOIN", json!({"joinOn": ["x", "y"]})),
            WaitKind::Join,
            "`t` waits for the first of `x`, `y` that was reached.",
        ),
        (
            of_type("SOMETHING", json!({})),
            WaitKind::Poll,
            "`t` waits for a worker; no worker has ever polled `SOMETHING`.",
        ),
    ] {
        let (found, said, _) = only(&one(task), &known());
        assert_eq!((found, said.as_str()), (kind, text));
    }
}

#[test]
fn an_event_says_what_completes_it() {
    let task = of_type("EVENT", json!({"sink": "kafka:topic:paid", "asyncComplete": true}));
    let bench = one(task);
    let references = vec![("payment_completed".to_owned(), "t".to_owned())];
    let sent = Known { event_references: references, ..known() };
    let (kind, _, wakes) = only(&bench, &sent);
    let id = bench.run.task_id(bench.row("t").no);
    assert_eq!(kind, WaitKind::Event);
    let expected = format!(
        "A completion event for the task {id} or one for this workflow of a type like `payment_completed`, `paid`; or an update of the task (POST /api/tasks)."
    );
    assert_eq!(wakes, expected);
    let unsent = Known { unsent: [(bench.row("t").no, "topic:paid".to_owned())].into(), ..sent };
    let (kind, text, _) = only(&bench, &unsent);
    assert_eq!(
        (kind, text.as_str()),
        (WaitKind::Publish, "The message of `t` to the topic `topic:paid` has not been acknowledged yet.")
    );
}

#[test]
fn a_call_under_way_is_told_from_one_that_waits() {
    let request = json!({"http_request": {"uri": "http://h/", "method": "GET"}});
    let mut bench = one(of_type("HTTP", json!({"inputParameters": request})));
    bench.claim("t");
    let told = told(&bench, &known());
    assert_eq!((told.waits[0].kind, told.waits[0].until), (WaitKind::Http, bench.row("t").wait_until));
    assert_eq!(told.summary, "The HTTP call of `t` has been under way for 3 min.");
}

#[test]
fn a_sub_workflow_says_which_one_and_how_it_is() {
    let bench = one(of_type("SUB_WORKFLOW", json!({"subWorkflowParam": {"name": "child"}})));
    let child = bench.row("t").child.expect("it has begun");
    for (status, how) in [
        (Some(RunStatus::Paused), "which is PAUSED"),
        (Some(RunStatus::Completed), "which is COMPLETED: its end is on its way here"),
        (None, "which is not there any more"),
    ] {
        let children = status.map(|status| (child, status)).into_iter().collect();
        let known = Known { children, ..known() };
        let (kind, text, wakes) = only(&bench, &known);
        assert_eq!((kind, text), (WaitKind::Child, format!("`t` waits for its sub-workflow, {how}.")));
        assert_eq!(wakes, format!("The end of the workflow {child}."));
        assert_eq!(told(&bench, &known).waits[0].child, Some(child));
    }
}

#[test]
fn forks_and_loops_say_what_is_open_behind_what_it_waits_for() {
    let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
        "forkTasks": [[simple("a")], [simple("b"), simple("c")], [simple("d")]]});
    let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "c", "d"]});
    let mut bench = Bench::start(json!([fork, join]), json!({}));
    bench.end("d", TaskStatus::Completed);
    let told_of_fork = told(&bench, &known());
    let kinds: Vec<_> = told_of_fork.waits.iter().map(|wait| wait.kind).collect();
    assert_eq!(kinds, [WaitKind::Poll, WaitKind::Poll, WaitKind::Join]);
    assert_eq!(told_of_fork.waits[2].text, "`j` waits for 2 of 3 tasks: `a`, `c`.");
    assert_eq!(
        told_of_fork.summary,
        "2 tasks are open; the one that has waited longest: `a` waits for a worker; no worker has ever polled `a`."
    );
    assert_eq!(told_of_fork.open_tasks, 3);

    let looped = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "$.l.iteration < 3",
        "inputParameters": {"l": "${l.output}"}, "loopOver": [simple("a")]});
    let bench = Bench::start(json!([looped]), json!({}));
    let told_of_loop = told(&bench, &known());
    let [inner, outer] = &told_of_loop.waits[..] else { panic!("{told_of_loop:?}") };
    assert_eq!((inner.kind, outer.kind), (WaitKind::Poll, WaitKind::Join));
    assert_eq!(outer.text, "`l` is in its iteration 1, in which `a__1` is open.");
    assert_eq!(told_of_loop.summary, inner.text);
}

#[test]
fn a_dynamic_task_is_what_it_turned_out_to_be() {
    let task =
        of_type("DYNAMIC", json!({"dynamicTaskNameParam": "which", "inputParameters": {"which": "a"}}));
    let (kind, text, _) = only(&one(task), &known());
    assert_eq!(
        (kind, text.as_str()),
        (WaitKind::Poll, "`t` waits for a worker; no worker has ever polled `a`.")
    );
}

#[test]
fn what_concerns_the_whole_run_comes_first() {
    let mut bench = one(simple("a"));
    bench.decide(&operate(Operation::Pause));
    let paused = told(&bench, &known());
    let kinds: Vec<_> = paused.waits.iter().map(|wait| wait.kind).collect();
    assert_eq!(kinds, [WaitKind::Paused, WaitKind::Poll]);
    assert!(paused.summary.starts_with("The workflow is paused"), "{}", paused.summary);

    let mut bench = one(simple("a"));
    let no = bench.row("a").no;
    bench.decide(&Event::Faulted { reason: "it broke.".to_owned(), claim: Some(no) });
    let faulted = told(&bench, &known());
    let kinds: Vec<_> = faulted.waits.iter().map(|wait| wait.kind).collect();
    assert_eq!(kinds, [WaitKind::Fault, WaitKind::Other]);
    assert_eq!(faulted.summary, "The engine could not decide the workflow and has put it aside: it broke.");

    let mut bench = Bench::start_def(
        json!({"tasks": [simple("a")], "timeoutSeconds": 600, "timeoutPolicy": "TIME_OUT_WF"}),
        json!({}),
    );
    let timed = told(&bench, &known());
    assert_eq!(timed.waits[1].text, "The workflow as a whole may take 10 min, 7 min of it are left.");
    assert_eq!(
        (timed.waits[1].kind, timed.waits[1].until),
        (WaitKind::Time, Some(NOW + Span::from_secs(600)))
    );

    let slot = RunSlot { key: "k".to_owned(), at_once: 2, stint: 1, state: SlotState::Waits };
    std::sync::Arc::make_mut(&mut bench.run.head.extra).slot = Some(Box::new(slot));
    let no = bench.row("a").no;
    fold(&mut bench.run, &Effect::TaskRemoved(no));
    let (kind, text, _) = only(&bench, &Known { before: Some(3), ..known() });
    assert_eq!(kind, WaitKind::RateLimit);
    let expected = "The workflow has not begun: at most 2 workflows with the rate-limit key `k` may go on at once, and 3 workflows wait before it.";
    assert_eq!(text, expected);
}

#[test]
fn an_ended_run_says_why() {
    let mut bench = one(simple("a"));
    bench.end("a", TaskStatus::Completed);
    let (kind, text, _) = only(&bench, &known());
    assert_eq!((kind, text.as_str()), (WaitKind::Ended, "The workflow completed after less than a second."));
    let mut bench = one(simple("a"));
    bench.end("a", TaskStatus::FailedWithTerminalError);
    let (_, text, wakes) = only(&bench, &known());
    assert_eq!(text, "The workflow failed at `a` after less than a second: because.");
    assert!(wakes.starts_with("Nothing by itself: a retry"), "{wakes}");
    let mut bench = one(simple("a"));
    bench.decide(&Event::Terminate { reason: Some("enough".to_owned()) });
    assert_eq!(only(&bench, &known()).1, "The workflow was terminated after less than a second: enough.");
}

#[test]
fn a_run_without_open_tasks_waits_for_its_decision() {
    let bench =
        Bench::ready(json!({"tasks": [simple("a")]}), json!({}), RunExtra::default(), Settings::default());
    assert_eq!(only(&bench, &known()).0, WaitKind::Decision);
}
