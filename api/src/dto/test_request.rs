//! `WorkflowTestRequest`: what it has beyond a start request (contract §2.1 test, §9).

use std::collections::HashMap;

use podium_core::def::lenient;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ResultStatus;

/// The results that tasks are to have.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WorkflowTestRequest {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(crate) task_ref_to_mock_output: HashMap<String, Option<Vec<TaskMock>>>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(crate) sub_workflow_test_request: HashMap<String, Option<WorkflowTestRequest>>,
}

/// One result. Its `executionTime` and `queueWaitTime` are not read: a task's times are when things happened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TaskMock {
    pub(crate) status: Option<ResultStatus>,
    pub(crate) output: Option<Map<String, Value>>,
}
