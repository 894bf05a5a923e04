//! What the pages for people ask of the engine: counts by status, queues, the last runs of
//! a definition, runs over time.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::def::TaskDef;
use podium_core::search::{Scope, parse};
use podium_core::{RunStatus, Span, TaskStatus, Timestamp};
use podium_runtime::{Engine, EngineError, QueueOverview, RecentTask};
use serde_json::json;
use support::{
    complete, config, database, define, define_with, node, poll_of, poll_one, report_of, simple, start,
    until_status,
};

async fn queue(engine: &Engine, task_type: &str) -> QueueOverview {
    let states = engine.queue_states().await.unwrap();
    assert!(states.complete && states.leased_exact);
    states.queues.into_iter().find(|queue| queue.task_type == task_type).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_shows_what_waits_what_is_held_and_each_worker() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    for _ in 0..3 {
        start(&engine, "order").await;
    }
    for worker in ["alice", "bob"] {
        let mut asked = poll_of("pay", 1, 0);
        asked.worker = Some(worker.into());
        let leased = engine.poll(asked).await.unwrap();
        assert_eq!(leased.tasks.len(), 1);
        leased.guard.disarm();
    }
    let pay = queue(&engine, "pay").await;
    assert_eq!((pay.ready, pay.delayed, pay.leased, pay.oldest.is_some()), (1, 0, 2, true));
    let workers: Vec<_> = pay.pollers.iter().map(|poller| poller.worker.as_deref().unwrap()).collect();
    assert_eq!(workers, ["bob", "alice"]);
    assert!(pay.pollers[0].last_poll_at >= pay.pollers[1].last_poll_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_polled_is_shown_without_tasks() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let leased = engine.poll(poll_of("nothing", 1, 0)).await.unwrap();
    assert!(leased.tasks.is_empty());
    let idle = queue(&engine, "nothing").await;
    assert_eq!((idle.ready, idle.leased, idle.oldest, idle.pollers.len()), (0, 0, None, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_counted() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    for _ in 0..2 {
        start(&engine, "order").await;
    }
    let pay = poll_one(&engine, "pay").await;
    complete(&engine, &pay).await;
    let filter = parse(Scope::Runs, "workflowType = order").unwrap();
    let counts = engine.count_statuses(&filter).await.unwrap();
    let of = |status| counts.iter().find(|count| count.status == status).map(|count| count.count);
    assert_eq!((of(RunStatus::Running), of(RunStatus::Completed)), (Some(1), Some(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_runs_of_a_definition_are_a_grid() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let def = json!({"name": "pay", "retryCount": 1, "retryDelaySeconds": 0, "timeoutSeconds": 0});
    let def: TaskDef = serde_json::from_value(def).unwrap();
    engine.put_task_defs(vec![def]).await.unwrap();
    let many = json!({"name": "many", "taskReferenceName": "many", "type": "DO_WHILE",
        "loopCondition": "$.many['iteration'] < 3",
        "loopOver": [simple("step")]});
    define_with(
        &engine,
        json!({"name": "order", "version": 1, "tasks": [simple("pay"), many.clone(), simple("ship")]}),
    )
    .await;
    let first = start(&engine, "order").await;
    let pay = poll_one(&engine, "pay").await;
    engine.report(report_of(&pay, TaskStatus::Failed)).await.unwrap();
    complete(&engine, &poll_one(&engine, "pay").await).await;
    for _ in 0..3 {
        complete(&engine, &poll_one(&engine, "step").await).await;
    }
    complete(&engine, &poll_one(&engine, "ship").await).await;
    until_status(&engine, first, RunStatus::Completed).await;
    // another version, without the loop
    define_with(&engine, json!({"name": "order", "version": 2, "tasks": [simple("ship"), simple("pay")]}))
        .await;
    let second = start(&engine, "order").await;
    let ship = poll_one(&engine, "ship").await;
    engine.report(report_of(&ship, TaskStatus::FailedWithTerminalError)).await.unwrap();
    until_status(&engine, second, RunStatus::Failed).await;

    let grid = engine.recent_runs("order", None, 10).await.unwrap();
    let runs: Vec<_> = grid.runs.iter().map(|run| (run.id, run.def_version, run.status)).collect();
    assert_eq!(runs, [(second, 2, RunStatus::Failed), (first, 1, RunStatus::Completed)]);
    let names: Vec<_> = grid.tasks.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(names, [("ship", "SIMPLE"), ("pay", "SIMPLE"), ("many", "DO_WHILE"), ("step", "step")]);
    let cells = |run: usize| {
        let cell = |cell: &Option<RecentTask>| cell.map(|task| (task.status, task.attempts));
        grid.cells[run].iter().map(cell).collect::<Vec<_>>()
    };
    assert_eq!(cells(0), [Some((TaskStatus::FailedWithTerminalError, 1)), None, None, None]);
    let done = |attempts| Some((TaskStatus::Completed, attempts));
    assert_eq!(cells(1), [done(1), done(2), done(1), done(3)]);
    assert!(grid.cells[1].iter().all(|cell| cell.unwrap().took_ms.is_some()) && !grid.truncated);

    let old = engine.recent_runs("order", Some(1), 10).await.unwrap();
    assert_eq!(old.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [first]);
    assert_eq!(
        old.tasks.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["pay", "many", "step", "ship"]
    );
    assert_eq!(engine.recent_runs("order", None, 1).await.unwrap().runs[0].id, second);
    define(&engine, "never", json!([simple("pay")])).await;
    let never = engine.recent_runs("never", None, 5).await.unwrap();
    assert_eq!((never.runs.len(), never.tasks.len(), never.cells.len()), (0, 1, 0));
    let unknown = engine.recent_runs("order", Some(9), 5).await;
    assert!(matches!(unknown, Err(EngineError::NotFound(_))), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grid_of_large_runs_says_that_it_is_cut() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "order").await;
    // 12,000 tasks of 600 references, as a dynamic fork may make them
    db.sql(
        "INSERT INTO task (run_id, scheduled_at, no, seq, shard, priority, attempt, iteration, task_type, ref_name, domain,
            changed_in, available_at, response_timeout_s, poll_count, status, ready, retried, executed)
        SELECT t.run_id, t.scheduled_at, n + 1, n + 1, t.shard, 0, 0, 0, 'SIMPLE', 'f' || n % 600, '', 1, now(), 0, 0, 2,
            false, false, true
        FROM task AS t, generate_series(1, 12000) AS n
        WHERE t.no = 1;
        UPDATE run SET next_no = 12002",
    )
    .await;
    let grid = engine.recent_runs("order", None, 10).await.unwrap();
    assert_eq!(
        (grid.runs[0].id, grid.tasks.len(), grid.cells[0].len(), grid.truncated),
        (run, 500, 500, true)
    );
    assert_eq!(grid.tasks[0].0, "pay");
    assert_eq!(grid.cells[0][0].map(|task| task.status), Some(TaskStatus::Scheduled));
    assert!(grid.cells[0][1..].iter().all(|cell| cell.unwrap().attempts > 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_plotted_by_their_start() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    define(&engine, "other", json!([simple("pay")])).await;
    let mut ids = Vec::new();
    for name in ["order", "order", "order", "other"] {
        ids.push(start(&engine, name).await);
    }
    // started in the first, the first, the third and the third of four seconds; two have ended
    let base = Timestamp::from_millis(ids[0].made_at().as_millis());
    for (id, (at, status, took)) in ids.iter().zip([(0, 2, 40), (999, 3, 60), (2_000, 0, 0), (2_500, 4, 5)]) {
        let begun = format!("to_timestamp({}::numeric / 1000)", base.as_millis() + at);
        let ended = if took > 0 { format!("{begun} + {took} * interval '1 ms'") } else { "NULL".to_owned() };
        db.sql(&format!(
            "UPDATE run SET created_at = {begun}, status = {status}, ended_at = {ended} WHERE id = '{id}'"
        ))
        .await;
    }
    let end = base + Span::from_secs(4);
    let plot = engine.plot_runs(base, end, 4, None).await.unwrap();
    assert_eq!((plot.step, plot.truncated, plot.buckets.len()), (Span::from_secs(1), false, 4));
    let first = &plot.buckets[0];
    assert_eq!((first.started, first.completed, first.failed, first.running), (2, 1, 1, 0));
    assert_eq!(first.took_ms, Some([40, 60, 60]));
    assert_eq!((plot.buckets[1].started, plot.buckets[1].took_ms), (0, None));
    let third = &plot.buckets[2];
    assert_eq!((third.started, third.running, third.timed_out, third.took_ms), (2, 1, 1, Some([5, 5, 5])));
    let named = engine.plot_runs(base, end, 4, Some("order")).await.unwrap();
    assert_eq!(named.buckets.iter().map(|bucket| bucket.started).collect::<Vec<_>>(), [2, 0, 1, 0]);
    // the end is not part of it
    let short = engine.plot_runs(base, base + Span::from_millis(999), 1, None).await.unwrap();
    assert_eq!(short.buckets[0].started, 1);
    assert!(matches!(engine.plot_runs(end, base, 4, None).await, Err(EngineError::Invalid(_))));
}
