//! Requests to start a workflow (contract §5.17, §4.4).

use podium_core::Payload;
use podium_runtime::{Definition, StartRequest};

use crate::dto::StartWorkflowRequest;
use crate::error::ApiError;

const PRIORITIES: std::ops::RangeInclusive<i32> = 0..=99;

/// Which definition a request means, before an inline one is read.
#[derive(Debug)]
pub(crate) enum Wanted {
    Registered,
    Inline(serde_json::Value),
}

/// Checks everything about a request that needs no definition, and takes its inline definition out.
pub(crate) fn definition_of(request: &mut StartWorkflowRequest) -> Result<Wanted, ApiError> {
    let Some(name) = &request.name else {
        return Err(ApiError::violation(
            "startWorkflow.arg0.name",
            "Workflow name cannot be null or empty",
            None,
        ));
    };
    check_request_priority(request.priority.unwrap_or(0))?;
    let inline = request.workflow_def.take().filter(|def| !def.is_null());
    if inline.is_none() && name.trim().is_empty() {
        return Err(ApiError::bad_request("Workflow name must be specified when searching for a definition"));
    }
    if request.input.is_none() && request.external_input_payload_storage_path.is_none() {
        return Err(ApiError::bad_request("NULL input passed when starting workflow"));
    }
    Ok(inline.map_or(Wanted::Registered, Wanted::Inline))
}

/// The engine's request. With an inline definition the outer name and version do not count.
pub(crate) fn start(
    request: StartWorkflowRequest,
    inline: Option<podium_core::def::WorkflowDef>,
) -> StartRequest {
    let definition = match inline {
        Some(def) => Definition::Inline(Box::new(def)),
        None => Definition::Registered { name: request.name.unwrap_or_default(), version: request.version },
    };
    StartRequest {
        definition,
        input: request.input.map_or_else(Payload::empty, Payload::from_map),
        correlation_id: request.correlation_id,
        priority: i16::try_from(request.priority.unwrap_or(0)).unwrap_or_default(),
        task_to_domain: request.task_to_domain,
        event: None,
        external_input: request.external_input_payload_storage_path,
    }
}

fn check_request_priority(priority: i32) -> Result<(), ApiError> {
    if PRIORITIES.contains(&priority) {
        return Ok(());
    }
    let bound = if priority < 0 { "minimum 0" } else { "maximum 99" };
    let message = format!("priority: {priority} should be {bound}");
    Err(ApiError::violation("startWorkflow.arg0.priority", &message, Some(priority.to_string())))
}

/// The priority of a start by name.
pub(crate) fn check_priority(priority: i32) -> Result<i16, ApiError> {
    match i16::try_from(priority) {
        Ok(checked) if PRIORITIES.contains(&priority) => Ok(checked),
        _ => {
            let bound = if priority < 0 {
                "0 is the minimum priority value"
            } else {
                "99 is the maximum priority value"
            };
            Err(ApiError::violation("startWorkflow.arg3", bound, Some(priority.to_string())))
        }
    }
}
