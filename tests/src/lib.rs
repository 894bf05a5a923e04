//! Tests that cross rooms, and what they stand on.
//!
//! `conformance` replays recorded scenarios of a genuine Conductor; `support` starts real servers (PostgreSQL,
//! Kafka, S3, Podium itself) that die with the test. The tests themselves are the targets of this package.

pub mod conformance;
pub mod support;
