//! Pairs of KAFKA_PUBLISH and EVENT through a real broker, with a service that echoes completions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use podium_tests::support::kafka;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;

use crate::load::hundred_bytes;
use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, Rig, definition};
use crate::scenarios::Pace;
use crate::wire::{Connection, send};

const REQUESTS: &str = "bench-requests";
const EVENTS: &str = "conductor-events";
const PROBE: &str = "bench-probe";

/// Runs that are open at most: the echo service and the router are never idle, nothing piles up.
const OPEN_LIMIT: i64 = 2_000;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("Pairs of KAFKA_PUBLISH and EVENT, real broker");
    let broker = kafka::shared()?;
    for (topic, partitions) in [(REQUESTS, 4), (EVENTS, 4), (PROBE, 1)] {
        kafka::create_topic(broker, topic, partitions)?;
    }
    let rig = machine.rig("bench_pairs", Some(broker))?;
    rig.client().register_workflow(&definition(
        "pair",
        vec![
            json!({"name": "publish", "taskReferenceName": "publish", "type": "KAFKA_PUBLISH", "inputParameters": {
                "kafka_request": {"topic": REQUESTS, "bootStrapServers": broker, "key": "${workflow.workflowId}",
                    "value": {"workflowId": "${workflow.workflowId}", "taskId": "bench_task",
                        "eventType": "bench_request", "data": {"text": "${workflow.input.text}"}}}}}),
            json!({"name": "wait_for_bench", "taskReferenceName": "wait_for_bench", "type": "EVENT",
                "sink": "conductor:bench_completed", "asyncComplete": true}),
        ],
    ))?;
    let echo = Echo::start(broker)?;
    // The router and the echo service have their partitions when the first pair is through.
    let client = rig.client();
    let first = client.start("pair", &serde_json::from_str(&hundred_bytes())?)?;
    client.wait_for(&first, "COMPLETED", Duration::from_secs(60)).context("the first pair")?;

    saturate(&rig, pace.warm_up).await?;
    let cpu_before = rig.counters_now()?;
    let (rate, pairs) = saturate(&rig, pace.measure).await?;
    let cost = rig.counters_now()?.since(&cpu_before);
    report.add("pairs, saturated", rate, "/s", Target::AtLeast(2_000.0));
    let both = (cost.postgres_cpu_s + cost.engine_cpu_s) / pairs as f64 * 1e6;
    report.add("pairs: engine + PostgreSQL CPU each", both, "us", Target::None);
    report.add("pairs: WAL each", cost.wal_bytes / pairs as f64 / 1e3, "KB", Target::None);

    let mut bare = bare_round_trips(broker, pace.samples.min(200))?;
    let mut whole = at_low_rate(&rig, pace.samples.min(400)).await?;
    let (bare_50, bare_99) = (percentile(&mut bare, 0.5), percentile(&mut bare, 0.99));
    let (whole_50, whole_99) = (percentile(&mut whole, 0.5), percentile(&mut whole, 0.99));
    report.add("two bare hops through the broker, p50", 2.0 * bare_50, "ms", Target::None);
    report.add("two bare hops through the broker, p99", 2.0 * bare_99, "ms", Target::None);
    report.add("pair at 100/s, p50", whole_50, "ms", Target::None);
    report.add("pair at 100/s, p99", whole_99, "ms", Target::None);
    report.add("pair: added p99", whole_99 - 2.0 * bare_50, "ms", Target::AtMost(25.0));
    echo.stop();
    Ok(())
}

fn open_and_done(rig: &Rig) -> anyhow::Result<(i64, i64)> {
    let row = &rig.sql.rows(
        "SELECT count(*) FILTER (WHERE status < 2), count(*) FILTER (WHERE status = 2) FROM run WHERE name = 'pair'",
    )?[0];
    Ok((sqlx::Row::try_get(row, 0)?, sqlx::Row::try_get(row, 1)?))
}

/// Starts pairs as fast as they end; (pairs per second, all pairs).
async fn saturate(rig: &Rig, time: Duration) -> anyhow::Result<(f64, i64)> {
    let (_, done_before) = open_and_done(rig)?;
    let credit = Arc::new(tokio::sync::Semaphore::new(OPEN_LIMIT as usize));
    let stop = Arc::new(AtomicBool::new(false));
    let mut starters = Vec::new();
    for _ in 0..32 {
        let (address, credit, stop) = (rig.address(), Arc::clone(&credit), Arc::clone(&stop));
        starters.push(tokio::spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let request = send("POST", "/api/workflow/pair", &hundred_bytes());
            while !stop.load(Ordering::Relaxed) {
                let permit = tokio::time::timeout(Duration::from_millis(50), credit.acquire()).await;
                let Ok(Ok(permit)) = permit else { continue };
                permit.forget();
                let (status, _) = connection.exchange(&request).await?;
                ensure!(status == 200, "a start answered {status}");
            }
            anyhow::Ok(())
        }));
    }
    // What is done is counted in the rows, four times a second: it gives the starters their credit back.
    let begun = Instant::now();
    let mut credited = done_before;
    while begun.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let (_, done) = open_and_done(rig)?;
        credit.add_permits((done - credited).max(0) as usize);
        credited = done;
    }
    let rate = (credited - done_before) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for starter in starters {
        starter.await??;
    }
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (open, done) = open_and_done(rig)?;
        if open == 0 {
            return Ok((rate, done - done_before));
        }
        ensure!(Instant::now() < end, "{open} pairs did not end within 60 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Durations in ms of pairs that are started 100 times a second, from the rows' own instants.
async fn at_low_rate(rig: &Rig, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut connection = Connection::open(&rig.address()).await?;
    let request = send("POST", "/api/workflow/pair", &hundred_bytes());
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut ids = Vec::new();
    for _ in 0..count {
        ticks.tick().await;
        let (status, body) = connection.exchange(&request).await?;
        ensure!(status == 200, "a start answered {status}");
        ids.push(format!("'{}'", String::from_utf8_lossy(body)));
    }
    let list = ids.join(",");
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let rows = rig.sql.rows(&format!(
            "SELECT (extract(epoch FROM ended_at - created_at) * 1000)::float8 FROM run
             WHERE id IN ({list}) AND status = 2"
        ))?;
        if rows.len() == count {
            return rows.iter().map(|row| Ok(sqlx::Row::try_get(row, 0)?)).collect();
        }
        ensure!(Instant::now() < end, "{} of {count} pairs ended within 30 s", rows.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn client_config(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", broker)
        .set("fetch.wait.max.ms", "20")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest");
    config
}

/// Durations in ms of one record through the broker: produced, acknowledged and read.
fn bare_round_trips(broker: &str, count: usize) -> anyhow::Result<Vec<f64>> {
    let producer: BaseProducer = client_config(broker).set("linger.ms", "0").create()?;
    let consumer: BaseConsumer = client_config(broker).set("group.id", "bench-probe").create()?;
    let mut assigned = rdkafka::TopicPartitionList::new();
    assigned.add_partition_offset(PROBE, 0, rdkafka::Offset::End)?;
    consumer.assign(&assigned)?;
    drop(consumer.poll(Duration::from_millis(500)));
    let mut samples = Vec::new();
    for i in 0..count + 10 {
        let begun = Instant::now();
        let value = begun.elapsed().as_nanos().to_string();
        producer.send(BaseRecord::<str, str>::to(PROBE).payload(&value)).map_err(|(error, _)| error)?;
        producer.poll(Duration::ZERO);
        let end = Instant::now() + Duration::from_secs(5);
        while consumer.poll(Duration::from_millis(100)).and_then(Result::ok).is_none() {
            producer.poll(Duration::ZERO);
            ensure!(Instant::now() < end, "a record did not come back within 5 s");
        }
        if i >= 10 {
            samples.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(samples)
}

/// The service: answers every request with its completion.
struct Echo {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<anyhow::Result<()>>,
}

impl Echo {
    fn start(broker: &str) -> anyhow::Result<Echo> {
        let consumer: BaseConsumer = client_config(broker).set("group.id", "bench-echo").create()?;
        consumer.subscribe(&[REQUESTS])?;
        let producer: BaseProducer = client_config(broker)
            .set("linger.ms", "1")
            .set("queue.buffering.max.messages", "100000")
            .create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let Some(message) = consumer.poll(Duration::from_millis(50)) else {
                    producer.poll(Duration::ZERO);
                    continue;
                };
                let message = message?;
                let key = message.key().unwrap_or_default();
                let completion = completion_of(key);
                producer.send(BaseRecord::to(EVENTS).key(key).payload(&completion)).map_err(|(e, _)| e)?;
                producer.poll(Duration::ZERO);
            }
            producer.flush(Duration::from_secs(5))?;
            Ok(())
        });
        Ok(Echo { stop, thread })
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(Err(error)) = self.thread.join() {
            println!("  the echo service ended early: {error:#}");
        }
    }
}

/// The request's key is the workflow's id.
fn completion_of(workflow: &[u8]) -> String {
    format!(
        r#"{{"workflowId":"{}","taskId":"bench_task","eventType":"bench_completed","data":{{"status":"success","result":"success"}}}}"#,
        String::from_utf8_lossy(workflow)
    )
}
