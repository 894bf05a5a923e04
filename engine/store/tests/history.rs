//! The accounts of runs: written with what they tell of or not at all, bounded, gone with the run.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{Db, database, insert, started, update};
use podium_core::history::LINES_KEPT;
use podium_core::{Act, Asker, Effect, HistoryLine, RunStatus};
use podium_store::ChangeOutcome;

fn line(seq: u32) -> HistoryLine {
    HistoryLine {
        seq,
        at: common::now(),
        act: Act::Rerun,
        task: Some((1, "t1".into())),
        before: RunStatus::Failed,
        after: RunStatus::Running,
        by: Asker {
            actor: Some("alice".into()),
            origin: Some("10.0.0.9".into()),
            reason: Some("it rains".into()),
            ticket: None,
        },
        detail: Some(r#"{"a":"\u0000"}"#.to_owned()),
    }
}

async fn kept(db: &Db) -> i64 {
    db.number("SELECT count(*) FROM history").await
}

#[tokio::test]
async fn a_line_is_stored_with_its_change_or_not_at_all() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    writer.apply(&[insert(&run, &started(&run))]).await.unwrap();
    let effects = [Effect::Run(Box::new(run.head.clone())), Effect::Noted(Box::new(line(1)))];
    let outcomes = writer.apply(&[update(id, 7, &effects)]).await.unwrap().outcomes;
    assert_eq!((&outcomes[..], kept(&db).await), (&[ChangeOutcome::Stale][..], 0));
    let outcomes = writer.apply(&[update(id, 1, &effects)]).await.unwrap().outcomes;
    assert_eq!((&outcomes[..], kept(&db).await), (&[ChangeOutcome::Stored][..], 1));
    let (lines, total) = db.store.history(id, 0, 10).await.unwrap();
    assert_eq!((lines, total), (vec![line_at(line(1), &db).await], 1));
    assert_eq!(db.store.history(id, 1, 10).await.unwrap(), (Vec::new(), 1));
    let shown = db
        .word("SELECT concat_ws(' ', operation, status_before, status_after, reference_name, actor, origin, reason, detail) FROM podium.history")
        .await;
    assert_eq!(shown, r#"RERUN FAILED RUNNING t1 alice 10.0.0.9 it rains {"a":"\u0000"}"#);
    assert!(db.store.remove_run(id, 2).await.unwrap().is_some());
    assert_eq!(kept(&db).await, 0, "it goes with the run");
}

/// The same with the instant that is stored.
async fn line_at(line: HistoryLine, db: &Db) -> HistoryLine {
    let at = db.number("SELECT (extract(epoch FROM at) * 1000000)::bigint FROM history").await;
    HistoryLine { at: podium_core::Timestamp::from_micros(at), ..line }
}

#[tokio::test]
async fn an_account_has_a_bound_and_keeps_its_beginning() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let id = run.head.id;
    writer.apply(&[insert(&run, &started(&run))]).await.unwrap();
    // more than fit, in one change and then in small ones
    let many = |from: u32, to: u32| -> Vec<Effect> {
        let lines = (from..=to).map(|seq| Effect::Noted(Box::new(line(seq))));
        std::iter::once(Effect::Run(Box::new(run.head.clone()))).chain(lines).collect()
    };
    let all = LINES_KEPT * 2 + 100;
    writer.apply(&[update(id, 1, &many(1, all))]).await.unwrap();
    writer.apply(&[update(id, 2, &many(all + 1, all + 1))]).await.unwrap();
    writer.apply(&[update(id, 3, &many(all + 2, all + 3))]).await.unwrap();
    assert_eq!(kept(&db).await, i64::from(LINES_KEPT));
    let (lines, _) = db.store.history(id, 0, 2_000).await.unwrap();
    let numbers: Vec<u32> = lines.iter().map(|line| line.seq).collect();
    let half = LINES_KEPT / 2;
    let wanted: Vec<u32> = (1..=half).chain(all + 4 - half..=all + 3).collect();
    assert_eq!(numbers, wanted);
}
