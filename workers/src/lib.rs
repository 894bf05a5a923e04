//! The services around the engine: each reads requests from a topic, does its work between object stores, and
//! publishes one completion event per request.
//!
//! ```text
//! topic ──> host/ (one ordered lane per partition) ──> Service::handle ──> completion or failure event
//!                                                       └─ file_work.rs: file in, table.rs, file out
//! ```
//!
//! `service.rs` says what a service is and how to write one, `registry.rs` names those that there are.
//!
//! A service keeps no state between requests, so any number of processes share the work through their
//! consumer group, inside `podium dev` or as `podium worker NAME`.
//!
//! `http` is no such service: it makes the calls of HTTP tasks beside the engine of its node. Nor is `payload_store`, which
//! keeps payloads for the engine.

pub mod airflow;
mod announce;
pub mod csv;
pub mod dag_monitor;
pub mod email_validator;
pub mod enricher;
mod events;
mod file_work;
mod host;
pub mod http;
pub mod ingestion;
mod jitter;
pub mod jobs;
mod payload_store;
pub mod phone_validator;
mod registry;
mod request;
mod service;
mod table;

pub use events::{COMPLETION_TOPIC, EVENT_ID_HEADER};
pub use host::{Host, HostError, HostSettings};
pub use payload_store::S3Payloads;
pub use registry::{Registration, SERVICES, StartError, UnknownService};
pub use request::{FileRequest, Request};
pub use service::{FileSettings, Message, Outcome, Parts, Service, ServiceError};
pub use table::{Counts, Outputs, Reason, RowCheck, RowRule, Table, TableError};
