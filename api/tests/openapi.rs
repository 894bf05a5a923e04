//! The committed OpenAPI document is the one that the handlers make.

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/podium.json");

#[test]
fn openapi_is_the_committed_document() {
    let made = podium_api::openapi_json();
    let committed = std::fs::read_to_string(COMMITTED).expect("openapi/podium.json is readable");
    if made != committed {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/podium.json");
        std::fs::write(fresh, made).expect("the build folder takes files");
        panic!("openapi/podium.json is out of date; `podium openapi` prints it, and it is in {fresh}");
    }
}

#[test]
fn openapi_refers_only_to_what_it_has() {
    let document: serde_json::Value = serde_json::from_str(&podium_api::openapi_json()).expect("JSON");
    let mut missing = Vec::new();
    let mut todo = vec![&document];
    while let Some(value) = todo.pop() {
        match value {
            serde_json::Value::Array(items) => todo.extend(items),
            serde_json::Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(|r| r.as_str()) {
                    let pointer = reference.trim_start_matches('#');
                    if document.pointer(pointer).is_none() {
                        missing.push(reference.to_owned());
                    }
                }
                todo.extend(members.values());
            }
            _ => {}
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn openapi_has_every_operation_of_this_part() {
    let document: serde_json::Value = serde_json::from_str(&podium_api::openapi_json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations: Vec<String> = Vec::new();
    for (path, item) in paths {
        for method in ["get", "put", "post", "delete"] {
            if let Some(operation) = item.get(method) {
                assert!(
                    operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
                    "{method} {path} says what it does"
                );
                operations.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    operations.sort();
    let expected = [
        "DELETE /api/event/{event}",
        "DELETE /api/metadata/taskdefs/{tasktype}",
        "DELETE /api/metadata/workflow/{name}/{version}",
        "DELETE /api/scheduler/schedules/{name}",
        "DELETE /api/workflow/bulk/remove",
        "DELETE /api/workflow/bulk/terminate-remove",
        "DELETE /api/workflow/{workflowId}",
        "DELETE /api/workflow/{workflowId}/remove",
        "DELETE /api/workflow/{workflowId}/terminate-remove",
        "GET /api/admin/config",
        "GET /api/admin/queues",
        "GET /api/admin/task/{tasktype}",
        "GET /api/environment",
        "GET /api/environment/{key}",
        "GET /api/event",
        "GET /api/event/{event}",
        "GET /api/health",
        "GET /api/metadata/taskdefs",
        "GET /api/metadata/taskdefs/{tasktype}",
        "GET /api/metadata/workflow",
        "GET /api/metadata/workflow/latest-versions",
        "GET /api/metadata/workflow/names",
        "GET /api/metadata/workflow/names-and-versions",
        "GET /api/metadata/workflow/{name}",
        "GET /api/metadata/workflow/{name}/versions",
        "GET /api/queue/",
        "GET /api/queue/size",
        "GET /api/scheduler/admin/pause",
        "GET /api/scheduler/admin/requeue",
        "GET /api/scheduler/admin/resume",
        "GET /api/scheduler/nextFewSchedules",
        "GET /api/scheduler/schedules",
        "GET /api/scheduler/schedules/search",
        "GET /api/scheduler/schedules/{name}",
        "GET /api/scheduler/search/executions",
        "GET /api/secrets",
        "GET /api/tasks/poll/batch/{tasktype}",
        "GET /api/tasks/poll/{tasktype}",
        "GET /api/tasks/queue/all",
        "GET /api/tasks/queue/all/verbose",
        "GET /api/tasks/queue/polldata",
        "GET /api/tasks/queue/polldata/all",
        "GET /api/tasks/queue/size",
        "GET /api/tasks/queue/sizes",
        "GET /api/tasks/search",
        "GET /api/tasks/search-v2",
        "GET /api/tasks/{taskId}",
        "GET /api/tasks/{taskId}/log",
        "GET /api/version",
        "GET /api/workflow/running/{name}",
        "GET /api/workflow/search",
        "GET /api/workflow/search-by-tasks",
        "GET /api/workflow/search-by-tasks-v2",
        "GET /api/workflow/search-v2",
        "GET /api/workflow/{workflowId}",
        "GET /api/workflow/{workflowId}/correlated/{correlationId}",
        "GET /api/workflow/{workflowId}/status",
        "GET /api/workflow/{workflowId}/tasks",
        "GET /health",
        "GET /health/live",
        "GET /health/ready",
        "POST /api/admin/consistency/verifyAndRepair/{workflowId}",
        "POST /api/admin/sweep/requeue/{workflowId}",
        "POST /api/event",
        "POST /api/metadata/taskdefs",
        "POST /api/metadata/workflow",
        "POST /api/metadata/workflow/validate",
        "POST /api/queue/update/{workflowId}/task/{taskId}/{status}",
        "POST /api/queue/update/{workflowId}/{taskRefName}/{status}",
        "POST /api/scheduler/schedules",
        "POST /api/tasks",
        "POST /api/tasks/queue/requeue/{taskType}",
        "POST /api/tasks/update-v2",
        "POST /api/tasks/{taskId}/log",
        "POST /api/tasks/{workflowId}/{taskRefName}/{status}",
        "POST /api/tasks/{workflowId}/{taskRefName}/{status}/sync",
        "POST /api/workflow",
        "POST /api/workflow/bulk/restart",
        "POST /api/workflow/bulk/retry",
        "POST /api/workflow/bulk/search",
        "POST /api/workflow/bulk/terminate",
        "POST /api/workflow/{workflowId}",
        "POST /api/workflow/{workflowId}/correlated",
        "POST /api/workflow/{workflowId}/rerun",
        "POST /api/workflow/{workflowId}/resetcallbacks",
        "POST /api/workflow/{workflowId}/restart",
        "POST /api/workflow/{workflowId}/retry",
        "PUT /api/event",
        "PUT /api/metadata/taskdefs",
        "PUT /api/metadata/workflow",
        "PUT /api/scheduler/bulk/pause",
        "PUT /api/scheduler/bulk/resume",
        "PUT /api/scheduler/schedules/{name}/pause",
        "PUT /api/scheduler/schedules/{name}/resume",
        "PUT /api/workflow/bulk/pause",
        "PUT /api/workflow/bulk/resume",
        "PUT /api/workflow/decide/{workflowId}",
        "PUT /api/workflow/{workflowId}/pause",
        "PUT /api/workflow/{workflowId}/resume",
        "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}",
    ];
    assert_eq!(operations, expected);
}
