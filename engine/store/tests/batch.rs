//! The hot statement: what it stores, what it refuses, and what a reader sees afterwards.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{assert_same, database, folded, insert, now, started, task, update};
use podium_core::{
    CompletionEvent, Effect, InboxMessage, LogLine, Outgoing, ParentEnded, ParkedEvent, Payload, RunId,
    RunStatus, Span, TaskStatus, Told,
};
use podium_store::{Change, ChangeKind, ChangeOutcome, IngestBatch, IngestOutcome, LaneKey, Newer, lane};

#[tokio::test]
async fn a_started_run_reads_back_as_folded() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let effects = started(&run);
    let before = now();
    let applied = writer.apply(&[insert(&run, &effects)]).await.unwrap();
    assert_eq!(applied.outcomes, [ChangeOutcome::Stored]);
    assert_eq!(applied.metadata_version, db.store.metadata_version().await.unwrap());
    assert!((applied.db_now - before).as_secs() < 60);
    let read = db.store.load(run.head.id).await.unwrap().unwrap();
    assert_same(&read, &folded(&run, 1, &effects));
    assert!(db.store.load(db.run(2).head.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_claim_and_a_completion_move_the_version() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    let effects = started(&run);
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let run = folded(&run, 1, &effects);
    assert_eq!(db.store.ready_candidates("email", None, 10, now()).await.unwrap().len(), 1);

    // a claim changes only the task: the run's row keeps all but its version
    let mut row = (**run.tasks.get(1).unwrap()).clone();
    row.status = TaskStatus::InProgress;
    row.ready = false;
    row.worker = Some("w\0w".into());
    row.poll_count = 1;
    row.started_at = Some(now());
    let claim = [Effect::TaskChanged(row.clone().into())];
    assert_eq!(writer.apply(&[update(id, 1, &claim)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    row.worker = Some("w\u{fffd}w".into());
    let run = folded(&run, 2, &[Effect::TaskChanged(row.clone().into())]);
    assert_same(&db.store.load(id).await.unwrap().unwrap(), &run);
    assert!(db.store.ready_candidates("email", None, 10, now()).await.unwrap().is_empty());

    // the same claim again has lost
    assert_eq!(writer.apply(&[update(id, 1, &claim)]).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    let confirm =
        |expected| Change { run: id, kind: ChangeKind::Confirm { expected }, effects: &[], extra_runs: &[] };
    assert_eq!(writer.apply(&[confirm(1)]).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    assert_eq!(writer.apply(&[confirm(2)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);

    row.status = TaskStatus::Completed;
    row.ended_at = Some(now());
    row.executed = true;
    row.output = Payload::from_object_text(r#"{"big":12345678901234567890123,"a":"\u0000"}"#);
    let mut head = run.head.clone();
    head.status = RunStatus::Completed;
    head.ended_at = row.ended_at;
    head.updated_at = now();
    head.output = row.output.clone();
    head.reason = Some("done".into());
    let effects = [Effect::TaskChanged(row.into()), Effect::Run(Box::new(head))];
    assert_eq!(writer.apply(&[update(id, 2, &effects)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    let run = folded(&run, 3, &effects);
    assert_same(&db.store.load(id).await.unwrap().unwrap(), &run);

    // newer: only what was written after the version
    match db.store.newer(id, 2).await.unwrap() {
        Newer::Rows { head, tasks, .. } => assert_eq!((head.version, tasks.len()), (3, 1)),
        other => panic!("{other:?}"),
    }
    match db.store.newer(id, 3).await.unwrap() {
        Newer::Rows { tasks, .. } => assert!(tasks.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_of_many_losers_does_not_disturb_the_batch() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let runs: Vec<_> = (0..50).map(|n| db.run(n)).collect();
    let effects: Vec<_> = runs.iter().map(started).collect();
    let all: Vec<_> = runs.iter().zip(&effects).map(|(r, e)| insert(r, e)).collect();
    assert!(writer.apply(&all).await.unwrap().outcomes.iter().all(|o| *o == ChangeOutcome::Stored));
    // every other one at a wrong version, and the inserts again
    let settle = [Effect::Settled(1)];
    let mixed: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(i, r)| update(r.head.id, if i % 2 == 0 { 1 } else { 5 }, &settle))
        .collect();
    for (i, outcome) in writer.apply(&mixed).await.unwrap().outcomes.into_iter().enumerate() {
        assert_eq!(outcome, if i % 2 == 0 { ChangeOutcome::Stored } else { ChangeOutcome::Stale }, "{i}");
    }
    assert!(writer.apply(&all).await.unwrap().outcomes.iter().all(|o| *o == ChangeOutcome::Stale));
    assert_eq!(db.number("SELECT count(*) FROM task").await, 50);
}

#[tokio::test]
async fn a_refused_change_fails_alone() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let runs: Vec<_> = (0..9).map(|n| db.run(n)).collect();
    let effects: Vec<_> = runs.iter().map(started).collect();
    let all: Vec<_> = runs.iter().zip(&effects).map(|(r, e)| insert(r, e)).collect();
    writer.apply(&all).await.unwrap();
    // one adds a task whose number is taken
    let effects: Vec<Vec<Effect>> = runs
        .iter()
        .enumerate()
        .map(|(i, run)| {
            let no = if i == 4 { 1 } else { 2 };
            vec![Effect::Run(Box::new(run.head.clone())), Effect::TaskAdded(task(no, now()).into())]
        })
        .collect();
    let all: Vec<_> = runs.iter().zip(&effects).map(|(r, e)| update(r.head.id, 1, e)).collect();
    let outcomes = writer.apply(&all).await.unwrap().outcomes;
    for (i, outcome) in outcomes.iter().enumerate() {
        assert_eq!(matches!(outcome, ChangeOutcome::Failed(_)), i == 4, "{i} {outcome:?}");
    }
    assert_eq!(db.number("SELECT count(*) FROM run WHERE version = 2").await, 8);
    assert_eq!(db.number("SELECT count(*) FROM task WHERE no = 2").await, 8);
    assert!(db.store.stats().halved > 0);
}

#[tokio::test]
async fn a_start_hangs_on_the_metadata_version() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let v = db.store.metadata_version().await.unwrap();
    let run = db.run(1);
    let effects = started(&run);
    let start =
        |v| Change { kind: ChangeKind::Insert { metadata_version: Some(v) }, ..insert(&run, &effects) };
    let applied = writer.apply(&[start(v - 1)]).await.unwrap();
    assert_eq!((&applied.outcomes[0], applied.metadata_version), (&ChangeOutcome::MetadataMoved, v));
    assert_eq!(db.number("SELECT count(*) FROM task").await, 0);
    assert_eq!(writer.apply(&[start(v)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
}

#[tokio::test]
async fn payloads_of_every_size_are_stored_once() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let sized = |n: usize| Payload::from_object_text(format!(r#"{{"x":"{}"}}"#, "y".repeat(n)));
    let mut run = db.run(1);
    let id = run.head.id;
    run.head.input = sized(5_000);
    run.head.variables = sized(200_000);
    let mut head = run.head.clone();
    head.next_no = 3;
    let mut first = task(1, now());
    first.input = run.head.input.clone();
    first.output = sized(250);
    let effects = [Effect::Run(Box::new(head)), Effect::TaskAdded(first.clone().into())];
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let mut state = folded(&run, 1, &effects);
    assert_same(&db.store.load(id).await.unwrap().unwrap(), &state);
    assert_eq!(db.number("SELECT count(*) FROM payload").await, 2, "one value in two places is one row");

    // rewritten rows refer to what is stored, from memory and after a load
    for (version, from_rows) in [(1, false), (2, true)] {
        if from_rows {
            state = db.store.load(id).await.unwrap().unwrap();
        }
        let mut changed = (**state.tasks.get(1).unwrap()).clone();
        changed.poll_count += 1;
        let effects = [Effect::TaskChanged(changed.into()), Effect::Run(Box::new(state.head.clone()))];
        assert_eq!(
            writer.apply(&[update(id, version, &effects)]).await.unwrap().outcomes,
            [ChangeOutcome::Stored]
        );
        state = folded(&state, version + 1, &effects);
        assert_same(&db.store.load(id).await.unwrap().unwrap(), &state);
        assert_eq!(db.number("SELECT count(*) FROM payload").await, 2);
    }
}

#[tokio::test]
async fn removed_tasks_force_a_whole_load() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    let mut effects = started(&run);
    effects.extend((2..30).map(|no| Effect::TaskAdded(task(no, now()).into())));
    // within one change only the last image counts
    let mut again = task(7, now());
    again.poll_count = 3;
    effects.push(Effect::TaskChanged(again.into()));
    effects.push(Effect::TaskRemoved(8));
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let state = folded(&run, 1, &effects);
    assert_same(&db.store.load(id).await.unwrap().unwrap(), &state);
    let effects = [Effect::TaskRemoved(3)];
    writer.apply(&[update(id, 1, &effects)]).await.unwrap();
    let state = folded(&state, 2, &effects);
    assert_same(&db.store.load(id).await.unwrap().unwrap(), &state);
    assert!(matches!(db.store.newer(id, 1).await.unwrap(), Newer::Reload));
    assert!(matches!(db.store.newer(id, 2).await.unwrap(), Newer::Rows { .. }));
    assert!(matches!(db.store.newer(db.run(5).head.id, 2).await.unwrap(), Newer::Gone));
}

fn completion(source: &str) -> CompletionEvent {
    CompletionEvent {
        source: source.into(),
        task_id: None,
        event_type: Some("email_validation_completed".into()),
        succeeded: true,
        data: "{\"n\":1}".into(),
        reason: None,
    }
}

#[tokio::test]
async fn an_inbox_row_is_taken_once_and_parked_events_come_back() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    let effects = started(&run);
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let lane = LaneKey { cluster: "c".into(), group: "g".into(), topic: "t".into(), partition: 0 };
    let position = db.store.take_position(&lane).await.unwrap();
    let messages = [(id, InboxMessage::Completion(completion("c/t/0/1")))];
    let batch = IngestBatch {
        lane: &lane,
        epoch: position.epoch,
        expected_offset: None,
        next_offset: 2,
        messages: &messages,
    };
    let IngestOutcome::Done { rows, .. } = db.store.ingest(&batch).await.unwrap() else { panic!("fenced") };
    assert_eq!(db.store.load_inbox(id).await.unwrap(), rows);

    let parked = ParkedEvent {
        inbox: rows[0].id,
        event: completion("c/t/0/1"),
        parked_at: now(),
        expires_at: now() + Span::from_secs(9),
    };
    let take = [Effect::InboxTaken(rows[0].id), Effect::Parked(Box::new(parked.clone()))];
    assert_eq!(writer.apply(&[update(id, 1, &take)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    assert!(db.store.load_inbox(id).await.unwrap().is_empty());
    assert_eq!(db.store.load(id).await.unwrap().unwrap().parked, [parked]);

    // at the right version, but the row is gone: decided from an old look at the inbox
    assert_eq!(writer.apply(&[update(id, 2, &take[..1])]).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    let used = [Effect::Unparked(rows[0].id)];
    assert_eq!(writer.apply(&[update(id, 2, &used)]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    assert!(db.store.load(id).await.unwrap().unwrap().parked.is_empty());
}

#[tokio::test]
async fn messages_children_and_logs_hang_on_the_guard() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    let effects = started(&run);
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let message = Outgoing {
        task: 1,
        cluster: Some("k:9092".into()),
        topic: "orders".into(),
        key: Some(vec![0, 255]),
        value: b"{}".to_vec(),
        headers: vec![("trace".into(), b"abc".to_vec()), ("raw".into(), vec![0xff])],
        max_block_ms: Some(500),
    };
    let mut child = db.run(2);
    child.head.wake_at = Some(now());
    child.head.input = Payload::from_object_text(format!(r#"{{"x":"{}"}}"#, "y".repeat(3_000)));
    let line = LogLine { text: "hello".into(), at: now() };
    let effects = [Effect::Emitted(message.clone().into()), Effect::Logged { task: 1, line: line.clone() }];
    let children = [child.clone()];
    let change = Change { extra_runs: &children, ..update(id, 1, &effects) };
    let late = Change { extra_runs: &children, ..update(id, 9, &effects) };
    assert_eq!(writer.apply(&[late]).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    assert!(db.store.load(child.head.id).await.unwrap().is_none());
    assert!(db.store.list_log(id, 1).await.unwrap().is_empty());
    assert_eq!(writer.apply(&[change]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    assert_same(&db.store.load(child.head.id).await.unwrap().unwrap(), &child);
    assert_eq!(db.store.list_log(id, 1).await.unwrap(), std::slice::from_ref(&line));
    assert!(db.store.append_log(id, 1, &line).await.unwrap());
    assert!(!db.store.append_log(id, 99, &line).await.unwrap());

    let lanes: Vec<i16> = (0..64).collect();
    let rows = db.store.pending_outbox(&lanes, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].run, rows[0].lane, &*rows[0].body), (1, id, lane(&message), &message));
    // the child's first turn
    let first = started(&child);
    assert_eq!(
        writer.apply(&[update(child.head.id, 0, &first)]).await.unwrap().outcomes,
        [ChangeOutcome::Stored]
    );
    let settled = [Effect::Settled(1)];
    writer.apply(&[update(id, 2, &settled)]).await.unwrap();
    assert!(db.store.pending_outbox(&lanes, 10).await.unwrap().is_empty());
    assert_eq!(db.store.republish_open_outbox().await.unwrap(), 1);
    assert_eq!(db.store.pending_outbox(&lanes, 10).await.unwrap(), rows);
}

fn told(to: RunId, reason: &str) -> Effect {
    let message = InboxMessage::ParentEnded(ParentEnded { reason: reason.to_owned() });
    Effect::Told(Box::new(Told { to, message }))
}

#[tokio::test]
async fn what_a_run_tells_another_is_stored_with_its_change_or_not_at_all() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let (run, other, child, nobody) = (db.run(1), db.run(2), db.run(3), db.run(4).head.id);
    let (id, other_id) = (run.head.id, other.head.id);
    let effects = [started(&run), started(&other)];
    writer.apply(&[insert(&run, &effects[0]), insert(&other, &effects[1])]).await.unwrap();
    let reasons = async |run| -> Vec<String> {
        let rows = db.store.load_inbox(run).await.unwrap();
        rows.into_iter()
            .map(|row| match row.message {
                InboxMessage::ParentEnded(ended) => ended.reason,
                other => panic!("{other:?}"),
            })
            .collect()
    };

    // to a run that the same change creates, twice to one that exists, and to one that does not
    let effects = [told(child.head.id, "c"), told(other_id, "a"), told(other_id, "b\0"), told(nobody, "n")];
    let extra = [child];
    let change =
        Change { run: id, kind: ChangeKind::Update { expected: 1 }, effects: &effects, extra_runs: &extra };
    assert_eq!(writer.apply(&[change]).await.unwrap().outcomes, [ChangeOutcome::Stored]);
    assert_eq!(reasons(extra[0].head.id).await, ["c"]);
    assert_eq!(reasons(other_id).await, ["a", "b\0"], "in order");
    assert!(reasons(nobody).await.is_empty());

    // the guard fails: nothing is told
    assert_eq!(writer.apply(&[change]).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    assert_eq!(reasons(other_id).await.len(), 2);

    // the same words in a later version are another message
    assert_eq!(
        writer.apply(&[update(id, 2, &effects[1..2])]).await.unwrap().outcomes,
        [ChangeOutcome::Stored]
    );
    assert_eq!(reasons(other_id).await, ["a", "b\0", "a"]);
}
