//! Whether the things beside PostgreSQL answer, and saying so in `/health`.
//!
//! The engine knows about its database. Kafka and S3 may be away without stopping it: the node starts and works
//! on, degraded, and this adds the reason to the health answer. `/health/ready` stays the engine's own: a node
//! without Kafka still serves workers.

use std::time::Duration;

use podium_api::Troubles;
use podium_kafka::{Cluster, KafkaSettings};
use podium_objects::ObjectStore;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// One look.
const WAIT: Duration = Duration::from_secs(3);

/// Starts to look; what is `None` is not configured and never missing. The receiver has the latest look.
pub(crate) fn start(
    kafka: Option<KafkaSettings>,
    s3: Option<ObjectStore>,
) -> (watch::Receiver<Troubles>, JoinHandle<()>) {
    let (sender, troubles) = watch::channel(Troubles::new());
    let task = tokio::spawn(async move {
        // made once: a connection of its own for every look would be noise in the broker's log
        let mut cluster = None;
        loop {
            let (kafka, s3) = tokio::join!(ask_kafka(&mut cluster, kafka.as_ref()), ask_s3(s3.as_ref()));
            let mut now = Troubles::new();
            for (component, answer) in [("kafka", kafka), ("s3", s3)] {
                let before = sender.borrow().contains_key(component);
                match answer {
                    Err(reason) => {
                        if !before {
                            warn!(component, reason, "does not answer; going on without it");
                        }
                        now.insert(component, reason);
                    }
                    Ok(()) if before => info!(component, "answers again"),
                    Ok(()) => {}
                }
            }
            sender.send_replace(now);
            tokio::time::sleep(EVERY).await;
        }
    });
    (troubles, task)
}

async fn ask_kafka(cluster: &mut Option<Cluster>, settings: Option<&KafkaSettings>) -> Result<(), String> {
    let Some(settings) = settings else { return Ok(()) };
    let cluster = match cluster {
        Some(cluster) => cluster,
        None => cluster.insert(Cluster::configured(settings).map_err(|e| e.to_string())?),
    };
    // one that was found is a cached answer, so the topic list is asked for: one topic that may or may not exist
    cluster
        .topic("conductor-events", WAIT)
        .await
        .map(drop)
        .map_err(|e| format!("{} at {}", e, settings.bootstrap))
}

async fn ask_s3(store: Option<&ObjectStore>) -> Result<(), String> {
    let Some(store) = store else { return Ok(()) };
    match tokio::time::timeout(WAIT, store.buckets()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err(format!("no answer from {} in {} s", store.endpoint(), WAIT.as_secs())),
    }
}
