//! What the services counted over the latest workflows: valid and invalid rows by reason.
//!
//! A workflow that has ended is read once: what it counted is kept in memory until the search tells something else of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as FromState};
use axum::response::Response;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::engine::Latest;
use super::super::events::fetch;
use super::{State, answer, engine_problem, problem};

/// Workflows of one summary.
const MOST: usize = 100;
const USUAL: usize = 20;
/// Names of deployments whose workflows count.
const NAMES: i64 = 100;
/// Questions to engine and stores at a time.
const AT_ONCE: usize = 8;
/// Workflows whose counts are kept.
const KEPT: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    limit: Option<usize>,
}

/// What one service counted.
#[derive(Clone, Debug, Default)]
struct Tally {
    valid: u64,
    invalid: u64,
    /// Of jobs, which judge no rows.
    records: u64,
    reasons: BTreeMap<String, u64>,
    values: BTreeMap<(String, String), u64>,
}

/// A task that left counts or a file of statistics.
#[derive(Clone, Debug)]
struct Counted {
    workflow_id: String,
    service: String,
    at: Value,
    tally: Tally,
    /// Why its file cannot be read.
    unread: Option<String>,
}

/// What ended workflows counted, each with what the search told of it.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<String, (Value, Vec<Counted>)>>);

impl Kept {
    fn of(&self, run: &Latest) -> Option<Vec<Counted>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&run.id).filter(|(told, _)| *told == run.told).map(|(_, counted)| counted.clone())
    }

    fn keep(&self, run: &Latest, counted: &[Counted]) {
        if !run.has_ended || counted.iter().any(|task| task.unread.is_some()) {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            // the latest ones are asked for again and come back at once
            kept.clear();
        }
        kept.insert(run.id.clone(), (run.told.clone(), counted.to_vec()));
    }
}

/// Sums up the latest workflows that were deployed here; of any, if none were.
pub(super) async fn summary(
    FromState(state): FromState<State>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let Ok(Query(which)) = which else { return problem(422, "limit is no number") };
    let limit = which.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return problem(422, format!("limit is 1 to {MOST}, not {limit}"));
    }
    let names = match state.deployer.ledger.deployed_names(NAMES).await {
        Ok(names) => names,
        Err(error) => return problem(503, error.to_string()),
    };
    // the query's own characters would end the list
    let plain = |name: &String| name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    let names: Vec<String> = names.into_iter().filter(plain).collect();
    let latest = match state.deployer.engine.latest(&names, limit).await {
        Ok(latest) => latest,
        Err(error) => return engine_problem(&error),
    };
    let workflows = latest.len();
    let counted = stream::iter(latest).map(|run| {
        let state = state.clone();
        async move { of_run(&state, &run).await }
    });
    let counted: Vec<Option<Vec<Counted>>> = counted.buffered(AT_ONCE).collect().await;
    let unread = counted.iter().filter(|counted| counted.is_none()).count();
    let counted: Vec<Counted> = counted.into_iter().flatten().flatten().collect();
    answer(200, &summed(counted, workflows, unread))
}

/// What the tasks of a workflow counted; `None` if the engine does not tell.
async fn of_run(state: &State, run: &Latest) -> Option<Vec<Counted>> {
    if let Some(counted) = state.counted.of(run) {
        return Some(counted);
    }
    let found = state.deployer.engine.run(&run.id).await.ok()?;
    let mut counted = Vec::new();
    for (mut task, url) in found.iter().flat_map(tasks_of) {
        if let Some(url) = url {
            task.add(fetch(&state.settings, &url).await);
        }
        counted.push(task);
    }
    state.counted.keep(run, &counted);
    Some(counted)
}

/// The tasks of a run that counted something, with the addresses of their statistics.
fn tasks_of(run: &Value) -> Vec<(Counted, Option<String>)> {
    let workflow_id = run.get("workflowId").and_then(Value::as_str).unwrap_or_default();
    let tasks = run.get("tasks").and_then(Value::as_array).into_iter().flatten();
    let one = |task: &Value| {
        let output = task.get("outputData")?.as_object()?;
        let number = |name: &str| output.get(name).and_then(Value::as_u64);
        let (valid, invalid) = (number("processedRecords"), number("failedRecords"));
        let url = output.get("stats_url").and_then(Value::as_str).filter(|url| !url.is_empty());
        if url.is_none() && valid.is_none() && invalid.is_none() {
            return None;
        }
        // a job's stage is that of the monitor; which job it was says the file, or else the task
        let stage = output.get("pipelineStage").and_then(Value::as_str);
        let stage = stage.filter(|stage| *stage != "airflow_processing");
        let reference = task.get("referenceTaskName").and_then(Value::as_str).unwrap_or_default();
        let tally = Tally {
            valid: valid.unwrap_or_default(),
            invalid: invalid.unwrap_or_default(),
            ..Tally::default()
        };
        let task = Counted {
            workflow_id: workflow_id.to_owned(),
            service: stage.unwrap_or(reference).to_owned(),
            at: task.get("endTime").cloned().unwrap_or_default(),
            tally,
            unread: None,
        };
        Some((task, url.map(str::to_owned)))
    };
    tasks.filter_map(one).collect()
}

impl Counted {
    /// Adds what a file of statistics (JSON lines) says; the completion's own counts are there without it too.
    fn add(&mut self, content: Result<String, String>) {
        let text = match content {
            Ok(text) => text,
            Err(reason) => {
                self.unread = Some(reason);
                return;
            }
        };
        let tally = &mut self.tally;
        for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let word = |name: &str| line.get(name).and_then(Value::as_str);
            let number = |name: &str| line.get(name).and_then(Value::as_u64);
            if let Some(job) = word("job") {
                job.clone_into(&mut self.service);
            }
            let count = number("count").unwrap_or_default();
            if let Some(reason) = word("reason") {
                *tally.reasons.entry(reason.to_owned()).or_default() += count;
            } else if let (Some(field), Some(value)) =
                (word("field").or_else(|| word("column")), word("value"))
            {
                *tally.values.entry((field.to_owned(), value.to_owned())).or_default() += count;
            } else {
                tally.records += number("records").unwrap_or_default();
            }
        }
    }
}

fn summed(counted: Vec<Counted>, workflows: usize, unread_workflows: usize) -> Value {
    let mut services: BTreeMap<String, (Tally, u64, BTreeSet<String>)> = BTreeMap::new();
    let (mut points, mut unread) = (Vec::new(), Vec::new());
    for task in counted {
        let Counted { workflow_id, service, at, tally, unread: why } = task;
        if let Some(why) = why {
            unread.push(json!({"workflow_id": workflow_id, "service": service, "error": why}));
        }
        points.push(json!({"workflow_id": workflow_id, "service": service, "at": at, "valid": tally.valid,
            "invalid": tally.invalid, "records": tally.records}));
        let (all, tasks, of) = services.entry(service).or_default();
        *tasks += 1;
        of.insert(workflow_id);
        all.valid += tally.valid;
        all.invalid += tally.invalid;
        all.records += tally.records;
        for (reason, count) in tally.reasons {
            *all.reasons.entry(reason).or_default() += count;
        }
        for (value, count) in tally.values {
            *all.values.entry(value).or_default() += count;
        }
    }
    let services = services.into_iter().map(|(service, (tally, tasks, of))| {
        let reasons = tally.reasons.iter().map(|(reason, count)| json!({"reason": reason, "count": count}));
        let values = tally.values.iter();
        let values =
            values.map(|((field, value), count)| json!({"field": field, "value": value, "count": count}));
        json!({"service": service, "workflows": of.len(), "tasks": tasks, "valid": tally.valid,
            "invalid": tally.invalid, "records": tally.records, "reasons": reasons.collect::<Vec<_>>(),
            "values": values.collect::<Vec<_>>()})
    });
    json!({"workflows": workflows, "unread_workflows": unread_workflows, "services": services.collect::<Vec<_>>(),
        "points": points, "unread": unread})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{summed, tasks_of};

    #[test]
    fn counts_come_from_completions_and_reasons_from_files() {
        let run = json!({"workflowId": "w", "tasks": [
            {"referenceTaskName": "email_validation", "outputData": {"partition": 0}},
            {"referenceTaskName": "wait_for_email_validation_completion", "endTime": 5, "outputData": {
                "pipelineStage": "email_validation", "processedRecords": 8, "failedRecords": 3, "stats_url": "minio://b/k"}},
            {"referenceTaskName": "wait_for_phone_validation_completion", "endTime": 6, "outputData": {
                "pipelineStage": "phone_validation", "processedRecords": 1, "failedRecords": 0}},
            {"referenceTaskName": "wait_for_name_parse_completion", "endTime": 7, "outputData": {
                "pipelineStage": "airflow_processing", "stats_url": "minio://b/n"}},
        ]});
        let mut tasks = tasks_of(&run);
        assert_eq!(
            tasks.iter().map(|(_, url)| url.as_deref()).collect::<Vec<_>>(),
            [Some("minio://b/k"), None, Some("minio://b/n")]
        );
        tasks[0].0.add(Ok("{\"validator\":\"email\",\"rows\":11,\"valid\":8,\"invalid\":3}\n\
            {\"validator\":\"email\",\"reason\":\"empty\",\"count\":1,\"first_row\":2}\n\
            {\"validator\":\"email\",\"reason\":\"pattern\",\"count\":2,\"first_row\":3}\nno JSON\n"
            .to_owned()));
        tasks[2].0.add(Ok("{\"job\":\"name_parse\",\"records\":10}\n\
            {\"job\":\"name_parse\",\"field\":\"gender\",\"value\":\"F\",\"count\":4}\n"
            .to_owned()));
        let found: Vec<_> = tasks.into_iter().map(|(task, _)| task).collect();
        let sum = summed(found, 1, 0);
        let service = |name: &str| -> Value {
            sum["services"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|s| s["service"] == name)
                .cloned()
                .unwrap_or_default()
        };
        assert_eq!(
            service("email_validation"),
            json!({"service": "email_validation", "workflows": 1, "tasks": 1, "valid": 8, "invalid": 3, "records": 0, "values": [],
                "reasons": [{"reason": "empty", "count": 1}, {"reason": "pattern", "count": 2}]})
        );
        assert_eq!(service("phone_validation")["valid"], 1);
        assert_eq!(service("name_parse")["records"], 10);
        assert_eq!(service("name_parse")["values"], json!([{"field": "gender", "value": "F", "count": 4}]));
        assert_eq!(sum["points"][0]["at"], 5);
    }
}
