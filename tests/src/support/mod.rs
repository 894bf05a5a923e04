//! What tests bring with them: servers of their own, a client, and the checks over the tables.
//!
//! Everything here is a real process or a real socket. Processes die with the test that started them, also
//! when it is killed.

pub mod airflow;
pub mod audit;
pub mod client;
pub mod events;
pub mod http;
pub mod kafka;
pub mod keeper;
pub mod moto;
pub mod pipeline;
pub mod podium;
pub mod postgres;
pub mod scripted;
pub mod stage;
pub mod store;
pub mod system;
pub mod tls;
pub mod tripwire;
pub mod wait;
pub mod zoo;

use std::path::PathBuf;

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// A port of the loopback interface that nobody listens on just now. Whoever uses it must be ready to fail
/// because another took it meanwhile.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
