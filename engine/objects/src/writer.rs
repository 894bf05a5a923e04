//! Writing one object as a stream.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::checksum::{META_PART_BYTES, META_SHA256, META_WRITE, base64, hex};
use crate::error::{ObjectError, Place};

/// Above this many bytes an object goes up in parts of this size: well over S3's smallest part of 5 MiB,
/// small enough that a writer's memory does not matter.
pub const PART_BYTES: usize = 8 * 1024 * 1024;
/// S3's limit; with parts of 8 MiB an object may have 78 GiB.
const MAX_PARTS: i32 = 10_000;

/// What goes with an object.
#[derive(Clone, Debug, Default)]
pub struct PutOptions {
    pub content_type: Option<String>,
    /// Keys in lower case.
    pub metadata: HashMap<String, String>,
}

impl PutOptions {
    /// Options with a media type only.
    pub fn of_type(content_type: &str) -> Self {
        Self { content_type: Some(content_type.to_owned()), metadata: HashMap::new() }
    }
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub size: u64,
    /// SHA-256 of all bytes, hex.
    pub sha256: String,
}

/// An object being written. Nothing is visible under its key before [`ObjectWriter::finish`] returned; an
/// earlier object stays as it was until then. Dropped unfinished, the parts sent so far are removed. After
/// a crash they stay invisible in the store until its own clean-up of open uploads.
pub struct ObjectWriter {
    client: Client,
    bucket: String,
    key: String,
    options: PutOptions,
    buffer: BytesMut,
    size: u64,
    whole: Sha256,
    upload: Option<Upload>,
}

struct Upload {
    id: String,
    write: String,
    parts: Vec<CompletedPart>,
}

impl ObjectWriter {
    pub(crate) fn new(client: Client, bucket: &str, key: &str, options: PutOptions) -> Self {
        Self {
            client,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            options,
            buffer: BytesMut::new(),
            size: 0,
            whole: Sha256::new(),
            upload: None,
        }
    }

    /// Adds bytes. Holds at most one part of 8 MiB in memory; a full one is sent before this returns.
    ///
    /// # Errors
    /// When a part could not be sent; the writer is then of no more use and should be dropped.
    pub async fn write(&mut self, mut data: &[u8]) -> Result<(), ObjectError> {
        self.whole.update(data);
        self.size += data.len() as u64;
        while !data.is_empty() {
            // a full buffer goes out only when more follows, so that an object of exactly one part is one request
            if self.buffer.len() == PART_BYTES {
                let part = self.buffer.split().freeze();
                self.send_part(part).await?;
            }
            let (now, rest) = data.split_at((PART_BYTES - self.buffer.len()).min(data.len()));
            self.buffer.extend_from_slice(now);
            data = rest;
        }
        Ok(())
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the object visible, whole. If the process dies before this returns, the object is there whole
    /// or not at all, so writing it again is safe.
    ///
    /// # Errors
    /// As for any call; the parts sent are removed.
    pub async fn finish(mut self) -> Result<Written, ObjectError> {
        let sha256 = hex(&std::mem::take(&mut self.whole).finalize());
        let rest = self.buffer.split().freeze();
        if self.upload.is_none() {
            self.put_whole(rest, &sha256).await?;
        } else {
            if !rest.is_empty() {
                self.send_part(rest).await?;
            }
            self.complete().await?;
        }
        Ok(Written { size: self.size, sha256 })
    }

    /// Gives up: nothing becomes visible and the parts sent are removed before this returns.
    pub async fn abort(mut self) {
        if let Some(upload) = self.upload.take() {
            abort(&self.client, &self.bucket, &self.key, &upload.id).await;
        }
    }

    async fn put_whole(&self, body: Bytes, sha256: &str) -> Result<(), ObjectError> {
        let mut metadata = self.options.metadata.clone();
        metadata.insert(META_SHA256.to_owned(), sha256.to_owned());
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_content_type(self.options.content_type.clone())
            .set_metadata(Some(metadata))
            .checksum_sha256(base64(&Sha256::digest(&body)))
            .content_length(i64::try_from(body.len()).expect("a part fits an i64"))
            .body(ByteStream::from(body))
            .send()
            .await;
        answer.map(drop).map_err(|e| self.place("write").error(e))
    }

    async fn send_part(&mut self, body: Bytes) -> Result<(), ObjectError> {
        if self.upload.is_none() {
            self.upload = Some(self.create_upload().await?);
        }
        let upload = self.upload.as_ref().expect("made just above");
        let number = i32::try_from(upload.parts.len()).unwrap_or(i32::MAX).saturating_add(1);
        if number > MAX_PARTS {
            return Err(ObjectError::Refused {
                action: "writing",
                bucket: self.bucket.clone(),
                key: self.key.clone(),
                reason: format!("an object has at most {MAX_PARTS} parts of {PART_BYTES} bytes"),
            });
        }
        let sum = base64(&Sha256::digest(&body));
        let answer = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .part_number(number)
            .checksum_sha256(&sum)
            .content_length(i64::try_from(body.len()).expect("a part fits an i64"))
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|e| self.place("write").error(e))?;
        let part =
            CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).checksum_sha256(sum).build();
        self.upload.as_mut().expect("made above").parts.push(part);
        Ok(())
    }

    async fn create_upload(&self) -> Result<Upload, ObjectError> {
        let write = write_name();
        let mut metadata = self.options.metadata.clone();
        metadata.insert(META_PART_BYTES.to_owned(), PART_BYTES.to_string());
        metadata.insert(META_WRITE.to_owned(), write.clone());
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_content_type(self.options.content_type.clone())
            .set_metadata(Some(metadata))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite)
            .send()
            .await
            .map_err(|e| self.place("write").error(e))?;
        let id =
            answer.upload_id.ok_or_else(|| self.place("write").unavailable("no upload id came".into()))?;
        Ok(Upload { id, write, parts: Vec::new() })
    }

    async fn complete(&mut self) -> Result<(), ObjectError> {
        let upload = self.upload.as_ref().expect("complete is called with an upload");
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.parts.clone())).build();
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(&upload.id)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(|e| self.place("write").error(e));
        // the answer to the first try may be lost and the second one meets an upload that is gone
        if let Err(e) = answer
            && !self.is_mine(&upload.write).await
        {
            return Err(e);
        }
        self.upload = None;
        Ok(())
    }

    async fn is_mine(&self, write: &str) -> bool {
        let head = self.client.head_object().bucket(&self.bucket).key(&self.key).send().await;
        head.is_ok_and(|h| h.metadata().and_then(|m| m.get(META_WRITE)).is_some_and(|w| w == write))
    }

    fn place(&self, action: &'static str) -> Place<'_> {
        Place { action, bucket: &self.bucket, key: &self.key }
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let (Some(upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (client, bucket, key) = (self.client.clone(), self.bucket.clone(), self.key.clone());
        runtime.spawn(async move { abort(&client, &bucket, &key, &upload.id).await });
    }
}

async fn abort(client: &Client, bucket: &str, key: &str, id: &str) {
    let answer = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
    if let Err(e) = answer {
        let error = Place { action: "abort the upload of", bucket, key }.error(e);
        warn!(bucket, key, %error, "an unfinished upload stays in the store, invisible");
    }
}

/// A name that no other write has: time, process, counter.
fn write_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    format!("{nanos:x}-{:x}-{:x}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
