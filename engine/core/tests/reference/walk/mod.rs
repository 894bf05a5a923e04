//! The reference: walks the tree of a definition as one would by hand, and says what a run of it can come to.
//!
//! It decides nothing step by step and has no clock. Of each row it says how it ends if nothing else ends the run, and
//! which rows must have ended before it can begin and before it can end. Rules: spec semantics §2.4 (attempts), §4.4 and
//! §4.6 (forks and joins), §4.8 (SWITCH), §4.10 (loops), §4.22, §4.23.

mod loops;

use std::collections::{BTreeMap, HashMap};

use podium_core::def::{TaskConfig, WorkflowDef};
use podium_core::{RunStatus, TaskStatus};
use serde_json::{Map, Value, json};

use crate::script::{Outcome, Script, joined};

/// One attempt: the name of its row, and its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) String, pub(crate) i32);

/// One row that a run may have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// How it ends if nothing ends the run before; `None` = it never does.
    pub(crate) ends: Option<TaskStatus>,
    /// The flow goes on as if it had succeeded, and it is COMPLETED_WITH_ERRORS once that was decided.
    pub(crate) absorbed: bool,
    pub(crate) iteration: i32,
    /// `None` = not foretold.
    pub(crate) output: Option<Map<String, Value>>,
    pub(crate) reason: Option<String>,
    pub(crate) starts_after: Vec<Key>,
    pub(crate) ends_after: Vec<Key>,
    /// It is taken away when the loop of this name comes to this pass.
    pub(crate) forgotten: Vec<(String, i32)>,
}

/// A row whose end is the end of the run.
#[derive(Clone, Debug)]
pub(crate) struct Killer {
    pub(crate) key: Key,
    pub(crate) status: RunStatus,
    /// The output that a TERMINATE task gives the run.
    pub(crate) terminate: Option<Map<String, Value>>,
}

/// What a run can come to.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) rows: BTreeMap<Key, Row>,
    /// Of these, the first to happen ends the run. None: it comes to the end of its flow.
    pub(crate) killers: Vec<Killer>,
    /// Permissive failures: they fail a run that comes to the end of its flow.
    pub(crate) permissive: Vec<Key>,
    /// Who sets which variable, in order.
    pub(crate) variables: Vec<(Key, String, Value)>,
    /// Output of a run that came to the end of its flow; `None` = that of its last row.
    pub(crate) output: Option<Map<String, Value>>,
}

/// Outputs by reference, as the tasks behind see them.
type Env = HashMap<String, Map<String, Value>>;

/// The pass of the loops that a task stands in.
#[derive(Clone, Default)]
struct Here<'n> {
    place: Vec<i32>,
    /// The row of the innermost loop.
    around: Option<&'n str>,
}

struct Walk<'d> {
    script: &'d Script,
    /// Retries that the task definitions allow.
    retries: &'d HashMap<String, i32>,
    all: Reference,
    /// The rows in the order in which they were made.
    made: Vec<Key>,
    latest: HashMap<String, Key>,
}

/// Walks a definition. `retries`: of the task definitions, by name.
pub(crate) fn walk(def: &WorkflowDef, retries: &HashMap<String, i32>, script: &Script) -> Reference {
    let mut walk =
        Walk { script, retries, all: Reference::default(), made: Vec::new(), latest: HashMap::new() };
    let mut env = Env::new();
    let _ = walk.list(&def.tasks, &Here::default(), Vec::new(), &mut env);
    if !def.output_parameters.is_empty() {
        walk.all.output = Some(resolve(&def.output_parameters, &env));
    }
    walk.all
}

impl Walk<'_> {
    /// The rows whose end is the end of the list; `None` if it never comes to its end.
    fn list(
        &mut self,
        tasks: &[TaskConfig],
        here: &Here<'_>,
        mut after: Vec<Key>,
        env: &mut Env,
    ) -> Option<Vec<Key>> {
        for (at, task) in tasks.iter().enumerate() {
            after = match task.kind() {
                "SIMPLE" => self.simple(task, here, after, env)?,
                "INLINE" => self.inline(task, here, after, env)?,
                "SET_VARIABLE" => {
                    let key = self.quick(task, here, after, Map::new());
                    for (name, value) in resolve(&task.input_parameters, env) {
                        self.all.variables.push((key.clone(), name, value));
                    }
                    vec![key]
                }
                "SWITCH" => self.switch(task, here, after, env)?,
                "FORK_JOIN" => self.fork(task, &tasks[at + 1], here, after, env)?,
                "FORK_JOIN_DYNAMIC" => self.branches(task, &tasks[at + 1], here, after, env)?,
                // made with its fork
                "JOIN" => after,
                "WAIT" => vec![self.quick(task, here, after, Map::new())],
                "DO_WHILE" => self.repeat(task, here, after, env)?,
                "TERMINATE" => {
                    self.terminate(task, here, after);
                    return None;
                }
                other => panic!("the reference knows no {other}"),
            };
        }
        Some(after)
    }

    fn add(&mut self, task: &TaskConfig, here: &Here<'_>, attempt: i32, row: Row) -> Key {
        let key = Key(joined(task.ref_name(), &here.place), attempt);
        // a loop shows its own pass
        let own = if row.iteration > 0 { Some(row.iteration) } else { here.place.last().copied() };
        let row = Row { iteration: own.unwrap_or(0), ..row };
        assert!(self.all.rows.insert(key.clone(), row).is_none(), "{key:?} twice");
        self.made.push(key.clone());
        self.latest.insert(key.0.clone(), key.clone());
        key
    }

    /// A row that completes as soon as it is made.
    fn quick(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        output: Map<String, Value>,
    ) -> Key {
        let ends = Some(TaskStatus::Completed);
        self.add(task, here, 0, Row { ends, output: Some(output), starts_after: after, ..Row::default() })
    }

    fn kill(&mut self, key: &Key, status: TaskStatus) {
        let status = match status {
            TaskStatus::Canceled => RunStatus::Terminated,
            TaskStatus::TimedOut => RunStatus::TimedOut,
            _ => RunStatus::Failed,
        };
        self.all.killers.push(Killer { key: key.clone(), status, terminate: None });
    }

    /// A task has failed for good: does the flow go on?
    fn failed(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        key: Key,
        status: TaskStatus,
    ) -> Option<Vec<Key>> {
        if task.optional {
            self.all.rows.get_mut(&key).expect("it was made").absorbed = true;
        } else if task.permissive {
            self.all.permissive.push(key.clone());
            if let Some(around) = here.around {
                let around = Key(around.to_owned(), 0);
                let row = self.all.rows.get_mut(&around).expect("the loop has begun");
                row.ends = Some(TaskStatus::Failed);
                row.output = None;
                self.kill(&around, TaskStatus::Failed);
            }
        } else {
            self.kill(&key, status);
            return None;
        }
        Some(vec![key])
    }

    fn simple(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        mut after: Vec<Key>,
        env: &mut Env,
    ) -> Option<Vec<Key>> {
        let name = task.ref_name();
        let input = resolve(&task.input_parameters, env);
        let retries = task.retry_count.unwrap_or(self.retries[task.name()]);
        for attempt in 0.. {
            let outcome = self.script.outcome(name, &here.place, attempt);
            let status = match outcome {
                Outcome::Done => TaskStatus::Completed,
                Outcome::Failed => TaskStatus::Failed,
                Outcome::Terminal => TaskStatus::FailedWithTerminalError,
                Outcome::Silent => TaskStatus::TimedOut,
                Outcome::Canceled => TaskStatus::Canceled,
            };
            let output = self.script.output(name, &here.place, attempt, &input);
            let reported = !matches!(outcome, Outcome::Done | Outcome::Silent);
            let row = Row {
                ends: Some(status),
                output: Some(output.clone()),
                reason: reported.then(|| Script::reason(name, attempt)),
                starts_after: std::mem::take(&mut after),
                ..Row::default()
            };
            let key = self.add(task, here, attempt, row);
            env.insert(name.to_owned(), output);
            if status == TaskStatus::Completed {
                return Some(vec![key]);
            }
            let again = matches!(status, TaskStatus::Failed | TaskStatus::TimedOut) && attempt < retries;
            if !again {
                return self.failed(task, here, key, status);
            }
            after = vec![key];
        }
        None
    }

    /// With the evaluator `value-param`: the result is a member of the input. A blank expression is an error.
    fn inline(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        env: &mut Env,
    ) -> Option<Vec<Key>> {
        let input = resolve(&task.input_parameters, env);
        let member = input["expression"].as_str().expect("a text");
        if !member.trim().is_empty() {
            let output = Map::from_iter([("result".to_owned(), input[member].clone())]);
            env.insert(task.ref_name().to_owned(), output.clone());
            return Some(vec![self.quick(task, here, after, output)]);
        }
        let reason = "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided.";
        let output = Map::from_iter([("error".to_owned(), json!(reason))]);
        env.insert(task.ref_name().to_owned(), output.clone());
        let status = TaskStatus::FailedWithTerminalError;
        let row = Row {
            ends: Some(status),
            output: Some(output),
            reason: Some(reason.to_owned()),
            starts_after: after,
            ..Row::default()
        };
        let key = self.add(task, here, 0, row);
        self.failed(task, here, key, status)
    }

    fn switch(
        &mut self,
        task: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        env: &mut Env,
    ) -> Option<Vec<Key>> {
        let input = resolve(&task.input_parameters, env);
        let case = match &input[task.expression.as_deref().expect("value-param")] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let output = Map::from_iter([
            ("evaluationResult".to_owned(), json!([case])),
            ("selectedCase".to_owned(), json!(case)),
        ]);
        env.insert(task.ref_name().to_owned(), output.clone());
        let key = self.quick(task, here, after, output);
        let chosen = task.decision_cases.get(&case).unwrap_or(&task.default_case);
        self.list(chosen, here, vec![key], env)
    }

    /// The branches run side by side; the JOIN waits for what it names, whatever else still runs.
    fn fork(
        &mut self,
        task: &TaskConfig,
        join: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        env: &Env,
    ) -> Option<Vec<Key>> {
        let fork = self.quick(task, here, after.clone(), Map::new());
        for branch in &task.fork_tasks {
            let _ = self.list(branch, here, vec![fork.clone()], &mut env.clone());
        }
        self.join(join, &join.join_on, here, after)
    }

    /// The tasks are a value of the input, and their inputs another. No loop sees them: they are not of the definition.
    fn branches(
        &mut self,
        task: &TaskConfig,
        join: &TaskConfig,
        here: &Here<'_>,
        after: Vec<Key>,
        env: &Env,
    ) -> Option<Vec<Key>> {
        let fork = self.quick(task, here, after.clone(), Map::new());
        let outside = Here { around: None, ..here.clone() };
        let given = &task.input_parameters;
        let branches: Vec<TaskConfig> = serde_json::from_value(given["t"].clone()).expect("tasks");
        for branch in &branches {
            let input = given["i"][branch.ref_name()].as_object().expect("an input").clone();
            let branch = TaskConfig { input_parameters: input, ..branch.clone() };
            let _ = self.simple(&branch, &outside, vec![fork.clone()], &mut env.clone());
        }
        let on: Vec<String> = branches.iter().map(|branch| branch.ref_name().to_owned()).collect();
        self.join(join, &on, here, after)
    }

    fn join(
        &mut self,
        join: &TaskConfig,
        on: &[String],
        here: &Here<'_>,
        after: Vec<Key>,
    ) -> Option<Vec<Key>> {
        let key = self.add(join, here, 0, Row { starts_after: after, ..Row::default() });
        let mut row = self.all.rows[&key].clone();
        let (mut output, mut reasons) = (Map::new(), Vec::new());
        row.ends = Some(TaskStatus::Completed);
        for reference in on {
            let name = joined(reference, &here.place);
            // not reached, because something before it ends the run or never ends
            let named = self.latest.get(&name)?.clone();
            let ended = &self.all.rows[&named];
            let kills = self.all.killers.iter().any(|k| k.key == named);
            let status = ended.ends.filter(|_| !kills)?;
            if ended.absorbed {
                row.ends = Some(TaskStatus::CompletedWithErrors);
            } else if !status.is_successful() {
                reasons.push(ended.reason.clone());
            }
            if let Some(members) = ended.output.as_ref().filter(|members| !members.is_empty()) {
                output.insert(name, Value::Object(members.clone()));
            }
            row.ends_after.push(named);
        }
        row.output = Some(output);
        let failed = !reasons.is_empty();
        if failed {
            row.ends = Some(TaskStatus::Failed);
            row.output = None;
            // the text of a time-out is not foretold
            row.reason = reasons.into_iter().collect::<Option<Vec<String>>>().map(|r| r.join(" "));
        }
        self.all.rows.insert(key.clone(), row);
        if failed {
            self.kill(&key, TaskStatus::Failed);
            return None;
        }
        Some(vec![key])
    }

    fn terminate(&mut self, task: &TaskConfig, here: &Here<'_>, after: Vec<Key>) {
        let output = task.input_parameters["workflowOutput"].as_object().expect("a map").clone();
        let key = self.quick(task, here, after, output.clone());
        let status = match task.input_parameters["terminationStatus"].as_str() {
            Some("COMPLETED") => RunStatus::Completed,
            Some("FAILED") => RunStatus::Failed,
            _ => RunStatus::Terminated,
        };
        self.all.killers.push(Killer { key, status, terminate: Some(output) });
    }
}

/// Whole expressions of two members, `${r1.output.x}`, are all that random definitions have.
fn resolve(parameters: &Map<String, Value>, env: &Env) -> Map<String, Value> {
    let value = |given: &Value| {
        let Some(path) = given.as_str().and_then(|t| t.strip_prefix("${")?.strip_suffix('}')) else {
            return given.clone();
        };
        let (reference, member) = path.split_once(".output.").expect("an output");
        env.get(reference).and_then(|output| output.get(member)).cloned().unwrap_or(Value::Null)
    };
    parameters.iter().map(|(name, given)| (name.clone(), value(given))).collect()
}
