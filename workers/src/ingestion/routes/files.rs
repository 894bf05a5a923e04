//! People's files: up, listed, and down by a link.
//!
//! Files are kept as they come and never unpacked, so an archive is bytes like any other. They are streamed: one part of
//! a few megabytes is in memory at a time, and nothing is visible before a file is whole.

use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, Query, State as FromState};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use podium_objects::PutOptions;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::deploy::error::store_status;
use super::super::places::{Place, Scheme, check_bucket, check_key, check_name};
use super::super::settings::IngestionSettings;
use super::{State, answer, problem};

/// Files of one request.
const MOST_FILES: usize = 100;
/// Files of one list.
const LONGEST_LIST: usize = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Where {
    bucket: Option<String>,
    /// Of an upload: the folder of the files.
    folder: Option<String>,
    prefix: Option<String>,
    key: Option<String>,
    limit: Option<usize>,
}

/// A bucket that people may use.
fn bucket<'a>(settings: &'a IngestionSettings, wanted: Option<&str>) -> Result<&'a str, Response> {
    let found = match wanted {
        None => settings.buckets.first(),
        Some(name) => settings.buckets.iter().find(|bucket| *bucket == name),
    };
    let name = found.ok_or_else(|| {
        problem(403, format!("bucket {:?} is not one of ingestion.buckets", wanted.unwrap_or_default()))
    })?;
    check_bucket(name).map_err(|error| problem(500, format!("ingestion.buckets: {error}")))?;
    Ok(name)
}

/// The buckets that people may use; the first takes files that name none.
pub(super) async fn buckets(FromState(state): FromState<State>) -> Response {
    answer(200, &json!({"buckets": state.settings.buckets}))
}

/// Takes the files of a form (`multipart/form-data`), each field that has a file name.
pub(super) async fn upload(
    FromState(state): FromState<State>,
    Query(to): Query<Where>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    // a coding would hide how much really comes
    if headers.contains_key(header::CONTENT_ENCODING) {
        return problem(415, "send files as they are, without Content-Encoding");
    }
    let form = match form {
        Ok(form) => form,
        Err(error) => return problem(422, format!("send files as multipart/form-data: {error}")),
    };
    match store(&state.settings, &to, form).await {
        Ok(stored) if stored.is_empty() => problem(422, "the form has no file"),
        Ok(stored) => answer(200, &json!({"files": stored})),
        Err(refused) => refused,
    }
}

async fn store(
    settings: &IngestionSettings,
    to: &Where,
    mut form: Multipart,
) -> Result<Vec<Value>, Response> {
    let bucket = bucket(settings, to.bucket.as_deref())?;
    let folder =
        to.folder.as_deref().map(|folder| folder.trim_matches('/')).filter(|folder| !folder.is_empty());
    let mut stored = Vec::new();
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => return Ok(stored),
            Err(error) => return Err(problem(error.status().as_u16(), error.body_text())),
        };
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        if stored.len() == MOST_FILES {
            return Err(problem(
                413,
                format!("at most {MOST_FILES} files in a request; the first are stored"),
            ));
        }
        let key = folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
        let checked = check_name("file", &name).and_then(|()| check_key(&key));
        checked.map_err(|error| problem(422, error.to_string()))?;
        stored.push(store_file(settings, bucket, &key, field).await?);
    }
}

async fn store_file(
    settings: &IngestionSettings,
    bucket: &str,
    key: &str,
    mut field: Field<'_>,
) -> Result<Value, Response> {
    let failed = |error: podium_objects::ObjectError| problem(store_status(&error), error.to_string());
    settings.minio.ensure_bucket(bucket).await.map_err(failed)?;
    let options =
        PutOptions { content_type: field.content_type().map(str::to_owned), ..PutOptions::default() };
    let mut writer = settings.minio.put(bucket, key, options);
    loop {
        let chunk = match field.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => {
                writer.abort().await;
                return Err(problem(error.status().as_u16(), format!("{key:?} did not come whole: {error}")));
            }
        };
        if writer.size() + chunk.len() as u64 > settings.upload_limit_bytes {
            writer.abort().await;
            let limit = settings.upload_limit_bytes;
            return Err(problem(413, format!("{key:?} has more than {limit} bytes, the limit of a file")));
        }
        if let Err(error) = writer.write(&chunk).await {
            writer.abort().await;
            return Err(failed(error));
        }
    }
    let written = writer.finish().await.map_err(failed)?;
    let uri = Place::new(Scheme::Minio, bucket, key).to_string();
    Ok(json!({"bucket": bucket, "key": key, "size": written.size, "sha256": written.sha256, "uri": uri}))
}

/// The files of a bucket.
pub(super) async fn list(FromState(state): FromState<State>, Query(of): Query<Where>) -> Response {
    let bucket = match bucket(&state.settings, of.bucket.as_deref()) {
        Ok(bucket) => bucket,
        Err(refused) => return refused,
    };
    let limit = of.limit.unwrap_or(LONGEST_LIST);
    if !(1..=LONGEST_LIST).contains(&limit) {
        return problem(422, format!("limit is 1 to {LONGEST_LIST}, not {limit}"));
    }
    let found = match state.settings.minio.list(bucket, of.prefix.as_deref().unwrap_or_default(), limit).await
    {
        Ok(found) => found,
        // made with its first file
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return problem(store_status(&error), error.to_string()),
    };
    let files: Vec<Value> = found
        .into_iter()
        .map(|file| {
            let uri = Place::new(Scheme::Minio, bucket, file.key.as_str()).to_string();
            json!({"key": file.key, "size": file.size, "modified_seconds": file.modified_seconds, "uri": uri})
        })
        .collect();
    answer(200, &json!({"bucket": bucket, "files": files}))
}

/// A link by which a file can be fetched from the store for a while.
pub(super) async fn link(FromState(state): FromState<State>, Query(of): Query<Where>) -> Response {
    let settings = &state.settings;
    let bucket = match bucket(settings, of.bucket.as_deref()) {
        Ok(bucket) => bucket,
        Err(refused) => return refused,
    };
    let Some(key) = of.key.as_deref().filter(|key| !key.is_empty()) else {
        return problem(422, "key is required");
    };
    match settings.minio.head(bucket, key).await {
        Ok(Some(_)) => {}
        Ok(None) => return problem(404, format!("there is no minio://{bucket}/{key}")),
        Err(error) => return problem(store_status(&error), error.to_string()),
    }
    match settings.links.presign_download(bucket, key, settings.link_valid).await {
        Ok(url) => answer(200, &json!({"url": url, "expires_in_seconds": settings.link_valid.as_secs()})),
        Err(error) => problem(store_status(&error), error.to_string()),
    }
}
