//! The engine's only room with SQL: what is durable, and the statements that keep it so.
//!
//! - [`Writer`] changes runs: batches of [`Change`]s in one guarded statement and one commit. Nothing else in the
//!   workspace writes a row of a run.
//! - [`Store`] reads runs back, keeps definitions, and holds what nodes share: leases of buckets and lanes, the
//!   inbox, the outbox, positions of Kafka consumers.
//!
//! Decisions are not made here. When a call returns `Ok`, what it says is committed; what a crash before or
//! after leaves is in the docs of the call.

mod audit;
mod batch;
mod bulk;
mod change;
mod error;
mod event;
mod event_handler;
mod event_log;
mod explain;
mod external;
mod history;
mod http_notices;
mod images;
mod limits;
mod metadata;
mod month;
mod open_tasks;
mod outbox;
mod overview;
mod parked;
mod plot;
mod poll_data;
mod position;
mod projection;
mod pulse;
mod queues;
mod ready;
mod recent;
mod records;
mod remove;
mod row_images;
mod run;
mod schedule;
mod search;
mod session;
mod snapshot;
mod statement;
mod task_cache;
mod task_log;
mod wire;
mod writer;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::RwLock;
use podium_core::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use audit::Audit;
pub use bulk::{BulkCounts, BulkRun, BulkState, StoredBulk};
pub use change::{Applied, Change, ChangeKind, ChangeOutcome};
pub use error::StoreError;
pub use event::{EventKey, WaitingEvent};
pub use event_handler::StoredEventHandler;
pub use event_log::{ActionRecord, EventExecution, EventOutcome};
pub use http_notices::HttpNotice;
pub use limits::{Allowed, TaskLimit};
pub use open_tasks::OpenTasks;
pub use outbox::lane;
pub use overview::{RunOverview, TaskOverview};
pub use plot::{PlotBucket, PlotRequest};
pub use projection::{FeedState, Sweep};
pub use queues::{LeasedTasks, QueueState};
pub use recent::{BriefRun, FoldedTask};
pub use records::{
    Candidate, InboundRow, IngestBatch, IngestOutcome, LaneKey, Newer, NodeLease, OutboxRow, PollRow,
    Position, PulseAnswer, PutMode, PutOutcome, QueueDepth, Stats, StoreOptions, StoredTaskDef,
    StoredWorkflowDef,
};
pub use run::INBOX_ROWS;
#[doc(hidden)]
pub use run::load_statement;
pub use schedule::{FiringQuery, FiringRow, FiringState, ScheduleQuery, StoredSchedule};
pub use search::{FoundTask, Hit, SearchHits, SearchLag, SearchRequest, StatusCounts, Total};
#[doc(hidden)]
pub use statement::hot_statement;
pub use writer::Writer;

use crate::month::Forms;
use crate::search::Searches;
use crate::snapshot::SnapshotIds;
use crate::wire::At;

/// The schema that this binary needs, in order.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pool: PgPool,
    connect: PgConnectOptions,
    options: StoreOptions,
    snapshots: RwLock<SnapshotIds>,
    searches: Searches,
    /// One connection for making words, which may be lost: commits do not wait for the disk.
    projector: PgPool,
    /// How runs are read.
    loads: Forms,
    counters: Counters,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    stored: AtomicU64,
    stale: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    halved: AtomicU64,
    settled: AtomicU64,
}

impl Store {
    /// Connects to `postgres://…`. Does not look at the schema: see [`Store::migrate`] and [`Store::check_schema`].
    pub async fn connect(url: &str, options: StoreOptions) -> Result<Store, StoreError> {
        // Plans are made once, and pinned to index scans: a plan made while a table is empty must be right when it is large.
        let connect = PgConnectOptions::from_str(url).map_err(StoreError::at("connect"))?.options([
            ("application_name", "podium"),
            ("synchronous_commit", "on"),
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_material", "off"),
            ("max_parallel_workers_per_gather", "0"),
            ("jit", "off"),
            ("timezone", "UTC"),
            // a role called podium would otherwise find the schema of the views first
            ("search_path", "public"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.pool_size)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(connect.clone())
            .await
            .map_err(StoreError::at("connect"))?;
        let inner = Inner {
            searches: Searches::new(&connect),
            projector: projection::connection(&connect),
            pool,
            connect,
            options,
            snapshots: RwLock::new(SnapshotIds::default()),
            loads: Forms::of(run::LOAD),
            counters: Counters::default(),
        };
        Ok(Store { inner: Arc::new(inner) })
    }

    /// Applies the migrations that are missing and makes the partitions of the coming months. Several nodes may
    /// call it at once: an advisory lock of the database lets one work at a time.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATIONS.run(&self.inner.pool).await.map_err(StoreError::Migrate)?;
        self.make_partitions().await?;
        Ok(())
    }

    /// Checks that the schema has all that this binary needs. A newer schema is accepted: migrations only expand it.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let rows = sqlx::query_as::<_, (i64, Vec<u8>, bool)>(
            "SELECT version, checksum, success FROM _sqlx_migrations",
        )
        .fetch_all(&self.inner.pool)
        .await
        .map_err(|source| match error::kind(&source) {
            error::Kind::Refused => {
                StoreError::Schema("the database has no Podium schema; run `podium migrate`".to_owned())
            }
            _ => StoreError::Unavailable { statement: "schema.check", source },
        })?;
        for wanted in MIGRATIONS.iter() {
            match rows.iter().find(|(version, ..)| *version == wanted.version) {
                Some((_, checksum, true)) if **checksum == *wanted.checksum => {}
                Some(_) => {
                    let text =
                        format!("migration {} of the database is not the one of this binary", wanted.version);
                    return Err(StoreError::Schema(text));
                }
                None => {
                    let text =
                        format!("the database lacks migration {}; run `podium migrate`", wanted.version);
                    return Err(StoreError::Schema(text));
                }
            }
        }
        Ok(())
    }

    /// Makes the monthly partitions from last month to a year ahead that do not exist yet; returns how many it
    /// made. For a daily call: rows of a month without a partition go to a default one and stay there.
    pub async fn make_partitions(&self) -> Result<i32, StoreError> {
        let made =
            sqlx::query_scalar!(r#"SELECT make_partitions(now() - interval '1 month', 14) AS "made!""#)
                .fetch_one(&self.inner.pool)
                .await
                .map_err(StoreError::at("partitions.make"))?;
        self.inner.loads.forget();
        Ok(made)
    }

    /// The database's clock.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!: At""#)
            .fetch_one(&self.inner.pool)
            .await
            .map_err(StoreError::at("now"))?;
        Ok(now.0)
    }

    /// Counters of this process.
    pub fn stats(&self) -> Stats {
        let c = &self.inner.counters;
        Stats {
            batches: c.batches.load(Relaxed),
            stored: c.stored.load(Relaxed),
            stale: c.stale.load(Relaxed),
            failed: c.failed.load(Relaxed),
            retried: c.retried.load(Relaxed),
            halved: c.halved.load(Relaxed),
            settled: c.settled.load(Relaxed),
        }
    }

    /// Closes the pool; calls under way end first.
    pub async fn close(&self) {
        self.inner.searches.close().await;
        self.inner.projector.close().await;
        self.inner.pool.close().await;
    }
}
