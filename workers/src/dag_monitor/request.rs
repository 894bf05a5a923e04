//! What the adapter says to the monitor.

use podium_ledger::DagRunRequest;

use crate::airflow::either;
use crate::request::Request;

/// What the documented table has room for.
const LONGEST: usize = 255;

/// Reads a request.
///
/// # Errors
/// Names the fields that are missing or too long.
pub(super) fn read(request: &Request) -> Result<DagRunRequest, String> {
    let data = |names: &[&str]| either(&request.data, names).map(str::to_owned);
    let beside = |names: &[&str]| either(&request.beside, names).map(str::to_owned);
    let dag_id = data(&["dag_id", "dagId"]);
    let dag_run_id = data(&["dag_run_id", "dagRunId"]);
    let (Some(dag_id), Some(dag_run_id)) = (dag_id, dag_run_id) else {
        return Err("data lacks dag_id or dag_run_id: nobody knows what to monitor".to_owned());
    };
    let wanted = DagRunRequest {
        workflow_id: request.workflow_id.clone(),
        task_id: request.task_id.clone().unwrap_or_else(|| "airflow_trigger_task".to_owned()),
        jobid: data(&["jobid", "jobId"]).unwrap_or_else(|| dag_run_id.clone()),
        execution_id: data(&["execution_id", "executionId"]),
        stats_url: data(&["stats_url", "statsUrl"]),
        metadata_key: beside(&["metadata_key", "metadataKey"]),
        minio_output_bucket: beside(&["minio_output_bucket"]),
        minio_output_key: beside(&["minio_output_key"]),
        event_type: event_type(request).map(str::to_owned),
        dag_id,
        dag_run_id,
    };
    let long = [
        ("workflowId", Some(&wanted.workflow_id)),
        ("taskId", Some(&wanted.task_id)),
        ("dag_id", Some(&wanted.dag_id)),
        ("dag_run_id", Some(&wanted.dag_run_id)),
        ("jobid", Some(&wanted.jobid)),
        ("execution_id", wanted.execution_id.as_ref()),
        ("minio_output_bucket", wanted.minio_output_bucket.as_ref()),
        ("event_type", wanted.event_type.as_ref()),
    ];
    match long.iter().find(|(_, value)| value.is_some_and(|text| text.chars().count() > LONGEST)) {
        Some((name, _)) => Err(format!("{name} has more than {LONGEST} characters")),
        None => Ok(wanted),
    }
}

/// The type of the event that somebody waits for.
pub(super) fn event_type(request: &Request) -> Option<&str> {
    either(&request.beside, &["event_type"])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;
    use crate::request::Request;

    fn request(beside: Value, data: Value) -> Request {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        Request {
            workflow_id: "0d9c".to_owned(),
            task_id: Some("dp_name_parse_task".to_owned()),
            data: object(data),
            beside: object(beside),
            ..Request::default()
        }
    }

    #[test]
    fn reads_the_documented_message() {
        let beside = json!({"metadata_key": "conductor-poc/dp_name_parse.json", "minio_output_bucket": "name-parse-output",
            "minio_output_key": "nameparse.out", "event_type": "name_parse_completed"});
        let data = json!({"dag_id": "np", "dag_run_id": "1-2", "jobid": "1-2", "stats_url": "s3://b/x.jsonl",
            "execution_id": "WBNameParse"});
        let wanted = read(&request(beside, data)).expect("whole");
        assert_eq!((wanted.dag_id.as_str(), wanted.jobid.as_str()), ("np", "1-2"));
        assert_eq!(wanted.event_type.as_deref(), Some("name_parse_completed"));
        assert_eq!(wanted.minio_output_key.as_deref(), Some("nameparse.out"));
    }

    #[test]
    fn names_what_cannot_be_monitored() {
        let error = read(&request(json!({}), json!({"dag_id": "np"}))).expect_err("no run");
        assert!(error.contains("dag_run_id"), "{error}");
        let data = json!({"dag_id": "x".repeat(256), "dag_run_id": "1"});
        assert_eq!(
            read(&request(json!({}), data)).expect_err("too long"),
            "dag_id has more than 255 characters"
        );
    }
}
