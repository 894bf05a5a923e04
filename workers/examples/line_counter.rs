//! A service of one's own: counts the lines of an object.
//!
//! KAFKA_BOOTSTRAP=127.0.0.1:9092 S3_ENDPOINT=http://127.0.0.1:9000 \
//! AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... cargo run -p podium-workers --example line_counter

use std::env::var;
use std::error::Error;
use std::time::Duration;

use podium_kafka::KafkaSettings;
use podium_objects::{ObjectError, ObjectStore, S3Settings};
use podium_workers::{Host, HostSettings, Outcome, Parts, Request, Service, ServiceError};
use serde_json::json;

struct LineCounter {
    objects: ObjectStore,
}

impl Service for LineCounter {
    const NAME: &'static str = "line-counter";
    const TOPIC: &'static str = "line-count-requests";
    const GROUP: &'static str = "line-counter-group";
    const REQUEST_TYPE: &'static str = "line_count_request";
    const COMPLETED_TYPE: &'static str = "line_count_completed";
    const STAGE: &'static str = "line_count";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Ok(Self { objects: parts.objects.clone() })
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let text =
            |name| request.text(name).ok_or_else(|| ServiceError::permanent(format!("data lacks {name}")));
        let (bucket, key) = (text("input_bucket")?, text("input_key")?);
        let mut lines = 0;
        let mut object = self.objects.get(bucket, key).await.map_err(store_error)?;
        while let Some(chunk) = object.next_chunk().await.map_err(store_error)? {
            lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        }
        Ok(Outcome::completed(json!({"input_bucket": bucket, "input_key": key, "processedRecords": lines})))
    }
}

/// What may pass is tried again, what may not becomes a failure event with this text.
fn store_error(error: ObjectError) -> ServiceError {
    match error.is_transient() {
        true => ServiceError::transient(error.to_string()),
        false => ServiceError::permanent(error.to_string()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let kafka = KafkaSettings::new(var("KAFKA_BOOTSTRAP")?);
    let objects = ObjectStore::new(S3Settings {
        endpoint: var("S3_ENDPOINT")?,
        region: "us-east-1".to_owned(),
        access_key: var("AWS_ACCESS_KEY_ID")?,
        secret_key: var("AWS_SECRET_ACCESS_KEY")?,
        session_token: None,
    })?;
    let service = LineCounter { objects };
    let host = Host::start(service, &kafka, HostSettings::of::<LineCounter>()).await?;
    tokio::signal::ctrl_c().await?;
    host.stop(Duration::from_secs(10)).await;
    Ok(())
}
