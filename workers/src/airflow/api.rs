//! What the generations of Airflow's REST API have in common, and where they differ. No I/O.

use serde_json::Value;

/// A DAG run as Airflow tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DagRun {
    pub dag_run_id: String,
    /// `queued`, `running`, `success`, `failed` and more.
    pub state: String,
    /// What it was started with.
    pub conf: Value,
}

impl DagRun {
    /// Reads an answer; `None` if it is no DAG run.
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let conf = match body.get("conf") {
            // some versions give it as text
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
            Some(conf) => conf.clone(),
            None => Value::Null,
        };
        Some(Self { dag_run_id: text("dag_run_id")?, state: text("state")?, conf })
    }

    /// A text of its `conf`; empty counts as absent.
    pub(crate) fn conf_text(&self, name: &str) -> Option<&str> {
        self.conf.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

/// How user and password become something that calls can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordLogin {
    /// The form of the web pages: a token in the page, a cookie in the answer.
    Form,
    /// JSON for a bearer token.
    Token,
}

/// One generation of the REST API.
pub trait AirflowApi: Send + Sync {
    /// Where its paths begin, without slashes around.
    fn root(&self) -> &'static str;

    /// The body that triggers a DAG run.
    fn new_run(&self, dag_run_id: &str, conf: &Value) -> Value;

    /// The lines of a task's log, from the body of the answer.
    fn log_lines(&self, body: &str) -> Vec<String>;

    /// What a login with user and password looks like.
    fn password_login(&self) -> PasswordLogin;

    /// Where a web login token of MWAA is handed in, and the cookie that comes back.
    fn mwaa_login(&self) -> (&'static str, &'static str);
}
