//! What adapter and e-mail hygiene do with a request: trigger a DAG run, then hand it to the monitor.

use serde_json::{Value, json};

use super::address::Address;
use super::client::Airflow;
use super::dag_call::{DagCall, either};
use super::settings::{DagJob, DagParts};
use crate::request::Request;
use crate::service::{Message, Outcome, ServiceError};

/// The files of a job of the pipeline by their documented names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    /// The label of the task that has these names for itself; others put their own label into them.
    pub(super) label: &'static str,
    pub(super) metadata: &'static str,
    pub(super) stats: &'static str,
    pub(super) output_bucket: &'static str,
    pub(super) output: &'static str,
}

/// Triggers the DAG run that a request asks for and tells the monitor of it. `files`: of a job of the pipeline; another
/// DAG has only those that the request names.
pub(super) async fn hand_over(
    airflow: &Airflow,
    parts: &DagParts,
    request: &Request,
    job: &DagJob,
    files: Option<&Files>,
    completed_type: &str,
) -> Result<Outcome, (DagCall, String)> {
    let mut call = DagCall::read(request, job, "", "");
    if let Some(files) = files {
        let stats = format!("runs/{}/{}", request.workflow_id, files.named(files.stats, request));
        call.metadata_url.get_or_insert_with(|| parts.url(files.metadata));
        call.stats_url.get_or_insert_with(|| parts.url(&stats));
    }
    if let Err(error) = airflow.trigger(&call.dag_id, &call.run_id, &call.conf()).await {
        return Err((call, error.to_string()));
    }
    let message = Message {
        topic: parts.monitor_topic.clone(),
        key: request.workflow_id.clone(),
        value: monitor_request(request, &call, files, completed_type),
    };
    Ok(Outcome::HandedOn(vec![message]))
}

/// The documented message to the monitor.
fn monitor_request(request: &Request, call: &DagCall, files: Option<&Files>, completed_type: &str) -> Value {
    let given = |names: &[&str]| either(&request.data, names).map(str::to_owned);
    let metadata = call.metadata_url.as_deref().and_then(Address::parse).map(|address| address.key);
    let bucket = given(&["minio_output_bucket", "output_bucket"]);
    let key = given(&["minio_output_key", "output_key"]);
    json!({
        "workflowId": request.workflow_id,
        "taskId": request.task_id,
        "metadata_key": metadata,
        "minio_output_bucket": bucket.or_else(|| files.map(|f| f.output_bucket.to_owned())),
        "minio_output_key": key.or_else(|| files.map(|f| f.named(f.output, request))),
        "event_type": completed_type,
        "data": {
            "dag_id": call.dag_id,
            "dag_run_id": call.run_id,
            "jobid": call.run_id,
            "stats_url": call.stats_url,
            "execution_id": call.execution_id,
        },
    })
}

/// The failure event of a run that could not be triggered.
pub(super) fn not_triggered(call: &DagCall, reason: String) -> ServiceError {
    let fields = json!({"dag_id": call.dag_id, "jobid": call.run_id, "stats_url": null});
    ServiceError::permanent(reason).with(fields)
}

impl Files {
    /// A file's name for a request: two tasks of one workflow must not write to the same.
    fn named(&self, file: &str, request: &Request) -> String {
        match (request.task_id.as_deref(), file.rsplit_once('.')) {
            (Some(label), Some((stem, extension))) if label != self.label => {
                let label: String =
                    label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                format!("{stem}.{label}.{extension}")
            }
            _ => file.to_owned(),
        }
    }
}

/// A request of a task with these fields.
#[cfg(test)]
pub(super) fn request(task_id: &str, data: &Value) -> Request {
    let data = data.as_object().cloned().unwrap_or_default();
    Request {
        event_id: "requests/0/1".to_owned(),
        workflow_id: "w".to_owned(),
        task_id: Some(task_id.to_owned()),
        data,
        ..Request::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::adapter::NAME_PARSE;
    use super::super::settings::DagJob;
    use super::{DagCall, monitor_request, request};

    fn job() -> DagJob {
        DagJob { dag_id: "np".to_owned(), execution_id: "WBNameParse".to_owned(), base: "100".to_owned() }
    }

    #[test]
    fn the_monitor_is_told_as_documented() {
        let request = request("dp_name_parse_task", &json!({"dp_config": "<x/>", "dagId": "other"}));
        let mut call = DagCall::read(&request, &job(), "", "");
        call.metadata_url = Some("s3://b/conductor-poc/dp_name_parse.json".to_owned());
        call.stats_url = Some("s3://b/conductor-poc/runs/w/NameParse_Stats_URL.jsonl".to_owned());
        let run = call.run_id.clone();
        assert_eq!(
            monitor_request(&request, &call, Some(&NAME_PARSE), "name_parse_completed"),
            json!({"workflowId": "w", "taskId": "dp_name_parse_task", "metadata_key": "conductor-poc/dp_name_parse.json",
                "minio_output_bucket": "name-parse-output", "minio_output_key": "nameparse.out",
                "event_type": "name_parse_completed", "data": {"dag_id": "other", "dag_run_id": run, "jobid": run,
                "stats_url": "s3://b/conductor-poc/runs/w/NameParse_Stats_URL.jsonl", "execution_id": "WBNameParse"}})
        );
    }

    #[test]
    fn another_task_of_the_workflow_has_files_of_its_own() {
        let second = request("dp_name_parse_2_task", &json!({}));
        assert_eq!(NAME_PARSE.named("nameparse.out", &second), "nameparse.dp_name_parse_2_task.out");
        let hostile = request("../x", &json!({}));
        assert_eq!(NAME_PARSE.named("nameparse.out", &hostile), "nameparse.___x.out");
    }

    #[test]
    fn another_dag_has_only_the_files_that_the_request_names() {
        let request = request("airflow_trigger_task", &json!({"dag_id": "d"}));
        let call = DagCall::read(&request, &job(), "", "");
        assert_eq!(call.conf(), json!({"jobid": call.run_id, "execution_id": "WBNameParse"}));
        let told = monitor_request(&request, &call, None, "airflow_dag_completed");
        assert!(told["metadata_key"].is_null() && told["minio_output_bucket"].is_null(), "{told}");
    }
}
