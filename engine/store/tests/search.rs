//! Searches: what is found, in which order, how it is counted, and the words that a loop makes.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{Db, database, insert, now, task, update};
use podium_core::search::{Expr, Scope, parse, parse_json_words, parse_sort, parse_words};
use podium_core::{Effect, ParentLink, Payload, RunExtra, RunId, RunState, RunStatus, Span, TaskStatus};
use podium_store::{FeedState, NodeLease, SearchHits, SearchRequest, Total};

fn words(text: &str) -> Expr {
    parse_words(text).unwrap().map_or_else(Expr::everything, Expr::Words)
}

fn filter(scope: Scope, query: &str, text: &str) -> Expr {
    let more = if text.starts_with('{') { parse_json_words(scope, text).unwrap() } else { words(text) };
    parse(scope, query).unwrap().and(more)
}

async fn find(db: &Db, scope: Scope, query: &str, text: &str, sort: &str) -> SearchHits {
    let (filter, sort) = (filter(scope, query, text), parse_sort(scope, sort));
    let request = SearchRequest { scope, filter: &filter, sort: &sort, start: 0, size: 100, count: true };
    db.store.search(&request).await.unwrap()
}

/// Five runs: numbers are places in the order of their starts.
async fn five(db: &Db) -> Vec<RunId> {
    let mut writer = db.store.writer().await.unwrap();
    let begun = now();
    let mut ids = Vec::new();
    // the names that runs may have are those of the snapshots
    db.sql(
        r#"INSERT INTO snapshot (hash, body) VALUES
        (sha256('1'), '{"name":"order"}'), (sha256('2'), '{"name":"mail","metadata":{"classifier":"k"}}')"#,
    )
    .await;
    for n in 0..5_u64 {
        let mut run = db.run(n);
        let at = begun + Span::from_millis(10 * n as i64);
        run.head.id = RunId::new(at, n, 0);
        run.head.created_at = at;
        run.head.name = if n < 3 { "order" } else { "mail" }.into();
        run.head.correlation_id = (n != 4).then(|| format!("c{}", n % 2).into());
        run.head.priority = n as i16;
        let input = format!(
            r#"{{"animal":"{}","n":{n}}}"#,
            ["zebra", "lion", "lions", "caf\\u00e9", "-"][n as usize]
        );
        run.head.input = Payload::from_object_text(input);
        if n == 3 {
            let parent = ids[0];
            let link = ParentLink { run: parent, task: parent.task(1) };
            run.head.extra =
                RunExtra { parent: Some(link), event: Some("e".into()), ..RunExtra::default() }.into();
        }
        let effects = started(&run);
        writer.apply(&[insert(&run, &effects)]).await.unwrap();
        ids.push(run.head.id);
        if n < 2 {
            let mut head = run.head.clone();
            head.status = [RunStatus::Completed, RunStatus::Failed][n as usize];
            head.reason = (n == 1).then(|| "kaputt".into());
            head.ended_at = Some(at + Span::from_millis(1_000 * (2 - n as i64)));
            head.updated_at = at + Span::from_millis(5);
            let mut done = task(1, at);
            done.status = [TaskStatus::Completed, TaskStatus::Failed][n as usize];
            (done.ready, done.poll_count) = (false, 1);
            done.output = Payload::from_object_text(r#"{"bird":"heron"}"#);
            let effects = [Effect::Run(Box::new(head)), Effect::TaskChanged(done.into())];
            writer.apply(&[update(run.head.id, 1, &effects)]).await.unwrap();
        }
    }
    ids
}

fn started(run: &RunState) -> Vec<Effect> {
    common::started(run)
}

fn places(ids: &[RunId], found: &SearchHits) -> Vec<usize> {
    found.hits.iter().map(|hit| ids.iter().position(|id| *id == hit.run).unwrap()).collect()
}

async fn node(db: &Db) -> NodeLease {
    let node = db.store.register_node("test", Span::from_secs(60)).await.unwrap();
    db.store.open_feed(&node).await.unwrap();
    node
}

#[tokio::test]
async fn every_way_into_the_rows_finds_the_same() {
    let db = database().await;
    let ids = five(&db).await;
    let ms = |n: usize| (ids[n].uuid().as_u128() >> 80) as i64;
    let by_id = format!("workflowId IN ({},{},nonsense)", ids[1], ids[4]);
    let child = format!("parentWorkflowId='{}'", ids[0]);
    let late = format!("startTime>{} AND startTime<={}", ms(1), ms(3));
    let during = format!("startTime BETWEEN {} AND {}", ms(0), ms(2));
    for (query, expected) in [
        ("", &[4, 3, 2, 1, 0][..]),
        ("workflowType=order", &[2, 1, 0]),
        ("workflowType IN (order,mail) AND status=RUNNING", &[4, 3, 2]),
        ("status IN (FAILED,COMPLETED)", &[1, 0]),
        ("status='C*'", &[0]),
        ("status != RUNNING", &[1, 0]),
        ("status=NONE", &[]),
        ("workflowType=or*", &[2, 1, 0]),
        ("workflowType STARTS_WITH 'ma'", &[4, 3]),
        ("workflowType!=order", &[4, 3]),
        ("correlationId=c1", &[3, 1]),
        ("correlationId IN (c0,c1)", &[3, 2, 1, 0]),
        ("correlationId != c1", &[4, 2, 0]),
        ("correlationId IS null", &[4]),
        ("correlationId IS not null AND workflowType=mail", &[3]),
        ("priority>=3", &[4, 3]),
        ("priority IN (0,4)", &[4, 0]),
        ("priority BETWEEN 1 AND 2", &[2, 1]),
        ("version=1 AND event=e", &[3]),
        ("executionTime>1500", &[0]),
        ("endTime=0", &[4, 3, 2]),
        ("reasonForIncompletion=kap*", &[1]),
        ("parentWorkflowId=''", &[4, 2, 1, 0]),
        ("parentWorkflowId IS NOT null", &[3]),
        ("classifier=workflow", &[4, 3, 2, 1, 0]),
        ("createdBy=x", &[]),
        ("input='lion'", &[2, 1]),
        ("input != 'lion'", &[4, 3, 0]),
        ("workflowType=order AND (status=FAILED OR priority=0)", &[1, 0]),
        ("status=FAILED OR workflowType=mail", &[4, 3, 1]),
        (&by_id, &[4, 1]),
        (&child, &[3]),
        (&late, &[3, 2]),
        (&during, &[2, 1, 0]),
    ] {
        let found = find(&db, Scope::Runs, query, "", "").await;
        assert_eq!(places(&ids, &found), expected, "{query}");
        assert_eq!(found.total, Total { hits: expected.len() as i64, exact: true }, "{query}");
    }
    for (text, expected) in [
        (r#"{"status":"FAILED"}"#, &[1][..]),
        (r#"{"priority":2}"#, &[2]),
        (r#"{"priority":"2"}"#, &[]),
        (r#"{"input":{"n":1}}"#, &[1]),
        (r#"{"nothing":1}"#, &[]),
    ] {
        assert_eq!(places(&ids, &find(&db, Scope::Runs, "", text, "").await), expected, "{text}");
    }
}

#[tokio::test]
async fn pages_are_sorted_and_counted() {
    let db = database().await;
    let ids = five(&db).await;
    for (sort, expected) in [
        ("startTime:ASC", [0, 1, 2, 3, 4]),
        ("status:ASC|startTime:DESC", [0, 1, 4, 3, 2]),
        ("workflowType:DESC|priority:ASC", [0, 1, 2, 3, 4]),
        ("endTime:DESC|startTime:ASC", [0, 1, 2, 3, 4]),
        ("priority:DESC", [4, 3, 2, 1, 0]),
    ] {
        for query in ["", "workflowType IN (mail,order)", "status IN (RUNNING,COMPLETED,FAILED)"] {
            assert_eq!(
                places(&ids, &find(&db, Scope::Runs, query, "", sort).await),
                expected,
                "{sort} {query}"
            );
        }
    }
    let all = Expr::everything();
    let names = parse(Scope::Runs, "workflowType IN (mail,order)").unwrap();
    for filter in [&all, &names] {
        let page = |start, size, count| {
            let request = SearchRequest { scope: Scope::Runs, filter, sort: &[], start, size, count };
            let store = db.store.clone();
            async move { store.search(&request).await.unwrap() }
        };
        let found = page(1, 2, true).await;
        assert_eq!((places(&ids, &found), found.total), (vec![3, 2], Total { hits: 5, exact: true }));
        let found = page(3, 10, false).await;
        assert_eq!((places(&ids, &found), found.total), (vec![1, 0], Total { hits: 5, exact: true }));
        let found = page(9, 2, true).await;
        assert_eq!((places(&ids, &found), found.total), (vec![], Total { hits: 5, exact: true }));
        let found = page(0, 0, true).await;
        assert_eq!((places(&ids, &found), found.total), (vec![], Total { hits: 5, exact: true }));
        let found = page(1, 2, false).await;
        assert_eq!((places(&ids, &found), found.total), (vec![3, 2], Total { hits: 3, exact: false }));
    }
}

#[tokio::test]
async fn tasks_are_found_by_their_own_columns_and_their_runs() {
    let db = database().await;
    let ids = five(&db).await;
    let one = format!("taskId={}", ids[1].task(1));
    let run = format!("workflowId={}", ids[0]);
    for (query, expected) in [
        ("", &[1, 0][..]),
        ("taskType=email", &[1, 0]),
        ("taskType=email AND status=FAILED", &[1]),
        // a task that nobody has touched is found by its status only
        ("status=SCHEDULED", &[4, 3, 2]),
        ("workflowType=mail", &[]),
        ("workflowType=order AND status IN (COMPLETED,FAILED)", &[1, 0]),
        ("correlationId=c0", &[0]),
        ("referenceTaskName=t1 AND workflowPriority=1", &[1]),
        (&one, &[1]),
        (&run, &[0]),
    ] {
        for sort in ["", "taskType:ASC", "workflowPriority:DESC"] {
            let found = find(&db, Scope::Tasks, query, "", sort).await;
            assert_eq!(places(&ids, &found), expected, "{query} {sort}");
            assert_eq!(found.total, Total { hits: expected.len() as i64, exact: true }, "{query}");
            assert!(found.hits.iter().all(|hit| hit.no == 1));
            assert_eq!(db.store.load_tasks(&found.hits).await.unwrap().len(), expected.len());
        }
    }
}

#[tokio::test]
async fn words_are_found_once_they_are_made_and_go_with_their_run() {
    let db = database().await;
    let ids = five(&db).await;
    let node = node(&db).await;
    assert_eq!(find(&db, Scope::Runs, "", "lion", "").await.hits.len(), 0);
    let state = FeedState::default();
    assert_eq!(db.store.make_words(&node, &ids, state).await.unwrap(), 5);
    assert_eq!(db.store.make_words(&node, &ids, state).await.unwrap(), 0, "they are made once");
    let id = ids[3].to_string();
    for (text, expected) in [
        ("lion", &[2, 1][..]),
        ("LIONS", &[2, 1]),
        ("lion & kaputt", &[1]),
        ("lion & !kaputt", &[2]),
        ("!kaputt", &[4, 3, 2, 0]),
        ("zebra | kaputt", &[1, 0]),
        ("lion kaputt", &[1]),
        ("zebr:*", &[0]),
        ("zeb*", &[]),
        ("'café'", &[3]),
        ("animal", &[4, 3, 2, 1, 0]),
        ("the", &[]),
        (&id, &[3]),
    ] {
        for query in ["", "workflowType IN (order,mail)"] {
            let found = find(&db, Scope::Runs, query, text, "").await;
            assert_eq!(places(&ids, &found), expected, "{text} {query}");
        }
    }
    let tasks = |text: &'static str| find(&db, Scope::Tasks, "workflowType=order", text, "");
    assert_eq!(places(&ids, &tasks("heron").await), [1, 0]);
    assert_eq!(places(&ids, &tasks("heron & FAILED").await), [1]);
    assert_eq!(places(&ids, &tasks("lion").await), [] as [usize; 0]);
    // a change is words again, and a run that is gone has none
    let mut writer = db.store.writer().await.unwrap();
    let mut head = db.store.load(ids[4]).await.unwrap().unwrap().head;
    head.reason = Some("broken wing".into());
    writer.apply(&[update(ids[4], 1, &[Effect::Run(Box::new(head))])]).await.unwrap();
    assert_eq!(db.store.make_words(&node, &ids, state).await.unwrap(), 1);
    assert_eq!(places(&ids, &find(&db, Scope::Runs, "", "wing", "").await), [4]);
    db.sql(&format!("DELETE FROM run WHERE id = '{}'", ids[1])).await;
    assert_eq!(db.number("SELECT count(*) FROM run_search").await, 4);
    assert_eq!(db.number("SELECT count(*) FROM task_search").await, 1);
}

#[tokio::test]
async fn what_a_dead_node_left_is_swept_up_once() {
    let db = database().await;
    let ids = five(&db).await;
    let node = node(&db).await;
    // the rows from before the table: a node that never lived
    let sweep = db.store.wanted_sweep().await.unwrap().unwrap();
    assert!(db.store.search_lag().await.unwrap().sweeping);
    let (next, behind) = db.store.sweep_stretch(sweep.below, 3).await.unwrap();
    assert_eq!(behind.len(), 3, "newest first");
    assert_eq!(db.store.make_words(&node, &behind, FeedState::default()).await.unwrap(), 3);
    db.store.sweep_at(next.unwrap(), 3).await.unwrap();
    // another node goes on where this one was
    let again = db.store.wanted_sweep().await.unwrap().unwrap();
    assert_eq!(again.below, ids[2].uuid());
    let (next, behind) = db.store.sweep_stretch(again.below, 3).await.unwrap();
    assert_eq!((next, behind.len()), (None, 2));
    db.store.sweep_done(&again).await.unwrap();
    assert_eq!(db.store.wanted_sweep().await.unwrap(), None);
    assert!(!db.store.search_lag().await.unwrap().sweeping);
    // a node that dies asks for another one, a node that stops in order does not
    let orderly = db.store.register_node("orderly", Span::from_secs(60)).await.unwrap();
    db.store.open_feed(&orderly).await.unwrap();
    db.store.close_feed(&orderly).await.unwrap();
    db.store.release_node(&orderly).await.unwrap();
    assert_eq!(db.store.wanted_sweep().await.unwrap(), None);
    db.store.release_node(&node).await.unwrap();
    let sweep = db.store.wanted_sweep().await.unwrap().unwrap();
    db.store.sweep_done(&sweep).await.unwrap();
    assert_eq!(db.store.wanted_sweep().await.unwrap(), None);
}

#[tokio::test]
async fn totals_are_exact_up_to_ten_thousand() {
    let db = database().await;
    five(&db).await;
    db.sql(
        "INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, version, write_id, next_no, status)
        SELECT (to_char(n, 'FM00000000') || substr(r.id::text, 9, 23) || '00000')::uuid, 1, now(), 1, 0, n % 64, 0, 'x', 1, 0, 2, 2
        FROM (SELECT id FROM run LIMIT 1) AS r, generate_series(1, 10000) AS n",
    )
    .await;
    let found = find(&db, Scope::Runs, "workflowType=x", "", "").await;
    assert_eq!((found.hits.len(), found.total), (100, Total { hits: 10_000, exact: true }));
    let found = find(&db, Scope::Runs, "", "", "").await;
    assert!(found.total.hits >= 10_000 && (!found.total.exact || found.total.hits == 10_005), "{found:?}");
}

#[tokio::test]
async fn statuses_are_counted_apart() {
    let db = database().await;
    let ids = five(&db).await;
    let counted = async |query: &str, text: &str| {
        let counts = db.store.count_statuses(&filter(Scope::Runs, query, text)).await.unwrap();
        assert!(counts.0.iter().all(|total| total.exact), "{query}");
        counts.0.map(|total| total.hits)
    };
    // running, paused, completed, failed, timed out, terminated
    assert_eq!(counted("", "").await, [3, 0, 1, 1, 0, 0]);
    assert_eq!(counted("workflowType=order", "").await, [1, 0, 1, 1, 0, 0]);
    assert_eq!(counted("workflowType=order AND status IN (FAILED, PAUSED)", "").await, [0, 0, 0, 1, 0, 0]);
    assert_eq!(counted("correlationId=c1 OR correlationId=c0", "").await, [2, 0, 1, 1, 0, 0]);
    assert_eq!(counted(&format!("parentWorkflowId={}", ids[0]), "").await, [1, 0, 0, 0, 0, 0]);
    assert_eq!(counted("workflowType STARTS_WITH 'ma'", "").await, [2, 0, 0, 0, 0, 0]);
    assert_eq!(counted("", "nothing").await, [0; 6]);
}

#[tokio::test]
async fn many_runs_are_counted_as_far_as_is_quick() {
    let db = database().await;
    db.sql(
        r#"INSERT INTO snapshot (hash, body) VALUES (sha256('1'), '{"name":"many"}');
        INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, version, write_id, next_no, status)
        SELECT (left(uuid_floor(now())::text, 14) || '7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
            1, now(), 1, 0, 0, 0, 'many', 1, 1, 1, CASE WHEN n % 10 = 0 THEN 3 ELSE 2 END
        FROM generate_series(1, 30000) AS n"#,
    )
    .await;
    let everything = Expr::everything();
    let counts = db.store.count_statuses(&everything).await.unwrap();
    assert_eq!(counts.0[3], Total { hits: 3_000, exact: true });
    let completed = counts.0[2];
    assert!(
        completed == Total { hits: 27_000, exact: true } || completed == Total { hits: 10_000, exact: false },
        "{completed:?}"
    );
}

/// Words are made of many runs in one statement, and the removal of a run takes its words away: neither may wait for the other
/// in a ring.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_removed_while_their_words_are_made() {
    const RUNS: u64 = 60;
    const ROUNDS: u64 = 20;
    let db = database().await;
    let node = node(&db).await;
    let mut writer = db.store.writer().await.unwrap();
    for round in 0..ROUNDS {
        let mut runs = Vec::new();
        for n in 0..RUNS {
            let run = db.run(round * RUNS + n);
            let more: Vec<_> = (2..5).map(|no| done(no, run.head.created_at)).collect();
            let mut effects = started(&run);
            effects.extend(more.iter().map(|row| Effect::TaskAdded(row.clone().into())));
            writer.apply(&[insert(&run, &effects)]).await.unwrap();
            runs.push((run.head.id, run.head.clone(), more));
        }
        let ids: Vec<RunId> = runs.iter().map(|(id, ..)| *id).collect();
        db.store.make_words(&node, &ids, FeedState::default()).await.unwrap();
        // all of it changes, the last rows first
        for (id, mut head, rows) in runs {
            head.reason = Some("changed".into());
            let mut effects = vec![Effect::Run(Box::new(head))];
            effects.extend(rows.into_iter().rev().map(|mut row| {
                row.reason = Some("changed".into());
                Effect::TaskChanged(row.into())
            }));
            writer.apply(&[update(id, 1, &effects)]).await.unwrap();
        }
        let removed = async {
            for id in ids.iter().rev() {
                assert!(db.store.remove_run(*id, 2).await.unwrap().is_some(), "round {round}");
            }
        };
        let made = async { db.store.make_words(&node, &ids, FeedState::default()).await.unwrap() };
        tokio::join!(removed, made);
    }
    assert_eq!(db.store.stats().retried, 0, "no ring had to be broken");
}

fn done(no: u32, at: podium_core::Timestamp) -> podium_core::TaskState {
    let mut row = task(no, at);
    (row.status, row.ready, row.poll_count) = (TaskStatus::Completed, false, 1);
    row
}
