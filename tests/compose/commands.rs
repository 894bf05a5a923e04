//! Every command that a container runs with Podium's binary, run here with the same variables on real parts.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use podium_tests::support::podium::{Podium, Settings, binary};
use podium_tests::support::store::Store;
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, kafka, postgres};
use serde_json::Value;

use crate::files::{folder, object, whole};

const LIMIT: Duration = Duration::from_secs(60);

/// The parts that containers find by name, as they are here.
struct Parts {
    store: Store,
    broker: String,
    secrets: tempfile::TempDir,
}

impl Parts {
    fn start() -> anyhow::Result<Parts> {
        let broker = kafka::shared()?.to_owned();
        let store = Store::start(&broker)?;
        let secrets = tempfile::tempdir()?;
        std::fs::write(secrets.path().join("database_url"), postgres::shared()?.database("compose")?)?;
        std::fs::write(secrets.path().join("minio_password"), store.secret_key())?;
        std::fs::write(secrets.path().join("airflow_password"), "nobody asks for it here")?;
        Ok(Parts { store, broker, secrets })
    }

    /// A container's value as it is here. Only addresses and paths differ.
    fn here(&self, value: &str, engine: &str) -> String {
        let secrets = format!("{}/", self.secrets.path().display());
        match value {
            "kafka:9092" => self.broker.clone(),
            "http://minio:9000" => self.store.endpoint(),
            "http://podium:8080" => engine.to_owned(),
            other => other.replace("/run/secrets/", &secrets),
        }
    }

    /// Starts a service's command, and the address that it listens on.
    fn run(&self, service: &Value, engine: &str) -> anyhow::Result<(Podium, String)> {
        let mut arguments: Vec<&str> =
            service["command"].as_array().context("a command")?.iter().filter_map(Value::as_str).collect();
        let address = format!("127.0.0.1:{}", free_port()?);
        let listens = arguments.iter().position(|argument| *argument == "--listen");
        if let Some(at) = listens {
            arguments[at + 1] = &address;
        }
        let mut settings = Settings::new(&arguments);
        for (name, value) in object(&service["environment"])? {
            let value = match name.as_str() {
                // the store of this test has keys of its own
                "AWS_ACCESS_KEY_ID" => self.store.access_key().to_owned(),
                "PODIUM__WORKERS__HEALTH_LISTEN" => address.clone(),
                _ => self.here(value.as_str().context("a text")?, engine),
            };
            settings = settings.with(name, &value);
        }
        Ok((Podium::start_quiet(settings)?, address))
    }
}

/// `podium health URL` says yes.
fn is_healthy(url: &str) -> anyhow::Result<bool> {
    Ok(Command::new(binary()?).args(["health", url]).output()?.status.success())
}

#[test]
fn every_service_starts_with_its_command_and_its_variables() -> anyhow::Result<()> {
    let (parts, whole) = (Parts::start()?, whole()?);
    let services = object(&whole["services"])?;
    let (engine, address) = parts.run(&services["podium"], "")?;
    let engine_url = format!("http://{address}");
    until("the engine to be ready", LIMIT, || {
        Ok(is_healthy(&format!("{engine_url}/health/ready"))?.then_some(()))
    })
    .with_context(|| engine.log_tail())?;
    let mut started = Vec::new();
    for (name, service) in services.iter().filter(|(name, s)| s["image"] == "podium" && *name != "podium") {
        let (process, address) = parts.run(service, &engine_url).with_context(|| name.clone())?;
        started.push((name, service, process, address));
    }
    for (name, service, process, address) in &started {
        let path = match service["healthcheck"]["test"].as_array() {
            Some(test) => {
                ensure!(test[..3] == ["CMD", "podium", "health"], "{name} is checked by {test:?}");
                let url = test[3].as_str().context("an address")?;
                let (_, path) = url.trim_start_matches("http://").split_once('/').context("a path")?;
                format!("/{path}")
            }
            None => "/health/ready".to_owned(),
        };
        until(&format!("{name} to be well"), LIMIT, || {
            Ok(is_healthy(&format!("http://{address}{path}"))?.then_some(()))
        })
        .with_context(|| process.log_tail())?;
    }
    ensure!(started.len() >= 8, "only {} services run Podium", started.len());
    // nothing that is looked at answers what is not there
    ensure!(!is_healthy(&format!("{engine_url}/nothing"))?, "health says yes to a 404");
    Ok(())
}

#[test]
fn the_image_s_own_commands_exist() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(folder().join("Dockerfile"))?;
    let instruction = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(name) && line.contains('['))
            .with_context(|| name.to_owned())?;
        let list = &line[line.find('[').context("a list")?..];
        Ok::<Vec<String>, anyhow::Error>(serde_json::from_str(list)?)
    };
    ensure!(instruction("ENTRYPOINT")? == ["podium"]);
    ensure!(instruction("HEALTHCHECK")? == ["podium", "health"]);
    let commands: BTreeSet<String> =
        [instruction("CMD")?[0].clone(), instruction("HEALTHCHECK")?[1].clone()].into();
    for command in commands {
        let help = Command::new(binary()?).args([command.as_str(), "--help"]).output()?;
        ensure!(help.status.success(), "podium {command} does not exist");
    }
    // stages, and what is copied between them
    let stages: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("FROM ")?.split_once(" AS ")).map(|(_, s)| s).collect();
    ensure!(stages == ["pages", "build", "airflow", "podium"], "{stages:?}");
    ensure!(text.contains("USER 10001:10001"), "the image runs as root");
    let dockerfile: &Path = Path::new("compose/Dockerfile");
    for (name, service) in object(&whole()?["services"])?.iter().filter(|(_, s)| !s["build"].is_null()) {
        ensure!(service["build"]["dockerfile"] == dockerfile.to_string_lossy().as_ref(), "{name}");
        let target = service["build"]["target"].as_str().unwrap_or_default();
        ensure!(stages.contains(&target), "{name} is built from {target:?}");
    }
    Ok(())
}
