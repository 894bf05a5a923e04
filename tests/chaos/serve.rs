//! `podium serve` is killed; PostgreSQL, Kafka, the S3 store and the two validators survive.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use podium_objects::{ObjectStore, PutOptions, S3Settings};
use podium_tests::support::audit::Sql;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, kafka, postgres};

use crate::book::Book;
use crate::crew::Crew;
use crate::random::Random;
use crate::{kills, story};

const RUNS: usize = 500;
const EVENTS: &str = "conductor-events";
const TOPICS: [&str; 2] = ["email-validation-requests", "phone-validation-requests"];

/// What stands outside the process that is killed.
struct World {
    broker: String,
    s3: Vec<(&'static str, String)>,
    _store: Podium,
    _services: Vec<Podium>,
}

fn with_all(settings: Settings, variables: &[(&'static str, String)]) -> Settings {
    variables.iter().fold(settings, |s, (name, value)| s.with(name, value))
}

/// Puts the object that all runs validate into the store.
pub(crate) fn put_input(settings: S3Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = ObjectStore::new(settings)?;
        store.ensure_bucket(story::INPUT.0).await?;
        store
            .put_bytes(
                story::INPUT.0,
                story::INPUT.1,
                story::ROWS.as_bytes(),
                PutOptions::of_type("text/csv"),
            )
            .await?;
        Ok(())
    })
}

pub(crate) fn s3_settings(address: &str) -> S3Settings {
    S3Settings {
        endpoint: format!("http://{address}"),
        region: "us-east-1".to_owned(),
        access_key: "chaos".to_owned(),
        secret_key: "chaos-secret".to_owned(),
        session_token: None,
    }
}

impl World {
    fn build() -> anyhow::Result<World> {
        let broker = kafka::shared()?.to_owned();
        for topic in TOPICS {
            kafka::create_topic(&broker, topic, 3)?;
        }
        kafka::create_topic(&broker, EVENTS, 3)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let keys =
            [("AWS_ACCESS_KEY_ID", "chaos".to_owned()), ("AWS_SECRET_ACCESS_KEY", "chaos-secret".to_owned())];
        // `podium dev` brings the S3 store; its engine stands idle on a database of its own.
        let data = std::env::temp_dir().join(format!("podium-chaos-{}", uuid::Uuid::now_v7()));
        let store = Settings::new(&["dev"])
            .with("DATABASE_URL", &postgres::shared()?.database("store")?)
            .with("KAFKA_BOOTSTRAP", &broker)
            .with("PODIUM__DEV__DATA", &data.to_string_lossy())
            .with("PODIUM__DEV__S3_LISTEN", &address)
            .with("PODIUM__ROUTER__ENABLED", "false")
            .with("PODIUM__WORKERS__RUN", "");
        let store = Podium::start(with_all(store, &keys)).context("the S3 store")?;
        put_input(s3_settings(&address))?;
        let mut s3 = keys.to_vec();
        s3.push(("S3_ENDPOINT", format!("http://{address}")));
        let mut services = Vec::new();
        for name in ["email-validator", "phone-validator"] {
            let settings = Settings::new(&["worker", name]).with("KAFKA_BOOTSTRAP", &broker);
            let service = Podium::start_quiet(with_all(settings, &s3))?;
            until("the worker to take requests", Duration::from_secs(60), || {
                Ok(service.log_tail().contains("takes requests").then_some(()))
            })
            .with_context(|| service.log_tail())?;
            services.push(service);
        }
        Ok(World { broker, s3, _store: store, _services: services })
    }
}

#[test]
fn killed_again_and_again_nothing_is_lost_and_nothing_done_twice() -> anyhow::Result<()> {
    let kills = kills();
    let mut random = Random::seeded("serve");
    let world = World::build()?;
    let url = postgres::shared()?.database("chaos")?;
    let settings = Settings::serve(&url).with("KAFKA_BOOTSTRAP", &world.broker);
    let mut podium = Podium::start(with_all(settings, &world.s3))?;
    story::register(&podium.client(), &world.broker)?;

    let book = Arc::new(Book::default());
    // About two and a half seconds for each kill and the start after it.
    let crew = Crew::hire(&podium.client(), &book, RUNS, Duration::from_millis(2_500) * kills as u32);
    for kill in 1..=kills {
        std::thread::sleep(random.millis(3_000));
        podium.kill()?;
        podium.respawn()?;
        // One of eight starts is killed before it is ready.
        if random.below(8) == 0 {
            std::thread::sleep(random.millis(400));
            podium.kill()?;
            podium.respawn()?;
        }
        podium.wait_ready().with_context(|| format!("after kill {kill}"))?;
    }
    let sql = Sql::connect(&url)?;
    let open = "SELECT count(*) FROM run WHERE status < 2";
    until("all runs to end", Duration::from_secs(240), || {
        Ok((crew.has_started(RUNS) && book.runs().len() == RUNS && sql.number(open)? == 0).then_some(()))
    })
    .with_context(|| format!("{}\n{}", podium.warnings(), describe_open(&sql, &world.broker)))?;
    crew.dismiss();
    println!(
        "serve: {kills} kills, {} runs acknowledged, {} tasks completed",
        RUNS,
        book.acknowledged().len()
    );
    check_rows(&sql, &book)?;
    check_topics(&world.broker, &book)
}

/// Where the runs that did not end are held up: their tasks, rows on their way in and out, and their records.
fn describe_open(sql: &Sql, broker: &str) -> String {
    let text =
        |query: &str| sql.texts(query).map_or_else(|error| error.to_string(), |lines| lines.join("\n"));
    let runs = text(
        "SELECT format('%s %s version %s wake %s %s: %s', r.name, r.id, r.version, r.wake_at, r.extra,
            string_agg(t.ref_name || '=' || t.status, ' ' ORDER BY t.no))
        FROM run r JOIN task t ON t.run_id = r.id WHERE r.status < 2
        GROUP BY r.name, r.id, r.version, r.wake_at, r.extra LIMIT 10",
    );
    let rows = text(
        "SELECT format('inbox %s of %s from %s', id, run_id, source) FROM inbox
        UNION ALL SELECT format('parked %s of %s: %s', inbox, run_id, body) FROM parked_event
        UNION ALL SELECT format('outbox %s of %s for %s, lane %s', seq, run_id, topic, lane) FROM outbox WHERE pending
        UNION ALL SELECT format('position %s[%s] = %s, epoch %s', topic, partition, next_offset, epoch)
            FROM kafka_position",
    );
    let open = sql.texts("SELECT id::text FROM run WHERE status < 2 LIMIT 10").unwrap_or_default();
    let mut records = String::new();
    for topic in TOPICS.into_iter().chain([EVENTS]) {
        let Ok(all) = kafka::read_all(broker, topic) else { continue };
        for record in all.iter().filter(|r| open.iter().any(|id| r.key.as_ref() == Some(id))) {
            let (partition, offset) = (record.partition, record.offset);
            records.push_str(&format!("{topic}[{partition}] at {offset}: {:?}\n", record.value));
        }
    }
    format!("{runs}\n{rows}\n{records}")
}

/// The tables against the clients' notes.
fn check_rows(sql: &Sql, book: &Book) -> anyhow::Result<()> {
    let runs = book.runs();
    let ids: Vec<String> = runs.iter().map(|(id, _)| id.clone()).collect();
    ensure!(
        sql.missing_runs(&ids)?.is_empty(),
        "acknowledged starts are gone: {:?}",
        sql.missing_runs(&ids)?
    );
    let bad =
        sql.texts("SELECT format('%s is %s: %s', id, status, reason) FROM run WHERE status <> 2 LIMIT 5")?;
    ensure!(bad.is_empty(), "runs that did not complete: {bad:?}");
    sql.assert_sound()?;
    for left in ["SELECT count(*) FROM inbox", "SELECT count(*) FROM outbox WHERE pending AND lane >= 0"] {
        until("the last messages to be taken", Duration::from_secs(20), || {
            Ok((sql.number(left)? == 0).then_some(()))
        })
        .context(left)?;
    }

    let mut completed: HashMap<String, Vec<String>> = HashMap::new();
    for row in sql.texts("SELECT run_id || ' ' || ref_name FROM task WHERE status = 2")? {
        let (run, reference) = row.split_once(' ').unwrap_or_default();
        completed.entry(run.to_owned()).or_default().push(reference.to_owned());
    }
    for (id, story) in &runs {
        let mut have = completed.remove(id).unwrap_or_default();
        have.sort();
        let mut want = story::references(*story);
        want.sort_unstable();
        ensure!(have == want, "run {id} of story {story} completed {have:?}, not {want:?}");
    }
    // Starts that were never acknowledged may have happened; they too must be whole.
    println!("serve: {} runs beyond the acknowledged ones", completed.len());

    let outputs: HashMap<String, String> = sql
        .texts(
            "SELECT (overlay(run_id::text PLACING lpad(to_hex(no), 5, '0') FROM 32)) || ' ' || (output::json->>'token')
             FROM task WHERE status = 2 AND output LIKE '%token%'",
        )?
        .iter()
        .filter_map(|line| line.split_once(' ').map(|(id, token)| (id.to_owned(), token.to_owned())))
        .collect();
    for (task, tokens) in book.acknowledged() {
        let Some(stored) = outputs.get(&task) else { continue };
        let distinct: BTreeSet<&String> = tokens.iter().collect();
        ensure!(distinct.contains(stored), "task {task} keeps {stored}, but {distinct:?} were acknowledged");
    }
    Ok(())
}

/// The request topics against the runs: each request is there, and whatever is there twice has one id.
fn check_topics(broker: &str, book: &Book) -> anyhow::Result<()> {
    for topic in TOPICS {
        let records = kafka::read_all(broker, topic)?;
        let mut ids: HashMap<String, BTreeSet<String>> = HashMap::new();
        for record in &records {
            let id = record.header("podium-event-id").context("a message without an id")?.to_owned();
            ids.entry(record.key.clone().unwrap_or_default()).or_default().insert(id);
        }
        for (run, story) in book.runs().iter().filter(|(_, s)| story::topics(*s).contains(&topic)) {
            let found = ids.get(run).map_or(0, BTreeSet::len);
            ensure!(found == 1, "run {run} of story {story} has {found} requests on {topic}");
        }
        println!("serve: {topic} has {} records for {} requests", records.len(), ids.len());
    }
    check_events(broker, book)
}

/// The events against the requests: each was answered, and with success.
fn check_events(broker: &str, book: &Book) -> anyhow::Result<()> {
    let records = kafka::read_all(broker, EVENTS)?;
    let mut answers: HashMap<(String, String), usize> = HashMap::new();
    for record in &records {
        let event = record.json();
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        ensure!(event["data"]["result"] == "success", "a service failed: {event}");
        *answers.entry((text("workflowId"), text("eventType"))).or_default() += 1;
    }
    for (run, story) in &book.runs() {
        for topic in story::topics(*story) {
            let kind = topic.replace("-validation-requests", "_validation_completed");
            let found = answers.contains_key(&(run.clone(), kind.clone()));
            ensure!(found, "run {run} of story {story} has no {kind}");
        }
    }
    println!("serve: {EVENTS} has {} records for {} answers", records.len(), answers.len());
    Ok(())
}
