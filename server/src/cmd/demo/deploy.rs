//! The documented pipeline as people use it: a file is uploaded, a drawn graph deployed, both through the ingestion
//! service.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use super::client::answer;

/// Parts a form.
const BOUNDARY: &str = "podium-demo-boundary";

/// A client of the ingestion service.
pub(super) struct Ingestion {
    http: reqwest::Client,
    base: String,
}

impl Ingestion {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { http: reqwest::Client::new(), base: format!("http://{address}") }
    }

    /// Uploads a file, as a page does; answers its address.
    pub(super) async fn upload(&self, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        let form = [head.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
        let request = self.http.post(format!("{}/files", self.base));
        let request = request.header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"));
        let text = answer(request.body(form)).await.context("POST /files")?;
        let stored: Value = serde_json::from_str(&text).context("the answer is no JSON")?;
        let uri = stored["files"][0]["uri"].as_str().context("POST /files named no file")?;
        Ok(uri.to_owned())
    }

    /// Deploys a graph and starts it; answers what the service says.
    pub(super) async fn deploy(&self, graph: &Value, input: &str) -> anyhow::Result<Value> {
        let body = json!({"graph": graph, "minio_input_uri": input});
        let request = self.http.post(format!("{}/workflow/deploy", self.base)).json(&body);
        let text = answer(request).await.context("POST /workflow/deploy")?;
        serde_json::from_str(&text).context("the answer is no JSON")
    }
}
