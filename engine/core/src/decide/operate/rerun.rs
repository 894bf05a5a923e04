//! Rerun: an ended run goes on from a task that it had passed, or begins again (spec: semantics §5.8; scenarios 58–61, 97,
//! 126, 138, 139).
//!
//! The row of the task is reset: same id, same attempt, no output. What comes after it in the flow goes, and comes anew
//! when the flow reaches it. Branches beside it keep what they have; their JOIN waits again. Rows beside it that had
//! failed, or were cancelled by the failure, are reset as well. A fork or a switch is made anew with all that is in it.
//!
//! More than Conductor: it takes away what was scheduled later instead of what comes after, so that a rerun inside of a
//! fork or from a switch hangs there.

use std::sync::Arc;

use super::downstream::{Downstream, outermost};
use super::{Turn, failed_for_now, is_made_whole, waits_for_others};
use crate::decide::mapping::Mapping;
use crate::decide::place::Place;
use crate::id::TaskNo;
use crate::operation::{Objection, Rerun, RerunFrom};
use crate::payload::Payload;
use crate::plan::Node;
use crate::task::{TaskState, TaskStatus};
use crate::tasks;
use crate::time::{Span, Timestamp};

impl Turn<'_> {
    pub(super) fn rerun(&mut self, rerun: &Rerun) -> Result<(), Objection> {
        self.must_have_ended("rerun")?;
        let roots = self.roots(&rerun.from)?;
        self.reopen();
        self.forget_failure();
        self.tell_parent_of_opening("reran", rerun.asked_above);
        if let Some(input) = &rerun.input {
            self.head().input = input.clone();
        }
        if let Some(id) = &rerun.correlation_id {
            self.head().correlation_id = Some(id.as_str().into());
        }
        if roots.is_empty() {
            self.remove_all();
            self.begin_again();
        } else {
            self.rerun_from(&roots, rerun.task_input.as_ref());
        }
        Ok(())
    }

    /// Where it begins; nothing = at the first task.
    fn roots(&self, from: &RerunFrom) -> Result<Vec<Arc<TaskState>>, Objection> {
        let unknown = |name: &str| Objection::NoSuchTask(name.to_owned());
        let latest = |name: &str| self.latest_of(name).map(|t| self.with_its_request(t));
        let rows = match from {
            RerunFrom::Start => Vec::new(),
            RerunFrom::Unknown(name) => return Err(unknown(name)),
            RerunFrom::Task(no) if self.run.tasks.get(*no).is_some() => vec![*no],
            RerunFrom::Task(no) => return Err(unknown(&self.run.task_id(*no).to_string())),
            RerunFrom::References { first, others } => {
                let mut rows = Vec::new();
                if let Some(name) = first {
                    rows.push(latest(name).ok_or_else(|| unknown(name))?);
                }
                rows.extend(others.iter().filter_map(|name| latest(name)));
                rows.sort_unstable();
                rows.dedup();
                rows
            }
        };
        Ok(outermost(self, rows))
    }

    /// The row to begin at. Nobody answers a second time what was asked once: at a task that waits for the answer to the
    /// message of the KAFKA_PUBLISH before it, the message goes out again.
    fn with_its_request(&self, row: &Arc<TaskState>) -> TaskNo {
        self.request_of(row).unwrap_or(row).no
    }

    /// The latest row of a reference, also of one in a loop named without its iteration.
    fn latest_of(&self, name: &str) -> Option<&Arc<TaskState>> {
        let skipped = |t: &&Arc<TaskState>| t.status == TaskStatus::Skipped;
        let exact = self.run.tasks.latest(name).filter(|t| !skipped(t));
        exact.or_else(|| {
            let same = |t: &&Arc<TaskState>| t.base_ref() == name && !skipped(t);
            self.run.tasks.iter().filter(same).max_by_key(|t| (t.iteration, t.no))
        })
    }

    pub(super) fn forget_failure(&mut self) {
        // a run that ran out of time would end again at once
        if let Some(limit) = self.plan.timeout()
            && self.clock() + limit <= self.cx.now
        {
            self.head().retried_at = Some(self.cx.now);
        }
        let extra = &self.run.head.extra;
        if extra.failed_task.is_some() || !extra.failed_refs.is_empty() || !extra.failed_names.is_empty() {
            let extra = Arc::make_mut(&mut self.head().extra);
            extra.failed_task = None;
            extra.failed_refs.clear();
            extra.failed_names.clear();
        }
    }

    fn rerun_from(&mut self, roots: &[Arc<TaskState>], input: Option<&Payload>) {
        let after = Downstream::of(self, roots);
        let loops = after.loops();
        let is_root = |row: &TaskState| roots.iter().any(|root| root.no == row.no);
        let later_attempt =
            |row: &TaskState| roots.iter().any(|r| r.ref_name == row.ref_name && r.seq < row.seq);
        let (mut gone, mut waiting, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for row in self.run.tasks.iter().filter(|row| !is_root(row)) {
            if loops.iter().any(|(no, _)| *no == row.no) {
                continue;
            }
            if later_attempt(row) {
                gone.push(row.no);
            } else if after.waits_again(row) {
                waiting.push(row.no);
            } else if after.has(row) {
                gone.push(row.no);
            } else if failed_for_now(row) {
                beside.push(row.no);
            }
        }
        let redone: Vec<TaskNo> = roots.iter().map(|root| root.no).chain(gone.iter().copied()).collect();
        self.drop_answers_to(&redone);
        for no in gone {
            self.remove(no);
        }
        for no in waiting {
            self.wait_again(no);
            self.change(no, |row| row.ended_at = None);
        }
        for (no, iteration) in loops {
            let shown = self.run.tasks.get(no).map(|row| row.output.clone());
            self.wait_again(no);
            self.change(no, |row| row.ended_at = None);
            tasks::go_back(self, no, iteration, shown.as_ref());
        }
        let mut map = Mapping::default();
        let mut begun = Vec::new();
        for root in roots {
            let node = self.node_of_row(root);
            match node.as_deref() {
                Some(node) if is_made_whole(node) => {
                    self.remove(root.no);
                    if let Some(input) = input {
                        map.give(node, input.clone());
                    }
                    map.go_to(Place::of(root, &node.ref_name));
                    let made = map.expand_again(self, node);
                    self.note_needs(&mut map);
                    if let Err(halt) = made {
                        self.halt(halt);
                        return;
                    }
                }
                node => {
                    self.reset(root.no, node, input);
                    begun.push(root.no);
                }
            }
        }
        for no in beside {
            let node = self.node_of(no);
            let node = node.as_deref();
            if waits_for_others(node) {
                self.wait_again(no);
            } else {
                self.open_again(no, node);
                begun.push(no);
            }
        }
        self.store(map, true);
        for no in begun {
            self.begin_reset(no);
        }
        self.go_on();
    }

    /// The row as before it began, but for its reason, which stays until the next end.
    fn reset(&mut self, no: TaskNo, node: Option<&Node>, input: Option<&Payload>) {
        let now = self.cx.now;
        let is_loop = node.is_some_and(|node| node.loop_first.is_some());
        if waits_for_others(node) && !is_loop {
            self.wait_again(no);
            self.change(no, |row| row.ended_at = None);
            return;
        }
        let by_worker = self.by_worker(no);
        let outside = self.run.tasks.get(no).map_or(0, |row| self.place_of(row).iteration);
        if is_loop {
            self.run.tasks.forget_loop_passes(no);
        }
        self.change(no, |row| {
            row.status = if is_loop { TaskStatus::InProgress } else { TaskStatus::Scheduled };
            if is_loop {
                row.iteration = outside;
            }
            row.ready = by_worker;
            row.available_at = now + Span::from_secs(row.callback_after_s);
            row.scheduled_at = now;
            row.first_scheduled_at = now;
            row.started_at = None;
            row.ended_at = None;
            row.updated_at = now;
            row.poll_count = 0;
            row.output = Payload::empty();
            row.retried = false;
            row.executed = false;
            if row.child.take().is_some() {
                row.reason = None;
            }
            row.sub_workflow_id = None;
            if let Some(input) = input {
                row.input = input.clone();
            }
        });
    }

    /// A row beside the task: it goes on as the same attempt.
    pub(super) fn open_again(&mut self, no: TaskNo, node: Option<&Node>) {
        let now = self.cx.now;
        let by_worker = node.is_none_or(|n| n.kind.by_worker());
        self.change(no, |row| {
            row.status = TaskStatus::Scheduled;
            row.ready = by_worker;
            row.available_at = now;
            row.first_scheduled_at = now;
            row.scheduled_at = now;
            row.ended_at = None;
            row.updated_at = now;
            row.output = Payload::empty();
            row.child = None;
        });
    }

    /// What no worker runs begins at once.
    pub(super) fn begin_reset(&mut self, no: TaskNo) {
        let Some(node) = self.node_of(no) else {
            self.watch_new(no);
            return;
        };
        let due = self.run.tasks.get(no).is_some_and(|t| t.available_at <= self.cx.now);
        if !node.kind.by_worker() && (due || node.kind.name() == "WAIT") {
            let began: Option<Timestamp> = self.run.tasks.get(no).and_then(|t| t.started_at);
            node.kind.enter(self, no);
            if node.kind.is_inline() || node.kind.name() == "SUB_WORKFLOW" {
                // as recorded: what runs inside of the call does not show when it began
                self.change(no, |row| row.started_at = began);
            }
        }
        self.watch_new(no);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::decide::bench::{Bench, NOW, operate, simple};
    use crate::effect::{EVENT_ID, Effect};
    use crate::event::Event;
    use crate::operation::{Operation, Rerun, RerunFrom};
    use crate::payload::Payload;
    use crate::run::RunStatus;
    use crate::task::TaskStatus;
    use crate::time::Span;

    fn again(rerun: Rerun) -> Event {
        operate(Operation::Rerun(Box::new(rerun)))
    }

    fn from(bench: &Bench, name: &str) -> Event {
        again(Rerun { from: RerunFrom::Task(bench.row(name).no), ..Rerun::default() })
    }

    fn object(value: &Value) -> Option<Payload> {
        Some(Payload::from_object_text(value.to_string()))
    }

    fn fork(name: &str, branches: Value) -> Value {
        json!({"name": name, "taskReferenceName": name, "type": "FORK_JOIN", "forkTasks": branches})
    }

    fn join(name: &str, on: Value) -> Value {
        json!({"name": name, "taskReferenceName": name, "type": "JOIN", "joinOn": on})
    }

    /// `FORK[[a, c], [b]]`, a JOIN, `d`; all of it completed.
    fn forked() -> Bench {
        let branches = json!([[simple("a"), simple("c")], [simple("b")]]);
        let tasks = json!([fork("f", branches), join("j", json!(["c", "b"])), simple("d")]);
        let mut bench = Bench::start(tasks, json!({}));
        for name in ["a", "b", "c", "d"] {
            bench.end(name, TaskStatus::Completed);
        }
        assert_eq!(bench.run.head.status, RunStatus::Completed);
        bench
    }

    fn finish(bench: &mut Bench, names: &[&str]) {
        for name in names {
            bench.end(name, TaskStatus::Completed);
        }
        assert_eq!(bench.run.head.status, RunStatus::Completed);
    }

    fn status(bench: &Bench, name: &str) -> &'static str {
        bench.row(name).status.as_str()
    }

    #[test]
    fn the_row_is_reset_and_what_comes_after_it_goes() {
        let mut b = simple("b");
        b["inputParameters"] = json!({"x": "${a.output}", "k": "${workflow.input.k}"});
        let mut bench = Bench::start(json!([simple("a"), b, simple("c")]), json!({"k": 1}));
        let why = bench.refusal(&again(Rerun::default()));
        assert!(why.ends_with(".RUNNING is not in terminal state, unable to rerun."), "{why}");
        bench.claim("a");
        bench.end("a", TaskStatus::Completed);
        bench.end("b", TaskStatus::Completed);
        bench.end("c", TaskStatus::FailedWithTerminalError);
        let no = bench.row("b").no;
        let rerun = Rerun { from: RerunFrom::Task(no), input: object(&json!({"k": 2})), ..Rerun::default() };
        bench.decide(&again(rerun));
        assert_eq!(bench.refs(), ["a", "b"]);
        let row = bench.row("b");
        assert!(row.no == no && row.ready && !row.executed && row.ended_at.is_none());
        assert_eq!(row.input.get("k"), Some(&json!(1)), "its own input stays as it was resolved");
        let head = &bench.run.head;
        assert!(head.extra.failed_refs.is_empty() && head.reason.is_none() && head.retried_at.is_none());
        assert_eq!(head.input.get("k"), Some(&json!(2)));
        finish(&mut bench, &["b", "c"]);
        let no = bench.row("b").no;
        let task_input = object(&json!({"given": true}));
        bench.decide(&again(Rerun { from: RerunFrom::Task(no), task_input, ..Rerun::default() }));
        assert_eq!(json!(bench.row("b").input.map()), json!({"given": true}));
    }

    #[test]
    fn later_attempts_go_and_earlier_ones_stay() {
        let mut a = simple("a");
        a["taskDefinition"] = json!({"name": "a", "retryCount": 1, "retryDelaySeconds": 0});
        let mut bench = Bench::start(json!([a, simple("b")]), json!({}));
        let first = bench.row("a").no;
        bench.end("a", TaskStatus::Failed);
        bench.end("a", TaskStatus::Failed);
        let second = bench.row("a").no;
        bench.decide(&again(Rerun { from: RerunFrom::Task(second), ..Rerun::default() }));
        assert_eq!(bench.refs(), ["a", "a"]);
        bench.end("a", TaskStatus::FailedWithTerminalError);
        bench.decide(&again(Rerun { from: RerunFrom::Task(first), ..Rerun::default() }));
        assert_eq!((bench.refs(), bench.row("a").no, bench.row("a").retried), (vec!["a"], first, false));
        bench.end("a", TaskStatus::Failed);
        assert_eq!(bench.row("a").attempt, 1, "it is tried again as the first time");
        finish(&mut bench, &["a", "b"]);
    }

    #[test]
    fn without_a_task_all_begins_again() {
        let mut bench = forked();
        let rerun = Rerun { correlation_id: Some("new".to_owned()), ..Rerun::default() };
        bench.decide(&again(rerun));
        assert_eq!(bench.refs(), ["f", "a", "b", "j"]);
        assert_eq!(bench.run.head.correlation_id.as_deref(), Some("new"));
        finish(&mut bench, &["a", "b", "c", "d"]);
    }

    #[test]
    fn a_branch_keeps_the_others_and_the_join_waits_again() {
        for (root, left, todo) in [
            ("a", vec!["f", "a", "b", "j"], vec!["a", "c", "d"]),
            ("b", vec!["f", "a", "b", "j", "c"], vec!["b", "d"]),
            ("c", vec!["f", "a", "b", "j", "c"], vec!["c", "d"]),
        ] {
            let mut bench = forked();
            bench.decide(&from(&bench, root));
            assert_eq!((bench.refs(), status(&bench, "j")), (left, "IN_PROGRESS"), "from {root}");
            assert!(bench.row(root).ready);
            finish(&mut bench, &todo);
        }
    }

    #[test]
    fn from_a_join_it_joins_and_goes_on() {
        let mut bench = forked();
        bench.decide(&from(&bench, "j"));
        assert_eq!((status(&bench, "j"), bench.row("d").ready), ("COMPLETED", true));
        finish(&mut bench, &["d"]);
    }

    #[test]
    fn from_a_fork_its_branches_start_again() {
        let mut bench = forked();
        bench.decide(&from(&bench, "f"));
        assert_eq!(bench.refs(), ["f", "a", "b", "j"]);
        finish(&mut bench, &["a", "b", "c", "d"]);
    }

    #[test]
    fn rows_beside_the_task_that_fell_with_it_go_on() {
        let branches = json!([[simple("a"), simple("c")], [simple("b")]]);
        let tasks = json!([fork("f", branches), join("j", json!(["c", "b"])), simple("d")]);
        let mut bench = Bench::start(tasks, json!({}));
        bench.claim("a");
        bench.end("b", TaskStatus::FailedWithTerminalError);
        assert_eq!(status(&bench, "a"), "CANCELED");
        bench.decide(&from(&bench, "b"));
        assert_eq!(
            (status(&bench, "a"), status(&bench, "b"), status(&bench, "j")),
            ("SCHEDULED", "SCHEDULED", "IN_PROGRESS")
        );
        assert_eq!(bench.row("a").poll_count, 1);
        finish(&mut bench, &["a", "b", "c", "d"]);
    }

    #[test]
    fn from_a_switch_it_is_asked_again() {
        let switch = json!({"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param",
            "expression": "v", "inputParameters": {"v": "${workflow.input.v}"},
            "decisionCases": {"a": [simple("a")], "b": [simple("b")]}});
        let mut bench = Bench::start(json!([switch, simple("z")]), json!({"v": "a"}));
        finish(&mut bench, &["a", "z"]);
        bench.decide(&from(&bench, "s"));
        assert_eq!(bench.refs(), ["s", "a"]);
        finish(&mut bench, &["a", "z"]);
        let no = bench.row("s").no;
        let task_input = object(&json!({"v": "b"}));
        bench.decide(&again(Rerun { from: RerunFrom::Task(no), task_input, ..Rerun::default() }));
        assert_eq!(bench.refs(), ["s", "b"]);
        finish(&mut bench, &["b", "z"]);
    }

    #[test]
    fn references_name_rows_as_ids_do() {
        let mut bench = forked();
        let named = |first: Option<&str>, others: &[&str]| {
            let others = others.iter().map(|name| (*name).to_owned()).collect();
            let from = RerunFrom::References { first: first.map(str::to_owned), others };
            again(Rerun { from, ..Rerun::default() })
        };
        assert_eq!(bench.refusal(&named(Some("nope"), &[])), "Task nope not found");
        bench.decide(&named(Some("b"), &["b", "c", "d", "nope"]));
        assert_eq!(bench.refs(), ["f", "a", "b", "j", "c"]);
        assert!(bench.row("b").ready && bench.row("c").ready, "those that the flow does not pass begin too");
        finish(&mut bench, &["c", "b", "d"]);
        bench.decide(&named(None, &["d"]));
        assert_eq!((bench.refs(), bench.row("d").ready), (vec!["f", "a", "b", "j", "c", "d"], true));
        finish(&mut bench, &["d"]);
        let unknown = Rerun { from: RerunFrom::Unknown("x".to_owned()), ..Rerun::default() };
        assert_eq!(bench.refusal(&again(unknown)), "Task x not found");
    }

    #[test]
    fn a_run_that_timed_out_has_time_again() {
        let def = json!({"tasks": [simple("a")], "timeoutSeconds": 3, "timeoutPolicy": "TIME_OUT_WF"});
        let mut bench = Bench::start_def(def, json!({}));
        let late = NOW + Span::from_secs(4);
        bench.decide_at(&Event::Due, late);
        assert_eq!(bench.run.head.status, RunStatus::TimedOut);
        bench.decide_at(&again(Rerun::default()), late);
        assert_eq!((bench.run.head.status, bench.row("a").ready), (RunStatus::Running, true));
        assert_eq!(bench.run.head.wake_at, Some(late + Span::from_secs(3)));
    }

    /// A loop of `a`, `b` as long as `b` says so, and `z`.
    fn looped() -> Bench {
        let body = json!([simple("a"), simple("b")]);
        let around = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": body,
            "loopCondition": "$.l.iteration < 3"});
        Bench::start(json!([around, simple("z")]), json!({}))
    }

    #[test]
    fn a_loop_goes_back_to_the_pass_of_the_task() {
        let mut bench = looped();
        for name in ["a__1", "b__1", "a__2"] {
            bench.end(name, TaskStatus::Completed);
        }
        bench.end("b__2", TaskStatus::FailedWithTerminalError);
        bench.decide(&from(&bench, "b__2"));
        assert_eq!(bench.refs(), ["l", "a__1", "b__1", "a__2", "b__2"]);
        assert_eq!(
            (status(&bench, "l"), bench.row("l").iteration, bench.row("b__2").ready),
            ("IN_PROGRESS", 2, true)
        );
        bench.end("b__2", TaskStatus::FailedWithTerminalError);
        bench.decide(&from(&bench, "a__1"));
        assert_eq!((bench.refs(), bench.row("l").iteration), (vec!["l", "a__1"], 1));
        for name in ["a__1", "b__1", "a__2", "b__2", "a__3", "b__3"] {
            bench.end(name, TaskStatus::Completed);
        }
        finish(&mut bench, &["z"]);
        assert_eq!(bench.row("l").output.map().len(), 4, "three passes and the counter");
    }

    #[test]
    fn from_a_loop_it_starts_over() {
        let mut bench = looped();
        let all = ["a__1", "b__1", "a__2", "b__2", "a__3", "b__3", "z"];
        finish(&mut bench, &all);
        let no = bench.row("l").no;
        bench.decide(&from(&bench, "l"));
        assert_eq!((bench.refs(), bench.row("l").no, bench.row("l").iteration), (vec!["l", "a__1"], no, 1));
        finish(&mut bench, &all);
        bench.decide(&from(&bench, "z"));
        assert_eq!(bench.refs().len(), 8, "what comes before stays");
    }

    #[test]
    fn a_branch_of_a_dynamic_fork_keeps_the_others() {
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC",
            "dynamicForkTasksParam": "dt", "dynamicForkTasksInputParamName": "di",
            "inputParameters": {"dt": [simple("x"), simple("y")], "di": {}}});
        let mut bench = Bench::start(json!([fork, join("j", json!([])), simple("z")]), json!({}));
        finish(&mut bench, &["x", "y", "z"]);
        bench.decide(&from(&bench, "y"));
        assert_eq!((bench.refs(), status(&bench, "j")), (vec!["f", "x", "y", "j"], "IN_PROGRESS"));
        finish(&mut bench, &["y", "z"]);
        bench.decide(&from(&bench, "f"));
        assert_eq!((bench.refs(), status(&bench, "x")), (vec!["f", "x", "y", "j"], "SCHEDULED"));
        finish(&mut bench, &["x", "y", "z"]);
    }

    #[test]
    fn what_was_skipped_stays_skipped() {
        let mut bench = Bench::start(json!([simple("a"), simple("b"), simple("c")]), json!({}));
        let skip =
            Operation::Skip { ref_name: "b".to_owned(), input: Payload::empty(), output: Payload::empty() };
        bench.decide(&operate(skip));
        bench.end("a", TaskStatus::Completed);
        bench.end("c", TaskStatus::FailedWithTerminalError);
        for root in ["c", "a"] {
            bench.decide(&from(&bench, root));
            assert_eq!(status(&bench, "b"), "SKIPPED");
            if root == "a" {
                bench.end("a", TaskStatus::Completed);
            }
            finish(&mut bench, &["c"]);
        }
    }

    #[test]
    fn what_waits_for_an_answer_asks_again_if_it_is_named_by_its_reference() {
        let publish = json!({"name": "p", "taskReferenceName": "p", "type": "KAFKA_PUBLISH", "inputParameters":
            {"kafka_request": {"topic": "t", "value": "v", "bootStrapServers": "b:1"}}});
        let wait = json!({"name": "w", "taskReferenceName": "w", "type": "EVENT", "sink": "conductor:done",
            "asyncComplete": true});
        let fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
            "forkTasks": [[publish, wait], [simple("a")]]});
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["w", "a"]});
        let mut bench = Bench::start(json!([fork, join, simple("z")]), json!({}));
        let no = bench.row("p").no;
        bench.decide(&Event::Published { task: no, outcome: Ok(()) });
        bench.end("a", TaskStatus::Completed);
        bench.end("w", TaskStatus::FailedWithTerminalError);
        let sent =
            |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Emitted(m) if m.task == no));
        let by_reference =
            RerunFrom::References { first: Some("w".to_owned()), others: vec!["w".to_owned()] };
        let effects = bench.decide_at(&again(Rerun { from: by_reference, ..Rerun::default() }), NOW);
        assert!(sent(&effects), "the message goes out again");
        assert_eq!(
            (bench.row("p").status, bench.row("a").status),
            (TaskStatus::InProgress, TaskStatus::Completed)
        );
        bench.decide(&Event::Published { task: no, outcome: Ok(()) });
        bench.end("w", TaskStatus::FailedWithTerminalError);
        let effects = bench.decide_at(&from(&bench, "w"), NOW);
        assert!(!sent(&effects), "its id means the task itself, as there");
        bench.end("w", TaskStatus::Completed);
        finish(&mut bench, &["z"]);
    }

    #[test]
    fn a_message_is_sent_again_from_the_same_row() {
        let event = json!({"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "kafka:t"});
        let mut bench = Bench::start(json!([event, simple("z")]), json!({}));
        let no = bench.row("e").no;
        let id = bench.run.task_id(no);
        let mut ids = Vec::new();
        for _ in 0..3 {
            bench.decide(&Event::Published { task: no, outcome: Ok(()) });
            finish(&mut bench, &["z"]);
            let effects = bench.decide_at(&from(&bench, "e"), NOW);
            assert_eq!(bench.row("e").status, TaskStatus::InProgress);
            ids.extend(effects.iter().filter_map(|effect| match effect {
                Effect::Emitted(m) if m.task == no => m.headers.first().cloned(),
                _ => None,
            }));
        }
        let told = |n: u32| (EVENT_ID.to_owned(), format!("{id}/{n}").into_bytes());
        assert_eq!(ids, [told(1), told(2), told(3)], "who was asked before must not take it for the same");
        bench.decide(&Event::Published { task: no, outcome: Ok(()) });
        finish(&mut bench, &["z"]);
    }
}
