//! The REST API of Podium: Conductor's dialect over the engine.
//!
//! ```text
//! request -> extract (transport rules) -> dto (the wire) -> convert (the wire's words to ours) -> Engine
//! answer  <- routes/answer             <- convert (hand-written JSON) <------------------------- Engine
//! ```
//!
//! What is *not* here: rules about definitions (they are in the core), state, SQL. Where this API differs
//! from Conductor 3.32.1 on purpose, `docs/compatibility.md` says how and why.

mod config;
mod convert;
mod delivery;
pub mod dto;
mod error;
mod extract;
mod json;
mod openapi;
mod routes;
mod serve;
mod state;

pub use config::{ApiConfig, Troubles};
pub use openapi::openapi_json;
pub use routes::router;
pub use serve::serve;
