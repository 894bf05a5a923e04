//! The systems around the engine: services, Airflow, monitors, storage, on real parts.

mod ingestion;
mod ledger;
mod whole;
