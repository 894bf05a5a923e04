//! What the services of files do: read a file, put it through a rule, write what is left, say how many.

use podium_objects::{ObjectError, ObjectStore, ObjectWriter, PutOptions};
use serde_json::json;

use crate::request::{FileRequest, Request};
use crate::service::{FileSettings, Outcome, ServiceError};
use crate::table::{Counts, Outputs, RowCheck, RowRule, Table, TableError, check_one};

/// Beside the output: what was counted, as JSON lines.
const STATS_SUFFIX: &str = ".stats.jsonl";
/// Beside the output in strict mode: the rows left out, with their reasons.
const REJECTED_SUFFIX: &str = ".rejected.csv";

/// A service's own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileWork {
    /// What kind of service it is, in its statistics.
    pub(crate) role: &'static str,
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
        return Err(ServiceError::permanent("failed on purpose: the setting fail_once is on"));
    }
    Ok(())
}

impl FileWork {
    /// Answers a validator's request: of a file, or of a single value in `data`.
    pub(crate) async fn validate(
        self,
        store: &ObjectStore,
        check: impl RowCheck,
        request: &Request,
    ) -> Result<Outcome, ServiceError> {
        let single = request.data.get(check.column()).and_then(serde_json::Value::as_str);
        if let (Some(cell), false) = (single, FileRequest::is_named_by(request)) {
            return Ok(Outcome::completed(check_one(&check, cell)));
        }
        self.answer(store, check, request).await
    }

    /// Answers a request of a file.
    pub(crate) async fn answer(
        self,
        store: &ObjectStore,
        rule: impl RowRule,
        request: &Request,
    ) -> Result<Outcome, ServiceError> {
        let file = FileRequest::read(request, self.stem).map_err(ServiceError::permanent)?;
        let counts = self.stream(store, rule, &file).await?;
        let stats_key = format!("{}{STATS_SUFFIX}", file.output_key);
        let stats = counts.json_lines(self.role, self.name);
        let options = PutOptions::of_type("application/x-ndjson");
        store
            .put_bytes(&file.output_bucket, &stats_key, stats.as_bytes(), options)
            .await
            .map_err(store_error)?;
        let url = |key: &str| format!("minio://{}/{key}", file.output_bucket);
        let mut fields = json!({
            "input_bucket": file.input_bucket,
            "input_key": file.input_key,
            "output_bucket": file.output_bucket,
            "output_key": file.output_key,
            "processedRecords": counts.valid,
            "failedRecords": counts.rejected(),
            "stats_url": url(&stats_key),
        });
        if self.keep_rejected {
            fields["rejected_url"] = url(&format!("{}{REJECTED_SUFFIX}", file.output_key)).into();
        }
        Ok(Outcome::completed(fields))
    }

    /// Streams the file through the rule. Nothing is visible before the whole input was read and found well.
    async fn stream(
        self,
        store: &ObjectStore,
        rule: impl RowRule,
        file: &FileRequest,
    ) -> Result<Counts, ServiceError> {
        let mut input = store.get(&file.input_bucket, &file.input_key).await.map_err(store_error)?;
        store.ensure_bucket(&file.output_bucket).await.map_err(store_error)?;
        let csv = PutOptions::of_type("text/csv");
        let mut valid = store.put(&file.output_bucket, &file.output_key, csv.clone());
        let rejected_key = format!("{}{REJECTED_SUFFIX}", file.output_key);
        let mut rejected = self.keep_rejected.then(|| store.put(&file.output_bucket, &rejected_key, csv));
        let mut table = Table::new(rule, self.keep_rejected);
        let mut out = Outputs::default();
        while let Some(chunk) = input.next_chunk().await.map_err(store_error)? {
            table.push(&chunk, &mut out).map_err(file_error(file))?;
            drain(&mut out, &mut valid, rejected.as_mut()).await?;
        }
        let counts = table.finish(&mut out).map_err(file_error(file))?;
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

/// What may pass is tried again.
fn store_error(error: ObjectError) -> ServiceError {
    match error.is_transient() {
        true => ServiceError::transient(error.to_string()),
        false => ServiceError::permanent(error.to_string()),
    }
}

fn file_error(file: &FileRequest) -> impl Fn(TableError) -> ServiceError {
    let name = format!("s3://{}/{}", file.input_bucket, file.input_key);
    move |error| ServiceError::permanent(format!("{name}: {error}"))
}
