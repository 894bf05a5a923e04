//! The services of files, each a process of its own on a real broker and the embedded store: what they answer, what
//! they leave, and that a message which comes again changes nothing.

use std::time::Duration;

use podium_tests::support::kafka::{self, Record};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::stage::{events_topic, fresh_tag};
use podium_tests::support::store::Store;
use podium_tests::support::wait::until;
use serde_json::{Value, json};

/// How long whatever has to happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Name, `eventType` of requests without its ending, and the first column of its inputs.
const SERVICES: [(&str, &str); 3] = [
    ("email-validator", "email_validation"),
    ("phone-validator", "phone_validation"),
    ("enricher", "enrichment"),
];

/// Brokers, a store, and the services that a test starts there.
pub(crate) struct Stand {
    broker: String,
    tag: String,
    pub(crate) store: Store,
    workers: Vec<Podium>,
}

impl Stand {
    fn open() -> anyhow::Result<Stand> {
        Stand::open_on(Store::start(kafka::shared()?)?)
    }

    pub(crate) fn open_on(store: Store) -> anyhow::Result<Stand> {
        let broker = kafka::shared()?.to_owned();
        let tag = fresh_tag("f");
        for topic in SERVICES.iter().map(|(name, _)| format!("{tag}-{name}")).chain([events_topic(&tag)]) {
            kafka::create_topic(&broker, &topic, 1)?;
        }
        Ok(Stand { broker, tag, store, workers: Vec::new() })
    }

    /// Starts a process of a service; members of one group share its topic.
    pub(crate) fn worker(
        &mut self,
        name: &str,
        group: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let bare = Settings::new(&["worker", name])
            .with("KAFKA_BOOTSTRAP", &self.broker)
            .with("PODIUM__WORKERS__COMPLETION_TOPIC", &events_topic(&self.tag))
            .with("PODIUM__WORKERS__TOPICS", &format!("{name}={}-{name}", self.tag))
            .with("PODIUM__WORKERS__GROUPS", &format!("{name}={}-{group}", self.tag));
        let own = self.store.variables();
        let all = own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied());
        self.workers.push(Podium::start_quiet(all.fold(bare, |s, (name, value)| s.with(name, value)))?);
        Ok(())
    }

    pub(crate) fn request(&self, name: &str, kind: &str, workflow: &str, data: &Value) -> anyhow::Result<()> {
        let value = json!({"workflowId": workflow, "taskId": format!("{kind}_task"),
            "eventType": format!("{kind}_request"), "data": data});
        kafka::produce(&self.broker, &format!("{}-{name}", self.tag), &[(workflow, &value.to_string())])
    }

    /// The events of a workflow, as soon as there are so many.
    fn events(&self, workflow: &str, many: usize) -> anyhow::Result<Vec<Record>> {
        let topic = events_topic(&self.tag);
        until(&format!("{many} events of {workflow}"), PATIENCE, || {
            let mut all = kafka::read_all(&self.broker, &topic)?;
            all.retain(|record| record.json()["workflowId"] == workflow);
            Ok((all.len() >= many).then_some(all))
        })
        .map_err(|error| error.context(self.workers.iter().map(Podium::log_tail).collect::<String>()))
    }

    /// The `data` of the one event of a workflow.
    pub(crate) fn answer(&self, workflow: &str) -> anyhow::Result<Value> {
        Ok(self.events(workflow, 1)?[0].json()["data"].take())
    }

    fn text(&self, key: &str) -> anyhow::Result<String> {
        let bytes = self.store.get("out", key)?;
        Ok(String::from_utf8(bytes.unwrap_or_else(|| panic!("out/{key} is there")))?)
    }
}

pub(crate) fn file(input: &str, output: &str) -> Value {
    json!({"input_bucket": "raw", "input_key": input, "output_bucket": "out", "output_key": output})
}

#[test]
fn files_are_worked_on_and_what_cannot_be_is_answered_with_its_cause() -> anyhow::Result<()> {
    let mut on = Stand::open()?;
    on.store.put("raw", "in.csv", b"id,email,phone\n007,a@b.co,5551234567\n8,nope,12\n9,,\n")?;
    on.store.put("raw", "bare.csv", b"id\n1\n")?;
    // what unpacks to much is not unpacked: it is no text
    on.store.put("raw", "bomb.csv", &[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0][..], &[0; 4096]].concat())?;
    for (name, kind) in SERVICES {
        on.worker(name, name, &[])?;
        for (what, data) in [
            ("good", file("in.csv", &format!("{name}.csv"))),
            ("bare", file("bare.csv", &format!("{name}-bare.csv"))),
            ("gone", file("gone.csv", "gone.csv")),
            ("bomb", file("bomb.csv", "bomb.csv")),
            ("climb", file("../../etc/passwd", "climb.csv")),
            ("up", file("in.csv", "../up.csv")),
            ("lacks", json!({"input_bucket": "raw"})),
        ] {
            on.request(name, kind, &format!("{what}-{name}"), &data)?;
        }
    }
    for (name, kind) in SERVICES {
        let event = on.events(&format!("good-{name}"), 1)?.remove(0);
        assert_eq!(event.key.as_deref(), Some(format!("good-{name}").as_str()));
        assert_eq!(event.json()["eventType"], format!("{kind}_completed"));
        assert_eq!(event.json()["taskId"], format!("{kind}_task"));
        let data = event.json()["data"].take();
        assert_eq!((&data["result"], &data["status"]), (&json!("success"), &json!("success")), "{data}");
        assert_eq!(data["pipelineStage"], kind);
        let (done, failed) = if name == "enricher" { (3, 0) } else { (1, 2) };
        assert_eq!((&data["processedRecords"], &data["failedRecords"]), (&json!(done), &json!(failed)));
        let rows = on.text(&format!("{name}.csv"))?;
        assert_eq!(rows.lines().count(), done + 1, "{rows}");
        assert!(rows.lines().nth(1).is_some_and(|row| row.starts_with("007,a@b.co,5551234567")), "{rows}");
        assert!(on.text(&format!("{name}.csv.stats.jsonl"))?.contains("\"rows\":3"));
        let refused = |what: &str| -> anyhow::Result<String> {
            let data = on.answer(&format!("{what}-{name}"))?;
            assert_eq!((&data["result"], &data["status"]), (&json!("failure"), &json!("failed")), "{data}");
            Ok(data["error"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(refused("gone")?, "object s3://raw/gone.csv does not exist");
        assert!(refused("bomb")?.contains("s3://raw/bomb.csv: row"), "{}", refused("bomb")?);
        assert_eq!(refused("lacks")?, "data lacks input_key, output_bucket, output_key");
        for climbing in ["climb", "up"] {
            assert!(!refused(climbing)?.is_empty());
        }
        match name {
            "enricher" => assert_eq!(on.answer("bare-enricher")?["result"], "success"),
            _ => assert!(refused("bare")?.contains("is missing; the first row must be a header and has: id")),
        }
    }
    for never in ["gone.csv", "bomb.csv", "climb.csv"] {
        assert!(on.store.get("out", never)?.is_none(), "{never}");
    }
    Ok(())
}

#[test]
fn a_message_that_comes_again_gives_the_same_bytes_and_the_same_event() -> anyhow::Result<()> {
    let mut on = Stand::open()?;
    on.store.put("raw", "in.csv", b"id,name\n1,Ann\n2,Bob\n")?;
    on.request("enricher", "enrichment", "w", &file("in.csv", "enriched_null.csv"))?;
    on.worker("enricher", "one", &[])?;
    let first = on.events("w", 1)?.remove(0);
    let bytes = on.text("enriched_w.csv")?;
    assert!(bytes.starts_with("id,name,customer_segment,risk_score,enrichment_timestamp\n1,Ann,"), "{bytes}");
    // another group knows nothing of the first one's position: it reads the message again
    on.worker("enricher", "two", &[])?;
    let events = on.events("w", 2)?;
    let id = |event: &Record| event.header("podium-event-id").map(str::to_owned);
    assert!(id(&first).is_some());
    assert_eq!(id(&events[0]), id(&events[1]));
    assert_eq!(on.text("enriched_w.csv")?, bytes);
    let fields = |event: &Record| {
        let mut data = event.json()["data"].take();
        // when it was said, which may differ
        data["timestamp"] = Value::Null;
        data
    };
    assert_eq!(fields(&events[0]), fields(&events[1]));
    Ok(())
}

#[test]
fn a_request_that_was_published_twice_is_answered_with_one_id() -> anyhow::Result<()> {
    let mut on = Stand::open()?;
    on.store.put("raw", "in.csv", b"id,email\n1,a@b.co\n")?;
    let value = json!({"workflowId": "w", "taskId": "email_validation_task",
        "eventType": "email_validation_request", "data": file("in.csv", "out.csv")})
    .to_string();
    // as a relay leaves it that was killed before it noted what the broker has
    for id in ["asked", "asked", "asked/1"] {
        let topic = format!("{}-email-validator", on.tag);
        kafka::produce_with_header(&on.broker, &topic, ("w", &value), ("podium-event-id", id))?;
    }
    on.worker("email-validator", "one", &[])?;
    let events = on.events("w", 3)?;
    let ids: Vec<_> = events.iter().map(|event| event.header("podium-event-id")).collect();
    let answers = ["email-validator:asked", "email-validator:asked", "email-validator:asked/1"];
    assert_eq!(ids, answers.map(Some), "the third is another request");
    Ok(())
}

#[test]
fn strict_mode_asks_for_more_and_keeps_what_it_rejects() -> anyhow::Result<()> {
    let mut on = Stand::open()?;
    on.store.put("raw", "in.csv", b"id,email,phone\n1,a@b.co,2127365000\n2,a..b@b.co,1997365000\n")?;
    let strict = [("PODIUM__WORKERS__STRICT", "true")];
    for (name, kind) in &SERVICES[..2] {
        on.worker(name, name, &strict)?;
        on.request(name, kind, name, &file("in.csv", &format!("{name}.csv")))?;
    }
    for (name, reason) in [("email-validator", "rfc5321"), ("phone-validator", "numbering_plan")] {
        let data = on.answer(name)?;
        assert_eq!((&data["processedRecords"], &data["failedRecords"]), (&json!(1), &json!(1)), "{data}");
        let rejected = on.text(&format!("{name}.csv.rejected.csv"))?;
        assert!(rejected.starts_with(&format!("row,reason,id,email,phone\n2,{reason},2,")), "{rejected}");
        assert_eq!(data["rejected_url"], format!("minio://out/{name}.csv.rejected.csv"));
    }
    Ok(())
}
