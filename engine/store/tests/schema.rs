//! Migrations: on nothing, twice, and what they leave.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use std::process::Command;

use common::{bare, database};
use podium_core::{RunId, Timestamp};
use podium_store::{Store, StoreError, StoreOptions};

#[tokio::test]
async fn migrations_apply_on_empty_and_again() {
    let url = bare("template0").await;
    let store = Store::connect(&url, StoreOptions::default()).await.unwrap();
    assert!(matches!(store.check_schema().await, Err(StoreError::Schema(_))));
    assert!(matches!(store.writer().await.err(), Some(StoreError::Schema(_))));
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.make_partitions().await.unwrap(), 0);
    store.writer().await.unwrap().close().await;
}

#[tokio::test]
async fn a_foreign_or_missing_migration_is_told() {
    let db = database().await;
    db.sql("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1").await;
    assert!(
        matches!(db.store.check_schema().await, Err(StoreError::Schema(text)) if text.contains("migration 1"))
    );
    db.sql("DELETE FROM _sqlx_migrations WHERE version = 1").await;
    assert!(matches!(db.store.check_schema().await, Err(StoreError::Schema(text)) if text.contains("lacks")));
}

#[tokio::test]
async fn the_dump_is_docs_schema_sql() {
    let url = bare("template0").await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/schema-dump.sh");
    let checked = Command::new(script).arg("--check").env("DATABASE_URL", &url).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn partitions_are_at_least_twelve_and_fit_the_ids() {
    let db = database().await;
    let count = "SELECT count(*) FROM pg_partition_tree('run') WHERE isleaf";
    assert!(db.number(count).await >= 12);
    // the first and last id of a month go where the month's partition says
    db.sql("SELECT make_partitions('2026-01-01', 2)").await;
    let (january, february) = (1_767_225_600_000, 1_769_904_000_000);
    for (ms, table) in [(january, "run_202601"), (february - 1, "run_202601"), (february, "run_202602")] {
        let id = RunId::new(Timestamp::from_millis(ms), 77, 0);
        db.sql(&format!(
            "INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, version, write_id, next_no, status)
            VALUES ('{id}', 1, now(), 1, 0, 0, 0, 'x', 1, 0, 1, 2)"
        ))
        .await;
        assert_eq!(db.number(&format!("SELECT count(*) FROM {table} WHERE id = '{id}'")).await, 1);
    }
    // a month without a partition lands in the safety net, and its partition is then left out
    let id = RunId::new(Timestamp::from_millis(1_500_000_000_000), 1, 0);
    db.sql(&format!(
        "INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, version, write_id, next_no, status)
        VALUES ('{id}', 1, now(), 1, 0, 0, 0, 'x', 1, 0, 1, 2)"
    ))
    .await;
    assert_eq!(db.number("SELECT count(*) FROM run_rest").await, 1);
    assert_eq!(db.number("SELECT make_partitions('2017-07-14', 1)::bigint").await, 3);
}

#[tokio::test]
async fn rules_of_the_schema_hold() {
    let db = database().await;
    let without_comment = "SELECT count(*) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary AND NOT c.relispartition
            AND c.relname NOT LIKE '\\_sqlx%' AND obj_description(c.oid) IS NULL";
    assert_eq!(db.number(without_comment).await, 0, "every index says which statement it serves");
    // that of a run changes when it ends, which is never a HOT update anyway; that of a task with each step
    let names_status = "SELECT count(*) FROM pg_indexes
        WHERE tablename ~ '^(run|task)(_|$)' AND indexdef LIKE '%status%' AND NOT indexname ~ '^run(_\\d{6}|_rest)?_(by_name|name_status_id_idx)$'";
    assert_eq!(db.number(names_status).await, 0, "an index on status costs every HOT update");
    let json = "SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.atttypid = 'jsonb'::regtype";
    assert_eq!(db.number(json).await, 0, "jsonb reorders keys and refuses \\u0000");
    let roomy = "SELECT count(*) FROM pg_class AS c
        WHERE (c.relname ~ '^(run|task)_(\\d{6}|rest)$') AND NOT 'fillfactor=40' = ANY (c.reloptions)";
    assert_eq!(db.number(roomy).await, 0);
}
