//! The whole system as processes of their own: engines, ingestion, services, on a real broker and one database. Topics
//! and consumer groups are of this system alone, so several may share the broker.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use super::audit::Sql;
use super::client::Client;
use super::podium::{Podium, Settings};
use super::stage::{events_topic, fresh_tag, own_topics};
use super::store::Store;
use super::wait::until;
use super::{free_port, http, kafka, postgres, repository};

/// Starting may take long on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);
/// As many members of a service can share the work.
const PARTITIONS: i32 = 3;

/// Services, and the documented topics of their requests.
const TOPICS: [(&str, &str); 7] = [
    ("email-validator", "email-validation-requests"),
    ("phone-validator", "phone-validation-requests"),
    ("enricher", "enrichment-requests"),
    ("airflow-adapter", "airflow-trigger-requests"),
    ("email-hygiene", "email-hygiene-requests"),
    ("reverse-email", "reverse-email-requests"),
    ("dag-monitor", "dag-monitor-queue"),
];

/// Who may ask the job runner.
const AIRFLOW_PASSWORD: &str = "tests-airflow";

/// A running system. Dropping it kills its processes.
pub struct System {
    pub client: Client,
    pub sql: Sql,
    pub store: Store,
    pub broker: String,
    /// Begins every name that this system makes.
    pub tag: String,
    engine: Podium,
    url: String,
    /// Address of the job runner that stands in for Airflow.
    airflow: String,
    ingestion: Option<(Podium, String)>,
    workers: Vec<(String, Podium)>,
}

impl System {
    /// Starts an engine with its surroundings; services and ingestion are started by what follows.
    pub fn start() -> anyhow::Result<System> {
        let broker = kafka::shared()?.to_owned();
        let tag = fresh_tag("s");
        let url = postgres::shared()?.database(&tag)?;
        for topic in TOPICS.iter().map(|(_, topic)| format!("{tag}-{topic}")).chain([events_topic(&tag)]) {
            kafka::create_topic(&broker, &topic, PARTITIONS)?;
        }
        let airflow = format!("127.0.0.1:{}", free_port()?);
        // `podium dev` brings the job runner only where a service needs one; nobody sends this one anything
        let store = Store::start_with(
            &broker,
            &[
                ("PODIUM__WORKERS__RUN", "reverse-email"),
                ("PODIUM__WORKERS__TOPICS", &format!("reverse-email={tag}-nobody")),
                ("PODIUM__WORKERS__GROUPS", &format!("reverse-email={tag}-nobody")),
                ("PODIUM__DEV__AIRFLOW_LISTEN", &airflow),
                ("AIRFLOW_AUTH", "basic"),
                ("AIRFLOW_USER", "tests"),
                ("AIRFLOW_PASSWORD", AIRFLOW_PASSWORD),
                ("DB_NAME", &format!("{tag}_jobs")),
            ],
        )?;
        let engine = surrounded(Settings::new(&["serve"]), &tag, &url, &broker, &store);
        let engine = Podium::start(engine).context("the engine")?;
        let sql = Sql::connect(&url)?;
        Ok(System {
            client: engine.client(),
            sql,
            store,
            broker,
            tag,
            engine,
            url,
            airflow,
            ingestion: None,
            workers: Vec::new(),
        })
    }

    /// Starts one more process of a service and waits until it takes requests.
    pub fn worker(&mut self, name: &str, variables: &[(&str, &str)]) -> anyhow::Result<()> {
        let settings = self
            .surrounded(Settings::new(&["worker", name]))
            .with("AIRFLOW_ENDPOINT", &format!("http://{}", self.airflow))
            .with("AIRFLOW_AUTH", "basic")
            .with("AIRFLOW_USER", "tests")
            .with("AIRFLOW_PASSWORD", AIRFLOW_PASSWORD)
            .with("PODIUM__DAG_MONITOR__POLL_INTERVAL", "500ms")
            .with("PODIUM__DAG_MONITOR__LEDGER_INTERVAL", "1s")
            // a monitor that was killed keeps its rows from others for so long
            .with("PODIUM__DAG_MONITOR__LEASE", "5s");
        let settings = variables.iter().fold(settings, |all, (name, value)| all.with(name, value));
        let worker = Podium::start_quiet(settings)?;
        until(&format!("{name} to take requests"), LIMIT, || {
            Ok(worker.log_tail().contains("takes requests").then_some(()))
        })
        .with_context(|| worker.log_tail())?;
        self.workers.push((name.to_owned(), worker));
        Ok(())
    }

    /// Starts the ingestion service and waits until it answers.
    pub fn ingest(&mut self) -> anyhow::Result<()> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let settings = self
            .surrounded(Settings::new(&["ingest"]))
            .with("CONDUCTOR_URL", &self.engine.base())
            .with("PODIUM__INGESTION__LISTEN", &address);
        let service = Podium::start_quiet(settings)?;
        let base = format!("http://{address}");
        until("the ingestion service to answer", LIMIT, || {
            Ok(http::get(&base, "/health").is_ok_and(|answer| answer.status == 200).then_some(()))
        })
        .with_context(|| service.log_tail())?;
        self.ingestion = Some((service, base));
        Ok(())
    }

    /// Root of the ingestion service.
    pub fn ingestion(&self) -> &str {
        self.ingestion.as_ref().map_or("http://nobody", |(_, base)| base)
    }

    /// The processes that can be killed: engine, ingestion, services.
    pub fn members(&self) -> usize {
        1 + usize::from(self.ingestion.is_some()) + self.workers.len()
    }

    /// `kill -9` for a process, and starts it again without waiting for it; who it was.
    pub fn kill(&mut self, member: usize) -> anyhow::Result<String> {
        let ingestion = self.ingestion.iter_mut().map(|(process, _)| ("ingestion", process));
        let workers = self.workers.iter_mut().map(|(name, process)| (name.as_str(), process));
        let mut all = std::iter::once(("engine", &mut self.engine)).chain(ingestion).chain(workers);
        let (name, process) = all.nth(member).context("no such member")?;
        process.kill()?;
        process.respawn()?;
        Ok(name.to_owned())
    }

    /// What the processes warned of, each with its name.
    pub fn warnings(&self) -> String {
        let others = self.workers.iter().map(|(name, process)| (name.as_str(), process));
        let ingestion = self.ingestion.iter().map(|(process, _)| ("ingestion", process));
        let all = std::iter::once(("engine", &self.engine)).chain(ingestion).chain(others);
        all.map(|(name, process)| format!("{name}:\n{}\n", process.warnings())).collect()
    }

    /// Logs of the processes of one service.
    pub fn logs(&self, name: &str) -> Vec<String> {
        self.workers
            .iter()
            .filter(|(worker, _)| worker == name)
            .map(|(_, worker)| worker.log_tail())
            .collect()
    }

    /// What the services note: the database of the ledger.
    pub fn ledger(&self) -> anyhow::Result<Sql> {
        Sql::connect(&postgres::shared()?.url(&format!("{}_ledger", self.tag)))
    }

    /// The topic of this system that stands for a documented one.
    pub fn topic(&self, documented: &str) -> String {
        format!("{}-{documented}", self.tag)
    }

    /// A definition of the demo with the named services' tasks only, under a name and with topics of this system.
    pub fn definition(&self, name: &str, services: &[&str]) -> anyhow::Result<Value> {
        let path = repository().join("demo/definitions/documented_pipeline.json");
        let mut definition: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        definition["name"] = format!("{}-{name}", self.tag).into();
        let tasks = definition["tasks"].as_array_mut().context("tasks")?;
        tasks.retain(|task| {
            let reference = task["taskReferenceName"].as_str().unwrap_or_default();
            services.iter().any(|service| reference.contains(service))
        });
        for request in tasks.iter_mut().filter_map(|task| task.pointer_mut("/inputParameters/kafka_request"))
        {
            let documented = request["topic"].as_str().context("a topic")?;
            let own = match documented {
                "conductor-events" => events_topic(&self.tag),
                other => self.topic(other),
            };
            request["topic"] = own.into();
        }
        Ok(definition)
    }

    fn surrounded(&self, settings: Settings) -> Settings {
        surrounded(settings, &self.tag, &self.url, &self.broker, &self.store)
    }
}

/// What every process is told: where everything is, and whose topics are meant.
fn surrounded(settings: Settings, tag: &str, url: &str, broker: &str, store: &Store) -> Settings {
    let pairs = |value: &dyn Fn(&str, &str) -> String| {
        let all = TOPICS.iter().map(|(name, topic)| format!("{name}={}", value(name, topic)));
        all.collect::<Vec<_>>().join(",")
    };
    let settings = own_topics(settings, tag)
        .with("DATABASE_URL", url)
        .with("DB_NAME", &format!("{tag}_ledger"))
        .with("KAFKA_BOOTSTRAP", broker)
        .with("PODIUM__WORKERS__TOPICS", &pairs(&|_, topic| format!("{tag}-{topic}")))
        .with("PODIUM__WORKERS__GROUPS", &pairs(&|name, _| format!("{tag}-{name}")))
        .with("PODIUM__WORKERS__COMPLETION_TOPIC", &events_topic(tag))
        .with("PODIUM__DAG_MONITOR__TOPIC", &format!("{tag}-dag-monitor-queue"))
        .with("PODIUM__INGESTION__EVENTS_TOPIC", &events_topic(tag))
        .with("PODIUM__INGESTION__GROUP", &format!("{tag}-ingestion"));
    store.variables().iter().fold(settings, |all, (name, value)| all.with(name, value))
}
