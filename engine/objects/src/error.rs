//! What can go wrong with an object, by what the caller can do about it.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Why an object could not be read or written. Every variant names the bucket and, where there is one, the key.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("object s3://{bucket}/{key} does not exist")]
    NoSuchObject { bucket: String, key: String },
    /// There is no such bucket.
    #[error("bucket {bucket:?} does not exist")]
    NoSuchBucket { bucket: String },
    /// The keys are wrong or lack a right.
    #[error("access to s3://{bucket}/{key} is denied: {reason}")]
    Denied { bucket: String, key: String, reason: String },
    /// What was read is not what was written.
    #[error("object s3://{bucket}/{key} is damaged: {reason}")]
    Damaged { bucket: String, key: String, reason: String },
    /// The object is larger than the caller's limit.
    #[error("object s3://{bucket}/{key} has {size} bytes, more than the limit of {limit}")]
    TooLarge { bucket: String, key: String, size: u64, limit: u64 },
    /// The store answered and said no; trying again gives the same.
    #[error("the store refuses {action} of s3://{bucket}/{key}: {reason}")]
    Refused { action: &'static str, bucket: String, key: String, reason: String },
    /// The store did not answer, or not in time, after all tries; a later try may work.
    #[error("could not {action} s3://{bucket}/{key}: {reason}")]
    Unavailable { action: &'static str, bucket: String, key: String, reason: String },
    /// The settings cannot be used.
    #[error("S3 settings: {0}")]
    Settings(String),
}

impl ObjectError {
    /// Whether the same call may work later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the object, or its bucket, is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NoSuchObject { .. } | Self::NoSuchBucket { .. })
    }
}

/// Names the place and the verb of a call, to turn the SDK's errors into ours.
pub(crate) struct Place<'a> {
    pub(crate) action: &'static str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

impl Place<'_> {
    pub(crate) fn error<E>(&self, error: SdkError<E>) -> ObjectError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|r| r.status().as_u16());
        let code = error.code().map(str::to_owned);
        let (bucket, key) = (self.bucket.to_owned(), self.key.to_owned());
        let text = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            _ => DisplayErrorContext(&error).to_string().chars().take(300).collect(),
        };
        match (code.as_deref(), status) {
            (Some("NoSuchBucket"), _) => ObjectError::NoSuchBucket { bucket },
            // HEAD has no body, so a 404 without a code is all there is
            (Some("NoSuchKey" | "NotFound"), _) | (None, Some(404)) => {
                ObjectError::NoSuchObject { bucket, key }
            }
            (_, Some(401 | 403)) => ObjectError::Denied { bucket, key, reason: text },
            (Some("SlowDown" | "InternalError" | "ServiceUnavailable" | "RequestTimeout"), _)
            | (_, Some(408 | 429 | 500..=599) | None) => {
                ObjectError::Unavailable { action: self.action, bucket, key, reason: text }
            }
            _ => ObjectError::Refused { action: self.action, bucket, key, reason: text },
        }
    }

    pub(crate) fn unavailable(&self, reason: String) -> ObjectError {
        ObjectError::Unavailable {
            action: self.action,
            bucket: self.bucket.to_owned(),
            key: self.key.to_owned(),
            reason,
        }
    }
}
