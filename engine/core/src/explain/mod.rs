//! Why does a run not go on, and what would make it?
//!
//! A pure function of the run and of what is known about its surroundings. It reads what decisions wrote and decides nothing
//! itself: the same rows, the same time-outs, in words.

mod task;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::sync::Arc;

use crate::decide::clock_of;
use crate::id::{RunId, TaskNo};
use crate::plan::Plan;
use crate::run::{RunSlot, RunState, RunStatus};
use crate::task::TaskState;
use crate::time::{Span, Timestamp};
use words::{many, quoted, span};

/// Tasks of one run that are explained; a wide fork has more, and they are alike.
const TASKS_AT_MOST: usize = 200;

/// What is known outside of the run.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub now: Timestamp,
    /// The last poll of each queue.
    pub polls: Vec<Polled>,
    /// The runs that tasks wait for, as far as they are there.
    pub children: HashMap<RunId, RunStatus>,
    /// Tasks whose message nobody has acknowledged, with its topic.
    pub unsent: HashMap<TaskNo, String>,
    /// Room under the limits of task definitions that have some.
    pub room: HashMap<String, Room>,
    /// Where the run stands among those that wait for its rate limit: how many come before it.
    pub before: Option<i64>,
    /// Completion type → reference name of the EVENT task that waits for it.
    pub event_references: Vec<(String, String)>,
}

/// The last poll of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    pub task_type: String,
    pub domain: Option<String>,
    pub worker: Option<String>,
    pub at: Timestamp,
}

/// How much of its limits the tasks of a definition take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Tasks in progress at most.
    pub at_once: Option<i32>,
    pub held: i64,
    /// Tasks that begin in a stretch of time at most.
    pub per_window: Option<i32>,
    pub begun: i64,
    /// When the next one may begin.
    pub begins_at: Option<Timestamp>,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitKind {
    Poll,
    RetryDelay,
    Worker,
    Time,
    Child,
    Publish,
    Event,
    Human,
    Join,
    Http,
    RateLimit,
    ConcurrencyLimit,
    Paused,
    Fault,
    Decision,
    Ended,
    Other,
}

impl WaitKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            WaitKind::Poll => "POLL",
            WaitKind::RetryDelay => "RETRY_DELAY",
            WaitKind::Worker => "WORKER",
            WaitKind::Time => "TIME",
            WaitKind::Child => "CHILD",
            WaitKind::Publish => "PUBLISH",
            WaitKind::Event => "EVENT",
            WaitKind::Human => "HUMAN",
            WaitKind::Join => "JOIN",
            WaitKind::Http => "HTTP",
            WaitKind::RateLimit => "RATE_LIMIT",
            WaitKind::ConcurrencyLimit => "CONCURRENCY_LIMIT",
            WaitKind::Paused => "PAUSED",
            WaitKind::Fault => "FAULT",
            WaitKind::Decision => "DECISION",
            WaitKind::Ended => "ENDED",
            WaitKind::Other => "OTHER",
        }
    }
}

/// One thing that a run waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// `None` if it concerns the run as a whole.
    pub task: Option<Arc<TaskState>>,
    pub kind: WaitKind,
    pub since: Timestamp,
    /// When time alone changes something.
    pub until: Option<Timestamp>,
    /// A sentence: what it waits for.
    pub text: String,
    /// A sentence: what would make it go on.
    pub wakes: String,
    pub worker: Option<Arc<str>>,
    pub last_poll: Option<Polled>,
    pub child: Option<RunId>,
    /// The page of the documentation that tells more.
    pub docs: Option<String>,
}

impl Wait {
    fn of_run(kind: WaitKind, since: Timestamp, text: String, wakes: impl Into<String>) -> Wait {
        Wait {
            task: None,
            kind,
            since,
            until: None,
            text,
            wakes: wakes.into(),
            worker: None,
            last_poll: None,
            child: None,
            docs: Some("docs/operating.md".to_owned()),
        }
    }
}

/// Why a run does not go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// One sentence.
    pub summary: String,
    /// What concerns the whole run first; then tasks that wait for something outside, those that have waited longest first;
    /// then tasks that wait for other tasks. Of very many only the first.
    pub waits: Vec<Wait>,
    /// How many tasks are open, whether they are explained or not.
    pub open_tasks: usize,
}

/// Explains a run.
pub fn explain(plan: &Plan, run: &RunState, known: &Known) -> Explanation {
    if run.head.status.is_terminal() {
        let ended = ended(run);
        return Explanation { summary: ended.text.clone(), waits: vec![ended], open_tasks: 0 };
    }
    let mut waits = of_the_run(run, known);
    let of_run = waits.len();
    let watches = |row: &Arc<TaskState>| run.node_of(plan, row).is_some_and(|node| node.kind.is_watcher());
    let (watchers, mut leaves): (Vec<_>, Vec<_>) = run.tasks.open().cloned().partition(watches);
    leaves.sort_by_key(|row| (row.scheduled_at, row.no));
    let (leaf_count, open_tasks) = (leaves.len(), leaves.len() + watchers.len());
    let shown = leaves.into_iter().take(TASKS_AT_MOST).chain(watchers.into_iter().take(TASKS_AT_MOST));
    waits.extend(shown.map(|row| task::wait(plan, run, known, row)));
    if waits.is_empty() {
        let text = "The workflow waits for its next decision, which is on its way.".to_owned();
        let mut wait = Wait::of_run(WaitKind::Decision, run.head.updated_at, text, "The engine, at once.");
        wait.until = run.head.wake_at;
        waits.push(wait);
    }
    let first = &waits[0].text;
    let summary = if of_run > 0 || leaf_count < 2 {
        first.clone()
    } else {
        format!("{leaf_count} tasks are open; the one that has waited longest: {first}")
    };
    waits.extend(time_out(plan, run, known));
    Explanation { summary, waits, open_tasks }
}

/// What keeps the run as a whole.
fn of_the_run(run: &RunState, known: &Known) -> Vec<Wait> {
    let head = &run.head;
    let mut waits = Vec::new();
    if let Some(fault) = &head.extra.fault {
        let text =
            format!("The engine could not decide the workflow and has put it aside: {}.", plain(fault));
        let wakes = "Any operation on it and any answer to one of its tasks makes the engine try again, for instance \
                     PUT /api/workflow/decide/{workflowId}.";
        waits.push(Wait::of_run(WaitKind::Fault, head.updated_at, text, wakes));
    }
    if head.status == RunStatus::Paused {
        let text = "The workflow is paused: open tasks may still be worked on, but nothing new begins and nothing times out."
            .to_owned();
        let wakes = "PUT /api/workflow/{workflowId}/resume.";
        waits.push(Wait::of_run(WaitKind::Paused, head.updated_at, text, wakes));
    }
    if let Some(slot) = head.extra.slot.as_deref().filter(|slot| slot.holds_back()) {
        waits.push(held_back(run, slot, known));
    }
    waits
}

fn held_back(run: &RunState, slot: &RunSlot, known: &Known) -> Wait {
    let before = match known.before {
        Some(0) => ", and it is the next one".to_owned(),
        Some(before) => format!(", and {} before it", many(before, "workflow waits", "workflows wait")),
        None => String::new(),
    };
    let at_once = many(slot.at_once.into(), "workflow", "workflows");
    let text = format!(
        "The workflow has not begun: at most {at_once} with the rate-limit key {} may go on at once{before}.",
        quoted(&slot.key)
    );
    let mut wait = Wait::of_run(
        WaitKind::RateLimit,
        run.head.created_at,
        text,
        "The end of a workflow with the same key.",
    );
    wait.docs = Some("docs/definitions.md".to_owned());
    wait
}

fn time_out(plan: &Plan, run: &RunState, known: &Known) -> Option<Wait> {
    let head = &run.head;
    let limit = plan.timeout()?;
    if head.extra.fault.is_some() || head.extra.slot.as_deref().is_some_and(RunSlot::holds_back) {
        return None;
    }
    let since = clock_of(head);
    let until = since + limit;
    let text = format!(
        "The workflow as a whole may take {}, {} of it are left.",
        span(limit),
        span(until - known.now)
    );
    let wakes = "The clock: then it ends as TIMED_OUT.";
    Some(Wait { until: Some(until), ..Wait::of_run(WaitKind::Time, since, text, wakes) })
}

fn ended(run: &RunState) -> Wait {
    let head = &run.head;
    let at = head.ended_at.unwrap_or(head.updated_at);
    let failed = head.extra.failed_task.and_then(|id| run.tasks.get(id.no())).cloned();
    let verb = match head.status {
        RunStatus::Failed => "failed",
        RunStatus::TimedOut => "timed out",
        RunStatus::Terminated => "was terminated",
        RunStatus::Completed | RunStatus::Running | RunStatus::Paused => "completed",
    };
    let took = span(Span::from_micros((at - head.created_at).as_micros().max(0)));
    let whose = failed.as_deref().map(|row| format!(" at {}", quoted(&row.ref_name))).unwrap_or_default();
    let reason = failed.as_deref().and_then(|row| row.reason.as_deref()).or(head.reason.as_deref());
    let why = reason.map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    let text = format!("The workflow {verb}{whose} after {took}{why}.");
    let wakes = match head.status {
        RunStatus::Completed => "Nothing by itself: an operator can rerun it from a task, or restart it.",
        _ => {
            "Nothing by itself: a retry goes on where it failed, a rerun from an earlier task, a restart begins again."
        }
    };
    Wait { task: failed, ..Wait::of_run(WaitKind::Ended, at, text, wakes) }
}

/// A reason as a part of a sentence: cut, and without its own full stop.
fn plain(reason: &str) -> String {
    const CHARS: usize = 300;
    let reason = reason.trim().trim_end_matches('.');
    match reason.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}
