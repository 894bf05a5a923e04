//! Reading one object as a stream of chunks.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use crate::checksum::{Expected, META_PART_BYTES, META_SHA256, Verifier};
use crate::error::{ObjectError, Place};

/// A store that sends nothing for so long in the middle of an object is taken for dead.
const STALL: Duration = Duration::from_secs(30);

/// An object being read. Memory stays bounded: one chunk at a time.
pub struct ObjectReader {
    bucket: String,
    key: String,
    size: u64,
    read: u64,
    content_type: Option<String>,
    metadata: HashMap<String, String>,
    body: ByteStream,
    verifier: Option<Verifier>,
}

impl ObjectReader {
    pub(crate) fn new(bucket: &str, key: &str, answer: GetObjectOutput) -> Self {
        let metadata = answer.metadata.unwrap_or_default();
        let expected =
            match (metadata.get(META_SHA256), metadata.get(META_PART_BYTES), answer.checksum_sha256) {
                (Some(sum), _, _) => Expected::Whole(sum.clone()),
                (None, Some(part), Some(sum)) => match (part.parse(), sum.split_once('-')) {
                    (Ok(part_bytes), Some((sum, _))) if part_bytes > 0 => {
                        Expected::Composite { sum: sum.to_owned(), part_bytes }
                    }
                    _ => Expected::Nothing,
                },
                _ => Expected::Nothing,
            };
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            size: answer.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            read: 0,
            content_type: answer.content_type,
            metadata,
            body: answer.body,
            verifier: Some(Verifier::new(expected)),
        }
    }

    /// Size in bytes, as the store says.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Media type, if the writer gave one.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The writer's metadata, keys in lower case.
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }

    /// Hands out the next bytes; `None` after the last. Whoever reads to `None` has the object as it was
    /// written: a wrong length or SHA-256 is an error before it.
    ///
    /// # Errors
    /// `Unavailable` when the connection broke or stalled for 30 s, `Damaged` when the content differs.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        let place = Place { action: "read", bucket: &self.bucket, key: &self.key };
        match tokio::time::timeout(STALL, self.body.next()).await {
            Err(_) => Err(place.unavailable(format!("no byte came for {} s", STALL.as_secs()))),
            Ok(Some(Err(e))) => {
                let reason = chain(&e);
                // where the store names a SHA-256 of the whole object, the SDK compares it before we do
                if reason.contains("checksum mismatch") {
                    return Err(self.damaged(reason));
                }
                Err(place.unavailable(format!("stream broke after {} bytes: {reason}", self.read)))
            }
            Ok(Some(Ok(chunk))) => {
                self.read += chunk.len() as u64;
                if let Some(v) = &mut self.verifier {
                    v.update(&chunk);
                }
                Ok(Some(chunk))
            }
            Ok(None) => {
                if self.read != self.size {
                    return Err(place.unavailable(format!("{} of {} bytes came", self.read, self.size)));
                }
                match self.verifier.take().map(Verifier::finish) {
                    Some(Err(reason)) => Err(self.damaged(reason)),
                    Some(Ok(())) | None => Ok(None),
                }
            }
        }
    }
    fn damaged(&self, reason: String) -> ObjectError {
        ObjectError::Damaged { bucket: self.bucket.clone(), key: self.key.clone(), reason }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(c) = cause {
        text.push_str(": ");
        text.push_str(&c.to_string());
        cause = c.source();
    }
    text
}
