//! What callers may ask for, one verb a file.

pub(crate) mod bulk;
pub(crate) mod calls;
pub(crate) mod event_handlers;
pub(crate) mod external;
pub(crate) mod history;
pub(crate) mod http_notices;
pub(crate) mod ingest;
pub(crate) mod lookup;
pub(crate) mod metadata;
pub(crate) mod operate;
pub(crate) mod poll;
pub(crate) mod preview;
pub(crate) mod queues;
pub(crate) mod read;
pub(crate) mod rehearse;
pub(crate) mod report;
pub(crate) mod schedules;
pub(crate) mod search;
pub(crate) mod signal;
pub(crate) mod start;
mod start_named;
pub(crate) mod tree;
pub(crate) mod wait;
