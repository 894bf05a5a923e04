//! The client and its calls.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{ChecksumMode, Delete, ObjectIdentifier};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::{Bytes, BytesMut};

use crate::error::{ObjectError, Place};
use crate::reader::ObjectReader;
use crate::writer::{ObjectWriter, PutOptions, Written};

/// Tries of one request, the first included; waits between them grow from 1 s with full jitter (the SDK's
/// standard mode).
const TRIES: u32 = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One try, up to the answer's headers; 8 MiB fit even a slow line.
const TRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the store is and who we are.
#[derive(Clone)]
pub struct S3Settings {
    /// `http://host:port` or `https://host`; both with path-style addresses.
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    /// Of temporary credentials.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for S3Settings {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

/// What a store knows about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
    /// Seconds since 1970.
    pub modified_seconds: Option<i64>,
    /// Only from [`ObjectStore::head`]; a listing has none.
    pub metadata: HashMap<String, String>,
    /// Only from [`ObjectStore::head`].
    pub content_type: Option<String>,
}

/// An S3 store. Cheap to clone; all clones share one connection pool.
///
/// Every call is tried up to four times with jittered waits when the store is away, slow or says it is busy.
#[derive(Clone)]
pub struct ObjectStore {
    client: Client,
    endpoint: String,
}

impl ObjectStore {
    /// Makes a client; opens no connection.
    ///
    /// # Errors
    /// `Settings` when the endpoint is no `http` or `https` address or a key is empty.
    pub fn new(settings: S3Settings) -> Result<Self, ObjectError> {
        let S3Settings { endpoint, region, access_key, secret_key, session_token } = settings;
        if access_key.is_empty() || secret_key.is_empty() {
            return Err(ObjectError::Settings("access key and secret key are needed".to_owned()));
        }
        // for plain http no certificate store is read: it costs 30 ms and may be absent
        let http = if endpoint.starts_with("http://") {
            Builder::new().build_http()
        } else if endpoint.starts_with("https://") {
            Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        } else {
            return Err(ObjectError::Settings(format!(
                "endpoint {endpoint:?} does not start with http:// or https://"
            )));
        };
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region))
            .credentials_provider(Credentials::new(access_key, secret_key, session_token, None, "podium"))
            .endpoint_url(&endpoint)
            .force_path_style(true)
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(TRY_TIMEOUT)
                    .build(),
            )
            // we send a SHA-256 with every write and compare it on every read ourselves
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self { client: Client::from_conf(config), endpoint })
    }

    /// The address given at [`ObjectStore::new`].
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Opens an object for reading as a stream.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<ObjectReader, ObjectError> {
        let answer = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|e| Place { action: "read", bucket, key }.error(e))?;
        Ok(ObjectReader::new(bucket, key, answer))
    }

    /// Reads a small object into memory.
    ///
    /// # Errors
    /// `TooLarge` above `limit` bytes, before anything is read.
    pub async fn get_bytes(&self, bucket: &str, key: &str, limit: u64) -> Result<Bytes, ObjectError> {
        let mut reader = self.get(bucket, key).await?;
        let size = reader.size();
        if size > limit {
            return Err(ObjectError::TooLarge { bucket: bucket.into(), key: key.into(), size, limit });
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = reader.next_chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Opens an object for writing as a stream; see [`ObjectWriter`].
    pub fn put(&self, bucket: &str, key: &str, options: PutOptions) -> ObjectWriter {
        ObjectWriter::new(self.client.clone(), bucket, key, options)
    }

    /// Writes an object that is already in memory.
    pub async fn put_bytes(
        &self,
        bucket: &str,
        key: &str,
        data: &[u8],
        options: PutOptions,
    ) -> Result<Written, ObjectError> {
        let mut writer = self.put(bucket, key, options);
        writer.write(data).await?;
        writer.finish().await
    }

    /// Describes an object; `None` if it (or its bucket) does not exist.
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Option<ObjectInfo>, ObjectError> {
        let answer = self.client.head_object().bucket(bucket).key(key).send().await;
        match answer.map_err(|e| Place { action: "look at", bucket, key }.error(e)) {
            Ok(head) => Ok(Some(ObjectInfo {
                key: key.to_owned(),
                size: head.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                etag: head.e_tag,
                modified_seconds: head.last_modified.map(|t| t.secs()),
                metadata: head.metadata.unwrap_or_default(),
                content_type: head.content_type,
            })),
            Err(e) if e.is_missing() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Lists the objects whose key starts with `prefix`, by key, at most `limit`.
    pub async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<ObjectInfo>, ObjectError> {
        let mut found = Vec::new();
        let mut token = None;
        while found.len() < limit {
            let page = i32::try_from((limit - found.len()).min(1000)).expect("at most 1000");
            let answer = self
                .client
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix)
                .max_keys(page)
                .set_continuation_token(token.take())
                .send()
                .await
                .map_err(|e| Place { action: "list", bucket, key: prefix }.error(e))?;
            for object in answer.contents.unwrap_or_default() {
                found.push(ObjectInfo {
                    key: object.key.unwrap_or_default(),
                    size: object.size.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                    etag: object.e_tag,
                    modified_seconds: object.last_modified.map(|t| t.secs()),
                    metadata: HashMap::new(),
                    content_type: None,
                });
            }
            token = answer.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Removes an object; one that does not exist is removed already.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        match self.client.delete_object().bucket(bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(e) => match (Place { action: "delete", bucket, key }).error(e) {
                ObjectError::NoSuchObject { .. } => Ok(()),
                other => Err(other),
            },
        }
    }

    /// Removes many objects of one bucket, 1,000 a request.
    ///
    /// # Errors
    /// The first key that the store would not remove, with its reason; others may be gone.
    pub async fn delete_many(&self, bucket: &str, keys: &[String]) -> Result<(), ObjectError> {
        for chunk in keys.chunks(1000) {
            let ids = chunk
                .iter()
                .map(|k| ObjectIdentifier::builder().key(k).build().expect("a key is set"))
                .collect();
            let delete =
                Delete::builder().set_objects(Some(ids)).quiet(true).build().expect("objects are set");
            let answer = self
                .client
                .delete_objects()
                .bucket(bucket)
                .delete(delete)
                .send()
                .await
                .map_err(|e| Place { action: "delete", bucket, key: "(many)" }.error(e))?;
            if let Some(e) = answer.errors().first() {
                return Err(ObjectError::Refused {
                    action: "deleting",
                    bucket: bucket.to_owned(),
                    key: e.key().unwrap_or_default().to_owned(),
                    reason: e.message().or(e.code()).unwrap_or("no reason given").to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Makes the bucket unless it is there; safe to call from many processes at once.
    pub async fn ensure_bucket(&self, bucket: &str) -> Result<(), ObjectError> {
        let place = Place { action: "make the bucket of", bucket, key: "" };
        // most often it exists: a look is cheaper than a refused creation, and may be allowed where that is not
        if self.client.head_bucket().bucket(bucket).send().await.is_ok() {
            return Ok(());
        }
        match self.client.create_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(e) => {
                let code = e.as_service_error().and_then(|s| s.meta().code()).unwrap_or_default().to_owned();
                match code.as_str() {
                    "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" => Ok(()),
                    _ => Err(place.error(e)),
                }
            }
        }
    }

    /// Asks the store for its buckets: a check that it answers and takes our keys.
    pub async fn buckets(&self) -> Result<Vec<String>, ObjectError> {
        let answer = self
            .client
            .list_buckets()
            .send()
            .await
            .map_err(|e| Place { action: "list the buckets of", bucket: "", key: "" }.error(e))?;
        Ok(answer.buckets.unwrap_or_default().into_iter().filter_map(|b| b.name).collect())
    }

    /// A URL that lets anybody write the object, once or again, for `valid` (at most 7 days).
    pub async fn presign_put(&self, bucket: &str, key: &str, valid: Duration) -> Result<String, ObjectError> {
        let config = PresigningConfig::expires_in(valid).map_err(|e| ObjectError::Settings(e.to_string()))?;
        let request = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .presigned(config)
            .await
            .map_err(|e| Place { action: "sign a link to write", bucket, key }.error(e))?;
        Ok(request.uri().to_owned())
    }

    /// A URL that lets anybody read the object for `valid` (at most 7 days).
    pub async fn presign_get(&self, bucket: &str, key: &str, valid: Duration) -> Result<String, ObjectError> {
        self.sign_get(bucket, key, valid, None).await
    }

    /// The same for people: their browser saves the object and never shows it, whatever it holds.
    pub async fn presign_download(
        &self,
        bucket: &str,
        key: &str,
        valid: Duration,
    ) -> Result<String, ObjectError> {
        self.sign_get(bucket, key, valid, Some("attachment".to_owned())).await
    }

    async fn sign_get(
        &self,
        bucket: &str,
        key: &str,
        valid: Duration,
        disposition: Option<String>,
    ) -> Result<String, ObjectError> {
        let config = PresigningConfig::expires_in(valid).map_err(|e| ObjectError::Settings(e.to_string()))?;
        let request = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_response_content_disposition(disposition)
            .presigned(config)
            .await
            .map_err(|e| Place { action: "sign a link to", bucket, key }.error(e))?;
        Ok(request.uri().to_owned())
    }
}
