//! A definition made ready for decisions.

use crate::run::SnapshotHash;

/// A compiled snapshot: immutable, shared, cached by its hash.
#[derive(Debug)]
pub struct Plan {
    pub hash: SnapshotHash,
}
