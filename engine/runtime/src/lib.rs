//! The running engine.

pub mod messages;
pub mod ports;

pub use messages::*;
