//! Sections with a file of their own.

mod airflow;
mod ingestion;
mod jobs;
mod ledger;
mod minio;
mod ui;

pub use airflow::{AirflowSection, DagMonitorSection};
pub use ingestion::IngestionSection;
pub(crate) use ingestion::Stores;
pub use ledger::LedgerSection;
pub use minio::MinioSection;
pub use ui::UiSection;
