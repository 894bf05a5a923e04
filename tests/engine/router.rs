//! The external, documented router instead of the engine's own, and beside it.

use std::process::{Child, Command, Stdio};

use anyhow::Context;
use podium_tests::support::pipeline::{in_sequence, stage, that_says};
use podium_tests::support::podium::Settings;
use podium_tests::support::stage::{SOON, Stage, events_topic, fresh_tag, own_topics};
use podium_tests::support::{kafka, keeper, postgres, repository};
use serde_json::json;

/// The example program of the events room; it ends with the test.
struct ExternalRouter(Child);

impl ExternalRouter {
    fn start(on: &Stage) -> anyhow::Result<ExternalRouter> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "podium-events", "--example", "external_router"])
            .current_dir(repository())
            .status()
            .context("could not run cargo")?;
        anyhow::ensure!(built.success(), "the external router does not build");
        let own = std::env::current_exe()?;
        let target = own.parent().and_then(|deps| deps.parent()).context("the test binary lies nowhere")?;
        let mut command = Command::new(target.join("examples/external_router"));
        command
            .env("KAFKA_BOOTSTRAP", &on.broker)
            .env("CONDUCTOR_API", format!("{}/api", on.podium.base()))
            .env("ROUTER_GROUP", on.name("external-router"))
            .env("ROUTER_TOPIC", events_topic(&on.tag))
            .env("STARTUP_SLEEP_SECONDS", "0")
            .env("ROUTER_TRY_SECONDS", "0.3")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = keeper::spawn(command, libc::SIGKILL)?;
        let output = child.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)?;
        anyhow::ensure!(line.trim() == "ready", "the external router said {line:?}");
        Ok(ExternalRouter(child))
    }
}

impl Drop for ExternalRouter {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn stage_with_router(enabled: bool) -> anyhow::Result<Stage> {
    let tag = fresh_tag("x");
    let url = postgres::shared()?.database(&tag)?;
    let broker = kafka::shared()?.to_owned();
    kafka::create_topic(&broker, &events_topic(&tag), 1)?;
    let settings = Settings::serve(&url)
        .with("KAFKA_BOOTSTRAP", &broker)
        .with("PODIUM__ROUTER__ENABLED", if enabled { "true" } else { "false" });
    Stage::with(own_topics(settings, &tag), &url, broker, tag, None)
}

fn runs_complete(on: &Stage, count: usize) -> anyhow::Result<()> {
    let _router = ExternalRouter::start(on)?;
    let _email = on.service(&on.name("email"), that_says("email", "success"))?;
    let stages = [stage("email", &on.name("email"), &on.broker, &json!({}))];
    on.client.register_workflow(&in_sequence(&on.name("wf"), &stages))?;
    let ids: Vec<String> =
        (0..count).map(|_| on.client.start(&on.name("wf"), &json!({}))).collect::<anyhow::Result<_>>()?;
    for id in &ids {
        let run = on.client.wait_for(id, "COMPLETED", SOON)?;
        assert_eq!(run["tasks"].as_array().map(Vec::len), Some(2));
    }
    on.sql.assert_sound()
}

#[test]
fn the_external_router_works_instead_of_our_own() -> anyhow::Result<()> {
    runs_complete(&stage_with_router(false)?, 5)
}

#[test]
fn the_external_router_works_beside_our_own() -> anyhow::Result<()> {
    runs_complete(&stage_with_router(true)?, 20)
}
