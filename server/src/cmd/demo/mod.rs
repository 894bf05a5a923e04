//! `podium demo`: the documented pipeline on 10,000 rows, from nothing to a finished run, like a client would.
//!
//! Everything runs in this process on free ports and a temporary directory; the REST API is called over HTTP.

mod client;
mod timeline;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use podium_objects::{ObjectStore, PutOptions};
use serde_json::Value;

use super::dev::Running;
use super::{block_on, settle};
use crate::config::{Layers, Source};
use crate::shutdown::Signals;
use client::Client;

const CUSTOMERS: &[u8] = include_bytes!("../../../../demo/data/customers.csv");
/// All that the demo registers, made of the graphs in `demo/graphs`.
const DEFINITIONS: [&str; 4] = [
    include_str!("../../../../demo/definitions/email_pipeline.json"),
    include_str!("../../../../demo/definitions/name_parse_pipeline.json"),
    include_str!("../../../../demo/definitions/parallel_pipeline.json"),
    include_str!("../../../../demo/definitions/documented_pipeline.json"),
];
/// Those that it runs: the others are for Airflow.
const RUN: [&str; 2] = ["email_pipeline", "parallel_pipeline"];
const INPUT: (&str, &str) = ("raw-data", "customer_data_sample.csv");
/// A run needs a fraction of a second; this is for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST_OUTPUT: u64 = 64 * 1024 * 1024;

pub(super) fn run(mut layers: Layers, output: Option<PathBuf>) -> anyhow::Result<()> {
    // the demo is about itself: what the environment names for real work is not touched
    for (key, value) in [
        ("server.listen", "127.0.0.1:0"),
        ("database.url", ""),
        ("kafka.bootstrap", ""),
        ("s3.endpoint", ""),
        ("minio.endpoint", ""),
        ("ledger.host", ""),
        ("ingestion.listen", "127.0.0.1:0"),
        ("ingestion.engine_url", ""),
        ("dev.kafka_listen", "127.0.0.1:0"),
        ("dev.s3_listen", "127.0.0.1:0"),
    ] {
        layers.text(key, value, Source::CommandLine)?;
    }
    if layers.source("log.level") == Some(&Source::Default) {
        layers.text("log.level", "warn", Source::CommandLine)?;
    }
    let mut config = settle(&layers)?;
    if let Some(dir) = &output {
        std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    }
    let data = tempfile::Builder::new().prefix("podium-demo-").tempdir().context("a temporary directory")?;
    // PostgreSQL runs as another user when we are root and must be able to pass through
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o711))?;
    let begun = Instant::now();
    block_on(async {
        let signals = Signals::new().context("could not take over the signals")?;
        let stop = signals.first();
        println!("Podium demo: the documented pipeline on 10,000 rows, everything in this one process\n");
        let Some(running) = Running::start_unless(&mut config, data.path(), stop.clone()).await? else {
            println!("Stopped before it was up.");
            return Ok(());
        };
        let shown = tokio::select! {
            shown = show(&running, data.path(), output.as_deref(), begun) => shown.map(|()| "Stopped"),
            () = stop => Ok("Stopped early"),
        };
        running.stop().await;
        let took = begun.elapsed().as_secs_f64();
        println!("\n{} after {took:.1} s. `make run` starts the same and stays.", shown?);
        Ok(())
    })
}

async fn show(running: &Running, data: &Path, output: Option<&Path>, begun: Instant) -> anyhow::Result<()> {
    let base = format!("http://{}", running.node.address());
    println!("  PostgreSQL   a cluster of its own in {}", data.display());
    println!("  Kafka        development broker on {}", running.kafka.bootstrap);
    println!("  S3           {}", running.s3.endpoint);
    println!("  REST API     {base}");
    println!("  workers      email-validator, phone-validator");
    println!("  all ready after {:.1} s\n", begun.elapsed().as_secs_f64());
    let store = ObjectStore::new(running.s3.clone())?;
    store.put_bytes(INPUT.0, INPUT.1, CUSTOMERS, PutOptions::of_type("text/csv")).await?;
    println!("uploaded {} KiB to s3://{}/{}", CUSTOMERS.len() / 1024, INPUT.0, INPUT.1);
    let client = Client::new(base);
    let mut runs = Vec::new();
    for definition in DEFINITIONS {
        let definition: Value = serde_json::from_str(definition).context("a definition of the demo")?;
        let name = definition["name"].as_str().context("a definition without a name")?;
        client.register(&definition).await?;
        if !RUN.contains(&name) {
            continue;
        }
        let id = client.start(name).await?;
        println!("\n{name}: {}", definition["description"].as_str().unwrap_or_default());
        println!("  POST /api/workflow/{name} -> {id}");
        runs.push(follow(&client, &id).await?);
    }
    println!();
    for run in &runs {
        println!("{}", timeline::draw(run));
        report(&store, run, output).await?;
    }
    Ok(())
}

/// Prints each change of a run until it ends.
async fn follow(client: &Client, id: &str) -> anyhow::Result<Value> {
    let begun = Instant::now();
    let mut seen: HashMap<String, String> = HashMap::new();
    loop {
        let run = client.run(id).await?;
        for task in run["tasks"].as_array().into_iter().flatten() {
            let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
            let (name, status) = (text("referenceTaskName"), text("status"));
            if seen.insert(name.clone(), status.clone()).as_ref() != Some(&status) {
                println!("  {:>5} ms  {name:<36} {status}", begun.elapsed().as_millis());
            }
        }
        match run["status"].as_str() {
            Some("RUNNING") => {}
            Some("COMPLETED") => return Ok(run),
            other => anyhow::bail!(
                "run {id} ended as {}: {}",
                other.unwrap_or("nothing"),
                run["reasonForIncompletion"].as_str().unwrap_or("no reason given")
            ),
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "run {id} did not end in {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says what the services counted and where their files are; reads the files, to be sure.
async fn report(store: &ObjectStore, run: &Value, output: Option<&Path>) -> anyhow::Result<()> {
    for task in run["tasks"].as_array().into_iter().flatten() {
        let data = &task["outputData"];
        let (Some(bucket), Some(key)) = (data["output_bucket"].as_str(), data["output_key"].as_str()) else {
            continue;
        };
        let count = |name: &str| data[name].as_u64().unwrap_or_default();
        let (valid, invalid) = (count("processedRecords"), count("failedRecords"));
        let stage = data["pipelineStage"].as_str().unwrap_or_default();
        println!("  {stage:<17} {valid:>6} valid {invalid:>6} invalid   s3://{bucket}/{key}");
        let file = store.get_bytes(bucket, key, LARGEST_OUTPUT).await?;
        let rows = file.iter().filter(|b| **b == b'\n').count().saturating_sub(1);
        anyhow::ensure!(rows as u64 == valid, "s3://{bucket}/{key} has {rows} rows, not {valid}");
        if let Some(dir) = output {
            let path = dir.join(key);
            std::fs::write(&path, &file).with_context(|| format!("could not write {}", path.display()))?;
            println!("{:50} {}", "", path.display());
        }
    }
    Ok(())
}
