//! The Airflow adapter, which is also name parse: any DAG by its name, name parse's where none is named.

use std::borrow::Cow;

use super::client::Airflow;
use super::dag_call::either;
use super::desk::open_airflow;
use super::hand_over::{Files, hand_over, not_triggered};
use super::settings::DagParts;
use crate::request::Request;
use crate::service::{Outcome, Parts, Service, ServiceError};

const NAME_PARSE_COMPLETED: &str = "name_parse_completed";

/// Name parse's files.
pub(super) const NAME_PARSE: Files = Files {
    label: "dp_name_parse_task",
    metadata: "dp_name_parse.json",
    stats: "NameParse_Stats_URL.jsonl",
    output_bucket: "name-parse-output",
    output: "nameparse.out",
};

/// The service.
pub struct AirflowAdapter {
    airflow: Airflow,
    parts: DagParts,
}

impl Service for AirflowAdapter {
    const NAME: &'static str = "airflow-adapter";
    const TOPIC: &'static str = "airflow-trigger-requests";
    const GROUP: &'static str = "airflow-adapter-group";
    const REQUEST_TYPE: &'static str = "airflow_trigger_request";
    const COMPLETED_TYPE: &'static str = "airflow_dag_completed";
    const STAGE: &'static str = "airflow_processing";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Ok(Self { airflow: open_airflow(parts)?, parts: parts.dags.clone() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let completed = self.completed_type(request);
        let job = &self.parts.jobs.name_parse;
        // without a DAG of its own a request runs name parse, whatever it waits for
        let dag = either(&request.data, &["dag_id", "dagId"]);
        let is_name_parse = completed == NAME_PARSE_COMPLETED || dag.is_none_or(|dag| dag == job.dag_id);
        let files = is_name_parse.then_some(&NAME_PARSE);
        hand_over(&self.airflow, &self.parts, request, job, files, &completed)
            .await
            .map_err(|(call, reason)| not_triggered(&call, format!("Failed to trigger DAG run: {reason}")))
    }

    fn completed_type<'a>(&self, request: &'a Request) -> Cow<'a, str> {
        Cow::Borrowed(completed_type(request))
    }
}

fn completed_type(request: &Request) -> &str {
    match either(&request.data, &["completion_event_type", "completionEventType"]) {
        Some(named) => named,
        None if request.task_id.as_deref().is_some_and(|label| label.contains("name_parse")) => {
            NAME_PARSE_COMPLETED
        }
        None => AirflowAdapter::COMPLETED_TYPE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::hand_over::request;
    use super::completed_type;

    #[test]
    fn what_waits_for_it_decides_the_type_of_the_event() {
        assert_eq!(completed_type(&request("dp_name_parse_task", &json!({}))), "name_parse_completed");
        assert_eq!(completed_type(&request("airflow_trigger_task", &json!({}))), "airflow_dag_completed");
        let named = request("dp_name_parse_task", &json!({"completion_event_type": "x_completed"}));
        assert_eq!(completed_type(&named), "x_completed");
    }
}
