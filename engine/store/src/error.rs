//! What can go wrong between the engine and PostgreSQL, and how SQLSTATE maps to it.

use podium_core::SnapshotHash;

/// Why the store could not do what was asked. Lost races are no errors: they are outcomes of the calls.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row with this key exists.
    #[error("statement {statement} met a row that already exists ({constraint})")]
    Conflict { statement: &'static str, constraint: String },
    /// PostgreSQL is away, restarting, out of a resource or read-only: nothing was stored; try again later.
    #[error("could not run statement {statement}: the database is not available")]
    Unavailable {
        statement: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// The connection was lost during a commit and the outcome could not be settled in time. Whoever
    /// gets this must forget what it cached of the runs and may not say whether the change happened.
    #[error("could not find out whether statement {statement} was committed")]
    Unsettled {
        statement: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// A stored value is none that this version can read.
    #[error("column {column} of table {table} holds a value that cannot be read, row {row}")]
    Corrupt { table: &'static str, column: &'static str, row: String },
    /// A run refers to a snapshot that was never stored with `put_snapshot`.
    #[error("snapshot {0:02x?} is not stored")]
    NoSnapshot(SnapshotHash),
    /// The database's schema is not the one that this binary needs.
    #[error("{0}")]
    Schema(String),
    /// The migrations could not be applied.
    #[error("could not migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A search took longer than it may.
    #[error("statement {statement} took too long")]
    TooSlow { statement: &'static str },
    /// PostgreSQL refused the statement; trying again will not help.
    #[error("statement {statement} was refused by the database")]
    Refused {
        statement: &'static str,
        #[source]
        source: sqlx::Error,
    },
}

/// What an error says about the statement that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The connection broke: the statement may or may not have been committed.
    Lost,
    /// Rolled back by a race (serialization, deadlock): the same statement may pass at once.
    Again,
    /// Rolled back because the server cannot work now (resources, shutdown before the statement, read-only).
    Away,
    /// Rolled back because of the statement or its data.
    Refused,
}

/// How often a statement is sent again after a serialization failure or deadlock before that counts as its answer.
pub(crate) const RACES: u32 = 5;

/// Sorts an error by what it says about the fate of the statement.
pub(crate) fn kind(e: &sqlx::Error) -> Kind {
    let sqlx::Error::Database(db) = e else {
        return match e {
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::WorkerCrashed => Kind::Lost,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Kind::Away,
            _ => Kind::Refused,
        };
    };
    let code = db.code().unwrap_or_default();
    match (code.get(..2).unwrap_or(""), &*code) {
        (_, "40001" | "40P01" | "55P03") => Kind::Again,
        // the server ends the session, possibly while the commit is on its way
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "40003") => Kind::Lost,
        // 25006: connected to a server that became a standby; 55000: the database takes no connections for now
        ("53" | "57" | "58", _) | (_, "25006" | "55000") => Kind::Away,
        _ => Kind::Refused,
    }
}

impl StoreError {
    /// Names the statement and sorts the error; for statements whose unknown outcome does no harm
    /// because repeating them is safe.
    pub(crate) fn at(statement: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        move |source| match kind(&source) {
            Kind::Lost | Kind::Again | Kind::Away => StoreError::Unavailable { statement, source },
            Kind::Refused => match constraint(&source) {
                Some(constraint) => StoreError::Conflict { statement, constraint },
                None => StoreError::Refused { statement, source },
            },
        }
    }

    /// May the same call pass a little later?
    pub fn is_transient(&self) -> bool {
        match self {
            StoreError::Unavailable { .. } | StoreError::Unsettled { .. } => true,
            StoreError::Conflict { .. }
            | StoreError::Corrupt { .. }
            | StoreError::NoSnapshot(_)
            | StoreError::TooSlow { .. }
            | StoreError::Schema(_)
            | StoreError::Migrate(_)
            | StoreError::Refused { .. } => false,
        }
    }
}

fn constraint(e: &sqlx::Error) -> Option<String> {
    let db = e.as_database_error()?;
    db.is_unique_violation().then(|| db.constraint().unwrap_or("unique").to_owned())
}
