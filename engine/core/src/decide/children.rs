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
//! | [`ChildReopened`](crate::event::ChildReopened) | child | has ended the task | it is open again with the task: `operate::parents` |
//! | [`RetryWanted`](InboxMessage::RetryWanted) | parent | has ended | it goes on where it failed, or says again how it ended |

use std::sync::Arc;

use serde_json::{Value, json};

use super::mapping::unfit_reason;
use super::retry::mix;
use super::{Known, KnownPayload, Refusal, Turn};
use crate::effect::{Effect, Told, WantedDefinition, WantedRun};
use crate::event::{ChildEnded, InboxMessage, ParentEnded};
use crate::history::Act;
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

    /// The payload under a path, an empty one if there is none. `None`: it is not loaded, and this decision will be thrown
    /// away. An error says why it cannot be had.
    pub(crate) fn payload_at(&mut self, path: &str) -> Option<Result<Payload, String>> {
        match self.cx.world.payload(path) {
            KnownPayload::Found(payload) => Some(Ok(payload)),
            KnownPayload::Absent => Some(Ok(Payload::empty())),
            KnownPayload::Unusable(reason) => Some(Err(reason)),
            KnownPayload::NotLoaded => {
                self.needs.payloads.push(path.to_owned());
                None
            }
        }
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
        let mut output = row.output.map().clone();
        output.extend(Payload::from_object_text(ended.output.as_str()).map().clone());
        // the row names the child; a run whose output this is gives on what the child gave, a child of its own for example
        let own = output.get("subWorkflowId").and_then(Value::as_str).map(Into::into);
        let own = own.filter(|_| ended.status == RunStatus::Completed);
        output.insert("subWorkflowId".to_owned(), Value::String(ended.child.to_string()));
        let output = Payload::from_map(output);
        if row.status.is_terminal() {
            if row.status != TaskStatus::Canceled && ended.status == RunStatus::Completed {
                // somebody outside may have ended the task and given it an output
                let mut merged = row.output.map().clone();
                merged.extend(output.map().clone());
                self.change(no, |row| {
                    row.status = TaskStatus::Completed;
                    row.output = Payload::from_map(merged);
                });
            }
            return Ok(());
        }
        let limit = self.cx.settings.payload_limit_bytes;
        if let Some(reason) = unfit_reason("output", &output, self, no, limit) {
            self.end(no, TaskStatus::FailedWithTerminalError, Some(reason), None);
        } else {
            let reason: Option<Arc<str>> = ended.reason.as_deref().map(Into::into);
            self.change(no, |row| row.sub_workflow_id = own);
            self.end(no, task_status(ended.status), reason, Some(output));
        }
        self.advance();
        Ok(())
    }

    pub(super) fn parent_ended(&mut self, ended: &ParentEnded) -> Result<(), Refusal> {
        if !self.run.head.status.is_terminal() {
            if let Some(parent) = self.run.head.extra.parent {
                self.note_of(Act::EndedByParent, None, parent.run, Some(&ended.reason));
            }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::bench::{Bench, NOW};
    use super::*;
    use crate::event::{Event, TaskReport};
    use crate::run::{ParentLink, RunExtra};
    use crate::time::Span;

    fn sub(params: Value) -> Value {
        json!({"name": "sw", "taskReferenceName": "sw", "type": "SUB_WORKFLOW", "optional": false,
            "inputParameters": {"x": "${workflow.input.x}", "id": "${CPEWF_TASK_ID}"},
            "subWorkflowParam": params})
    }

    fn child(bench: &Bench) -> RunId {
        bench.row("sw").child.expect("the task has a child")
    }

    fn ended(bench: &Bench, status: RunStatus, output: &str, reason: Option<&str>) -> InboxMessage {
        let (task, child) = (bench.row("sw").no, child(bench));
        let (output, reason) = (output.to_owned(), reason.map(str::to_owned));
        InboxMessage::ChildEnded(ChildEnded { task, child, status, output, reason })
    }

    fn arrive(bench: &mut Bench, message: InboxMessage) -> Vec<Effect> {
        bench.decide_at(&Event::Arrived { inbox: 5, message }, NOW)
    }

    fn wanted(effects: &[Effect]) -> Vec<&WantedRun> {
        let runs = effects.iter().filter_map(|e| match e {
            Effect::RunWanted(wanted) => Some(&**wanted),
            _ => None,
        });
        runs.collect()
    }

    fn told(effects: &[Effect]) -> Vec<&Told> {
        let told = effects.iter().filter_map(|e| match e {
            Effect::Told(told) => Some(&**told),
            _ => None,
        });
        told.collect()
    }

    /// A run whose first task is the worker's `t`, so that the effects of what follows can be looked at.
    fn behind(task: Value) -> (Bench, Vec<Effect>) {
        let first = json!({"name": "t", "taskReferenceName": "t", "type": "SIMPLE"});
        let extra = RunExtra {
            task_to_domain: [("a".to_owned(), "d".to_owned())].into_iter().collect(),
            ..RunExtra::default()
        };
        let mut bench = Bench::start_with(json!([first, task]), json!({"x": 1}), extra);
        let effects = complete(&mut bench, "t");
        (bench, effects)
    }

    fn complete(bench: &mut Bench, name: &str) -> Vec<Effect> {
        let report = TaskReport {
            task: bench.row(name).no,
            status: TaskStatus::Completed,
            output: Payload::empty(),
            merge_output: false,
            reason: None,
            worker: None,
            callback_after_s: 0,
            extend_lease: false,
            external_output: None,
            sub_workflow_id: None,
            logs: Vec::new(),
        };
        bench.decide_at(&Event::Reported(report), NOW)
    }

    #[test]
    fn a_child_is_wanted_with_its_task() {
        let (bench, effects) = behind(sub(json!({"name": "child", "version": 0, "priority": 7})));
        let row = bench.row("sw");
        let wanted = wanted(&effects);
        assert_eq!(wanted.len(), 1);
        let task = bench.run.task_id(row.no);
        assert_eq!((wanted[0].id, wanted[0].priority), (child(&bench), 7));
        assert_eq!(wanted[0].extra.parent, Some(ParentLink { run: bench.run.head.id, task }));
        assert_eq!(wanted[0].extra.task_to_domain["a"], "d");
        let latest = WantedDefinition::Registered { name: "child".to_owned(), version: Some(3) };
        assert_eq!(wanted[0].definition, latest);
        assert_eq!(json!(wanted[0].input.map()), json!({"x": 1, "id": "${CPEWF_TASK_ID}"}));
        assert_eq!((row.status, row.ready), (TaskStatus::InProgress, false));
        assert_eq!(json!(row.output.map()), json!({"subWorkflowId": child(&bench).to_string()}));
        let alone = Bench::start(json!([sub(json!({"name": "child"}))]), json!({}));
        assert_eq!(alone.run.head.wake_at, None, "only the child moves it");
    }

    #[test]
    fn the_task_ends_as_the_child_does() {
        let cases = [
            (RunStatus::Completed, TaskStatus::Completed, RunStatus::Completed),
            (RunStatus::Failed, TaskStatus::Failed, RunStatus::Failed),
            (RunStatus::TimedOut, TaskStatus::TimedOut, RunStatus::TimedOut),
            (RunStatus::Terminated, TaskStatus::Canceled, RunStatus::Terminated),
        ];
        for (of_child, task, run) in cases {
            let mut bench = Bench::start(json!([sub(json!({"name": "child"}))]), json!({}));
            let id = child(&bench).to_string();
            let message = ended(&bench, of_child, r#"{"r":1,"subWorkflowId":"own"}"#, Some("why"));
            let effects = arrive(&mut bench, message.clone());
            assert!(effects.contains(&Effect::InboxTaken(5)));
            let row = bench.row("sw");
            assert_eq!((row.status, bench.run.head.status), (task, run));
            assert_eq!(json!(row.output.map()), json!({"r": 1, "subWorkflowId": id}));
            let given = if of_child == RunStatus::Completed { "own" } else { id.as_str() };
            assert_eq!(json!(bench.run.head.output.map()), json!({"r": 1, "subWorkflowId": given}));
            assert_eq!(row.reason.as_deref(), Some("why"));
            // told twice it changes nothing but the inbox
            assert_eq!(arrive(&mut bench, message).len(), 1);
        }
    }

    #[test]
    fn a_new_attempt_has_a_child_of_its_own() {
        let mut task = sub(json!({"name": "child", "version": 1}));
        task["taskDefinition"] = json!({"name": "sw", "retryCount": 1, "retryDelaySeconds": 0});
        let mut bench = Bench::start(json!([task]), json!({"x": 2}));
        let (first, old) = (child(&bench), bench.row("sw").no);
        let message = ended(&bench, RunStatus::Failed, "{}", Some("why"));
        let effects = arrive(&mut bench, message);
        assert_ne!(child(&bench), first);
        assert_eq!(wanted(&effects)[0].id, child(&bench));
        // a retry resolves the parameters again, beside what the first attempt was given
        let row = bench.row("sw");
        assert_eq!(row.input.get("id"), Some(&json!(bench.run.task_id(row.no).to_string())));
        assert_eq!(json!(wanted(&effects)[0].input.map()), json!({"x": 2, "id": "${CPEWF_TASK_ID}"}));
        // the first child is no longer this run's business
        let late = ChildEnded {
            task: old,
            child: first,
            status: RunStatus::Completed,
            output: "{}".to_owned(),
            reason: None,
        };
        let before = bench.run.tasks.clone();
        arrive(&mut bench, InboxMessage::ChildEnded(late));
        assert_eq!(bench.run.tasks, before);
    }

    #[test]
    fn a_child_that_completes_late_still_shows() {
        let mut task = sub(json!({"name": "child"}));
        task["taskDefinition"] =
            json!({"name": "sw", "retryCount": 0, "timeoutSeconds": 1, "timeoutPolicy": "RETRY"});
        task["optional"] = json!(true);
        let wait = json!({"name": "h", "taskReferenceName": "h", "type": "HUMAN"});
        let mut bench = Bench::start(json!([task, wait]), json!({}));
        let effects = bench.decide_at(&Event::Due, NOW + Span::from_secs(2));
        assert_eq!(bench.row("sw").status, TaskStatus::CompletedWithErrors);
        assert!(told(&effects).is_empty(), "a time-out leaves the child alone");
        let failed = ended(&bench, RunStatus::Failed, "{}", Some("why"));
        assert_eq!(arrive(&mut bench, failed).len(), 1);
        let completed = ended(&bench, RunStatus::Completed, r#"{"r":1}"#, None);
        arrive(&mut bench, completed);
        assert_eq!(bench.row("sw").status, TaskStatus::Completed);
        assert_eq!(bench.row("sw").output.get("r"), Some(&json!(1)));
        assert_eq!(bench.run.tasks.len(), 2);
    }

    #[test]
    fn parent_and_child_hear_of_each_others_end() {
        let (mut bench, _) = behind(sub(json!({"name": "child"})));
        let id = child(&bench);
        let terminate = Event::Terminate { reason: None };
        let effects = bench.decide_at(&terminate, NOW);
        let reason = "Parent workflow has been terminated with status TERMINATED".to_owned();
        let message = InboxMessage::ParentEnded(ParentEnded { reason });
        assert_eq!(told(&effects), [&Told { to: id, message: message.clone() }]);
        assert_eq!(bench.row("sw").child, Some(id));

        let parent = ParentLink { run: bench.run.head.id, task: bench.run.task_id(2) };
        let task = json!([{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]);
        let as_child = || {
            let extra = RunExtra { parent: Some(parent), ..RunExtra::default() };
            Bench::start_with(task.clone(), json!({}), extra)
        };
        let mut child = as_child();
        assert!(told(&arrive(&mut child, message.clone())).is_empty(), "the parent knows");
        assert_eq!(child.run.head.status, RunStatus::Terminated);
        assert_eq!(child.row("t").status, TaskStatus::Canceled);
        assert_eq!(arrive(&mut child, message).len(), 1, "it has ended");

        let mut child = as_child();
        let effects = child.decide_at(&terminate, NOW);
        let reason = format!("Sub workflow wf.1/{} failure reason: null", child.run.head.id);
        let ended = ChildEnded {
            task: 2,
            child: child.run.head.id,
            status: RunStatus::Terminated,
            output: "{}".to_owned(),
            reason: Some(reason),
        };
        assert_eq!(told(&effects), [&Told { to: parent.run, message: InboxMessage::ChildEnded(ended) }]);
    }

    #[test]
    fn a_child_wanted_in_the_decision_that_ends_the_run_is_not_made() {
        let end = json!({"name": "e", "taskReferenceName": "e", "type": "TERMINATE",
            "inputParameters": {"terminationStatus": "COMPLETED"}});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[sub(json!({"name": "child"}))], [end]]});
        let first = json!({"name": "t", "taskReferenceName": "t", "type": "SIMPLE"});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["sw", "e"]});
        let mut bench = Bench::start(json!([first, fork, join]), json!({}));
        let effects = complete(&mut bench, "t");
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        assert!(wanted(&effects).is_empty() && told(&effects).is_empty());
        assert_eq!((bench.row("sw").child, bench.row("sw").status), (None, TaskStatus::Canceled));
    }

    #[test]
    fn what_cannot_run_fails_with_the_reason() {
        let reason = |params: Value| {
            let bench = Bench::start(json!([sub(params)]), json!({"x": "text"}));
            bench.row("sw").reason.as_deref().unwrap_or_default().to_owned()
        };
        assert_eq!(
            reason(json!({"name": "child", "version": 9})),
            "No such workflow defined. name=child, version=9"
        );
        assert_eq!(reason(json!({"name": "nope"})), "No such workflow defined. name=nope, version=null");
        let bad = json!({"name": "bad", "tasks": []});
        assert_eq!(reason(json!({"name": "bad", "workflowDefinition": bad})), "it is bad");
        let text = reason(json!({"name": "s", "workflowDefinition": "${workflow.input.x}"}));
        assert!(text.starts_with("Error reading subWorkflowDefinition. "), "{text}");
    }

    #[test]
    fn a_definition_given_whole_says_so_to_the_child() {
        let whole = json!({"name": "w", "version": 7, "tasks": []});
        let (bench, effects) = behind(sub(json!({"name": "w", "workflowDefinition": whole})));
        let wanted = wanted(&effects);
        assert!(
            matches!(&wanted[0].definition, WantedDefinition::Inline(def) if def.text().contains("\"w\""))
        );
        assert_eq!(wanted[0].input.get("_systemMetadata"), Some(&json!({"dynamic": true})));
        assert_eq!(bench.row("sw").input.get("subWorkflowVersion"), Some(&Value::Null));
    }

    #[test]
    fn start_workflow_starts_and_is_done() {
        let start = |request: Value| {
            json!({"name": "s", "taskReferenceName": "sw", "type": "START_WORKFLOW",
                "inputParameters": {"startWorkflow": request}})
        };
        let (bench, effects) = behind(start(json!({"name": "child", "input": {"i": 1}, "priority": 4})));
        let wanted = wanted(&effects);
        assert_eq!((wanted[0].extra.parent, wanted[0].priority), (None, 4));
        assert_eq!(wanted[0].extra.task_to_domain["a"], "d");
        assert_eq!(json!(bench.row("sw").output.map()), json!({"workflowId": wanted[0].id.to_string()}));
        assert_eq!(bench.run.head.status, RunStatus::Completed);

        let reason = |request: Value| {
            let bench = Bench::start(json!([start(request)]), json!({}));
            assert_eq!(bench.row("sw").status, TaskStatus::Failed);
            bench.row("sw").reason.as_deref().unwrap_or_default().to_owned()
        };
        assert_eq!(reason(Value::Null), "Missing 'startWorkflow' in input data.");
        assert_eq!(
            reason(json!({})),
            "startWorkflow validation failed. 'name' -> Workflow name cannot be null or empty. "
        );
        assert_eq!(reason(json!({"name": "x"})), "No such workflow defined. name=x, version=null");
        assert!(
            reason(json!([1])).starts_with("Error reading StartWorkflowRequest. Cannot deserialize value")
        );
        assert!(
            reason(json!({"name": "x", "version": {}})).starts_with("Error reading StartWorkflowRequest. ")
        );
    }
}
