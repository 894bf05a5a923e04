//! SUB_WORKFLOW: runs another definition as a child and ends as the child does (spec: semantics §4.11; scenarios 129–150).
//!
//! Input: `subWorkflowName`, `subWorkflowVersion` (0 = the latest), `subWorkflowTaskToDomain`, `subWorkflowDefinition` (one
//! given whole), `priority`, and in `workflowInput` the resolved parameters. The child gets `workflowInput`, or the whole
//! input if that is empty. Output: that of the child, and `subWorkflowId`. The child is there with the commit in which the
//! task begins; each attempt has a child of its own.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::TaskKind;
use crate::decide::{Halt, Known, Mapping, Turn, link_output};
use crate::def::parse_workflow;
use crate::effect::{WantedDefinition, WantedRun};
use crate::expr::java;
use crate::id::TaskNo;
use crate::payload::Payload;
use crate::plan::{InlineDefinition, Node};
use crate::run::{ParentLink, RunExtra};
use crate::task::TaskState;

pub(super) struct SubWorkflow;

impl TaskKind for SubWorkflow {
    fn name(&self) -> &'static str {
        "SUB_WORKFLOW"
    }

    fn is_inline(&self) -> bool {
        false
    }

    fn expand(&self, turn: &Turn<'_>, map: &mut Mapping, node: &Node) -> Result<(), Halt> {
        let Some(params) = &node.config.sub_workflow_param else {
            return Err(Halt::failed(format!(
                "Task {} is defined as sub-workflow and is missing subWorkflowParams. \
                 Please check the workflow definition",
                node.config.name()
            )));
        };
        let name = params.name.clone().map_or(Value::Null, Value::String);
        let name = match turn.resolve_without_id(&name) {
            Value::Null => {
                let reason = format!("The sub-workflow of the task '{}' has no name", node.ref_name);
                return Err(Halt::refusing_start(reason));
            }
            name => java::to_text(&name),
        };
        // a definition given whole says itself which version it is
        let version = match params.version {
            _ if params.workflow_definition.is_some() => None,
            // the definition of a run names its versions from the start on; the branches of a dynamic fork are new now
            None if node.ix.is_branch() => latest(turn, map, &name)?,
            given => given,
        };
        let definition = match &params.workflow_definition {
            Some(expression @ Value::String(_)) => turn.resolve_without_id(expression),
            Some(whole) => whole.clone(),
            None => Value::Null,
        };
        let domains = match &params.task_to_domain {
            Some(domains) => turn.resolve_without_id(&json!(domains)),
            None => Value::Null,
        };
        let priority = params.priority.as_ref().map_or(Value::Null, |p| turn.resolve_without_id(p));
        let mut input = Map::new();
        let mut set = |name: &str, value: Value| input.insert(name.to_owned(), value);
        set("subWorkflowName", Value::String(name));
        set("subWorkflowVersion", json!(version));
        set("subWorkflowTaskToDomain", domains);
        set("subWorkflowDefinition", definition);
        set("priority", priority);
        set("idempotencyKey", json!(params.idempotency_key));
        set("idempotencyStrategy", json!(params.idempotency_strategy));
        set("workflowInput", Value::Object(map.input_without_id(turn, node).map().clone()));
        map.scheduled_with(turn, node, Payload::from_map(input));
        Ok(())
    }

    fn enter(&self, turn: &mut Turn<'_>, no: TaskNo) {
        let Some(row) = turn.run.tasks.get(no).cloned() else { return };
        turn.begin(no);
        let wanted = match wanted(turn, &row) {
            Ok(wanted) => wanted,
            Err(reason) => return turn.fail(no, reason),
        };
        match turn.want_run(wanted) {
            None => {}
            Some(Err(reason)) => turn.fail(no, reason),
            Some(Ok(child)) => {
                turn.change(no, |row| {
                    row.child = Some(child);
                    // a repeated task comes with the reason of the attempt before
                    row.reason = None;
                });
                turn.set_output(no, link_output(child));
            }
        }
    }
}

/// The version that a start would use now; without one the task will say so itself.
fn latest(turn: &Turn<'_>, map: &mut Mapping, name: &str) -> Result<Option<i32>, Halt> {
    match turn.cx.world.definition(name, None) {
        Known::Found { version, .. } => Ok(Some(version)),
        Known::Absent | Known::Unusable(_) => Ok(None),
        Known::NotLoaded => {
            map.wants_definition(name);
            // this decision is made again anyway
            Err(Halt::failed(format!("the definition '{name}' is not loaded")))
        }
    }
}

/// The child, as the row's input says.
fn wanted(turn: &Turn<'_>, row: &TaskState) -> Result<WantedRun, String> {
    let head = &turn.run.head;
    let given = |name: &str| row.input.get(name).filter(|value| !value.is_null());
    let mut input = match given("workflowInput") {
        Some(Value::Object(members)) if !members.is_empty() => members.clone(),
        _ => row.input.map().clone(),
    };
    let definition = match given("subWorkflowDefinition") {
        Some(whole) => {
            let def =
                parse_workflow(whole).map_err(|why| format!("Error reading subWorkflowDefinition. {why}"))?;
            if def.name.as_deref().is_none_or(|name| name.trim().is_empty()) {
                return Err("The definition of the sub-workflow has no name".to_owned());
            }
            input.insert("_systemMetadata".to_owned(), json!({"dynamic": true}));
            WantedDefinition::Inline(InlineDefinition::of(&def))
        }
        None => WantedDefinition::Registered {
            name: given("subWorkflowName").map(java::to_text).unwrap_or_default(),
            version: given("subWorkflowVersion").and_then(Value::as_i64).filter(|v| *v != 0).map(as_version),
        },
    };
    let task_to_domain = match given("subWorkflowTaskToDomain") {
        Some(Value::Object(domains)) => {
            domains.iter().map(|(task, domain)| (task.clone(), java::to_text(domain))).collect()
        }
        _ => head.extra.task_to_domain.clone(),
    };
    let priority = given("priority").and_then(Value::as_i64).unwrap_or(0).clamp(0, 99);
    Ok(WantedRun {
        id: turn.new_run_id(u64::from(row.no)),
        definition,
        input: Payload::from_map(input),
        correlation_id: head.correlation_id.as_ref().map(Arc::clone),
        priority: i16::try_from(priority).unwrap_or(0),
        extra: RunExtra {
            parent: Some(ParentLink { run: head.id, task: turn.run.task_id(row.no) }),
            task_to_domain,
            rehearsed: head.extra.rehearsed,
            ..RunExtra::default()
        },
    })
}

/// Versions are 32-bit numbers; one beyond them exists as little as the largest.
fn as_version(version: i64) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}
