//! The engine as its clients see it: a few calls of Conductor's REST API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

/// One call. A start answers once its first tasks are stored, which takes milliseconds.
const CALL: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(3);
/// Waits between tries of calls that change nothing.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// Characters of an engine's words that are passed on.
const LONGEST_MESSAGE: usize = 2_000;
/// Podium takes the id of a new workflow from here, so that asking twice starts it once; others ignore it.
const WORKFLOW_ID_HEADER: &str = "X-Podium-Workflow-Id";

/// Why the engine did not do it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("the engine at {base} did not answer: {reason}; check ingestion.engine_url, then repeat")]
    Away { base: String, reason: String },
    #[error("the engine answered {status}: {message}")]
    Refused { status: u16, message: String },
    #[error("the engine's address {0:?} is no http:// or https:// address: set ingestion.engine_url")]
    Address(String),
}

impl EngineError {
    pub(crate) fn is_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }
}

/// A client of one engine. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    http: reqwest::Client,
    base: Url,
}

/// A start that may be asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: i64,
    /// By which it is found again.
    pub(crate) correlation_id: &'a str,
    pub(crate) wanted_id: &'a str,
}

/// A workflow as a search tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    pub(crate) id: String,
    pub(crate) has_ended: bool,
    /// What changes when the workflow does.
    pub(crate) told: Value,
}

impl Latest {
    fn read(run: &Value) -> Option<Self> {
        let status = run.get("status").and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            id: run.get("workflowId")?.as_str()?.to_owned(),
            has_ended: !matches!(status, "" | "RUNNING" | "PAUSED"),
            told: json!([status, run.get("startTime"), run.get("updateTime"), run.get("endTime")]),
        })
    }
}

impl Engine {
    /// Makes a client; calls nobody.
    pub(crate) fn new(address: &str) -> Result<Self, EngineError> {
        let wrong = || EngineError::Address(address.to_owned());
        let trimmed = address.trim_end_matches('/').trim_end_matches("/api");
        let base = Url::parse(trimmed).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong());
        }
        // what is between us and the engine is configured here, not in a variable for browsers
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(CALL).build();
        Ok(Self { http: http.map_err(|_| wrong())?, base })
    }

    /// The address of its API, with `/api`.
    pub(crate) fn api(&self) -> String {
        format!("{}/api", self.base.as_str().trim_end_matches('/'))
    }

    /// Where a workflow is run again.
    pub(crate) fn rerun_url(&self, workflow_id: &str) -> String {
        self.url(&["workflow", workflow_id, "rerun"]).into()
    }

    pub(crate) async fn is_up(&self) -> Result<(), EngineError> {
        let request = self.http.get(self.url(&["metadata", "taskdefs"])).timeout(CONNECT);
        self.answer(request).await.map(drop)
    }

    /// Stores a definition.
    pub(crate) async fn register(&self, definition: &Value) -> Result<(), EngineError> {
        let request = self.http.post(self.url(&["metadata", "workflow"]));
        self.answer(request.json(definition)).await.map(drop)
    }

    /// A version of a definition, if the engine has it.
    pub(crate) async fn definition(&self, name: &str, version: i64) -> Result<Option<Value>, EngineError> {
        let mut url = self.url(&["metadata", "workflow", name]);
        url.query_pairs_mut().append_pair("version", &version.to_string());
        found(self.read(url).await)
    }

    /// Forgets a version of a definition; one that is not there is forgotten already.
    pub(crate) async fn unregister(&self, name: &str, version: i64) -> Result<(), EngineError> {
        let url = self.url(&["metadata", "workflow", name, &version.to_string()]);
        match self.answer(self.http.request(Method::DELETE, url)).await {
            Err(error) if !error.is_status(404) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Starts a workflow without input; answers its id.
    pub(crate) async fn start(&self, start: &Start<'_>) -> Result<String, EngineError> {
        let mut url = self.url(&["workflow", start.name]);
        url.query_pairs_mut()
            .append_pair("version", &start.version.to_string())
            .append_pair("correlationId", start.correlation_id);
        let request = self.http.post(url).header(WORKFLOW_ID_HEADER, start.wanted_id).json(&json!({}));
        let text = self.answer(request).await?;
        Ok(text.trim().trim_matches('"').to_owned())
    }

    /// The workflow that an earlier call started, if there is one.
    pub(crate) async fn started(&self, start: &Start<'_>) -> Result<Option<String>, EngineError> {
        let mut url = self.url(&["workflow", start.name, "correlated", start.correlation_id]);
        url.query_pairs_mut().append_pair("includeClosed", "true");
        let found = found(self.read(url).await)?.unwrap_or_default();
        let first = found.as_array().and_then(|runs| runs.first());
        Ok(first.and_then(|run| run.get("workflowId")).and_then(Value::as_str).map(str::to_owned))
    }

    /// A workflow with its tasks, if the engine has it.
    pub(crate) async fn run(&self, id: &str) -> Result<Option<Value>, EngineError> {
        let mut url = self.url(&["workflow", id]);
        url.query_pairs_mut().append_pair("includeTasks", "true");
        found(self.read(url).await)
    }

    /// The workflows that were started last, of these names if any are given.
    pub(crate) async fn latest(&self, names: &[String], limit: usize) -> Result<Vec<Latest>, EngineError> {
        let mut url = self.url(&["workflow", "search"]);
        let query = match names {
            [] => String::new(),
            names => format!("workflowType IN ({})", names.join(",")),
        };
        url.query_pairs_mut()
            .append_pair("start", "0")
            .append_pair("size", &limit.to_string())
            .append_pair("sort", "startTime:DESC")
            .append_pair("query", &query);
        let found = self.read(url).await?;
        let runs = found.get("results").and_then(Value::as_array).into_iter().flatten();
        Ok(runs.filter_map(Latest::read).collect())
    }

    /// Runs a workflow again from where the payload says; answers the engine's words.
    pub(crate) async fn rerun(&self, id: &str, payload: &Value) -> Result<String, EngineError> {
        self.answer(self.http.post(self.url(&["workflow", id, "rerun"])).json(payload)).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        url
    }

    /// A call that changes nothing is made again when nobody answered.
    async fn read(&self, url: Url) -> Result<Value, EngineError> {
        let mut waits = WAITS.into_iter();
        loop {
            let text = match (self.answer(self.http.get(url.clone())).await, waits.next()) {
                (Err(EngineError::Away { .. }), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    continue;
                }
                (Err(EngineError::Refused { status: 502..=504, .. }), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    continue;
                }
                (answer, _) => answer?,
            };
            return serde_json::from_str(&text)
                .map_err(|_| self.away(format!("its answer to GET {} is no JSON", url.path())));
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<String, EngineError> {
        let response = request.send().await.map_err(|error| self.away(chain(&error)))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.away(chain(&error)))?;
        if status.is_success() {
            return Ok(text);
        }
        let said = serde_json::from_str::<Value>(&text).ok();
        let message = said.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str);
        let message = message.unwrap_or(&text).trim().chars().take(LONGEST_MESSAGE).collect();
        Err(EngineError::Refused { status: status.as_u16(), message })
    }

    fn away(&self, reason: String) -> EngineError {
        EngineError::Away { base: self.base.to_string(), reason }
    }
}

fn found(answer: Result<Value, EngineError>) -> Result<Option<Value>, EngineError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_status(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An error and its causes in one line, without the address that the text names already.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Engine;

    #[test]
    fn addresses_with_and_without_api_are_the_same() {
        // the program does so at its start; an error means that another test was first
        let _ = rustls::crypto::ring::default_provider().install_default();
        for address in ["http://conductor-server-event:8080", "http://conductor-server-event:8080/api/"] {
            let engine = Engine::new(address).expect("an address");
            assert_eq!(engine.api(), "http://conductor-server-event:8080/api");
            assert_eq!(
                engine.rerun_url("0d9c"),
                "http://conductor-server-event:8080/api/workflow/0d9c/rerun"
            );
        }
        assert_eq!(
            Engine::new("http://e").expect("an address").rerun_url("../x"),
            "http://e/api/workflow/..%2Fx/rerun"
        );
        assert!(Engine::new("conductor:8080").is_err() && Engine::new("").is_err());
    }
}
