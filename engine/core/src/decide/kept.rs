//! Completion events that no task waits for yet, and those that come between an unsuccessful end of the run and its
//! opening: part of the run's state until a task begins to wait for them, the run completes, the question is asked again
//! or their time to live ends (spec: pipeline §5).

use std::sync::Arc;

use super::Turn;
use crate::effect::Effect;
use crate::event::{CompletionEvent, InboxId, ParkedEvent};
use crate::id::TaskNo;
use crate::plan::Node;
use crate::run::RunStatus;
use crate::task::TaskState;
use crate::tasks::{self, Fit};
use crate::time::Timestamp;

impl Turn<'_> {
    /// Can an event still be of use? A run that completed begins anew if it is ever opened, an archived one never is.
    pub(super) fn may_hear(&self) -> bool {
        self.run.head.status != RunStatus::Completed && !self.run.head.extra.archived
    }

    pub(super) fn keep(&mut self, inbox: InboxId, event: &CompletionEvent) {
        let now = self.cx.now;
        let expires_at = now + self.cx.settings.parked_ttl;
        let parked = ParkedEvent { inbox, event: event.clone(), parked_at: now, expires_at };
        self.run.parked.push(parked.clone());
        self.other.push(Effect::Parked(Box::new(parked)));
        self.wake_by(expires_at);
    }

    /// When the first of the kept events is to be dropped.
    pub(super) fn first_expiry(&self) -> Option<Timestamp> {
        self.run.parked.iter().map(|p| p.expires_at).min()
    }

    pub(super) fn drop_expired(&mut self) {
        let now = self.cx.now;
        self.drop_kept(|p| p.expires_at <= now);
    }

    pub(super) fn drop_kept(&mut self, which: impl Fn(&ParkedEvent) -> bool) {
        for parked in self.run.parked.extract_if(.., |p| which(p)) {
            self.other.push(Effect::Unparked(parked.inbox));
        }
    }

    /// These rows are about to be redone. The answers to the messages that go out again are still to come: what was kept
    /// for the waits behind them is not taken for one.
    pub(super) fn drop_answers_to(&mut self, redone: &[TaskNo]) {
        if self.run.parked.is_empty() {
            return;
        }
        let waits: Vec<Wait> = redone.iter().filter_map(|no| self.wait_behind(*no)).collect();
        let stale = |kept: &ParkedEvent| waits.iter().any(|wait| self.is_for(&kept.event, wait));
        let stale: Vec<InboxId> = self.run.parked.iter().filter(|p| stale(p)).map(|p| p.inbox).collect();
        self.drop_kept(|p| stale.contains(&p.inbox));
    }

    /// The task that waits for the answer to the message of this one.
    fn wait_behind(&self, request: TaskNo) -> Option<Wait> {
        let request = self.run.tasks.get(request)?;
        let node = self.node_of_row(request).filter(|node| is_request(node))?;
        let wait = self.plan.nodes().find(|other| Some(other.ix) == node.next && awaits_answer(other))?;
        let resolved = |row: &Arc<TaskState>| row.input.get("sink")?.as_str().map(str::to_owned);
        let sink = match self.beside(request, &wait.ref_name) {
            Some(row) => resolved(row)?,
            None => wait.config.sink.clone()?,
        };
        Some(Wait { ref_name: wait.ref_name.clone(), sink })
    }

    fn is_for(&self, event: &CompletionEvent, wait: &Wait) -> bool {
        if let Some(named) = self.named(event) {
            return named.base_ref() == &*wait.ref_name;
        }
        let kind = event.event_type.as_deref().unwrap_or_default();
        self.labelled(event).is_none_or(|reference| *reference == *wait.ref_name)
            && tasks::sink_fits(&wait.sink, kind).is_some()
    }

    /// An EVENT task has begun to wait: an event that was kept may be its answer. Named by id before exact before
    /// partial before mapped, of equals the oldest.
    pub(crate) fn look_at_parked(&mut self, no: TaskNo) {
        if self.run.parked.is_empty() {
            return;
        }
        let Some(row) = self.run.tasks.get(no).cloned() else { return };
        let rank = |event: &CompletionEvent| -> Option<u8> {
            let kind = event.event_type.as_deref().unwrap_or_default();
            if let Some(named) = self.named(event) {
                // a run that was opened again may have a new row in its place
                return (named.ref_name == row.ref_name).then_some(0);
            }
            if self.labelled(event).is_some_and(|reference| row.base_ref() != reference) {
                return None;
            }
            match tasks::sink_matches(&row, kind) {
                Some(Fit::Exact) => Some(1),
                Some(Fit::Partial) => Some(2),
                None => self.mapped(kind).is_some_and(|t| t.no == no).then_some(3),
            }
        };
        let best = self
            .run
            .parked
            .iter()
            .enumerate()
            .filter(|(_, p)| p.expires_at > self.cx.now)
            .filter_map(|(at, p)| Some((rank(&p.event)?, at)))
            .min();
        if let Some((_, at)) = best {
            let parked = self.run.parked.remove(at);
            self.other.push(Effect::Unparked(parked.inbox));
            self.answer(no, &parked.event);
        }
    }

    /// The message that this row waits for the answer to: of the KAFKA_PUBLISH right before it.
    pub(super) fn request_of(&self, row: &TaskState) -> Option<&Arc<TaskState>> {
        let node = self.node_of_row(row).filter(|node| awaits_answer(node))?;
        let before = self.plan.nodes().find(|other| other.next == Some(node.ix) && is_request(other))?;
        self.beside(row, &before.ref_name)
    }
}

/// A task of the definition that waits for an answer.
struct Wait {
    ref_name: Arc<str>,
    /// As it was resolved, if the run got there.
    sink: String,
}

fn is_request(node: &Node) -> bool {
    node.kind.name() == "KAFKA_PUBLISH"
}

fn awaits_answer(node: &Node) -> bool {
    node.kind.name() == "EVENT" && node.config.async_complete == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::decide::bench::{Bench, NOW, operate};
    use crate::effect::Effect;
    use crate::event::{CompletionEvent, Event, InboxMessage};
    use crate::operation::{Edition, Operation, Rerun, RerunFrom};
    use crate::run::RunStatus;
    use crate::task::TaskStatus;
    use crate::time::Span;

    /// The documented stages, side by side: each asks by Kafka and waits for the answer.
    fn asked() -> Bench {
        let stage = |name: &str| {
            json!([
                {"name": name, "taskReferenceName": name, "type": "KAFKA_PUBLISH",
                    "inputParameters": {"kafka_request": {"topic": name, "value": "v", "bootStrapServers": "k:1"}}},
                {"name": "w", "taskReferenceName": wait(name), "type": "EVENT", "asyncComplete": true,
                    "sink": format!("conductor:{name}_completed")}])
        };
        let fork = json!({"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN",
            "forkTasks": [stage("email"), stage("phone")]});
        let join = json!({"name": "join", "taskReferenceName": "join", "type": "JOIN",
            "joinOn": [wait("email"), wait("phone")]});
        let mut bench = Bench::start(json!([fork, join]), json!({}));
        sent(&mut bench, "email");
        sent(&mut bench, "phone");
        bench
    }

    fn wait(service: &str) -> String {
        format!("wait_for_{service}_completion")
    }

    fn sent(bench: &mut Bench, name: &str) {
        let task = bench.row(name).no;
        bench.decide(&Event::Published { task, outcome: Ok(()) });
    }

    fn hear(bench: &mut Bench, inbox: i64, service: &str, succeeded: bool) -> Vec<Effect> {
        let event = CompletionEvent {
            source: format!("s/{inbox}"),
            task_id: Some(format!("{service}_task")),
            event_type: Some(format!("{service}_completed")),
            succeeded,
            data: json!({"answer": inbox}).to_string(),
            reason: None,
        };
        bench.decide_at(&Event::Arrived { inbox, message: InboxMessage::Completion(event) }, NOW)
    }

    /// `phone` failed; then `email` answered.
    fn answered_late() -> Bench {
        let mut bench = asked();
        hear(&mut bench, 1, "phone", false);
        assert_eq!(bench.run.head.status, RunStatus::Failed);
        assert_eq!(bench.row(&wait("email")).status, TaskStatus::Canceled);
        hear(&mut bench, 2, "email", true);
        assert_eq!(kept(&bench), [2]);
        bench
    }

    fn kept(bench: &Bench) -> Vec<i64> {
        bench.run.parked.iter().map(|p| p.inbox).collect()
    }

    fn answer(bench: &Bench, service: &str) -> (TaskStatus, Option<Value>) {
        let row = bench.row(&wait(service));
        (row.status, row.output.get("answer").cloned())
    }

    fn rerun(bench: &mut Bench, name: &str) {
        let from = RerunFrom::Task(bench.row(name).no);
        bench.decide(&operate(Operation::Rerun(Box::new(Rerun { from, ..Rerun::default() }))));
    }

    #[test]
    fn an_answer_that_comes_after_the_failure_of_another_branch_is_there_for_the_retry() {
        let retry: fn(&mut Bench) =
            |bench| bench.decide(&operate(Operation::Retry { resume_children: false }));
        for (how, open) in [("rerun", (|bench| rerun(bench, "phone")) as fn(&mut Bench)), ("retry", retry)] {
            let mut bench = answered_late();
            open(&mut bench);
            assert_eq!(answer(&bench, "email"), (TaskStatus::Completed, Some(json!(2))), "{how}");
            assert_eq!((kept(&bench), bench.run.head.status), (vec![], RunStatus::Running));
            if how == "rerun" {
                sent(&mut bench, "phone");
            }
            hear(&mut bench, 3, "phone", true);
            assert_eq!(bench.run.head.status, RunStatus::Completed, "{how}");
        }
    }

    #[test]
    fn a_question_that_is_asked_again_is_not_answered_by_what_was_kept() {
        let mut bench = answered_late();
        rerun(&mut bench, "email");
        assert_eq!(kept(&bench), Vec::<i64>::new());
        sent(&mut bench, "email");
        assert_eq!(answer(&bench, "email"), (TaskStatus::InProgress, None));
        hear(&mut bench, 3, "email", true);
        assert_eq!(answer(&bench, "email"), (TaskStatus::Completed, Some(json!(3))));
    }

    #[test]
    fn all_that_begins_again_forgets_what_was_kept() {
        let begin = [Operation::Restart(Edition::Kept), Operation::Rerun(Box::default())];
        for operation in begin {
            let mut bench = answered_late();
            bench.decide(&operate(operation));
            assert_eq!(kept(&bench), Vec::<i64>::new());
        }
    }

    #[test]
    fn an_answer_that_the_run_had_is_not_kept_and_a_completed_run_hears_nothing() {
        let mut bench = asked();
        hear(&mut bench, 1, "email", true);
        hear(&mut bench, 2, "phone", false);
        hear(&mut bench, 1, "email", true);
        assert_eq!(kept(&bench), Vec::<i64>::new(), "repeated");
        rerun(&mut bench, "phone");
        sent(&mut bench, "phone");
        hear(&mut bench, 3, "phone", true);
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert_eq!(hear(&mut bench, 4, "phone", false), [Effect::InboxTaken(4)]);
    }

    #[test]
    fn what_an_ended_run_keeps_expires_in_time() {
        let mut bench = answered_late();
        let ttl = Span::from_secs(7 * 24 * 3600);
        assert_eq!(bench.run.head.wake_at, Some(NOW + ttl));
        let effects = bench.decide_at(&Event::Due, NOW + ttl);
        assert!(effects.contains(&Effect::Unparked(2)), "{effects:?}");
        assert_eq!((kept(&bench), bench.run.head.wake_at), (vec![], None));
        assert_eq!(bench.run.head.status, RunStatus::Failed, "nothing else becomes of it");
    }
}
