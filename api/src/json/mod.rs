//! JSON text at the edge, mostly without building values.
//!
//! What users own (inputs, outputs) passes through as text. One scan of the bytes says whether a text is
//! ordinary; only a text that holds something unusual is rewritten. What is *not* here: the shapes of
//! requests and answers (`dto`, `convert`).

mod number;
mod rewrite;
mod scan;
pub(crate) mod write;

pub(crate) use rewrite::rewrite;
pub(crate) use scan::scan;
