//! From Kafka to the runs.

mod support;

use std::sync::Arc;

use podium_core::{RunStatus, TaskStatus};
use podium_events::relay::KafkaSink;
use podium_events::router::{NewGroup, OutOfRange, Router, RouterFigures, RouterSettings};
use podium_kafka::{Cluster, KafkaSettings, Producers, TopicSpec};
use podium_runtime::{Engine, EngineConfig, LaneKey};
use podium_store::{Store, StoreOptions};
use serde_json::{Value, json};

use support::brokers::{Kind, LONG, eventually};
use support::{Site, completion, nodes, settings};

const DONE: &str = "enrichment_completed";

async fn until_figures(
    router: &Router,
    what: &str,
    mut is: impl FnMut(&RouterFigures) -> bool,
) -> RouterFigures {
    eventually(what, async || Some(router.figures()).filter(|f| is(f))).await
}

async fn until_waiting(site: &Site, run: podium_core::RunId) {
    nodes::until("the EVENT task waits", LONG, || async {
        nodes::state(&site.engine, run).await.tasks.iter().any(|t| &*t.task_type == "EVENT")
    })
    .await;
}

async fn completions_end_their_tasks(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    site.define_stage("stage").await;
    let router = site.route().await;
    let good = nodes::start(&site.engine, "stage").await;
    let bad = nodes::start(&site.engine, "stage").await;
    let wrapped = nodes::start(&site.engine, "stage").await;
    for run in [good, bad, wrapped] {
        until_waiting(&site, run).await;
    }
    let data = json!({"status": "success", "result": "success", "n": 1.50});
    site.send(None, completion(good, DONE, &data)).await;
    site.send(None, completion(bad, DONE, &json!({"status": "failed", "error": "object not found"}))).await;
    site.send(None, Value::String(completion(wrapped, DONE, &data)).to_string()).await;
    let state = nodes::until_status(&site.engine, good, RunStatus::Completed).await;
    let wait = state.tasks.iter().find(|t| &*t.task_type == "EVENT").expect("the wait");
    assert_eq!(wait.output.get("result"), Some(&json!("success")));
    nodes::until_status(&site.engine, wrapped, RunStatus::Completed).await;
    let state = nodes::until_status(&site.engine, bad, RunStatus::Failed).await;
    let wait = state.tasks.iter().find(|t| &*t.task_type == "EVENT").expect("the wait");
    assert_eq!((wait.status, wait.reason.as_deref()), (TaskStatus::Failed, Some("object not found")));
    let figures = until_figures(&router, "three", |f| f.applied == 3).await;
    assert_eq!((figures.skipped, figures.unknown_run, figures.dead_lettered, figures.fenced), (0, 0, 0, 0));
    until_figures(&router, "no lag", |f| f.lanes.values().all(|l| l.lag == 0 && l.next_offset == 3)).await;
    router.stop().await;
}

/// The event is there before its task, and finds it.
async fn early_events_are_kept(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    let tasks = json!([nodes::simple("first"),
        {"name": "w", "taskReferenceName": "w", "type": "EVENT", "sink": "conductor:enrichment_completed", "asyncComplete": true}]);
    nodes::define(&site.engine, "early", tasks).await;
    let router = site.route().await;
    let run = nodes::start(&site.engine, "early").await;
    site.send(None, completion(run, DONE, &json!({"result": "success"}))).await;
    until_figures(&router, "taken in", |f| f.applied == 1).await;
    assert_eq!(nodes::state(&site.engine, run).await.head.status, RunStatus::Running);
    let task = nodes::poll_one(&site.engine, "first").await;
    nodes::complete(&site.engine, &task).await;
    nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    router.stop().await;
}

async fn what_is_no_event_does_no_harm(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    site.define_stage("stage").await;
    let router = site.route().await;
    let run = nodes::start(&site.engine, "stage").await;
    until_waiting(&site, run).await;
    site.send(Some("k"), "not json").await;
    site.send(None, "[1, 2]").await;
    site.send(None, r#"{"eventType": "progress", "workflowId": "x"}"#).await;
    site.send(None, r#"{"eventType": "x_completed"}"#).await;
    let nobody = podium_core::RunId::new(podium_core::Timestamp::from_millis(1), 9, 0);
    site.send(None, completion(nobody, DONE, &json!({}))).await;
    site.send(None, r#"{"eventType": "x_completed", "workflowId": "foreign"}"#).await;
    site.send(None, completion(run, DONE, &json!({"result": "success"}))).await;
    nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    let figures = until_figures(&router, "all", |f| f.received == 7).await;
    assert_eq!((figures.dead_lettered, figures.skipped, figures.unknown_run, figures.applied), (2, 2, 2, 1));
    let letters = site.read(&site.router.dead_letter_topic, 2).await;
    let header =
        |name: &str| String::from_utf8_lossy(letters[0].header(name).unwrap_or_default()).into_owned();
    assert_eq!(
        (letters[0].value.as_deref(), letters[0].key.as_deref()),
        (Some(b"not json".as_slice()), Some(b"k".as_slice()))
    );
    assert_eq!(header("podium-origin-topic"), site.router.topic);
    assert_eq!(
        (header("podium-origin-partition").as_str(), header("podium-origin-offset").as_str()),
        ("0", "0")
    );
    assert!(header("podium-error").contains("JSON"));
    router.stop().await;
}

/// Duplicates, and a whole partition read again from its beginning: each event has its effect once.
async fn redelivery_changes_nothing(kafka: KafkaSettings) {
    let site = Site::new(kafka).await;
    site.define_stage("stage").await;
    let router = site.route().await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        let run = nodes::start(&site.engine, "stage").await;
        until_waiting(&site, run).await;
        let event = completion(run, DONE, &json!({"result": "success"}));
        site.send(None, event.clone()).await;
        site.send(None, event).await;
        runs.push(run);
    }
    until_figures(&router, "all", |f| f.received == 40).await;
    for run in &runs {
        nodes::until_status(&site.engine, *run, RunStatus::Completed).await;
    }
    router.stop().await;
    let mut before = Vec::new();
    for run in &runs {
        before.push(nodes::state(&site.engine, *run).await);
    }
    // a position of its own: it goes on where it was
    let router = site.route().await;
    let figures = until_figures(&router, "the lane", |f| !f.lanes.is_empty()).await;
    assert!(figures.lanes.values().all(|l| l.next_offset == 40), "{figures:?}");
    router.stop().await;
    site.db.sql("UPDATE kafka_position SET next_offset = 0").await;
    let router = site.route().await;
    until_figures(&router, "all again", |f| f.received == 40).await;
    for before in before {
        let after = nodes::state(&site.engine, before.head.id).await;
        assert_eq!(after.head.status, RunStatus::Completed);
        assert_eq!(after.tasks.iter().count(), before.tasks.iter().count());
    }
    router.stop().await;
}

/// Somebody else takes the lane: what this node then writes is refused, it takes the lane again and goes on.
async fn a_fenced_router_reads_again(kafka: KafkaSettings) {
    let site = Site::new(kafka.clone()).await;
    site.define_stage("stage").await;
    let router = site.route().await;
    let cluster = Cluster::configured(&kafka).expect("settings").id(LONG).await.expect("an id");
    let key =
        LaneKey { cluster, group: site.router.group.clone(), topic: site.router.topic.clone(), partition: 0 };
    let mut runs = Vec::new();
    for n in 0..30 {
        let run = nodes::start(&site.engine, "stage").await;
        until_waiting(&site, run).await;
        if n % 10 == 5 {
            site.engine.take_position(key.clone()).await.expect("taken");
        }
        site.send(None, completion(run, DONE, &json!({"result": "success"}))).await;
        runs.push(run);
    }
    for run in runs {
        nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    }
    let figures = until_figures(&router, "all", |f| f.lanes.values().any(|l| l.next_offset == 30)).await;
    assert!(figures.fenced >= 1 && figures.applied == 30, "{figures:?}");
    router.stop().await;
}

/// What a child process runs: a node that shares the lanes until it is killed. Without the variables it is no child.
#[tokio::test(flavor = "multi_thread")]
async fn child_node() {
    let Ok(text) = std::env::var("PODIUM_TEST_CHILD") else { return };
    let given: Value = serde_json::from_str(&text).expect("JSON");
    let text = |name: &str| given[name].as_str().expect("a text").to_owned();
    let store = Store::connect(&text("database"), StoreOptions::default()).await.expect("a database");
    let mut kafka = KafkaSettings::new(text("bootstrap"));
    kafka.aliases.insert("kafka:9092".to_owned(), text("bootstrap"));
    let producers = Producers::new(kafka);
    // a node without a sink would hold its share of the outbox for nothing
    let sink = Arc::new(KafkaSink::new(producers.clone()));
    let engine = Engine::open(store, Some(sink), EngineConfig::default()).await.expect("a node");
    let settings = RouterSettings {
        topic: text("topic"),
        group: text("group"),
        dead_letter_topic: text("dead"),
        new_group: NewGroup::Beginning,
        ..RouterSettings::default()
    };
    let router = Router::start(engine, producers, settings);
    eventually("lanes", async || (router.figures().lanes.len() == 2).then_some(())).await;
    println!("child is ready");
    std::future::pending::<()>().await;
}

/// Two nodes share the partitions; one is killed in the middle and says nothing to anybody.
async fn a_killed_node_is_replaced(kafka: KafkaSettings) {
    let mut site = Site::with_partitions(kafka, 4).await;
    site.router.new_group = NewGroup::Beginning;
    site.define_stage("stage").await;
    let router = site.route().await;
    let given = json!({"database": site.db.url, "bootstrap": site.kafka.bootstrap, "topic": site.router.topic,
        "group": site.router.group, "dead": site.router.dead_letter_topic});
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child_node", "--nocapture"])
        .env("PODIUM_TEST_CHILD", given.to_string())
        .kill_on_drop(true)
        .spawn()
        .expect("a child");
    until_figures(&router, "they share", |f| f.lanes.len() == 2).await;
    let mut runs = Vec::new();
    for _ in 0..200 {
        runs.push(nodes::start(&site.engine, "stage").await);
    }
    for (n, run) in runs.iter().enumerate() {
        if n == 100 {
            child.kill().await.expect("killed");
        }
        site.send(Some(&run.to_string()), completion(*run, DONE, &json!({"result": "success"}))).await;
    }
    for run in runs {
        nodes::until("the run ends", LONG, || async {
            nodes::state(&site.engine, run).await.head.status == RunStatus::Completed
        })
        .await;
    }
    until_figures(&router, "all lanes here", |f| f.lanes.len() == 4).await;
    router.stop().await;
}

/// A group that is new on a topic that is not ours begins at its end, once.
async fn a_new_group_begins_at_the_end_once(kafka: KafkaSettings) {
    let site = Site::new(kafka.clone()).await;
    site.define_stage("stage").await;
    let topic = TopicSpec::named(&site.router.topic);
    Cluster::configured(&kafka).expect("settings").ensure_topics(&[topic], LONG).await.expect("made");
    for n in 0..5 {
        site.send(None, format!(r#"{{"eventType": "old_{n}"}}"#)).await;
    }
    let router = site.route().await;
    let figures = until_figures(&router, "the lane", |f| !f.lanes.is_empty()).await;
    assert!(figures.lanes.values().all(|l| l.next_offset == 5));
    router.stop().await;
    // what comes while nobody reads is not lost: the end was pinned
    let run = nodes::start(&site.engine, "stage").await;
    site.send(None, completion(run, DONE, &json!({"result": "success"}))).await;
    let router = site.route().await;
    nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    router.stop().await;
}

/// A node is killed between two steps: it has taken the lane but not stored where it begins, and events of runs
/// under way come before another one does.
async fn what_came_before_the_first_position_is_read(kafka: KafkaSettings) {
    let site = Site::new(kafka.clone()).await;
    site.define_stage("stage").await;
    let cluster = Cluster::configured(&kafka).expect("settings");
    cluster.ensure_topics(&[TopicSpec::named(&site.router.topic)], LONG).await.expect("made");
    let early = nodes::start(&site.engine, "stage").await;
    site.send(None, completion(early, DONE, &json!({"result": "success"}))).await;
    let cluster = cluster.id(LONG).await.expect("an id");
    let key =
        LaneKey { cluster, group: site.router.group.clone(), topic: site.router.topic.clone(), partition: 0 };
    let taken = site.engine.take_position(key).await.expect("taken");
    assert_eq!(taken.next_offset, None);
    let late = nodes::start(&site.engine, "stage").await;
    site.send(None, completion(late, DONE, &json!({"result": "success"}))).await;
    let router = site.route().await;
    for run in [early, late] {
        nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    }
    router.stop().await;
}

/// Records that are gone stop the lane with an alarm, unless the settings say where to go on.
async fn a_topic_made_anew_stops_the_lane(kafka: KafkaSettings) {
    let mut site = Site::new(kafka.clone()).await;
    site.define_stage("stage").await;
    let router = site.route().await;
    for n in 0..5 {
        site.send(None, format!(r#"{{"eventType": "old_{n}"}}"#)).await;
    }
    until_figures(&router, "five", |f| f.received == 5).await;
    router.stop().await;
    let cluster = Cluster::configured(&kafka).expect("settings");
    let topic = site.router.topic.clone();
    cluster.delete_topics(&[&topic], LONG).await.expect("deleted");
    eventually("gone", async || cluster.topic(&topic, LONG).await.ok()?.is_none().then_some(())).await;
    cluster.ensure_topics(&[TopicSpec::named(&topic)], LONG).await.expect("made");
    let run = nodes::start(&site.engine, "stage").await;
    until_waiting(&site, run).await;
    site.send(None, completion(run, DONE, &json!({"result": "success"}))).await;
    let router = site.route().await;
    let figures = until_figures(&router, "stopped", |f| f.lanes.values().any(|l| l.stopped.is_some())).await;
    assert_eq!(figures.applied, 0);
    router.stop().await;
    site.router.out_of_range = OutOfRange::Earliest;
    let router = site.route().await;
    nodes::until_status(&site.engine, run, RunStatus::Completed).await;
    router.stop().await;
}

macro_rules! on_both {
    ($($test:ident),*) => {
        mod real { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Real)).await; })* }
        mod embedded { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::settings(super::Kind::Embedded)).await; })* }
    };
}
on_both!(
    completions_end_their_tasks,
    early_events_are_kept,
    what_is_no_event_does_no_harm,
    redelivery_changes_nothing,
    a_fenced_router_reads_again,
    a_killed_node_is_replaced,
    a_new_group_begins_at_the_end_once,
    what_came_before_the_first_position_is_read,
    a_topic_made_anew_stops_the_lane
);
