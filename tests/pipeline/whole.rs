//! The documented system as a whole: ingestion, engine, services and sockets as processes of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};
use podium_tests::support::stage::events_topic;
use podium_tests::support::system::System;
use podium_tests::support::wait::until;
use podium_tests::support::{http, kafka, repository};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Files of 10,000 rows go through debug builds here.
const LIMIT: Duration = Duration::from_secs(90);

/// A page of the designer, listening.
struct Page(WebSocket<TcpStream>);

impl Page {
    fn open(system: &System) -> anyhow::Result<Page> {
        let address = system.ingestion().trim_start_matches("http://");
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let (socket, _) = tungstenite::client(format!("ws://{address}/ws"), stream)?;
        Ok(Page(socket))
    }

    /// The next message with a retry payload.
    fn retry_offer(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Message::Text(text) = self.0.read().context("no offer came")? {
                let message: Value = serde_json::from_str(&text)?;
                if !message["retry_url"].is_null() {
                    return Ok(message);
                }
            }
        }
    }
}

fn sample(name: &str) -> anyhow::Result<Vec<u8>> {
    let path = repository().join(name);
    std::fs::read(&path).with_context(|| path.display().to_string())
}

#[test]
fn a_failed_service_is_offered_on_the_socket_and_one_click_finishes_the_run() -> anyhow::Result<()> {
    let mut system = System::start()?;
    system.store.put("raw-data", "customer_data_sample.csv", &sample("demo/data/customers.csv")?)?;
    system.worker("email-validator", &[])?;
    system.worker("phone-validator", &[("PODIUM__WORKERS__FAIL_ONCE", "true")])?;
    system.ingest()?;
    let mut page = Page::open(&system)?;
    let definition = system.definition("retry", &["email_validation", "phone_validation"])?;
    let body = json!({"workflow": definition, "trigger_conductor": true});
    let deployed = http::send_json(system.ingestion(), "POST", "/workflow/deploy", &body)?.ok()?.json()?;
    let id = deployed["workflow_instance_id"].as_str().context("an id")?.to_owned();

    let offer = page.retry_offer()?;
    let payload = &offer["payload"];
    assert_eq!(payload["workflowId"], id.as_str());
    assert_eq!(payload["reRunFromTaskRefName"], "phone_validation");
    assert_eq!(payload["resetTasks"], json!(["phone_validation", "wait_for_phone_validation_completion"]));
    let failed = system.client.wait_for(&id, "FAILED", LIMIT)?;
    ensure!(
        failed["reasonForIncompletion"].as_str().is_some_and(|r| r.contains("failed on purpose")),
        "the service's own reason is lost: {}",
        failed["reasonForIncompletion"]
    );
    let requests = |documented: &str| {
        Ok::<_, anyhow::Error>(kafka::read_all(&system.broker, &system.topic(documented))?.len())
    };
    assert_eq!((requests("email-validation-requests")?, requests("phone-validation-requests")?), (1, 1));

    let click = json!({"rerun_url": offer["retry_url"], "payload": payload});
    http::send_json(system.ingestion(), "POST", "/retry-workflow", &click)?.ok()?;
    let run = system.client.wait_for(&id, "COMPLETED", LIMIT)?;
    assert_eq!((requests("email-validation-requests")?, requests("phone-validation-requests")?), (1, 2));
    let task = |run: &Value, name: &str| {
        let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
        tasks.into_iter().find(|t| t["referenceTaskName"] == name).unwrap_or_default()
    };
    for kept in ["email_validation", "wait_for_email_validation_completion"] {
        let (before, after) = (task(&failed, kept), task(&run, kept));
        assert_eq!((&before["taskId"], &before["endTime"]), (&after["taskId"], &after["endTime"]), "{kept}");
    }
    let counted = task(&run, "wait_for_phone_validation_completion")["outputData"].clone();
    assert_eq!((&counted["processedRecords"], &counted["failedRecords"]), (&json!(7158), &json!(1482)));
    let file = system.store.get("phone-validated", &format!("phone_validation_{id}.csv"))?;
    ensure!(
        file == Some(sample("workers/tests/data/email_then_phone_valid.csv")?),
        "the output is not what the existing services made of the same file"
    );
    system.sql.assert_sound()
}

#[test]
fn the_documented_pipeline_runs_from_the_upload_to_the_outputs() -> anyhow::Result<()> {
    let mut system = System::start()?;
    system.store.put("raw-data", "customer_data_sample.csv", &sample("demo/data/customers.csv")?)?;
    let people = sample("demo/data/first_10_entries.in")?;
    system.store.put("raw-data", "first_10_entries.in", &people)?;
    for name in
        ["email-validator", "phone-validator", "enricher", "email-hygiene", "airflow-adapter", "dag-monitor"]
    {
        system.worker(name, &[])?;
    }
    system.ingest()?;
    let definition =
        system.definition("whole", &["email_", "phone_", "enrichment", "name_parse", "finalize"])?;
    let body = json!({"workflow": definition, "minio_input_uri": "minio://raw-data/first_10_entries.in"});
    let deployed = http::send_json(system.ingestion(), "POST", "/workflow/deploy", &body)?.ok()?.json()?;
    let id = deployed["workflow_instance_id"].as_str().context("an id")?.to_owned();
    let run = system.client.wait_for(&id, "COMPLETED", LIMIT).with_context(|| system.warnings())?;
    let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
    assert_eq!(tasks.len(), 11, "five pairs and the last message");
    let object = |bucket: &str, key: &str| {
        let found = system.store.get(bucket, key)?;
        found.with_context(|| format!("{bucket}/{key} is not there: {run}"))
    };
    let validated = object("phone-validated", &format!("phone_validation_{id}.csv"))?;
    ensure!(
        validated == sample("workers/tests/data/email_then_phone_valid.csv")?,
        "the validators' rows differ"
    );
    let enriched = object("enriched", &format!("enrichment_{id}.csv"))?;
    let rows = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(rows(&enriched), rows(&validated));
    assert!(
        enriched.starts_with(
            b"serial_no,name,email,phone,city,customer_segment,risk_score,enrichment_timestamp\n"
        )
    );
    let (hygiene, parsed) = (
        object("email-hygiene-output", &format!("{id}/email_hygiene.out"))?,
        object("name-parse-output", &format!("{id}/nameparse.out"))?,
    );
    for (bytes, length) in [(&hygiene, 489), (&parsed, 855)] {
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert!(lines.iter().all(|line| line.len() == length), "lines of {length} bytes");
        // every record begins with the eight fields that the input's begins with
        let begins: Vec<&[u8]> = lines.iter().map(|line| &line[..325]).collect();
        let expected: Vec<&[u8]> =
            people.split_inclusive(|byte| *byte == b'\n').map(|line| &line[..325]).collect();
        assert_eq!(begins, expected);
    }
    object("email-hygiene-output", &format!("{id}/Email_Hygiene_Stats_URL.jsonl"))?;
    object("name-parse-output", &format!("{id}/NameParse_Stats_URL.jsonl"))?;
    system.sql.assert_sound()
}

#[test]
fn three_processes_share_three_partitions_and_answer_each_request_once() -> anyhow::Result<()> {
    const REQUESTS: usize = 90;
    let mut system = System::start()?;
    let rows = b"email\nada@example.com\nnobody\n";
    system.store.put("raw-data", "few.csv", rows)?;
    for _ in 0..3 {
        system.worker("email-validator", &[])?;
    }
    // as the work is shared now: each member's last word about its partitions is one
    until("each process to have one partition", LIMIT, || {
        let logs = system.logs("email-validator");
        let last =
            logs.iter().filter_map(|log| log.lines().rfind(|line| line.contains("taking requests from")));
        Ok((last.filter(|line| line.contains("\"partitions\":1")).count() == 3).then_some(()))
    })
    .with_context(|| system.logs("email-validator").join("\n---\n"))?;
    let topic = system.topic("email-validation-requests");
    let requests: Vec<(String, String)> = (0..REQUESTS)
        .map(|number| {
            let workflow = format!("workflow-{number}");
            let data = json!({"input_bucket": "raw-data", "input_key": "few.csv",
                "output_bucket": "email-validated", "output_key": format!("{workflow}.csv")});
            let request = json!({"workflowId": workflow, "taskId": "email_validation_task",
                "eventType": "email_validation_request", "data": data});
            (workflow, request.to_string())
        })
        .collect();
    let records: Vec<(&str, &str)> =
        requests.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    kafka::produce(&system.broker, &topic, &records)?;
    let events = events_topic(&system.tag);
    let mut answers: BTreeMap<String, Vec<kafka::Record>> = BTreeMap::new();
    until("an answer to each request", LIMIT, || {
        answers.clear();
        for record in kafka::read_all(&system.broker, &events)? {
            let workflow = record.json()["workflowId"].as_str().unwrap_or_default().to_owned();
            answers.entry(workflow).or_default().push(record);
        }
        Ok((answers.len() == REQUESTS).then_some(()))
    })?;
    for (workflow, records) in &answers {
        // the same event may be there twice, after a crash or when the group was shared anew
        let ids: BTreeSet<_> = records.iter().map(|record| record.header("podium-event-id")).collect();
        assert_eq!(ids.len(), 1, "{workflow} was answered more than once: {records:?}");
        assert_eq!(records[0].json()["data"]["processedRecords"], 1, "{workflow}");
        let file = system.store.get("email-validated", &format!("{workflow}.csv"))?;
        assert_eq!(file.as_deref(), Some(&b"email\nada@example.com\n"[..]), "{workflow}");
    }
    let partitions: BTreeSet<i32> =
        kafka::read_all(&system.broker, &topic)?.iter().map(|r| r.partition).collect();
    assert_eq!(partitions.len(), 3, "the requests were spread over all partitions");
    Ok(())
}
