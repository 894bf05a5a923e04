//! Bringing the results of a DAG run home: from the DAGs' store to where people and services read.
//!
//! | what | from | to |
//! | --- | --- | --- |
//! | statistics | `stats_url` of the run's `conf`, else of the request | `<bucket>/<file>` and `<bucket>/<workflow>/<file>` |
//! | output | `service.output.uri` of the metadata | `<bucket>/<key>` and `<bucket>/<workflow>/<key>` |
//!
//! Those directly in the bucket are the documented ones, and every run overwrites them; those below the workflow's id are
//! this run's own, and events name these.

use std::time::Duration;

use podium_ledger::DagRunRequest;
use podium_objects::{ObjectError, PutOptions};
use serde_json::Value;
use tracing::warn;

use super::Inner;
use crate::airflow::{Address, DagRun};
use crate::jitter::jittered;

/// Bytes of metadata; those of the pipeline have some ten thousand.
const METADATA_LIMIT: u64 = 8 << 20;
/// Tries while a store is away or busy, each of which the store's client tries a few times; and the wait after the
/// first, which doubles.
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Where the results are now, as `minio://bucket/key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) stats_url: Option<String>,
    pub(super) output_uri: Option<String>,
}

/// Copies the results that a run has; repeating it overwrites.
///
/// # Errors
/// What could not be copied, and why.
pub(super) async fn results(inner: &Inner, wanted: &DagRunRequest, run: &DagRun) -> Result<Copied, String> {
    let mut copied = Copied::default();
    // a DAG of somebody else's brings nothing home
    let Some(bucket) = wanted.minio_output_bucket.as_deref() else { return Ok(copied) };
    if let Some(url) = run.conf_text("stats_url").or(wanted.stats_url.as_deref()) {
        let from = Address::parse(url)
            .ok_or_else(|| format!("statistics: {url:?} is no address like s3://bucket/key"))?;
        let name = from.file().to_owned();
        let own = copy(inner, &from, bucket, &name, &wanted.workflow_id).await;
        copied.stats_url = Some(own.map_err(|reason| format!("statistics: {reason}"))?);
    }
    if let Some(metadata) = wanted.metadata_key.as_deref() {
        let from = output(inner, metadata).await.map_err(|reason| format!("output: {reason}"))?;
        let name = wanted.minio_output_key.as_deref().unwrap_or(from.file()).to_owned();
        let own = copy(inner, &from, bucket, &name, &wanted.workflow_id).await;
        copied.output_uri = Some(own.map_err(|reason| format!("output: {reason}"))?);
    }
    Ok(copied)
}

/// Where the metadata say that the output is.
async fn output(inner: &Inner, key: &str) -> Result<Address, String> {
    let (store, bucket) = (&inner.desk.parts.store, &inner.desk.parts.bucket);
    let text = trying(|| store.get_bytes(bucket, key, METADATA_LIMIT)).await.map_err(|e| e.to_string())?;
    let metadata: Value =
        serde_json::from_slice(&text).map_err(|e| format!("metadata s3://{bucket}/{key} is no JSON: {e}"))?;
    let uri = metadata.pointer("/service/output/uri").and_then(Value::as_str).unwrap_or_default();
    Address::parse(uri).ok_or_else(|| {
        format!("metadata s3://{bucket}/{key} has no service.output.uri like s3://bucket/key, but {uri:?}")
    })
}

/// Copies an object to both of its places; returns the address of the workflow's own.
async fn copy(
    inner: &Inner,
    from: &Address,
    bucket: &str,
    name: &str,
    workflow_id: &str,
) -> Result<String, String> {
    let own = format!("{workflow_id}/{name}");
    trying(|| copy_once(inner, from, bucket, [&own, name])).await.map_err(|e| e.to_string())?;
    Ok(format!("minio://{bucket}/{own}"))
}

/// Streams it once through, to all places at the same time. Nothing is visible before it is whole.
async fn copy_once(inner: &Inner, from: &Address, bucket: &str, to: [&str; 2]) -> Result<(), ObjectError> {
    let mut input = inner.desk.parts.store.get(&from.bucket, &from.key).await?;
    inner.objects.ensure_bucket(bucket).await?;
    let content =
        if from.key.ends_with(".jsonl") { "application/x-ndjson" } else { "application/octet-stream" };
    let mut outputs = to.map(|key| inner.objects.put(bucket, key, PutOptions::of_type(content)));
    while let Some(chunk) = input.next_chunk().await? {
        for output in &mut outputs {
            output.write(&chunk).await?;
        }
    }
    for output in outputs {
        output.finish().await?;
    }
    Ok(())
}

async fn trying<T, F>(work: impl Fn() -> F) -> Result<T, ObjectError>
where
    F: Future<Output = Result<T, ObjectError>>,
{
    let mut wait = FIRST_WAIT;
    let mut tried = 1;
    loop {
        match work().await {
            Err(error) if error.is_transient() && tried < TRIES => {
                warn!(%error, tried, "a store is away or busy; trying again");
                tokio::time::sleep(jittered(wait)).await;
                wait *= 2;
                tried += 1;
            }
            done => return done,
        }
    }
}
