//! Opening the ledger: the database is made if it is missing, then its tables.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection};
use tracing::{info, warn};

use crate::Ledger;
use crate::error::LedgerError;

/// The tables, in order.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
/// Held while database, schema and tables are made, so that processes that start together do it one after the other.
/// The number is "podium-l" in ASCII.
const MAKING: i64 = 0x706f_6469_756d_2d6c;
/// The database that every server has.
const MAINTENANCE: &str = "postgres";
/// One try to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Where the server is and who we are.
#[derive(Clone)]
pub enum Server {
    /// `postgres://…`; the database that it names does not count.
    Url(String),
    Address {
        host: String,
        port: u16,
        user: String,
        password: String,
    },
}

/// How the ledger is opened.
#[derive(Clone)]
pub struct LedgerSettings {
    pub server: Server,
    /// Made if it is missing.
    pub database: String,
    /// Connections of this process at most.
    pub pool_size: u32,
    /// Tries to connect before giving up, and the pause between them.
    pub tries: u32,
    pub pause: Duration,
}

impl LedgerSettings {
    /// The documented ones: database `dag_monitor`, 10 tries 5 s apart.
    pub fn at(server: Server) -> Self {
        Self {
            server,
            database: "dag_monitor".to_owned(),
            pool_size: 8,
            tries: 10,
            pause: Duration::from_secs(5),
        }
    }

    /// The server without secrets, for people.
    fn shown(&self) -> String {
        match &self.server {
            Server::Url(url) => url
                .rsplit_once('@')
                .map_or(url.as_str(), |(_, rest)| rest)
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned(),
            Server::Address { host, port, user: _, password: _ } => format!("{host}:{port}"),
        }
    }

    fn options(&self) -> Result<PgConnectOptions, LedgerError> {
        let options = match &self.server {
            Server::Url(url) => PgConnectOptions::from_str(url).map_err(|error| {
                LedgerError::Settings(format!("the address of the server cannot be used: {error}"))
            })?,
            Server::Address { host, port, user, password } => {
                let options = PgConnectOptions::new().host(host).port(*port).username(user);
                if password.is_empty() { options } else { options.password(password) }
            }
        };
        // the table of migrations lies in our own schema, so that a database shared with others keeps theirs apart
        Ok(options.options([
            ("application_name", "podium-ledger"),
            ("timezone", "UTC"),
            ("search_path", "ledger,public"),
        ]))
    }
}

impl std::fmt::Debug for LedgerSettings {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerSettings")
            .field("server", &self.shown())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Connects, making the database and the tables that are missing. Any number of processes may do it at once; a
    /// crash in between leaves nothing that the next call does not finish.
    ///
    /// # Errors
    /// When nobody answers in all tries, or the server refuses.
    pub async fn connect(settings: &LedgerSettings) -> Result<Self, LedgerError> {
        let options = settings.options()?;
        let mut left = settings.tries.max(1);
        loop {
            left -= 1;
            match open(settings, &options).await {
                Ok(ledger) => return Ok(ledger),
                Err(error) if left == 0 || !error.is_transient() => return Err(error),
                Err(error) => {
                    warn!(%error, left, "the ledger cannot be opened yet; trying again in {:?}", settings.pause);
                    tokio::time::sleep(settings.pause).await;
                }
            }
        }
    }
}

async fn open(settings: &LedgerSettings, options: &PgConnectOptions) -> Result<Ledger, LedgerError> {
    let unreachable = |source| LedgerError::Unreachable {
        server: settings.shown(),
        database: settings.database.clone(),
        tries: settings.tries,
        source,
    };
    let own = options.clone().database(&settings.database);
    let mut connection = match connect(&own).await {
        Err(sqlx::Error::Database(refused)) if refused.code().as_deref() == Some("3D000") => {
            create(settings, options).await?;
            connect(&own).await.map_err(unreachable)?
        }
        connected => connected.map_err(unreachable)?,
    };
    let pool = PgPoolOptions::new()
        .max_connections(settings.pool_size.max(1))
        .acquire_timeout(CONNECT)
        .connect_lazy_with(own);
    migrate(&mut connection, &pool).await?;
    // an error here harms nobody: all is done, and the lock goes with the connection
    let _ = connection.close().await;
    Ok(Ledger { pool })
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    match tokio::time::timeout(CONNECT, PgConnection::connect_with(options)).await {
        Ok(connected) => connected,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Makes the database; one that another process makes at this moment is fine.
async fn create(settings: &LedgerSettings, options: &PgConnectOptions) -> Result<(), LedgerError> {
    let refused = |source| LedgerError::NotCreated {
        server: settings.shown(),
        database: settings.database.clone(),
        source,
    };
    let mut connection = connect(&options.clone().database(MAINTENANCE)).await.map_err(refused)?;
    let name = settings.database.replace('"', "\"\"");
    let made =
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE \"{name}\""))).execute(&mut connection).await;
    match made {
        Ok(_) => info!(database = settings.database, "made the database of the ledger"),
        // exists by now, or its row of the catalogue came first
        Err(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("42P04" | "23505")) => {}
        Err(source) => return Err(refused(source)),
    }
    let _ = connection.close().await;
    Ok(())
}

async fn migrate(connection: &mut PgConnection, pool: &PgPool) -> Result<(), LedgerError> {
    let at = LedgerError::at("ledger.migrate");
    // CREATE SCHEMA IF NOT EXISTS is no guard against another process that does the same at this moment
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MAKING).execute(&mut *connection).await.map_err(&at)?;
    sqlx::query("CREATE SCHEMA IF NOT EXISTS ledger").execute(&mut *connection).await.map_err(&at)?;
    MIGRATIONS.run(pool).await.map_err(LedgerError::Migrate)
}
