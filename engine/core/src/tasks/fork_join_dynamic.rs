//! FORK_JOIN_DYNAMIC: branches that a value of the input lists, and the JOIN behind them (spec: semantics §4.5; scenarios
//! 85–98).
//!
//! One row of type FORK, COMPLETED at once; one task for each branch; then the JOIN, which must be the next task of the
//! definition and waits for exactly these branches, whatever its own `joinOn` says. Three forms, the first that fits:
//!
//! | form | branches |
//! |---|---|
//! | input `forkTaskInputs`, a list | one for each item, of the type `forkTaskType` and name `forkTaskName`, or a sub-workflow `forkTaskWorkflow`; the item is its input, with its number as `__index` |
//! | `dynamicForkTasksParam` and `dynamicForkTasksInputParamName` | the first names a list of tasks, the second a map of their inputs by reference |
//! | `dynamicForkJoinTasksParam` | names `{"dynamicTasks": [{"taskName", "referenceName", "input", "type"}]}` |
//!
//! A branch is one task: of the case that a SWITCH takes only the first task runs, as recorded (scenario s085p). What a
//! branch gets as its input is resolved a second time. Its task definition is the one registered when the fork is
//! made; without one it is never tried again. The row keeps the branches, so that they mean the same for ever.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{TaskKind, kind, names};
use crate::decide::{Halt, KnownTask, Mapping, Turn};
use crate::def::{SubWorkflowParams, TaskConfig};
use crate::expr::java;
use crate::payload::Payload;
use crate::plan::{FORKED_TASKS, Node, compile_branches};
use crate::task::TaskStatus;

pub(super) struct ForkJoinDynamic;

impl TaskKind for ForkJoinDynamic {
    fn name(&self) -> &'static str {
        "FORK_JOIN_DYNAMIC"
    }

    fn task_type<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "FORK"
    }

    fn def_name<'c>(&self, _config: &'c TaskConfig) -> &'c str {
        "FORK"
    }

    fn is_flow_control(&self) -> bool {
        true
    }

    fn may_terminate(&self) -> bool {
        true
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        let mut branches = branches(turn, node, input.map())?;
        let join = node.next.and_then(|next| turn.node(next)).filter(|next| next.kind.name() == "JOIN");
        let Some(join) = join else {
            let reason =
                "Dynamic join definition is not followed by a join task.  Check the workflow definition.";
            return Err(Halt::failed(reason.to_owned()));
        };
        define(turn, map, &mut branches)?;
        let refs: Vec<Value> = branches.iter().map(|branch| json!(branch.ref_name())).collect();
        let mut members = input.map().clone();
        members.insert("forkedTasks".to_owned(), Value::Array(refs));
        members.insert(FORKED_TASKS.to_owned(), json!(branches));
        let is_first = turn.run.tasks.is_empty() && map.len() == 0;
        let row = map.running(turn, node, Payload::from_map(members));
        if row.status.is_terminal() {
            // its input does not fit
            return Ok(());
        }
        row.status = TaskStatus::Completed;
        row.executed = true;
        row.ended_at = Some(turn.cx.now);
        row.updated_at = turn.cx.now;
        let ends = begin(turn, map, node, &branches, is_first)?;
        let mut input = join.config.input_parameters.clone();
        input.insert("joinOn".to_owned(), json!(ends));
        map.running(turn, &join, Payload::from_map(input)).updated_at = turn.cx.now;
        Ok(())
    }
}

/// Gives the branches their task definitions, and what their types add to their parameters.
fn define(turn: &Turn<'_>, map: &mut Mapping, branches: &mut [TaskConfig]) -> Result<(), Halt> {
    let mut known = HashMap::new();
    let mut missing = false;
    for branch in branches {
        kind(branch.kind()).prepare(branch);
        let name = branch.name().to_owned();
        if branch.task_definition.is_some() || name.trim().is_empty() {
            continue;
        }
        let found = known.entry(name.clone()).or_insert_with(|| turn.cx.world.task_definition(&name));
        match found {
            KnownTask::Found(def) => branch.task_definition = Some((**def).clone()),
            KnownTask::Absent => {}
            KnownTask::NotLoaded => {
                missing = true;
                map.wants_task_definition(&name);
            }
        }
    }
    // this decision is made again anyway
    if missing { Err(Halt::failed("a task definition is not loaded".to_owned())) } else { Ok(()) }
}

/// The rows of the branches; gives the references that the JOIN waits for. Of a reference that is listed twice one branch
/// begins: the first, or the last if the fork begins the run, as recorded.
fn begin(
    turn: &Turn<'_>,
    map: &mut Mapping,
    fork: &Node,
    branches: &[TaskConfig],
    is_first: bool,
) -> Result<Vec<String>, Halt> {
    let mut chosen: HashMap<&str, usize> = HashMap::new();
    for (at, branch) in branches.iter().enumerate() {
        if is_first {
            chosen.insert(branch.ref_name(), at);
        } else {
            chosen.entry(branch.ref_name()).or_insert(at);
        }
    }
    let mut ends: HashMap<&str, String> = HashMap::new();
    for (at, branch) in branches.iter().enumerate() {
        let nodes = compile_branches(std::slice::from_ref(branch), map.next_branch(turn), &fork.ref_name);
        let Some(node) = nodes.first().cloned() else { continue };
        map.add_branches(nodes);
        if chosen.get(branch.ref_name()) != Some(&at) {
            continue;
        }
        if turn.run.tasks.latest(&map.name(&node)).is_some() {
            let head = &turn.run.head;
            return Err(Halt::failed(format!(
                "No dynamic tasks could be created for the Workflow: {}.{}/{}, Dynamic Fork Task: {}/{} attempted to \
                 create a duplicate task reference name: {}",
                head.name,
                head.def_version,
                head.id,
                branch.name(),
                branch.ref_name(),
                branch.ref_name()
            )));
        }
        let before = map.len();
        map.expand(turn, node.ix)?;
        let end = map.last_ref(before).unwrap_or_else(|| branch.ref_name()).to_owned();
        ends.insert(branch.ref_name(), end);
    }
    let end_of = |branch: &TaskConfig| ends.get(branch.ref_name()).cloned();
    Ok(branches.iter().filter_map(end_of).collect())
}

fn branches(turn: &Turn<'_>, node: &Node, input: &Map<String, Value>) -> Result<Vec<TaskConfig>, Halt> {
    let config = &node.config;
    if let Some(Value::Array(items)) = input.get("forkTaskInputs") {
        return items_as_branches(turn, node, input, items);
    }
    if let Some(param) = config.dynamic_fork_tasks_param.as_deref() {
        let tasks = input.get(param).unwrap_or(&Value::Null);
        let inputs = config.dynamic_fork_tasks_input_param_name.as_deref().and_then(|name| input.get(name));
        return listed(param, tasks, inputs.unwrap_or(&Value::Null)).map_err(Halt::failed);
    }
    let param = config.dynamic_fork_join_tasks_param.as_deref();
    match param.and_then(|param| input.get(param)) {
        None | Some(Value::Null) => Err(Halt::failed(format!(
            "Dynamic tasks could not be created. The value of {} from task's input {} has no dynamic tasks to be scheduled",
            param.unwrap_or("null"),
            java::map_text(input)
        ))),
        Some(Value::String(text)) => Err(Halt::refusing_start(format!(
            "Cannot construct instance of `com.netflix.conductor.common.metadata.workflow.DynamicForkJoinTaskList` \
             (although at least one Creator exists): no String-argument constructor/factory method to deserialize \
             from String value ('{text}')\n at [Source: UNKNOWN; byte offset: #UNKNOWN]"
        ))),
        Some(list) => older_form(list).map_err(Halt::failed),
    }
}

/// `forkTaskInputs`: the same task for each item.
fn items_as_branches(
    turn: &Turn<'_>,
    node: &Node,
    input: &Map<String, Value>,
    items: &[Value],
) -> Result<Vec<TaskConfig>, Halt> {
    let text = |name: &str| match input.get(name) {
        None | Some(Value::Null) => None,
        Some(value) => Some(java::to_text(value)).filter(|text| !text.trim().is_empty()),
    };
    let kind = text("forkTaskType");
    let workflow = text("forkTaskWorkflow");
    let version = match input.get("forkTaskWorkflowVersion") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.trim().parse::<i32>().is_ok() => text.trim().parse().ok(),
        Some(other) => {
            let reason = format!("forkTaskWorkflowVersion must be a text with a whole number, not {other}");
            return Err(Halt::refusing_start(reason));
        }
    };
    let of_engine = kind.clone().filter(|kind| kind != "SIMPLE" && names().any(|name| name == kind));
    let name = text("forkTaskName").or(of_engine).unwrap_or_else(|| node.ref_name.to_string());
    let prefix =
        if turn.run.tasks.branches.any_fork() { format!("_{}", node.ref_name) } else { String::new() };
    let branch = |(at, item): (usize, &Value)| {
        let mut members = match item {
            Value::Object(members) => members.clone(),
            Value::Null => return Err(Halt::refusing_start(format!("Item {at} of forkTaskInputs is null"))),
            other => Map::from_iter([("input".to_owned(), other.clone())]),
        };
        let mut config: TaskConfig = match item {
            Value::Object(_) => serde_json::from_value(item.clone())
                .map_err(|e| Halt::refusing_start(format!("Item {at} of forkTaskInputs is no task: {e}")))?,
            _ => TaskConfig::default(),
        };
        members.insert("__index".to_owned(), Value::from(at));
        config.ref_name = Some(format!("{prefix}_{name}_{at}"));
        config.optional |= node.config.optional;
        match &workflow {
            Some(workflow) => {
                config.name = Some(workflow.clone());
                config.kind = Some("SUB_WORKFLOW".to_owned());
                let domains =
                    members.get("taskToDomain").and_then(|map| serde_json::from_value(map.clone()).ok());
                config.sub_workflow_param = Some(SubWorkflowParams {
                    name: Some(workflow.clone()),
                    version,
                    task_to_domain: domains,
                    ..SubWorkflowParams::default()
                });
            }
            None => {
                config.name = Some(name.clone());
                config.kind = Some(kind.clone().unwrap_or_else(|| "SIMPLE".to_owned()));
            }
        }
        config.input_parameters = members;
        Ok(config)
    };
    items.iter().enumerate().map(branch).collect()
}

/// A list of tasks and a map of their inputs.
fn listed(param: &str, tasks: &Value, inputs: &Value) -> Result<Vec<TaskConfig>, String> {
    let unreadable = || {
        let found = java::to_text(tasks);
        format!("Input '{param}' is invalid. Cannot deserialize a list of Workflow Tasks from '{found}'")
    };
    let Value::Array(tasks) = tasks else { return Err(unreadable()) };
    let mut branches = Vec::with_capacity(tasks.len());
    for task in tasks {
        let read: Option<TaskConfig> =
            task.is_object().then(|| serde_json::from_value(task.clone()).ok()).flatten();
        branches.push(read.filter(|config| !config.ref_name().is_empty()).ok_or_else(unreadable)?);
    }
    let Value::Object(inputs) = inputs else {
        return Err(format!(
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found {}",
            java::to_text(inputs)
        ));
    };
    for branch in &mut branches {
        match inputs.get(branch.ref_name()) {
            None | Some(Value::Null) => {}
            Some(Value::Object(given)) => branch.input_parameters.extend(given.clone()),
            Some(other) => {
                let class = java_class(other);
                return Err(format!(
                    "Tasks could not be dynamically forked due to invalid input: class {class} cannot be cast to class \
                     java.util.Map ({class} and java.util.Map are in module java.base of loader 'bootstrap')"
                ));
            }
        }
    }
    Ok(branches)
}

fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(n) if java::is_integer(n) => "java.lang.Integer",
        Value::Number(_) => "java.lang.Double",
        Value::Array(_) => "java.util.ArrayList",
        _ => "java.lang.String",
    }
}

fn older_form(list: &Value) -> Result<Vec<TaskConfig>, String> {
    let Value::Object(list) = list else {
        return Err(format!("A list of dynamic tasks is expected, not {}", java::to_text(list)));
    };
    let Some(Value::Array(tasks)) = list.get("dynamicTasks") else { return Ok(Vec::new()) };
    let mut branches = Vec::with_capacity(tasks.len());
    for task in tasks {
        let text = |name: &str| task.get(name).and_then(Value::as_str).map(str::to_owned);
        let config = TaskConfig {
            name: text("taskName"),
            ref_name: text("referenceName"),
            kind: Some(text("type").unwrap_or_else(|| "SIMPLE".to_owned())),
            input_parameters: task.get("input").and_then(Value::as_object).cloned().unwrap_or_default(),
            ..TaskConfig::default()
        };
        if config.ref_name().is_empty() {
            return Err("A dynamic task has no referenceName".to_owned());
        }
        if config.kind() == "SUB_WORKFLOW" {
            return Err(format!(
                "Task {} is defined as sub-workflow and is missing subWorkflowParams. Please check the workflow definition",
                config.name()
            ));
        }
        branches.push(config);
    }
    Ok(branches)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::decide::bench::Bench;
    use crate::run::{RunStatus, TaskTable};
    use crate::task::{TaskState, TaskStatus};

    fn start(more: Value, input: Value) -> Bench {
        let mut fork = json!({"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC",
            "inputParameters": {"t": "${workflow.input.t}", "i": "${workflow.input.i}"},
            "dynamicForkTasksParam": "t", "dynamicForkTasksInputParamName": "i"});
        for (name, value) in more.as_object().expect("a map") {
            fork[name] = value.clone();
        }
        let join = json!({"name": "j", "taskReferenceName": "j", "type": "JOIN"});
        Bench::start(
            json!([fork, join, {"name": "after", "taskReferenceName": "after", "type": "HUMAN"}]),
            input,
        )
    }

    fn rows(bench: &Bench) -> Vec<(&str, &str, &str)> {
        bench.run.tasks.iter().map(|t| (&*t.ref_name, &*t.task_type, t.status.as_str())).collect()
    }

    fn task(name: &str) -> Value {
        json!({"name": name, "taskReferenceName": name, "inputParameters": {"k": "${workflow.input.k}"}})
    }

    #[test]
    fn listed_tasks_begin_with_their_inputs_and_are_joined() {
        let input = json!({"k": 7, "t": [task("a"), {"name": "n", "taskReferenceName": "n", "type": "NOOP"}, task("b")],
            "i": {"a": {"x": "${workflow.input.k}"}}});
        let mut bench = start(json!({}), input);
        assert_eq!(
            rows(&bench),
            [
                ("f", "FORK", "COMPLETED"),
                ("a", "a", "SCHEDULED"),
                ("n", "NOOP", "COMPLETED"),
                ("b", "b", "SCHEDULED"),
                ("j", "JOIN", "IN_PROGRESS")
            ]
        );
        assert_eq!(json!(bench.row("a").input.map()), json!({"k": 7, "x": 7}));
        assert_eq!(bench.row("f").input.get("forkedTasks"), Some(&json!(["a", "n", "b"])));
        assert!(bench.row("f").executed);
        bench.report("a", TaskStatus::Completed, json!({"r": 1}));
        // as after a restart: all that is known of the branches is in the rows
        let stored: Vec<TaskState> = bench.run.tasks.iter().map(|t| TaskState::clone(t)).collect();
        bench.run.tasks = TaskTable::from_rows(stored);
        bench.report("b", TaskStatus::Completed, json!({}));
        assert_eq!(json!(bench.row("j").output.map()), json!({"a": {"r": 1}}));
        assert_eq!(bench.row("after").status, TaskStatus::InProgress);
    }

    #[test]
    fn branches_are_tried_again_if_a_definition_says_so() {
        let mut again = task("a");
        again["taskDefinition"] = json!({"name": "a", "retryCount": 1, "retryDelaySeconds": 0});
        let mut bench = start(json!({}), json!({"t": [again, task("b")], "i": {}}));
        bench.report("a", TaskStatus::Failed, json!({}));
        assert_eq!((bench.row("a").attempt, bench.row("a").status), (1, TaskStatus::Scheduled));
        bench.report("b", TaskStatus::Failed, json!({}));
        assert_eq!(bench.run.head.status, RunStatus::Failed);
    }

    #[test]
    fn items_become_branches() {
        let inputs =
            json!({"inputParameters": {"forkTaskName": "x", "forkTaskInputs": "${workflow.input.l}"}});
        let bench = start(inputs, json!({"l": [{"a": 1, "optional": true}, 5]}));
        assert_eq!(json!(bench.row("_x_0").input.map()), json!({"a": 1, "optional": true, "__index": 0}));
        assert_eq!(json!(bench.row("_x_1").input.map()), json!({"input": 5, "__index": 1}));
        let inline = json!({"inputParameters": {"forkTaskType": "NOOP", "forkTaskInputs": [1, 2]}});
        assert_eq!(
            start(inline, json!({})).row("j").input.get("joinOn"),
            Some(&json!(["_NOOP_0", "_NOOP_1"]))
        );
    }

    #[test]
    fn a_switch_branch_is_joined_at_the_task_that_it_leads_to() {
        let switch = json!({"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param", "expression": "v",
            "inputParameters": {"v": "x"}, "decisionCases": {"x": [task("c"), task("d")]}});
        let mut bench = start(json!({}), json!({"t": [switch], "i": {}}));
        assert_eq!(bench.row("j").input.get("joinOn"), Some(&json!(["c"])));
        bench.report("c", TaskStatus::Completed, json!({}));
        assert_eq!(bench.row("j").status, TaskStatus::Completed);
        assert!(bench.run.tasks.latest("d").is_none(), "a branch is one task");
    }

    #[test]
    fn a_loop_as_a_branch_runs_its_whole_body() {
        let looped = json!({"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "false",
            "loopOver": [task("a"), task("b")]});
        let mut bench = start(json!({}), json!({"t": [looped], "i": {}}));
        bench.report("a__1", TaskStatus::Completed, json!({}));
        assert_eq!(bench.row("b__1").status, TaskStatus::Scheduled);
    }

    #[test]
    fn one_of_two_branches_of_a_name_begins() {
        let two = json!([{"name": "a", "taskReferenceName": "r"}, {"name": "b", "taskReferenceName": "r"}]);
        let bench = start(json!({}), json!({"t": two, "i": {}}));
        assert_eq!(&*bench.row("r").task_type, "b");
        assert_eq!(bench.row("j").input.get("joinOn"), Some(&json!(["r", "r"])));
        let bench = start(json!({}), json!({"t": [{"name": "f", "taskReferenceName": "f"}], "i": {}}));
        assert_eq!(bench.run.head.status, RunStatus::Running, "the row of the fork itself is not there yet");
    }

    #[test]
    fn what_cannot_be_forked_ends_the_run() {
        let why = |input: Value| start(json!({}), input).reason().to_owned();
        let unreadable = "Input 't' is invalid. Cannot deserialize a list of Workflow Tasks from ";
        assert_eq!(why(json!({"i": {}})), format!("{unreadable}'null'"));
        assert_eq!(why(json!({"t": [{"name": "x"}], "i": {}})), format!("{unreadable}'[{{name=x}}]'"));
        let no_map =
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found ";
        assert_eq!(why(json!({"t": [task("a")], "i": [1]})), format!("{no_map}[1]"));
        assert!(
            why(json!({"t": [task("a")], "i": {"a": "b"}})).contains("class java.lang.String cannot be cast")
        );
        let bench = start(json!({}), json!({"t": [], "i": {}}));
        assert_eq!(
            (bench.row("j").status, bench.row("after").status),
            (TaskStatus::Completed, TaskStatus::InProgress)
        );
    }

    #[test]
    fn a_fork_may_be_very_wide() {
        let width = 2_000;
        let tasks: Vec<Value> = (0..width).map(|at| task(&format!("b{at}"))).collect();
        let mut bench = start(json!({}), json!({"t": tasks, "i": {}, "k": 1}));
        for at in 0..width {
            bench.report(&format!("b{at}"), TaskStatus::Completed, json!({"r": at}));
        }
        assert_eq!(bench.row("after").status, TaskStatus::InProgress);
    }
}
