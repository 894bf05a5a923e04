//! Sections with a file of their own.

mod ingestion;
mod ledger;
mod minio;

pub use ingestion::IngestionSection;
pub(crate) use ingestion::Stores;
pub use ledger::LedgerSection;
pub use minio::MinioSection;
