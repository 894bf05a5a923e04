//! Processes that come and go: what is under way survives, and who is away is named.

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use podium_server::embedded::children::Children;
use podium_server::embedded::postgres::EmbeddedPostgres;
use podium_server::embedded::s3::{EmbeddedS3, S3Options};
use serde_json::{Value, json};
use support::{Process, http, open_to_others, until};

const DEFINITION: &str = include_str!("../../demo/definitions/email_pipeline.json");
const CUSTOMERS: &[u8] = include_bytes!("../../demo/data/customers.csv");

fn register_and_start(base: &str) -> String {
    let definition: Value = serde_json::from_str(DEFINITION).expect("JSON");
    let (status, body) = http("POST", &format!("{base}/api/metadata/workflow"), Some(&definition));
    assert_eq!(status, 200, "{body}");
    start(base)
}

fn start(base: &str) -> String {
    let (status, id) = http("POST", &format!("{base}/api/workflow/email_pipeline"), Some(&json!({})));
    assert_eq!(status, 200, "{id}");
    id.trim().to_owned()
}

fn run(base: &str, id: &str) -> Value {
    let (status, body) = http("GET", &format!("{base}/api/workflow/{id}?includeTasks=true"), None);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Waits until a task has a status.
fn reaches(base: &str, id: &str, task: &str, status: &str) {
    until(&format!("{task} to be {status}"), || {
        let run = run(base, id);
        let tasks = run["tasks"].as_array().cloned().unwrap_or_default();
        tasks.iter().any(|t| t["referenceTaskName"] == task && t["status"] == status).then_some(())
    });
}

fn completes(base: &str, id: &str) {
    until("the run to end", || match run(base, id)["status"].as_str() {
        Some("RUNNING") => None,
        Some("COMPLETED") => Some(()),
        other => panic!("the run is {other:?}"),
    });
}

/// The input of the pipeline, put into the store that a process brought along.
fn upload(dev: &Process) {
    let settings = S3Options::local("");
    let store = podium_objects::ObjectStore::new(podium_objects::S3Settings {
        endpoint: dev.logged(" S3: "),
        region: podium_server::embedded::s3::REGION.to_owned(),
        access_key: settings.access_key,
        secret_key: settings.secret_key,
        session_token: None,
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let options = podium_objects::PutOptions::of_type("text/csv");
    let put = async {
        store.expect("settings").put_bytes("raw-data", "customer_data_sample.csv", CUSTOMERS, options).await
    };
    runtime.block_on(put).expect("uploaded");
}

#[test]
fn a_start_that_is_given_up_leaves_no_process_behind() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let name = data.path().display().to_string();
    let arguments = ["dev", "--listen", "127.0.0.1:0", "--data", &name];
    // while the cluster is made, and while it is up but the node is not
    for moment in ["making a PostgreSQL cluster", "started a Kafka broker"] {
        let mut dev = Process::start(&arguments, &[]);
        dev.logged(moment);
        dev.signal(2);
        assert_eq!(dev.ends(Duration::from_secs(30)), Some(0));
        assert_eq!(commands_with(&name), Vec::<String>::new());
    }
}

/// Command lines of processes that name a text.
fn commands_with(text: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").expect("a list of processes").flatten();
    let commands = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    let commands = commands.map(|c| String::from_utf8_lossy(&c).replace('\0', " "));
    commands.filter(|c| c.contains(text)).collect()
}

#[test]
fn a_run_goes_on_after_a_kill_although_the_broker_forgot() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let mut dev = Process::dev(data.path(), &["workers.run="]);
    upload(&dev);
    let id = register_and_start(&dev.base());
    reaches(&dev.base(), &id, "wait_for_email_validation_completion", "IN_PROGRESS");
    dev.signal(9);
    dev.ends(Duration::from_secs(5));
    // the request was published, but its broker died with the process, and nobody had read it
    let dev = Process::dev(data.path(), &[]);
    completes(&dev.base(), &id);
}

#[test]
fn workers_in_processes_of_their_own_share_the_requests() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let mut dev = Process::dev(data.path(), &["workers.run="]);
    upload(&dev);
    let (kafka, s3, keys) = (dev.logged(" Kafka: "), dev.logged(" S3: "), S3Options::local(""));
    let variables = [
        ("KAFKA_BOOTSTRAP", kafka.as_str()),
        ("S3_ENDPOINT", s3.as_str()),
        ("AWS_ACCESS_KEY_ID", keys.access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_key.as_str()),
    ];
    let worker = || {
        let worker = Process::start(&["worker", "email-validator"], &variables);
        worker.logged("taking requests from");
        worker
    };
    let (mut first, mut second) = (worker(), worker());
    let mut runs = vec![register_and_start(&dev.base())];
    runs.extend((0..7).map(|_| start(&dev.base())));
    // one of them dies with requests in its hands; the other takes its partitions
    first.signal(9);
    first.ends(Duration::from_secs(5));
    for id in &runs {
        completes(&dev.base(), id);
    }
    second.signal(15);
    assert_eq!(second.ends(Duration::from_secs(20)), Some(0));
    dev.signal(2);
    assert_eq!(dev.ends(Duration::from_secs(20)), Some(0));
}

#[test]
fn serve_starts_without_its_brokers_and_says_so() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let postgres = EmbeddedPostgres::start(data.path(), None, &Children::default()).expect("PostgreSQL");
    let variables = [
        ("DATABASE_URL", postgres.url()),
        ("KAFKA_BOOTSTRAP", "127.0.0.1:9"),
        ("S3_ENDPOINT", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
    ];
    let mut serve = Process::start(&["serve", "--listen", "127.0.0.1:0"], &variables);
    let base = serve.base();
    let health = until("both to be named", || {
        let (_, body) = http("GET", &format!("{base}/health"), None);
        (body.contains("\"kafka\"") && body.contains("\"s3\"")).then_some(body)
    });
    assert!(health.contains("\"healthy\":false"), "{health}");
    assert_eq!(http("GET", &format!("{base}/health/ready"), None).0, 200, "workers can be served");
    serve.signal(15);
    assert_eq!(serve.ends(Duration::from_secs(20)), Some(0));
    postgres.stop();
}

#[tokio::test]
async fn half_an_upload_is_no_object_after_a_kill() {
    // the store's own process is killed between the parts of an upload and its completion
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let path = data.path().to_owned();
    let mut dev = tokio::task::spawn_blocking(move || Process::dev(&path, &[])).await.expect("started");
    let keys = S3Options::local("");
    let store = podium_objects::ObjectStore::new(podium_objects::S3Settings {
        endpoint: dev.logged(" S3: "),
        region: podium_server::embedded::s3::REGION.to_owned(),
        access_key: keys.access_key,
        secret_key: keys.secret_key,
        session_token: None,
    })
    .expect("settings");
    store
        .put_bytes("raw-data", "whole", b"kept", podium_objects::PutOptions::default())
        .await
        .expect("written");
    let mut writer = store.put("raw-data", "half", podium_objects::PutOptions::default());
    writer.write(&vec![7; podium_objects::PART_BYTES * 2]).await.expect("a part goes up");
    dev.signal(9);
    dev.ends(Duration::from_secs(5));
    drop(writer);
    let again = EmbeddedS3::start(S3Options::local(data.path().join("s3"))).await.expect("opens");
    let store = podium_objects::ObjectStore::new(again.settings()).expect("settings");
    assert_eq!(store.get_bytes("raw-data", "whole", 10).await.expect("read"), "kept");
    assert!(store.head("raw-data", "half").await.expect("answered").is_none());
}
