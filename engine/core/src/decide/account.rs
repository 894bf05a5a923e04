//! What a turn writes into the account of its run (`history`): only what is not the run's usual way.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Turn;
use crate::effect::Effect;
use crate::event::{Event, TaskReport};
use crate::history::{Act, Asker, HistoryLine};
use crate::id::TaskNo;
use crate::operation::{Edition, Operation, RerunFrom};
use crate::run::{RunHead, RunStatus};
use crate::task::TaskStatus;

/// Bytes of what a line says beside its texts.
const DETAIL_AT_MOST: usize = 2_000;
/// Tickets of requests that a run remembers to have served.
const TICKETS_KEPT: usize = 16;

/// A line in the making: what is known of all lines of a turn comes at its end.
pub(super) struct Note {
    act: Act,
    task: Option<TaskNo>,
    by: Asker,
    detail: Option<Value>,
}

/// Was the request with this ticket served here?
pub(super) fn was_served(head: &RunHead, by: Option<&Asker>) -> bool {
    let ticket = by.and_then(|by| by.ticket.as_deref());
    ticket.is_some_and(|ticket| head.extra.tickets.iter().any(|known| known == ticket))
}

impl Turn<'_> {
    pub(super) fn note(&mut self, act: Act, task: Option<TaskNo>, reason: Option<&str>) {
        let by = Asker { reason: reason.map(Into::into), ..Asker::default() };
        self.notes.push(Note { act, task, by, detail: None });
    }

    /// The same for what another run brought about.
    pub(super) fn note_of(
        &mut self,
        act: Act,
        task: Option<TaskNo>,
        other: crate::id::RunId,
        reason: Option<&str>,
    ) {
        let origin = Some(format!("workflow {other}").into());
        let by = Asker { origin, reason: reason.map(Into::into), ..Asker::default() };
        self.notes.push(Note { act, task, by, detail: None });
    }

    /// An answer of a worker that does not count, if what became of the task is something that the worker cannot know.
    /// That the same answer came twice is no news.
    pub(super) fn note_late(&mut self, report: &TaskReport) {
        let no = report.task;
        if !report.status.is_terminal() || report.extend_lease || self.run.head.extra.archived {
            return;
        }
        let found = match self.run.tasks.get(no) {
            None if no < self.run.head.next_no => "REMOVED",
            None => return,
            Some(row) if row.retried => "REPLACED",
            Some(row) => match row.status {
                TaskStatus::Canceled | TaskStatus::Skipped | TaskStatus::TimedOut => row.status.as_str(),
                TaskStatus::Scheduled
                | TaskStatus::InProgress
                | TaskStatus::Completed
                | TaskStatus::CompletedWithErrors
                | TaskStatus::Failed
                | TaskStatus::FailedWithTerminalError => return,
            },
        };
        let by = Asker {
            actor: report.worker.clone(),
            reason: report.reason.as_deref().map(Into::into),
            ..Asker::default()
        };
        let detail = json!({"answer": report.status.as_str(), "task": found});
        self.notes.push(Note { act: Act::LateAnswer, task: Some(no), by, detail: Some(detail) });
    }

    /// An operation that changed something.
    pub(super) fn note_asked(&mut self, event: &Event, by: Option<&Asker>) {
        let Some((act, task, reason, detail)) = told(event) else { return };
        if !self.changes_anything() {
            return;
        }
        let mut by = by.cloned().unwrap_or_default();
        if let Some(reason) = reason {
            by.reason = Some(reason.into());
        }
        if let Some(ticket) = &by.ticket {
            let tickets = &mut Arc::make_mut(&mut self.head().extra).tickets;
            tickets.push(ticket.to_string());
            let surplus = tickets.len().saturating_sub(TICKETS_KEPT);
            tickets.drain(..surplus);
        }
        let task = task.or_else(|| match event {
            Event::Operate(Operation::Skip { ref_name, .. }) => {
                self.run.tasks.latest(ref_name).map(|row| row.no)
            }
            _ => None,
        });
        let detail = (!detail.is_empty()).then_some(Value::Object(detail));
        self.notes.push(Note { act, task, by, detail });
    }

    /// The lines of this turn, each with its number.
    pub(super) fn write_account(&mut self) {
        if self.notes.is_empty() {
            return;
        }
        let (before, after, at) = (self.status_before(), self.run.head.status, self.cx.now);
        for note in std::mem::take(&mut self.notes) {
            let extra = Arc::make_mut(&mut self.head().extra);
            extra.history = extra.history.saturating_add(1);
            let seq = extra.history;
            let task = note.task.map(|no| (no, self.reference_of(no)));
            let mut detail = note.detail;
            if let Some(ticket) = &note.by.ticket {
                let detail = detail.get_or_insert_with(|| json!({}));
                detail["request"] = Value::from(&**ticket);
            }
            let detail = detail.map(|detail| detail.to_string()).map(|detail| match detail.len() {
                // half an object is none
                long if long > DETAIL_AT_MOST => r#"{"tooLong":true}"#.to_owned(),
                _ => detail,
            });
            let by = note.by.fitted();
            let line = HistoryLine { seq, at, act: note.act, task, before, after, by, detail };
            self.other.push(Effect::Noted(Box::new(line)));
        }
    }

    fn status_before(&self) -> RunStatus {
        self.head_before.as_ref().map_or(self.run.head.status, |head| head.status)
    }

    /// Empty for a row that was taken away in an earlier turn.
    fn reference_of(&self, no: TaskNo) -> Arc<str> {
        let now = self.run.tasks.get(no);
        let row = now.or_else(|| self.before.get(&no).and_then(Option::as_ref));
        row.map_or_else(|| "".into(), |row| row.ref_name.clone())
    }
}

type Told<'e> = (Act, Option<TaskNo>, Option<&'e str>, Map<String, Value>);

/// What an event of an operator says; `None` = it is no operator's.
fn told(event: &Event) -> Option<Told<'_>> {
    let mut detail = Map::new();
    let mut say = |name: &str, value: Value| detail.insert(name.to_owned(), value);
    let (act, task, reason) = match event {
        Event::Terminate { reason } => (Act::Terminate, None, reason.as_deref()),
        Event::Look => (Act::Decide, None, None),
        Event::Requeued { task } => (Act::RequeueTask, Some(*task), None),
        Event::Operate(operation) => match operation {
            Operation::Pause => (Act::Pause, None, None),
            Operation::Resume => (Act::Resume, None, None),
            Operation::ResetCallbacks => (Act::ResetCallbacks, None, None),
            Operation::Archive => (Act::Archive, None, None),
            Operation::Skip { .. } => (Act::SkipTask, None, None),
            Operation::Retry { resume_children } => {
                if *resume_children {
                    say("resumeSubworkflowTasks", Value::Bool(true));
                }
                (Act::Retry, None, None)
            }
            Operation::Restart(edition) => {
                if let Edition::Latest(plan) = edition {
                    say("version", Value::from(plan.def().version));
                }
                (Act::Restart, None, None)
            }
            Operation::Rerun(rerun) => {
                let task = match &rerun.from {
                    RerunFrom::Task(no) => Some(*no),
                    RerunFrom::References { first, others } => {
                        say("reRunFromTaskRefName", Value::from(first.as_deref()));
                        say("resetTasks", Value::from(others.clone()));
                        None
                    }
                    RerunFrom::Start | RerunFrom::Unknown(_) => None,
                };
                for (name, given) in [
                    ("taskInput", rerun.task_input.is_some()),
                    ("workflowInput", rerun.input.is_some()),
                    ("correlationId", rerun.correlation_id.is_some()),
                ] {
                    if given {
                        say(name, Value::from("replaced"));
                    }
                }
                (Act::Rerun, task, None)
            }
        },
        Event::Started
        | Event::Claimed { .. }
        | Event::Returned { .. }
        | Event::Disowned { .. }
        | Event::Reported(_)
        | Event::Called { .. }
        | Event::Published { .. }
        | Event::Arrived { .. }
        | Event::Due
        | Event::Faulted { .. }
        | Event::Asked(_) => return None,
    };
    Some((act, task, reason, detail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::effect::Effect;
    use crate::event::{Asked, Event, TaskReport};
    use crate::history::{Act, Asker, HistoryLine};
    use crate::operation::{Operation, Rerun};
    use crate::payload::Payload;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn lines(effects: &[Effect]) -> Vec<HistoryLine> {
        let line = |effect: &Effect| match effect {
            Effect::Noted(line) => Some((**line).clone()),
            _ => None,
        };
        effects.iter().filter_map(line).collect()
    }

    fn asked(event: Event, ticket: Option<&str>) -> Event {
        let by = Asker {
            actor: Some("alice".into()),
            origin: Some("10.0.0.9".into()),
            reason: None,
            ticket: ticket.map(Into::into),
        };
        Event::Asked(Box::new(Asked { by, event }))
    }

    fn report(task: u32, status: TaskStatus) -> Event {
        Event::Reported(TaskReport {
            task,
            status,
            output: Payload::empty(),
            merge_output: false,
            reason: Some("late".to_owned()),
            worker: Some("w1".into()),
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        })
    }

    #[test]
    fn the_usual_way_of_a_run_leaves_no_line() {
        let mut bench = Bench::start(json!([simple("a"), simple("b")]), json!({}));
        for name in ["a", "b"] {
            let no = bench.row(name).no;
            let claim = Event::Claimed { task: no, worker: None, before: None };
            assert!(lines(&bench.decide_at(&claim, NOW)).is_empty());
            assert!(lines(&bench.reported(no, TaskStatus::Completed, json!({}))).is_empty());
        }
        assert_eq!((bench.run.head.status, bench.run.head.extra.history), (RunStatus::Completed, 0));
    }

    #[test]
    fn an_operation_says_who_asked_and_what_it_did() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        bench.end("a", TaskStatus::FailedWithTerminalError);
        let effects =
            bench.decide_at(&asked(operate(Operation::Retry { resume_children: false }), None), NOW);
        let [line] = &lines(&effects)[..] else { panic!("one line was expected: {effects:?}") };
        assert_eq!((line.seq, line.act, line.at), (1, Act::Retry, NOW));
        assert_eq!((line.before, line.after), (RunStatus::Failed, RunStatus::Running));
        assert_eq!((line.by.actor.as_deref(), line.by.origin.as_deref()), (Some("alice"), Some("10.0.0.9")));
        let end = Event::Terminate { reason: Some("enough".to_owned()) };
        let effects = bench.decide_at(&asked(end, None), NOW);
        let [line] = &lines(&effects)[..] else { panic!("one line was expected: {effects:?}") };
        assert_eq!((line.seq, line.act, line.by.reason.as_deref()), (2, Act::Terminate, Some("enough")));
        let again = asked(Event::Terminate { reason: None }, None);
        assert!(bench.try_decide(&again).expect("no error").is_empty(), "what changes nothing is no news");
        assert!(bench.try_decide(&asked(operate(Operation::Pause), None)).is_err());
        assert_eq!(bench.run.head.extra.history, 2);
    }

    #[test]
    fn a_request_with_a_ticket_acts_once() {
        let mut bench = Bench::start(json!([simple("a")]), json!({}));
        let retry = asked(operate(Operation::Retry { resume_children: false }), Some("bulk-1"));
        bench.end("a", TaskStatus::FailedWithTerminalError);
        let effects = bench.decide_at(&retry, NOW);
        assert_eq!(lines(&effects)[0].detail.as_deref(), Some(r#"{"request":"bulk-1"}"#));
        assert!(
            bench.decide_at(&retry, NOW).is_empty(),
            "it is running, and nobody is told that it must not be"
        );
        bench.end("a", TaskStatus::FailedWithTerminalError);
        assert!(bench.decide_at(&retry, NOW).is_empty());
        assert_eq!(
            bench.run.head.status,
            RunStatus::Failed,
            "a second failure is not retried by the same request"
        );
        let other = asked(operate(Operation::Retry { resume_children: false }), Some("bulk-2"));
        bench.decide_at(&other, NOW);
        assert_eq!(bench.run.head.status, RunStatus::Running);
    }

    #[test]
    fn answers_that_no_longer_count_are_told_of() {
        let mut bench = Bench::start(json!([simple("a"), simple("b")]), json!({}));
        let a = bench.row("a").no;
        bench.claim("a");
        bench.decide(&Event::Terminate { reason: None });
        let late = |bench: &mut Bench, task, status| {
            let effects = bench.late(&report(task, status));
            lines(&effects)
        };
        let told = late(&mut bench, a, TaskStatus::Completed);
        let [line] = &told[..] else { panic!("one line was expected: {told:?}") };
        assert_eq!((line.act, line.by.actor.as_deref()), (Act::LateAnswer, Some("w1")));
        assert_eq!(line.task.as_ref().map(|(no, name)| (*no, &**name)), Some((a, "a")));
        assert_eq!(line.detail.as_deref(), Some(r#"{"answer":"COMPLETED","task":"CANCELED"}"#));
        assert!(late(&mut bench, a, TaskStatus::InProgress).is_empty(), "a sign of life is no answer");
        assert!(late(&mut bench, 77, TaskStatus::Completed).is_empty(), "there never was such a task");
        bench.decide(&operate(Operation::Retry { resume_children: false }));
        let told = late(&mut bench, a, TaskStatus::Failed);
        assert_eq!(told[0].detail.as_deref(), Some(r#"{"answer":"FAILED","task":"REPLACED"}"#));
        bench.end("a", TaskStatus::Completed);
        let first = bench.row("a").no;
        assert!(late(&mut bench, first, TaskStatus::Completed).is_empty(), "twice the same is no news");
        bench.decide(&Event::Terminate { reason: None });
        bench.decide(&operate(Operation::Rerun(Box::<Rerun>::default())));
        let told = late(&mut bench, first, TaskStatus::Completed);
        assert_eq!(told[0].detail.as_deref(), Some(r#"{"answer":"COMPLETED","task":"REMOVED"}"#));
    }

    #[test]
    fn time_outs_and_faults_are_told_of() {
        let mut a = simple("a");
        a["taskDefinition"] = json!({"name": "a", "responseTimeoutSeconds": 5, "retryCount": 1, "retryDelaySeconds": 0, "timeoutSeconds": 0});
        let mut bench = Bench::start(json!([a]), json!({}));
        bench.claim("a");
        let effects = bench.decide_at(&Event::Due, NOW + Span::from_secs(6));
        let told = lines(&effects);
        assert_eq!(told.iter().map(|line| line.act).collect::<Vec<_>>(), [Act::TaskTimeout]);
        assert!(told[0].by.reason.as_deref().is_some_and(|reason| reason.starts_with("responseTimeout: 5")));
        let effects = bench.decide_at(&Event::Faulted { reason: "a\0b".to_owned(), claim: None }, NOW);
        assert_eq!(lines(&effects)[0].by.reason.as_deref(), Some("ab"));
        let effects = bench.decide_at(&asked(Event::Look, None), NOW);
        assert!(lines(&effects).iter().any(|line| line.act == Act::FaultCleared), "{effects:?}");
    }
}
