//! Who wrote a definition and when (contract §7). These members are bookkeeping of the wire: the engine
//! does not look at them.

use std::time::{SystemTime, UNIX_EPOCH};

use podium_core::Timestamp;
use podium_core::def::{TaskDef, WorkflowDef};

/// The clock of this machine, for what is only shown: decisions use the database's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Clock {
    pub(crate) fn now(self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A definition that is registered for the first time: its time of creation is now, all else is kept.
pub(crate) fn created(mut def: WorkflowDef) -> WorkflowDef {
    def.create_time = Clock.now().as_millis();
    def
}

/// A definition that replaces another one: its time of creation is what the caller says.
pub(crate) fn replaced(mut def: WorkflowDef) -> WorkflowDef {
    def.update_time = Clock.now().as_millis();
    def
}

/// A posted task definition is always a new one, also over an old one.
pub(crate) fn stamped_task_def(mut def: TaskDef) -> TaskDef {
    def.create_time = Clock.now().as_millis();
    def.created_by = Some(String::new());
    def.update_time = 0;
    def.updated_by = None;
    def
}

/// A task definition that is put in the place of `old`.
pub(crate) fn updated_task_def(mut def: TaskDef, old: &TaskDef) -> TaskDef {
    def.create_time = old.create_time;
    def.created_by.clone_from(&old.created_by);
    def.update_time = Clock.now().as_millis();
    def.updated_by = Some(String::new());
    def
}
