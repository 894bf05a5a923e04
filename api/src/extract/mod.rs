//! Reads requests by the contract's transport rules (§1): bodies, paths and query strings.

mod asker;
mod body;
mod json;
mod path;
mod query;

pub(crate) use asker::By;
pub(crate) use body::read as read_body;
pub(crate) use json::JsonBody;
pub(crate) use path::Segments;
pub(crate) use query::{Query, mismatch, parse_int};
