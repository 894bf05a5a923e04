//! What a writer is asked to store and what became of it.

use podium_core::{Effect, RunId, RunState, Timestamp};

/// The outcome of one run's turns, to be stored as one change or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub run: RunId,
    pub kind: ChangeKind,
    /// The effects of all turns of this change, in order. Later images of a row replace earlier ones.
    /// Must be empty with [`ChangeKind::Confirm`], and must hold an [`Effect::Run`] with [`ChangeKind::Insert`].
    pub effects: &'a [Effect],
    /// Runs that this change creates (the resolved form of each [`Effect::RunWanted`]): version 1, `wake_at` set
    /// to now so that any node gives them their first turn. Stored with this change or not at all; one
    /// that exists already is left as it is.
    pub extra_runs: &'a [RunState],
}

/// What a change hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A new run, stored at version 1. With a metadata version it is only stored while that is still the
    /// current one: the definition it was resolved with has not changed.
    Insert { metadata_version: Option<i64> },
    /// The run is at this version; it is one higher afterwards.
    Update { expected: i64 },
    /// Nothing is written: only checks that the run is still at this version.
    Confirm { expected: i64 },
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Committed (or confirmed).
    Stored,
    /// The run has moved, an inbox row that was to be taken is gone, or the id of a new run is in use:
    /// nothing of this change was stored. Forget the cached run, load it and decide again.
    Stale,
    /// The connection broke during the commit, and when it could be asked again the run had moved on by more than this
    /// change: nobody can tell whether it is part of that. Forget the cached run, load it and decide again; a
    /// task row that says it was changed in version `expected + 1` may have been written by this change.
    Unknown,
    /// The limits of a task definition do not allow a claim of this change now: nothing of it was stored.
    Limited,
    /// A definition was changed after this start was resolved: resolve it again.
    MetadataMoved,
    /// PostgreSQL refuses this change whatever its company; sending it again will not help.
    Failed(String),
}

/// The answer to a batch.
#[derive(Clone, Debug)]
pub struct Applied {
    /// One for each change, in the order given.
    pub outcomes: Vec<ChangeOutcome>,
    /// Runs that have an answer about their rate limit in their inbox, of this batch or not. After a break of the connection
    /// some may be missing: their rows are there, and are found like any other.
    pub answered: Vec<RunId>,
    /// The database's clock at the end of the statement.
    pub db_now: Timestamp,
    /// The metadata version that the statement saw.
    pub metadata_version: i64,
}
