//! The run ends.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::scope::output_parameters;
use super::{Refusal, Turn};
use crate::effect::Effect;
use crate::id::TaskNo;
use crate::payload::{MAX_DEPTH, Payload};
use crate::run::RunStatus;
use crate::task::{TaskState, TaskStatus};
use crate::tasks;
use crate::time::Timestamp;

/// The decision that the run ends unsuccessfully.
#[derive(Debug)]
pub(crate) struct Halt {
    pub(super) status: RunStatus,
    pub(super) reason: String,
    /// The task whose end decided it.
    pub(super) task: Option<TaskNo>,
    /// If it comes with the start of the run, the start is refused instead.
    pub(super) refuses_start: bool,
}

impl Halt {
    /// FAILED for a reason that is no task's.
    pub(crate) fn failed(reason: String) -> Self {
        Halt { status: RunStatus::Failed, reason, task: None, refuses_start: false }
    }

    /// FAILED, or no run at all if the caller of the start can still be told.
    pub(crate) fn refusing_start(reason: String) -> Self {
        Halt { refuses_start: true, ..Halt::failed(reason) }
    }

    /// A task ended the run.
    pub(super) fn by_task(status: RunStatus, reason: String, task: TaskNo) -> Self {
        Halt { status, reason, task: Some(task), refuses_start: false }
    }
}

impl Turn<'_> {
    /// Ends the run unsuccessfully; its failure workflow starts.
    pub(super) fn halt(&mut self, halt: Halt) {
        if self.is_void() {
            return;
        }
        // version 0: nobody has heard of the run yet
        if halt.refuses_start && self.run.head.version == 0 {
            self.unstartable = Some(halt.reason.clone());
        }
        if let Some(task) = halt.task
            && self.run.head.extra.failed_task.is_none()
        {
            let id = self.run.task_id(task);
            Arc::make_mut(&mut self.head().extra).failed_task = Some(id);
        }
        self.end_run(halt.status, Some(halt.reason));
        self.start_failure_workflow();
    }

    /// An operator ends the run.
    pub(super) fn terminated(&mut self, reason: Option<&str>) -> Result<(), Refusal> {
        self.must_be_there()?;
        match self.run.head.status {
            RunStatus::Completed => Err(Refusal::RunCompleted),
            RunStatus::Terminated => Ok(()),
            RunStatus::Running | RunStatus::Paused | RunStatus::Failed | RunStatus::TimedOut => {
                self.end_run(RunStatus::Terminated, reason.map(str::to_owned));
                Ok(())
            }
        }
    }

    /// The flow came to its end. The output still sees the run RUNNING and the last round's bookkeeping, which is then
    /// taken back.
    pub(super) fn complete_run(&mut self, staged: Vec<Arc<TaskState>>) {
        self.write_output();
        if let Some(fault) = self.plan.output_fault(&self.run.head.output) {
            self.revert(staged);
            self.halt(Halt::failed(fault));
            return;
        }
        self.note_failed();
        self.revert(staged);
        self.close(RunStatus::Completed);
    }

    /// A definition without tasks.
    pub(super) fn complete_empty(&mut self) {
        self.head().reason = Some("No tasks found to be executed".into());
        self.close(RunStatus::Completed);
    }

    /// A TERMINATE task ends the run with the status that it names.
    pub(super) fn end_by_task(&mut self, task: TaskNo, staged: Vec<Arc<TaskState>>) {
        let Some(row) = self.run.tasks.get(task).cloned() else { return };
        let text = |name: &str| row.input.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = text("terminationStatus");
        let reason = match text("terminationReason") {
            blank if blank.trim().is_empty() => {
                format!("Workflow is {status} by TERMINATE task: {}", self.run.task_id(task))
            }
            given => given.to_owned(),
        };
        match status {
            "FAILED" => self.halt(Halt::by_task(RunStatus::Failed, reason, task)),
            "TERMINATED" => self.halt(Halt::by_task(RunStatus::Terminated, reason, task)),
            _ => {
                self.head().reason = Some(reason.into());
                self.complete_run(staged);
            }
        }
    }

    /// The parent has ended, and this run with it: the parent knows.
    pub(super) fn end_with_parent(&mut self, reason: String) {
        self.note_end_of_run(RunStatus::Terminated, Some(reason));
        self.close_quietly(RunStatus::Terminated);
    }

    fn end_run(&mut self, status: RunStatus, reason: Option<String>) {
        self.note_end_of_run(status, reason);
        self.close(status);
    }

    fn note_end_of_run(&mut self, status: RunStatus, reason: Option<String>) {
        self.head().status = status;
        self.write_output();
        self.note_failed();
        self.head().reason = reason.map(Into::into);
    }

    /// Output of the run: that of a TERMINATE task, else the output parameters, else that of the last task.
    fn write_output(&mut self) {
        let run = &*self.run;
        let Some(last) = run.tasks.last() else { return };
        let by_task = || {
            let done =
                |t: &&Arc<TaskState>| &*t.task_type == "TERMINATE" && t.status == TaskStatus::Completed;
            run.tasks.iter().find(done).map(|t| t.output.clone())
        };
        let output = self
            .plan
            .may_terminate()
            .then(by_task)
            .flatten()
            .or_else(|| output_parameters(self.plan, run, &self.cx.settings.environment))
            .unwrap_or_else(|| output_of_last(last));
        let output = if output.is_too_deep() { left_out() } else { output };
        if !output.same(&run.head.output) {
            self.head().output = output;
        }
    }

    /// References and names of all failed attempts.
    fn note_failed(&mut self) {
        let extra = &self.run.head.extra;
        let failed = |t: &&Arc<TaskState>| {
            matches!(t.status, TaskStatus::Failed | TaskStatus::FailedWithTerminalError)
        };
        let mut refs = Names::new(&extra.failed_refs);
        let mut names = Names::new(&extra.failed_names);
        for row in self.run.tasks.iter().filter(failed) {
            refs.add(&row.ref_name);
            names.add(&row.def_name);
        }
        if refs.all.len() != extra.failed_refs.len() || names.all.len() != extra.failed_names.len() {
            let (refs, names) = (refs.all, names.all);
            let extra = Arc::make_mut(&mut self.head().extra);
            extra.failed_refs = refs;
            extra.failed_names = names;
        }
    }

    /// Cancels what is open, stamps the end and tells the parent.
    fn close(&mut self, status: RunStatus) {
        self.close_quietly(status);
        self.tell_parent();
    }

    fn close_quietly(&mut self, status: RunStatus) {
        let now = self.cx.now;
        self.head().status = status;
        let open: Vec<TaskNo> = self.run.tasks.open().map(|t| t.no).collect();
        for no in open {
            self.cancel(no);
        }
        if !self.may_hear() {
            self.drop_kept(|_| true);
        }
        self.leave_slot();
        let head = self.head();
        head.ended_at = Some(now);
        head.updated_at = now;
    }

    fn cancel(&mut self, no: TaskNo) {
        let partial = self.partial_join_output(no).or_else(|| tasks::canceled_loop_output(self, no));
        self.withdraw(no);
        self.take_event_back(no);
        self.end_child_of(no);
        let now = self.cx.now;
        self.change(no, |row| {
            row.status = TaskStatus::Canceled;
            row.ready = false;
            row.ended_at = Some(now);
            if row.updated_at == Timestamp::default() {
                row.updated_at = now;
            }
            if let Some(output) = partial {
                row.output = output;
            }
        });
    }

    /// What a JOIN that never came to its end had before this turn.
    fn partial_join_output(&self, no: TaskNo) -> Option<Payload> {
        let row = self.run.tasks.get(no)?;
        if !self.node_of(no)?.kind.joins() {
            return None;
        }
        let earlier = |t: &TaskState| t.status.is_successful() && !self.was_touched(t.no);
        let output: Map<String, Value> = tasks::partial_join_output(self.plan, self.run, row, earlier);
        (!output.is_empty()).then(|| Payload::from_map(output))
    }

    /// The relay need not send the message of this row any more, if it has one.
    pub(super) fn withdraw(&mut self, no: TaskNo) {
        let Some(row) = self.run.tasks.get(no) else { return };
        if row.status != TaskStatus::InProgress || !tasks::publishes(row) {
            return;
        }
        let before = self.other.len();
        self.other.retain(|effect| !matches!(effect, Effect::Emitted(message) if message.task == no));
        if self.other.len() == before {
            self.other.push(Effect::Settled(no));
        }
    }

    /// Handlers need not see the event of this row any more, if it has one that nobody has seen (scenario s164d: only a
    /// cancelled task takes its event along).
    fn take_event_back(&mut self, no: TaskNo) {
        let Some(row) = self.run.tasks.get(no) else { return };
        if row.status != TaskStatus::InProgress || !tasks::raises(row) {
            return;
        }
        let before = self.other.len();
        self.other.retain(|effect| !matches!(effect, Effect::Raised(raised) if raised.task == no));
        if self.other.len() == before {
            self.other.push(Effect::Settled(no));
        }
    }
}

/// What the last task gives to its run: of a child that completed everything that the child gave, also a
/// `subWorkflowId` of its own, in whose place the row names the child.
fn output_of_last(last: &TaskState) -> Payload {
    match &last.sub_workflow_id {
        Some(own) if last.child.is_some() && last.output.get("subWorkflowId").is_some() => {
            let mut members = last.output.map().clone();
            members.insert("subWorkflowId".to_owned(), Value::String(own.to_string()));
            Payload::from_map(members)
        }
        _ => last.output.clone(),
    }
}

/// Stands for an output that nobody could read back.
fn left_out() -> Payload {
    let text = format!("The output of the workflow is nested deeper than {MAX_DEPTH} levels");
    Payload::from_map(Map::from_iter([("leftOut".to_owned(), Value::String(text))]))
}

/// A list without repetitions, in the order of first mention.
struct Names {
    all: Vec<String>,
    seen: HashSet<String>,
}

impl Names {
    fn new(known: &[String]) -> Self {
        Names { all: known.to_vec(), seen: known.iter().cloned().collect() }
    }

    fn add(&mut self, name: &str) {
        if !self.seen.contains(name) {
            self.seen.insert(name.to_owned());
            self.all.push(name.to_owned());
        }
    }
}
