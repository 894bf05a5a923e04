//! What lanes promise.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use podium_kafka::{
    Cluster, KafkaSettings, Lane, LaneEnd, LaneEvent, LaneEvents, LaneId, Lanes, LanesSettings, OutRecord,
    Patience, Producer, Start, TopicSpec,
};
use support::{Kind, LONG, eventually, settings, take, unique};

async fn topic_with(settings: &KafkaSettings, partitions: i32, records: usize) -> (String, Producer) {
    let topic = unique("read");
    let cluster = Cluster::configured(settings).expect("settings");
    let spec = TopicSpec { name: topic.clone(), partitions: Some(partitions) };
    cluster.ensure_topics(&[spec], LONG).await.expect("made");
    let producer = Producer::new(settings, &settings.bootstrap).expect("settings");
    send(&producer, &topic, 0, records).await;
    (topic, producer)
}

async fn send(producer: &Producer, topic: &str, from: usize, to: usize) {
    let sent = (from..to).map(|n| {
        let (key, value) = (Some(n.to_string().into_bytes()), Some(n.to_string().into_bytes()));
        let record = OutRecord { topic: topic.to_owned(), key, value, headers: Vec::new() };
        producer.send(record, Patience::default())
    });
    for answer in futures::future::join_all(sent).await {
        answer.expect("acknowledged");
    }
}

fn number(record: &podium_kafka::Record) -> usize {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).parse().expect("a number")
}

async fn assigned(events: &mut LaneEvents) -> (u64, Vec<LaneId>) {
    loop {
        let event = tokio::time::timeout(LONG, events.next()).await.expect("an event in time");
        if let LaneEvent::Assigned { round, lanes } = event.expect("the membership is open") {
            return (round, lanes);
        }
    }
}

async fn one_lane(
    settings: &KafkaSettings,
    lanes: &LanesSettings,
    start: Start,
) -> (Lanes, LaneEvents, Lane) {
    let (lanes, mut events) = Lanes::join(settings, lanes).expect("joins");
    let (round, ids) = assigned(&mut events).await;
    assert_eq!(ids.len(), 1);
    let lane = lanes.begin(round, vec![(ids[0].clone(), start)]).await.pop().expect("a lane");
    (lanes, events, lane)
}

/// Our position counts, whatever Kafka remembers.
async fn a_lane_begins_where_it_is_told(settings: KafkaSettings) {
    let (topic, _producer) = topic_with(&settings, 1, 50).await;
    let group = LanesSettings::new(unique("g"), &[&topic]);
    let (lanes, _events, mut lane) = one_lane(&settings, &group, Start::Offset(10)).await;
    assert_eq!(number(&take(&mut lane, 40).await[0]), 10);
    lane.done(45);
    let id = lane.id().clone();
    eventually("the hint is there", async || {
        (lanes.committed(std::slice::from_ref(&id), LONG).await.ok()?.get(&id) == Some(&45)).then_some(())
    })
    .await;
    eventually("the end is known", async || (lanes.end_of(&id) == Some(50)).then_some(())).await;
    lanes.close().await;
    let (lanes, _events, mut lane) = one_lane(&settings, &group, Start::Offset(20)).await;
    assert_eq!(number(&take(&mut lane, 30).await[0]), 20, "not 45");
    // redelivery from a position while reading
    lane.restart(5).await;
    let again: Vec<usize> = take(&mut lane, 45).await.iter().map(number).collect();
    assert_eq!(again, (5..50).collect::<Vec<_>>());
    lanes.close().await;
}

async fn a_full_buffer_pauses_and_loses_nothing(settings: KafkaSettings) {
    let (topic, producer) = topic_with(&settings, 1, 3_000).await;
    let mut group = LanesSettings::new(unique("g"), &[&topic]);
    group.buffer_records = 50;
    let (lanes, _events, mut lane) = one_lane(&settings, &group, Start::Beginning).await;
    let mut read = Vec::new();
    while read.len() < 3_000 {
        let next =
            tokio::time::timeout(LONG, lane.next(7, usize::MAX)).await.expect("in time").expect("open");
        assert!(next.len() <= 7);
        read.extend(next.iter().map(number));
    }
    assert_eq!(read, (0..3_000).collect::<Vec<_>>());
    // and it is awake for what comes later
    send(&producer, &topic, 3_000, 3_010).await;
    assert_eq!(take(&mut lane, 10).await.len(), 10);
    lanes.close().await;
}

/// A lane whose start is found late neither holds up the others nor makes them miss or repeat anything.
async fn lanes_may_begin_one_by_one(settings: KafkaSettings) {
    let (topic, producer) = topic_with(&settings, 4, 400).await;
    let mut group = LanesSettings::new(unique("g"), &[&topic]);
    group.buffer_records = 20;
    let (lanes, mut events) = Lanes::join(&settings, &group).expect("joins");
    let (round, ids) = assigned(&mut events).await;
    assert_eq!(ids.len(), 4);
    let mut held = Vec::new();
    let mut read: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (n, id) in ids.iter().enumerate() {
        let start = if n % 2 == 0 { Start::Offset(0) } else { Start::Beginning };
        held.extend(lanes.begin(round, vec![(id.clone(), start)]).await);
        send(&producer, &topic, 400 + 100 * n, 500 + 100 * n).await;
        for lane in &mut held {
            // some of it only, so that later ones begin while these are full
            let batch = tokio::time::timeout(LONG, lane.next(30, usize::MAX)).await.expect("in time");
            read.entry(lane.id().partition).or_default().extend(batch.expect("open").iter().map(number));
        }
    }
    while read.values().map(Vec::len).sum::<usize>() < 800 {
        for lane in &mut held {
            let Ok(batch) = tokio::time::timeout(Duration::from_millis(100), lane.next(30, usize::MAX)).await
            else {
                continue;
            };
            read.entry(lane.id().partition).or_default().extend(batch.expect("open").iter().map(number));
        }
    }
    for (partition, numbers) in &read {
        assert!(numbers.is_sorted_by(|a, b| a < b), "partition {partition}: {numbers:?}");
    }
    assert!(lanes.begin(round, vec![(ids[0].clone(), Start::Beginning)]).await.is_empty(), "it has begun");
    lanes.close().await;
}

/// The first record that is as young as an instant.
async fn offsets_are_found_by_time(settings: KafkaSettings) {
    let (topic, producer) = topic_with(&settings, 1, 10).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let (lanes, mut events) =
        Lanes::join(&settings, &LanesSettings::new(unique("g"), &[&topic])).expect("joins");
    let (_, ids) = assigned(&mut events).await;
    let at = |seconds: i64| lanes.offset_at(&ids[0], now.as_millis() as i64 + 1_000 * seconds, LONG);
    assert_eq!(at(-3_600).await.expect("an answer"), 0);
    assert_eq!(at(3_600).await.expect("an answer"), 10);
    send(&producer, &topic, 10, 11).await;
    assert_eq!(at(3_600).await.expect("an answer"), 11);
    lanes.close().await;
}

async fn members_share_and_take_over(settings: KafkaSettings) {
    let (topic, producer) = topic_with(&settings, 4, 0).await;
    let group = LanesSettings::new(unique("g"), &[&topic]);
    let (first, mut first_events) = Lanes::join(&settings, &group).expect("joins");
    let (round, ids) = assigned(&mut first_events).await;
    assert_eq!(ids.len(), 4);
    let start = |ids: &[LaneId], at: &BTreeMap<LaneId, i64>| -> Vec<(LaneId, Start)> {
        ids.iter().map(|id| (id.clone(), Start::Offset(at.get(id).copied().unwrap_or(0)))).collect()
    };
    let mut position = BTreeMap::new();
    let mut held = first.begin(round, start(&ids, &position)).await;
    send(&producer, &topic, 0, 400).await;
    let mut read = Vec::new();
    while read.len() < 400 {
        for lane in &mut held {
            let next = tokio::time::timeout(Duration::from_millis(50), lane.next(100, usize::MAX)).await;
            for record in next.unwrap_or(Ok(Vec::new())).expect("open") {
                position.insert(lane.id().clone(), record.offset + 1);
                read.push(number(&record));
            }
        }
    }
    let (second, mut second_events) = Lanes::join(&settings, &group).expect("joins");
    let (round, ids) = tokio::join!(assigned(&mut first_events), assigned(&mut second_events));
    assert_eq!((round.1.len(), ids.1.len()), (2, 2), "range shares two and two");
    assert_eq!(held[0].next(1, 1).await.expect_err("given back"), LaneEnd::Revoked);
    let mut theirs = second.begin(ids.0, start(&ids.1, &position)).await;
    let ours = first.begin(round.0, start(&round.1, &position)).await;
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    assert!(first.begin(round.0 - 1, start(&round.1, &position)).await.is_empty(), "a round that is over");
    send(&producer, &topic, 400, 800).await;
    // the first member goes without reading: the second one gets all, from our positions
    drop(ours);
    first.close().await;
    let (round, ids) = assigned(&mut second_events).await;
    assert_eq!(ids.len(), 4);
    assert_eq!(theirs[0].next(1, 1).await.expect_err("given back"), LaneEnd::Revoked);
    let mut all = second.begin(round, start(&ids, &position)).await;
    while read.len() < 800 {
        for lane in &mut all {
            let next = tokio::time::timeout(Duration::from_millis(50), lane.next(100, usize::MAX)).await;
            read.extend(next.unwrap_or(Ok(Vec::new())).expect("open").iter().map(number));
        }
    }
    read.sort_unstable();
    assert_eq!(read, (0..800).collect::<Vec<_>>(), "each once");
    second.close().await;
}

async fn an_offset_that_is_gone_ends_the_lane(settings: KafkaSettings) {
    let (topic, _producer) = topic_with(&settings, 1, 10).await;
    let group = LanesSettings::new(unique("g"), &[&topic]);
    let (lanes, _events, mut lane) = one_lane(&settings, &group, Start::Offset(500)).await;
    let end = tokio::time::timeout(LONG, lane.next(1, 1)).await.expect("in time").expect_err("nothing there");
    assert_eq!(end, LaneEnd::OutOfRange { wanted: 500, low: 0, high: 10 });
    lanes.close().await;
}

/// Looking needs no group and leaves no trace.
async fn the_latest_records_are_seen_without_a_group(settings: KafkaSettings) {
    let nowhere =
        podium_kafka::latest(&settings, &unique("nowhere"), 5, 10, LONG).await.expect("brokers answer");
    assert!(nowhere.is_none());
    let (topic, producer) = topic_with(&settings, 3, 0).await;
    let empty = podium_kafka::latest(&settings, &topic, 5, 10, LONG).await.expect("read");
    assert!(empty.is_some_and(|found| found.is_empty()));
    let mut places = Vec::new();
    for n in 0..20 {
        let value = format!("{n:0>20}").into_bytes();
        let record =
            OutRecord { topic: topic.clone(), key: Some(vec![n]), value: Some(value), headers: Vec::new() };
        let delivery = producer.send(record, Patience::default()).await.expect("acknowledged");
        places.push((delivery.partition, delivery.offset));
        // records of one millisecond have no order over partitions
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let found = podium_kafka::latest(&settings, &topic, 5, 10, LONG).await.expect("read").expect("a topic");
    let keys: Vec<_> =
        found.iter().filter_map(|placed| placed.record.key.as_deref()).map(|key| key[0]).collect();
    assert_eq!(keys, [19, 18, 17, 16, 15]);
    assert_eq!((found[0].partition, found[0].record.offset), places[19]);
    assert_eq!((found[0].value_size, found[0].record.value.as_deref()), (20, Some(b"0000000000".as_slice())));
    let wanted = [places[3], (0, 1_000), (7, 0), places[0]];
    let found = podium_kafka::at(&settings, &topic, &wanted, LONG).await.expect("read");
    let keys: Vec<_> =
        found.iter().map(|record| record.as_ref().and_then(|record| record.key.as_deref())).collect();
    assert_eq!(keys, [Some([3].as_slice()), None, None, Some([0].as_slice())]);
}

macro_rules! on_both {
    ($($test:ident),*) => {
        mod real { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Real)).await; })* }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Embedded)).await; })* }
    };
}
on_both!(
    a_lane_begins_where_it_is_told,
    a_full_buffer_pauses_and_loses_nothing,
    lanes_may_begin_one_by_one,
    offsets_are_found_by_time,
    members_share_and_take_over,
    an_offset_that_is_gone_ends_the_lane,
    the_latest_records_are_seen_without_a_group
);
