//! Sections with a file of their own.

mod ledger;

pub use ledger::LedgerSection;
