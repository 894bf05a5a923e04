//! Airflow 2: `/api/v1`, session cookies.

use serde_json::{Value, json};

use super::api::{AirflowApi, PasswordLogin};

pub(super) struct V1;

impl AirflowApi for V1 {
    fn root(&self) -> &'static str {
        "api/v1"
    }

    fn new_run(&self, dag_run_id: &str, conf: &Value) -> Value {
        json!({"dag_run_id": dag_run_id, "conf": conf})
    }

    fn log_lines(&self, body: &str) -> Vec<String> {
        // asked for as JSON, `content` is a text that shows a Python list of (host, text)
        let content = serde_json::from_str::<Value>(body).ok();
        let content = content.as_ref().and_then(|c| c.get("content")).and_then(Value::as_str);
        let text = content.map_or_else(|| body.to_owned(), |c| c.replace("\\n", "\n"));
        text.lines().map(str::to_owned).collect()
    }

    fn password_login(&self) -> PasswordLogin {
        PasswordLogin::Form
    }

    fn mwaa_login(&self) -> (&'static str, &'static str) {
        ("aws_mwaa/login", "session")
    }
}
