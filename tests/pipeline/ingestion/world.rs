//! An engine, a broker, a store, and ingestion services beside them, each a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use podium_objects::{ObjectStore, PutOptions, S3Settings};
use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::http::{self, Answer};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::stage::{SOON, events_topic, fresh_tag, own_topics};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, kafka, postgres, repository};
use serde_json::{Value, json};

const KEYS: (&str, &str) = ("podium", "podium-development");
/// The sample that stands where inputs are taken from by default.
pub(super) const INPUT: &str = "first_10_entries.in";

pub(super) struct World {
    pub(super) engine: Podium,
    pub(super) client: Client,
    pub(super) sql: Sql,
    pub(super) broker: String,
    pub(super) tag: String,
    pub(super) store: ObjectStore,
    s3: SocketAddr,
    database: String,
    runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl World {
    /// With the development broker.
    pub(super) fn open() -> anyhow::Result<World> {
        World::on(None)
    }

    /// With a real Kafka node.
    pub(super) fn on_kafka() -> anyhow::Result<World> {
        World::on(Some(kafka::shared()?.to_owned()))
    }

    fn on(kafka: Option<String>) -> anyhow::Result<World> {
        let tag = fresh_tag("i");
        let database = postgres::shared()?.database(&tag)?;
        let folder = tempfile::tempdir()?;
        let own_broker = format!("127.0.0.1:{}", free_port()?);
        let s3: SocketAddr = format!("127.0.0.1:{}", free_port()?).parse()?;
        let settings = Settings::new(&["dev"])
            .with("DATABASE_URL", &database)
            .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
            .with("PODIUM__DEV__KAFKA_LISTEN", &own_broker)
            .with("PODIUM__DEV__S3_LISTEN", &s3.to_string())
            .with("PODIUM__WORKERS__RUN", "")
            .with("PODIUM__INGESTION__ENABLED", "false");
        let settings = match &kafka {
            Some(broker) => {
                kafka::create_topic(broker, &events_topic(&tag), 3)?;
                settings.with("KAFKA_BOOTSTRAP", broker)
            }
            None => settings,
        };
        let engine = Podium::start(own_topics(settings, &tag))?;
        let store = ObjectStore::new(S3Settings {
            endpoint: format!("http://{s3}"),
            region: "us-east-1".to_owned(),
            access_key: KEYS.0.to_owned(),
            secret_key: KEYS.1.to_owned(),
            session_token: None,
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let sql = Sql::connect(&database)?;
        let world = World {
            client: engine.client(),
            engine,
            sql,
            broker: kafka.unwrap_or(own_broker),
            tag,
            store,
            s3,
            database,
            runtime,
            _folder: folder,
        };
        world.put("raw-data", INPUT, &std::fs::read(repository().join("demo/data").join(INPUT))?)?;
        Ok(world)
    }

    /// The service's settings: everything of this world, and the built-in converter.
    pub(super) fn settings(&self) -> Settings {
        self.settings_by(self.address_of_engine(), self.s3)
    }

    /// The same with other ways to the engine and to the store.
    pub(super) fn settings_by(&self, engine: SocketAddr, s3: SocketAddr) -> Settings {
        Settings::new(&["ingest"])
            .with("CONDUCTOR_URL", &format!("http://{engine}"))
            .with("KAFKA_BOOTSTRAP", &self.broker)
            .with("S3_ENDPOINT", &format!("http://{s3}"))
            .with("AWS_ACCESS_KEY_ID", KEYS.0)
            .with("AWS_SECRET_ACCESS_KEY", KEYS.1)
            .with("S3_BUCKET", &self.bucket())
            .with("DATABASE_URL", &self.database)
            .with("PODIUM__LEDGER__NAME", &format!("{}_ledger", self.tag))
            .with("PODIUM__INGESTION__EVENTS_TOPIC", &events_topic(&self.tag))
            .with("PODIUM__INGESTION__DPS_CONVERTER_MODE", "builtin")
            .with("PODIUM__INGESTION__HEARTBEAT", "500ms")
    }

    /// Starts a service, and waits until it is ready for everything.
    pub(super) fn ingest(&self, settings: Settings) -> anyhow::Result<Ingest> {
        let ingest = Ingest(Podium::start(settings)?);
        ingest.wait_ready()?;
        Ok(ingest)
    }

    pub(super) fn address_of_engine(&self) -> SocketAddr {
        let base = self.engine.base();
        base.trim_start_matches("http://").parse().expect("an address of ours")
    }

    pub(super) fn address_of_s3(&self) -> SocketAddr {
        self.s3
    }

    /// The bucket of Airflow's jobs.
    pub(super) fn bucket(&self) -> String {
        format!("{}-jobs", self.tag)
    }

    pub(super) fn name(&self, word: &str) -> String {
        format!("{}-{word}", self.tag)
    }

    pub(super) fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            self.store.ensure_bucket(bucket).await?;
            self.store.put_bytes(bucket, key, bytes, PutOptions::default()).await?;
            Ok(())
        })
    }

    /// An object; `None` if it is not there.
    pub(super) fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match self.runtime.block_on(self.store.get_bytes(bucket, key, 1 << 30)) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The keys of a bucket; none if there is no such bucket.
    pub(super) fn keys(&self, bucket: &str) -> anyhow::Result<Vec<String>> {
        match self.runtime.block_on(self.store.list(bucket, "", 10_000)) {
            Ok(found) => Ok(found.into_iter().map(|object| object.key).collect()),
            Err(error) if error.is_missing() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The database of the ledger, on the server of the engine's.
    pub(super) fn ledger_sql(&self) -> anyhow::Result<Sql> {
        let (server, _) = self.database.rsplit_once('/').expect("a database's address");
        Sql::connect(&format!("{server}/{}_ledger", self.tag))
    }

    /// Versions of a definition, and runs of it.
    pub(super) fn counts(&self, name: &str) -> anyhow::Result<(i64, i64)> {
        let count =
            |table: &str| self.sql.number(&format!("SELECT count(*) FROM {table} WHERE name = '{name}'"));
        Ok((count("workflow_def")?, count("run")?))
    }
}

/// A running ingestion service.
pub(super) struct Ingest(pub(super) Podium);

impl Ingest {
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        Ok(http::send_json(&self.0.base(), "POST", path, body)?)
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Ok(http::get(&self.0.base(), path)?)
    }

    pub(super) fn call(&self, method: &str, path: &str) -> anyhow::Result<Answer> {
        Ok(http::call(&self.0.base(), method, path, &[], None, Duration::from_secs(30))?)
    }

    /// Deploys; what is answered with 200.
    pub(super) fn deploy(&self, body: &Value) -> anyhow::Result<Value> {
        self.post("/workflow/deploy", body)?.ok()?.json()
    }

    pub(super) fn wait_ready(&self) -> anyhow::Result<()> {
        let mut last = String::new();
        let ready = until("the ingestion service to be ready", SOON, || {
            let answer = http::get(&self.0.base(), "/ready");
            last = answer.as_ref().map_or_else(ToString::to_string, Answer::text);
            Ok(answer.is_ok_and(|a| a.status == 200).then_some(()))
        });
        ready.map_err(|error| error.context(last))
    }
}

/// The documented pipeline's definition under a name of its own and without a version.
pub(super) fn documented(name: &str) -> anyhow::Result<Value> {
    let file = repository().join("demo/definitions/documented_pipeline.json");
    let mut definition: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    definition["name"] = json!(name);
    definition.as_object_mut().expect("a definition").remove("version");
    Ok(definition)
}

/// One task that ends at once.
pub(super) fn small(name: &str) -> Value {
    json!({"name": name, "ownerEmail": "tests@example.com", "schemaVersion": 2,
        "tasks": [{"name": "noop", "taskReferenceName": "noop", "type": "NOOP"}]})
}
