//! One private PostgreSQL for a test binary, one database for each test.
//!
//! `PODIUM_TEST_DATABASE_URL` names a server to use instead. The private one is stopped when this process
//! ends, however it ends: a shell waits for the end of a pipe that the process holds.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

pub(crate) mod wire;

use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use podium_core::{
    Effect, NewRun, Payload, RunExtra, RunId, RunState, SnapshotHash, TaskState, TaskStatus, Timestamp,
};
use podium_store::{Change, ChangeKind, Store, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

struct Cluster {
    url: String,
    template: String,
    _ends_with_us: Option<Child>,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let (url, guard) = match std::env::var("PODIUM_TEST_DATABASE_URL") {
            Ok(url) => (url, None),
            Err(_) => private_cluster(),
        };
        let template = format!("podium_template_{}", std::process::id());
        let (server, name) = (url.clone(), template.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await.unwrap();
                let text = format!("CREATE DATABASE {name}");
                sqlx::query(AssertSqlSafe(text)).execute(&mut admin).await.unwrap();
                let store =
                    Store::connect(&in_database(&server, &name), StoreOptions::default()).await.unwrap();
                store.migrate().await.unwrap();
                store.close().await;
            });
        })
        .join()
        .unwrap();
        Cluster { url, template, _ends_with_us: guard }
    })
}

fn private_cluster() -> (String, Option<Child>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/pg-temp.sh");
    let dir = std::env::temp_dir().join(format!("podium-store-{}", std::process::id()));
    let started = Command::new(script)
        .arg("start")
        .arg(&dir)
        .env("PG_TEMP_OPTIONS", "-c fsync=off -c max_connections=200 -c autovacuum=off")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(started.status.success(), "could not start PostgreSQL");
    let url = String::from_utf8(started.stdout).unwrap().trim().to_owned();
    let guard = Command::new("sh")
        .args(["-c", "read -r _; exec \"$0\" stop \"$1\"", script])
        .arg(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (url, Some(guard))
}

fn in_database(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}

/// A database of its own.
pub(crate) struct Db {
    pub(crate) url: String,
    pub(crate) store: Store,
    pub(crate) hash: SnapshotHash,
}

/// Makes a migrated database with one snapshot in it.
pub(crate) async fn database() -> Db {
    let url = bare(&cluster().template).await;
    let store = Store::connect(&url, StoreOptions::default()).await.unwrap();
    let hash = SnapshotHash([7; 32]);
    store.put_snapshot(hash, "{}").await.unwrap();
    Db { url, store, hash }
}

/// Makes a database from a template; `template0` = an empty one.
pub(crate) async fn bare(template: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("podium_t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster().url).await.unwrap();
    let text = format!("CREATE DATABASE {name} TEMPLATE {template}");
    sqlx::query(AssertSqlSafe(text)).execute(&mut admin).await.unwrap();
    in_database(&cluster().url, &name)
}

pub(crate) fn server_url() -> &'static str {
    &cluster().url
}

impl Db {
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs statements in their text form.
    pub(crate) async fn sql(&self, text: &str) {
        let mut c = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&mut c).await.unwrap();
    }

    pub(crate) async fn number(&self, text: &str) -> i64 {
        let mut c = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(&mut c).await.unwrap()
    }

    pub(crate) async fn word(&self, text: &str) -> String {
        let mut c = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(&mut c).await.unwrap()
    }

    /// A run before its first turn.
    pub(crate) fn run(&self, n: u64) -> RunState {
        let now = now();
        RunState::new(NewRun {
            id: RunId::new(now, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0),
            snapshot: self.hash,
            name: "order".into(),
            def_version: 1,
            variables: Payload::empty(),
            input: Payload::from_object_text(r#"{"a":1}"#),
            correlation_id: None,
            priority: 0,
            extra: RunExtra::default(),
            now,
        })
    }
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_micros(since.as_micros() as i64)
}

pub(crate) fn task(no: u32, at: Timestamp) -> TaskState {
    TaskState {
        no,
        seq: no as i32,
        ref_name: format!("t{no}").into(),
        task_type: "email".into(),
        def_name: "email".into(),
        status: TaskStatus::Scheduled,
        ready: true,
        available_at: at,
        attempt: 0,
        iteration: 0,
        poll_count: 0,
        domain: None,
        worker: None,
        scheduled_at: at,
        first_scheduled_at: at,
        started_at: None,
        ended_at: None,
        updated_at: Timestamp::default(),
        start_delay_s: 0,
        callback_after_s: 0,
        response_timeout_s: 3600,
        reason: None,
        input: Payload::from_object_text(r#"{"to":"x"}"#),
        output: Payload::empty(),
        retry_of: None,
        retried: false,
        executed: false,
        wait_until: None,
        child: None,
        sub_workflow_id: None,
        changed_in: 0,
    }
}

/// The effects of a start: the run's row and one ready task.
pub(crate) fn started(run: &RunState) -> Vec<Effect> {
    let mut head = run.head.clone();
    head.next_no = 2;
    vec![Effect::Run(Box::new(head)), Effect::TaskAdded(task(1, run.head.created_at).into())]
}

pub(crate) fn insert<'a>(run: &RunState, effects: &'a [Effect]) -> Change<'a> {
    Change { run: run.head.id, kind: ChangeKind::Insert { metadata_version: None }, effects, extra_runs: &[] }
}

pub(crate) fn update(run: RunId, expected: i64, effects: &[Effect]) -> Change<'_> {
    Change { run, kind: ChangeKind::Update { expected }, effects, extra_runs: &[] }
}

/// What a reader must see after a change: the effects folded, the version raised, written rows marked.
pub(crate) fn folded(run: &RunState, version: i64, effects: &[Effect]) -> RunState {
    let mut run = run.clone();
    for effect in effects {
        podium_core::fold(&mut run, effect);
        if let Effect::TaskAdded(t) | Effect::TaskChanged(t) = effect {
            let mut row = (**t).clone();
            row.changed_in = version;
            run.tasks.put(row.into());
        }
    }
    run.head.version = version;
    run
}

pub(crate) fn assert_same(read: &RunState, wanted: &RunState) {
    assert_eq!(read.head, wanted.head);
    assert_eq!(read.tasks.iter().collect::<Vec<_>>(), wanted.tasks.iter().collect::<Vec<_>>());
    assert_eq!(read.parked, wanted.parked);
}
