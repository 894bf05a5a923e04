//! The plans of the hot statements: nested loops of index scans, on empty, tiny and large tables.
//!
//! The statements are the real ones, with the settings of the real connections and a generic plan, which is
//! made once and kept: one made on an empty table must be right for a large one.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{Db, database, started};
use podium_core::RunState;
use podium_store::{Change, hot_statement, load_statement};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Settings of the writer's connections, read back from one.
async fn writer_settings(db: &Db) -> Vec<(String, String)> {
    let mut writer = db.store.writer().await.unwrap();
    let settings = writer.settings().await.unwrap();
    writer.close().await;
    settings
}

/// `parts` 0 = the statement that loads runs.
async fn explain(c: &mut PgConnection, parts: u16, month: Option<&str>) -> String {
    let text = if parts == 0 { load_statement(month) } else { hot_statement(parts, month) };
    // arguments: numbers and their types as the text has them
    let mut types = vec!["bigint".to_owned()];
    for piece in text.split('$').skip(1) {
        let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
        let number: usize = digits.parse().unwrap();
        if let Some(cast) = piece[digits.len()..].strip_prefix("::") {
            let ty: String = cast.chars().take_while(|c| c.is_alphanumeric() || "_[]".contains(*c)).collect();
            if types.len() < number {
                types.resize(number, String::new());
            }
            types[number - 1] = ty;
        }
    }
    let values: Vec<&str> = types.iter().map(|ty| if ty.ends_with("[]") { "'{}'" } else { "1" }).collect();
    let name = format!("form_{parts}_{}", month.unwrap_or("all"));
    let prepare = format!("PREPARE {name} ({}) AS {text}", types.join(", "));
    // a plan is kept: prepared once for each connection, explained as often as asked
    let known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = $1)")
            .bind(&name)
            .fetch_one(&mut *c)
            .await
            .unwrap();
    if !known {
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *c).await.unwrap();
    }
    let explain = format!("EXPLAIN EXECUTE {name} ({})", values.join(", "));
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *c).await.unwrap();
    rows.iter().map(|r| r.get::<String, _>(0) + "\n").collect()
}

fn assert_good(plan: &str, what: &str) {
    for line in plan.lines() {
        let bad =
            ["Hash Join", "Merge Join", "Bitmap", "Materialize", "Memoize"].iter().any(|b| line.contains(b));
        // the one row of metadata_version may be read in any way
        let scan = line.contains("Seq Scan") && !line.contains("on metadata_version");
        assert!(!bad && !scan, "{what}: {line}\n{plan}");
        // a table of ids has room for as many as are expected, made and cleared at each execution
        if ["stored", "missing", "limited", "children"]
            .iter()
            .any(|cte| line.contains(&format!("CTE Scan on {cte}")))
        {
            let (_, expected) = line.split_once("rows=").unwrap();
            let expected: u64 = expected.split(' ').next().unwrap().parse().unwrap();
            assert!(expected <= 1_000, "{what}: expects too many: {line}\n{plan}");
        }
    }
    let mut lines = plan.lines().peekable();
    while let Some(line) = lines.next() {
        let reads = line.contains("Index Scan using") || line.contains("Index Only Scan using");
        if reads && !line.contains("metadata_version") {
            let condition = lines.peek().unwrap_or(&"");
            assert!(condition.contains("Index Cond"), "{what}: reads a whole index: {line}\n{plan}");
            // the key comes from the array (or from the run that it found), not from a constant
            let keyed = ["unnest(", "i.", "i_", "r.", "r_", "x.", "x_", "t.", "t_"]
                .iter()
                .any(|outer| condition.contains(outer));
            assert!(keyed, "{what}: {condition}\n{plan}");
        }
    }
}

#[tokio::test]
async fn hot_statements_use_keys_on_empty_tiny_and_large_tables() {
    let db = database().await;
    let settings = writer_settings(&db).await;
    let month = db.word("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')").await;
    let apply = |mut c: PgConnection| {
        let settings = settings.clone();
        async move {
            for (name, value) in settings {
                let text = format!("SET {name} = '{value}'");
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut c).await.unwrap();
            }
            c
        }
    };
    let mut old = apply(db.connection().await).await;
    // messages between runs hang on nothing but the stored runs and the new children: some forms show all there is
    let forms: Vec<u16> = (0..=255)
        .chain([257, 258, 256 | 17, 256 | 64 | 1, 256 | 128 | 1, 511])
        .chain([512 | 17, 512 | 18, 512 | 27, 512 | 64 | 17, 1023])
        .chain([1024 | 2, 1024 | 17, 1024 | 64 | 17, 1024 | 512 | 27, 2047])
        .chain([2048 | 17, 2048 | 16 | 8 | 1, 2048 | 1024 | 17, 4095])
        .collect();
    // every form on empty tables; the plans stay in this connection
    for parts in &forms {
        for month in [None, Some(&*month)] {
            assert_good(&explain(&mut old, *parts, month).await, &format!("empty, form {parts} {month:?}"));
        }
    }
    // an analysed empty table counts as one of one row, in which every way of reading costs the same
    db.sql("ANALYZE").await;
    let mut oldest = apply(db.connection().await).await;
    for parts in &forms {
        for month in [None, Some(&*month)] {
            assert_good(
                &explain(&mut oldest, *parts, month).await,
                &format!("empty and analysed, form {parts} {month:?}"),
            );
        }
    }
    let mut writer = db.store.writer().await.unwrap();
    let runs: Vec<RunState> = (0..20).map(|n| db.run(n)).collect();
    let effects: Vec<_> = runs.iter().map(started).collect();
    let all: Vec<Change<'_>> = runs.iter().zip(&effects).map(|(r, e)| common::insert(r, e)).collect();
    writer.apply(&all).await.unwrap();
    let usual = [
        0,
        2 | 8,
        1 | 16,
        1 | 2 | 8 | 16,
        1 | 2 | 4 | 8 | 16,
        255,
        256 | 17,
        511,
        512 | 17,
        1023,
        1024 | 17,
        2047,
        2048 | 17,
        4095,
    ];
    for analysed in [false, true] {
        if analysed {
            db.sql("ANALYZE").await;
        }
        let mut fresh = apply(db.connection().await).await;
        for parts in usual {
            for month in [None, Some(&*month)] {
                assert_good(
                    &explain(&mut fresh, parts, month).await,
                    &format!("tiny, form {parts} {month:?}"),
                );
            }
        }
        fresh.close().await.unwrap();
    }
    // large: copies of the rows in one month
    db.sql(
        "INSERT INTO run (id, snapshot_id, created_at, def_version, shard, bucket, priority, name, version, write_id, next_no, status, wake_at)
        SELECT (to_char(n, 'FM00000000') || substr(r.id::text, 9))::uuid, 1, now(), 1, 0, n % 64, 0, 'x', 1, 0, 2, 0, now()
        FROM (SELECT id FROM run LIMIT 1) AS r, generate_series(1, 60000) AS n;
        INSERT INTO task (run_id, scheduled_at, no, seq, shard, priority, attempt, iteration, task_type, ref_name, domain,
            changed_in, available_at, response_timeout_s, poll_count, status, ready, retried, executed)
        SELECT r.id, now(), n, n, 0, 0, 0, 0, 'email', 't', '', 1, now(), 1, 0, 0, true, false, false
        FROM run AS r, generate_series(1, 2) AS n WHERE r.name = 'x';
        ANALYZE",
    )
    .await;
    let mut fresh = apply(db.connection().await).await;
    for parts in usual {
        for month in [None, Some(&*month)] {
            assert_good(&explain(&mut fresh, parts, month).await, &format!("large, form {parts} {month:?}"));
        }
    }
    for parts in &forms {
        for month in [None, Some(&*month)] {
            assert_good(
                &explain(&mut old, *parts, month).await,
                &format!("large with the old plan, form {parts} {month:?}"),
            );
        }
    }
}
