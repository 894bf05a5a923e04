//! The store of people's files, where it is not the one that Airflow reads.

use podium_objects::S3Settings;
use serde::Deserialize;

use crate::config::Config;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinioSection {
    pub endpoint: String,
    pub access_key: String,
    pub secret_key: String,
}

impl std::fmt::Debug for MinioSection {
    /// Shows everything but the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MinioSection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Config {
    /// The store of people's files: its own, else the one of section `[s3]`; `None` when neither is configured.
    pub fn minio(&self) -> Option<S3Settings> {
        let m = &self.minio;
        if m.endpoint.is_empty() {
            return self.s3();
        }
        let or = |own: &String, other: &String| if own.is_empty() { other.clone() } else { own.clone() };
        Some(S3Settings {
            endpoint: m.endpoint.clone(),
            region: self.s3.region.clone(),
            access_key: or(&m.access_key, &self.s3.access_key),
            secret_key: or(&m.secret_key, &self.s3.secret_key),
            session_token: None,
        })
    }
}
