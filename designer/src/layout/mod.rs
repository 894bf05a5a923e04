//! The fixed-width records of the name-parse and e-mail-hygiene jobs, as data.
//!
//! ```text
//! line (bytes, ends in LF) ── Record::read ──> Row ── get("name") ──> bytes without padding
//! values ── Record::write ──> line
//! ```
//!
//! A field is as many bytes as its width, left-aligned, filled with blanks. A line that is longer or shorter than its
//! record is reported, never guessed at: with it every later field would be another one.

mod record;
mod table;

pub use record::{Field, Kind, LineError, Overflow, Record, Row, WriteError};
pub use table::{ALL, EMAIL_HYGIENE, Layout, NAME_PARSE, by_id, by_length, head, longest};
