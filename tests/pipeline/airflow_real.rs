//! Pattern 2 on a real Airflow: adapter, DAG, monitor, and the run that waits.

use std::time::Duration;

use podium_objects::{ObjectStore, PutOptions, S3Settings};
use podium_tests::support::airflow::Airflow;
use podium_tests::support::pipeline::definition;
use podium_tests::support::podium::Podium;
use serde_json::{Value, json};

use crate::place::Place;

/// For a DAG run beside others on a busy machine.
const LONG: Duration = Duration::from_secs(120);

/// One line of a layout: each text in a field of that width.
fn line(fields: &[(&str, usize)]) -> String {
    fields.iter().map(|(text, width)| format!("{text:<width$}")).collect::<String>() + "\n"
}

/// The fields that all layouts begin with.
fn person(id: &str, name: &str) -> Vec<(String, usize)> {
    let texts = [
        (id, 50),
        (name, 50),
        ("1 Main St", 50),
        ("", 50),
        ("Springfield", 50),
        ("IL", 30),
        ("62701", 15),
        ("", 30),
    ];
    texts.map(|(text, width)| (text.to_owned(), width)).to_vec()
}

fn records(lines: &[Vec<(String, usize)>]) -> String {
    let borrowed = |fields: &Vec<(String, usize)>| {
        line(&fields.iter().map(|(text, width)| (text.as_str(), *width)).collect::<Vec<_>>())
    };
    lines.iter().map(borrowed).collect()
}

/// A stage as the designer's converter writes it, with metadata of its own.
fn stage(name: &str, topic: &str, request: &str, completed: &str, metadata: &str) -> Vec<Value> {
    let wait = format!("wait_for_{name}_completion");
    vec![
        json!({"name": name, "taskReferenceName": name, "type": "KAFKA_PUBLISH", "inputParameters": {
            "kafka_request": {"topic": topic, "bootStrapServers": "kafka:9092", "key": "k-${workflow.workflowId}",
                "value": {"workflowId": "${workflow.workflowId}", "taskId": format!("{name}_task"),
                    "eventType": request, "data": {"dp_config": "", "metadata_url": metadata}}}}}),
        json!({"name": wait, "taskReferenceName": wait, "type": "EVENT", "sink": format!("conductor:{completed}"),
            "asyncComplete": true}),
    ]
}

/// What a job is told: from here to there.
fn metadata(input: &str, output: &str) -> String {
    json!({"service": {"input": {"uri": input}, "output": {"uri": output}}}).to_string()
}

#[test]
fn adapter_dag_and_monitor_complete_the_run_that_waits() -> anyhow::Result<()> {
    let place = Place::open("", &[("DAG_POLL_INTERVAL", "2")])?;
    let airflow = Airflow::start(place.store(), ("tester", "tester-secret"), "dags")?;
    let workers: Vec<Podium> = ["airflow-adapter", "email-hygiene", "dag-monitor"]
        .into_iter()
        .map(|name| {
            let settings = place
                .worker(name)
                .with("AIRFLOW_ENDPOINT", &airflow.endpoint)
                .with("AIRFLOW_USER", &airflow.user)
                .with("AIRFLOW_PASSWORD", &airflow.password);
            Podium::start_quiet(settings)
        })
        .collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let store = ObjectStore::new(S3Settings {
        endpoint: place.store().to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "tester".to_owned(),
        secret_key: "tester-secret".to_owned(),
        session_token: None,
    })?;
    let names = records(&[person("1", "Dr. John Q. Public Jr."), person("2", "Mary Smith")]);
    let mut mail = person("3", "Ann Lee");
    mail.push(("Ann.Lee@Example.com".to_owned(), 80));
    let files = [
        ("in/names.in", names),
        ("in/mail.in", records(&[mail])),
        ("m/names.json", metadata("s3://dags/in/names.in", "s3://dags/out/names.out")),
        ("m/mail.json", metadata("s3://dags/in/mail.in", "s3://dags/out/mail.out")),
        ("m/missing.json", metadata("s3://dags/in/nobody.in", "s3://dags/out/nobody.out")),
    ];
    for (key, text) in &files {
        runtime.block_on(store.put_bytes("dags", key, text.as_bytes(), PutOptions::of_type("text/plain")))?;
    }

    let name_parse = |metadata: &str| {
        stage(
            "dp_name_parse",
            "airflow-trigger-requests",
            "airflow_trigger_request",
            "name_parse_completed",
            metadata,
        )
    };
    let hygiene = stage(
        "dp_email_hygiene",
        "email-hygiene-requests",
        "email_hygiene_request",
        "dp_email_hygiene_completed",
        "s3://dags/m/mail.json",
    );
    let [good, bad] = ["good", "bad"].map(|name| place.stage.name(name));
    let both = [name_parse("s3://dags/m/names.json"), hygiene].concat();
    let done = place.stage.register_and_start(&definition(&good, both), &json!({}))?;
    let failing = definition(&bad, name_parse("s3://dags/m/missing.json"));
    let failed = place.stage.register_and_start(&failing, &json!({}))?;

    let logs = || {
        let workers: Vec<String> = workers.iter().map(Podium::log_tail).collect();
        format!("{}\n{}", workers.join("\n"), airflow.log_tail())
    };
    let run = place.stage.client.wait_for(&done, "COMPLETED", LONG).map_err(|error| error.context(logs()))?;
    let output = |run: &Value, reference: &str| {
        let tasks = run["tasks"].as_array().into_iter().flatten();
        let mut mine = tasks.filter(|task| task["referenceTaskName"] == reference);
        mine.next().map(|task| task["outputData"].clone()).unwrap_or_default()
    };
    let wait = "wait_for_dp_name_parse_completion";
    let parsed = output(&run, wait);
    assert_eq!(
        parsed["stats_url"],
        format!("minio://name-parse-output/{done}/NameParse_Stats_URL.jsonl"),
        "{parsed}"
    );
    assert_eq!(parsed["metadata_url"], "m/names.json", "{parsed}");
    for (bucket, key, width) in [
        ("name-parse-output", "nameparse.out".to_owned(), 855),
        ("name-parse-output", format!("{done}/nameparse.out"), 855),
        ("email-hygiene-output", format!("{done}/email_hygiene.out"), 489),
    ] {
        let text = runtime.block_on(store.get_bytes(bucket, &key, 1 << 20))?;
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().next().unwrap_or_default();
        assert_eq!(line.len() + 1, width, "{bucket}/{key}: {line:?}");
    }
    let key = format!("{done}/NameParse_Stats_URL.jsonl");
    let stats = runtime.block_on(store.get_bytes("name-parse-output", &key, 1 << 20))?;
    assert!(serde_json::from_slice::<Value>(stats.split(|b| *b == b'\n').next().unwrap_or_default()).is_ok());

    let run = place.stage.client.wait_for(&failed, "FAILED", LONG).map_err(|error| error.context(logs()))?;
    let reason = run["reasonForIncompletion"].as_str().unwrap_or_default();
    assert!(reason.contains("DAG ended with state failed: task \"process\" failed"), "{reason}");
    assert!(
        reason.contains("s3://dags/in/nobody.in does not exist"),
        "the DAG's own error is missing: {reason}"
    );

    // the click once its cause is mended: the DAG runs anew, which Airflow refuses for a run that it knows
    let late = records(&[person("4", "Late Riser")]);
    runtime.block_on(store.put_bytes(
        "dags",
        "in/nobody.in",
        late.as_bytes(),
        PutOptions::of_type("text/plain"),
    ))?;
    let click = json!({"reRunFromWorkflowId": failed, "reRunFromTaskRefName": "dp_name_parse",
        "resetTasks": ["dp_name_parse", wait]});
    place.stage.client.send("POST", &format!("/api/workflow/{failed}/rerun"), &click)?.ok()?;
    let run =
        place.stage.client.wait_for(&failed, "COMPLETED", LONG).map_err(|error| error.context(logs()))?;
    assert_eq!(output(&run, wait)["output_uri"], format!("minio://name-parse-output/{failed}/nameparse.out"));
    Ok(())
}
