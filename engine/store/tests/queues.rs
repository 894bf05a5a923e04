//! How queues stand: what waits, what is held, who polls.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{database, insert, now, started};
use podium_core::{Effect, Span};
use podium_store::{PollRow, QueueState};

#[tokio::test]
async fn what_waits_is_told_from_what_is_delayed_and_held() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let at = now();
    let late = at + Span::from_secs(3_600);
    // type, domain, available, worker
    for (n, (kind, domain, available, worker)) in [
        ("email", None, at, None),
        ("email", None, at + Span::from_secs(-5), None),
        ("email", None, late, None),
        ("email", Some("blue"), late, None),
        ("sms", None, at, Some("w1")),
        ("email", Some("red"), at, Some("w2")),
    ]
    .into_iter()
    .enumerate()
    {
        let run = db.run(n as u64);
        let mut effects = started(&run);
        for effect in &mut effects {
            match effect {
                Effect::TaskAdded(task) => {
                    let mut row = (**task).clone();
                    (row.task_type, row.available_at) = (kind.into(), available);
                    row.domain = domain.map(Into::into);
                    if let Some(worker) = worker {
                        (row.ready, row.status) = (false, podium_core::TaskStatus::InProgress);
                        row.worker = Some(worker.into());
                    }
                    *task = row.into();
                }
                Effect::Run(head) if worker.is_some() => head.wake_at = Some(late),
                _ => {}
            }
        }
        writer.apply(&[insert(&run, &effects)]).await.unwrap();
    }
    let state = |domain: &str, ready, delayed, oldest| QueueState {
        task_type: "email".into(),
        domain: domain.into(),
        ready,
        delayed,
        oldest,
    };
    let states = db.store.queue_states(at, 100, 100).await.unwrap();
    assert_eq!(states, [state("", 2, 1, Some(at + Span::from_secs(-5))), state("blue", 0, 1, None)]);
    let first = db.store.queue_states(at, 1, 1).await.unwrap();
    assert_eq!(first, [state("", 1, 1, Some(at + Span::from_secs(-5)))]);
    let leased = db.store.leased_tasks(100).await.unwrap();
    let mut queues = leased.queues;
    queues.sort_unstable();
    assert_eq!(queues, [("email".into(), "red".into(), 1), ("sms".into(), String::new(), 1)]);
    assert!(leased.exact);
    assert!(!db.store.leased_tasks(1).await.unwrap().exact);
}

#[tokio::test]
async fn the_latest_pollers_of_each_queue_are_shown() {
    let db = database().await;
    let at = now();
    let row = |worker: &str, seconds: i64| PollRow {
        task_type: "email".into(),
        domain: String::new(),
        worker: worker.into(),
        last_poll_at: at + Span::from_secs(-seconds),
    };
    let mut other = row("x", 1);
    other.domain = "blue".into();
    db.store.touch_polls(&[row("a", 9), row("b", 3), row("c", 6), other.clone()]).await.unwrap();
    assert_eq!(db.store.pollers(2).await.unwrap(), [row("b", 3), row("c", 6), other]);
}
