//! Event handlers: what happens when an event comes (spec: contract §5.16).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::lenient;
use super::validate::{Violation, Violations};

/// What is to be done with one kind of event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EventHandler {
    /// Unique among handlers.
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `<queue type>:<queue name>`, for instance `conductor:my_workflow:shipped` or `kafka:my-topic`.
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Empty or absent = every message.
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// `None` = it was given as null, which is refused. An action may be null; nothing happens then.
    #[serde(deserialize_with = "lenient::opt_objects")]
    pub actions: Option<Vec<Option<Action>>>,
    /// Only active handlers see messages.
    #[serde(deserialize_with = "lenient::bool")]
    pub active: bool,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub evaluator_type: Option<String>,
}

impl Default for EventHandler {
    fn default() -> Self {
        EventHandler {
            name: None,
            event: None,
            condition: None,
            actions: Some(Vec::new()),
            active: false,
            evaluator_type: None,
        }
    }
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    StartWorkflow,
    CompleteTask,
    FailTask,
    /// Kept, but not carried out; so are the two after it.
    TerminateWorkflow,
    UpdateWorkflowVariables,
    StartAgent,
}

/// One thing to do. Which of the details counts is said by `action`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionKind>,
    #[serde(deserialize_with = "lenient::opt_object", skip_serializing_if = "Option::is_none")]
    pub start_workflow: Option<StartWorkflow>,
    #[serde(deserialize_with = "lenient::opt_object", skip_serializing_if = "Option::is_none")]
    pub complete_task: Option<TaskDetails>,
    #[serde(deserialize_with = "lenient::opt_object", skip_serializing_if = "Option::is_none")]
    pub fail_task: Option<TaskDetails>,
    /// Templates see members of texts that are JSON themselves.
    #[serde(rename = "expandInlineJSON", deserialize_with = "lenient::bool")]
    pub expand_inline_json: bool,
    #[serde(deserialize_with = "lenient::opt_object", skip_serializing_if = "Option::is_none")]
    pub terminate_workflow: Option<TerminateWorkflow>,
    #[serde(deserialize_with = "lenient::opt_object", skip_serializing_if = "Option::is_none")]
    pub update_workflow_variables: Option<UpdateWorkflowVariables>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_agent: Option<Map<String, Value>>,
}

/// A workflow to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartWorkflow {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The latest if absent.
    #[serde(deserialize_with = "lenient::opt_i32", skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub input: Map<String, Value>,
    #[serde(deserialize_with = "nothing", skip_serializing)]
    pub input_message: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_to_domain: Option<Map<String, Value>>,
}

/// A task to end, found by its id, else by workflow and reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskDetails {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub task_ref_name: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub output: Map<String, Value>,
    #[serde(deserialize_with = "nothing", skip_serializing)]
    pub output_message: (),
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub reason_for_incompletion: Option<String>,
}

/// A workflow to end. Kept only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TerminateWorkflow {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub termination_reason: Option<String>,
}

/// Variables to set. Kept only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateWorkflowVariables {
    #[serde(deserialize_with = "lenient::opt_text", skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Map<String, Value>>,
    #[serde(deserialize_with = "lenient::opt_bool", skip_serializing_if = "Option::is_none")]
    pub append_array: Option<bool>,
}

/// A member that only protobuf clients could fill; JSON can only say that there is none.
fn nothing<'de, D: Deserializer<'de>>(d: D) -> Result<(), D::Error> {
    match Value::deserialize(d)? {
        Value::Null => Ok(()),
        _ => Err(serde::de::Error::custom("inputMessage and outputMessage cannot be given as JSON")),
    }
}

/// Reads an event handler.
pub fn parse(raw: &Value) -> Result<EventHandler, String> {
    if !raw.is_object() {
        return Err("The event handler: a JSON object was expected".to_owned());
    }
    EventHandler::deserialize(raw).map_err(|e| format!("The event handler: {e}"))
}

/// Checks an event handler. Whether its actions can do anything is not asked.
pub fn violations(handler: &EventHandler) -> Violations {
    let mut found = Vec::new();
    let mut add = |code, path: &str, message: &str, invalid: Option<&String>| {
        let (path, message) = (path.to_owned(), message.to_owned());
        found.push(Violation { code, path, message, invalid: invalid.cloned() });
    };
    let is_empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if is_empty(&handler.name) {
        add("handler_name_missing", "name", "Missing event handler name", handler.name.as_ref());
    }
    if is_empty(&handler.event) {
        add("handler_event_missing", "event", "Missing event location", handler.event.as_ref());
    }
    if handler.actions.as_ref().is_none_or(Vec::is_empty) {
        let message = "No actions specified. Please specify at-least one action";
        add("handler_actions_missing", "actions", message, None);
    }
    if handler.actions.is_none() {
        add("handler_actions_missing", "actions", "must not be null", None);
    }
    Violations(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_read_as_existing_servers_do() {
        let given = json!({
            "name": "h", "event": "conductor:w:e", "active": "false", "condition": null, "unknown": 1,
            "actions": [
                null,
                {"action": "start_workflow", "start_workflow": {"name": "w", "version": "2", "correlationId": 5}},
                {"action": "complete_task", "complete_task": {"taskId": "${t}"}, "expandInlineJSON": true},
            ],
        });
        let read = parse(&given).expect("readable");
        assert_eq!(
            serde_json::to_value(read).expect("JSON"),
            json!({
                "name": "h", "event": "conductor:w:e", "active": false,
                "actions": [
                    null,
                    {"action": "start_workflow", "expandInlineJSON": false,
                        "start_workflow": {"name": "w", "version": 2, "correlationId": "5", "input": {}}},
                    {"action": "complete_task", "expandInlineJSON": true,
                        "complete_task": {"taskId": "${t}", "output": {}}},
                ],
            })
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for actions in [
            json!({"action": "start_workflow"}),
            json!([{"action": "no_such_action"}]),
            json!([{"action": "START_WORKFLOW"}]),
            json!([{"action": "start_workflow", "start_workflow": {"input": [1]}}]),
            json!([{"action": "complete_task", "complete_task": {"outputMessage": {}}}]),
        ] {
            assert!(parse(&json!({"name": "h", "event": "e", "actions": actions})).is_err(), "{actions}");
        }
        assert!(parse(&json!([])).is_err());
    }

    #[test]
    fn rules_name_what_is_missing() {
        let paths = |raw: Value| {
            let found = violations(&parse(&raw).expect("readable"));
            found.0.into_iter().map(|v| v.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(json!({})), ["name", "event", "actions"]);
        assert_eq!(paths(json!({"name": "h", "event": "e", "actions": null})), ["actions", "actions"]);
        assert_eq!(paths(json!({"name": "h", "event": "e", "actions": [{}]})), [""; 0]);
    }
}
