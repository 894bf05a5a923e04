//! What both validators do: read a file, sieve it, write what is left, say how many.

use podium_objects::{ObjectError, ObjectStore, ObjectWriter, PutOptions};
use serde_json::{Map, Value, json};

use crate::request::{FileRequest, Request};
use crate::rows::{Counts, Outputs, RowCheck, Sieve, SieveError, check_one};
use crate::service::{FileSettings, Outcome, ServiceError};

/// Beside the output: what was counted, as JSON lines.
const STATS_SUFFIX: &str = ".stats.jsonl";
/// Beside the output in strict mode: the rows left out, with their reasons.
const REJECTED_SUFFIX: &str = ".rejected.csv";

/// A validator's own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validation {
    pub(crate) name: &'static str,
    /// Of the output key that replaces one with `null` in it.
    pub(crate) stem: &'static str,
    pub(crate) keep_rejected: bool,
}

/// The pauses and failures that demonstrations ask for.
pub(crate) async fn prelude(settings: &FileSettings, fail: bool) -> Result<(), ServiceError> {
    if !settings.delay.is_zero() {
        tokio::time::sleep(settings.delay).await;
    }
    if fail {
        return Err(ServiceError::permanent("failed on purpose: the setting fail_once is on".to_owned()));
    }
    Ok(())
}

impl Validation {
    /// Answers a request: of a file, or of a single value in `data`.
    pub(crate) async fn answer(
        self,
        store: &ObjectStore,
        check: impl RowCheck,
        request: &Request,
    ) -> Result<Outcome, ServiceError> {
        let single = request.data.get(check.column()).and_then(Value::as_str);
        if let (Some(cell), false) = (single, FileRequest::is_named_by(request)) {
            let (_, fields) = check_one(&check, cell);
            return Ok(Outcome::completed(fields));
        }
        let file = FileRequest::read(request, self.stem).map_err(ServiceError::permanent)?;
        let counts = self.sieve(store, check, &file).await?;
        let stats_key = format!("{}{STATS_SUFFIX}", file.output_key);
        let stats = counts.json_lines(self.name);
        store
            .put_bytes(
                &file.output_bucket,
                &stats_key,
                stats.as_bytes(),
                PutOptions::of_type("application/x-ndjson"),
            )
            .await
            .map_err(store_error)?;
        let mut fields = object(json!({
            "input_bucket": file.input_bucket,
            "input_key": file.input_key,
            "output_bucket": file.output_bucket,
            "output_key": file.output_key,
            "processedRecords": counts.valid,
            "failedRecords": counts.rejected(),
            "stats_url": format!("minio://{}/{stats_key}", file.output_bucket),
        }));
        if self.keep_rejected {
            let key = format!("{}{REJECTED_SUFFIX}", file.output_key);
            fields.insert("rejected_url".into(), format!("minio://{}/{key}", file.output_bucket).into());
        }
        Ok(Outcome::Completed(fields))
    }

    /// Streams the file through the sieve. Nothing is visible before the whole input was read and found well.
    async fn sieve(
        self,
        store: &ObjectStore,
        check: impl RowCheck,
        file: &FileRequest,
    ) -> Result<Counts, ServiceError> {
        let mut input = store.get(&file.input_bucket, &file.input_key).await.map_err(store_error)?;
        store.ensure_bucket(&file.output_bucket).await.map_err(store_error)?;
        let csv = PutOptions::of_type("text/csv");
        let mut valid = store.put(&file.output_bucket, &file.output_key, csv.clone());
        let rejected_key = format!("{}{REJECTED_SUFFIX}", file.output_key);
        let mut rejected = self.keep_rejected.then(|| store.put(&file.output_bucket, &rejected_key, csv));
        let mut sieve = Sieve::new(check, self.keep_rejected);
        let mut out = Outputs::default();
        while let Some(chunk) = input.next_chunk().await.map_err(store_error)? {
            sieve.push(&chunk, &mut out).map_err(file_error(file))?;
            drain(&mut out, &mut valid, rejected.as_mut()).await?;
        }
        let counts = sieve.finish(&mut out).map_err(file_error(file))?;
        drain(&mut out, &mut valid, rejected.as_mut()).await?;
        if let Some(rejected) = rejected {
            rejected.finish().await.map_err(store_error)?;
        }
        valid.finish().await.map_err(store_error)?;
        Ok(counts)
    }
}

async fn drain(
    out: &mut Outputs,
    valid: &mut ObjectWriter,
    rejected: Option<&mut ObjectWriter>,
) -> Result<(), ServiceError> {
    valid.write(&out.valid).await.map_err(store_error)?;
    out.valid.clear();
    if let Some(rejected) = rejected {
        rejected.write(&out.rejected).await.map_err(store_error)?;
    }
    out.rejected.clear();
    Ok(())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

fn store_error(error: ObjectError) -> ServiceError {
    if error.is_transient() {
        ServiceError::transient(error.to_string())
    } else {
        ServiceError::permanent(error.to_string())
    }
}

fn file_error(file: &FileRequest) -> impl Fn(SieveError) -> ServiceError {
    let name = format!("s3://{}/{}", file.input_bucket, file.input_key);
    move |error| ServiceError::permanent(format!("{name}: {error}"))
}
