//! What one open task waits for.

use std::sync::Arc;

use super::words::{listed, many, quoted, span};
use super::{Known, Polled, Room, Wait, WaitKind, plain};
use crate::decide::{Place, poll_end, response_end, task_end, total_end};
use crate::plan::{Node, Plan};
use crate::run::{RunState, RunStatus};
use crate::task::{TaskState, TaskStatus};
use crate::tasks::{HTTP, open_joined, waits_for_answer};
use crate::time::{Span, Timestamp};

/// A poll this long ago still counts as "somebody polls".
const RECENT: Span = Span::from_secs(60);
/// How a caller ends a task that waits for somebody.
const UPDATE: &str = "an update of the task (POST /api/tasks)";

pub(super) fn wait(plan: &Plan, run: &RunState, known: &Known, row: Arc<TaskState>) -> Wait {
    let node = run.node_of(plan, &row);
    let kind = node.as_deref().map_or("", |node| node.kind.name());
    let page = if kind.is_empty() || kind == "SIMPLE" { "simple".to_owned() } else { kind.to_lowercase() };
    let wait = Wait {
        kind: WaitKind::Other,
        since: row.started_at.map_or(row.scheduled_at, |at| at.max(row.scheduled_at)),
        until: None,
        text: String::new(),
        wakes: String::new(),
        worker: None,
        last_poll: None,
        child: None,
        docs: Some(format!("docs/tasks/{page}.md")),
        task: Some(row.clone()),
    };
    let words = Words { plan, run, known, row: &row, node: node.as_deref(), wait };
    words.explained(kind)
}

/// A task that is put into words.
struct Words<'a> {
    plan: &'a Plan,
    run: &'a RunState,
    known: &'a Known,
    row: &'a TaskState,
    node: Option<&'a Node>,
    wait: Wait,
}

impl Words<'_> {
    fn explained(self, kind: &str) -> Wait {
        let by_worker = self.node.is_none_or(|node| node.kind.by_worker());
        match (by_worker, self.row.status) {
            (true, TaskStatus::Scheduled) => self.queued(kind == HTTP),
            (true, _) if kind == HTTP => self.calling(),
            (true, _) => self.with_worker(),
            (false, TaskStatus::Scheduled) if self.row.available_at > self.known.now => self.delayed(),
            (false, _) => self.in_engine(kind),
        }
    }

    fn told(mut self, kind: WaitKind, text: String, wakes: String) -> Wait {
        self.wait.kind = kind;
        self.wait.text = text;
        self.wait.wakes = wakes;
        self.wait
    }

    fn name(&self) -> String {
        quoted(&self.row.ref_name)
    }

    fn id(&self) -> String {
        self.run.task_id(self.row.no).to_string()
    }

    /// The earliest time-out of the task, unless the run is paused.
    fn time_out(&self) -> Option<Timestamp> {
        let node = self.node.filter(|_| self.run.head.status != RunStatus::Paused)?;
        let ends = [
            total_end(node, self.row),
            task_end(node, self.row),
            poll_end(node, self.row),
            response_end(node, self.row),
        ];
        ends.into_iter().flatten().min()
    }

    /// A worker may take it, now or later.
    fn queued(mut self, is_call: bool) -> Wait {
        let (row, now) = (self.row, self.known.now);
        if !row.ready {
            let text = format!("{} is offered to nobody, because handing it out failed.", self.name());
            let wakes = "PUT /api/workflow/decide/{workflowId} offers it again.".to_owned();
            return self.told(WaitKind::Other, text, wakes);
        }
        if row.available_at > now {
            return self.delayed();
        }
        if let Some(room) = self.known.room.get(&*row.def_name)
            && let Some(kind) = full(room)
        {
            return self.limited(kind, &room.clone());
        }
        self.wait.until = self.time_out();
        let queue = quoted(&row.task_type);
        let polled = self.polled();
        self.wait.last_poll = polled.clone();
        let domain = row.domain.as_deref().filter(|_| !is_call);
        let place = domain.map(|domain| format!(" in the domain {}", quoted(domain))).unwrap_or_default();
        let polls = match &polled {
            Some(last) if now - last.at <= RECENT => {
                let who = last
                    .worker
                    .as_deref()
                    .map(|worker| format!(" by {}", quoted(worker)))
                    .unwrap_or_default();
                format!("{queue} was last polled{place} {} ago{who}", span(now - last.at))
            }
            Some(last) => format!("nobody has polled {queue}{place} for {}", span(now - last.at)),
            None => format!("no worker has ever polled {queue}{place}{}", self.elsewhere()),
        };
        if is_call {
            let text = format!("{} waits for a node to make its HTTP call.", self.name());
            let wakes =
                "A node with a free place for calls (of its execution name space, if it has one).".to_owned();
            return self.told(WaitKind::Http, text, wakes);
        }
        let text = format!("{} waits for a worker; {polls}.", self.name());
        let wakes = format!("A worker that polls {queue}{place}.");
        self.told(WaitKind::Poll, text, wakes)
    }

    fn polled(&self) -> Option<Polled> {
        let mine = |poll: &&Polled| {
            poll.task_type == *self.row.task_type && poll.domain.as_deref() == self.row.domain.as_deref()
        };
        self.known.polls.iter().find(mine).cloned()
    }

    /// Nobody polls where the task is: perhaps they poll beside it.
    fn elsewhere(&self) -> String {
        let others = self.known.polls.iter().filter(|poll| poll.task_type == *self.row.task_type);
        let named: Vec<String> =
            others.map(|poll| poll.domain.clone().unwrap_or_else(|| "no domain".to_owned())).collect();
        if named.is_empty() {
            String::new()
        } else {
            format!(", but workers have polled it in {}", listed(&named))
        }
    }

    fn limited(mut self, kind: WaitKind, room: &Room) -> Wait {
        let def = quoted(&self.row.def_name);
        if kind == WaitKind::ConcurrencyLimit {
            let limit = room.at_once.unwrap_or_default();
            let text = format!(
                "{} waits because {} of at most {limit} tasks of {def} are in progress.",
                self.name(),
                room.held
            );
            return self.told(kind, text, format!("The end of a task of {def}."));
        }
        self.wait.until = room.begins_at;
        let limit = room.per_window.unwrap_or_default();
        let text = format!(
            "{} waits because as many tasks of {def} as its rate limit of {limit} allows have begun lately.",
            self.name()
        );
        self.told(kind, text, "The clock: then the next of them may begin.".to_owned())
    }

    /// It is not due yet.
    fn delayed(mut self) -> Wait {
        let (row, name) = (self.row, self.name());
        let left = span(row.available_at - self.known.now);
        self.wait.until = Some(row.available_at);
        let wakes =
            "The clock; POST /api/workflow/{workflowId}/resetcallbacks makes it due at once.".to_owned();
        if row.poll_count > 0 {
            let who = row.worker.as_deref().map_or_else(|| "Its worker".to_owned(), quoted);
            let text = format!("{who} wants to be given {name} again later: {left} are left.");
            return self.told(WaitKind::Time, text, wakes);
        }
        let Some(before) = row.retry_of.and_then(|no| self.run.tasks.get(no)) else {
            let text = format!("{name} begins with a delay: {left} are left.");
            return self.told(WaitKind::Time, text, wakes);
        };
        let attempts = self.node.map_or(0, |node| node.retry.count) + 1;
        let why = before.reason.as_deref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
        let text = format!(
            "{name} waits for its retry delay, of which {left} are left, before attempt {} of {attempts}; the last one failed{why}.",
            row.attempt + 1
        );
        self.told(WaitKind::RetryDelay, text, wakes)
    }

    fn with_worker(mut self) -> Wait {
        let row = self.row;
        self.wait.worker.clone_from(&row.worker);
        self.wait.until = self.time_out();
        let who = row.worker.as_deref().map_or_else(|| "A worker".to_owned(), quoted);
        let begun = row.started_at.unwrap_or(row.scheduled_at);
        let heard = if row.updated_at > begun {
            format!(" and was last heard of {} ago", span(self.known.now - row.updated_at))
        } else {
            String::new()
        };
        let text = format!("{who} has had {} for {}{heard}.", self.name(), span(self.known.now - begun));
        let wakes = match self.wait.until {
            Some(until) => format!("Its report; the task times out in {}.", span(until - self.known.now)),
            None => "Its report; the task has no time-out.".to_owned(),
        };
        self.told(WaitKind::Worker, text, wakes)
    }

    fn calling(mut self) -> Wait {
        let row = self.row;
        if row.wait_until.is_none() {
            let text = format!(
                "The call of {} was made, and it waits for somebody to say how it ended.",
                self.name()
            );
            return self.told(WaitKind::Event, text, format!("{}.", capital(UPDATE)));
        }
        self.wait.until = row.wait_until;
        self.wait.worker.clone_from(&row.worker);
        let begun = row.started_at.unwrap_or(row.scheduled_at);
        let text = format!(
            "The HTTP call of {} has been under way for {}.",
            self.name(),
            span(self.known.now - begun)
        );
        let wakes =
            "Its answer; should the node that makes it fall silent, another one makes it again.".to_owned();
        self.told(WaitKind::Http, text, wakes)
    }

    /// What the engine runs itself.
    fn in_engine(mut self, kind: &str) -> Wait {
        let name = self.name();
        if let Some(topic) = self.known.unsent.get(&self.row.no) {
            let text = format!(
                "The message of {name} to the topic {} has not been acknowledged yet.",
                quoted(topic)
            );
            let wakes =
                "The broker's acknowledgement; messages are sent again until there is one.".to_owned();
            return self.told(WaitKind::Publish, text, wakes);
        }
        match kind {
            "WAIT" => self.waiting(),
            "HUMAN" => {
                let text = format!("{name} waits for a person.");
                self.told(WaitKind::Human, text, format!("{} that ends it.", capital(UPDATE)))
            }
            "EVENT" | "KAFKA_PUBLISH" if waits_for_answer(self.plan, self.row) => self.answer(),
            "JOIN" => self.joining(),
            "EXCLUSIVE_JOIN" => self.joining_one(),
            "DO_WHILE" => self.looping(),
            _ if self.row.child.is_some() => self.child(),
            _ => {
                self.wait.until = self.time_out();
                let text = format!("{name} ({}) goes on with the next decision.", self.row.task_type);
                self.told(WaitKind::Decision, text, "The engine, at once.".to_owned())
            }
        }
    }

    fn waiting(mut self) -> Wait {
        let (name, sooner) = (self.name(), "a signal (POST /api/tasks/{workflowId}/COMPLETED/signal)");
        let Some(until) = self.row.wait_until else {
            let text = format!("{name} waits until somebody ends it.");
            return self.told(WaitKind::Event, text, format!("{} or {UPDATE}.", capital(sooner)));
        };
        self.wait.until = Some(until);
        let text = format!("{name} waits for its time: {} are left.", span(until - self.known.now));
        self.told(WaitKind::Time, text, format!("The clock, or sooner {sooner} or {UPDATE}."))
    }

    /// Its message is out, and somebody is to answer.
    fn answer(mut self) -> Wait {
        self.wait.until = self.time_out();
        let base = self.row.base_ref();
        let sink = self.row.input.get("sink").and_then(|sink| sink.as_str());
        let mut types: Vec<String> = self
            .known
            .event_references
            .iter()
            .filter(|(_, name)| name == base)
            .map(|(kind, _)| kind.clone())
            .collect();
        types.extend(sink.and_then(|sink| sink.rsplit(':').next()).map(str::to_owned));
        types.dedup();
        let to = sink.map(|sink| format!(" to {}", quoted(sink))).unwrap_or_default();
        let text = format!("{} was published{to} and waits for the event that completes it.", self.name());
        let fits = if types.is_empty() {
            String::new()
        } else {
            format!(" or one for this workflow of a type like {}", listed(&types))
        };
        let wakes = format!("A completion event for the task {}{fits}; or {UPDATE}.", self.id());
        self.told(WaitKind::Event, text, wakes)
    }

    fn child(mut self) -> Wait {
        let Some(child) = self.row.child else { return self.wait };
        self.wait.child = Some(child);
        let how = match self.known.children.get(&child) {
            Some(status) if status.is_terminal() => {
                format!("which is {}: its end is on its way here", status.as_str())
            }
            Some(status) => format!("which is {}", status.as_str()),
            None => "which is not there any more".to_owned(),
        };
        let text = format!("{} waits for its sub-workflow, {how}.", self.name());
        self.told(WaitKind::Child, text, format!("The end of the workflow {child}."))
    }

    fn joining(self) -> Wait {
        let Some(node) = self.node else { return self.wait };
        let (open, all) = open_joined(self.run, node, self.row);
        let text = if all == 0 {
            format!("{} has nothing to join.", self.name())
        } else {
            format!(
                "{} waits for {} of {}: {}.",
                self.name(),
                open.len(),
                many(all as i64, "task", "tasks"),
                listed(&open)
            )
        };
        self.told(WaitKind::Join, text, "The end of all of them.".to_owned())
    }

    fn joining_one(self) -> Wait {
        let Some(node) = self.node else { return self.wait };
        let place = Place::of(self.row, &node.ref_name);
        let names: Vec<String> = node.config.join_on.iter().map(|name| place.name_of(name)).collect();
        let text = format!("{} waits for the first of {} that was reached.", self.name(), listed(&names));
        self.told(WaitKind::Join, text, "The end of that task.".to_owned())
    }

    fn looping(self) -> Wait {
        let Some(node) = self.node else { return self.wait };
        let suffix = Place::of(self.row, &node.ref_name).inside(self.row.iteration).suffix().clone();
        let inside = |row: &&Arc<TaskState>| {
            let of_body =
                self.run.node_of(self.plan, row).is_some_and(|inner| inner.in_loop == Some(node.ix));
            of_body && row.ref_name.ends_with(&*suffix)
        };
        let open: Vec<String> =
            self.run.tasks.open().filter(inside).map(|row| row.ref_name.to_string()).collect();
        let text = if open.is_empty() {
            format!("{} is in its iteration {}.", self.name(), self.row.iteration)
        } else {
            let are = if open.len() == 1 { "is" } else { "are" };
            format!(
                "{} is in its iteration {}, in which {} {are} open.",
                self.name(),
                self.row.iteration,
                listed(&open)
            )
        };
        self.told(WaitKind::Join, text, "The end of the iteration.".to_owned())
    }
}

/// Which limit leaves no room, if one does.
fn full(room: &Room) -> Option<WaitKind> {
    if room.at_once.is_some_and(|limit| room.held >= i64::from(limit)) {
        return Some(WaitKind::ConcurrencyLimit);
    }
    room.per_window.is_some_and(|limit| room.begun >= i64::from(limit)).then_some(WaitKind::RateLimit)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
