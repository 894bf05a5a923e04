//! The calls of Airflow that the services need.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::Value;
use tracing::{info, warn};

use super::api::{AirflowApi, DagRun};
use super::credentials::{Credentials, Place, below};
use super::error::{AirflowError, AirflowFault};
use super::http::{Answer, send, shortened};
use super::settings::{AirflowSettings, AirflowVersion};
use super::{v1, v2};
use crate::jitter::jittered;

/// Longest time that Airflow may ask to be left alone before it counts as refused.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Connections that are kept open.
const IDLE: usize = 16;

/// An Airflow. Cheap to clone; all clones share connections and session.
#[derive(Clone)]
pub struct Airflow {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client,
    base: Url,
    api: &'static dyn AirflowApi,
    credentials: Credentials,
    settings: AirflowSettings,
}

impl Airflow {
    /// Makes a client; opens no connection.
    ///
    /// # Errors
    /// When the endpoint is no address.
    pub fn new(settings: AirflowSettings) -> Result<Self, AirflowError> {
        let fault =
            |text: String| AirflowError { call: "airflow".to_owned(), fault: AirflowFault::Settings(text) };
        if settings.endpoint.is_empty() {
            return Err(fault("airflow.endpoint is empty: set AIRFLOW_ENDPOINT or MWAA_ENDPOINT".to_owned()));
        }
        let full = match settings.endpoint.contains("://") {
            true => settings.endpoint.clone(),
            false => format!("https://{}", settings.endpoint),
        };
        let base =
            Url::parse(&full).map_err(|e| fault(format!("airflow.endpoint {full:?} is no address: {e}")))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(fault(format!("airflow.endpoint {full:?} does not begin with http:// or https://")));
        }
        let http = Client::builder()
            // an answer that leads elsewhere means that the session is over, and is not followed
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10).min(settings.call_timeout))
            .pool_max_idle_per_host(IDLE)
            .build()
            .map_err(|e| fault(format!("no HTTP client: {e}")))?;
        let api: &'static dyn AirflowApi = match settings.version {
            AirflowVersion::V1 => &v1::V1,
            AirflowVersion::V2 => &v2::V2,
        };
        let credentials = Credentials::new(settings.auth.clone());
        Ok(Self { inner: Arc::new(Inner { http, base, api, credentials, settings }) })
    }

    /// Triggers a DAG run, in several tries while Airflow is away or busy. A run of this id that is there already is
    /// ours from an earlier try, and as good.
    pub async fn trigger(&self, dag_id: &str, run_id: &str, conf: &Value) -> Result<DagRun, AirflowError> {
        let settings = &self.inner.settings;
        let mut wait = settings.retry_wait;
        let mut tried = 1;
        loop {
            let error = match self.trigger_once(dag_id, run_id, conf).await {
                Ok(run) => return Ok(run),
                Err(error) => error,
            };
            if matches!(error.fault, AirflowFault::Conflict { .. }) {
                return self.run(dag_id, run_id).await.map_err(|_| error);
            }
            let asked = error.asks_to_wait().unwrap_or_default();
            if !error.is_transient() || tried >= settings.tries.max(1) || asked > LONGEST_WAIT {
                let tries = if tried == 1 { String::new() } else { format!(" (after {tried} tries)") };
                return Err(AirflowError { call: format!("{}{tries}", error.call), ..error });
            }
            warn!(dag_id, run_id, %error, tried, "trying again");
            tokio::time::sleep(jittered(wait).max(asked)).await;
            wait *= 2;
            tried += 1;
        }
    }

    async fn trigger_once(&self, dag_id: &str, run_id: &str, conf: &Value) -> Result<DagRun, AirflowError> {
        let url = self.url(&["dags", dag_id, "dagRuns"]);
        let body = self.inner.api.new_run(run_id, conf);
        let limit = self.inner.settings.trigger_timeout;
        let made = async {
            let answer = self.call(Method::POST, &url, |r| r.json(&body), limit).await?;
            let told = answer.json()?;
            DagRun::read(&told).ok_or_else(|| answer.not_json())
        };
        self.named(&format!("could not trigger DAG {dag_id:?}"), made).await
    }

    /// A DAG run as it is now. One try.
    pub async fn run(&self, dag_id: &str, run_id: &str) -> Result<DagRun, AirflowError> {
        let url = self.url(&["dags", dag_id, "dagRuns", run_id]);
        let asked = async {
            let answer = self.get(&url).await?;
            let told = answer.json()?;
            DagRun::read(&told).ok_or_else(|| answer.not_json())
        };
        self.named(&format!("could not see run {run_id:?} of DAG {dag_id:?}"), asked).await
    }

    /// Whether a DAG is paused, as far as can be told.
    pub async fn is_paused(&self, dag_id: &str) -> bool {
        let asked = async { self.get(&self.url(&["dags", dag_id])).await?.json() };
        asked.await.is_ok_and(|dag| dag.get("is_paused") == Some(&Value::Bool(true)))
    }

    /// Why a DAG run failed, in its own words: the task that failed and the last error of its log. `None` when
    /// Airflow does not say.
    pub async fn cause(&self, dag_id: &str, run_id: &str) -> Option<String> {
        let path = ["dags", dag_id, "dagRuns", run_id, "taskInstances"];
        let told = self.get(&self.url(&path)).await.ok()?.json().ok()?;
        let tasks = told.get("task_instances")?.as_array()?;
        let in_state =
            |state: &str| tasks.iter().find(|t| t.get("state").and_then(Value::as_str) == Some(state));
        let task = in_state("failed").or_else(|| in_state("upstream_failed"))?;
        let task_id = task.get("task_id")?.as_str()?;
        let attempt = task.get("try_number").and_then(Value::as_u64).unwrap_or(1).max(1).to_string();
        let error = self.log(&[&path[..], &[task_id, "logs", &attempt]].concat()).await;
        let error = error.and_then(|lines| last_error(&lines));
        Some(match error {
            Some(error) => format!("task {task_id:?} failed: {error}"),
            None => format!("task {task_id:?} failed"),
        })
    }

    async fn log(&self, path: &[&str]) -> Option<Vec<String>> {
        let mut url = self.url(path);
        url.set_query(Some("full_content=true"));
        let answer = self.get(&url).await.ok()?;
        answer.check().ok()?;
        Some(self.inner.api.log_lines(&answer.text()))
    }

    async fn get(&self, url: &Url) -> Result<Answer, AirflowFault> {
        self.call(Method::GET, url, |r| r, self.inner.settings.call_timeout).await
    }

    /// One call; with a new session once, if the old one is refused.
    async fn call(
        &self,
        method: Method,
        url: &Url,
        dress: impl Fn(RequestBuilder) -> RequestBuilder,
        limit: Duration,
    ) -> Result<Answer, AirflowFault> {
        let Inner { http, base, api, credentials, settings } = &*self.inner;
        let place = Place { http, base, api: *api, limit: settings.call_timeout };
        let request =
            || dress(http.request(method.clone(), url.clone()).header("accept", "application/json"));
        let pass = credentials.pass(&place).await?;
        let answer = send(pass.pass.on(request()), limit).await?;
        if !answer.is_unauthorized() {
            credentials.worked(&pass);
            return Ok(answer);
        }
        match credentials.renewed(&pass, &place).await? {
            Some(renewed) => {
                info!(endpoint = %base, "logged in to Airflow anew");
                let answer = send(renewed.pass.on(request()), limit).await?;
                if !answer.is_unauthorized() {
                    credentials.worked(&renewed);
                }
                Ok(answer)
            }
            None => Ok(answer),
        }
    }

    async fn named<T>(
        &self,
        call: &str,
        work: impl Future<Output = Result<T, AirflowFault>>,
    ) -> Result<T, AirflowError> {
        let at = self.inner.base.as_str().trim_end_matches('/');
        work.await.map_err(|fault| AirflowError { call: format!("{call} at {at}"), fault })
    }

    /// An address of the REST API; the parts may hold any character.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = below(&self.inner.base, self.inner.api.root());
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(parts);
        }
        url
    }
}

/// The last line of a log that names an error: an exception as Python prints it, else what was logged as ERROR.
fn last_error(lines: &[String]) -> Option<String> {
    let raised = |line: &&String| {
        let name = line.split(':').next().unwrap_or_default();
        let word = name.rsplit('.').next().unwrap_or_default();
        line.contains(": ")
            && !name.contains(char::is_whitespace)
            && ["Error", "Exception", "Fail", "Timeout", "Interrupt"].iter().any(|end| word.contains(end))
    };
    if let Some(line) = lines.iter().rev().find(raised) {
        // without the module of the exception
        let (name, text) = line.split_once(": ")?;
        let name = name.rsplit('.').next().unwrap_or(name);
        return Some(shortened(&format!("{name}: {text}")));
    }
    let logged = lines.iter().rev().find_map(|line| line.split_once(" ERROR - "))?;
    Some(shortened(logged.1))
}

#[cfg(test)]
mod tests {
    use super::last_error;

    #[test]
    fn finds_the_error_of_a_log() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let log = "[2026-01-01T00:00:00+0000] {taskinstance.py:3313} ERROR - Task failed with exception\n\
            Traceback (most recent call last):\n  File \"x.py\", line 3, in run\n    raise AirflowException(text)\n\
            airflow.exceptions.AirflowException: input s3://b/k does not exist\n\
            [2026-01-01T00:00:00+0000] {taskinstance.py:1226} INFO - Marking task as FAILED. dag_id=d, task_id=t\n";
        assert_eq!(
            last_error(&lines(log)).as_deref(),
            Some("AirflowException: input s3://b/k does not exist")
        );
        let logged = "x {bash.py:1} ERROR - exit code 3\nx {a.py:1} INFO - done\n";
        assert_eq!(last_error(&lines(logged)).as_deref(), Some("exit code 3"));
        assert_eq!(last_error(&lines("all is well: yes")), None);
    }
}
