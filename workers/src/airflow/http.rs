//! One request, one answer: the thin layer over the HTTP client.

use std::time::Duration;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use super::error::AirflowFault;

/// Of one answer; what is longer is cut. Logs may be.
const ANSWER_BYTES: usize = 4 << 20;
/// Of a text that goes into an error.
const SHOWN: usize = 300;

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends a request and reads the whole answer, or its first 4 MiB.
pub(super) async fn send(request: RequestBuilder, limit: Duration) -> Result<Answer, AirflowFault> {
    let exchange = async {
        let mut answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() >= ANSWER_BYTES {
                body.truncate(ANSWER_BYTES);
                break;
            }
        }
        Ok::<_, reqwest::Error>(Answer { status, headers, body })
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(AirflowFault::Transport(chain(&error))),
        Err(_) => Err(AirflowFault::TimedOut(limit)),
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of a good answer, or what else it says.
    pub(super) fn json(&self) -> Result<Value, AirflowFault> {
        self.check()?;
        serde_json::from_slice(&self.body).map_err(|_| self.not_json())
    }

    pub(super) fn not_json(&self) -> AirflowFault {
        AirflowFault::NotJson { status: self.status.as_u16(), start: shortened(&self.text()) }
    }

    /// An error unless the status is 2xx.
    pub(super) fn check(&self) -> Result<(), AirflowFault> {
        let detail = self.detail();
        let status = self.status.as_u16();
        match status {
            200..=299 => Ok(()),
            401 => Err(AirflowFault::Unauthorized { detail }),
            // an expired session is sent to the page for logging in
            300..=399 => {
                let to = self.headers.get("location").and_then(|v| v.to_str().ok()).unwrap_or("elsewhere");
                Err(AirflowFault::Unauthorized { detail: format!("redirected to {}", shortened(to)) })
            }
            403 => Err(AirflowFault::Forbidden { detail }),
            404 => Err(AirflowFault::NotFound { detail }),
            409 => Err(AirflowFault::Conflict { detail }),
            429 => Err(AirflowFault::TooMany { detail, after: self.retry_after() }),
            500..=599 => Err(AirflowFault::Server { status, detail }),
            _ => Err(AirflowFault::Refused { status, detail }),
        }
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self.check(), Err(AirflowFault::Unauthorized { .. }))
    }

    /// Airflow's own words for an error.
    fn detail(&self) -> String {
        let parsed: Option<Value> = serde_json::from_slice(&self.body).ok();
        let told = parsed.as_ref().and_then(|p| p.get("detail").or_else(|| p.get("title")));
        let text = match told {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => self.text(),
        };
        if text.trim().is_empty() { "no reason given".to_owned() } else { shortened(&text) }
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The value of a cookie that the answer sets.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        self.headers.get_all(SET_COOKIE).iter().find_map(|header| {
            let pair = header.to_str().ok()?.split(';').next()?;
            let (key, value) = pair.split_once('=')?;
            (key.trim() == name && !value.is_empty()).then(|| value.to_owned())
        })
    }
}

/// A text on one line and not too long.
pub(super) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// An error with its causes, which the client's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
