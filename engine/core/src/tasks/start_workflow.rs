//! START_WORKFLOW: starts a run of its own and is done (spec: semantics §4.12; scenario 165).
//!
//! Input: `startWorkflow`, a request as `POST /workflow` takes it. A blank `correlationId` and an empty `taskToDomain` are
//! those of this run; without an input, `externalInputPayloadStoragePath` names one that was stored. Output: `workflowId`. The new run is there with the commit in which the task ends; it has no parent.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::TaskKind;
use crate::decide::{Halt, Mapping, Turn};
use crate::def::{lenient, parse_workflow};
use crate::effect::{WantedDefinition, WantedRun};
use crate::expr::java;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::{InlineDefinition, Node};
use crate::run::RunExtra;
use crate::task::TaskState;

pub(super) struct StartWorkflow;

/// The name that clients know from reasons.
const REQUEST: &str = "com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    #[serde(deserialize_with = "lenient::opt_text")]
    name: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32")]
    version: Option<i32>,
    #[serde(deserialize_with = "lenient::opt_text")]
    correlation_id: Option<String>,
    /// `None` = explicitly null.
    input: Option<Map<String, Value>>,
    #[serde(deserialize_with = "lenient::or_default")]
    task_to_domain: IndexMap<String, Value>,
    workflow_def: Option<Value>,
    #[serde(deserialize_with = "lenient::opt_text")]
    external_input_payload_storage_path: Option<String>,
    #[serde(deserialize_with = "lenient::opt_i32")]
    priority: Option<i32>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            name: None,
            version: None,
            correlation_id: None,
            input: Some(Map::new()),
            task_to_domain: IndexMap::new(),
            workflow_def: None,
            external_input_payload_storage_path: None,
            priority: None,
        }
    }
}

impl TaskKind for StartWorkflow {
    fn name(&self) -> &'static str {
        "START_WORKFLOW"
    }

    fn is_inline(&self) -> bool {
        false
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let input = map.input_without_id(turn, node);
        map.scheduled_with(turn, node, input);
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no).cloned() else { return };
        turn.begin(no);
        let mut wanted = match wanted(turn, &row) {
            Ok(wanted) => wanted,
            Err(reason) => return turn.fail(no, reason),
        };
        // as with any start, an input that is given counts
        if wanted.input.is_empty()
            && let Some(path) = wanted.extra.external_input.clone()
        {
            match turn.payload_at(&path) {
                None => return,
                Some(Ok(input)) => wanted.input = input,
                Some(Err(reason)) => return turn.fail(no, reason),
            }
        }
        match turn.want_run(wanted) {
            None => {}
            Some(Err(reason)) => turn.fail(no, reason),
            Some(Ok(run)) => {
                let output = json!({ "workflowId": run.to_string() });
                turn.complete(no, Payload::from_object_text(output.to_string()));
            }
        }
    }
}

fn wanted(turn: &Turn<'_>, row: &TaskState) -> Result<WantedRun, String> {
    let head = &turn.run.head;
    let request = request(row.input.get("startWorkflow").unwrap_or(&Value::Null))?;
    let Some(name) = request.name else {
        return Err(invalid("name", "Workflow name cannot be null or empty"));
    };
    let priority = request.priority.unwrap_or(0);
    if priority > 99 {
        return Err(invalid("priority", &format!("priority: {priority} should be maximum 99")));
    }
    if priority < 0 {
        return Err(invalid("priority", &format!("priority: {priority} should be minimum 0")));
    }
    let external_input = request.external_input_payload_storage_path;
    if request.input.is_none() && external_input.is_none() {
        return Err("NULL input passed when starting workflow".to_owned());
    }
    let definition = match request.workflow_def.filter(|def| !def.is_null()) {
        Some(whole) => {
            let def = parse_workflow(&whole).map_err(|why| unreadable(&why))?;
            WantedDefinition::Inline(InlineDefinition::of(&def))
        }
        None => WantedDefinition::Registered { name, version: request.version },
    };
    let correlation_id = request.correlation_id.filter(|id| !id.trim().is_empty()).map(Into::into);
    let domains = request.task_to_domain.iter().filter(|(_, domain)| !domain.is_null());
    let mut task_to_domain: IndexMap<String, String> =
        domains.map(|(task, domain)| (task.clone(), java::to_text(domain))).collect();
    if task_to_domain.is_empty() {
        task_to_domain = head.extra.task_to_domain.clone();
    }
    Ok(WantedRun {
        id: turn.new_run_id(u64::from(row.no)),
        definition,
        input: Payload::from_map(request.input.unwrap_or_default()),
        correlation_id: correlation_id.or_else(|| head.correlation_id.as_ref().map(Arc::clone)),
        priority: i16::try_from(priority).unwrap_or(0),
        extra: RunExtra {
            task_to_domain,
            external_input,
            rehearsed: head.extra.rehearsed,
            ..RunExtra::default()
        },
    })
}

fn request(given: &Value) -> Result<Request, String> {
    let wrong = |what: String| {
        let creator = "(although at least one Creator exists)";
        unreadable(&format!("Cannot construct instance of `{REQUEST}` {creator}: {what}"))
    };
    match given {
        Value::Null => Err("Missing 'startWorkflow' in input data.".to_owned()),
        Value::Object(_) => Request::deserialize(given).map_err(|why| unreadable(&why.to_string())),
        Value::Array(_) => Err(unreadable(&format!(
            "Cannot deserialize value of type `{REQUEST}` from Array value (token `JsonToken.START_ARRAY`)"
        ))),
        Value::String(text) => Err(wrong(format!(
            "no String-argument constructor/factory method to deserialize from String value ('{text}')"
        ))),
        Value::Number(number) => Err(wrong(format!(
            "no int/Int-argument constructor/factory method to deserialize from Number value ({number})"
        ))),
        Value::Bool(truth) => Err(wrong(format!(
            "no boolean/Boolean-argument constructor/factory method to deserialize from boolean value ({truth})"
        ))),
    }
}

fn unreadable(why: &str) -> String {
    format!("Error reading StartWorkflowRequest. {why}\n at [Source: UNKNOWN; byte offset: #UNKNOWN]")
}

fn invalid(member: &str, what: &str) -> String {
    format!("startWorkflow validation failed. '{member}' -> {what}. ")
}
