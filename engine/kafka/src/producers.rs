//! One producer per cluster, kept warm.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::KafkaError;
use crate::producer::Producer;
use crate::settings::KafkaSettings;

/// Clusters that definitions name beside the configured one; the one unused for longest makes room.
const MAX: usize = 16;
/// A cluster that nobody used for so long is closed. The configured one stays.
const IDLE: Duration = Duration::from_secs(120);

struct Slot {
    producer: Producer,
    used: Instant,
}

/// The producers of this process. Cheap to clone.
#[derive(Clone)]
pub struct Producers {
    inner: Arc<Inner>,
}

struct Inner {
    settings: KafkaSettings,
    open: Mutex<HashMap<String, Slot>>,
}

impl Producers {
    pub fn new(settings: KafkaSettings) -> Self {
        Producers { inner: Arc::new(Inner { settings, open: Mutex::new(HashMap::new()) }) }
    }

    pub fn settings(&self) -> &KafkaSettings {
        &self.inner.settings
    }

    /// The producer for an address as a definition wrote it (`None` = the configured cluster).
    pub fn get(&self, written: Option<&str>) -> Result<Producer, KafkaError> {
        let bootstrap = self.inner.settings.resolve(written)?;
        let now = Instant::now();
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = open.get_mut(&bootstrap) {
            if !slot.producer.is_dead() {
                slot.used = now;
                return Ok(slot.producer.clone());
            }
            tracing::warn!(brokers = %bootstrap, "the kafka producer could not go on and is replaced");
        }
        let producer = Producer::new(&self.inner.settings, &bootstrap)?;
        self.make_room(&mut open, now);
        open.insert(bootstrap, Slot { producer: producer.clone(), used: now });
        Ok(producer)
    }

    fn make_room(&self, open: &mut HashMap<String, Slot>, now: Instant) {
        let settings = &self.inner.settings;
        open.retain(|name, slot| settings.is_configured(name) || now.duration_since(slot.used) < IDLE);
        while open.len() >= MAX {
            let oldest =
                open.iter().filter(|(name, _)| !settings.is_configured(name)).min_by_key(|(_, s)| s.used);
            let Some(name) = oldest.map(|(name, _)| name.clone()) else { return };
            open.remove(&name);
        }
    }

    /// Connects to the configured cluster, so that the first run does not wait for it.
    pub async fn warm(&self, wait: Duration) -> Result<(), KafkaError> {
        self.get(None)?.warm(wait).await
    }

    /// Drops what has not been sent yet, on all clusters ([`Producer::take_back`]).
    pub fn take_back(&self) {
        let open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in open.values() {
            slot.producer.take_back();
        }
    }

    /// Waits for what is on its way, on all clusters together no longer than `wait`, and ends all producers.
    pub async fn close(&self, wait: Duration) {
        self.flush(wait).await;
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits for what is on its way, on all clusters together no longer than `wait`.
    pub async fn flush(&self, wait: Duration) {
        let producers: Vec<Producer> = {
            let open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.values().map(|slot| slot.producer.clone()).collect()
        };
        let each = producers.iter().map(|producer| producer.flush(wait));
        for (producer, flushed) in producers.iter().zip(futures::future::join_all(each).await) {
            if let Err(error) = flushed {
                tracing::warn!(brokers = producer.bootstrap(), %error, "could not send everything before the end");
            }
        }
    }
}
