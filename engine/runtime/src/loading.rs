//! Reads what turns need and the cache does not have.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use podium_core::{InboxId, InboxMessage, RunId, RunState};

use crate::cache::CachedRun;
use crate::errors::storage;
use crate::messages::EngineError;
use crate::shared::Shared;

/// A connection whose other end vanished without a word never answers; the runs must not wait with it.
const AT_MOST: Duration = Duration::from_secs(20);

/// What one run's turn waits for.
pub(crate) struct Wanted {
    pub(crate) run: RunId,
    /// The run itself is here already.
    pub(crate) have: Option<Box<CachedRun>>,
    /// It is not stored yet: its start is decided again.
    pub(crate) fresh: bool,
    /// Its inbox rows too, read after the run: a row that is gone by then was taken in a later version, which
    /// the version guard would notice.
    pub(crate) inbox: bool,
    /// Definitions that its decision asked for.
    pub(crate) definitions: Vec<(String, Option<i32>)>,
}

impl Wanted {
    pub(crate) fn run(run: RunId) -> Self {
        Wanted { run, have: None, fresh: false, inbox: false, definitions: Vec::new() }
    }
}

pub(crate) struct Loaded {
    pub(crate) run: RunId,
    pub(crate) found: Result<Found, EngineError>,
}

pub(crate) enum Found {
    Run {
        run: Box<CachedRun>,
        inbox: Vec<(InboxId, InboxMessage)>,
    },
    /// Nothing to read: begin the run's first turn again.
    Fresh,
    Gone,
}

/// Reads all of it; runs in one statement. Answers for every run in bounded time.
pub(crate) fn load(shared: Arc<Shared>, wanted: Vec<Wanted>) -> BoxFuture<'static, Vec<Loaded>> {
    async move {
        let runs: Vec<RunId> = wanted.iter().map(|w| w.run).collect();
        let late = EngineError::Unavailable("the database is not available".to_owned());
        match tokio::time::timeout(AT_MOST, read(shared, wanted)).await {
            Ok(loaded) => loaded,
            Err(_) => runs.into_iter().map(|run| Loaded { run, found: Err(late.clone()) }).collect(),
        }
    }
    .boxed()
}

async fn read(shared: Arc<Shared>, wanted: Vec<Wanted>) -> Vec<Loaded> {
    let ids: Vec<RunId> = wanted.iter().filter(|w| w.have.is_none() && !w.fresh).map(|w| w.run).collect();
    let states = match read_runs(&shared, &ids).await {
        Ok(states) => states,
        // one of them cannot be read: that is no reason to fail the others
        Err(error) if ids.len() > 1 && !matches!(error, EngineError::Unavailable(_)) => {
            let each = wanted.into_iter().map(|one| load(shared.clone(), vec![one]));
            return futures::future::join_all(each).await.into_iter().flatten().collect();
        }
        Err(error) => {
            return wanted.iter().map(|w| Loaded { run: w.run, found: Err(error.clone()) }).collect();
        }
    };
    let mut states: HashMap<RunId, RunState> = states.into_iter().map(|s| (s.head.id, s)).collect();
    let mut loaded = Vec::with_capacity(wanted.len());
    for one in wanted {
        let state = states.remove(&one.run);
        loaded.push(Loaded { run: one.run, found: complete(&shared, one, state).await });
    }
    loaded
}

async fn read_runs(shared: &Shared, ids: &[RunId]) -> Result<Vec<RunState>, EngineError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    shared.store.load_many(ids).await.map_err(storage)
}

async fn complete(shared: &Shared, wanted: Wanted, state: Option<RunState>) -> Result<Found, EngineError> {
    for (name, version) in &wanted.definitions {
        match shared.definitions.load(&shared.store, &shared.plans, name, *version).await {
            Ok(_) => {}
            Err(error @ EngineError::Unavailable(_)) => return Err(error),
            // stored by somebody who did not validate it: it can be started by nobody
            Err(_) => shared.definitions.unusable(name, *version),
        }
    }
    if wanted.fresh {
        return Ok(Found::Fresh);
    }
    let run = match (wanted.have, state) {
        (Some(have), _) => have,
        (None, Some(state)) => {
            let plan = shared.plans.load(&shared.store, state.head.snapshot).await?;
            Box::new(CachedRun { state, plan, own: false })
        }
        (None, None) => return Ok(Found::Gone),
    };
    let inbox = if wanted.inbox {
        let rows = shared.store.load_inbox(wanted.run).await.map_err(storage)?;
        rows.into_iter().map(|row| (row.id, row.message)).collect()
    } else {
        Vec::new()
    };
    Ok(Found::Run { run, inbox })
}
