//! Everything that is not the hot statement: definitions, queues, leases, positions, logs, polls.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{Db, database, insert, now, started, task, update};
use podium_core::{
    CompletionEvent, Effect, InboxMessage, Outgoing, RunId, RunState, RunStatus, SnapshotHash, Span,
    TaskStatus, Timestamp,
};
use podium_store::{
    Change, ChangeOutcome, IngestBatch, IngestOutcome, LaneKey, PollRow, PulseAnswer, PutMode, PutOutcome,
    StoredTaskDef, StoredWorkflowDef,
};

#[tokio::test]
async fn definitions_move_the_metadata_version() {
    let db = database().await;
    let s = &db.store;
    let mut last = s.metadata_version().await.unwrap();
    let mut moved = async |by: i64, what: &str| {
        let v = s.metadata_version().await.unwrap();
        assert_eq!(v - last, by, "{what}");
        last = v;
    };
    assert_eq!(
        s.put_workflow_def("w", 1, "{\"b\":1,\"a\":2}", PutMode::Create).await.unwrap(),
        PutOutcome::Stored
    );
    moved(1, "create").await;
    assert_eq!(s.put_workflow_def("w", 1, "{}", PutMode::Create).await.unwrap(), PutOutcome::Exists);
    moved(0, "exists").await;
    assert_eq!(s.get_workflow_def("w", None).await.unwrap().unwrap().text, "{\"b\":1,\"a\":2}");
    assert_eq!(s.put_workflow_def("w", 1, "{\"c\":3}", PutMode::Upsert).await.unwrap(), PutOutcome::Stored);
    moved(1, "upsert").await;
    let def = |version, text: &str| StoredWorkflowDef { name: "w".into(), version, text: text.into() };
    s.put_workflow_defs(&[def(3, "x"), def(2, "y"), def(3, "z")]).await.unwrap();
    moved(1, "many").await;
    assert_eq!(s.get_workflow_def("w", None).await.unwrap(), Some(def(3, "z")));
    assert_eq!(s.get_workflow_def("w", Some(2)).await.unwrap(), Some(def(2, "y")));
    assert_eq!(s.get_workflow_def("w", Some(9)).await.unwrap(), None);
    let versions: Vec<i32> = s.list_workflow_defs().await.unwrap().iter().map(|d| d.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    assert!(s.delete_workflow_def("w", 3).await.unwrap());
    moved(1, "delete").await;
    assert!(!s.delete_workflow_def("w", 3).await.unwrap());
    moved(0, "nothing to delete").await;

    let task = |name: &str, text: &str| StoredTaskDef { name: name.into(), text: text.into() };
    let plain = |name: &str, text: &str| (task(name, text), None);
    s.put_task_defs(&[plain("b", "1"), plain("a", "2"), plain("b", "3")]).await.unwrap();
    moved(1, "task definitions").await;
    assert_eq!(s.list_task_defs().await.unwrap(), [task("a", "2"), task("b", "3")]);
    assert!(s.update_task_def(&task("a", "4"), None).await.unwrap());
    moved(1, "task update").await;
    assert!(!s.update_task_def(&task("c", "4"), None).await.unwrap());
    moved(0, "no such task").await;
    assert_eq!(s.get_task_def("a").await.unwrap(), Some(task("a", "4")));
    assert!(s.delete_task_def("a").await.unwrap());
    assert!(!s.delete_task_def("a").await.unwrap());
    moved(1, "task delete").await;
    assert_eq!(s.get_task_def("a").await.unwrap(), None);
}

#[tokio::test]
async fn snapshots_are_kept_once_and_unknown_ones_fail_their_run_alone() {
    let db = database().await;
    let hash = SnapshotHash([9; 32]);
    db.store.put_snapshot(hash, r#"{"text": 1}"#).await.unwrap();
    db.store.put_snapshot(hash, "{}").await.unwrap();
    assert_eq!(db.store.get_snapshot(hash).await.unwrap().as_deref(), Some(r#"{"text": 1}"#));
    assert_eq!(db.store.get_snapshot(SnapshotHash([1; 32])).await.unwrap(), None);
    let mut writer = db.store.writer().await.unwrap();
    let (good, mut lost) = (db.run(1), db.run(2));
    lost.head.snapshot = SnapshotHash([1; 32]);
    let effects = [started(&good), started(&lost)];
    let outcomes =
        writer.apply(&[insert(&good, &effects[0]), insert(&lost, &effects[1])]).await.unwrap().outcomes;
    assert_eq!(outcomes[0], ChangeOutcome::Stored);
    assert!(matches!(&outcomes[1], ChangeOutcome::Failed(why) if why.contains("is not stored")));
    // another node knows the snapshot from the table
    let other = podium_store::Store::connect(&db.url, podium_store::StoreOptions::default()).await.unwrap();
    let mut writer = other.writer().await.unwrap();
    let run = db.run(3);
    let effects = started(&run);
    assert_eq!(writer.apply(&[insert(&run, &effects)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
}

#[tokio::test]
async fn candidates_come_in_contract_order() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let at = now();
    let mut run = db.run(1);
    run.head.priority = 5;
    let mut urgent = db.run(2);
    urgent.head.priority = 90;
    let with = |run: &RunState, tasks: Vec<podium_core::TaskState>| {
        let mut effects = vec![Effect::Run(Box::new(run.head.clone()))];
        effects.extend(tasks.into_iter().map(|t| Effect::TaskAdded(t.into())));
        effects
    };
    let mut early = task(1, Timestamp::from_micros(at.as_micros() - 1_000_000));
    early.seq = 9;
    let mut other_domain = task(4, at);
    other_domain.domain = Some("eu".into());
    let mut leased = task(5, at);
    leased.ready = false;
    let first = with(&run, vec![early, task(2, at), task(3, at + Span::from_secs(60)), other_domain, leased]);
    let second = with(&urgent, vec![task(1, at)]);
    writer.apply(&[insert(&run, &first), insert(&urgent, &second)]).await.unwrap();
    let found = db.store.ready_candidates("email", None, 10, at).await.unwrap();
    let order: Vec<(RunId, u32, i16)> = found.iter().map(|c| (c.run, c.no, c.priority)).collect();
    assert_eq!(order, [(run.head.id, 1, 5), (urgent.head.id, 1, 90), (run.head.id, 2, 5)]);
    assert_eq!(db.store.ready_candidates("email", None, 1, at).await.unwrap().len(), 1);
    assert_eq!(db.store.ready_candidates("email", Some("eu"), 10, at).await.unwrap()[0].no, 4);
    assert_eq!(
        db.store.ready_candidates("email", None, 10, at + Span::from_secs(60)).await.unwrap().len(),
        4
    );
    assert!(db.store.ready_candidates("sms", None, 10, at).await.unwrap().is_empty());
    let depths: Vec<(String, i64)> =
        db.store.queue_depths(1_000).await.unwrap().into_iter().map(|d| (d.domain, d.depth)).collect();
    assert_eq!(depths, [("".into(), 4), ("eu".into(), 1)]);
    let capped = db.store.queue_depths(3).await.unwrap();
    assert_eq!(capped.iter().map(|d| d.depth).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(db.store.queue_size("email", None, 1_000).await.unwrap(), 4);
    assert_eq!(db.store.queue_size("email", Some("eu"), 1_000).await.unwrap(), 1);
    assert_eq!(db.store.queue_size("email", None, 2).await.unwrap(), 2);
    assert_eq!(db.store.queue_size("sms", None, 2).await.unwrap(), 0);
}

#[tokio::test]
async fn open_tasks_are_found_a_stretch_of_runs_at_a_time() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let at = now();
    let with = |run: &RunState, tasks: Vec<podium_core::TaskState>| {
        let mut effects = vec![Effect::Run(Box::new(run.head.clone()))];
        effects.extend(tasks.into_iter().map(|t| Effect::TaskAdded(t.into())));
        effects
    };
    let (first, second) = (db.run(1), db.run(2));
    let mut ended = db.run(3);
    ended.head.status = RunStatus::Completed;
    let mut leased = task(2, at);
    (leased.ready, leased.status) = (false, TaskStatus::InProgress);
    let mut done = task(3, at);
    (done.ready, done.status) = (false, TaskStatus::Completed);
    let effects = [
        with(&first, vec![task(1, at), leased, done]),
        with(&second, vec![task(1, at)]),
        with(&ended, vec![task(1, at)]),
    ];
    let all: Vec<Change<'_>> =
        [&first, &second, &ended].into_iter().zip(&effects).map(|(r, e)| insert(r, e)).collect();
    writer.apply(&all).await.unwrap();
    let mut ids = [first.head.id, second.head.id, ended.head.id];
    ids.sort_unstable();
    let expected: Vec<(RunId, u32)> = ids
        .into_iter()
        .flat_map(|id| match id {
            id if id == first.head.id => vec![(id, 1), (id, 2)],
            id if id == second.head.id => vec![(id, 1)],
            _ => vec![],
        })
        .collect();
    let name = task(1, at).def_name;
    let whole = db.store.open_tasks(&name, None, 10).await.unwrap();
    assert_eq!((whole.tasks, whole.next), (expected.clone(), None));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let stretch = db.store.open_tasks(&name, after, 1).await.unwrap();
        found.extend(stretch.tasks);
        after = stretch.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    assert_eq!(db.store.open_tasks("other", None, 10).await.unwrap(), podium_store::OpenTasks::default());
}

#[tokio::test]
async fn versions_of_definitions_keep_the_time_of_their_first_registration() {
    let db = database().await;
    for (name, version) in [("b", 10), ("b", -1), ("a", 1), ("b", 2)] {
        db.store.put_workflow_def(name, version, &format!("{name}{version}"), PutMode::Create).await.unwrap();
    }
    let before = db.store.workflow_versions("b").await.unwrap();
    assert_eq!(before.iter().map(|(v, _)| *v).collect::<Vec<_>>(), [-1, 2, 10]);
    db.store.put_workflow_def("b", 2, "again", PutMode::Upsert).await.unwrap();
    assert_eq!(db.store.workflow_versions("b").await.unwrap(), before);
    assert!(db.store.workflow_versions("c").await.unwrap().is_empty());
    assert_eq!(db.store.workflow_names().await.unwrap(), ["a", "b"]);
    let latest = db.store.latest_workflow_defs().await.unwrap();
    assert_eq!(latest.iter().map(|d| d.text.as_str()).collect::<Vec<_>>(), ["a1", "b10"]);
}

fn event(source: &str) -> InboxMessage {
    InboxMessage::Completion(CompletionEvent {
        source: source.into(),
        task_id: Some("t".into()),
        event_type: None,
        succeeded: false,
        data: "{}".into(),
        reason: Some("r".into()),
    })
}

async fn one_run(db: &Db, n: u64) -> RunState {
    let run = db.run(n);
    let effects = started(&run);
    let mut writer = db.store.writer().await.unwrap();
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    run
}

#[tokio::test]
async fn a_position_moves_only_for_its_holder_and_with_its_rows() {
    let db = database().await;
    let run = one_run(&db, 1).await.head.id;
    let nobody = db.run(2).head.id;
    let lane = LaneKey { cluster: "c".into(), group: "g".into(), topic: "t".into(), partition: 3 };
    let first = db.store.take_position(&lane).await.unwrap();
    assert_eq!((first.epoch, first.next_offset), (1, None));
    let messages = [
        (run, event("c/t/3/0")),
        (nobody, event("c/t/3/1")),
        (run, event("c/t/3/2")),
        (run, event("c/t/3/2")),
    ];
    let batch =
        IngestBatch { lane: &lane, epoch: 1, expected_offset: None, next_offset: 3, messages: &messages };
    let IngestOutcome::Done { rows, unknown_runs } = db.store.ingest(&batch).await.unwrap() else {
        panic!("fenced")
    };
    assert_eq!(unknown_runs, 1);
    let got: Vec<_> = rows.iter().map(|r| (r.run, r.message.clone())).collect();
    assert_eq!(got, [messages[0].clone(), messages[2].clone()]);
    assert_eq!(db.store.load_inbox(run).await.unwrap(), rows);
    // the same again: the offset has moved
    assert_eq!(db.store.ingest(&batch).await.unwrap(), IngestOutcome::Fenced);
    // somebody else takes the partition
    let second = db.store.take_position(&lane).await.unwrap();
    assert_eq!((second.epoch, second.next_offset), (2, Some(3)));
    let late = [(run, event("c/t/3/9"))];
    let batch =
        IngestBatch { lane: &lane, epoch: 1, expected_offset: Some(3), next_offset: 10, messages: &late };
    assert_eq!(db.store.ingest(&batch).await.unwrap(), IngestOutcome::Fenced);
    assert_eq!(db.store.load_inbox(run).await.unwrap().len(), 2);
    // delivered again by the new holder: the row that still waits is not doubled
    let again = [(run, event("c/t/3/2")), (run, event("c/t/3/3"))];
    let batch =
        IngestBatch { lane: &lane, epoch: 2, expected_offset: Some(3), next_offset: 4, messages: &again };
    let IngestOutcome::Done { rows, unknown_runs: 0 } = db.store.ingest(&batch).await.unwrap() else {
        panic!("fenced")
    };
    assert_eq!(rows.len(), 1);
    // nothing for us in a stretch: only the position moves
    let batch =
        IngestBatch { lane: &lane, epoch: 2, expected_offset: Some(4), next_offset: 9, messages: &[] };
    assert!(matches!(db.store.ingest(&batch).await.unwrap(), IngestOutcome::Done { .. }));
    assert_eq!(db.store.take_position(&lane).await.unwrap().next_offset, Some(9));
}

#[tokio::test]
async fn lanes_that_commit_together_move_each_for_itself() {
    let db = database().await;
    let run = one_run(&db, 1).await.head.id;
    let lane = |partition| LaneKey { cluster: "c".into(), group: "g".into(), topic: "t".into(), partition };
    let lanes = [lane(0), lane(1), lane(2)];
    for lane in &lanes {
        db.store.take_position(lane).await.unwrap();
    }
    // somebody else takes the second
    db.store.take_position(&lanes[1]).await.unwrap();
    let messages = [
        [(run, event("c/t/0/0")), (db.run(2).head.id, event("c/t/0/1"))],
        [(run, event("c/t/1/0")), (run, event("c/t/1/1"))],
        [(run, event("c/t/2/0")), (run, event("c/t/2/1"))],
    ];
    let batches: Vec<IngestBatch<'_>> = lanes
        .iter()
        .zip(&messages)
        .map(|(lane, messages)| IngestBatch {
            lane,
            epoch: 1,
            expected_offset: None,
            next_offset: 2,
            messages,
        })
        .collect();
    let outcomes = db.store.ingest_all(&batches).await.unwrap();
    let took = |outcome: &IngestOutcome| match outcome {
        IngestOutcome::Done { rows, unknown_runs } => Some((rows.len(), *unknown_runs)),
        IngestOutcome::Fenced => None,
    };
    assert_eq!(outcomes.iter().map(took).collect::<Vec<_>>(), [Some((1, 1)), None, Some((2, 0))]);
    let IngestOutcome::Done { rows, .. } = &outcomes[2] else { panic!("fenced") };
    assert_eq!(
        rows.iter().map(|r| r.message.clone()).collect::<Vec<_>>(),
        [event("c/t/2/0"), event("c/t/2/1")]
    );
    assert_eq!(db.store.load_inbox(run).await.unwrap().len(), 3);
    assert_eq!(db.store.take_position(&lanes[1]).await.unwrap().next_offset, None);
}

#[tokio::test]
async fn the_pulse_shares_work_evenly_and_takes_over() {
    let db = database().await;
    let s = &db.store;
    let (horizon, long) = (Span::from_secs(2), Span::from_secs(60));
    let a = s.register_node("a", long).await.unwrap();
    let held = |p: &PulseAnswer| (p.buckets.len(), p.lanes.len());
    assert_eq!(held(&s.pulse(&a, horizon, None).await.unwrap()), (64, 64));
    let b = s.register_node("b", long).await.unwrap();
    assert!(b.epoch > a.epoch);
    assert_eq!(held(&s.pulse(&b, horizon, None).await.unwrap()), (0, 0), "nothing has lapsed yet");
    assert_eq!(
        held(&s.pulse(&a, horizon, None).await.unwrap()),
        (32, 32),
        "a gives back what is beyond its share"
    );
    let of_b = s.pulse(&b, horizon, None).await.unwrap();
    assert_eq!(held(&of_b), (32, 32));
    let of_a = s.pulse(&a, horizon, None).await.unwrap();
    let mut all: Vec<i16> = of_a.buckets.iter().chain(&of_b.buckets).copied().collect();
    all.sort_unstable();
    assert_eq!(all, (0..64).collect::<Vec<i16>>());
    s.release_node(&a).await.unwrap();
    assert_eq!(held(&s.pulse(&b, horizon, None).await.unwrap()), (64, 64));
    // a lease that is not renewed lapses
    let c = s.register_node("c", Span::from_millis(1)).await.unwrap();
    s.release_node(&b).await.unwrap();
    assert_eq!(held(&s.pulse(&c, horizon, None).await.unwrap()), (64, 64));
    let d = s.register_node("d", long).await.unwrap();
    let mut of_d = s.pulse(&d, horizon, None).await.unwrap();
    let ends = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while held(&of_d) != (64, 64) && std::time::Instant::now() < ends {
        of_d = s.pulse(&d, horizon, None).await.unwrap();
    }
    assert_eq!(held(&of_d), (64, 64));
}

#[tokio::test(flavor = "multi_thread")]
async fn pulses_of_many_nodes_at_once_hold_everything_once() {
    let db = database().await;
    let mut nodes = Vec::new();
    for n in 0..5 {
        nodes.push(db.store.register_node(&format!("n{n}"), Span::from_secs(30)).await.unwrap());
    }
    for _ in 0..20 {
        let calls: Vec<_> = nodes
            .iter()
            .map(|node| {
                let (store, node) = (db.store.clone(), node.clone());
                tokio::spawn(async move { store.pulse(&node, Span::ZERO, None).await.unwrap() })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    }
    let spread = "SELECT count(*) FROM (SELECT node FROM node_lease WHERE kind = 0 GROUP BY node HAVING count(*) BETWEEN 12 AND 13) AS n";
    assert_eq!(db.number(spread).await, 5);
}

#[tokio::test]
async fn the_pulse_reads_what_is_to_be_done() {
    let db = database().await;
    let s = &db.store;
    let mut writer = s.writer().await.unwrap();
    let at = now();
    let wakes = [Some(at + Span::from_secs(1)), Some(at + Span::from_secs(3600)), None, Some(at)];
    let mut runs = Vec::new();
    for (n, wake_at) in wakes.into_iter().enumerate() {
        let mut run = db.run(n as u64);
        run.head.wake_at = wake_at;
        let effects = started(&run);
        writer.apply(&[insert(&run, &effects)]).await.unwrap();
        runs.push(run);
    }
    let message = Outgoing {
        task: 1,
        cluster: None,
        topic: "t".into(),
        key: None,
        value: vec![1],
        headers: vec![],
        max_block_ms: None,
    };
    let emitted = [Effect::Emitted(message.clone().into())];
    writer.apply(&[update(runs[2].head.id, 1, &emitted)]).await.unwrap();
    let lane = LaneKey { cluster: "c".into(), group: "g".into(), topic: "t".into(), partition: 0 };
    s.take_position(&lane).await.unwrap();
    let messages = [(runs[1].head.id, event("1")), (runs[1].head.id, event("2"))];
    s.ingest(&IngestBatch {
        lane: &lane,
        epoch: 1,
        expected_offset: None,
        next_offset: 1,
        messages: &messages,
    })
    .await
    .unwrap();

    let node = s.register_node("n", Span::from_secs(5)).await.unwrap();
    let pulse = s.pulse(&node, Span::from_secs(60), None).await.unwrap();
    let due: Vec<RunId> = pulse.due.iter().map(|(run, _)| *run).collect();
    assert_eq!(due, [runs[3].head.id, runs[0].head.id]);
    assert_eq!(Some(pulse.due[1].1), runs[0].head.wake_at);
    assert_eq!(pulse.inbox, [runs[1].head.id]);
    assert_eq!(pulse.outbox.len(), 1);
    assert_eq!((pulse.outbox[0].run, &*pulse.outbox[0].body), (runs[2].head.id, &message));
    assert_eq!(pulse.metadata_version, s.metadata_version().await.unwrap());
    assert!((pulse.db_now - at).as_secs() < 60);

    // an ended run has no wake-up and its settled message may go
    let mut head = runs[2].head.clone();
    head.status = RunStatus::Completed;
    head.wake_at = None;
    let ended = [Effect::Settled(1), Effect::Run(Box::new(head))];
    writer.apply(&[update(runs[2].head.id, 2, &ended)]).await.unwrap();
    assert!(s.pulse(&node, Span::from_secs(60), None).await.unwrap().outbox.is_empty());
    assert_eq!(s.republish_open_outbox().await.unwrap(), 0);
    assert_eq!(s.prune_outbox(10).await.unwrap(), 1);
}

/// Rows as an ingest leaves them, many at once.
async fn inbox_rows(db: &Db, run: RunId, rows: u32) {
    db.sql(&format!(
        "INSERT INTO inbox (run_id, shard, bucket, source, body)
        SELECT '{}', 0, {}, 's' || n, '{}' FROM generate_series(1, {rows}) AS n",
        run.uuid(),
        run.bucket(),
        serde_json::to_string(&event("x")).unwrap()
    ))
    .await;
}

#[tokio::test]
async fn rows_that_stay_in_the_inbox_do_not_keep_other_runs_from_their_turn() {
    let db = database().await;
    let node = db.store.register_node("n", Span::from_secs(30)).await.unwrap();
    // the oldest run has very many rows, and more runs than one pulse brings have rows that nobody takes
    let runs: Vec<RunId> =
        (0..2_500).map(|n| RunId::new(Timestamp::from_millis(1_700_000_000_000 + n), 7, 0)).collect();
    let mut rows = String::from("INSERT INTO inbox (run_id, shard, bucket, source, body) VALUES ");
    let body = serde_json::to_string(&event("x")).unwrap();
    let values: Vec<String> =
        runs.iter().map(|r| format!("('{}', 0, {}, 's', '{body}')", r.uuid(), r.bucket())).collect();
    rows.push_str(&values.join(","));
    db.sql(&rows).await;
    inbox_rows(&db, runs[0], 20_000).await;
    let first = db.store.pulse(&node, Span::ZERO, None).await.unwrap();
    assert_eq!(first.inbox, runs[..2_000]);
    let second = db.store.pulse(&node, Span::ZERO, first.inbox_after).await.unwrap();
    assert_eq!(second.inbox, runs[2_000..]);
    assert_eq!(second.inbox_after, None, "the next pulse begins anew");
    // and of one run only so many at once, oldest first
    let some = db.store.load_inbox(runs[0]).await.unwrap();
    assert_eq!(some.len(), podium_store::INBOX_ROWS);
    assert!(some.windows(2).all(|w| w[0].id < w[1].id));
}

#[tokio::test]
async fn the_inbox_of_a_faulted_run_waits_and_the_audit_counts_it() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let node = db.store.register_node("n", Span::from_secs(30)).await.unwrap();
    let mut run = db.run(1);
    let head = |fault: Option<&str>| {
        let mut head = run.head.clone();
        // what a user named so is no fault
        let domains = [("\"fault\":".to_owned(), "d".to_owned())].into_iter().collect();
        let extra = podium_core::RunExtra { task_to_domain: domains, ..Default::default() };
        head.extra = podium_core::RunExtra { fault: fault.map(str::to_owned), ..extra }.into();
        [Effect::Run(Box::new(head))]
    };
    let (sound, broken) = (head(None), head(Some("it \"broke\"")));
    run.head.version = 1;
    writer.apply(&[insert(&run, &sound)]).await.unwrap();
    inbox_rows(&db, run.head.id, 2).await;
    assert_eq!(db.store.pulse(&node, Span::ZERO, None).await.unwrap().inbox, [run.head.id]);
    assert_eq!(
        writer.apply(&[update(run.head.id, 1, &broken)]).await.unwrap().outcomes,
        [ChangeOutcome::Stored]
    );
    assert!(db.store.pulse(&node, Span::ZERO, None).await.unwrap().inbox.is_empty());
    assert_eq!(db.word("SELECT fault FROM podium.runs").await, "it \"broke\"");
    let audit = db.store.audit(None, 10, Span::ZERO).await.unwrap();
    assert_eq!((audit.stuck, audit.faulted), (0, 1));
    let read = db.store.load(run.head.id).await.unwrap().unwrap();
    assert_eq!(read.head.extra.fault.as_deref(), Some("it \"broke\""));
}

#[tokio::test]
async fn a_task_whose_child_is_open_is_no_stuck_one() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let (mut parent, mut child) = (db.run(1), db.run(2));
    let mut row = task(1, now());
    row.task_type = "SUB_WORKFLOW".into();
    row.status = podium_core::TaskStatus::InProgress;
    row.ready = false;
    row.child = Some(child.head.id);
    parent.head.next_no = 2;
    let waits = [Effect::Run(Box::new(parent.head.clone())), Effect::TaskAdded(row.into())];
    let effects = started(&child);
    writer.apply(&[insert(&parent, &waits), insert(&child, &effects)]).await.unwrap();
    let stuck = async || db.store.audit(None, 10, Span::ZERO).await.unwrap().stuck;
    assert_eq!(stuck().await, 0);
    // ended without a word: that must never be
    child.head.status = RunStatus::Completed;
    let ended = [Effect::Run(Box::new(child.head.clone()))];
    writer.apply(&[update(child.head.id, 1, &ended)]).await.unwrap();
    assert_eq!(stuck().await, 1);
    inbox_rows(&db, parent.head.id, 1).await;
    assert_eq!(stuck().await, 0);
}

#[tokio::test]
async fn polls_keep_the_latest_time() {
    let db = database().await;
    let at = now();
    let poll = |worker: &str, at| PollRow {
        task_type: "email".into(),
        domain: "".into(),
        worker: worker.into(),
        last_poll_at: at,
    };
    let later = at + Span::from_secs(5);
    db.store.touch_polls(&[poll("a", later), poll("b", at), poll("a", at)]).await.unwrap();
    db.store.touch_polls(&[poll("a", at), poll("b", later)]).await.unwrap();
    let last = db.store.last_polls(Some("email")).await.unwrap();
    assert_eq!((last.len(), last[0].last_poll_at), (1, later), "the last one of each queue");
    let fax = PollRow { domain: "d".into(), ..poll("c", at) };
    db.store
        .touch_polls(&[PollRow { last_poll_at: later + Span::from_secs(1), ..poll("c", at) }, fax.clone()])
        .await
        .unwrap();
    let last = db.store.last_polls(None).await.unwrap();
    assert_eq!((last[0].worker.as_str(), &last[1..]), ("c", &[fax][..]));
    assert!(db.store.last_polls(Some("sms")).await.unwrap().is_empty());
    db.sql("UPDATE poll_data SET last_poll_at = now() - interval '1 day' WHERE domain = ''").await;
    assert_eq!(db.store.prune_polls(Span::from_secs(3600), 2).await.unwrap(), 2);
    assert_eq!(db.store.prune_polls(Span::from_secs(3600), 2).await.unwrap(), 1);
    assert_eq!(db.store.last_polls(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_that_spans_months_goes_through_the_whole_tables() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let old = |n: u64| {
        let mut run = db.run(n);
        run.head.id = RunId::new(Timestamp::from_millis(1_500_000_000_000), n, 0);
        run
    };
    let runs = [old(1), db.run(2), old(3)];
    let effects: Vec<Vec<Effect>> = runs.iter().map(started).collect();
    let all: Vec<Change<'_>> = runs.iter().zip(&effects).map(|(r, e)| insert(r, e)).collect();
    let outcomes = writer.apply(&all).await.unwrap().outcomes;
    assert_eq!(outcomes, vec![ChangeOutcome::Stored; 3]);
    // a month that is dropped under a writer that knows it
    db.sql(&format!("SELECT make_partitions('{}', 1)", "2017-01-01")).await;
    let mut late = db.store.writer().await.unwrap();
    let in_month = RunId::new(Timestamp::from_millis(1_484_000_000_000), 5, 0);
    assert!(db.store.load(in_month).await.unwrap().is_none(), "reading knows the month too");
    db.sql("DROP TABLE run_201701, task_201701, payload_201701, task_log_201701").await;
    let mut gone = db.run(4);
    gone.head.id = RunId::new(Timestamp::from_millis(1_484_000_000_000), 4, 0);
    let effects = started(&gone);
    assert_eq!(late.apply(&[insert(&gone, &effects)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    assert_eq!(
        late.apply(&[update(gone.head.id, 1, &[Effect::Settled(1)])]).await.unwrap().outcomes,
        [ChangeOutcome::Stored]
    );
    assert_eq!(db.store.load(gone.head.id).await.unwrap().unwrap().head.version, 2);
    let all = [runs[0].head.id, gone.head.id, runs[1].head.id];
    assert_eq!(db.store.load_many(&all).await.unwrap().len(), 3, "runs of several months");
}

#[tokio::test]
async fn events_that_are_kept_for_later_are_listed() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let at = now();
    let mut runs = Vec::new();
    for n in 0..3_u64 {
        let run = db.run(n);
        let event = podium_core::CompletionEvent {
            source: format!("c/t/0/{n}"),
            task_id: Some("label".to_owned()),
            event_type: Some("x_completed".to_owned()),
            succeeded: true,
            data: r#"{"a":1}"#.to_owned(),
            reason: None,
        };
        let kept = podium_core::ParkedEvent { inbox: n as i64, event, parked_at: at, expires_at: at };
        let mut effects = started(&run);
        effects.push(Effect::Parked(Box::new(kept)));
        writer.apply(&[insert(&run, &effects)]).await.unwrap();
        runs.push(run.head.id);
    }
    runs.sort_unstable();
    let kept = db.store.kept_events(0, 2).await.unwrap();
    assert_eq!(kept.iter().map(|(run, _)| *run).collect::<Vec<_>>(), [runs[2], runs[1]]);
    assert_eq!(kept[0].1.event.task_id.as_deref(), Some("label"));
    assert_eq!(db.store.kept_events(2, 2).await.unwrap().len(), 1);
}
