//! The services on a broker and a store: one answer for each request, whatever comes.

use std::collections::HashMap;
use std::time::Duration;

use podium_events::broker::Broker;
use podium_kafka::{
    KafkaSettings, LaneEvent, Lanes, LanesSettings, OutRecord, Patience, Producer, Record, Start,
};
use podium_objects::{ObjectStore, PutOptions};
use podium_workers::email_validator::EmailValidator;
use podium_workers::phone_validator::PhoneValidator;
use podium_workers::{EVENT_ID_HEADER, FileSettings, Host, HostSettings};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::embedded::broker::DevBroker;
use crate::embedded::s3::{EmbeddedS3, S3Options};

const WAIT: Duration = Duration::from_secs(30);

struct Pipeline {
    kafka: KafkaSettings,
    store: ObjectStore,
    producer: Producer,
    answers: mpsc::UnboundedReceiver<(String, Record)>,
    _parts: (DevBroker, EmbeddedS3, tempfile::TempDir),
}

impl Pipeline {
    async fn start() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let s3 = EmbeddedS3::start(S3Options::local(root.path())).await.expect("a store");
        let broker = DevBroker::start(0).expect("a broker");
        let kafka = broker.settings();
        let store = ObjectStore::new(s3.settings()).expect("settings");
        store.ensure_bucket("raw-data").await.expect("a bucket");
        let producer = Producer::new(&kafka, &kafka.bootstrap).expect("a producer");
        let (sender, answers) = mpsc::unbounded_channel();
        let pipeline = Self { kafka, store, producer, answers, _parts: (broker, s3, root) };
        pipeline.read(sender).await;
        pipeline
    }

    /// Hands on all records of the completion topic and of the dead letters.
    async fn read(&self, sender: mpsc::UnboundedSender<(String, Record)>) {
        let topics = ["conductor-events", "email-validation-requests.dead-letter"];
        let cluster = podium_kafka::Cluster::configured(&self.kafka).expect("a cluster");
        cluster.ensure_topics(&topics.map(podium_kafka::TopicSpec::named), WAIT).await.expect("topics");
        let settings = LanesSettings::new("test-reader", &topics);
        let (lanes, mut events) = Lanes::join(&self.kafka, &settings).expect("joined");
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let LaneEvent::Assigned { round, lanes: given } = event else { continue };
                let starts = given.into_iter().map(|lane| (lane, Start::Beginning)).collect();
                for mut lane in lanes.begin(round, starts).await {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        while let Ok(batch) = lane.next(100, 1 << 20).await {
                            for record in batch {
                                drop(sender.send((lane.id().topic.to_string(), record)));
                            }
                        }
                    });
                }
            }
        });
    }

    async fn email(&self, settings: FileSettings) -> Host {
        let service = EmailValidator::new(self.store.clone(), settings);
        Host::start(service, &self.kafka, HostSettings::of::<EmailValidator>()).await.expect("started")
    }

    async fn send(&self, topic: &str, value: &str) {
        let record = OutRecord { topic: topic.into(), value: Some(value.into()), ..OutRecord::default() };
        self.producer.send(record, Patience::default()).await.expect("sent");
    }

    async fn request(&self, kind: &str, workflow: &str, data: Value) {
        let value = json!({"workflowId": workflow, "taskId": format!("{kind}_validation_task"),
            "eventType": format!("{kind}_validation_request"), "data": data});
        self.send(&format!("{kind}-validation-requests"), &value.to_string()).await;
    }

    async fn next(&mut self) -> (String, Record, Value) {
        let got = tokio::time::timeout(WAIT, self.answers.recv()).await.expect("an answer in time");
        let (topic, record) = got.expect("the reader lives");
        let value =
            serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap_or(Value::Null);
        (topic, record, value)
    }

    async fn object(&self, bucket: &str, key: &str) -> String {
        let bytes = self.store.get_bytes(bucket, key, 1 << 20).await.expect("an object");
        String::from_utf8(bytes.to_vec()).expect("text")
    }
}

fn file(input: &str, output: &str) -> Value {
    json!({"input_bucket": "raw-data", "input_key": input, "output_bucket": "email-validated", "output_key": output})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sieved_and_answered_once_per_request() {
    let mut p = Pipeline::start().await;
    let csv = "id,email\n007,a@b.co\n8,\n9,nope\n";
    p.store.put_bytes("raw-data", "in.csv", csv.as_bytes(), PutOptions::default()).await.expect("put");
    let host = p.email(FileSettings { strict: true, ..FileSettings::default() }).await;
    p.request("email", "w1", file("in.csv", "email_null.csv")).await;
    let (topic, record, event) = p.next().await;
    assert_eq!((topic.as_str(), record.key.as_deref()), ("conductor-events", Some(b"w1".as_slice())));
    let id = String::from_utf8_lossy(record.header(EVENT_ID_HEADER).expect("an id")).into_owned();
    assert_eq!(id, "email-validator:email-validation-requests/0/0");
    assert_eq!(event["eventType"], "email_validation_completed");
    assert_eq!(event["taskId"], "email_validation_task");
    let data = &event["data"];
    assert_eq!((&data["status"], &data["result"]), (&json!("success"), &json!("success")));
    assert_eq!((&data["processedRecords"], &data["failedRecords"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&data["pipelineStage"], &data["output_key"]),
        (&json!("email_validation"), &json!("email_validated_w1.csv"))
    );
    let time = data["timestamp"].as_str().expect("a time");
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    assert_eq!(p.object("email-validated", "email_validated_w1.csv").await, "id,email\n007,a@b.co\n");
    let rejected = p.object("email-validated", "email_validated_w1.csv.rejected.csv").await;
    assert_eq!(rejected, "row,reason,id,email\n2,empty,8,\n3,pattern,9,nope\n");
    let stats = p.object("email-validated", "email_validated_w1.csv.stats.jsonl").await;
    assert!(
        stats.starts_with("{\"validator\":\"email-validator\",\"rows\":3,\"valid\":1,\"invalid\":2}\n"),
        "{stats}"
    );
    // the same request again overwrites and is answered again
    p.request("email", "w1", file("in.csv", "email_null.csv")).await;
    let (_, _, again) = p.next().await;
    assert_eq!(again["data"]["processedRecords"], 1);
    host.stop(WAIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_answered_with_the_reason() {
    let mut p = Pipeline::start().await;
    let host = p.email(FileSettings { fail_once: true, ..FileSettings::default() }).await;
    let inputs: [(&str, &[u8], &str); 6] = [
        ("first", b"email\na@b.co\n", "failed on purpose: the setting fail_once is on"),
        (
            "no-column",
            b"id,mail\n1,a@b.co\n",
            "column \"email\" is missing; the first row must be a header and has: id, mail",
        ),
        ("latin", b"name,email\nJos\xE9,a@b.co\n", "row 1 is not UTF-8 (byte 0xE9 at column 1)"),
        ("empty", b"", "the file is empty: a header row is needed"),
        ("utf16", b"\xFF\xFEe\0m\0", "the file is UTF-16; UTF-8 is needed"),
        ("quote", b"email\n\"a@b.co\nb@c.de\n", "row 1 has a quote that is never closed"),
    ];
    for (key, content, reason) in inputs {
        p.store.put_bytes("raw-data", key, content, PutOptions::default()).await.expect("put");
        p.request("email", key, file(key, "out.csv")).await;
        let (_, _, event) = p.next().await;
        let data = &event["data"];
        assert_eq!(
            (&event["workflowId"], &event["eventType"]),
            (&json!(key), &json!("email_validation_completed"))
        );
        assert_eq!((&data["status"], &data["result"]), (&json!("failed"), &json!("failure")));
        assert!(data["error"].as_str().is_some_and(|e| e.contains(reason)), "{key}: {}", data["error"]);
        assert!(data.get("output_key").is_none());
    }
    p.request("email", "w", file("nowhere", "out.csv")).await;
    assert_eq!(p.next().await.2["data"]["error"], "object s3://raw-data/nowhere does not exist");
    p.request("email", "w", json!({"input_bucket": "raw-data"})).await;
    assert_eq!(p.next().await.2["data"]["error"], "data lacks input_key, output_bucket, output_key");
    assert!(
        p.store.head("email-validated", "out.csv").await.expect("answered").is_none(),
        "nothing half done"
    );
    host.stop(WAIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_passed_over_and_what_nobody_can_read_is_kept() {
    let mut p = Pipeline::start().await;
    let host = p.email(FileSettings::default()).await;
    let topic = "email-validation-requests";
    p.send(topic, "no json").await;
    p.send(topic, &json!({"workflowId": "w", "eventType": "phone_validation_request"}).to_string()).await;
    p.send(topic, &json!({"workflowId": "w"}).to_string()).await;
    // a text that holds JSON is unwrapped; a single value is answered inline
    let inline =
        json!({"workflowId": "w", "eventType": "email_validation_request", "data": {"email": "a@b.co"}});
    p.send(topic, &Value::String(inline.to_string()).to_string()).await;
    let mut found = HashMap::new();
    for _ in 0..2 {
        let (topic, record, event) = p.next().await;
        found.insert(topic, (record, event));
    }
    let (dead, _) = &found["email-validation-requests.dead-letter"];
    assert_eq!(dead.value.as_deref(), Some(b"no json".as_slice()));
    assert_eq!(dead.header("podium-origin-topic"), Some(topic.as_bytes()));
    assert_eq!(dead.header("podium-origin-offset"), Some(b"0".as_slice()));
    let (_, event) = &found["conductor-events"];
    assert_eq!((&event["data"]["valid"], &event["data"]["email"]), (&json!(true), &json!("a@b.co")));
    host.stop(WAIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_stopped() {
    let mut p = Pipeline::start().await;
    // runs may wait for a service that is started after them
    p.request("phone", "before", json!({"phone": "1 555 123"})).await;
    for workflow in ["before", "one", "two"] {
        let service = PhoneValidator::new(p.store.clone(), FileSettings::default()).expect("settings");
        let settings = HostSettings::of::<PhoneValidator>();
        let mut host = Host::start(service, &p.kafka, settings).await.expect("started");
        assert!(host.ready(WAIT).await);
        if workflow != "before" {
            p.request("phone", workflow, json!({"phone": "1 555 123"})).await;
        }
        let (_, _, event) = p.next().await;
        // the ones before were committed
        assert_eq!(event["workflowId"], workflow);
        assert_eq!((&event["data"]["valid"], &event["data"]["reason"]), (&json!(false), &json!("digits")));
        host.stop(WAIT).await;
    }
}
