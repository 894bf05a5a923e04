//! Something arrived from outside. What runs tell each other is in `children`, that one may begin in `slot`; a completion event finds its EVENT task, or
//! is kept until that task begins (`kept`; spec: pipeline §5).
//!
//! | it names | and that is | then |
//! |---|---|---|
//! | the id of an EVENT task | open | that task ends |
//! | | ended | nothing: late or repeated |
//! | by its label one of several waits of the same service | | only that one is looked at below |
//! | a type that fits the sink of an open EVENT task: exactly, else in part | | that task ends |
//! | a type with a mapped reference | an open EVENT task | that task ends |
//! | a type that fits only EVENT tasks that have ended | one of them ended with the same data | nothing: repeated |
//! | | | kept: it may be meant for a later attempt |
//! | a type with a mapped reference | an ended EVENT task | nothing |
//! | anything else | | kept |
//!
//! A run that completed hears nothing any more. One that ended otherwise may be opened again, and nobody answers a second
//! time what was asked once: its events are kept too, also for tasks that were cancelled when it ended.

use std::sync::Arc;

use super::mapping::unfit_reason;
use super::{Refusal, Turn};
use crate::effect::Effect;
use crate::event::{CompletionEvent, InboxId, InboxMessage};
use crate::id::{TaskId, TaskNo};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::task::{TaskState, TaskStatus};
use crate::tasks::{self, Fit};

/// Where an event belongs.
enum Place {
    Task(TaskNo),
    Nowhere,
    Later,
}

impl Turn<'_> {
    pub(super) fn arrived(&mut self, inbox: InboxId, message: &InboxMessage) -> Result<(), Refusal> {
        match message {
            InboxMessage::Completion(event) => self.completion(inbox, event),
            InboxMessage::ChildEnded(ended) => {
                self.other.push(Effect::InboxTaken(inbox));
                self.child_ended(ended)
            }
            InboxMessage::ParentEnded(ended) => {
                self.other.push(Effect::InboxTaken(inbox));
                self.parent_ended(ended)
            }
            InboxMessage::ChildReopened(reopened) => {
                self.other.push(Effect::InboxTaken(inbox));
                self.child_reopened(reopened);
                Ok(())
            }
            InboxMessage::RetryWanted => {
                self.other.push(Effect::InboxTaken(inbox));
                self.retry_wanted();
                Ok(())
            }
            InboxMessage::Action(action) => {
                self.other.push(Effect::InboxTaken(inbox));
                self.handled(action)
            }
            InboxMessage::SlotGranted { stint } => {
                self.other.push(Effect::InboxTaken(inbox));
                self.slot_granted(*stint);
                Ok(())
            }
            InboxMessage::SlotRefused { stint } => {
                self.other.push(Effect::InboxTaken(inbox));
                self.slot_refused(*stint);
                Ok(())
            }
        }
    }

    fn completion(&mut self, inbox: InboxId, event: &CompletionEvent) -> Result<(), Refusal> {
        if self.run.parked.iter().any(|p| p.inbox == inbox) {
            return Ok(());
        }
        if !self.may_hear() {
            self.other.push(Effect::InboxTaken(inbox));
            return Ok(());
        }
        match self.place(event) {
            Place::Task(no) => {
                self.other.push(Effect::InboxTaken(inbox));
                self.answer(no, event);
                self.advance();
            }
            Place::Nowhere => self.other.push(Effect::InboxTaken(inbox)),
            Place::Later => self.keep(inbox, event),
        }
        Ok(())
    }

    fn place(&self, event: &CompletionEvent) -> Place {
        if let Some(row) = self.named(event) {
            return match row.status {
                TaskStatus::InProgress => Place::Task(row.no),
                TaskStatus::Scheduled => Place::Later,
                _ if self.is_past(row) => Place::Nowhere,
                _ => Place::Later,
            };
        }
        let kind = event.event_type.as_deref().unwrap_or_default();
        if self.was_for_a_pass(kind, event) {
            return Place::Nowhere;
        }
        let meant = self.labelled(event);
        let is_meant = |t: &TaskState| meant.as_deref().is_none_or(|reference| t.base_ref() == reference);
        let open = self.run.tasks.open().filter(|t| waits(self.plan, t) && is_meant(t));
        let mut open: Vec<&Arc<TaskState>> = open.collect();
        open.sort_by_key(|t| (t.seq, t.no));
        for wanted in [Fit::Exact, Fit::Partial] {
            if let Some(row) = open.iter().find(|t| tasks::sink_matches(t, kind) == Some(wanted)) {
                return Place::Task(row.no);
            }
        }
        let mapped = self.mapped(kind);
        if let Some(row) = mapped
            && waits(self.plan, row)
        {
            return Place::Task(row.no);
        }
        let past: Vec<&Arc<TaskState>> = self
            .run
            .tasks
            .iter()
            .filter(|t| is_event(t) && t.status.is_terminal() && is_meant(t))
            .filter(|t| tasks::sink_matches(t, kind).is_some())
            .collect();
        if !past.is_empty() {
            let data = Payload::from_object_text(event.data.as_str());
            let repeated = past.iter().any(|t| t.output == data);
            return if repeated { Place::Nowhere } else { Place::Later };
        }
        match mapped {
            Some(row) if self.is_past(row) => Place::Nowhere,
            _ => Place::Later,
        }
    }

    /// Has the task ended for good? One that was cancelled with its run comes back when the run is opened again.
    fn is_past(&self, row: &TaskState) -> bool {
        row.status.is_terminal()
            && !(row.status == TaskStatus::Canceled && self.run.head.status.is_terminal())
    }

    /// The completion names a pass of a loop, which has it already: it is not for the pass that waits now.
    fn was_for_a_pass(&self, kind: &str, event: &CompletionEvent) -> bool {
        let Some(name) = kind.strip_suffix("_completed") else { return false };
        let mut rows = self.run.tasks.iter().filter(|t| t.iteration > 0 && &*t.ref_name == name);
        rows.any(|t| {
            is_event(t)
                && t.status.is_terminal()
                && t.output == Payload::from_object_text(event.data.as_str())
        }) || self.is_forgotten_pass(name)
    }

    /// Does this name a pass whose rows its loop has given up?
    fn is_forgotten_pass(&self, name: &str) -> bool {
        let numbers = |end: &str| -> Option<Vec<i32>> { end.split('_').map(|n| n.parse().ok()).collect() };
        let Some((base, end)) = name.rsplit_once("__") else { return false };
        let (Some(pass), Some(last)) = (numbers(end), self.run.tasks.named(base)) else { return false };
        let is_earlier =
            last.ref_name.rsplit_once("__").and_then(|(_, end)| numbers(end)).is_some_and(|now| pass < now);
        is_earlier && is_event(last) && self.run.tasks.latest(name).is_none()
    }

    /// The EVENT task of this run whose id the event carries.
    pub(super) fn named(&self, event: &CompletionEvent) -> Option<&Arc<TaskState>> {
        let id: TaskId = event.task_id.as_deref()?.parse().ok()?;
        let row = (id.run() == self.run.head.id).then(|| self.run.tasks.get(id.no())).flatten()?;
        is_event(row).then_some(row)
    }

    /// The wait that a label names: `email_validation_2_task` means `wait_for_email_validation_2_completion`, where the
    /// definition has such a task and the type fits its sink. Two of one service that wait side by side have the same
    /// sink, and without this the answer to one could end the other.
    pub(super) fn labelled(&self, event: &CompletionEvent) -> Option<String> {
        let label = event.task_id.as_deref()?.strip_suffix("_task")?;
        let reference = format!("wait_for_{label}_completion");
        let sink = self.plan.config(&reference).filter(|task| task.kind() == "EVENT")?.sink.as_deref()?;
        tasks::sink_fits(sink, event.event_type.as_deref()?).map(|_| reference)
    }

    /// The EVENT task whose reference the settings name for this completion type.
    pub(super) fn mapped(&self, kind: &str) -> Option<&Arc<TaskState>> {
        let references = &self.cx.settings.event_references;
        let mut rows = references
            .iter()
            .filter(|(event, _)| event.eq_ignore_ascii_case(kind))
            .filter_map(|(_, name)| self.run.tasks.latest(name))
            .filter(|t| is_event(t));
        let first = rows.next()?;
        if waits(self.plan, first) { Some(first) } else { rows.find(|t| waits(self.plan, t)).or(Some(first)) }
    }

    pub(super) fn answer(&mut self, no: TaskNo, event: &CompletionEvent) {
        self.withdraw(no);
        let data = Payload::from_object_text(event.data.as_str());
        if let Some(reason) = unfit_reason("output", &data, self, no, usize::MAX) {
            self.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
        } else if event.succeeded {
            self.end(no, TaskStatus::Completed, None, Some(data));
        } else {
            let reason = event.reason.as_deref().unwrap_or("the event says that it failed");
            self.end(no, TaskStatus::Failed, Some(reason.into()), Some(data));
        }
    }
}

fn is_event(row: &TaskState) -> bool {
    &*row.task_type == "EVENT"
}

fn waits(plan: &Plan, row: &TaskState) -> bool {
    is_event(row) && row.status == TaskStatus::InProgress && tasks::waits_for_answer(plan, row)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, NOW, simple};
    use crate::event::{CompletionEvent, Event, InboxMessage};
    use crate::task::TaskStatus;

    #[test]
    fn a_repeated_completion_of_a_pass_that_is_forgotten_is_for_no_other_pass() {
        let event = json!({"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "kafka:t:e", "asyncComplete": true});
        let body = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "inputParameters": {"keepLastN": 1},
            "loopCondition": "$.l.iteration < 3", "loopOver": [event]});
        let mut bench = Bench::start(json!([body]), json!({}));
        let hear = |bench: &mut Bench, pass: &str| {
            let event = CompletionEvent {
                source: "s".to_owned(),
                task_id: None,
                event_type: Some(format!("{pass}_completed")),
                succeeded: true,
                data: json!({"of": pass}).to_string(),
                reason: None,
            };
            let message = InboxMessage::Completion(event);
            bench.decide_at(&Event::Arrived { inbox: 1, message }, NOW)
        };
        hear(&mut bench, "e__1");
        assert!(bench.run.tasks.latest("e__1").is_none(), "the loop keeps one pass");
        hear(&mut bench, "e__1");
        assert_eq!(bench.row("e__2").status, TaskStatus::InProgress);
        hear(&mut bench, "e__2");
        assert_eq!(bench.refs(), ["l", "e__3"]);
    }

    /// A service twice, side by side: the second branch first pauses.
    fn twins() -> Bench {
        let wait = |name: &str| json!({"name": name, "taskReferenceName": name, "type": "EVENT", "sink": "conductor:email_completed", "asyncComplete": true});
        let fork = json!({"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": [
            [wait("wait_for_email_completion")], [simple("pause"), wait("wait_for_email_2_completion")]]});
        let join = json!({"name": "join", "taskReferenceName": "join", "type": "JOIN",
            "joinOn": ["wait_for_email_completion", "wait_for_email_2_completion"]});
        Bench::start(json!([fork, join]), json!({}))
    }

    fn answer(bench: &mut Bench, inbox: i64, label: &str) {
        let event = CompletionEvent {
            source: format!("s/{inbox}"),
            task_id: Some(label.to_owned()),
            event_type: Some("email_completed".to_owned()),
            succeeded: true,
            data: json!({"of": label}).to_string(),
            reason: None,
        };
        bench.decide_at(&Event::Arrived { inbox, message: InboxMessage::Completion(event) }, NOW);
    }

    #[test]
    fn answers_to_a_service_that_runs_twice_find_the_wait_that_their_label_names() {
        for order in [["email_task", "email_2_task"], ["email_2_task", "email_task"]] {
            let mut bench = twins();
            bench.claim("pause");
            bench.end("pause", TaskStatus::Completed);
            for (inbox, label) in (1..).zip(order) {
                answer(&mut bench, inbox, label);
            }
            for (reference, label) in
                [("wait_for_email_completion", "email_task"), ("wait_for_email_2_completion", "email_2_task")]
            {
                let row = bench.row(reference);
                assert_eq!((row.status, row.output.get("of")), (TaskStatus::Completed, Some(&json!(label))));
            }
        }
    }

    #[test]
    fn an_answer_that_is_early_waits_for_the_wait_that_its_label_names() {
        let mut bench = twins();
        answer(&mut bench, 1, "email_2_task");
        assert_eq!(bench.row("wait_for_email_completion").status, TaskStatus::InProgress, "not its answer");
        bench.claim("pause");
        bench.end("pause", TaskStatus::Completed);
        assert_eq!(bench.row("wait_for_email_2_completion").status, TaskStatus::Completed);
        assert_eq!(bench.row("wait_for_email_completion").status, TaskStatus::InProgress);
        // a label that names no wait of this definition decides nothing
        answer(&mut bench, 2, "another_task");
        assert_eq!(bench.row("wait_for_email_completion").status, TaskStatus::Completed);
    }
}
