//! Payloads that clients hand over by path, in a bucket: they put and get them themselves, by signed addresses.

use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use podium_objects::{ObjectError, ObjectStore, PutOptions};
use podium_runtime::ports::{PayloadStore, PayloadStoreError};

/// A bucket of payloads. The key of a payload is its path behind a prefix.
#[derive(Clone)]
pub struct S3Payloads {
    store: ObjectStore,
    bucket: String,
    prefix: String,
    valid: Duration,
}

impl fmt::Debug for S3Payloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Payloads").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl S3Payloads {
    /// `valid`: how long an address may be used, at most 7 days.
    pub fn new(store: ObjectStore, bucket: &str, prefix: &str, valid: Duration) -> Self {
        S3Payloads { store, bucket: bucket.to_owned(), prefix: prefix.to_owned(), valid }
    }

    /// Makes the bucket if it is not there.
    ///
    /// # Errors
    /// Those of the store; without the bucket clients cannot put anything.
    pub async fn prepare(&self) -> Result<(), ObjectError> {
        self.store.ensure_bucket(&self.bucket).await
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl PayloadStore for S3Payloads {
    fn address_to_put(&self, path: &str) -> BoxFuture<'_, Result<String, PayloadStoreError>> {
        let key = self.key(path);
        async move { self.store.presign_put(&self.bucket, &key, self.valid).await.map_err(failure) }.boxed()
    }

    fn address_to_get(&self, path: &str) -> BoxFuture<'_, Result<String, PayloadStoreError>> {
        let key = self.key(path);
        async move { self.store.presign_get(&self.bucket, &key, self.valid).await.map_err(failure) }.boxed()
    }

    fn get(&self, path: &str, limit: usize) -> BoxFuture<'_, Result<Option<Vec<u8>>, PayloadStoreError>> {
        let key = self.key(path);
        async move {
            match self.store.get_bytes(&self.bucket, &key, limit as u64).await {
                Ok(bytes) => Ok(Some(bytes.to_vec())),
                Err(error) if error.is_missing() => Ok(None),
                Err(error) => Err(failure(error)),
            }
        }
        .boxed()
    }

    fn put<'a>(&'a self, path: &str, body: &'a [u8]) -> BoxFuture<'a, Result<(), PayloadStoreError>> {
        let key = self.key(path);
        let options = PutOptions::of_type("application/json");
        async move {
            self.store.put_bytes(&self.bucket, &key, body, options).await.map(drop).map_err(failure)
        }
        .boxed()
    }
}

fn failure(error: ObjectError) -> PayloadStoreError {
    match error {
        ObjectError::TooLarge { size, .. } => PayloadStoreError::TooLarge(size),
        error if error.is_transient() => PayloadStoreError::Unavailable(error.to_string()),
        error => PayloadStoreError::Refused(error.to_string()),
    }
}
