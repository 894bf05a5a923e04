//! The calls that the demo makes, as any client would.

use anyhow::Context;
use serde_json::{Value, json};

/// A client of the REST API.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub(super) fn new(base: String) -> Self {
        Self { http: reqwest::Client::new(), base }
    }

    pub(super) async fn register(&self, definition: &Value) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}/api/metadata/workflow", self.base)).json(definition);
        answer(request).await.context("POST /api/metadata/workflow").map(drop)
    }

    /// Starts a run without input; answers its id.
    pub(super) async fn start(&self, name: &str) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}/api/workflow/{name}", self.base)).json(&json!({}));
        answer(request).await.with_context(|| format!("POST /api/workflow/{name}"))
    }

    pub(super) async fn run(&self, id: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}/api/workflow/{id}?includeTasks=true", self.base));
        let text = answer(request).await.with_context(|| format!("GET /api/workflow/{id}"))?;
        serde_json::from_str(&text).context("the answer is no JSON")
    }
}

/// The text of an answer of success.
pub(super) async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<String> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    anyhow::ensure!(status.is_success(), "{status}: {text}");
    Ok(text)
}
