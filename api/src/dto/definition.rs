//! Definitions as they come over the wire (contract §5.1-5.5): the core reads them, here its words become a 400.

use podium_core::def::{TaskDef, WorkflowDef, parse_task, parse_workflow};
use serde_json::Value;

use crate::error::ApiError;

/// Reads one workflow definition.
pub(crate) fn workflow_def(value: &Value) -> Result<WorkflowDef, ApiError> {
    parse_workflow(value).map_err(ApiError::unreadable)
}

/// Reads one task definition; a text is its name.
pub(crate) fn task_def(value: &Value) -> Result<TaskDef, ApiError> {
    parse_task(value).map_err(ApiError::unreadable)
}

/// Reads a list of task definitions.
pub(crate) fn task_defs(value: &Value) -> Result<Vec<TaskDef>, ApiError> {
    match value {
        Value::Array(items) => items.iter().map(task_def).collect(),
        _ => Err(ApiError::unreadable("a list of task definitions was expected")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<WorkflowDef, ApiError> {
        workflow_def(&value)
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
        let defs = task_defs(&json!(["x"])).expect("readable");
        assert_eq!(defs[0].name.as_deref(), Some("x"));
        assert_eq!((defs[0].retry_count, defs[0].response_timeout_seconds), (3, 3600));
        for wrong in [json!([1]), json!([[]]), json!([null]), json!({}), json!("x")] {
            assert_eq!(task_defs(&wrong).expect_err("refused").status(), 400, "{wrong}");
        }
    }

    #[test]
    fn enums_take_ordinals_and_exact_words() {
        let def = task_def(&json!({"name": "t", "timeoutPolicy": 2, "retryLogic": "LINEAR_BACKOFF"}))
            .expect("readable");
        let written = serde_json::to_value(def).expect("JSON");
        assert_eq!(
            (&written["timeoutPolicy"], &written["retryLogic"]),
            (&json!("ALERT_ONLY"), &json!("LINEAR_BACKOFF"))
        );
        for wrong in ["NOPE", "retry", ""] {
            assert!(task_def(&json!({"name": "t", "timeoutPolicy": wrong})).is_err(), "{wrong}");
        }
        assert!(task_def(&json!({"name": "t", "timeoutPolicy": 99})).is_err());
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
