//! Airflow 3: `/api/v2`, bearer tokens.

use serde_json::{Value, json};

use super::api::{AirflowApi, PasswordLogin};

pub(super) struct V2;

impl AirflowApi for V2 {
    fn root(&self) -> &'static str {
        "api/v2"
    }

    fn new_run(&self, dag_run_id: &str, conf: &Value) -> Value {
        // required, and null for a run that stands for no date
        json!({"dag_run_id": dag_run_id, "logical_date": null, "conf": conf})
    }

    fn log_lines(&self, body: &str) -> Vec<String> {
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let entries = answer.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut lines = Vec::new();
        for entry in entries {
            match &entry {
                Value::String(line) => lines.push(line.clone()),
                entry => {
                    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
                    lines.push(text("event").to_owned());
                    // an exception comes as a list of what was raised
                    for raised in entry.get("error_detail").and_then(Value::as_array).into_iter().flatten() {
                        let part = |name: &str| raised.get(name).and_then(Value::as_str).unwrap_or_default();
                        lines.push(format!("{}: {}", part("exc_type"), part("exc_value")));
                    }
                }
            }
        }
        lines
    }

    fn password_login(&self) -> PasswordLogin {
        PasswordLogin::Token
    }

    fn mwaa_login(&self) -> (&'static str, &'static str) {
        ("pluginsv2/aws_mwaa/login", "_token")
    }
}
