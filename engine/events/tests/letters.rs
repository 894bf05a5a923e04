//! Dead letters: what people see of them, and sending them again.

mod support;

use podium_core::RunStatus;
use podium_events::letters::KafkaDeadLetters;
use podium_kafka::{KafkaSettings, OutRecord, Patience, Producers};
use podium_runtime::ports::{DeadLetter, DeadLetters};
use serde_json::json;

use support::brokers::{Kind, LONG, eventually, unique};
use support::{Site, completion, nodes, settings};

fn letters(site: &Site) -> KafkaDeadLetters {
    let (dead, topic) = (site.router.dead_letter_topic.clone(), site.router.topic.clone());
    KafkaDeadLetters::new(site.engine.clone(), site.producers.clone(), dead, topic)
}

async fn until_letters(letters: &KafkaDeadLetters, count: usize) -> Vec<DeadLetter> {
    eventually("the letters are there", async || {
        letters.latest(10, 100).await.ok().filter(|found| found.len() == count)
    })
    .await
}

async fn send(site: &Site, value: &[u8]) {
    let headers = vec![("trace".to_owned(), b"t1".to_vec())];
    let (topic, key) = (site.router.topic.clone(), Some(b"k".to_vec()));
    let record = OutRecord { topic, key, value: Some(value.to_vec()), headers };
    let producer = site.producers.get(None).expect("settings");
    producer.send(record, Patience::default()).await.expect("acknowledged");
}

async fn a_letter_is_seen_and_sent_again_as_it_was(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    let letters = letters(&site);
    assert_eq!(
        letters.latest(10, 100).await.expect("brokers answer"),
        [],
        "there is no topic before the first"
    );
    let router = site.route().await;
    send(&site, b"no json").await;
    send(&site, &[0xff; 200]).await;
    let found = until_letters(&letters, 2).await;
    let first = found.iter().find(|letter| letter.value_size == 7).expect("the text");
    assert_eq!(
        (first.key.as_deref(), first.value.as_deref()),
        (Some(b"k".as_slice()), Some(b"no json".as_slice()))
    );
    assert_eq!(first.headers, [("trace".to_owned(), b"t1".to_vec())]);
    assert_eq!(first.origin, Some((site.router.topic.clone(), 0, 0)));
    assert!(first.reason.contains("JSON") && first.at_ms.is_some());
    let other = found.iter().find(|letter| letter.value_size == 200).expect("the bytes");
    assert_eq!(other.value.as_ref().map(Vec::len), Some(100), "no more than asked for");

    let places = [(first.partition, first.offset), (first.partition, 1_000)];
    let answers = letters.replay(&places).await.expect("brokers answer");
    assert_eq!(answers[0], Ok(()));
    assert!(answers[1].as_ref().is_err_and(|why| why.contains("no letter")));
    let again = site.read(&site.router.topic, 3).await.pop().expect("three");
    assert_eq!(again.value.as_deref(), Some(b"no json".as_slice()));
    assert_eq!(again.key.as_deref(), Some(b"k".as_slice()));
    let names: Vec<_> = again.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["trace"]);
    // it is no event still, and so a letter again, of its new place
    let found = until_letters(&letters, 3).await;
    assert!(found.iter().any(|letter| letter.origin == Some((site.router.topic.clone(), 0, 2))));
    router.stop().await;
}

/// An event that was refused by mistake has its effect once it is sent again.
async fn a_letter_that_is_an_event_by_now_ends_its_task(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    site.define_stage("stage").await;
    let run = nodes::start(&site.engine, "stage").await;
    let event = completion(run, "enrichment_completed", &json!({"result": "success"}));
    let letter = OutRecord {
        topic: site.router.dead_letter_topic.clone(),
        key: None,
        value: Some(event.into_bytes()),
        headers: [
            ("podium-origin-topic", site.router.topic.as_str()),
            ("podium-origin-partition", "0"),
            ("podium-origin-offset", "0"),
            ("podium-error", "a mistake"),
        ]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into(),
    };
    let producer = site.producers.get(None).expect("settings");
    let there = producer.send(letter, Patience::default()).await.expect("acknowledged");
    let router = site.route().await;
    let answers = letters(&site).replay(&[(there.partition, there.offset)]).await.expect("brokers answer");
    assert_eq!(answers, [Ok(())]);
    nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    router.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_do_not_answer_are_a_reason() {
    let db = nodes::database().await;
    let engine = nodes::node_with(&db, None, nodes::config()).await;
    let producers = Producers::new(KafkaSettings::new("127.0.0.1:9"));
    let letters = KafkaDeadLetters::new(engine, producers, unique("dead"), unique("events"));
    let read = tokio::time::timeout(LONG, letters.latest(10, 100)).await.expect("in time");
    assert!(read.is_err_and(|why| !why.is_empty()));
    let sent = tokio::time::timeout(LONG, letters.replay(&[(0, 0)])).await.expect("in time");
    assert!(sent.is_err());
}

macro_rules! on_both {
    ($($test:ident),*) => {
        mod real { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Real)).await; })* }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Embedded)).await; })* }
    };
}
on_both!(a_letter_is_seen_and_sent_again_as_it_was, a_letter_that_is_an_event_by_now_ends_its_task);
