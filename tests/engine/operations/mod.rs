//! What operators do, from outside: on every kind of run, against workers and timers, in bulk, and as the documented pipeline
//! does it.

mod cut_off;
mod inputs;
mod matrix;
mod races;
mod retry_flow;

use std::time::{Duration, Instant};

use podium_tests::support::client::Client;
use serde_json::{Value, json};

/// Tasks that only wait for others of their run.
const WATCHERS: [&str; 6] = ["JOIN", "DO_WHILE", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "SWITCH"];

fn simple(name: &str) -> Value {
    json!({"name": name, "taskReferenceName": name, "type": "SIMPLE"})
}

fn task(kind: &str, name: &str, more: &Value) -> Value {
    let mut task = json!({"name": name, "taskReferenceName": name, "type": kind});
    for (member, value) in more.as_object().into_iter().flatten() {
        task[member] = value.clone();
    }
    task
}

fn status(run: &Value) -> &str {
    run["status"].as_str().unwrap_or_default()
}

fn has_ended(run: &Value) -> bool {
    !matches!(status(run), "RUNNING" | "PAUSED")
}

/// Does everybody else's work until the run has ended: whatever an operator did, a run that is open can be brought to its end.
fn drive(client: &Client, id: &str, limit: Duration) -> anyhow::Result<Value> {
    let end = Instant::now() + limit;
    loop {
        let run = client.run(id)?;
        if has_ended(&run) {
            return Ok(run);
        }
        anyhow::ensure!(Instant::now() < end, "the run does not come to its end: {run}");
        if status(&run) == "PAUSED" {
            client.send("PUT", &format!("/api/workflow/{id}/resume"), &json!(null))?;
        }
        let open = run["tasks"].as_array().into_iter().flatten();
        let mut worked = false;
        for task in open.filter(|task| matches!(task["status"].as_str(), Some("SCHEDULED" | "IN_PROGRESS"))) {
            let kind = task["taskType"].as_str().unwrap_or_default();
            if WATCHERS.contains(&kind) {
                continue;
            }
            if kind == "SUB_WORKFLOW" {
                if let Some(child) = task["subWorkflowId"].as_str() {
                    drive(client, child, end.saturating_duration_since(Instant::now()))?;
                }
                continue;
            }
            // it may have ended meanwhile: the next look shows it
            let answer = client.report(task, "COMPLETED", &json!({}))?;
            anyhow::ensure!(answer.status < 500, "a report answered {}: {}", answer.status, answer.text());
            worked = true;
        }
        if !worked {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
