//! Taking up a failed workflow, and looking at one.

use axum::body::Bytes;
use axum::extract::{Path, State as FromState};
use axum::response::Response;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::super::engine::EngineError;
use super::super::events::fetch;
use super::super::live::News;
use super::super::restart;
use super::{State, answer, engine_problem, problem};

/// Posts the payload of an offer to the engine. Of `rerun_url` only the workflow counts: whatever host it names, the
/// configured engine is called.
pub(super) async fn retry(FromState(state): FromState<State>, body: Bytes) -> Response {
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return problem(422, format!("the body is no JSON: {error}")),
    };
    let url = body.get("rerun_url").and_then(Value::as_str).unwrap_or_default();
    if url.is_empty() {
        return problem(400, "rerun_url is required in payload");
    }
    let Some(id) = workflow_of(url) else {
        return problem(400, format!("rerun_url {url:?} does not end with /api/workflow/<id>/rerun"));
    };
    let mut payload = match body.get("payload") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(payload)) => payload.clone(),
        Some(_) => return problem(422, "payload is no object"),
    };
    if let Err(refused) = look_up(&state, &id, &mut payload).await {
        return refused;
    }
    match state.deployer.engine.rerun(&id, &Value::Object(payload)).await {
        Ok(text) => {
            state.hub.publish(&id, News::Resumed);
            state.watch.follow(&id);
            match serde_json::from_str::<Value>(&text) {
                // the usual answer is the bare id
                Ok(said @ (Value::Object(_) | Value::Array(_))) => answer(200, &said),
                Ok(_) | Err(_) => answer(200, &json!({"message": "Workflow rerun triggered successfully"})),
            }
        }
        Err(error) => engine_problem(&error),
    }
}

/// An engine knows tasks by their ids: a payload that names one by its reference gets the id.
async fn look_up(state: &State, id: &str, payload: &mut Map<String, Value>) -> Result<(), Response> {
    let has = |name: &str| payload.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if has("reRunFromTaskId") || !has("reRunFromTaskRefName") {
        return Ok(());
    }
    let reference = payload["reRunFromTaskRefName"].as_str().unwrap_or_default().to_owned();
    let run = match state.deployer.engine.run(id).await {
        Ok(Some(run)) => run,
        Ok(None) => return Err(problem(404, format!("the engine has no workflow {id:?}"))),
        Err(error) => return Err(engine_problem(&error)),
    };
    match restart::id_of(&run, &reference) {
        Some(task) => {
            payload.insert("reRunFromTaskId".to_owned(), task.into());
            Ok(())
        }
        None => Err(problem(400, format!("workflow {id:?} has run no task {reference:?}"))),
    }
}

/// The workflow of a rerun's address; `None` if it is the address of something else.
fn workflow_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    let (&[.., "api", "workflow", id, "rerun"] | &["workflow", id, "rerun"]) = segments.as_slice() else {
        return None;
    };
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (plain && id != "." && id != "..").then(|| id.to_owned())
}

/// How a workflow stands: its tasks, and the open offer to take it up again.
pub(super) async fn status(FromState(state): FromState<State>, Path(id): Path<String>) -> Response {
    match state.deployer.engine.run(&id).await {
        Ok(Some(run)) => {
            let mut shown = super::super::live::state_of(&run);
            shown["workflow_id"] = id.as_str().into();
            if run.get("status").is_some_and(|status| status == "FAILED") {
                state.failures.consider(&id);
            }
            shown["offer"] = state
                .hub
                .offer_of(&id)
                .map_or(Value::Null, |offer| json!({"retry_url": offer.rerun_url, "payload": offer.payload}));
            answer(200, &shown)
        }
        Ok(None) => problem(404, format!("the engine has no workflow {id:?}")),
        Err(error) => engine_problem(&error),
    }
}

/// The statistics that the services of a workflow left, each with the text of its file or why it cannot be read.
pub(super) async fn statistics(FromState(state): FromState<State>, Path(id): Path<String>) -> Response {
    let run = match state.deployer.engine.run(&id).await {
        Ok(Some(run)) => run,
        Ok(None) => return problem(404, format!("the engine has no workflow {id:?}")),
        Err(error @ (EngineError::Away { .. } | EngineError::Refused { .. } | EngineError::Address(_))) => {
            return engine_problem(&error);
        }
    };
    let mut found = Vec::new();
    for task in run.get("tasks").and_then(Value::as_array).into_iter().flatten() {
        let output = task.get("outputData").and_then(Value::as_object);
        let Some(output) = output else { continue };
        let counts =
            ["processedRecords", "failedRecords"].map(|name| output.get(name).cloned().unwrap_or_default());
        let url = output.get("stats_url").and_then(Value::as_str).filter(|url| !url.is_empty());
        if url.is_none() && counts.iter().all(Value::is_null) {
            continue;
        }
        let (content, problem) = match url {
            None => (Value::Null, Value::Null),
            Some(url) => match fetch(&state.settings, url).await {
                Ok(text) => (text.into(), Value::Null),
                Err(reason) => (Value::Null, reason.into()),
            },
        };
        let [processed, failed] = counts;
        found.push(json!({"reference": task.get("referenceTaskName"), "stats_url": url, "content": content,
            "error": problem, "processedRecords": processed, "failedRecords": failed}));
    }
    answer(200, &json!({"workflow_id": id, "statistics": found}))
}

#[cfg(test)]
mod tests {
    use super::workflow_of;

    #[test]
    fn only_reruns_are_called() {
        let id = "0d9c-1";
        for url in [
            "http://conductor-server-event:8080/api/workflow/0d9c-1/rerun",
            "http://x/prefix/api/workflow/0d9c-1/rerun?a=b",
            "https://169.254.169.254/workflow/0d9c-1/rerun",
        ] {
            assert_eq!(workflow_of(url).as_deref(), Some(id), "{url}");
        }
        for url in [
            "",
            "/api/workflow/x/rerun",
            "http://x/api/workflow//rerun",
            "http://x/api/workflow/x/terminate",
            "http://x/api/workflow/x%2F..%2Fy/rerun",
            "http://x/api/workflow/rerun",
            "file:///api/workflow/../rerun",
        ] {
            assert_eq!(workflow_of(url), None, "{url}");
        }
    }
}
