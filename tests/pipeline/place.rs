//! Where the services play: `podium dev` for broker, store and database, and the services in it.

use std::collections::HashMap;
use std::time::Duration;

use podium_tests::support::kafka::{self, Record};
use podium_tests::support::podium::Settings;
use podium_tests::support::stage::{Stage, events_topic, fresh_tag, own_topics};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, postgres};
use serde_json::{Value, json};

/// How long whatever has to happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A `podium dev` of its own.
pub(crate) struct Place {
    pub(crate) stage: Stage,
    /// What another process needs to work on the same broker, store and database.
    pub(crate) surroundings: Vec<(String, String)>,
}

impl Place {
    /// Starts it with these services and settings.
    pub(crate) fn open(services: &str, settings: &[(&str, &str)]) -> anyhow::Result<Place> {
        let tag = fresh_tag("p");
        let url = postgres::shared()?.database(&tag)?;
        let folder = tempfile::tempdir()?;
        let broker = format!("127.0.0.1:{}", free_port()?);
        let s3 = format!("127.0.0.1:{}", free_port()?);
        // one ledger for each place: the server is shared
        let common = [
            ("DATABASE_URL", url.as_str()),
            ("DB_NAME", &format!("{tag}_ledger")),
            ("PODIUM__WORKERS__COMPLETION_TOPIC", &events_topic(&tag)),
            ("AWS_ACCESS_KEY_ID", "tester"),
            ("AWS_SECRET_ACCESS_KEY", "tester-secret"),
            ("S3_BUCKET", "dags"),
        ];
        let all =
            common.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut surroundings: Vec<(String, String)> = all.collect();
        let mut dev = own_topics(Settings::new(&["dev"]), &tag)
            .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
            .with("PODIUM__DEV__KAFKA_LISTEN", &broker)
            .with("PODIUM__DEV__S3_LISTEN", &s3)
            .with("PODIUM__INGESTION__ENABLED", "false")
            .with("PODIUM__WORKERS__RUN", services);
        for (name, value) in &surroundings {
            dev = dev.with(name, value);
        }
        surroundings.push(("KAFKA_BOOTSTRAP".to_owned(), broker.clone()));
        if !settings.iter().any(|(name, _)| *name == "S3_ENDPOINT") {
            surroundings.push(("S3_ENDPOINT".to_owned(), format!("http://{s3}")));
        }
        let stage = Stage::with(dev, &url, broker, tag, Some(folder))?;
        Ok(Place { stage, surroundings })
    }

    /// Settings of another process of this place.
    pub(crate) fn worker(&self, name: &str) -> Settings {
        let bare = Settings::new(&["worker", name]);
        self.surroundings.iter().fold(bare, |settings, (name, value)| settings.with(name, value))
    }

    /// The address of the store.
    pub(crate) fn store(&self) -> &str {
        let given = self.surroundings.iter().find(|(name, _)| name == "S3_ENDPOINT");
        given.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Sends requests, (workflow, task label, type, data) each, to a topic.
    pub(crate) fn request(
        &self,
        topic: &str,
        kind: &str,
        requests: &[(&str, &str, Value)],
    ) -> anyhow::Result<()> {
        let texts: Vec<(&str, String)> = requests
            .iter()
            .map(|(workflow, label, data)| {
                let value = json!({"workflowId": workflow, "taskId": label, "eventType": kind, "data": data});
                (*workflow, value.to_string())
            })
            .collect();
        let records: Vec<(&str, &str)> = texts.iter().map(|(key, value)| (*key, value.as_str())).collect();
        kafka::produce(&self.stage.broker, topic, &records)
    }

    /// Waits until each workflow has an event; returns all events by workflow.
    pub(crate) fn events(&self, workflows: &[&str]) -> anyhow::Result<HashMap<String, Vec<Record>>> {
        let topic = events_topic(&self.stage.tag);
        let mut found = HashMap::new();
        let waited = until("an event for each workflow", PATIENCE, || {
            found = by_workflow(kafka::read_all(&self.stage.broker, &topic)?);
            Ok(workflows.iter().all(|w| found.contains_key(*w)).then_some(()))
        });
        let missing: Vec<_> = workflows.iter().filter(|w| !found.contains_key(**w)).collect();
        waited.map_err(|error| {
            error.context(format!("no event for {missing:?}; {}", self.stage.podium.warnings()))
        })?;
        Ok(found)
    }
}

fn by_workflow(records: Vec<Record>) -> HashMap<String, Vec<Record>> {
    let mut found: HashMap<String, Vec<Record>> = HashMap::new();
    for record in records {
        let workflow = record.json()["workflowId"].as_str().unwrap_or_default().to_owned();
        found.entry(workflow).or_default().push(record);
    }
    found
}

/// The error that the one event of a workflow names; fails unless it is a failure in the documented form.
pub(crate) fn failure(events: &HashMap<String, Vec<Record>>, workflow: &str) -> String {
    let event = only(events, workflow);
    let data = &event["data"];
    assert_eq!((&data["result"], &data["status"]), (&json!("failure"), &json!("failed")), "{event}");
    data["error"].as_str().unwrap_or_default().to_owned()
}

/// The one event of a workflow.
pub(crate) fn only(events: &HashMap<String, Vec<Record>>, workflow: &str) -> Value {
    let mine = &events[workflow];
    assert_eq!(mine.len(), 1, "{workflow} has these events: {mine:?}");
    mine[0].json()
}
