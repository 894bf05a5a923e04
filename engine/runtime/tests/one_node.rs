//! One node: from start to end, hand-off, leases, timers, refusals, stopping.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use podium_core::{LogLine, RunId, RunStatus, TaskStatus, Timestamp};
use podium_runtime::{EngineConfig, EngineError, Reported};
use serde_json::json;
use support::{
    SOON, complete, config, database, define, define_with, id_of, node, poll, poll_of, poll_one, report_of,
    simple, start, start_of, state, until, until_status, worker,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_goes_from_start_to_end() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let run = start(&engine, "order").await;
    let pay = poll_one(&engine, "pay").await;
    assert_eq!((pay.run.id, pay.task.status, pay.task.poll_count), (run, TaskStatus::InProgress, 1));
    assert_eq!(pay.task.input.text(), r#"{"in":{"a":1}}"#);
    assert!(
        matches!(complete(&engine, &pay).await, Reported::Applied(view) if view.task.status == TaskStatus::Completed)
    );
    let ship = poll_one(&engine, "ship").await;
    complete(&engine, &ship).await;
    let end = state(&engine, run).await;
    assert_eq!(end.head.status, RunStatus::Completed);
    assert_eq!(end.tasks.len(), 2);
    // what comes late changes nothing, and that is no error
    assert!(matches!(complete(&engine, &pay).await, Reported::Ignored(_)));
    assert_eq!(state(&engine, run).await.head, end.head);
    assert!(engine.health().healthy, "{:?}", engine.health());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_poll_is_handed_its_task_in_the_deciding_commit() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    assert!(poll(&engine, "pay", 1, 0).await.is_empty());
    let polls = {
        let engine = engine.clone();
        tokio::spawn(async move { poll(&engine, "pay", 1, 10_000).await })
    };
    let parked = || async { engine.counters().parked_polls == 1 };
    until("the poll is parked", SOON, parked).await;
    let run = start(&engine, "order").await;
    let got = polls.await.unwrap();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].run.id, run);
    assert_eq!(engine.counters().handoffs, 1);
    let written = "SELECT count(*) FROM task WHERE changed_in = 1 AND status = 1 AND NOT ready";
    assert_eq!(db.number(written).await, 1, "one write, already leased");
    assert_eq!(db.number("SELECT max(version) FROM run").await, 1);

    // the same for the task that a report brings; the queue is known to be empty
    assert!(poll(&engine, "ship", 1, 0).await.is_empty());
    let polls = {
        let engine = engine.clone();
        tokio::spawn(async move { poll(&engine, "ship", 1, 10_000).await })
    };
    until("the poll is parked", SOON, parked).await;
    complete(&engine, &got[0]).await;
    assert_eq!(polls.await.unwrap().len(), 1);
    assert_eq!(db.number("SELECT max(version) FROM run").await, 2);
    assert_eq!(engine.counters().claims, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_poll_runs_no_sql() {
    let db = database().await;
    let engine = node(&db, config()).await;
    assert!(poll(&engine, "nothing", 1, 0).await.is_empty());
    for _ in 0..50 {
        assert!(poll(&engine, "nothing", 5, 1).await.is_empty());
    }
    assert_eq!(engine.counters().candidate_reads, 1);
    assert_eq!(engine.counters().empty_polls, 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_runs_at_once() {
    let db = database().await;
    let engine = node(&db, EngineConfig { writers: 2, ..config() }).await;
    define(&engine, "order", json!([simple("pay"), simple("ship")])).await;
    let workers: Vec<_> =
        (0..8).map(|i| worker(&engine, if i % 2 == 0 { "pay" } else { "ship" }, 10)).collect();
    let runs: HashSet<RunId> =
        join_all((0..200).map(|_| start(&engine, "order"))).await.into_iter().collect();
    assert_eq!(runs.len(), 200);
    until("all are complete", SOON, || async {
        db.number("SELECT count(*) FROM run WHERE status = 2").await == 200
    })
    .await;
    let mut done = 0;
    for worker in workers {
        done += worker.stop().await;
    }
    assert_eq!(done, 400, "each task was handed out once");
    let counters = engine.counters();
    assert_eq!((counters.stale, counters.failed_turns, counters.runs_ended), (0, 0, 200));
    assert_eq!(db.number("SELECT max(poll_count)::bigint FROM task").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_poll_is_filled_before_the_next_and_nobody_waits_for_more() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let branches: Vec<_> = (0..5)
        .map(|i| json!([{"name": "leaf", "taskReferenceName": format!("l{i}"), "type": "SIMPLE"}]))
        .collect();
    define(
        &engine,
        "fork",
        json!([{"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches},
            {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["l0", "l1", "l2", "l3", "l4"]}]),
    )
    .await;
    assert!(poll(&engine, "leaf", 1, 0).await.is_empty());
    let polls = [(); 2].map(|()| {
        let engine = engine.clone();
        tokio::spawn(async move { poll(&engine, "leaf", 3, 10_000).await })
    });
    until("both are parked", SOON, || async { engine.counters().parked_polls == 2 }).await;
    start(&engine, "fork").await;
    let mut counts: Vec<usize> = join_all(polls).await.into_iter().map(|p| p.unwrap().len()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [2, 3]);
    assert_eq!(db.number("SELECT max(version) FROM run").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_answer_was_not_delivered_goes_back() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    start(&engine, "order").await;
    let leased = engine.poll(poll_of("pay", 1, 5_000)).await.unwrap();
    assert_eq!(leased.tasks.len(), 1);
    drop(leased);
    let again = poll_one(&engine, "pay").await;
    assert_eq!(again.task.poll_count, 2);
    until("counted", SOON, || async { engine.counters().returned_leases == 1 }).await;

    // a poll that is dropped while its task is on the way: the task goes to somebody else
    for _ in 0..50 {
        let parked = {
            let engine = engine.clone();
            tokio::spawn(async move { engine.poll(poll_of("pay", 1, 10_000)).await })
        };
        until("parked", SOON, || async { engine.counters().parked_polls == 1 }).await;
        let (run, ()) = tokio::join!(start(&engine, "order"), async { parked.abort() });
        let dropped = parked.await;
        let mine = match dropped {
            // it had its answer before it was dropped
            Ok(leased) => leased.unwrap().tasks.first().map(|t| t.run.id),
            Err(_) => None,
        };
        assert!(mine.is_none_or(|id| id == run));
        let view = poll_one(&engine, "pay").await;
        assert_eq!(view.run.id, run);
        complete(&engine, &view).await;
    }
    assert_eq!(engine.counters().parked_polls, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_fire_in_time() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(
        &engine,
        "nap",
        json!([{"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "2 seconds"}}]),
    )
    .await;
    let began = Instant::now();
    join_all((0..500).map(|_| start(&engine, "nap"))).await;
    let all = || async { db.number("SELECT count(*) FROM run WHERE status = 2").await == 500 };
    until("all are over", SOON, all).await;
    let counters = engine.counters();
    println!(
        "500 timers: over after {:?}, latest {} ms late",
        began.elapsed(),
        counters.timer_lateness_max_ms
    );
    assert!(counters.timer_lateness_max_ms < 1_000, "{counters:?}");
    let early = "SELECT count(*) FROM task WHERE ended_at - scheduled_at < interval '2 seconds'";
    assert_eq!(db.number(early).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_with_a_delay_wakes_the_poll_that_waits_for_it() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    let view = poll_one(&engine, "pay").await;
    let mut later = report_of(&view, TaskStatus::InProgress);
    later.callback_after_s = 1;
    engine.report(later).await.unwrap();
    let asked = Instant::now();
    let again = poll(&engine, "pay", 1, 5_000).await;
    assert_eq!(again[0].run.id, run);
    assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
    assert_eq!(engine.counters().candidate_reads, 1, "no read was needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_ids_have_their_texts() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    let view = poll_one(&engine, "pay").await;
    let nobody = RunId::new(Timestamp::from_millis(5), 5, 0);
    let no_run = EngineError::NotFound(format!("No such workflow found by id: {nobody}"));
    let no_task = |id| EngineError::NotFound(format!("No such task found by id: {id}"));
    let error = |report| async { engine.report(report).await.unwrap_err() };

    let report = report_of(&view, TaskStatus::Completed);
    let mut unknown = report.clone();
    (unknown.run, unknown.task) = (nobody, nobody.task(1));
    assert_eq!(error(unknown).await, no_run);
    let mut unknown = report.clone();
    unknown.task = run.task(99);
    assert_eq!(error(unknown).await, no_task(run.task(99)));
    let mut unknown = report.clone();
    unknown.task = nobody.task(1);
    assert_eq!(error(unknown).await, no_task(nobody.task(1)), "a task of another run");
    let mut unknown = report;
    unknown.run = nobody;
    assert_eq!(error(unknown).await, no_run);
    assert_eq!(engine.terminate(nobody, None).await.unwrap_err(), no_run);
    assert_eq!(engine.look(nobody).await.unwrap_err(), no_run);
    assert!(engine.run(nobody).await.unwrap().is_none());
    assert!(engine.task(run.task(99)).await.unwrap().is_none());
    assert!(engine.task(id_of(&view)).await.unwrap().is_some());
    let unknown = engine.start(start_of("nobody")).await.unwrap_err();
    assert_eq!(unknown, EngineError::UnknownDefinition { name: "nobody".to_owned(), version: None });
    assert_eq!(unknown.to_string(), "No such workflow found by name: nobody, version: null");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_run_is_not_ended_again() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    engine.terminate(run, Some("enough".to_owned())).await.unwrap();
    let ended = until_status(&engine, run, RunStatus::Terminated).await;
    assert_eq!(ended.head.reason.as_deref(), Some("enough"));
    engine.terminate(run, Some("again".to_owned())).await.unwrap();
    assert!(poll(&engine, "pay", 1, 0).await.is_empty(), "its task is not handed out");

    let run = start(&engine, "order").await;
    complete(&engine, &poll_one(&engine, "pay").await).await;
    let refused = engine.terminate(run, None).await.unwrap_err();
    assert_eq!(refused, EngineError::Conflict("Cannot terminate a COMPLETED workflow.".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_node_refuses_and_recovers() {
    let db = database().await;
    let engine = node(&db, EngineConfig { queue_limit: 20, parked_polls: 1, ..config() }).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let answers = join_all((0..300).map(|_| engine.start(start_of("order")))).await;
    let started = answers.iter().filter(|a| a.is_ok()).count() as i64;
    let refused = answers.iter().filter(|a| matches!(a, Err(EngineError::Unavailable(_)))).count();
    assert_eq!(started as usize + refused, 300);
    assert!(refused > 0 && started > 0, "{started} started, {refused} refused");
    assert_eq!(db.number("SELECT count(*) FROM run").await, started, "a refused start left nothing");
    start(&engine, "order").await;

    assert!(poll(&engine, "other", 1, 0).await.is_empty());
    let (first, second) =
        tokio::join!(engine.poll(poll_of("other", 1, 200)), engine.poll(poll_of("other", 1, 200)));
    assert!(first.is_ok() && matches!(second, Err(EngineError::Unavailable(_))));
    assert!(engine.counters().refused_overload > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_node_finishes_what_it_has() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let parked = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.poll(poll_of("other", 1, 60_000)).await })
    };
    until("parked", SOON, || async { engine.counters().parked_polls == 1 }).await;
    let starts: Vec<_> = (0..100)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.start(start_of("order")).await })
        })
        .collect();
    until("some began", SOON, || async { engine.counters().runs_started > 0 }).await;
    let began = Instant::now();
    engine.shutdown(SOON).await;
    assert!(began.elapsed() < SOON, "it did not wait for the end of the grace");
    assert!(
        parked.await.unwrap().is_ok_and(|leased| leased.tasks.is_empty()),
        "parked polls are answered empty"
    );
    let answers: Vec<_> = join_all(starts).await.into_iter().map(|a| a.unwrap()).collect();
    let started = answers.iter().filter(|a| a.is_ok()).count() as i64;
    assert!(answers.iter().all(|a| matches!(a, Ok(_) | Err(EngineError::Unavailable(_)))));
    assert_eq!(db.number("SELECT count(*) FROM run").await, started);
    assert_eq!(
        db.number("SELECT count(*) FROM node_lease WHERE node IS NOT NULL").await,
        0,
        "leases are given up"
    );
    assert!(matches!(engine.start(start_of("order")).await, Err(EngineError::Unavailable(_))));
    assert!(!engine.health().healthy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_starts_its_failure_workflow() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "sorry", json!([simple("apologise")])).await;
    let task = json!({"name": "pay", "taskReferenceName": "pay", "type": "SIMPLE", "retryCount": 0});
    define_with(&engine, json!({"name": "order", "tasks": [task], "failureWorkflow": "sorry"})).await;
    let run = start(&engine, "order").await;
    let view = poll_one(&engine, "pay").await;
    engine.report(report_of(&view, TaskStatus::FailedWithTerminalError)).await.unwrap();
    until_status(&engine, run, RunStatus::Failed).await;
    let sorry = poll_one(&engine, "apologise").await;
    assert_ne!(sorry.run.id, run);
    complete(&engine, &sorry).await;
    let end = until_status(&engine, sorry.run.id, RunStatus::Completed).await;
    assert_eq!(end.head.input.get("workflowId").and_then(|v| v.as_str()), Some(run.to_string().as_str()));
    assert_eq!(db.number("SELECT count(*) FROM run").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_names_the_run_that_its_task_started() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay"), simple("next")])).await;
    let run = start(&engine, "order").await;
    let pay = poll_one(&engine, "pay").await;
    let mut report = report_of(&pay, TaskStatus::InProgress);
    report.sub_workflow_id = Some("not \"ours\"".to_owned());
    engine.report(report).await.unwrap();
    let kept = || async {
        let found = state(&engine, run).await;
        found.tasks.latest("pay").unwrap().sub_workflow_id.as_deref().map(str::to_owned)
    };
    assert_eq!(kept().await.as_deref(), Some("not \"ours\""));
    // each report overwrites what the last one said
    let pay = poll_one(&engine, "pay").await;
    let mut report = report_of(&pay, TaskStatus::Completed);
    report.sub_workflow_id = Some("child".to_owned());
    engine.report(report).await.unwrap();
    assert_eq!(kept().await.as_deref(), Some("child"));
    complete(&engine, &poll_one(&engine, "next").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_kept_for_what_is_no_task() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    let line = |text: &str| LogLine { text: text.to_owned(), at: Timestamp::from_millis(5) };
    let texts = |task: String| {
        let engine = engine.clone();
        async move { engine.logs(&task).await.unwrap().into_iter().map(|l| l.text).collect::<Vec<_>>() }
    };
    let (task, gone) = (run.task(1).to_string(), run.task(9).to_string());
    for (id, text) in
        [("lg_1", "one"), (task.as_str(), "of a task"), (gone.as_str(), "of none"), ("lg_1", "two")]
    {
        engine.append_log(id, line(text)).await.unwrap();
    }
    assert_eq!(texts("lg_1".to_owned()).await, ["one", "two"]);
    assert_eq!(texts(task).await, ["of a task"]);
    assert_eq!(texts(gone).await, ["of none"]);
    assert!(texts("lg_2".to_owned()).await.is_empty());
    let long = "x".repeat(501);
    assert!(matches!(engine.append_log(&long, line("x")).await, Err(EngineError::Invalid(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_that_cannot_be_read_holds_up_nobody_else_and_fails_all_at_once() {
    let db = database().await;
    let engine = node(&db, config()).await;
    for name in ["known", "wanted"] {
        define(&engine, name, json!([simple("pay")])).await;
    }
    start(&engine, "known").await;
    let mut blocker = db.connection().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE workflow_def IN ACCESS EXCLUSIVE MODE")
        .execute(&mut blocker)
        .await
        .unwrap();
    let starts: Vec<_> = (0..20)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.start(start_of("wanted")).await })
        })
        .collect();
    let reads = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE NOT l.granted AND d.datname = current_database()";
    until("one of them reads", SOON, || async { db.number(reads).await == 1 }).await;
    // a definition in memory is started meanwhile
    start(&engine, "known").await;
    assert_eq!(db.number(reads).await, 1, "the others wait for that read");
    db.sql(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
        WHERE NOT l.granted AND d.datname = current_database()",
    )
    .await;
    let failed = async {
        for start in starts {
            let told = start.await.unwrap();
            assert!(matches!(told, Err(EngineError::Unavailable(_))), "{told:?}");
        }
    };
    tokio::time::timeout(SOON, failed).await.expect("nobody begins the hopeless read anew");
    sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.unwrap();
    start(&engine, "wanted").await;
}

/// A name that is being looked up for many callers at once is not absent because definitions move meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_definition_is_found_while_others_are_registered() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let moving = {
        let engine = engine.clone();
        tokio::spawn(async move {
            for n in 0.. {
                define(&engine, &format!("other_{}", n % 50), json!([simple("t")])).await;
            }
        })
    };
    for round in 0..40 {
        let name = format!("order_{round}");
        define(&engine, &name, json!([simple("pay")])).await;
        let starts = (0..8).map(|_| engine.start(start_of(&name)));
        for started in join_all(starts).await {
            assert!(started.is_ok(), "{started:?} in round {round}");
        }
    }
    moving.abort();
}
