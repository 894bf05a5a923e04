//! Errors that a broker answers, injected with the client's own mock cluster.

use std::time::{Duration, Instant};

use podium_kafka::{ErrorKind, KafkaSettings, OutRecord, Patience, Producer};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

fn record(value: &str) -> OutRecord {
    OutRecord {
        topic: "t".to_owned(),
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

async fn cluster() -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, Producer) {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic("t", 1, 1).expect("a topic");
    let settings = KafkaSettings::new(mock.bootstrap_servers());
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    producer.send(record("first"), Patience::default()).await.expect("acknowledged");
    (mock, producer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_what_may_not_is_told() {
    let (mock, producer) = cluster().await;
    let too_few = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    mock.request_errors(RDKafkaApiKey::Produce, &[too_few, too_few]);
    producer.send(record("a"), Patience::default()).await.expect("tried again");
    let finals = [
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ErrorKind::NotAuthorized),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ErrorKind::TooLarge),
        (RDKafkaRespErr::RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ErrorKind::Refused),
    ];
    for (injected, kind) in finals {
        mock.request_errors(RDKafkaApiKey::Produce, &[injected]);
        let error = producer.send(record("b"), Patience::default()).await.expect_err("refused");
        assert_eq!(error.kind, kind, "{error}");
        // the next record is not harmed
        producer.send(record("c"), Patience::default()).await.expect("acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_are_away_are_waited_for() {
    let (mock, producer) = cluster().await;
    mock.broker_down(1).expect("down");
    let away = Patience { away: Duration::from_millis(300), ..Patience::default() };
    // once the client has noticed, a record waits at the door and comes back untouched
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = tokio::time::timeout(Duration::from_secs(1), producer.send(record("d"), away)).await;
        match answer {
            Ok(Err(error)) if error.kind == ErrorKind::Away => break,
            other => assert!(Instant::now() < until, "{other:?}"),
        }
    }
    let waits = tokio::spawn(producer.send(record("e"), Patience::default()));
    mock.broker_up(1).expect("up");
    waits.await.expect("a task").expect("acknowledged");
    assert!(producer.is_established());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_brokers_keep_the_order() {
    let (mock, producer) = cluster().await;
    mock.broker_round_trip_time(1, Duration::from_millis(150)).expect("slow");
    let sent: Vec<_> = (0..200).map(|n| producer.send(record(&n.to_string()), Patience::default())).collect();
    let offsets: Vec<i64> =
        futures::future::join_all(sent).await.into_iter().map(|d| d.expect("acknowledged").offset).collect();
    assert!(offsets.is_sorted());
}

/// What is on its way ends as it ends; what is behind it is dropped, and later records are not harmed.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_yet_is_taken_back() {
    let (mock, producer) = cluster().await;
    mock.broker_round_trip_time(1, Duration::from_millis(1_500)).expect("slow");
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(tokio::spawn(producer.send(record(&n.to_string()), Patience::default())));
        // a request of its own each, of which five are on their way at a time
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    producer.take_back();
    let mut outcomes = Vec::new();
    for one in sent {
        outcomes.push(one.await.expect("a task"));
    }
    let dropped = outcomes.iter().filter(|o| o.as_ref().is_err_and(|e| e.is_retriable())).count();
    assert!(dropped >= 10 && outcomes.iter().filter(|o| o.is_ok()).count() == 20 - dropped, "{outcomes:?}");
    mock.broker_round_trip_time(1, Duration::ZERO).expect("fast");
    producer.send(record("after"), Patience::default()).await.expect("acknowledged");
    assert!(!producer.is_dead());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_without_a_leader_holds_up_its_own_records_only() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic("t", 2, 1).expect("a topic");
    let settings = KafkaSettings::new(mock.bootstrap_servers());
    let producer = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let of = |key: &str| OutRecord { key: Some(key.as_bytes().to_vec()), ..record("v") };
    let (mut there, mut gone) = (None, None);
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        match producer.send(of(key), Patience::default()).await.expect("acknowledged").partition {
            0 => there = Some(key),
            _ => gone = Some(key),
        }
    }
    let (there, gone) = (there.expect("one of eight"), gone.expect("one of eight"));
    mock.partition_leader("t", 1, None).expect("no leader");
    // one that knows the topic, and one that has never heard of it
    let fresh = Producer::new(&settings, &settings.bootstrap).expect("settings");
    let held = tokio::spawn(fresh.send(of(gone), Patience::default()));
    for producer in [&producer, &fresh] {
        let answer =
            tokio::time::timeout(Duration::from_secs(5), producer.send(of(there), Patience::default()));
        assert_eq!(answer.await.expect("in time").expect("acknowledged").partition, 0);
    }
    assert!(!held.is_finished());
    mock.partition_leader("t", 1, Some(1)).expect("a leader");
    assert_eq!(held.await.expect("a task").expect("acknowledged").partition, 1);
}
