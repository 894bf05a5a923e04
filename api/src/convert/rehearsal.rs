//! The made-up results of a test request (contract §9, "test").

use podium_core::{Payload, TaskStatus};
use podium_runtime::{Rehearsal, RehearsedResult};

use crate::dto::{TaskMock, WorkflowTestRequest};
use crate::error::ApiError;

/// What the engine is to play. Errors: 400 for a result without an output.
pub(crate) fn rehearsal(request: WorkflowTestRequest) -> Result<Rehearsal, ApiError> {
    let mut rehearsal = Rehearsal::default();
    for (name, mocks) in request.task_ref_to_mock_output {
        let results = mocks.unwrap_or_default().into_iter().map(|mock| result(&name, mock));
        let results = results.collect::<Result<_, _>>()?;
        rehearsal.results.insert(name, results);
    }
    for (name, child) in request.sub_workflow_test_request {
        if let Some(child) = child {
            rehearsal.children.insert(name, self::rehearsal(child)?);
        }
    }
    Ok(rehearsal)
}

fn result(name: &str, mock: TaskMock) -> Result<RehearsedResult, ApiError> {
    let Some(output) = mock.output else {
        return Err(ApiError::bad_request(format!(
            "taskRefToMockOutput of {name}: every entry needs an output, which may be {{}}"
        )));
    };
    let status = mock.status.map_or(TaskStatus::Completed, |status| status.task_status());
    Ok(RehearsedResult { status, output: Payload::from_map(output) })
}
