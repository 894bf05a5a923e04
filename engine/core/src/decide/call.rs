//! Executors of nodes, which make the calls of tasks (spec: semantics §4.18, §7.1).

use std::sync::Arc;

use super::mapping::unfit_reason;
use super::{Refusal, Turn};
use crate::event::CallNews;
use crate::http::Called;
use crate::id::TaskNo;
use crate::task::{Lease, TaskStatus};

impl Turn<'_> {
    pub(super) fn called(&mut self, no: TaskNo, lease: Lease, news: &CallNews) -> Result<(), Refusal> {
        let now = self.cx.now;
        let row = self.open_row(no)?;
        let held = row.status == TaskStatus::InProgress && row.wait_until.is_some();
        let nobodys = row.status == TaskStatus::Scheduled && row.ready;
        if row.lease() != lease || !(held || nobodys) {
            return Err(Refusal::NotReady);
        }
        match news {
            CallNews::Alive if held => {
                self.change(no, |row| row.hold(now));
                self.watch(no);
                Ok(())
            }
            CallNews::Alive => Err(Refusal::NotReady),
            CallNews::Over(called) => {
                self.over(no, called);
                Ok(())
            }
        }
    }

    fn over(&mut self, no: TaskNo, called: &Called) {
        let now = self.cx.now;
        self.change(no, |row| row.wait_until = None);
        let limit = self.cx.settings.payload_limit_bytes;
        if let Some(reason) = unfit_reason("output", &called.output, self, no, limit) {
            self.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
        } else if called.status.is_terminal() {
            let reason: Option<Arc<str>> = called.reason.as_deref().map(Into::into);
            self.end(no, called.status, reason, Some(called.output.clone()));
        } else {
            self.change(no, |row| {
                row.status = TaskStatus::InProgress;
                row.ready = false;
                row.updated_at = now;
                row.output = called.output.clone();
            });
            self.watch(no);
            return;
        }
        self.advance();
    }

    /// Nothing was heard of a call for as long as its lease holds: the next executor makes it again.
    pub(super) fn lapsed(&mut self, no: TaskNo) {
        let now = self.cx.now;
        self.change(no, |row| {
            row.status = TaskStatus::Scheduled;
            row.ready = true;
            row.available_at = now;
            row.wait_until = None;
        });
    }
}
