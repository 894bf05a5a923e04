//! Measures one broker: how long records take to be acknowledged and to be read, at a given rate.
//!
//! `cargo run --release -p podium-kafka --example latency -- 127.0.0.1:9092 [records per second] [seconds] [librdkafka property=value …]`

use std::env;
use std::error::Error;
use std::time::{Duration, Instant};

use podium_kafka::{
    Cluster, KafkaSettings, LaneEvent, Lanes, LanesSettings, OutRecord, Patience, Producer, Start, TopicSpec,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut settings = KafkaSettings::new(arguments.next().ok_or("expected the address of a broker")?);
    let rate: u32 = arguments.next().map_or(Ok(2_000), |a| a.parse())?;
    let seconds: u32 = arguments.next().map_or(Ok(5), |a| a.parse())?;
    for property in arguments {
        let (key, value) = property.split_once('=').ok_or("expected property=value")?;
        settings.properties.insert(key.to_owned(), value.to_owned());
    }
    let (topic, wait) = (format!("latency-{}", std::process::id()), Duration::from_secs(10));
    let cluster = Cluster::configured(&settings)?;
    cluster.ensure_topics(&[TopicSpec::named(&topic)], wait).await?;
    let producer = Producer::new(&settings, &settings.bootstrap)?;
    producer.warm(wait).await?;
    producer.send(record(&topic, u64::MAX), Patience::default()).await?;
    let (lanes, mut events) = Lanes::join(&settings, &LanesSettings::new(&topic, &[&topic]))?;
    let mut lane = loop {
        if let Some(LaneEvent::Assigned { round, lanes: ids }) = events.next().await {
            let starts = ids.into_iter().map(|id| (id, Start::Offset(1))).collect();
            break lanes.begin(round, starts).await.pop().ok_or("no lane")?;
        }
    };
    let (began, cpu) = (Instant::now(), cpu());
    let total = rate * seconds;
    let reader = tokio::spawn(async move {
        let mut took = Vec::new();
        while took.len() < total as usize {
            let Ok(records) = lane.next(500, 1 << 20).await else { break };
            let now = began.elapsed();
            took.extend(records.iter().map(|r| now.saturating_sub(sent_at(r.value.as_deref()))));
        }
        took
    });
    let mut acknowledged = Vec::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut sent = 0;
    while sent < total {
        ticks.tick().await;
        let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while sent < due.min(total) {
            let delivery =
                producer.send(record(&topic, began.elapsed().as_micros() as u64), Patience::default());
            let at = Instant::now();
            acknowledged.push(tokio::spawn(async move { delivery.await.map(|_| at.elapsed()) }));
            sent += 1;
        }
    }
    let mut acks = Vec::new();
    for one in acknowledged {
        acks.push(one.await??);
    }
    let reads = reader.await?;
    let busy = self::cpu() - cpu;
    println!(
        "{total} records in {:.1?}, own CPU {:.0?} ({:.0} us each)",
        began.elapsed(),
        busy,
        busy.as_micros() as f64 / f64::from(total)
    );
    show("acknowledged", acks);
    show("read", reads);
    let (cpu, pause) = (self::cpu(), Duration::from_secs(5));
    tokio::time::sleep(pause).await;
    println!("idle: {:.1} % of a core", 100.0 * (self::cpu() - cpu).as_secs_f64() / pause.as_secs_f64());
    lanes.close().await;
    cluster.delete_topics(&[&topic], wait).await?;
    Ok(())
}

fn record(topic: &str, micros: u64) -> OutRecord {
    let mut value = micros.to_be_bytes().to_vec();
    value.resize(300, b' ');
    OutRecord {
        topic: topic.to_owned(),
        key: Some(micros.to_be_bytes().to_vec()),
        value: Some(value),
        headers: vec![],
    }
}

fn sent_at(value: Option<&[u8]>) -> Duration {
    let bytes = value.and_then(|v| v.get(..8)).and_then(|v| v.try_into().ok()).unwrap_or_default();
    Duration::from_micros(u64::from_be_bytes(bytes))
}

fn show(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!("{what}: p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(0.5), at(0.99), at(0.9999));
}

/// What this process has used of the processors.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<u64> =
        stat.rsplit(')').next().unwrap_or("").split(' ').filter_map(|f| f.parse().ok()).collect();
    // after the name: state, then ppid as the first number; utime and stime are the 11th and 12th numbers
    let ticks = fields.get(10).copied().unwrap_or(0) + fields.get(11).copied().unwrap_or(0);
    Duration::from_millis(ticks * 10)
}
