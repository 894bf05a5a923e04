//! Looking at many DAG runs at once: rows of the ledger, claimed when they are due.
//!
//! ```text
//! claim what is due, as many as there are free hands ─> look, each in a task of its own ─> back to the ledger
//!   └─ nothing due: sleep until the next one is, a new row came, or a while has passed (rows of others)
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use podium_ledger::{Book, Lease, Ledger, LedgerError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::settings::WatchSettings;
use crate::service::{Parts, ServiceError};

/// Between questions while the ledger is away.
const PAUSE: Duration = Duration::from_secs(2);
/// Between questions in any case: a row that is due this moment may be just claimed by another.
const SHORTEST: Duration = Duration::from_millis(50);

/// Rows that are watched, and what a look at one is.
pub(crate) trait Watched: Send + Sync + 'static {
    type Row: Send + 'static;
    const BOOK: Book;

    fn ledger(&self) -> &Ledger;

    /// Claims at most so many rows.
    fn claim(
        &self,
        limit: u32,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Self::Row>, LedgerError>> + Send;

    /// Looks at a row and writes down what became of it. A row about which nothing was written is claimed again when
    /// its lease has run out.
    fn look(&self, row: Self::Row) -> impl Future<Output = ()> + Send;
}

/// Opens the ledger that the settings name.
pub(crate) async fn open_ledger(parts: &Parts) -> Result<Ledger, ServiceError> {
    let settings = parts.ledger.as_ref().ok_or_else(|| {
        ServiceError::permanent(
            "no database for what this service must not forget: set DB_HOST or DATABASE_URL",
        )
    })?;
    Ledger::connect(settings).await.map_err(|error| ledger_error(&error))
}

/// A ledger's error as a service's.
pub(crate) fn ledger_error(error: &LedgerError) -> ServiceError {
    ServiceError { transient: error.is_transient(), ..ServiceError::permanent(error.to_string()) }
}

/// Watches until `stop`, then waits for the looks under way. `news` tells of rows that this process added.
pub(crate) async fn watch<W: Watched>(
    watched: Arc<W>,
    settings: WatchSettings,
    news: &Notify,
    mut stop: watch::Receiver<bool>,
) {
    let hands = usize::try_from(settings.parallel.max(1)).unwrap_or(1);
    let mut looks = JoinSet::new();
    while !*stop.borrow() {
        let free = hands - looks.len();
        let mut more = false;
        if free > 0 {
            match watched.claim(u32::try_from(free).unwrap_or(u32::MAX), settings.lease).await {
                Ok(rows) => {
                    more = rows.len() == free;
                    for row in rows {
                        let watched = Arc::clone(&watched);
                        looks.spawn(async move { watched.look(row).await });
                    }
                }
                Err(error) => warn!(%error, "the ledger cannot be read; what is watched waits"),
            }
        }
        // with no hand free, or rows left that none was free for, only a look that ends helps
        let sleep = match more || free == 0 {
            true => None,
            false => Some(until_due(&*watched, &settings).await),
        };
        let sleep = async {
            match sleep {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            () = sleep => {}
            () = news.notified(), if free > 0 => {}
            Some(ended) = looks.join_next(), if !looks.is_empty() => reap(ended),
        }
        while let Some(ended) = looks.try_join_next() {
            reap(ended);
        }
    }
    while let Some(ended) = looks.join_next().await {
        reap(ended);
    }
}

/// How long nothing is due, as far as the ledger says.
async fn until_due<W: Watched>(watched: &W, settings: &WatchSettings) -> Duration {
    let due = match watched.ledger().next_due(W::BOOK).await {
        Ok(due) => due.unwrap_or(settings.ledger_interval),
        Err(_) => PAUSE,
    };
    due.min(settings.ledger_interval).max(SHORTEST)
}

fn reap(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a look at a DAG run ended badly; it is repeated when its lease has run out");
    }
}

/// Does the work on a row of this workflow while its lease is kept alive. The work says whether what it wrote counted: not
/// when the row went to another meanwhile.
pub(crate) async fn keeping(
    ledger: &Ledger,
    lease: &Lease,
    lasts: Duration,
    workflow_id: &str,
    work: impl Future<Output = Result<bool, LedgerError>>,
) {
    let row = lease.id();
    let keep = async {
        loop {
            tokio::time::sleep(lasts / 3).await;
            match ledger.extend(lease, lasts).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => warn!(%error, row, "a lease could not be kept alive yet"),
            }
        }
    };
    let counted = tokio::select! {
        done = work => done,
        () = keep => Ok(false),
    };
    match counted {
        Ok(true) => {}
        Ok(false) => warn!(workflow_id, row, "another process went on with this row meanwhile"),
        Err(error) => warn!(workflow_id, row, %error, "the ledger could not be written; looking again later"),
    }
}
