//! Definitions as they come over the wire (contract §5.1-5.5).
//!
//! The definition types themselves live in the core. Here the raw value is brought into the form that
//! those types read: ordinals of enums become words, scalars in lists of texts become texts, the small
//! stored-only objects get their defaults, an inline sub-workflow gets its own.

use podium_core::def::{TaskDef, WorkflowDef};
use serde_json::{Map, Value};

use super::definition_parts::{CacheConfig, RateLimitConfig, SchemaDef, one_of, part, texts};
use crate::error::ApiError;

type Object = Map<String, Value>;
/// Words of a refusal; they end in a 400.
type Refusal = String;

/// What `workflowTaskType` may name; `type` itself is free.
const TASK_TYPES: [&str; 23] = [
    "SIMPLE",
    "DYNAMIC",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "DECISION",
    "SWITCH",
    "JOIN",
    "DO_WHILE",
    "SUB_WORKFLOW",
    "START_WORKFLOW",
    "EVENT",
    "WAIT",
    "HUMAN",
    "USER_DEFINED",
    "HTTP",
    "LAMBDA",
    "INLINE",
    "EXCLUSIVE_JOIN",
    "TERMINATE",
    "KAFKA_PUBLISH",
    "JSON_JQ_TRANSFORM",
    "SET_VARIABLE",
    "NOOP",
];
const WORKFLOW_TIMEOUT_POLICIES: [&str; 2] = ["TIME_OUT_WF", "ALERT_ONLY"];
const TASK_TIMEOUT_POLICIES: [&str; 3] = ["RETRY", "TIME_OUT_WF", "ALERT_ONLY"];
const RETRY_LOGICS: [&str; 3] = ["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"];
const JOIN_MODES: [&str; 2] = ["SYNC", "ASYNC"];
const IDEMPOTENCY_STRATEGIES: [&str; 3] = ["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"];

/// Reads one workflow definition. The value is left in the form that was read, for the validation of what
/// only the raw text shows (explicit nulls).
pub(crate) fn workflow_def(value: &mut Value) -> Result<WorkflowDef, ApiError> {
    read_workflow_def(value).map_err(ApiError::unreadable)
}

/// Reads one task definition; a text is its name.
pub(crate) fn task_def(value: Value) -> Result<TaskDef, ApiError> {
    read_task_def(value).map_err(ApiError::unreadable)
}

/// Reads a list of task definitions.
pub(crate) fn task_defs(value: Value) -> Result<Vec<TaskDef>, ApiError> {
    match value {
        Value::Array(items) => items.into_iter().map(task_def).collect(),
        _ => Err(ApiError::unreadable("a list of task definitions was expected")),
    }
}

fn read_workflow_def(value: &mut Value) -> Result<WorkflowDef, Refusal> {
    let def = value.as_object_mut().ok_or("a workflow definition is an object")?;
    one_of(def, "timeoutPolicy", &WORKFLOW_TIMEOUT_POLICIES)?;
    for list in ["inputParameters", "maskedFields"] {
        texts(def, list)?;
    }
    part::<RateLimitConfig>(def, "rateLimitConfig")?;
    part::<CacheConfig>(def, "cacheConfig")?;
    part::<SchemaDef>(def, "inputSchema")?;
    part::<SchemaDef>(def, "outputSchema")?;
    task_list(def, "tasks")?;
    serde_json::from_value(value.clone()).map_err(|e| e.to_string())
}

fn read_task_def(mut value: Value) -> Result<TaskDef, Refusal> {
    match &mut value {
        Value::Object(def) => task_def_members(def)?,
        Value::String(_) => value = Value::Object(Map::from_iter([("name".to_owned(), value)])),
        Value::Null => return Err("a task definition cannot be null".to_owned()),
        other => return Err(format!("a task definition is an object, not {other}")),
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

fn task_def_members(def: &mut Object) -> Result<(), Refusal> {
    one_of(def, "timeoutPolicy", &TASK_TIMEOUT_POLICIES)?;
    one_of(def, "retryLogic", &RETRY_LOGICS)?;
    for list in ["inputKeys", "outputKeys", "runtimeMetadata"] {
        texts(def, list)?;
    }
    part::<SchemaDef>(def, "inputSchema")?;
    part::<SchemaDef>(def, "outputSchema")
}

/// A member that is a list of tasks; absent and null are left alone.
fn task_list(owner: &mut Object, member: &str) -> Result<(), Refusal> {
    match owner.get_mut(member) {
        None | Some(Value::Null) => Ok(()),
        Some(list) => tasks(list, member),
    }
}

fn tasks(list: &mut Value, member: &str) -> Result<(), Refusal> {
    let items = list.as_array_mut().ok_or_else(|| format!("{member} is a list of tasks"))?;
    items.iter_mut().try_for_each(|item| match item {
        Value::Object(task) => task_members(task),
        other => Err(format!("a task in {member} is an object, not {other}")),
    })
}

fn task_members(task: &mut Object) -> Result<(), Refusal> {
    the_later_type(task)?;
    one_of(task, "joinMode", &JOIN_MODES)?;
    for list in ["joinOn", "defaultExclusiveJoinTask"] {
        texts(task, list)?;
    }
    part::<CacheConfig>(task, "cacheConfig")?;
    for list in ["defaultCase", "loopOver"] {
        task_list(task, list)?;
    }
    match task.get_mut("decisionCases") {
        None | Some(Value::Null) => {}
        Some(Value::Object(cases)) => {
            cases
                .values_mut()
                .filter(|case| !case.is_null())
                .try_for_each(|case| tasks(case, "decisionCases"))?;
        }
        Some(_) => return Err("decisionCases is an object of lists of tasks".to_owned()),
    }
    match task.get_mut("forkTasks") {
        None | Some(Value::Null) => {}
        Some(Value::Array(branches)) => {
            branches.iter_mut().filter(|b| !b.is_null()).try_for_each(|branch| tasks(branch, "forkTasks"))?;
        }
        Some(_) => return Err("forkTasks is a list of lists of tasks".to_owned()),
    }
    match task.get_mut("subWorkflowParam") {
        None | Some(Value::Null) => {}
        Some(Value::Object(params)) => sub_workflow_members(params)?,
        Some(_) => return Err("subWorkflowParam is an object".to_owned()),
    }
    match task.get_mut("taskDefinition") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(def)) => task_def_members(def),
        Some(name @ Value::String(_)) => {
            *name = serde_json::json!({ "name": name });
            Ok(())
        }
        Some(_) => Err("taskDefinition is an object".to_owned()),
    }
}

/// `workflowTaskType` is another name of `type` for input; if both are there, the later one counts.
fn the_later_type(task: &mut Object) -> Result<(), Refusal> {
    let position = |member: &str| task.keys().position(|key| key == member);
    let Some(alias_at) = position("workflowTaskType") else { return Ok(()) };
    let type_at = position("type");
    one_of(task, "workflowTaskType", &TASK_TYPES)?;
    let alias = task.shift_remove("workflowTaskType").unwrap_or_default();
    if type_at.is_none_or(|at| at < alias_at) {
        task.insert("type".to_owned(), alias);
    }
    Ok(())
}

/// An inline definition gets its defaults and lends its name and version.
fn sub_workflow_members(params: &mut Object) -> Result<(), Refusal> {
    one_of(params, "idempotencyStrategy", &IDEMPOTENCY_STRATEGIES)?;
    let Some(inline @ Value::Object(_)) = params.get_mut("workflowDefinition") else { return Ok(()) };
    let def = read_workflow_def(inline)?;
    *inline = serde_json::to_value(&def).map_err(|e| e.to_string())?;
    let name = def.name.map_or(Value::Null, Value::String);
    params.insert("name".to_owned(), name);
    params.insert("version".to_owned(), def.version.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(mut value: Value) -> Result<WorkflowDef, ApiError> {
        workflow_def(&mut value)
    }

    #[test]
    fn a_minimal_definition_reads_back_with_conductors_defaults() {
        let def =
            read(json!({"name": "w", "tasks": [{"name": "t", "taskReferenceName": "r"}]})).expect("readable");
        let expected = json!({
            "createTime": 0, "enforceSchema": true, "inputParameters": [], "inputTemplate": {}, "maskedFields": [],
            "metadata": {}, "name": "w", "outputParameters": {}, "restartable": true, "schemaVersion": 2,
            "tasks": [{
                "asyncComplete": false, "decisionCases": {}, "defaultCase": [], "defaultExclusiveJoinTask": [],
                "forkTasks": [], "inputParameters": {}, "joinOn": [], "loopOver": [], "metadata": {}, "name": "t",
                "onStateChange": {}, "optional": false, "permissive": false, "startDelay": 0,
                "taskReferenceName": "r", "type": "SIMPLE",
            }],
            "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "updateTime": 0, "variables": {}, "version": 1,
            "workflowStatusListenerEnabled": false,
        });
        assert_eq!(serde_json::to_value(def).expect("JSON"), expected);
    }

    #[test]
    fn a_task_definition_may_be_a_name() {
        let defs = task_defs(json!(["x"])).expect("readable");
        assert_eq!(defs[0].name.as_deref(), Some("x"));
        assert_eq!((defs[0].retry_count, defs[0].response_timeout_seconds), (3, 3600));
        for wrong in [json!([1]), json!([[]]), json!([null]), json!({}), json!("x")] {
            assert_eq!(task_defs(wrong.clone()).expect_err("refused").status(), 400, "{wrong}");
        }
    }

    #[test]
    fn enums_take_ordinals_and_exact_words() {
        let def = task_def(json!({"name": "t", "timeoutPolicy": 2, "retryLogic": "LINEAR_BACKOFF"}))
            .expect("readable");
        let written = serde_json::to_value(def).expect("JSON");
        assert_eq!(
            (&written["timeoutPolicy"], &written["retryLogic"]),
            (&json!("ALERT_ONLY"), &json!("LINEAR_BACKOFF"))
        );
        for wrong in ["NOPE", "retry", ""] {
            assert!(task_def(json!({"name": "t", "timeoutPolicy": wrong})).is_err(), "{wrong}");
        }
        assert!(task_def(json!({"name": "t", "timeoutPolicy": 99})).is_err());
    }

    #[test]
    fn small_objects_get_their_defaults() {
        let def = read(json!({
            "name": "w", "outputSchema": {"name": "os", "type": "AVRO"},
            "rateLimitConfig": {"rateLimitKey": "k"}, "cacheConfig": {"key": "ck"},
        }))
        .expect("readable");
        let written = serde_json::to_value(def).expect("JSON");
        let schema = json!({"createTime": 0, "name": "os", "type": "AVRO", "updateTime": 0, "version": 1});
        assert_eq!(written["outputSchema"], schema);
        assert_eq!(
            written["rateLimitConfig"],
            json!({"rateLimitKey": "k", "concurrentExecLimit": 0, "policy": "QUEUE"})
        );
        assert_eq!(written["cacheConfig"], json!({"key": "ck", "ttlInSecond": 0}));
    }

    #[test]
    fn the_other_name_of_type_counts_if_it_comes_later() {
        let task = |members: Value| {
            let def = read(json!({"name": "w", "tasks": [members]})).expect("readable");
            def.tasks[0].kind().to_owned()
        };
        assert_eq!(task(json!({"type": "HTTP", "workflowTaskType": "EVENT"})), "EVENT");
        assert_eq!(task(json!({"workflowTaskType": "EVENT", "type": "HTTP"})), "HTTP");
        assert_eq!(task(json!({"workflowTaskType": "EVENT"})), "EVENT");
        assert!(read(json!({"tasks": [{"workflowTaskType": "NOPE"}]})).is_err());
    }

    #[test]
    fn an_inline_definition_lends_its_name() {
        let inline = json!({"name": "child", "version": 4, "tasks": []});
        let params = json!({"name": "other", "version": 9, "workflowDefinition": inline});
        let def = read(json!({"name": "w", "tasks": [{"subWorkflowParam": params}]})).expect("readable");
        let written = serde_json::to_value(def).expect("JSON");
        let params = &written["tasks"][0]["subWorkflowParam"];
        assert_eq!((&params["name"], &params["version"]), (&json!("child"), &json!(4)));
        assert_eq!(params["workflowDefinition"]["restartable"], json!(true));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        for wrong in [
            json!([]),
            json!({"version": "one"}),
            json!({"tasks": {}}),
            json!({"tasks": ["x"]}),
            json!({"tasks": [[]]}),
            json!({"timeoutPolicy": "RETRY"}),
            json!({"restartable": "maybe"}),
            json!({"inputParameters": {}}),
            json!({"outputParameters": []}),
            json!({"rateLimitConfig": {"policy": "DROP"}}),
            json!({"cacheConfig": []}),
            json!({"metadata": "m"}),
            json!({"maskedFields": "f"}),
            json!({"tasks": [{"joinOn": "a"}]}),
            json!({"tasks": [{"forkTasks": [{}]}]}),
            json!({"tasks": [{"decisionCases": {"a": {}}}]}),
            json!({"tasks": [{"joinMode": "PARALLEL"}]}),
            json!({"tasks": [{"subWorkflowParam": "x"}]}),
            json!({"tasks": [{"subWorkflowParam": {"workflowDefinition": "not an expression"}}]}),
            json!({"tasks": [{"subWorkflowParam": {"idempotencyStrategy": "NOPE"}}]}),
            json!({"tasks": [{"onStateChange": []}]}),
            json!({"tasks": [{"inputParameters": []}]}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
