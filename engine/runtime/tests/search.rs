//! Searches of the engine: what was acknowledged is found at once, its words soon, and neither is lost by a kill.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::time::Duration;

use podium_core::search::{Expr, Scope, parse, parse_words};
use podium_core::{Payload, RunId, Span};
use podium_runtime::{Engine, SearchQuery};
use podium_store::{Store, StoreOptions};
use serde_json::json;
use support::{SOON, complete, config, database, define, node, poll_one, simple, start_of, until};

fn query(scope: Scope, text: &str, words: &str) -> SearchQuery {
    let words = parse_words(words).unwrap().map_or_else(Expr::everything, Expr::Words);
    let filter = parse(scope, text).unwrap().and(words);
    SearchQuery { filter, sort: Vec::new(), start: 0, size: 10, count: true }
}

async fn found(engine: &Engine, text: &str, words: &str) -> Vec<RunId> {
    let found = engine.search_runs(query(Scope::Runs, text, words)).await.unwrap();
    assert_eq!(found.hits, found.rows.len() as i64);
    found.rows.iter().map(|row| row.run.head.id).collect()
}

async fn start(engine: &Engine, word: &str) -> RunId {
    let mut request = start_of("order");
    request.input = Payload::from_object_text(format!(r#"{{"word":"{word}"}}"#));
    engine.start(request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_found_by_columns_and_words() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "order", json!([simple("pay")])).await;
    let run = start(&engine, "heron").await;
    assert_eq!(found(&engine, "workflowType=order AND status=RUNNING", "").await, [run]);
    // the search waits for the words of what this node has just changed
    assert_eq!(found(&engine, "", "herons").await, [run]);
    let pay = poll_one(&engine, "pay").await;
    complete(&engine, &pay).await;
    assert_eq!(found(&engine, "status=COMPLETED", "").await, [run]);
    assert_eq!(found(&engine, "", "completed & heron").await, [run]);
    let tasks =
        engine.search_tasks(query(Scope::Tasks, "taskType=pay AND status=COMPLETED", "done")).await.unwrap();
    assert_eq!((tasks.rows.len(), tasks.hits, tasks.exact), (1, 1, true));
    let owners = engine.search_runs_by_tasks(query(Scope::Tasks, "workflowType=order", "")).await.unwrap();
    assert_eq!(owners.rows.len(), 1);
    engine.remove(run, false).await.unwrap();
    assert_eq!(found(&engine, "", "heron").await, [] as [RunId; 0]);
    assert_eq!(db.number("SELECT count(*) FROM run_search").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_a_killed_node_did_not_make_are_made_by_another() {
    let db = database().await;
    let mut short = config();
    (short.lease, short.pulse_every) = (Duration::from_millis(400), Duration::from_millis(100));
    let first = node(&db, short.clone()).await;
    define(&first, "order", json!([simple("pay")])).await;
    start(&first, "zebra").await;
    assert_eq!(found(&first, "", "zebra").await.len(), 1);
    let lost = start(&first, "heron").await;
    // dropped without a word, as a killed process: the commit is there, the words are not
    drop(first);
    db.sql("DELETE FROM run_search WHERE run_id <> (SELECT run_id FROM run_search ORDER BY run_id LIMIT 1)")
        .await;
    let second = node(&db, short).await;
    until("the words are there", SOON, || async { found(&second, "", "heron").await == [lost] }).await;
    until("the sweep is over", SOON, || async {
        let asked = query(Scope::Runs, "", "heron");
        !second.search_runs(asked).await.unwrap().lag.unwrap().1
    })
    .await;
    // an orderly end leaves nothing to look for
    second.shutdown(Duration::from_secs(5)).await;
    let store = Store::connect(&db.url, StoreOptions::default()).await.unwrap();
    let watcher = store.register_node("watcher", Span::from_secs(60)).await.unwrap();
    assert_eq!(store.wanted_sweep().await.unwrap(), None, "{watcher:?}");
}
