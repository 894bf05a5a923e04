//! What the designer draws, turned into what engines and jobs read: pure functions without clock or I/O.
//!
//! ```text
//! graph JSON (nodes, edges) ── convert ──> workflow definition (Conductor's JSON)
//!                           <── draw ─────
//! a DP node's form ── dps::to_xml ──> service XML ── dps::to_json ──> service JSON, which the jobs read
//! layout: the fixed-width records that those jobs read and write
//! ```
//!
//! The rules are those of the existing designer's converter (spec: pipeline §6 and §8); where ours are stricter or do
//! more, the function says so.

pub mod dps;
mod draw;
mod graph;
mod kinds;
pub mod layout;
mod violation;

pub use draw::draw;
pub use graph::{Conversion, Options, convert, convert_with_nodes};
pub use kinds::{kinds, layouts};
pub use violation::{Violation, Violations};
