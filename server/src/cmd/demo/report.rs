//! Following a run, and saying what came of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use podium_objects::ObjectStore;
use serde_json::Value;

use super::client::Client;

/// Bytes of one output.
const LARGEST_OUTPUT: u64 = 64 * 1024 * 1024;

/// Prints each change of a run until it ends.
pub(super) async fn follow(client: &Client, id: &str, patience: Duration) -> anyhow::Result<Value> {
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
        anyhow::ensure!(begun.elapsed() < patience, "run {id} did not end in {} s", patience.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says what the services counted and where their files are; reads the files, to be sure, and saves them in `output`.
pub(super) async fn report(store: &ObjectStore, run: &Value, output: Option<&Path>) -> anyhow::Result<()> {
    for task in run["tasks"].as_array().into_iter().flatten() {
        let data = &task["outputData"];
        let name = task["referenceTaskName"].as_str().unwrap_or_default();
        let name = name.trim_start_matches("wait_for_").trim_end_matches("_completion");
        let text = |field: &str| data[field].as_str();
        let saved = if let (Some(bucket), Some(key)) = (text("output_bucket"), text("output_key")) {
            let count = |field: &str| data[field].as_u64().unwrap_or_default();
            let (valid, invalid) = (count("processedRecords"), count("failedRecords"));
            println!("  {name:<24} {valid:>6} valid {invalid:>6} invalid   minio://{bucket}/{key}");
            let (lines, saved) = save(store, bucket, key, output).await?;
            let rows = lines.saturating_sub(1);
            anyhow::ensure!(rows == valid, "minio://{bucket}/{key} has {rows} rows, not {valid}");
            saved
        } else if let Some((bucket, key)) =
            text("output_uri").and_then(|uri| uri.strip_prefix("minio://")?.split_once('/'))
        {
            let (lines, saved) = save(store, bucket, key, output).await?;
            println!("  {name:<24} {lines:>6} records                minio://{bucket}/{key}");
            saved
        } else {
            None
        };
        if let Some(path) = saved {
            println!("{:56} {}", "", path.display());
        }
    }
    Ok(())
}

/// Reads an object and saves it where it is wanted; answers how many lines it has, and the file.
async fn save(
    store: &ObjectStore,
    bucket: &str,
    key: &str,
    output: Option<&Path>,
) -> anyhow::Result<(u64, Option<PathBuf>)> {
    let file = store.get_bytes(bucket, key, LARGEST_OUTPUT).await?;
    let saved = output.map(|dir| dir.join(key.replace('/', "_")));
    if let Some(path) = &saved {
        std::fs::write(path, &file).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok((file.iter().filter(|byte| **byte == b'\n').count() as u64, saved))
}
