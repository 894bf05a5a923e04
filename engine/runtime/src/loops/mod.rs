//! What runs beside the writers for as long as the engine does.

pub(crate) mod auditor;
pub(crate) mod bulk;
pub(crate) mod event_handlers;
pub(crate) mod limits;
pub(crate) mod outbox_relay;
pub(crate) mod partitions;
pub(crate) mod poll_notes;
pub(crate) mod projection;
pub(crate) mod queue_reader;
pub(crate) mod schedules;
pub(crate) mod timer;
pub(crate) mod watched;
