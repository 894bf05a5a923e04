//! The call of an HTTP task: what its input asks for, and what an answer means for it (spec: semantics §4.18; scenarios
//! s170*).
//!
//! ```text
//! input ──> Call (method, address, headers, body, patience) ──> an executor makes it ──> Called (status, output, reason)
//! ```
//!
//! Not here: the network and its rules; nothing in this room knows a socket. Texts are those of the HTTP client that
//! existing definitions were written against, because people match on them.

mod answer;
mod group;
mod request;
mod uri;

pub use answer::{Answer, Called};
pub use group::{group_of, is_isolation, isolation};
pub use request::{Body, Call};
