//! The calls that tests make, as a client of the REST API.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::http::{self, Answer};
use super::wait;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
}

impl Client {
    pub fn new(base: &str) -> Client {
        Client { base: base.to_owned() }
    }

    /// Any call with a JSON body; no status is expected.
    pub fn send(&self, method: &str, target: &str, body: &Value) -> anyhow::Result<Answer> {
        http::send_json(&self.base, method, target, body).with_context(|| format!("{method} {target}"))
    }

    pub fn get(&self, target: &str) -> anyhow::Result<Answer> {
        http::get(&self.base, target).with_context(|| format!("GET {target}"))
    }

    pub fn register_task_defs(&self, definitions: &Value) -> anyhow::Result<()> {
        self.send("POST", "/api/metadata/taskdefs", definitions)?.ok().map(drop)
    }

    pub fn register_workflow(&self, definition: &Value) -> anyhow::Result<()> {
        self.send("POST", "/api/metadata/workflow", definition)?.ok().map(drop)
    }

    /// Starts a run of the newest version; returns its id.
    pub fn start(&self, name: &str, input: &Value) -> anyhow::Result<String> {
        Ok(self.send("POST", &format!("/api/workflow/{name}"), input)?.ok()?.text())
    }

    /// The run with its tasks.
    pub fn run(&self, id: &str) -> anyhow::Result<Value> {
        self.get(&format!("/api/workflow/{id}?includeTasks=true"))?.ok()?.json()
    }

    /// Tasks of a type, leased to `worker`; waits at most 100 ms for the first.
    pub fn poll(&self, task_type: &str, count: usize, worker: &str) -> anyhow::Result<Vec<Value>> {
        let target = format!("/api/tasks/poll/batch/{task_type}?workerid={worker}&count={count}&timeout=100");
        let answer = self.get(&target)?.ok()?;
        if answer.body.is_empty() {
            return Ok(Vec::new());
        }
        Ok(answer.json()?.as_array().cloned().unwrap_or_default())
    }

    /// Reports a polled task as COMPLETED with this output.
    pub fn complete(&self, task: &Value, output: &Value) -> anyhow::Result<()> {
        self.report(task, "COMPLETED", output)?.ok().map(drop)
    }

    /// Reports a polled task; no status is expected.
    pub fn report(&self, task: &Value, status: &str, output: &Value) -> anyhow::Result<Answer> {
        let body = json!({"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"],
            "status": status, "workerId": "test-worker", "outputData": output});
        self.send("POST", "/api/tasks", &body)
    }

    /// Waits until the run has this status; returns it.
    pub fn wait_for(&self, id: &str, status: &str, limit: Duration) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        let found = wait::until(&format!("run {id} to be {status}"), limit, || {
            last = self.run(id)?;
            Ok((last["status"] == status).then(|| last.clone()))
        });
        found.with_context(|| format!("it is {}, its tasks: {}", last["status"], brief(&last)))
    }

    /// Waits until a task with that reference name has this status; returns it.
    pub fn wait_for_task(
        &self,
        id: &str,
        reference: &str,
        status: &str,
        limit: Duration,
    ) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        let found = wait::until(&format!("{reference} of run {id} to be {status}"), limit, || {
            last = self.run(id)?;
            let tasks = last["tasks"].as_array().into_iter().flatten();
            let mut tasks = tasks.filter(|t| t["referenceTaskName"] == reference);
            Ok(tasks.find(|t| t["status"] == status).cloned())
        });
        found.with_context(|| format!("the run is {}, its tasks: {}", last["status"], brief(&last)))
    }
}

/// The tasks of a run, one word each.
fn brief(run: &Value) -> String {
    let tasks = run["tasks"].as_array().into_iter().flatten();
    let words = tasks.map(|t| format!("{}={}", t["referenceTaskName"], t["status"]));
    words.collect::<Vec<_>>().join(" ").replace('"', "")
}
