//! Many pipelines at once, each with a file of its own, while one random process of the system is killed again and again.
//!
//! Each pipeline has other rows of the samples, so an output that belongs to another run is seen, and what the existing
//! validators made of these rows is recorded. `PODIUM_CHAOS_PIPELINES` says how many (default 50; `make test` takes 12).

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use podium_tests::support::stage::events_topic;
use podium_tests::support::system::System;
use podium_tests::support::{http, kafka, repository};
use serde_json::{Value, json};

use crate::random::Random;

/// What stands in the references of the services' tasks; `eventType` of their requests and of their answers; where requests go.
const SERVICES: [(&str, &str, &str, &str); 5] = [
    (
        "email_validation",
        "email_validation_request",
        "email_validation_completed",
        "email-validation-requests",
    ),
    (
        "phone_validation",
        "phone_validation_request",
        "phone_validation_completed",
        "phone-validation-requests",
    ),
    ("enrichment", "enrichment_request", "enrichment_completed", "enrichment-requests"),
    ("dp_email_hygiene", "email_hygiene_request", "email_hygiene_completed", "email-hygiene-requests"),
    ("name_parse", "airflow_trigger_request", "name_parse_completed", "airflow-trigger-requests"),
];
/// Rows of one pipeline's CSV file, and of its fixed-width file.
const ROWS: usize = 200;
const PEOPLE: usize = 20;
/// Between two kills.
const PAUSE: Duration = Duration::from_secs(5);
/// A service waits so long before each request: the kills find it at work.
const DELAY: &str = "1500ms";
/// Until the last run has ended, kills and all.
const LIMIT: Duration = Duration::from_secs(300);
/// Until a deployment is answered, however often the service is killed meanwhile.
const DEPLOYED: Duration = Duration::from_secs(120);

fn pipelines() -> usize {
    std::env::var("PODIUM_CHAOS_PIPELINES").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

/// A CSV file's head and its lines by their serial number. The sample has no line feeds inside of cells.
struct Rows {
    head: String,
    lines: BTreeMap<usize, String>,
}

impl Rows {
    fn read(path: &str) -> anyhow::Result<Rows> {
        let text = std::fs::read_to_string(repository().join(path)).with_context(|| path.to_owned())?;
        let mut lines = text.split_inclusive('\n');
        let head = lines.next().context("a head")?.to_owned();
        let numbered = lines.map(|line| {
            let (serial, _) = line.split_once(',').context("a cell")?;
            Ok::<_, anyhow::Error>((serial.parse()?, line.to_owned()))
        });
        Ok(Rows { head, lines: numbered.collect::<Result<_, _>>()? })
    }

    /// The file of one pipeline.
    fn of(&self, number: usize) -> Vec<u8> {
        let first = 1 + number * ROWS;
        let lines = self.lines.range(first..first + ROWS).map(|(_, line)| line.as_str());
        std::iter::once(self.head.as_str()).chain(lines).collect::<String>().into_bytes()
    }
}

/// The fixed-width file of one pipeline.
fn people(number: usize) -> anyhow::Result<Vec<u8>> {
    let all = std::fs::read(repository().join("demo/data/customers_1000.in"))?;
    let lines = all.split_inclusive(|byte| *byte == b'\n').skip(number * PEOPLE).take(PEOPLE);
    Ok(lines.flatten().copied().collect())
}

/// Deploys one pipeline, again with the same key until it is answered; the run's id.
fn deploy(ingestion: String, definition: Value, input: String) -> JoinHandle<anyhow::Result<String>> {
    std::thread::spawn(move || {
        let key = definition["name"].as_str().unwrap_or_default().to_owned();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let body = json!({"workflow": definition, "minio_input_uri": input}).to_string();
        let end = Instant::now() + DEPLOYED;
        loop {
            let wait = Duration::from_secs(20);
            let answer =
                http::call(&ingestion, "POST", "/workflow/deploy", &headers, Some(body.as_bytes()), wait);
            match answer {
                Ok(answer) if answer.status == 200 => {
                    let id = answer.json()?["workflow_instance_id"].as_str().map(str::to_owned);
                    return id.context("a deployment without an id");
                }
                Ok(answer) if Instant::now() > end => {
                    anyhow::bail!("{key}: {}: {}", answer.status, answer.text())
                }
                Err(error) if Instant::now() > end => anyhow::bail!("{key}: {error}"),
                // it or the engine was killed: the same request goes on where it stood
                Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    })
}

#[test]
fn pipelines_in_parallel_survive_the_death_of_any_process() -> anyhow::Result<()> {
    let count = pipelines();
    let mut random = Random::seeded("pipelines");
    let mut system = System::start()?;
    for name in
        ["email-validator", "phone-validator", "enricher", "email-hygiene", "airflow-adapter", "dag-monitor"]
    {
        system.worker(name, &[("PODIUM__WORKERS__DELAY", DELAY)])?;
    }
    system.ingest()?;
    let customers = Rows::read("demo/data/customers.csv")?;
    let services = SERVICES.map(|(name, ..)| name);
    let mut deployments = Vec::new();
    for number in 0..count {
        let (input, people_input) = (format!("part-{number}.csv"), format!("part-{number}.in"));
        system.store.put("raw-data", &input, &customers.of(number))?;
        system.store.put("raw-data", &people_input, &people(number)?)?;
        let mut definition = system.definition(&format!("pipeline-{number}"), &services)?;
        definition["tasks"][0]["inputParameters"]["kafka_request"]["value"]["data"]["input_key"] =
            input.into();
        let people_input = format!("minio://raw-data/{people_input}");
        deployments.push(deploy(system.ingestion().to_owned(), definition, people_input));
    }
    let killed = kill_until_all_ended(&mut system, &mut random, count)?;
    let ids = deployments
        .into_iter()
        .map(|thread| thread.join().expect("a deployment does not panic"))
        .collect::<anyhow::Result<Vec<String>>>()?;
    println!("pipelines: {count} runs, killed: {killed:?}");
    check_runs(&system, &ids)?;
    check_records(&system, &ids)
}

/// Kills a random process every few seconds, at least three in all, until no run is open; how often each was killed.
fn kill_until_all_ended(
    system: &mut System,
    random: &mut Random,
    count: usize,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut killed: BTreeMap<String, usize> = BTreeMap::new();
    let end = Instant::now() + LIMIT;
    let mut next = Instant::now() + random.millis(2_000);
    loop {
        let ended = system.sql.number("SELECT count(*) FROM run WHERE status >= 2")?;
        if ended >= count as i64 && killed.values().sum::<usize>() >= 3 {
            return Ok(killed);
        }
        if Instant::now() >= end {
            let open = system.sql.texts(
                "SELECT format('%s %s: %s', r.name, r.id, string_agg(t.ref_name || '=' || t.status, ' ' ORDER BY t.no))
                FROM run r JOIN task t ON t.run_id = r.id WHERE r.status < 2 GROUP BY r.name, r.id LIMIT 10",
            )?;
            anyhow::bail!("{ended} of {count} runs ended; {killed:?}; {open:#?}\n{}", system.warnings());
        }
        if Instant::now() >= next {
            let member = random.below(system.members() as u64) as usize;
            *killed.entry(system.kill(member)?).or_default() += 1;
            next = Instant::now() + PAUSE;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Each run is there once, went straight through, and its files are its own.
fn check_runs(system: &System, ids: &[String]) -> anyhow::Result<()> {
    let distinct: BTreeSet<&String> = ids.iter().collect();
    ensure!(distinct.len() == ids.len(), "two deployments were answered with one run");
    let runs = system.sql.number("SELECT count(*) FROM run")?;
    ensure!(runs == ids.len() as i64, "{runs} runs for {} deployments", ids.len());
    let wrong = system.sql.texts(
        "SELECT format('%s is %s: %s', r.name, r.status, r.reason) FROM run r WHERE r.status <> 2
        UNION ALL SELECT format('%s of %s is %s', t.ref_name, t.run_id, t.status) FROM task t
            WHERE t.status <> 2 OR t.attempt > 0 LIMIT 10",
    )?;
    ensure!(wrong.is_empty(), "{wrong:#?}");
    let tasks = system.sql.number("SELECT count(*) FROM task")?;
    ensure!(tasks == (ids.len() * SERVICES.len() * 2) as i64, "{tasks} tasks");
    let outputs = [
        ("email-validated", "email_validation", Rows::read("workers/tests/data/email_valid.csv")?),
        ("phone-validated", "phone_validation", Rows::read("workers/tests/data/email_then_phone_valid.csv")?),
    ];
    for (number, id) in ids.iter().enumerate() {
        for (bucket, service, rows) in &outputs {
            let key = format!("{service}_{id}.csv");
            let found =
                system.store.get(bucket, &key)?.with_context(|| format!("{bucket}/{key} is not there"))?;
            ensure!(found == rows.of(number), "{bucket}/{key} is not what belongs to run {number}");
        }
        let get = |bucket: &str, key: String| {
            let found = system.store.get(bucket, &key)?;
            found.with_context(|| format!("{bucket}/{key} is not there"))
        };
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let enriched = get("enriched", format!("enrichment_{id}.csv"))?;
        ensure!(count(&enriched) == count(&outputs[1].2.of(number)), "run {number} was not enriched whole");
        for (bucket, key, length) in
            [("email-hygiene-output", "email_hygiene.out", 489), ("name-parse-output", "nameparse.out", 855)]
        {
            let found = get(bucket, format!("{id}/{key}"))?;
            // all records begin with the eight fields of the input's, the row's own number first
            let begins = |bytes: &[u8], length: usize| -> Vec<Vec<u8>> {
                bytes.chunks(length).map(|line| line[..325.min(line.len())].to_vec()).collect()
            };
            let same = begins(&found, length) == begins(&people(number)?, 406);
            ensure!(same, "{bucket}/{id}/{key} is not what belongs to run {number}");
        }
    }
    let dag_runs = system.ledger()?.number("SELECT count(DISTINCT dag_run_id) FROM dag_monitor_requests")?;
    ensure!(dag_runs == (ids.len() * 2) as i64, "{dag_runs} DAG runs for {} runs", ids.len());
    system.sql.assert_sound()
}

/// Each request was sent once and answered once, with success; what is there twice has the same id.
fn check_records(system: &System, ids: &[String]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut records = 0;
    let topics = SERVICES.map(|(.., topic)| system.topic(topic));
    for topic in topics.into_iter().chain([events_topic(&system.tag)]) {
        for record in kafka::read_all(&system.broker, &topic)? {
            let value = record.json();
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            ensure!(value["data"]["result"].is_null() || value["data"]["result"] == "success", "{value}");
            let event = record.header("podium-event-id").context("a record without an id")?.to_owned();
            seen.entry((text("workflowId"), text("eventType"))).or_default().insert(event);
            records += 1;
        }
    }
    for id in ids {
        for (_, request, answer, _) in SERVICES {
            for kind in [request, answer] {
                let key = (id.clone(), kind.to_owned());
                let events = seen.remove(&key).unwrap_or_default();
                ensure!(events.len() == 1, "{key:?} was said {} times: {events:?}", events.len());
            }
        }
    }
    ensure!(seen.is_empty(), "records that belong to no run: {seen:?}");
    println!("pipelines: {records} records for {} requests and answers", ids.len() * SERVICES.len() * 2);
    Ok(())
}
