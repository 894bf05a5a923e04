//! Does a run fit its reference, on its way and at its end?

use std::collections::{HashMap, HashSet};

use podium_core::{RunState, RunStatus, TaskState, TaskStatus};
use serde_json::{Map, Value, json};

use crate::walk::{Key, Killer, Reference, Row};

/// A run beside its reference.
pub(crate) struct Beside<'r> {
    reference: &'r Reference,
    run: &'r RunState,
    seen: HashMap<Key, &'r TaskState>,
}

impl<'r> Beside<'r> {
    pub(crate) fn new(reference: &'r Reference, run: &'r RunState) -> Self {
        let key = |row: &TaskState| Key(row.ref_name.to_string(), row.attempt);
        let seen: HashMap<Key, &TaskState> = run.tasks.iter().map(|row| (key(row), &**row)).collect();
        assert_eq!(seen.len(), run.tasks.len(), "one row for each reference and attempt");
        Beside { reference, run, seen }
    }

    /// Has a loop taken the row away?
    fn is_gone(&self, key: &Key) -> bool {
        self.reference.rows[key].forgotten.iter().any(|(around, from)| {
            let around = Key(around.clone(), 0);
            match self.seen.get(&around) {
                Some(row) => row.iteration >= *from,
                None => self.is_gone(&around),
            }
        })
    }

    /// Did it end by itself, not with the run?
    fn ended(&self, key: &Key) -> bool {
        match self.seen.get(key) {
            Some(row) => by_itself(row, &self.reference.rows[key]),
            None => self.is_gone(key),
        }
    }

    /// The rows are a beginning of what the reference foretells: each as foretold, and none without those before it.
    pub(crate) fn on_its_way(&self) {
        let over = self.run.head.status.is_terminal();
        for (key, row) in &self.seen {
            let Some(told) = self.reference.rows.get(key) else { panic!("{key:?} cannot be") };
            assert!(!self.is_gone(key), "{key:?} is given up");
            for before in &told.starts_after {
                assert!(self.ended(before), "{key:?} begins before {before:?} has ended");
            }
            if &*row.task_type != "DO_WHILE" {
                assert_eq!(row.iteration, told.iteration, "the pass of {key:?}");
            }
            if !by_itself(row, told) {
                assert_eq!(row.status.is_terminal(), over, "{key:?} ends with the run: {row:?}");
                continue;
            }
            let ends = told.ends.unwrap_or_else(|| panic!("{key:?} cannot end: {row:?}"));
            // what the last round of a run noted down is taken back
            let ends = if told.absorbed && row.executed { TaskStatus::CompletedWithErrors } else { ends };
            assert_eq!(row.status, ends, "the end of {key:?}");
            for before in &told.ends_after {
                assert!(self.ended(before), "{key:?} ends before {before:?}");
            }
            if let Some(output) = &told.output {
                assert_eq!(row.output.map(), output, "the output of {key:?}");
            }
            if told.reason.is_some() {
                assert_eq!(row.reason.as_deref(), told.reason.as_deref(), "the reason of {key:?}");
            }
            if &*row.task_type == "DO_WHILE" && ends == TaskStatus::Completed {
                assert_eq!(row.iteration, told.iteration, "the passes of {key:?}");
            }
        }
    }

    /// The run has ended as the reference allows. `wanted`: failure workflows that it started.
    pub(crate) fn at_the_end(&self, wanted: usize) {
        self.on_its_way();
        let head = &self.run.head;
        assert!(head.status.is_terminal());
        let failed = head.status != RunStatus::Completed;
        assert_eq!(wanted, usize::from(failed), "the failure workflow of a {:?} run", head.status);
        assert_eq!(head.output.get("conductor.failure_workflow").is_some(), failed);
        if self.reference.killers.is_empty() {
            self.whole();
        } else {
            self.cut_short();
        }
        self.variables();
        self.failed_names();
    }

    /// It came to the end of its flow: everything is there.
    fn whole(&self) {
        let head = &self.run.head;
        for key in self.reference.rows.keys() {
            assert!(self.ended(key), "{key:?} is missing");
        }
        if self.reference.permissive.is_empty() {
            assert_eq!((head.status, head.reason.as_deref()), (RunStatus::Completed, None));
        } else {
            assert_eq!(head.status, RunStatus::Failed);
            let told: HashSet<String> =
                self.reference.permissive.iter().map(|key| self.sentence(key, None)).collect();
            let reason = head.reason.as_deref().expect("a reason").to_owned();
            let reasons: HashSet<String> = reason.split(". Task ").map(|t| t.replace("Task ", "")).collect();
            let told: HashSet<String> = told.into_iter().map(|t| t.replace("Task ", "")).collect();
            assert_eq!(reasons, told);
        }
        self.output(self.reference.output.as_ref());
    }

    /// Something ended it: one of those that may be first.
    fn cut_short(&self) {
        let head = &self.run.head;
        let fits = |killer: &&Killer| {
            let Some(row) = self.seen.get(&killer.key).filter(|_| self.ended(&killer.key)) else {
                return false;
            };
            let id = self.run.task_id(row.no);
            let reason = match &killer.terminate {
                Some(_) => format!("Workflow is {} by TERMINATE task: {id}", killer.status.as_str()),
                None => self.sentence(&killer.key, Some(killer.status)),
            };
            let by = (killer.status != RunStatus::Completed).then_some(id);
            killer.status == head.status
                && head.reason.as_deref() == Some(&reason)
                && head.extra.failed_task == by
        };
        let killer = self.reference.killers.iter().find(fits);
        let Some(killer) = killer else { panic!("nothing ends the run like that: {head:?}") };
        if let Some(output) = &killer.terminate {
            self.output(Some(output));
        }
    }

    fn sentence(&self, key: &Key, status: Option<RunStatus>) -> String {
        let row = self.seen[key];
        let status = status.map_or(row.status.as_str(), RunStatus::as_str);
        let reason = row.reason.as_deref().unwrap_or("null");
        format!("Task {} failed with status: {status} and reason: '{reason}'", self.run.task_id(row.no))
    }

    fn output(&self, told: Option<&Map<String, Value>>) {
        let mut output = self.run.head.output.map().clone();
        output.remove("conductor.failure_workflow");
        let last = || self.run.tasks.last().expect("a row").output.map();
        assert_eq!(&output, told.unwrap_or_else(last), "the output of the run");
    }

    /// Each variable is as the last task set it that was there.
    fn variables(&self) {
        let mut told = Map::new();
        for (key, name, value) in &self.reference.variables {
            if self.ended(key) {
                told.insert(name.clone(), value.clone());
            }
        }
        assert_eq!(self.run.head.variables.map(), &told, "the variables");
    }

    fn failed_names(&self) {
        let failed = |status| matches!(status, TaskStatus::Failed | TaskStatus::FailedWithTerminalError);
        let told: HashSet<&str> =
            self.run.tasks.iter().filter(|t| failed(t.status)).map(|t| &*t.ref_name).collect();
        let named: HashSet<&str> = self.run.head.extra.failed_refs.iter().map(String::as_str).collect();
        // of an absorbed failure only the last round knew
        assert!(told.is_subset(&named) || named.is_subset(&told), "{}", json!([named.len(), told.len()]));
    }
}

/// Did the row end by itself? One that ends with its run is CANCELED, and says nothing about it.
fn by_itself(row: &TaskState, told: &Row) -> bool {
    let canceled = row.status == TaskStatus::Canceled;
    let meant = told.ends == Some(TaskStatus::Canceled) && row.reason.as_deref() == told.reason.as_deref();
    row.status.is_terminal() && (!canceled || meant)
}
