//! The views are a contract: names, types and meaning are what docs/sql-views.md says.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{database, insert, now, started, task, update};
use podium_core::{Effect, Payload, RunStatus, TaskStatus};
use sqlx::{Connection, PgConnection, Row};

/// (view, column, type) as the documentation has them.
fn documented() -> Vec<(String, String, String)> {
    let text = include_str!("../../../docs/sql-views.md");
    let mut view = String::new();
    let mut columns = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            view = name.strip_prefix("podium.").unwrap_or("").to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !view.is_empty() && cells.len() > 4 && cells[1].starts_with('`') {
            columns.push((view.clone(), cells[1].trim_matches('`').to_owned(), cells[2].to_owned()));
        }
    }
    columns
}

#[tokio::test]
async fn views_have_the_documented_columns() {
    let db = database().await;
    let real: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'podium'::regnamespace AND c.relkind = 'v'
        ORDER BY c.relname, a.attnum",
    )
    .fetch_all(&mut db.connection().await)
    .await
    .unwrap();
    let mut documented = documented();
    documented.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(real, documented);
}

#[tokio::test]
async fn views_say_what_the_store_holds() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let big = Payload::from_object_text(format!(r#"{{"x":"{}","n":1e400}}"#, "y".repeat(4_000)));
    let mut run = db.run(1);
    run.head.input = big.clone();
    let effects = started(&run);
    let other = db.run(2);
    let later = [Effect::Run(Box::new(other.head.clone())), {
        let mut t = task(1, now());
        t.status = TaskStatus::InProgress;
        t.ready = false;
        t.worker = Some("w1".into());
        Effect::TaskAdded(t.into())
    }];
    let outcomes = writer.apply(&[insert(&run, &effects), insert(&other, &later)]).await.unwrap().outcomes;
    assert_eq!(outcomes.len(), 2);
    let mut c = db.connection().await;
    let row = sqlx::query(
        "SELECT status, input::text, output::text, updated_at IS NULL FROM podium.runs WHERE run_id = $1",
    )
    .bind(run.head.id.uuid())
    .fetch_one(&mut c)
    .await
    .unwrap();
    assert_eq!(row.get::<&str, _>(0), "RUNNING");
    assert_eq!(row.get::<&str, _>(1), big.text());
    assert_eq!(row.get::<&str, _>(2), "{}");
    assert!(row.get::<bool, _>(3));
    let row = sqlx::query("SELECT task_id, status, task_name, domain FROM podium.tasks WHERE run_id = $1")
        .bind(run.head.id.uuid())
        .fetch_one(&mut c)
        .await
        .unwrap();
    assert_eq!(row.get::<sqlx::types::Uuid, _>(0), run.task_id(1).uuid());
    assert_eq!((row.get::<&str, _>(1), row.get::<&str, _>(2)), ("SCHEDULED", "email"));
    assert_eq!(row.get::<Option<&str>, _>(3), None);
    let waits: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT waits_for, worker FROM podium.waits ORDER BY waits_for")
            .fetch_all(&mut c)
            .await
            .unwrap();
    assert_eq!(waits, [("POLL".into(), None), ("WORKER".into(), Some("w1".into()))]);
    let depth: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT task_type, ready, delayed FROM podium.queue_depth")
            .fetch_all(&mut c)
            .await
            .unwrap();
    assert_eq!(depth, [("email".into(), 1, 0)]);
    // every status of the core has its word, in the same order
    for (i, status) in RunStatus::ALL.iter().enumerate() {
        db.sql(&format!("UPDATE run SET status = {i}")).await;
        let word: String =
            sqlx::query_scalar("SELECT status FROM podium.runs LIMIT 1").fetch_one(&mut c).await.unwrap();
        assert_eq!(word, status.as_str());
    }
    for (i, status) in TaskStatus::ALL.iter().enumerate() {
        db.sql(&format!("UPDATE task SET status = {i}")).await;
        let word: String =
            sqlx::query_scalar("SELECT status FROM podium.tasks LIMIT 1").fetch_one(&mut c).await.unwrap();
        assert_eq!(word, status.as_str());
    }
}

#[tokio::test]
async fn messages_show_as_json_or_base64() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    let run = db.run(1);
    let effects = started(&run);
    writer.apply(&[insert(&run, &effects)]).await.unwrap();
    let message = |no, value: &[u8]| podium_core::Outgoing {
        task: no,
        cluster: None,
        topic: "t".into(),
        key: None,
        value: value.to_vec(),
        headers: Vec::new(),
        max_block_ms: None,
    };
    let effects = [
        Effect::Emitted(message(1, br#"{"a":1}"#).into()),
        Effect::Emitted(message(2, &[0xff, 0x00]).into()),
    ];
    writer.apply(&[update(run.head.id, 1, &effects)]).await.unwrap();
    let bodies: Vec<(String, String)> = sqlx::query_as(
        "SELECT state, body::text FROM podium.events WHERE direction = 'OUT' ORDER BY task_id",
    )
    .fetch_all(&mut db.connection().await)
    .await
    .unwrap();
    assert_eq!(bodies, [("PENDING".into(), r#"{"a":1}"#.into()), ("PENDING".into(), "\"/wA=\"".into())]);
}

#[tokio::test]
async fn the_reader_sees_the_views_and_nothing_else() {
    let db = database().await;
    let mut c: PgConnection = db.connection().await;
    sqlx::query("SET ROLE podium_reader").execute(&mut c).await.unwrap();
    for view in ["runs", "tasks", "waits", "queue_depth", "events", "search_lag"] {
        let text = sqlx::AssertSqlSafe(format!("SELECT * FROM podium.{view}"));
        sqlx::query(text).fetch_all(&mut c).await.unwrap();
    }
    for table in ["run", "task", "payload", "inbox", "outbox", "workflow_def", "kafka_position"] {
        let text = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
        let refused = sqlx::query(text).fetch_all(&mut c).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"), "{table}");
    }
    let refused = sqlx::query("DELETE FROM podium.runs").execute(&mut c).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"));
    c.close().await.unwrap();
}
