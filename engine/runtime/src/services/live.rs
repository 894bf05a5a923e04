//! Who looks at a run, or at a list of runs, is told when there is something new to see. Only that: what is new is read.
//!
//! A feed is a place among the waiting calls, given up when it is dropped. It holds nothing for whoever reads slowly: the next
//! news is made when it is asked for, and says how things are then.

use std::sync::Arc;
use std::time::Duration;

use podium_core::{RunId, RunStatus};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::errors::{chain, storage};
use crate::messages::EngineError;
use crate::settle::no_run;
use crate::shared::Shared;
use crate::watch::Watch;

/// After so long without news there is a sign of life, by which broken connections are noticed.
const QUIET_AT_MOST: Duration = Duration::from_secs(10);
/// A run that changes all the time is read so often at most, by each feed.
const RUN_EVERY: Duration = Duration::from_millis(150);
/// News of the list are no closer than this.
const LIST_EVERY: Duration = Duration::from_millis(500);
/// Pause after the database did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What is new about one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunNews {
    /// It stands so now.
    Now { version: i64, status: RunStatus },
    /// It was removed or put away.
    Gone,
    /// Nothing, for a while.
    Quiet,
}

/// What is new about runs as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsNews {
    /// So many times has this node committed a change of a run.
    Changed(u64),
    /// Nothing, for a while.
    Quiet,
}

impl Engine {
    /// Follows a run; the first news says at once how it stands. Errors: `NotFound` if there is no such run, `Unavailable`
    /// if too many wait on this node, or it is stopping.
    pub async fn follow_run(&self, run: RunId) -> Result<RunFeed, EngineError> {
        let shared = self.shared().clone();
        let mut watch = place(&shared)?;
        watch.follow(run);
        let standing = shared.store.standing(run).await.map_err(storage)?;
        standing.filter(|(.., archived)| !archived).ok_or_else(|| no_run(run))?;
        let now = Instant::now();
        Ok(RunFeed {
            shared,
            watch,
            run,
            told: None,
            dirty: true,
            may_look_at: now,
            quiet_until: now + QUIET_AT_MOST,
        })
    }

    /// Follows what this node does to any run; what other nodes do is not told. `Unavailable` as for
    /// [`Engine::follow_run`].
    pub fn follow_runs(&self) -> Result<RunsFeed, EngineError> {
        let shared = self.shared().clone();
        let place = place(&shared)?;
        let seen = shared.watches.commits();
        Ok(RunsFeed { shared, _place: place, seen, quiet_until: Instant::now() + QUIET_AT_MOST })
    }
}

fn place(shared: &Arc<Shared>) -> Result<Watch, EngineError> {
    shared.refuse_when_stopping()?;
    shared.watches.open().ok_or_else(|| {
        shared.stats.refused_overload.one();
        EngineError::Unavailable(
            "too many already wait for news on this node: ask for the workflow itself every few seconds instead".to_owned(),
        )
    })
}

/// News of one run, for as long as somebody wants them.
pub struct RunFeed {
    shared: Arc<Shared>,
    watch: Watch,
    run: RunId,
    told: Option<(i64, RunStatus)>,
    /// It may have changed since it was read.
    dirty: bool,
    may_look_at: Instant,
    quiet_until: Instant,
}

impl RunFeed {
    /// Waits for the next news; `None` once the node stops. What happened since the last time is one news.
    pub async fn next(&mut self) -> Option<RunNews> {
        loop {
            if self.shared.mailboxes.stopping() {
                return None;
            }
            if !self.dirty && tokio::time::timeout_at(self.quiet_until, self.watch.changed()).await.is_ok() {
                self.dirty = true;
                continue;
            }
            let news = if self.dirty {
                // cancel-safe: both branches only wait
                tokio::select! {
                    () = tokio::time::sleep_until(self.may_look_at) => self.look().await,
                    () = self.shared.watches.all_woken() => continue,
                }
            } else {
                Some(RunNews::Quiet)
            };
            if news.is_some() {
                self.quiet_until = Instant::now() + QUIET_AT_MOST;
                return news;
            }
        }
    }

    async fn look(&mut self) -> Option<RunNews> {
        self.may_look_at = Instant::now() + RUN_EVERY;
        match self.shared.store.standing(self.run).await {
            Ok(Some((version, status, false))) => {
                self.dirty = false;
                self.watch.has_read(self.run, version);
                let now = (version, status);
                (self.told.replace(now) != Some(now)).then_some(RunNews::Now { version, status })
            }
            Ok(Some((.., true)) | None) => Some(RunNews::Gone),
            Err(error) => {
                tracing::debug!(run = %self.run, error = chain(&error), "could not look at a followed run");
                self.may_look_at = Instant::now() + AGAIN_AFTER;
                // whoever is there must hear something, or they hold the connection for broken
                (Instant::now() >= self.quiet_until).then_some(RunNews::Quiet)
            }
        }
    }
}

/// News of all runs, for as long as somebody wants them.
pub struct RunsFeed {
    shared: Arc<Shared>,
    _place: Watch,
    seen: u64,
    quiet_until: Instant,
}

impl RunsFeed {
    /// Waits for the next news, half a second at least; `None` once the node stops.
    pub async fn next(&mut self) -> Option<RunsNews> {
        loop {
            if self.shared.mailboxes.stopping() {
                return None;
            }
            // cancel-safe: both branches only wait
            tokio::select! {
                () = tokio::time::sleep(LIST_EVERY) => {}
                () = self.shared.watches.all_woken() => continue,
            }
            let commits = self.shared.watches.commits();
            let changed = commits.wrapping_sub(std::mem::replace(&mut self.seen, commits));
            let news = if changed > 0 { RunsNews::Changed(changed) } else { RunsNews::Quiet };
            if changed > 0 || Instant::now() >= self.quiet_until {
                self.quiet_until = Instant::now() + QUIET_AT_MOST;
                return Some(news);
            }
        }
    }
}
