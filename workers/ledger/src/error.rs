//! What can go wrong with the ledger.

/// Why the ledger did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The settings name no database.
    #[error("ledger settings: {0}")]
    Settings(String),
    /// Nobody answered, or the server would not let us in, in all tries.
    #[error("could not open database {database:?} at {server} in {tries} tries: {source}")]
    Unreachable { server: String, database: String, tries: u32, source: sqlx::Error },
    /// The database is missing and could not be made.
    #[error("database {database:?} does not exist at {server} and could not be created: {source}")]
    NotCreated { server: String, database: String, source: sqlx::Error },
    /// The tables could not be brought up to date.
    #[error("the tables of the ledger could not be made: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed, named here.
    #[error("{statement}: {source}")]
    Statement { statement: &'static str, source: sqlx::Error },
}

impl LedgerError {
    pub(crate) fn at(statement: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Statement { statement, source }
    }

    /// Whether the same call may work later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Settings(_) | Self::NotCreated { .. } => false,
            Self::Unreachable { .. } => true,
            Self::Migrate(error) => match error {
                sqlx::migrate::MigrateError::Execute(source) => passes(source),
                _ => false,
            },
            Self::Statement { source, .. } => passes(source),
        }
    }
}

/// Whether an error of the driver may be gone at the next try: connections, a server that starts or stops, too many
/// clients, races that PostgreSQL ended.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(refused) => refused
            .code()
            .is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}
