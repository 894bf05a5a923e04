//! The parts of the `podium` binary: commands, settings, what `podium dev` brings along, and how the rooms are
//! put together. No logic of the product lives here.
//!
//! ```text
//! cmd/ ─> config/ ─> wire.rs: Store ─> Engine ─> REST API, event router, relay, workers
//!            └─ embedded/: PostgreSQL, broker, S3 (`podium dev` only)
//! ```

pub mod cmd;
pub mod config;
mod database;
pub mod embedded;
mod probes;
mod shutdown;
mod telemetry;
mod ui;
mod wire;

#[cfg(test)]
mod worker_tests;
