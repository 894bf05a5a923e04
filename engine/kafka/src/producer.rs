//! The producer of one cluster.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::address;
use crate::cluster::{Cluster, TopicInfo, TopicOutcome, TopicSpec, topic_info};
use crate::context::{Context, Health};
use crate::error::{ErrorKind, KafkaError};
use crate::gate::{Caller, Entry, Gate, Locked, Pending};
use crate::record::OutRecord;
use crate::settings::{Creation, KafkaSettings};

/// How often brokers are asked about a topic that is not there yet.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// One question's own limit.
const ASK_WAIT: Duration = Duration::from_secs(1);
/// An answer this long ago still says that the cluster exists.
const LATELY: Duration = Duration::from_secs(3600);

/// Where a record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub partition: i32,
    pub offset: i64,
}

/// How long a record may wait before it is handed to the brokers. After that the client's own limit
/// (20 s, `message.timeout.ms`) counts.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// While no broker answers.
    pub away: Duration,
    /// While a broker says that the topic does not exist.
    pub missing: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { away: Duration::from_secs(20), missing: Duration::from_secs(5) }
    }
}

/// Sends records to one cluster: idempotent, acknowledged by all in-sync replicas, pipelined, in order per
/// partition. Cheap to clone. Ends when the last clone is dropped; what is unsent then is lost with an error.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: KafkaSettings,
    bootstrap: String,
    configured: bool,
    health: Arc<Health>,
    gate: Gate,
    admin: OnceLock<Cluster>,
    dead: AtomicBool,
    /// `None` only while it is dropped.
    native: Option<ThreadedProducer<Context>>,
}

impl Producer {
    /// A producer for these brokers; it begins to connect at once.
    pub fn new(settings: &KafkaSettings, bootstrap: &str) -> Result<Self, KafkaError> {
        let health = Arc::new(Health::new(bootstrap));
        let mut config = settings.client(bootstrap);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Java's placing of keys, so that a key stays in the partition where other clients put it
            .set("partitioner", "murmur2_random")
            // long enough for a broker to restart; a caller that gave up sees it end soon after
            .set("message.timeout.ms", "20000")
            // at 2,000 records a second on two busy cores 1 costs three times the processor time of 3 here and more in
            // the broker, because nearly each record is a request; 5 saves nothing more (examples/latency.rs)
            .set("linger.ms", "3")
            // records go in only for topics that exist, so one that is missing was deleted
            .set("topic.metadata.propagation.max.ms", "3000")
            // Java's max.request.size, and room for what the estimate leaves out
            .set("message.max.bytes", "1050000")
            .set("queue.buffering.max.kbytes", "65536")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "500");
        if settings.topics.creation == Creation::Explicit {
            config.set("allow.auto.create.topics", "false");
        }
        let context = Context { health: health.clone() };
        let native = settings.finish(config, bootstrap).create_with_context(context)?;
        Ok(Producer {
            inner: Arc::new(Inner {
                settings: settings.clone(),
                bootstrap: bootstrap.to_owned(),
                configured: settings.is_configured(bootstrap),
                health,
                gate: Gate::default(),
                admin: OnceLock::new(),
                dead: AtomicBool::new(false),
                native: Some(native),
            }),
        })
    }

    pub fn bootstrap(&self) -> &str {
        &self.inner.bootstrap
    }

    /// True if these brokers are configured or have answered within the last hour: then they are away, not wrong.
    pub fn is_established(&self) -> bool {
        self.inner.configured || self.inner.health.since_answer().is_some_and(|ago| ago < LATELY)
    }

    /// True after an error that this client cannot recover from: a new producer is needed.
    pub fn is_dead(&self) -> bool {
        self.inner.dead.load(Ordering::Relaxed)
    }

    /// Connects, so that the first record finds an open connection. `Err` if no broker answers in that time.
    pub async fn warm(&self, wait: Duration) -> Result<(), KafkaError> {
        let inner = self.inner.clone();
        let asked = tokio::task::spawn_blocking(move || inner.native().client().fetch_cluster_id(wait)).await;
        match asked {
            Ok(Some(_)) => {
                self.inner.health.answered();
                Ok(())
            }
            Ok(None) => Err(KafkaError::new(ErrorKind::Away, format!("no broker answered in {wait:?}"))),
            Err(_) => Err(KafkaError::new(ErrorKind::Retriable, "the process is stopping")),
        }
    }

    /// Hands the record over before this returns; the future ends with what became of it. Records of one
    /// topic and key are written in the order of these calls. Dropping the future does not take it back.
    /// Must be called inside a tokio runtime.
    pub fn send(
        &self,
        record: OutRecord,
        patience: Patience,
    ) -> impl Future<Output = Result<Delivery, KafkaError>> + Send + 'static + use<> {
        let (caller, answer) = oneshot::channel();
        let topic = record.topic.clone();
        if legal(&topic) {
            self.enter(record, caller, patience);
        } else {
            let _ =
                caller.send(Err(KafkaError::new(ErrorKind::TopicName, format!("Invalid topics: [{topic}]"))));
        }
        let inner = self.inner.clone();
        async move {
            let outcome = answer
                .await
                .unwrap_or_else(|_| Err(KafkaError::new(ErrorKind::Retriable, "the producer was closed")));
            // what was known about the topic may hold no more, and the client itself remembers a refusal for
            // minutes: the next record asks first
            if outcome.as_ref().is_err_and(|e| e.kind != ErrorKind::TooLarge) {
                inner.gate.lock().forget(&topic);
                inner.look_whether_dead();
            }
            outcome
        }
    }

    fn enter(&self, record: OutRecord, caller: Caller, patience: Patience) {
        let now = Instant::now();
        let topic = record.topic.clone();
        let pending = Pending {
            record,
            caller,
            away_at: now + patience.away,
            missing_at: now + patience.missing,
            waits: patience.away,
        };
        let mut gate = self.inner.gate.lock();
        match gate.enter(pending, self.inner.health.is_down()) {
            // handed over under the lock: another thread's later record cannot overtake
            Entry::Open(pending) => self.inner.hand_over(pending),
            Entry::Waits => {}
            Entry::Ask => {
                drop(gate);
                tokio::spawn(ask(self.inner.clone(), topic));
            }
        }
    }

    /// Drops what was handed over and is not on its way to a broker yet; it ends with an error that may be tried
    /// again.
    pub fn take_back(&self) {
        let waiting = self.inner.gate.lock().take_back();
        self.inner
            .end(waiting, &KafkaError::new(ErrorKind::Retriable, "it was taken back before it was sent"));
        self.inner.native().purge(PurgeConfig::default().queue());
    }

    /// Waits until everything that was handed over is acknowledged or has failed.
    pub async fn flush(&self, wait: Duration) -> Result<(), KafkaError> {
        let inner = self.inner.clone();
        let flushed = tokio::task::spawn_blocking(move || inner.native().flush(wait)).await;
        flushed
            .map_err(|_| KafkaError::new(ErrorKind::Retriable, "the process is stopping"))?
            .map_err(KafkaError::from)
    }
}

impl Inner {
    fn native(&self) -> &ThreadedProducer<Context> {
        self.native.as_ref().expect("it is taken out only by drop")
    }

    fn hand_over(&self, pending: Pending) {
        let Pending { record, caller, .. } = pending;
        let mut out = BaseRecord::with_opaque_to(&record.topic, Box::new(caller));
        if let Some(key) = &record.key {
            out = out.key(key.as_slice());
        }
        if let Some(value) = &record.value {
            out = out.payload(value.as_slice());
        }
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: Some(value.as_slice()) });
            }
            out = out.headers(headers);
        }
        if let Err((error, refused)) = self.native().send(out) {
            self.look_whether_dead();
            let _ = refused.delivery_opaque.send(Err(error.into()));
        }
    }

    /// An idempotent producer stops for good rather than write out of order, after a topic was made anew for instance.
    fn look_whether_dead(&self) {
        if let Some((_, why)) = self.native().client().fatal_error()
            && !self.dead.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(brokers = %self.bootstrap, why, "the kafka producer cannot go on");
        }
    }

    fn admin(&self) -> Result<&Cluster, KafkaError> {
        if self.admin.get().is_none() {
            let cluster = Cluster::new(&self.settings, &self.bootstrap)?;
            // another task may have been first; its client is as good
            let _ = self.admin.set(cluster);
        }
        Ok(self.admin.get().expect("set above"))
    }

    fn end(&self, gone: std::collections::VecDeque<Pending>, error: &KafkaError) {
        for pending in gone {
            let _ = pending.caller.send(Err(error.clone()));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // closing waits for threads of librdkafka, up to half a second: not on a thread that serves others
        if let Some(native) = self.native.take() {
            std::thread::spawn(move || drop(native));
        }
    }
}

/// Asks the brokers about a topic until it is there or nobody waits for it any more.
async fn ask(inner: Arc<Inner>, topic: String) {
    if !inner.configured
        && inner.health.since_answer().is_none()
        && !address::any_resolves(&inner.bootstrap).await
    {
        let error = KafkaError::new(
            ErrorKind::Unresolvable,
            format!("no host of {} has a known name", inner.bootstrap),
        );
        let gone = inner.gate.lock().refuse(&topic);
        return inner.end(gone, &error);
    }
    let mut missing = false;
    loop {
        let mut question = tokio::task::spawn_blocking({
            let (inner, topic) = (inner.clone(), topic.clone());
            move || topic_info(inner.native().client(), &topic, ASK_WAIT)
        });
        let answer = loop {
            let Some(next) = inner.gate.lock().expire(&topic, missing, Instant::now()) else { return };
            // looks again soon, because a record with less patience may have come meanwhile
            let next = next.min(Instant::now() + Duration::from_millis(50));
            tokio::select! {
                answer = &mut question => break answer,
                () = tokio::time::sleep_until(next) => {}
            }
        };
        match answer {
            // a partition without a leader holds up its own records only
            Ok(Ok(Some(TopicInfo { reachable: true, .. }))) => return open(&inner, &topic),
            Ok(Ok(Some(_))) => missing = false,
            Ok(Ok(None)) => {
                inner.health.answered();
                missing = true;
                if inner.settings.topics.creation == Creation::Explicit {
                    match create(&inner, &topic).await {
                        Ok(()) => missing = false,
                        Err(error) if error.is_retriable() => {
                            tracing::debug!(%error, topic, "could not create the topic")
                        }
                        Err(error) => {
                            let gone = inner.gate.lock().refuse(&topic);
                            return inner.end(gone, &error);
                        }
                    }
                }
            }
            Ok(Err(error)) if error.is_retriable() => {
                missing = false;
                tracing::trace!(%error, topic, "no metadata yet");
            }
            Ok(Err(error)) => {
                let gone = inner.gate.lock().refuse(&topic);
                return inner.end(gone, &error);
            }
            Err(_stopping) => return,
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn open(inner: &Inner, topic: &str) {
    inner.health.answered();
    let mut gate: Locked<'_> = inner.gate.lock();
    for pending in gate.open(topic) {
        if !pending.caller.is_closed() {
            inner.hand_over(pending);
        }
    }
}

async fn create(inner: &Inner, topic: &str) -> Result<(), KafkaError> {
    match inner.admin()?.create(&TopicSpec::named(topic), Duration::from_secs(5)).await? {
        TopicOutcome::Created | TopicOutcome::Existed => Ok(()),
        TopicOutcome::Refused(error) => Err(error),
    }
}

/// Kafka's rule for names of topics.
fn legal(topic: &str) -> bool {
    let character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !topic.is_empty() && topic.len() <= 249 && topic != "." && topic != ".." && topic.chars().all(character)
}
