//! What there is on a cluster: its id, topics, how far their partitions reach.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::Client;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::context::{Context, Health};
use crate::error::{ErrorKind, KafkaError};
use crate::settings::{KafkaSettings, TopicDefaults};

/// A topic to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    /// `None` = as the settings say.
    pub partitions: Option<i32>,
}

impl TopicSpec {
    pub fn named(name: impl Into<String>) -> Self {
        TopicSpec { name: name.into(), partitions: None }
    }
}

/// What [`Cluster::ensure_topics`] found or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicOutcome {
    Created,
    Existed,
    /// The broker refused; its reason.
    Refused(KafkaError),
}

/// A topic as the brokers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    pub partitions: Vec<i32>,
    /// Every partition has a leader now.
    pub led: bool,
    /// At least one partition has.
    pub reachable: bool,
}

/// First offset kept and offset of the next record of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    pub low: i64,
    pub high: i64,
}

/// A connection for looking and for making topics. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    admin: Arc<AdminClient<Context>>,
    defaults: TopicDefaults,
}

impl Cluster {
    /// A client for these brokers; connects when it is first used.
    pub fn new(settings: &KafkaSettings, bootstrap: &str) -> Result<Self, KafkaError> {
        let mut config = settings.client(bootstrap);
        // only an explicit call makes a topic here
        config.set("allow.auto.create.topics", "false");
        let context = Context { health: Arc::new(Health::new(bootstrap)) };
        let admin = settings.finish(config, bootstrap).create_with_context(context)?;
        Ok(Cluster { admin: Arc::new(admin), defaults: settings.topics.clone() })
    }

    /// A client for the configured brokers.
    pub fn configured(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Cluster::new(settings, &settings.resolve(None)?)
    }

    /// The cluster's id, which changes when the cluster is made anew.
    pub async fn id(&self, wait: Duration) -> Result<String, KafkaError> {
        let found = self.blocking(move |client| client.fetch_cluster_id(wait)).await?;
        found.ok_or_else(|| KafkaError::new(ErrorKind::Away, "no broker answered"))
    }

    /// The topic, or `None` if there is none. Never creates one.
    pub async fn topic(&self, name: &str, wait: Duration) -> Result<Option<TopicInfo>, KafkaError> {
        let name = name.to_owned();
        self.blocking(move |client| topic_info(client, &name, wait)).await?
    }

    /// Makes the topics that are missing, and waits until each can be written to.
    pub async fn ensure_topics(
        &self,
        topics: &[TopicSpec],
        wait: Duration,
    ) -> Result<Vec<(String, TopicOutcome)>, KafkaError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut outcomes = Vec::with_capacity(topics.len());
        for topic in topics {
            let there = self.topic(&topic.name, wait).await?;
            let outcome = match there {
                Some(_) => TopicOutcome::Existed,
                None => self.create(topic, wait).await?,
            };
            outcomes.push((topic.name.clone(), outcome));
        }
        for (name, outcome) in &outcomes {
            if matches!(outcome, TopicOutcome::Refused(_)) {
                continue;
            }
            while !self.topic(name, wait).await?.is_some_and(|t| t.led) {
                if tokio::time::Instant::now() > deadline {
                    return Err(KafkaError::new(
                        ErrorKind::Away,
                        format!("topic {name} got no leader in {wait:?}"),
                    ));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(outcomes)
    }

    /// Asks the broker to make one topic.
    pub(crate) async fn create(&self, topic: &TopicSpec, wait: Duration) -> Result<TopicOutcome, KafkaError> {
        let partitions = topic.partitions.unwrap_or(self.defaults.partitions);
        let mut new =
            NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(self.defaults.replication));
        for (key, value) in &self.defaults.config {
            new = new.set(key, value);
        }
        let options = AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait));
        let results = self.admin.create_topics([&new], &options).await?;
        Ok(match results.into_iter().next() {
            None | Some(Ok(_)) => TopicOutcome::Created,
            Some(Err((_, Code::TopicAlreadyExists))) => TopicOutcome::Existed,
            Some(Err((_, code))) => {
                let error = KafkaError::from(code);
                if error.is_retriable() {
                    return Err(error);
                }
                TopicOutcome::Refused(error)
            }
        })
    }

    /// Deletes topics; those that do not exist are no error.
    pub async fn delete_topics(&self, names: &[&str], wait: Duration) -> Result<(), KafkaError> {
        let options = AdminOptions::new().request_timeout(Some(wait)).operation_timeout(Some(wait));
        for result in self.admin.delete_topics(names, &options).await? {
            match result {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((_, code)) => return Err(code.into()),
            }
        }
        Ok(())
    }

    /// How far a partition reaches now.
    pub async fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        wait: Duration,
    ) -> Result<Watermarks, KafkaError> {
        let topic = topic.to_owned();
        let found = self.blocking(move |client| client.fetch_watermarks(&topic, partition, wait)).await?;
        let (low, high) = found?;
        Ok(Watermarks { low, high })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Client<Context>) -> T + Send + 'static,
    ) -> Result<T, KafkaError> {
        let admin = self.admin.clone();
        let done = tokio::task::spawn_blocking(move || call(admin.inner())).await;
        done.map_err(|_| KafkaError::new(ErrorKind::Retriable, "the process is stopping"))
    }
}

/// Reads one topic. Where the client allows it and the broker is set up so, asking creates the topic.
pub(crate) fn topic_info<C: rdkafka::ClientContext>(
    client: &Client<C>,
    name: &str,
    wait: Duration,
) -> Result<Option<TopicInfo>, KafkaError> {
    let metadata = client.fetch_metadata(Some(name), wait).map_err(|e| away(e.into()))?;
    let Some(topic) = metadata.topics().iter().find(|t| t.name() == name) else { return Ok(None) };
    match topic.error().map(Code::from) {
        None | Some(Code::LeaderNotAvailable) => {}
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Ok(None),
        Some(code) => return Err(code.into()),
    }
    let partitions: Vec<i32> = topic.partitions().iter().map(|p| p.id()).collect();
    let led = !partitions.is_empty() && topic.partitions().iter().all(|p| p.leader() >= 0);
    let reachable = topic.partitions().iter().any(|p| p.leader() >= 0);
    Ok(Some(TopicInfo { partitions, led, reachable }))
}

/// A metadata request that failed on the way is a broker that is away.
fn away(error: KafkaError) -> KafkaError {
    match error.kind {
        ErrorKind::Retriable | ErrorKind::Unresolvable => KafkaError { kind: ErrorKind::Away, ..error },
        _ => error,
    }
}
