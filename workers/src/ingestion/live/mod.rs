//! What people watch: sockets, and the news that they are sent.
//!
//! ```text
//! events.rs, failures.rs ──┐
//! watch.rs (the engine) ───┴──> hub.rs: numbered, kept for a while ──> a bounded queue per socket ──> socket.rs
//! ```
//!
//! A socket gets the documented messages, byte for byte. One that asks for it (`?live=1`, or `last_id`) gets everything
//! instead: snapshot, news with ids, heartbeats.

mod hub;
mod socket;
mod watch;

pub(crate) use hub::{Hub, News, Offer};
pub(crate) use socket::{Wanted, serve};
pub(crate) use watch::{Watch, state_of};
