//! The systems around the engine: services, Airflow, monitors, storage, on real parts.

mod airflow_api;
mod airflow_real;
mod fake_airflow;
mod ingestion;
mod job_runner;
mod ledger;
mod monitor;
mod place;
mod second_store;
mod services;
mod whole;
