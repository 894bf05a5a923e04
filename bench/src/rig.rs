//! What is measured: a durable PostgreSQL of our own and the release `podium serve` on it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres::{Cluster, Durability};
use serde_json::{Value, json};

use crate::counters::Counters;
use crate::load::start_many;

/// PostgreSQL as it comes, but for a buffer that fits the machine and the extension that counts statements.
pub(crate) const POSTGRES_SETTINGS: [&str; 2] =
    ["shared_buffers=1GB", "shared_preload_libraries=pg_stat_statements"];

/// The cluster, with an empty database that is the template of all others.
pub(crate) struct Machine {
    pub(crate) cluster: Cluster,
    binary: PathBuf,
    template: String,
}

impl Machine {
    /// Starts PostgreSQL and migrates the template with the binary under test.
    pub(crate) fn start(binary: PathBuf, more: &[String]) -> anyhow::Result<Machine> {
        let settings: Vec<&str> =
            POSTGRES_SETTINGS.into_iter().chain(more.iter().map(String::as_str)).collect();
        let cluster = Cluster::start(Durability::Durable, &settings)?;
        let url = cluster.database("template")?;
        let migrated = Command::new(&binary).arg("migrate").env("DATABASE_URL", &url).output();
        let migrated = migrated.with_context(|| format!("could not run {}", binary.display()))?;
        anyhow::ensure!(migrated.status.success(), "migrate: {}", String::from_utf8_lossy(&migrated.stderr));
        let template = url.rsplit('/').next().unwrap_or_default().to_owned();
        Sql::connect(&url)?.execute("CREATE EXTENSION pg_stat_statements")?;
        Ok(Machine { cluster, binary, template })
    }

    /// The binary under test.
    pub(crate) fn binary(&self) -> &std::path::Path {
        &self.binary
    }

    /// URL of a fresh migrated database.
    pub(crate) fn database(&self, name: &str) -> anyhow::Result<String> {
        let sql = Sql::connect(&self.cluster.url("postgres"))?;
        sql.execute(&format!("CREATE DATABASE {name} TEMPLATE {}", self.template))?;
        Ok(self.cluster.url(name))
    }

    /// A fresh database with an engine on it.
    pub(crate) fn rig(&self, name: &str, kafka: Option<&str>) -> anyhow::Result<Rig> {
        let url = self.database(name)?;
        let mut settings = Settings::serve(&url);
        if let Some(kafka) = kafka {
            settings = settings.with("KAFKA_BOOTSTRAP", kafka);
        }
        let sql = Sql::connect(&url)?;
        let engine = Podium::start(settings.with_binary(&self.binary))?;
        Ok(Rig { engine, sql, postmaster: self.cluster.pid() })
    }
}

/// One engine on its own database.
pub(crate) struct Rig {
    pub(crate) engine: Podium,
    pub(crate) sql: Sql,
    postmaster: u32,
}

impl Rig {
    /// `host:port` of the engine.
    pub(crate) fn address(&self) -> String {
        self.engine.base().trim_start_matches("http://").to_owned()
    }

    pub(crate) fn client(&self) -> Client {
        self.engine.client()
    }

    /// Registers a line of `tasks` SIMPLE tasks of one type, with time-outs so long that they never matter.
    pub(crate) fn define_line(&self, workflow: &str, task_type: &str, tasks: u64) -> anyhow::Result<()> {
        let steps: Vec<Value> = (1..=tasks)
            .map(|n| {
                json!({"name": task_type, "taskReferenceName": format!("t{n}"), "type": "SIMPLE",
                    "inputParameters": {"text": "${workflow.input.text}"}})
            })
            .collect();
        self.define_task(task_type)?;
        self.client().register_workflow(&definition(workflow, steps))
    }

    pub(crate) fn define_task(&self, task_type: &str) -> anyhow::Result<()> {
        self.client().register_task_defs(&json!([{"name": task_type, "retryCount": 0, "timeoutSeconds": 0,
            "responseTimeoutSeconds": 3600, "ownerEmail": "bench@example.com"}]))
    }

    /// Reads the counters when all that was done before is in them. A backend reports its counts at the end of
    /// a transaction, at most once a second; so this waits a second and starts a few runs, which makes every
    /// writer report.
    pub(crate) async fn counters(&self) -> anyhow::Result<Counters> {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        start_many(&self.address(), TRICKLE, 16).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        Counters::read(&self.sql, self.postmaster, self.engine.pid())
    }

    /// The counters as they stand, which may miss the last second.
    pub(crate) fn counters_now(&self) -> anyhow::Result<Counters> {
        Counters::read(&self.sql, self.postmaster, self.engine.pid())
    }

    /// Registers the workflow that `counters` starts: one task that nobody polls.
    pub(crate) fn define_trickle(&self) -> anyhow::Result<()> {
        self.define_line(TRICKLE, "bench_trickle", 1)
    }

    pub(crate) fn resident_mb(&self) -> anyhow::Result<f64> {
        Ok(crate::counters::resident_bytes(self.engine.pid())? / 1e6)
    }
}

const TRICKLE: &str = "bench_trickle";

/// A workflow definition of these tasks.
pub(crate) fn definition(name: &str, tasks: Vec<Value>) -> Value {
    json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "bench@example.com",
        "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "tasks": tasks})
}
