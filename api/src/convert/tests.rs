//! The hand-written JSON against what a genuine Conductor answered (recorded in `tests/conformance`).

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use podium_core::def::{TaskDef, WorkflowDef};
use podium_core::plan::{Plan, snapshot};
use podium_core::{NewRun, Payload, RunExtra, RunId, RunState, TaskState, TaskStatus, TaskTable, Timestamp};
use podium_runtime::{FoundTask, RunView, TaskView, Waited};
use serde_json::{Value, json};
use utoipa::PartialSchema;

use super::workflow::brief;
use super::{
    TaskPage, signal_response_json, task_json, tasks_json, tasks_page_json, workflow_json,
    workflow_status_json,
};
use crate::dto::{self, ReturnStrategy, schema};

const START_MS: i64 = 1_700_000_000_000;

/// One step of a recorded scenario.
fn recorded(scenario: &str, step: &str) -> Value {
    let path = format!("{}/../tests/conformance/golden/{scenario}.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect("JSON");
    let steps = golden["steps"].as_array().expect("steps");
    steps.iter().find(|s| s["step"] == step).expect("the step")["json"].clone()
}

/// The run that scenario c056a starts: one SIMPLE task, every field of the request used.
fn shown() -> RunView {
    let stamp = |value: &mut Value| value["createTime"] = START_MS.into();
    let mut task_def = json!({
        "name": "t_{{unique}}", "retryCount": 0, "retryDelaySeconds": 0, "timeoutSeconds": 0,
        "responseTimeoutSeconds": 600, "ownerEmail": "kit@example.com", "createdBy": "",
    });
    let mut def = json!({
        "name": "w_{{unique}}", "version": 2, "schemaVersion": 2, "ownerEmail": "kit@example.com",
        "tasks": [{
            "name": "t_{{unique}}", "taskReferenceName": "t", "type": "SIMPLE",
            "inputParameters": {"a": "${workflow.input.a}", "all": "${workflow.input}"},
        }],
        "inputTemplate": {"a": "tpl", "b": {"c": 1}}, "inputParameters": ["a"], "variables": {"v": 1},
        "outputParameters": {"c": "${workflow.correlationId}", "p": "${workflow.priority}"},
    });
    stamp(&mut task_def);
    stamp(&mut def);
    let task_def: TaskDef = dto::task_def(&task_def).expect("readable");
    let def = dto::workflow_def(&def).expect("readable");
    let snapshot = snapshot(&def, &|_| Some(task_def.clone()));
    let plan = Arc::new(Plan::compile(&snapshot).expect("a plan"));

    let text = |text: &str| Arc::<str>::from(text);
    let domains = [("t_{{unique}}", "dom_{{unique}}"), ("*", "other")];
    let extra = RunExtra {
        task_to_domain: domains
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into_iter()
            .collect::<IndexMap<_, _>>(),
        ..RunExtra::default()
    };
    let now = Timestamp::from_millis(START_MS);
    let mut run = RunState::new(NewRun {
        id: RunId::new(now, 7, 0),
        snapshot: plan.hash,
        name: text("w_{{unique}}"),
        def_version: 2,
        variables: Payload::from_object_text(r#"{"v":1}"#),
        input: Payload::from_object_text(r#"{"x":1,"a":"tpl","b":{"c":1}}"#),
        correlation_id: Some(text("c-{{unique}}")),
        priority: 42,
        extra,
        now,
    });
    run.head.updated_at = now;
    run.tasks = TaskTable::from_rows([scheduled()]);
    RunView { run, plan }
}

fn scheduled() -> TaskState {
    let text = |text: &str| Arc::<str>::from(text);
    let now = Timestamp::from_millis(START_MS);
    TaskState {
        no: 1,
        seq: 1,
        ref_name: text("t"),
        task_type: text("t_{{unique}}"),
        def_name: text("t_{{unique}}"),
        status: TaskStatus::Scheduled,
        ready: true,
        available_at: now,
        attempt: 0,
        iteration: 0,
        poll_count: 0,
        domain: Some(text("dom_{{unique}}")),
        worker: None,
        scheduled_at: now,
        first_scheduled_at: now,
        started_at: None,
        ended_at: None,
        updated_at: Timestamp::default(),
        start_delay_s: 0,
        callback_after_s: 0,
        response_timeout_s: 600,
        reason: None,
        input: Payload::from_object_text(r#"{"a":"tpl","all":{"x":1,"a":"tpl","b":{"c":1}}}"#),
        output: Payload::empty(),
        retry_of: None,
        retried: false,
        executed: false,
        wait_until: None,
        child: None,
        sub_workflow_id: None,
        changed_in: 0,
    }
}

fn view(change: impl FnOnce(&mut TaskState)) -> TaskView {
    let shown = shown();
    let mut task = scheduled();
    change(&mut task);
    TaskView { run: brief(&shown.run.head), task: Arc::new(task), plan: shown.plan, branch: None }
}

fn written(view: &TaskView) -> Value {
    serde_json::from_slice(&task_json(view)).expect("JSON")
}

/// Puts the recordings' marks in the place of what is different in every run.
fn normalised(mut value: Value, ids: &[(String, &str)]) -> Value {
    match &mut value {
        Value::Number(n) if n.as_i64().is_some_and(|n| n >= 1_400_000_000_000) => return json!("<time>"),
        Value::String(text) => {
            if let Some((_, mark)) = ids.iter().find(|(id, _)| id == text) {
                return json!(mark);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = normalised(item.take(), ids)),
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                *member = if key == "queueWaitTime" { json!("<n>") } else { normalised(member.take(), ids) };
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    value
}

#[test]
fn a_workflow_is_written_as_conductor_writes_it() {
    let shown = shown();
    let id = shown.run.head.id;
    let ids = [(id.to_string(), "<id:1>"), (id.task(1).to_string(), "<id:2>")];
    let written: Value = serde_json::from_slice(&workflow_json(&shown, true)).expect("JSON");
    assert_eq!(normalised(written, &ids), recorded("search-metadata/c056a-start-request-all-fields", "3"));
}

#[test]
fn a_polled_task_has_the_recorded_members() {
    let polled = recorded("search-metadata/c056a-start-request-all-fields", "4")[0].clone();
    let now = Timestamp::from_millis(START_MS + 5);
    let view = view(|task| {
        task.status = TaskStatus::InProgress;
        task.poll_count = 1;
        task.worker = Some(Arc::from("kit-worker"));
        task.started_at = Some(now);
        task.updated_at = now;
    });
    let ids = [(view.run.id.to_string(), "<id:1>"), (view.run.id.task(1).to_string(), "<id:2>")];
    let mut written = normalised(written(&view), &ids);
    for elided in ["workflowTask", "taskDefinition"] {
        written[elided] = json!("<elided>");
    }
    assert_eq!(written, polled);
    let list: Value = serde_json::from_slice(&tasks_json(&[view.clone(), view])).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
}

#[test]
fn the_description_lists_exactly_the_members_that_are_written() {
    let everything = view(|task| {
        task.task_type = Arc::from("EVENT");
        task.input = Payload::from_object_text(r#"{"sink":"kafka:topic"}"#);
        task.retry_of = Some(1);
        task.reason = Some(Arc::from("why"));
        task.worker = Some(Arc::from("me"));
        task.child = Some(RunId::new(Timestamp::from_millis(1), 1, 0));
    });
    let huge =
        || Payload::from_object_text(format!(r#"{{"sink":"kafka:topic","x":"{}"}}"#, "x".repeat(3 << 20)));
    let mut huge = TaskView {
        task: Arc::new(TaskState { input: huge(), output: huge(), ..(*everything.task).clone() }),
        ..everything
    };
    let written_huge = written(&huge);
    let call = json!({"name": "w", "tasks": [{"name": "t", "taskReferenceName": "t", "type": "HTTP", "taskDefinition":
        {"name": "t", "isolationGroupId": "g", "executionNameSpace": "n"}}]});
    let call = dto::workflow_def(&call).expect("readable");
    let plan = Arc::new(Plan::compile(&snapshot(&call, &|_| None)).expect("a plan"));
    let grouped = |task: &mut TaskState| {
        task.task_type = Arc::from("HTTP");
        task.domain = Some(Arc::from("@n-g"));
    };
    let call = written(&TaskView { plan, ..view(grouped) });
    assert_eq!(call.get("domain"), None, "the end of its queue's name is no domain");
    let all: BTreeSet<_> = members(&written_huge).union(&members(&call)).cloned().collect();
    assert_eq!(all, described(&schema::Task::schema()), "Task");
    let id = huge.run.id.task(huge.task.no);
    assert_eq!((&written_huge["inputData"], &written_huge["outputData"]), (&json!({}), &json!({})));
    assert_eq!(written_huge["externalInputPayloadStoragePath"], json!(format!("{id}-input.json")));
    assert_eq!(written_huge["externalOutputPayloadStoragePath"], json!(format!("{id}-output.json")));
    Arc::make_mut(&mut huge.task).output = Payload::empty();
    assert_eq!(written(&huge).get("externalOutputPayloadStoragePath"), None);

    let mut shown = shown();
    let head = &mut shown.run.head;
    head.reason = Some(Arc::from("why"));
    let extra = Arc::make_mut(&mut head.extra);
    extra.parent = Some(podium_core::ParentLink { run: head.id, task: head.id.task(1) });
    extra.event = Some("e".to_owned());
    extra.rerun_of = Some("r".to_owned());
    extra.external_input = Some("i".to_owned());
    extra.external_output = Some("o".to_owned());
    let (key, state) = ("k".to_owned(), podium_core::SlotState::Waits);
    extra.slot = Some(Box::new(podium_core::RunSlot { key, at_once: 1, stint: 1, state }));
    let workflow: Value = serde_json::from_slice(&workflow_json(&shown, false)).expect("JSON");
    assert_eq!(members(&workflow), described(&schema::Workflow::schema()), "Workflow");
    assert_eq!((&workflow["rateLimited"], &workflow["rateLimitKey"]), (&json!(true), &json!("k")));
    assert_eq!((&workflow["tasks"], &workflow["input"]), (&json!([]), &json!({})));

    let status: Value = serde_json::from_slice(&workflow_status_json(&shown, true, true)).expect("JSON");
    assert_eq!(members(&status), described(&schema::WorkflowStatus::schema()), "WorkflowStatus");
}

#[test]
fn the_answer_of_a_waiting_call_has_the_described_members() {
    let shown = shown();
    let head = &shown.run.head;
    let task = TaskState {
        retry_of: Some(1),
        reason: Some(Arc::from("why")),
        worker: Some(Arc::from("me")),
        ..scheduled()
    };
    let ids = (head.id.to_string(), head.id.task(task.no).to_string());
    let blocked = FoundTask { run: shown.clone(), task: Arc::new(task) };
    let waited = |blocked| Waited { target: shown.clone(), blocked, timed_out: true };
    let written = |waited: &Waited, strategy| {
        let text = signal_response_json(waited, strategy, "r")?;
        Some(serde_json::from_slice::<Value>(&text).expect("JSON"))
    };
    let all = waited(Some(blocked));
    let of_run = written(&all, ReturnStrategy::BlockingWorkflow).expect("an answer");
    let of_task = written(&all, ReturnStrategy::BlockingTask).expect("an answer");
    let both: BTreeSet<_> = members(&of_run).union(&members(&of_task)).cloned().collect();
    assert_eq!(both, described(&dto::SignalResponse::schema()), "SignalResponse");
    assert_eq!((&of_task["workflowId"], &of_task["taskId"]), (&json!(ids.0), &json!(ids.1)));
    assert_eq!((&of_task["signalTimeout"], &of_task["requestId"]), (&json!(true), &json!("r")));

    let still = waited(None);
    assert_eq!(written(&still, ReturnStrategy::BlockingTaskInput), None);
    let target = written(&still, ReturnStrategy::BlockingWorkflow).expect("the target stands for it");
    assert_eq!(target["workflowId"], target["targetWorkflowId"]);
}

#[test]
fn the_description_lists_the_members_of_definitions() {
    let text = || Some("x".to_owned());
    let def = TaskDef {
        owner_app: text(),
        created_by: text(),
        updated_by: text(),
        name: text(),
        description: text(),
        concurrent_exec_limit: Some(1),
        isolation_group_id: text(),
        execution_name_space: text(),
        owner_email: text(),
        poll_timeout_seconds: Some(1),
        base_type: text(),
        input_schema: Some(json!({})),
        output_schema: Some(json!({})),
        ..TaskDef::default()
    };
    let def = serde_json::to_value(def).expect("JSON");
    assert_eq!(members(&def), described(&schema::TaskDef::schema()), "TaskDef");

    let all = recorded("search-metadata/c051b-workflowdef-all-fields", "1");
    assert_eq!(members(&all), described(&schema::WorkflowDef::schema()), "WorkflowDef");
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

fn described(schema: &impl serde::Serialize) -> BTreeSet<String> {
    members(&serde_json::to_value(schema).expect("JSON")["properties"])
}

#[test]
fn a_skipped_task_shows_neither_workflow_nor_rate_limit() {
    let task = written(&view(|task| task.status = TaskStatus::Skipped));
    assert_eq!(task.get("workflowType"), None);
    assert_eq!(task["rateLimitFrequencyInSeconds"], 0);
    let system = written(&view(|task| task.task_type = Arc::from("SWITCH")));
    assert_eq!(system["rateLimitFrequencyInSeconds"], 0);
}

#[test]
fn a_task_that_the_definition_does_not_have_shows_what_it_is() {
    let task = written(&view(|task| task.ref_name = Arc::from("dynamic")));
    assert_eq!(task["taskDefinition"], Value::Null);
    assert!(task.as_object().expect("object").contains_key("taskDefinition"));
    assert_eq!(task["workflowTask"]["taskReferenceName"], "dynamic");
    assert_eq!(task["workflowTask"]["type"], "SIMPLE");
}

#[test]
fn the_child_may_be_named_by_a_payload() {
    let said = written(&view(|task| {
        task.output = Payload::from_object_text(r#"{"subWorkflowId":"sub-x"}"#);
        task.sub_workflow_id = Some("sub-y".into());
    }));
    assert_eq!(said["subWorkflowId"], "sub-y");
    let task = written(&view(|task| task.output = Payload::from_object_text(r#"{"subWorkflowId":"sub-x"}"#)));
    assert_eq!(task["subWorkflowId"], "sub-x");
    let task =
        written(&view(|task| task.output = Payload::from_object_text(r#"{"a":{"subWorkflowId":"no"}}"#)));
    assert_eq!(task.get("subWorkflowId"), None);
}

#[test]
fn a_reason_is_cut_after_500_characters() {
    let task = written(&view(|task| task.reason = Some(Arc::from("é".repeat(600)))));
    assert_eq!(task["reasonForIncompletion"].as_str().map(|s| s.chars().count()), Some(500));
}

#[test]
fn waiting_for_a_worker_is_measured_from_the_schedule() {
    let waited =
        |change: fn(&mut TaskState)| written(&view(change))["queueWaitTime"].as_i64().expect("a number");
    assert_eq!(waited(|_| {}), 0);
    assert_eq!(waited(|task| task.started_at = Some(Timestamp::from_millis(START_MS + 30))), 30);
    let callback = |task: &mut TaskState| {
        task.started_at = Some(Timestamp::from_millis(START_MS));
        task.updated_at = super::Clock.now();
        task.callback_after_s = 600;
    };
    assert_eq!(waited(callback), 0);
}

#[test]
fn a_page_of_tasks_counts_all_that_match() {
    let mut shown = shown();
    shown.run.tasks = TaskTable::from_rows((1..=3).map(|no| TaskState {
        no,
        seq: i32::try_from(no).expect("small"),
        ref_name: Arc::from(format!("t{no}")),
        status: if no < 3 { TaskStatus::Completed } else { TaskStatus::Scheduled },
        ..scheduled()
    }));
    let page = |start, count, statuses: &[&str]| {
        let statuses = statuses.iter().map(|s| (*s).to_owned()).collect();
        let text = tasks_page_json(&shown, &TaskPage { start, count, statuses }).map_err(|e| e.status())?;
        let page: Value = serde_json::from_slice(&text).expect("JSON");
        let names =
            page["results"].as_array().expect("results").iter().map(|t| t["referenceTaskName"].clone());
        Ok((page["totalHits"].as_i64().expect("a number"), names.collect::<Vec<_>>()))
    };
    assert_eq!(page(1, 1, &[]), Ok((3, vec![json!("t2")])));
    assert_eq!(page(9, 15, &[]), Ok((3, vec![])));
    assert_eq!(page(0, 15, &["completed"]), Ok((2, vec![json!("t1"), json!("t2")])));
    assert_eq!(page(0, 15, &["NOPE"]), Ok((0, vec![])));
    assert_eq!(page(-1, 15, &[]), Err(axum::http::StatusCode::BAD_REQUEST));
    assert_eq!(page(0, -1, &[]), Err(axum::http::StatusCode::BAD_REQUEST));
}

#[test]
fn an_open_run_with_a_fault_says_why_it_does_not_go_on() {
    let mut shown = shown();
    Arc::make_mut(&mut shown.run.head.extra).fault = Some("it broke".to_owned());
    let written: Value = serde_json::from_slice(&workflow_json(&shown, false)).expect("JSON");
    assert_eq!(
        (&written["status"], &written["reasonForIncompletion"]),
        (&json!("RUNNING"), &json!("it broke"))
    );
}

#[test]
fn what_the_definition_wants_hidden_is_hidden_from_people() {
    let mut run = shown();
    let def = WorkflowDef { masked_fields: vec!["b".to_owned(), "v".to_owned()], ..run.plan.def().clone() };
    run.plan = Arc::new(Plan::compile(&snapshot(&def, &|_| None)).expect("a plan"));
    let read = |text: Vec<u8>| -> Value { serde_json::from_slice(&text).expect("JSON") };
    let body = read(workflow_json(&run, true));
    assert_eq!(body["input"], json!({"x": 1, "a": "tpl", "b": "***"}));
    assert_eq!(body["variables"], json!({"v": "***"}));
    let input = json!({"a": "tpl", "all": {"x": 1, "a": "tpl", "b": "***"}});
    assert_eq!(body["tasks"][0]["inputData"], input);
    let task = run.run.tasks.latest("t").expect("a row").clone();
    let head = &run.run.head;
    let brief = brief(head);
    let view = TaskView { run: brief, task, plan: run.plan.clone(), branch: None };
    assert_eq!(read(task_json(&super::shown_task(&view)))["inputData"], input);
    assert_eq!(read(task_json(&view))["inputData"]["all"]["b"], json!({"c": 1}), "workers get what there is");
}
