//! A DAG run that is to be: of which DAG, under which id, with what.

use serde_json::{Map, Value, json};

use super::run_id::run_id;
use super::settings::DagJob;
use crate::request::Request;

/// What is asked of Airflow.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct DagCall {
    pub(crate) dag_id: String,
    pub(crate) execution_id: String,
    pub(crate) run_id: String,
    pub(crate) metadata_url: Option<String>,
    pub(crate) stats_url: Option<String>,
}

impl DagCall {
    /// What a request asks for, the DAG of a job unless it names another. Its fields begin with `prefix`; `part` tells
    /// apart the runs of one request.
    pub(crate) fn read(request: &Request, job: &DagJob, prefix: &str, part: &str) -> Self {
        let field = |snake: &str, camel: &str| {
            let names = [format!("{prefix}{snake}"), format!("{prefix}{camel}")];
            either(&request.data, &[&names[0], &names[1]])
        };
        Self {
            dag_id: field("dag_id", "dagId").unwrap_or(&job.dag_id).to_owned(),
            execution_id: field("execution_id", "executionId").unwrap_or(&job.execution_id).to_owned(),
            run_id: run_id(&job.base, &request.event_id, &request.workflow_id, part),
            metadata_url: field("metadata_url", "metadataUrl").map(str::to_owned),
            stats_url: field("stats_url", "statsUrl").map(str::to_owned),
        }
    }

    /// The `conf` of the run.
    pub(crate) fn conf(&self) -> Value {
        let mut conf = json!({"jobid": self.run_id, "execution_id": self.execution_id});
        for (name, value) in [("metadata_url", &self.metadata_url), ("stats_url", &self.stats_url)] {
            if let Some(value) = value {
                conf[name] = json!(value);
            }
        }
        conf
    }
}

/// The first of these texts that is there and not empty.
pub(crate) fn either<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| fields.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty()))
}
