//! What a producer promises.

mod support;

use std::time::{Duration, Instant};

use podium_kafka::{
    Creation, ErrorKind, KafkaSettings, LaneEvent, LaneEvents, LaneId, Lanes, LanesSettings, OutRecord,
    Patience, Producer, Producers, Start,
};
use support::{Kind, LONG, Node, eventually, settings, take, unique};

fn record(topic: &str, key: Option<&str>, value: impl Into<Vec<u8>>) -> OutRecord {
    let key = key.map(|k| k.as_bytes().to_vec());
    OutRecord { topic: topic.to_owned(), key, value: Some(value.into()), headers: Vec::new() }
}

async fn assigned(events: &mut LaneEvents) -> (u64, Vec<LaneId>) {
    loop {
        let event = tokio::time::timeout(LONG, events.next()).await.expect("an event in time");
        if let LaneEvent::Assigned { round, lanes } = event.expect("the membership is open") {
            return (round, lanes);
        }
    }
}

async fn bytes_arrive_as_they_were_given(settings: KafkaSettings) {
    let topic = unique("bytes");
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let headers =
        vec![("h".to_owned(), b"1".to_vec()), ("h".to_owned(), vec![0, 255]), ("e".to_owned(), vec![])];
    let sent = [
        OutRecord { topic: topic.clone(), key: Some(vec![0, 1, 255]), value: Some(b"{}".to_vec()), headers },
        OutRecord {
            topic: topic.clone(),
            key: Some(Vec::new()),
            value: Some(Vec::new()),
            headers: Vec::new(),
        },
        OutRecord { topic: topic.clone(), key: None, value: None, headers: Vec::new() },
    ];
    for one in &sent {
        producer.send(one.clone(), Patience::default()).await.expect("acknowledged");
    }
    let (lanes, mut events) =
        Lanes::join(&settings, &LanesSettings::new(unique("g"), &[&topic])).expect("joins");
    let (round, ids) = assigned(&mut events).await;
    let mut lane = lanes.begin(round, vec![(ids[0].clone(), Start::Beginning)]).await.pop().expect("a lane");
    let read = take(&mut lane, 3).await;
    for (sent, read) in sent.iter().zip(&read) {
        assert_eq!(read.key.as_deref(), sent.key.as_deref());
        assert_eq!(read.value.as_deref(), sent.value.as_deref());
        let names: Vec<_> =
            read.headers.iter().map(|(n, v)| (n.clone(), v.clone().unwrap_or_default().to_vec())).collect();
        assert_eq!(names, sent.headers);
    }
    lanes.close().await;
}

async fn a_key_keeps_its_order(settings: KafkaSettings) {
    let topic = unique("order");
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    // the first ones wait for the topic, the rest finds it open: no one overtakes
    let sent: Vec<_> = (0..3_000)
        .map(|n| {
            producer.send(record(&topic, Some(&format!("k{}", n % 7)), n.to_string()), Patience::default())
        })
        .collect();
    for answer in futures::future::join_all(sent).await {
        answer.expect("acknowledged");
    }
    let (lanes, mut events) =
        Lanes::join(&settings, &LanesSettings::new(unique("g"), &[&topic])).expect("joins");
    let (round, ids) = assigned(&mut events).await;
    let mut lane = lanes.begin(round, vec![(ids[0].clone(), Start::Beginning)]).await.pop().expect("a lane");
    let read = take(&mut lane, 3_000).await;
    let values: Vec<u32> = read
        .iter()
        .map(|r| String::from_utf8_lossy(r.value.as_deref().unwrap_or_default()).parse().expect("a number"))
        .collect();
    assert!(values.is_sorted(), "one partition, one order");
    lanes.close().await;
}

async fn a_topic_that_nobody_may_make_is_refused(mut settings: KafkaSettings) {
    settings.topics.creation = Creation::Broker;
    settings.properties.insert("allow.auto.create.topics".to_owned(), "false".to_owned());
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let patience = Patience { missing: Duration::from_millis(300), ..Patience::default() };
    let error = producer.send(record(&unique("none"), None, "x"), patience).await.expect_err("no topic");
    assert_eq!(error.kind, ErrorKind::TopicMissing);
    let error = producer.send(record("not a topic!", None, "x"), patience).await.expect_err("no name");
    assert_eq!((error.kind, error.reason.as_str()), (ErrorKind::TopicName, "Invalid topics: [not a topic!]"));
    let big = producer.send(record(&unique("none"), None, vec![b'x'; 2 << 20]), patience).await;
    assert!(big.is_err());
}

async fn a_record_over_the_limit_is_refused(settings: KafkaSettings) {
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let sent = producer.send(record(&unique("big"), None, vec![b'x'; 2 << 20]), Patience::default()).await;
    assert_eq!(sent.expect_err("too large").kind, ErrorKind::TooLarge);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_in_time() {
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let settings = KafkaSettings::new("127.0.0.1:1");
    let producers = Producers::new(settings);
    let producer = producers.get(Some(&closed.to_string())).expect("an address");
    assert!(!producer.is_established());
    let patience = Patience { away: Duration::from_millis(200), ..Patience::default() };
    let asked = Instant::now();
    let error = producer.send(record("x", None, "x"), patience).await.expect_err("closed");
    assert_eq!(error.kind, ErrorKind::Away);
    assert!(asked.elapsed() >= patience.away && asked.elapsed() < Patience::default().away);
    let nowhere = producers.get(Some("no.such.host.invalid:9092")).expect("an address");
    let error = nowhere.send(record("x", None, "x"), Patience::default()).await.expect_err("no such host");
    assert_eq!(error.kind, ErrorKind::Unresolvable);
    assert_eq!(producers.get(Some("noport")).map(|_| ()).expect_err("no port").kind, ErrorKind::Address);
}

/// Nothing is lost, nothing fails, nothing changes its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_and_comes_back_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let node = Node::start(dir.path());
    let mut settings = KafkaSettings::new(&node.bootstrap);
    // a loaded machine may take longer to start a node than a record usually waits
    settings.properties.insert("message.timeout.ms".to_owned(), LONG.as_millis().to_string());
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let topic = unique("restart");
    let patience = Patience { away: LONG, missing: LONG };
    producer.send(record(&topic, Some("k"), "0"), patience).await.expect("acknowledged");
    let feeder = tokio::spawn({
        let (producer, topic) = (producer.clone(), topic.clone());
        async move {
            let mut sent = Vec::new();
            for n in 1..2_000 {
                sent.push(tokio::spawn(producer.send(record(&topic, Some("k"), n.to_string()), patience)));
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            futures::future::join_all(sent).await
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    tokio::task::spawn_blocking(move || {
        node.kill();
        node.start_again();
    })
    .await
    .expect("restarted");
    for answer in feeder.await.expect("the feeder") {
        answer.expect("a task").expect("acknowledged");
    }
    let (lanes, mut events) =
        Lanes::join(&settings, &LanesSettings::new(unique("g"), &[&topic])).expect("joins");
    let (round, ids) = assigned(&mut events).await;
    let mut lane = lanes.begin(round, vec![(ids[0].clone(), Start::Beginning)]).await.pop().expect("a lane");
    let read = take(&mut lane, 2_000).await;
    let values: Vec<u32> = read
        .iter()
        .map(|r| String::from_utf8_lossy(r.value.as_deref().unwrap_or_default()).parse().expect("a number"))
        .collect();
    assert_eq!(values, (0..2_000).collect::<Vec<u32>>(), "each once and in order");
    lanes.close().await;
}

async fn the_cluster_answers_questions(settings: KafkaSettings) {
    let cluster = podium_kafka::Cluster::configured(&settings).expect("settings");
    let id = cluster.id(LONG).await.expect("an id");
    assert_eq!(cluster.id(LONG).await.expect("an id"), id);
    let topic = unique("made");
    assert_eq!(cluster.topic(&topic, LONG).await.expect("an answer"), None);
    let wanted = [podium_kafka::TopicSpec { name: topic.clone(), partitions: Some(3) }];
    let made = cluster.ensure_topics(&wanted, LONG).await.expect("made");
    assert_eq!(made, [(topic.clone(), podium_kafka::TopicOutcome::Created)]);
    let again = cluster.ensure_topics(&wanted, LONG).await.expect("there");
    assert_eq!(again, [(topic.clone(), podium_kafka::TopicOutcome::Existed)]);
    assert_eq!(cluster.topic(&topic, LONG).await.expect("an answer").expect("there").partitions, [0, 1, 2]);
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    producer.warm(LONG).await.expect("warm");
    let to = producer.send(record(&topic, Some("k"), "v"), Patience::default()).await.expect("acknowledged");
    let reach = cluster.watermarks(&topic, to.partition, LONG).await.expect("an answer");
    assert_eq!((reach.low, reach.high), (0, 1));
    // a topic that was deleted is asked for again
    cluster.delete_topics(&[&topic], LONG).await.expect("deleted");
    eventually("deleted", async || cluster.topic(&topic, LONG).await.ok()?.is_none().then_some(())).await;
    eventually("made again", async || {
        producer.send(record(&topic, Some("k"), "v"), Patience::default()).await.ok()
    })
    .await;
}

macro_rules! on_both {
    ($($test:ident),*) => {
        mod real { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Real)).await; })* }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Embedded)).await; })* }
    };
}
on_both!(
    bytes_arrive_as_they_were_given,
    a_key_keeps_its_order,
    a_topic_that_nobody_may_make_is_refused,
    a_record_over_the_limit_is_refused,
    the_cluster_answers_questions
);
