//! Replays the durable work of one-task workflows and prints what it costs PostgreSQL.
//!
//! ```text
//! PG_TEMP_OPTIONS="-c shared_buffers=512MB" scripts/pg-temp.sh run \
//!     cargo run --release -p podium-store --example replay -- [workflows] [batch…]
//! ```
//!
//! A workflow is two changes: run and task inserted with the task already leased; run and task updated with
//! the result. 100 bytes in and out (run input, task input, task output, run output), a response time-out that
//! sets `wake_at`, which the end takes away. One writer, one batch after the other, each half starts and half
//! completions, as a busy engine's batches are. Durability as the server has it (do not switch fsync off).
//!
//! To try variants: `REPLAY_BYTES` (size of a payload), `REPLAY_INLINE` (largest payload that stays in its row),
//! `REPLAY_SQL` (run after the migrations, for instance `ALTER TABLE run_202611 SET (fillfactor = 70)`).
//!
//! The figures are the gate: <= 45 µs of PostgreSQL's CPU and <= 1.6 KB of WAL for each workflow in batches of 100.

use std::time::Instant;

use podium_core::{
    Effect, NewRun, Payload, RunExtra, RunId, RunState, RunStatus, SnapshotHash, Span, TaskState, TaskStatus,
    Timestamp,
};
use podium_store::{Change, ChangeKind, ChangeOutcome, Store, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<usize>());
    let workflows = args.next().transpose()?.unwrap_or(40_000);
    let mut batches = args.collect::<Result<Vec<_>, _>>()?;
    if batches.is_empty() {
        batches = vec![100, 25];
    }
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "DATABASE_URL must name a server, see scripts/pg-temp.sh")?;
    let mut options = StoreOptions::default();
    if let Ok(inline) = std::env::var("REPLAY_INLINE") {
        options.inline_limit_bytes = inline.parse()?;
    }
    let bytes = std::env::var("REPLAY_BYTES").map_or(Ok(100), |b| b.parse())?;
    let store = Store::connect(&url, options).await?;
    store.migrate().await?;
    if let Ok(text) = std::env::var("REPLAY_SQL") {
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await?;
    }
    let mut meter = Meter::new(PgConnection::connect(&url).await?).await?;
    println!("batch  workflows/s  PostgreSQL CPU  own CPU   WAL      flushes  HOT run/task");
    for batch in batches {
        run(&store, &mut meter, workflows, batch, bytes).await?;
    }
    Ok(())
}

async fn run(
    store: &Store,
    meter: &mut Meter,
    workflows: usize,
    batch: usize,
    bytes: usize,
) -> Result<(), Failure> {
    let snapshot = SnapshotHash([1; 32]);
    store.put_snapshot(snapshot, "{}").await?;
    let mut writer = store.writer().await?;
    let mut random = Random(0x853c_49e6_748f_ea9b ^ batch as u64);
    let mut open: Vec<RunState> = Vec::new();
    let mut made = 0;
    let mut done = 0;
    // the first tenth warms caches and plans up
    let warm = workflows / 10;
    let mut before = None;
    while done < workflows + warm {
        if done >= warm && before.is_none() {
            before = Some((meter.read().await?, Instant::now(), done));
        }
        let now = now();
        let starting = (batch / 2).min(workflows + warm - made);
        let fresh: Vec<RunState> =
            (0..starting).map(|_| new_run(now, random.next(), snapshot, bytes)).collect();
        made += starting;
        let starts: Vec<Vec<Effect>> = fresh.iter().map(start).collect();
        let ends: Vec<Vec<Effect>> = open.iter().map(|r| end(r, now, bytes)).collect();
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(batch);
        for (r, effects) in fresh.iter().zip(&starts) {
            let kind = ChangeKind::Insert { metadata_version: Some(1) };
            changes.push(Change { run: r.head.id, kind, effects, extra_runs: &[] });
        }
        for (r, effects) in open.iter().zip(&ends) {
            changes.push(Change {
                run: r.head.id,
                kind: ChangeKind::Update { expected: 1 },
                effects,
                extra_runs: &[],
            });
        }
        let applied = writer.apply(&changes).await?;
        if applied.outcomes.iter().any(|o| *o != ChangeOutcome::Stored) {
            return Err("a change was not stored".into());
        }
        done += open.len();
        open = fresh;
        for (r, effects) in open.iter_mut().zip(&starts) {
            for effect in effects {
                podium_core::fold(r, effect);
            }
        }
    }
    let (before, at, from) = before.ok_or("too few workflows")?;
    let seconds = at.elapsed().as_secs_f64();
    let after = meter.read().await?;
    let n = (done - from) as f64;
    println!(
        "{batch:5}  {:11.0}  {:11.1} us  {:4.1} us  {:5.2} KB  {:7.3}  {:.2} / {:.2}",
        n / seconds,
        (after.postgres_ms - before.postgres_ms) * 1000.0 / n,
        (after.own_ms - before.own_ms) * 1000.0 / n,
        (after.wal_bytes - before.wal_bytes) / 1000.0 / n,
        (after.flushes - before.flushes) / n,
        (after.run_hot - before.run_hot) / (after.run_updates - before.run_updates).max(1.0),
        (after.task_hot - before.task_hot) / (after.task_updates - before.task_updates).max(1.0),
    );
    writer.close().await;
    Ok(())
}

fn new_run(now: Timestamp, random: u64, snapshot: SnapshotHash, bytes: usize) -> RunState {
    RunState::new(NewRun {
        id: RunId::new(now, random, 0),
        snapshot,
        name: "w1".into(),
        def_version: 1,
        variables: Payload::empty(),
        input: payload("in", random, bytes),
        correlation_id: None,
        priority: 0,
        extra: RunExtra::default(),
        now,
    })
}

fn payload(name: &str, random: u64, bytes: usize) -> Payload {
    let mut text = format!("{{\"{name}\":\"{random:016x}");
    while text.len() + 2 < bytes {
        text.push((b'a' + (text.len() % 26) as u8) as char);
    }
    text.push_str("\"}");
    Payload::from_object_text(text)
}

fn start(run: &RunState) -> Vec<Effect> {
    let now = run.head.created_at;
    let mut head = run.head.clone();
    head.next_no = 2;
    head.wake_at = Some(now + Span::from_secs(3600));
    let task = TaskState {
        no: 1,
        seq: 1,
        ref_name: "t1".into(),
        task_type: "w1_task".into(),
        def_name: "w1_task".into(),
        status: TaskStatus::InProgress,
        ready: false,
        available_at: now,
        attempt: 0,
        iteration: 0,
        poll_count: 1,
        domain: None,
        worker: Some("worker-17".into()),
        scheduled_at: now,
        first_scheduled_at: now,
        started_at: Some(now),
        ended_at: None,
        updated_at: now,
        start_delay_s: 0,
        callback_after_s: 0,
        response_timeout_s: 3600,
        reason: None,
        input: run.head.input.clone(),
        output: Payload::empty(),
        retry_of: None,
        retried: false,
        executed: false,
        wait_until: None,
        child: None,
        sub_workflow_id: None,
        changed_in: 0,
    };
    vec![Effect::Run(Box::new(head)), Effect::TaskAdded(task.into())]
}

fn end(run: &RunState, now: Timestamp, bytes: usize) -> Vec<Effect> {
    let Some(task) = run.tasks.get(1) else { return Vec::new() };
    let mut task = (**task).clone();
    task.status = TaskStatus::Completed;
    task.output = payload("out", run.head.created_at.as_micros() as u64, bytes);
    task.ended_at = Some(now);
    task.updated_at = now;
    task.executed = true;
    let mut head = run.head.clone();
    head.status = RunStatus::Completed;
    head.output = task.output.clone();
    head.updated_at = now;
    head.ended_at = Some(now);
    head.wake_at = None;
    vec![Effect::TaskChanged(task.into()), Effect::Run(Box::new(head))]
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(since.as_micros() as i64)
}

/// SplitMix64: reproducible ids.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

struct Meter {
    connection: PgConnection,
    postmaster: u32,
}

struct Reading {
    postgres_ms: f64,
    own_ms: f64,
    wal_bytes: f64,
    flushes: f64,
    run_hot: f64,
    run_updates: f64,
    task_hot: f64,
    task_updates: f64,
}

impl Meter {
    async fn new(mut connection: PgConnection) -> Result<Self, Failure> {
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
        let stat = Stat::of(&backend.to_string()).ok_or("PostgreSQL must run on this machine")?;
        Ok(Meter { connection, postmaster: stat.parent })
    }

    async fn read(&mut self) -> Result<Reading, Failure> {
        // backends report their counters at most once a second
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let (postgres_ms, own_ms) = (self.postgres_ms(), Stat::of("self").map_or(0.0, |s| s.busy_ms));
        let (wal_bytes, flushes): (f64, f64) = sqlx::query_as(
            "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8, wal_sync::float8 FROM pg_stat_wal",
        )
        .fetch_one(&mut self.connection)
        .await?;
        let updates = |table: &'static str| {
            sqlx::query_as::<_, (f64, f64)>(
                "SELECT sum(n_tup_hot_upd)::float8, sum(n_tup_upd)::float8
                FROM pg_stat_user_tables
                WHERE relid IN (SELECT t.relid FROM pg_partition_tree($1::text::regclass) AS t)",
            )
            .bind(table)
        };
        let (run_hot, run_updates) = updates("run").fetch_one(&mut self.connection).await?;
        let (task_hot, task_updates) = updates("task").fetch_one(&mut self.connection).await?;
        Ok(Reading { postgres_ms, own_ms, wal_bytes, flushes, run_hot, run_updates, task_hot, task_updates })
    }

    /// CPU of the server's processes, those that ended included.
    fn postgres_ms(&self) -> f64 {
        let own = Stat::of(&self.postmaster.to_string()).map_or(0.0, |s| s.busy_ms + s.ended_children_ms);
        let children: f64 = std::fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Stat::of(entry.file_name().to_str()?))
            .filter(|stat| stat.parent == self.postmaster)
            .map(|stat| stat.busy_ms)
            .sum();
        own + children
    }
}

/// What `/proc/<pid>` says.
struct Stat {
    parent: u32,
    /// On a CPU, in ms.
    busy_ms: f64,
    ended_children_ms: f64,
}

impl Stat {
    fn of(pid: &str) -> Option<Stat> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        // the scheduler's own count is exact; without it ticks of 10 ms have to do
        let exact = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok();
        let exact = exact.and_then(|s| s.split_whitespace().next()?.parse::<f64>().ok()).map(|ns| ns / 1e6);
        Some(Stat {
            parent: number(1) as u32,
            busy_ms: exact.unwrap_or((number(11) + number(12)) * 10.0),
            ended_children_ms: (number(13) + number(14)) * 10.0,
        })
    }
}
