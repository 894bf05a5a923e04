//! Runs that this run starts, and what runs tell each other (spec: semantics §4.11, §4.12, §5.5).
//!
//! A child is created in the commit of the task that wants it, and a message is an inbox row of its recipient in the
//! commit of its sender. So a task that waits always has a child, and a child that ended has always told its parent.
//!
//! | message | from | while the recipient | then |
//! |---|---|---|---|
//! | [`ChildEnded`] | child | has the task open | the task ends as its child did |
//! | | | has ended the task otherwise | a COMPLETED child still shows in the task; nothing follows |
//! | | | has another child, another attempt or no such task | nothing |
//! | [`ParentEnded`] | parent | is open | it ends TERMINATED and does not tell the parent |
//! | | | has ended | nothing |

use std::sync::Arc;

use serde_json::{Value, json};

use super::mapping::unfit_reason;
use super::retry::mix;
use super::{Known, Refusal, Turn};
use crate::effect::{Effect, Told, WantedDefinition, WantedRun};
use crate::event::{ChildEnded, InboxMessage, ParentEnded};
use crate::id::{RunId, TaskNo};
use crate::payload::Payload;
use crate::run::RunStatus;
use crate::task::TaskStatus;

impl Turn<'_> {
    /// The id of a run that is started now. The same however often the decision is made; time-ordered, in the same shard.
    /// `salt` tells apart what one decision starts.
    pub(crate) fn new_run_id(&self, salt: u64) -> RunId {
        let head = &self.run.head;
        let bits = head.id.uuid().as_u128();
        let seed = mix(bits as u64)
            ^ mix((bits >> 64) as u64)
            ^ mix(head.version as u64)
            ^ mix(!salt).rotate_left(32);
        RunId::new(self.cx.now, mix(seed), u16::try_from(head.id.shard()).unwrap_or(0))
    }

    /// Another run is created with this commit. `None`: its definition is not loaded, and this decision will be thrown
    /// away. An error says why there can be no such run.
    pub(crate) fn want_run(&mut self, mut wanted: WantedRun) -> Option<Result<RunId, String>> {
        let known = match &wanted.definition {
            WantedDefinition::Registered { name, version } => self.cx.world.definition(name, *version),
            WantedDefinition::Inline(definition) => self.cx.world.inline(definition),
        };
        match (known, &mut wanted.definition) {
            (Known::NotLoaded, WantedDefinition::Registered { name, version }) => {
                self.needs.definitions.push((name.clone(), *version));
                return None;
            }
            (Known::NotLoaded, WantedDefinition::Inline(definition)) => {
                self.needs.inline.push(definition.clone());
                return None;
            }
            (Known::Absent, WantedDefinition::Registered { name, version }) => {
                let version = version.map_or_else(|| "null".to_owned(), |v| v.to_string());
                return Some(Err(format!("No such workflow defined. name={name}, version={version}")));
            }
            (Known::Absent, WantedDefinition::Inline(_)) => {
                return Some(Err("The definition cannot be run".to_owned()));
            }
            (Known::Unusable(reason), _) => return Some(Err(reason)),
            // pinned: the run is made of what was found here
            (Known::Found { version: found, .. }, WantedDefinition::Registered { version, .. }) => {
                *version = Some(found);
            }
            (Known::Found { .. }, WantedDefinition::Inline(_)) => {}
        }
        let id = wanted.id;
        self.other.push(Effect::RunWanted(Box::new(wanted)));
        Some(Ok(id))
    }

    /// A message for another run, with this commit.
    pub(crate) fn tell(&mut self, to: RunId, message: InboxMessage) {
        self.other.push(Effect::Told(Box::new(Told { to, message })));
    }

    /// This run has ended: the task that started it hears of it.
    pub(super) fn tell_parent(&mut self) {
        let head = &self.run.head;
        let Some(parent) = head.extra.parent else { return };
        let reason = (!head.status.is_successful()).then(|| {
            let reason = head.reason.as_deref().unwrap_or("null");
            format!("Sub workflow {}.{}/{} failure reason: {reason}", head.name, head.def_version, head.id)
        });
        let ended = ChildEnded {
            task: parent.task.no(),
            child: head.id,
            status: head.status,
            output: head.output.text().to_owned(),
            reason,
        };
        self.tell(parent.run, InboxMessage::ChildEnded(ended));
    }

    /// The task is about to be cancelled because its run has ended: so does its child. One that was wanted only in this
    /// very decision is not made at all.
    pub(super) fn end_child_of(&mut self, no: TaskNo) {
        let Some(child) =
            self.run.tasks.get(no).filter(|row| !row.status.is_terminal()).and_then(|r| r.child)
        else {
            return;
        };
        let before = self.other.len();
        self.other.retain(|effect| !matches!(effect, Effect::RunWanted(wanted) if wanted.id == child));
        if self.other.len() < before {
            self.change(no, |row| {
                row.child = None;
                row.output = Payload::empty();
            });
            return;
        }
        let head = &self.run.head;
        let reason = match head.reason.as_deref().filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("Parent workflow has been terminated with reason: {reason}"),
            None => format!("Parent workflow has been terminated with status {}", head.status.as_str()),
        };
        self.tell(child, InboxMessage::ParentEnded(ParentEnded { reason }));
    }

    pub(super) fn child_ended(&mut self, ended: &ChildEnded) -> Result<(), Refusal> {
        let no = ended.task;
        let Some(row) = self.run.tasks.get(no).cloned() else { return Ok(()) };
        if row.child != Some(ended.child) || row.retried {
            return Ok(());
        }
        let mut output = Payload::from_object_text(ended.output.as_str()).map().clone();
        output.insert("subWorkflowId".to_owned(), Value::String(ended.child.to_string()));
        let output = Payload::from_map(output);
        if row.status.is_terminal() {
            if row.status != TaskStatus::Canceled && ended.status == RunStatus::Completed {
                self.change(no, |row| {
                    row.status = TaskStatus::Completed;
                    row.output = output;
                });
            }
            return Ok(());
        }
        let limit = self.cx.settings.payload_limit_bytes;
        if let Some(reason) = unfit_reason("output", &output, self, no, limit) {
            self.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
        } else {
            let reason: Option<Arc<str>> = ended.reason.as_deref().map(Into::into);
            self.end(no, task_status(ended.status), reason, Some(output));
        }
        self.advance();
        Ok(())
    }

    pub(super) fn parent_ended(&mut self, ended: &ParentEnded) -> Result<(), Refusal> {
        if !self.run.head.status.is_terminal() {
            self.end_with_parent(ended.reason.clone());
        }
        Ok(())
    }
}

/// What becomes of a task whose child ended so.
fn task_status(child: RunStatus) -> TaskStatus {
    match child {
        RunStatus::Running | RunStatus::Paused => TaskStatus::InProgress,
        RunStatus::Completed => TaskStatus::Completed,
        RunStatus::Failed => TaskStatus::Failed,
        RunStatus::TimedOut => TaskStatus::TimedOut,
        RunStatus::Terminated => TaskStatus::Canceled,
    }
}

/// The output of a task that waits for its child.
pub(crate) fn link_output(child: RunId) -> Payload {
    Payload::from_object_text(json!({ "subWorkflowId": child.to_string() }).to_string())
}
