//! Two writers on one run, overlapping batches, and commits whose outcome nobody saw.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use common::wire::{CUT, SILENT, wire};
use common::{Db, assert_same, database, folded, insert, started, update};
use podium_core::{Effect, RunState};
use podium_store::{Change, ChangeKind, ChangeOutcome, Store, StoreError, StoreOptions};
use sqlx::{Connection, PgConnection};

/// Backends that are killed under one writer.
const KILLS: i64 = 12;

async fn stored_runs(db: &Db, count: u64) -> Vec<RunState> {
    let mut writer = db.store.writer().await.unwrap();
    let runs: Vec<RunState> = (0..count).map(|n| db.run(n)).collect();
    let effects: Vec<Vec<Effect>> = runs.iter().map(started).collect();
    let all: Vec<Change<'_>> = runs.iter().zip(&effects).map(|(r, e)| insert(r, e)).collect();
    let outcomes = writer.apply(&all).await.unwrap().outcomes;
    assert!(outcomes.iter().all(|o| *o == ChangeOutcome::Stored));
    runs.iter().zip(&effects).map(|(r, e)| folded(r, 1, e)).collect()
}

fn named(run: &RunState, who: &str) -> Vec<Effect> {
    let mut head = run.head.clone();
    head.reason = Some(who.into());
    vec![Effect::Run(Box::new(head))]
}

#[tokio::test]
async fn of_two_writers_on_one_version_exactly_one_wins() {
    let db = database().await;
    let run = stored_runs(&db, 1).await.remove(0);
    let id = run.head.id;
    let (mut a, mut b) = (db.store.writer().await.unwrap(), db.store.writer().await.unwrap());
    for version in 1..100 {
        let (by_a, by_b) = (named(&run, "a"), named(&run, "b"));
        let (change_a, change_b) = ([update(id, version, &by_a)], [update(id, version, &by_b)]);
        let (from_a, from_b) = tokio::join!(a.apply(&change_a), b.apply(&change_b));
        let won = (from_a.unwrap().outcomes.remove(0), from_b.unwrap().outcomes.remove(0));
        let read = db.store.load(id).await.unwrap().unwrap();
        assert_eq!(read.head.version, version + 1);
        match (won, read.head.reason.as_deref()) {
            ((ChangeOutcome::Stored, ChangeOutcome::Stale), Some("a"))
            | ((ChangeOutcome::Stale, ChangeOutcome::Stored), Some("b")) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_batches_of_two_writers_never_deadlock() {
    let db = Arc::new(database().await);
    let runs = Arc::new(stored_runs(&db, 60).await);
    let tasks: Vec<_> = (0..3)
        .map(|who: usize| {
            let (db, runs) = (db.clone(), runs.clone());
            tokio::spawn(async move {
                let mut writer = db.store.writer().await.unwrap();
                let mut versions = vec![1i64; runs.len()];
                let mut stored = 0;
                for round in who..who + 100 {
                    // the same runs, handed over in another order by each writer, with new runs in between
                    let mut order: Vec<usize> =
                        (0..runs.len()).filter(|i| !(i + round).is_multiple_of(3)).collect();
                    order.rotate_left(round % 17);
                    if who == 1 {
                        order.reverse();
                    }
                    let fresh: Vec<RunState> = (0..5).map(|n| db.run(round as u64 * 1_000 + n)).collect();
                    let starts: Vec<Vec<Effect>> = fresh.iter().map(started).collect();
                    let whole: Vec<Vec<Effect>> = order.iter().map(|i| named(&runs[*i], "x")).collect();
                    let bump = [Effect::Settled(9)];
                    let mut changes: Vec<Change<'_>> = Vec::new();
                    for (at, i) in order.iter().enumerate() {
                        let effects = if (i + who).is_multiple_of(2) { &whole[at][..] } else { &bump[..] };
                        changes.push(update(runs[*i].head.id, versions[*i], effects));
                    }
                    changes.extend(fresh.iter().zip(&starts).map(|(r, e)| insert(r, e)));
                    let outcomes = writer.apply(&changes).await.unwrap().outcomes;
                    let mut lost = Vec::new();
                    for (i, outcome) in order.iter().zip(&outcomes) {
                        match outcome {
                            ChangeOutcome::Stored => {
                                versions[*i] += 1;
                                stored += 1;
                            }
                            ChangeOutcome::Stale => lost.push(runs[*i].head.id),
                            other => panic!("{other:?}"),
                        }
                    }
                    for read in db.store.load_many(&lost).await.unwrap() {
                        let i = runs.iter().position(|r| r.head.id == read.head.id).unwrap();
                        versions[i] = read.head.version;
                    }
                }
                stored
            })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        stored += task.await.unwrap();
    }
    let stats = db.store.stats();
    assert_eq!((stats.retried, stats.halved, stats.failed), (0, 0, 0), "no deadlock, no refusal");
    // every stored change is one step of a version, no more and no less
    let sum = db.number("SELECT sum(version - 1)::bigint FROM run").await;
    assert_eq!(sum, stored);
    assert!(stored > 500, "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_was_lost_is_found() {
    let db = database().await;
    let runs = stored_runs(&db, 3).await;
    let wire = wire(&db.url).await;
    let through = Store::connect(&wire.url, StoreOptions::default()).await.unwrap();
    let mut writer = through.writer().await.unwrap();
    let fresh = db.run(77);
    let start = started(&fresh);
    let effects: Vec<Vec<Effect>> = runs.iter().map(|r| named(r, "once")).collect();
    let confirm = Change {
        run: runs[2].head.id,
        kind: ChangeKind::Confirm { expected: 1 },
        effects: &[],
        extra_runs: &[],
    };
    let changes = [
        update(runs[0].head.id, 1, &effects[0]),
        update(runs[1].head.id, 8, &effects[1]),
        insert(&fresh, &start),
        confirm,
    ];
    // first the same form with guards that fail, so that it is prepared and the next answer is the commit's
    let exists = started(&runs[1]);
    let prepare = [
        update(runs[0].head.id, 9, &effects[0]),
        insert(&runs[1], &exists),
        Change { kind: ChangeKind::Confirm { expected: 9 }, ..confirm },
    ];
    assert_eq!(writer.apply(&prepare).await.unwrap().outcomes, vec![ChangeOutcome::Stale; 3]);
    wire.fault.store(CUT, Ordering::SeqCst);
    let applied = writer.apply(&changes).await.unwrap();
    let (stored, stale) = (ChangeOutcome::Stored, ChangeOutcome::Stale);
    assert_eq!(applied.outcomes, [stored.clone(), stale, stored.clone(), stored]);
    assert_eq!(through.stats().settled, 1);
    assert_same(&db.store.load(runs[0].head.id).await.unwrap().unwrap(), &folded(&runs[0], 2, &effects[0]));
    assert_same(&db.store.load(fresh.head.id).await.unwrap().unwrap(), &folded(&fresh, 1, &start));
    // only settled by reading, nothing to send again
    wire.fault.store(CUT, Ordering::SeqCst);
    let again = named(&runs[0], "twice");
    let applied = writer.apply(&[update(runs[0].head.id, 2, &again)]).await.unwrap();
    assert_eq!(applied.outcomes, [ChangeOutcome::Stored]);
    assert!(applied.db_now.as_micros() > 0 && applied.metadata_version > 0);
    assert_eq!(db.store.load(runs[0].head.id).await.unwrap().unwrap().head.version, 3);
}

/// Holds the commit's answer back until another writer has changed the run on top of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_others_built_upon_before_it_could_be_looked_for_is_unknown() {
    let db = database().await;
    let runs = stored_runs(&db, 2).await;
    let wire = wire(&db.url).await;
    let options = StoreOptions { answer_timeout: Duration::from_secs(2), ..StoreOptions::default() };
    let through = Store::connect(&wire.url, options).await.unwrap();
    let mut writer = through.writer().await.unwrap();
    let mut other = db.store.writer().await.unwrap();
    let (mine, theirs) = (named(&runs[0], "mine"), named(&runs[0], "theirs"));
    let (ours, late) = (named(&runs[1], "late"), named(&runs[1], "first"));
    let prepare = [update(runs[0].head.id, 9, &mine)];
    assert_eq!(writer.apply(&prepare).await.unwrap().outcomes, [ChangeOutcome::Stale]);
    // the second run was changed by somebody else before: what was expected is another's
    assert_eq!(
        other.apply(&[update(runs[1].head.id, 1, &late)]).await.unwrap().outcomes,
        [ChangeOutcome::Stored]
    );
    wire.fault.store(SILENT, Ordering::SeqCst);
    let changes = [update(runs[0].head.id, 1, &mine), update(runs[1].head.id, 1, &ours)];
    let on_top = async {
        while db.number("SELECT coalesce(max(version), 0) FROM run WHERE reason = 'mine'").await != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.apply(&[update(runs[0].head.id, 2, &theirs)]).await.unwrap().outcomes
    };
    let (applied, on_top) = tokio::join!(writer.apply(&changes), on_top);
    assert_eq!(on_top, [ChangeOutcome::Stored]);
    assert_eq!(applied.unwrap().outcomes, [ChangeOutcome::Unknown, ChangeOutcome::Stale]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_goes_silent_is_given_up_and_settled() {
    let db = database().await;
    let run = stored_runs(&db, 1).await.remove(0);
    let wire = wire(&db.url).await;
    let options = StoreOptions { answer_timeout: Duration::from_secs(1), ..StoreOptions::default() };
    let through = Store::connect(&wire.url, options).await.unwrap();
    let mut writer = through.writer().await.unwrap();
    let effects = named(&run, "once");
    // prepared first, see above
    assert_eq!(
        writer.apply(&[update(run.head.id, 9, &effects)]).await.unwrap().outcomes,
        [ChangeOutcome::Stale]
    );
    wire.fault.store(SILENT, Ordering::SeqCst);
    let applied = writer.apply(&[update(run.head.id, 1, &effects)]).await.unwrap();
    assert_eq!(applied.outcomes, [ChangeOutcome::Stored]);
    assert_eq!(through.stats().settled, 1);
    assert_same(&db.store.load(run.head.id).await.unwrap().unwrap(), &folded(&run, 2, &effects));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let db = Arc::new(database().await);
    let runs = stored_runs(&db, 40).await;
    let killed = Arc::new(AtomicI64::new(0));
    let killer = {
        let (db, killed) = (db.clone(), killed.clone());
        tokio::spawn(async move {
            let mut admin = PgConnection::connect(&db.url).await.unwrap();
            while killed.load(Ordering::SeqCst) < KILLS {
                let (n,): (i64,) = sqlx::query_as(
                    "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'podium-writer' AND state = 'active'",
                )
                .fetch_one(&mut admin)
                .await
                .unwrap();
                killed.fetch_add(n, Ordering::SeqCst);
                // after a hit: longer than it takes a busy machine to connect and to ask what became of a batch
                tokio::time::sleep(Duration::from_millis(if n > 0 { 40 } else { 1 })).await;
            }
        })
    };
    let mut writer = db.store.writer().await.ok();
    let mut versions = vec![1i64; runs.len()];
    let ends = Instant::now() + Duration::from_secs(120);
    while killed.load(Ordering::SeqCst) < KILLS {
        assert!(Instant::now() < ends, "{} of {KILLS} were killed", killed.load(Ordering::SeqCst));
        let Some(open) = writer.as_mut() else {
            // killed while it connected
            writer = db.store.writer().await.ok();
            continue;
        };
        let effects: Vec<Vec<Effect>> = runs.iter().map(|r| named(r, "step")).collect();
        let changes: Vec<Change<'_>> =
            runs.iter().zip(&effects).zip(&versions).map(|((r, e), v)| update(r.head.id, *v, e)).collect();
        match open.apply(&changes).await {
            Ok(applied) => {
                for (version, outcome) in versions.iter_mut().zip(applied.outcomes) {
                    // nobody else writes: a guard can only be lost against oneself, and that is settled
                    assert_eq!(outcome, ChangeOutcome::Stored);
                    *version += 1;
                }
            }
            Err(StoreError::Unavailable { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    killer.await.unwrap();
    for (run, version) in runs.iter().zip(&versions) {
        assert_eq!(db.store.load(run.head.id).await.unwrap().unwrap().head.version, *version);
    }
}
