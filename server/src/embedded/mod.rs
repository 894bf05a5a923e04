//! What `podium dev` brings along so that nothing else has to run: a private PostgreSQL, an S3 store and a
//! Kafka-protocol broker. `podium serve` starts none of them.

pub(crate) mod broker;
pub mod children;
pub mod postgres;
pub(crate) mod process;
pub mod s3;
