//! Searching: a filter of the core becomes one statement of fixed fragments and bound values.
//!
//! Columns are compared in `run` and `task` themselves, so what is acknowledged is found. What the filter demands of
//! ids, names, statuses, correlation ids or parents decides which index is walked ([`narrow`]); each walk is in the
//! order of the index and stops when the page is full. Words are looked up in `run_search` and `task_search`, which
//! are a moment behind ([`crate::projection`]).
//!
//! Reads only, on connections of its own with a time limit, so that no search holds up the engine.

mod column;
mod condition;
mod counts;
mod load;
mod narrow;
mod page;
mod statement;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use podium_core::RunId;
use podium_core::search::{Expr, Scope, SortKey};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::error::StoreError;

pub use counts::StatusCounts;
pub use load::FoundTask;
pub(crate) use statement::ids_between;

/// Connections for searches: each search uses one, and further ones wait.
const CONNECTIONS: u32 = 4;
/// How long a filter that could not be counted in time is not tried again.
const HOPELESS_FOR: Duration = Duration::from_secs(30);
/// Filters remembered as hopeless.
const HOPELESS_AT_MOST: usize = 1_000;
/// A statement of a search that takes longer is given up.
const TIME_LIMIT_MS: &str = "5000";

/// A page of what a filter finds.
#[derive(Clone, Debug)]
pub struct SearchRequest<'a> {
    pub scope: Scope,
    pub filter: &'a Expr,
    /// Empty = newest first.
    pub sort: &'a [SortKey],
    pub start: i64,
    pub size: i64,
    /// Whether all that is found is counted.
    pub count: bool,
}

/// One row that was found; `no` is 0 in a search for runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub run: RunId,
    pub no: u32,
}

/// How many rows match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub hits: i64,
    /// False: there are at least so many.
    pub exact: bool,
}

/// The answer to a [`SearchRequest`].
#[derive(Clone, Debug)]
pub struct SearchHits {
    pub hits: Vec<Hit>,
    pub total: Total,
}

/// How far the words are behind the runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SearchLag {
    /// Age of the oldest change, of any node, whose words are not there yet.
    pub seconds: f64,
    /// A look through all runs is under way or due, after a node died or at the first start.
    pub sweeping: bool,
}

pub(crate) struct Searches {
    pub(crate) pool: PgPool,
    /// Filters of which lately more matched than could be counted in time.
    hopeless: Mutex<HashMap<String, Instant>>,
}

impl Searches {
    /// Connects at the first search.
    pub(crate) fn new(connect: &PgConnectOptions) -> Self {
        // Plans are made once, as on the other connections, and pinned: the statements ask for the order of the index
        // that they mean, and sorting counts as the last resort. Words need bitmaps: GIN has nothing else.
        let connect = connect.clone().options([
            ("application_name", "podium search"),
            ("enable_bitmapscan", "on"),
            ("enable_sort", "off"),
            ("default_transaction_read_only", "on"),
            ("statement_timeout", TIME_LIMIT_MS),
            ("client_min_messages", "warning"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .idle_timeout(Duration::from_secs(60))
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(connect);
        Searches { pool, hopeless: Mutex::default() }
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    fn is_hopeless(&self, key: &str) -> bool {
        self.hopeless.lock().get(key).is_some_and(|at| at.elapsed() < HOPELESS_FOR)
    }

    fn is_found_hopeless(&self, key: String) {
        let mut hopeless = self.hopeless.lock();
        if hopeless.len() >= HOPELESS_AT_MOST {
            hopeless.clear();
        }
        hopeless.insert(key, Instant::now());
    }
}

/// A time limit is the search's own fault, not the database's.
pub(crate) fn failed(statement: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| {
        let code = source.as_database_error().and_then(|e| e.code().map(|c| c.into_owned()));
        if code.as_deref() == Some("57014") {
            return StoreError::TooSlow { statement };
        }
        StoreError::at(statement)(source)
    }
}
