//! What an event handler does with a message (spec: semantics §6.2, §6.3). Nothing is done here: the answer is a list.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::def::EventHandler;
use crate::def::event_handler::{Action, ActionKind, StartWorkflow, TaskDetails};
use crate::event::{HandlerAction, NamedTask};
use crate::expr::{Scope, java, resolve_map, resolve_value};
use crate::id::{RunId, TaskId};
use crate::payload::Payload;
use crate::time::Timestamp;

/// A message of a queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// The queue: `<type>:<name>`.
    pub event: String,
    /// What handlers are told: the id of the EVENT task, or partition and offset.
    pub id: String,
    /// Where it comes from, over all queues and for ever.
    pub origin: String,
    /// When it was sent; never another instant for the same message.
    pub at: Timestamp,
    pub payload: Value,
}

/// One thing that is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    Start(Box<StartDeed>),
    /// For the inbox of a run.
    Tell(RunId, HandlerAction),
    /// The action can do nothing, and why. The others are done all the same.
    Failed(String),
}

/// A run to start. Its id follows from the message and the action.
#[derive(Clone, Debug, PartialEq)]
pub struct StartDeed {
    pub id: RunId,
    pub name: String,
    pub version: Option<i32>,
    pub correlation_id: Option<String>,
    pub input: Payload,
    pub task_to_domain: IndexMap<String, String>,
    pub event: String,
}

/// Evaluates conditions that are scripts; the message is `$`.
pub trait Conditions {
    /// The value of the script, or why it has none.
    fn evaluate(&self, script: &str, payload: &Value) -> Result<Value, String>;
}

/// What the handler does with the message, a deed for each of its actions; `None` if its condition does not hold.
///
/// Errors: the condition has no value. The message cannot be handled then.
pub fn deeds(
    handler: &EventHandler,
    message: &Message,
    conditions: &dyn Conditions,
    shard: u16,
) -> Result<Option<Vec<Deed>>, String> {
    let expanded = expanded(&message.payload);
    if !holds(handler, &expanded, conditions)? {
        return Ok(None);
    }
    let name = handler.name.as_deref().unwrap_or_default();
    let actions = handler.actions.iter().flatten().enumerate();
    let deed = |(at, action): (usize, &Option<Action>)| {
        let source = format!("{}/{name}/{at}", message.origin);
        let Some(action) = action else { return Deed::Failed("the action is null".to_owned()) };
        let payload = if action.expand_inline_json { &*expanded } else { &message.payload };
        one(action, message, payload, source, shard).unwrap_or_else(Deed::Failed)
    };
    Ok(Some(actions.map(deed).collect()))
}

fn one(
    action: &Action,
    message: &Message,
    payload: &Value,
    source: String,
    shard: u16,
) -> Result<Deed, String> {
    let unsupported = |what: &str| Err(format!("the action {what} is not carried out"));
    let without = || "the action has no details".to_owned();
    match action.action {
        None => Err("the action has no kind".to_owned()),
        Some(ActionKind::StartWorkflow) => {
            let wanted = action.start_workflow.as_ref().ok_or_else(without)?;
            Ok(start(wanted, message, payload, &source, shard))
        }
        Some(ActionKind::CompleteTask) => {
            let details = action.complete_task.as_ref().ok_or_else(without)?;
            end(details, message, payload, source, true)
        }
        Some(ActionKind::FailTask) => {
            let details = action.fail_task.as_ref().ok_or_else(without)?;
            end(details, message, payload, source, false)
        }
        Some(ActionKind::TerminateWorkflow) => unsupported("terminate_workflow"),
        Some(ActionKind::UpdateWorkflowVariables) => unsupported("update_workflow_variables"),
        Some(ActionKind::StartAgent) => unsupported("start_agent"),
    }
}

fn start(wanted: &StartWorkflow, message: &Message, payload: &Value, source: &str, shard: u16) -> Deed {
    let scope = Root(payload);
    let mut input = resolve_map(&wanted.input, &scope);
    name_message(&mut input, message);
    let correlation_id = wanted.correlation_id.clone().map(Value::String);
    let correlation_id = correlation_id.map(|template| resolve_value(&template, &scope));
    let domains = match &wanted.task_to_domain {
        Some(domains) => domains.clone(),
        None => payload.get("taskToDomain").and_then(Value::as_object).cloned().unwrap_or_default(),
    };
    let domains = domains.into_iter().filter_map(|(task, domain)| Some((task, text(&domain)?)));
    Deed::Start(Box::new(StartDeed {
        id: RunId::derived(message.at, source, shard),
        name: wanted.name.clone().unwrap_or_default(),
        version: wanted.version,
        correlation_id: correlation_id.as_ref().and_then(text),
        input: Payload::from_map(input),
        task_to_domain: domains.collect(),
        event: message.event.clone(),
    }))
}

fn end(
    details: &TaskDetails,
    message: &Message,
    payload: &Value,
    source: String,
    succeeded: bool,
) -> Result<Deed, String> {
    let mut members = Map::new();
    for (name, template) in [
        ("workflowId", &details.workflow_id),
        ("taskId", &details.task_id),
        ("taskRefName", &details.task_ref_name),
        ("reasonForIncompletion", &details.reason_for_incompletion),
    ] {
        members.insert(name.to_owned(), template.clone().map_or(Value::Null, Value::String));
    }
    // what the output names so replaces the action's own (scenario s192b)
    members.extend(details.output.clone());
    let mut output = resolve_map(&members, &Root(payload));
    let given = |name: &str| match output.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.trim().is_empty())),
        Some(other) => Err(format!("{name} is no text but {other}")),
    };
    let (run, task) = match (given("taskId")?, given("workflowId")?, given("taskRefName")?) {
        (Some(task), _, _) => {
            let id: TaskId = task.parse().map_err(|_| format!("No task found with taskId: {task}"))?;
            (id.run(), NamedTask::No(id.no()))
        }
        (None, Some(run), Some(name)) => {
            let run = run.parse().map_err(|_| format!("No such workflow found by id: {run}"))?;
            (run, NamedTask::Reference(name))
        }
        (None, _, _) => return Err("the action names no task".to_owned()),
    };
    let reason = if succeeded { None } else { output.get("reasonForIncompletion").and_then(text) };
    name_message(&mut output, message);
    let output = Payload::from_map(output).text().to_owned();
    Ok(Deed::Tell(run, HandlerAction { source, task, succeeded, output, reason }))
}

fn name_message(members: &mut Map<String, Value>, message: &Message) {
    members.insert("conductor.event.messageId".to_owned(), Value::String(message.id.clone()));
    members.insert("conductor.event.name".to_owned(), Value::String(message.event.clone()));
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(java::to_text(other)),
    }
}

/// `value-param` names a member of the message; everything else is a script. True and numbers above zero hold.
fn holds(handler: &EventHandler, payload: &Value, conditions: &dyn Conditions) -> Result<bool, String> {
    let condition = handler.condition.as_deref().unwrap_or_default();
    if condition.is_empty() {
        return Ok(true);
    }
    let value = if handler.evaluator_type.as_deref() == Some("value-param") {
        payload.get(condition).cloned().unwrap_or(Value::Null)
    } else {
        conditions.evaluate(condition, payload)?
    };
    Ok(match value {
        Value::Bool(holds) => holds,
        Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
        _ => false,
    })
}

/// The payload with the texts that are JSON objects or lists replaced by what they say. Texts in lists stay, and so do
/// texts inside of what was replaced (scenario s198e).
fn expanded(payload: &Value) -> Cow<'_, Value> {
    fn may_expand(value: &Value) -> bool {
        match value {
            Value::Object(map) => map.values().any(|value| is_json(value) || may_expand(value)),
            Value::Array(list) => list.iter().any(may_expand),
            _ => false,
        }
    }
    fn is_json(value: &Value) -> bool {
        value.as_str().is_some_and(|text| text.trim_start().starts_with(['{', '[']))
    }
    fn expand(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for member in map.values_mut() {
                    match member.as_str() {
                        Some(text) if is_json(member) => {
                            if let Ok(inner) = serde_json::from_str(text) {
                                *member = inner;
                            }
                        }
                        _ => expand(member),
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(expand),
            _ => {}
        }
    }
    if !may_expand(payload) {
        return Cow::Borrowed(payload);
    }
    let mut payload = payload.clone();
    expand(&mut payload);
    Cow::Owned(payload)
}

/// Expressions see the members of the message.
struct Root<'a>(&'a Value);

impl Scope for Root<'_> {
    fn root(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.0.get(name).map(Cow::Borrowed)
    }

    fn task_id(&self) -> Option<String> {
        None
    }

    fn names(&self) -> Vec<String> {
        self.0.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Knows two scripts.
    struct Few;

    impl Conditions for Few {
        fn evaluate(&self, script: &str, payload: &Value) -> Result<Value, String> {
            match script {
                "$.k" => Ok(payload.get("k").cloned().unwrap_or(Value::Null)),
                "$.d.j.a" => Ok(payload["d"]["j"]["a"].clone()),
                other => Err(format!("{other} is not defined")),
            }
        }
    }

    fn message(payload: Value) -> Message {
        Message {
            event: "conductor:w:e".to_owned(),
            id: "m1".to_owned(),
            origin: "task/m1".to_owned(),
            at: Timestamp::from_millis(1_800_000_000_000),
            payload,
        }
    }

    fn done(handler: Value, payload: Value) -> Result<Option<Vec<Deed>>, String> {
        let mut raw = json!({"name": "h", "event": "conductor:w:e"});
        for (key, value) in handler.as_object().expect("an object") {
            raw[key] = value.clone();
        }
        let handler = crate::def::event_handler::parse(&raw).expect("readable");
        deeds(&handler, &message(payload), &Few, 0)
    }

    fn started(deeds: &[Deed]) -> &StartDeed {
        match deeds {
            [Deed::Start(start)] => start,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_start_resolves_its_input_and_names_the_message() {
        let payload =
            json!({"k": 7, "d": {"l": [1, [2]], "j": "{\"a\": {\"b\": [1]}}"}, "taskToDomain": {"t": "own"}});
        let wanted = json!({
            "name": "w", "version": 1, "correlationId": "${k}",
            "input": {"k": "${k}", "t": "k=${k} ${none}", "all": "${$}", "esc": "$${k}", "j": "${d.j.a}", "n": 5},
        });
        let action = |expand: bool| json!({"actions": [{"action": "start_workflow", "start_workflow": wanted, "expandInlineJSON": expand}]});
        let deeds = done(action(false), payload.clone()).expect("a value").expect("holds");
        let start = started(&deeds);
        let expected = json!({
            "k": 7, "t": "k=7 null", "all": payload, "esc": "${k}", "j": null, "n": 5,
            "conductor.event.messageId": "m1", "conductor.event.name": "conductor:w:e",
        });
        assert_eq!(Value::Object(start.input.map().clone()), expected);
        assert_eq!((start.correlation_id.as_deref(), start.version), (Some("7"), Some(1)));
        assert_eq!(start.task_to_domain.get("t").map(String::as_str), Some("own"));
        let again = done(action(true), payload).expect("a value").expect("holds");
        assert_eq!(started(&again).id, start.id, "the same message and action are the same run");
        assert_eq!(started(&again).input.map().get("j"), Some(&json!({"b": [1]})));
    }

    #[test]
    fn a_task_is_named_by_id_or_by_run_and_reference() {
        let run = RunId::new(Timestamp::from_millis(5), 9, 0);
        let end = |details: Value, payload: Value| {
            let action = json!({"actions": [{"action": "fail_task", "fail_task": details}]});
            done(action, payload).expect("a value").expect("holds").remove(0)
        };
        let by_ref = json!({"workflowId": "${w}", "taskRefName": "r", "reasonForIncompletion": "why ${x}", "output": {"o": 1}});
        match end(by_ref, json!({"w": run.to_string(), "x": [1, "two"]})) {
            Deed::Tell(to, action) => {
                assert_eq!((to, action.task), (run, NamedTask::Reference("r".to_owned())));
                assert_eq!(action.reason.as_deref(), Some("why [1, two]"));
                let output: Value = serde_json::from_str(&action.output).expect("JSON");
                let expected = json!({
                    "workflowId": run.to_string(), "taskId": null, "taskRefName": "r",
                    "reasonForIncompletion": "why [1, two]", "o": 1,
                    "conductor.event.messageId": "m1", "conductor.event.name": "conductor:w:e",
                });
                assert_eq!(output, expected);
            }
            other => panic!("{other:?}"),
        }
        let by_id = json!({"taskId": "${t}"});
        match end(by_id.clone(), json!({"t": run.task(3).to_string()})) {
            Deed::Tell(to, action) => assert_eq!((to, action.task), (run, NamedTask::No(3))),
            other => panic!("{other:?}"),
        }
        // the output's names win
        let hidden =
            json!({"workflowId": run.to_string(), "taskRefName": "no", "output": {"taskRefName": "z"}});
        match end(hidden, json!({})) {
            Deed::Tell(_, action) => assert_eq!(action.task, NamedTask::Reference("z".to_owned())),
            other => panic!("{other:?}"),
        }
        for (details, payload) in [
            (by_id.clone(), json!({"t": 5})),
            (by_id, json!({})),
            (json!({"workflowId": "no id", "taskRefName": "r"}), json!({})),
            (json!({"workflowId": run.to_string()}), json!({})),
        ] {
            assert!(matches!(end(details, payload), Deed::Failed(_)));
        }
    }

    #[test]
    fn conditions_decide() {
        let holds = |condition: &str, kind: &str, payload: Value| {
            let handler = json!({"condition": condition, "evaluatorType": kind, "actions": [null]});
            done(handler, payload).map(|deeds| deeds.is_some())
        };
        assert_eq!(holds("", "", json!({})), Ok(true));
        assert_eq!(holds("$.k", "javascript", json!({"k": 0.5})), Ok(true));
        assert_eq!(holds("$.k", "", json!({"k": 0})), Ok(false));
        assert_eq!(holds("$.k", "", json!({"k": "true"})), Ok(false));
        assert_eq!(holds("$.d.j.a", "", json!({"d": {"j": "{\"a\": true}"}})), Ok(true));
        assert_eq!(holds("k", "value-param", json!({"k": true})), Ok(true));
        assert_eq!(holds("z", "value-param", json!({"k": 2})), Ok(false));
        assert!(holds("nope()", "", json!({})).is_err());
    }

    #[test]
    fn inline_json_is_read_once_and_not_in_lists() {
        let given =
            json!({"a": "{\"t\": \"{\\\"x\\\": 1}\"}", "l": ["{\"y\": 1}", {"m": "[1]"}], "bad": "{no"});
        let expected = json!({"a": {"t": "{\"x\": 1}"}, "l": ["{\"y\": 1}", {"m": [1]}], "bad": "{no"});
        assert_eq!(*expanded(&given), expected);
    }
}
