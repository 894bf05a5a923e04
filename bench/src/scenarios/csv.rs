//! A large CSV file through the e-mail validator, beside the same work with pandas on the same store.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use podium_objects::{ObjectStore, PutOptions, S3Settings};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::wait::until;
use podium_tests::support::{free_port, kafka, repository};
use serde_json::{Value, json};

use crate::report::{Report, Target};
use crate::rig::Machine;
use crate::scenarios::Pace;

const BUCKET: &str = "bench";
const INPUT: &str = "in.csv";
/// Rows that pandas takes at once, where it takes them in portions.
const CHUNK_ROWS: u32 = 100_000;
/// A large file on a slow machine, in a debug build.
const PATIENCE: Duration = Duration::from_secs(1_800);

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    let size = format!("{} MB CSV", pace.csv_bytes / 1_000_000);
    report.section("A large CSV file");
    let bench = Bench::start(machine)?;
    let rows = bench.generate(pace.csv_bytes).await?;
    let ours = bench.podium()?;
    anyhow::ensure!(ours.rows == rows, "{} of {rows} rows were answered", ours.rows);
    report.add(&format!("{size}: e-mail validation"), ours.rate(), "rows/s", Target::None);
    report.add(&format!("{size}: peak memory of the worker"), ours.peak_mb, "MB", Target::AtMost(100.0));
    let python = match interpreter() {
        Ok(python) => python,
        Err(error) => {
            println!("no comparison with pandas: {error:#}");
            return Ok(());
        }
    };
    for (way, chunk_rows) in [("in portions of 100,000 rows", CHUNK_ROWS), ("whole", 0)] {
        let theirs = match bench.pandas(&python, chunk_rows).await {
            Ok(theirs) => theirs,
            // the whole file needs several times its size in memory, which a machine may not have
            Err(error) => {
                println!("pandas, {way}: {error:#}");
                continue;
            }
        };
        anyhow::ensure!(
            (theirs.rows, theirs.valid) == (ours.rows, ours.valid),
            "pandas counts {} valid of {} rows, Podium {} of {}",
            theirs.valid,
            theirs.rows,
            ours.valid,
            ours.rows
        );
        let name = format!("{size}: pandas, {way}");
        report.add(&name, theirs.rate(), "rows/s", Target::None);
        report.add(&format!("{name}: peak memory"), theirs.peak_mb, "MB", Target::None);
        report.add(&format!("{size}: Podium / pandas, {way}"), ours.rate() / theirs.rate(), "", Target::None);
    }
    Ok(())
}

/// What one pass over the file took.
struct Pass {
    rows: u64,
    valid: u64,
    seconds: f64,
    peak_mb: f64,
}

impl Pass {
    fn rate(&self) -> f64 {
        self.rows as f64 / self.seconds
    }
}

/// A broker, the embedded store, and one worker.
struct Bench {
    broker: String,
    topic: String,
    events: String,
    store: ObjectStore,
    worker: Podium,
    _dev: Podium,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start(machine: &Machine) -> anyhow::Result<Bench> {
        let broker = kafka::shared()?.to_owned();
        let (topic, events) = ("bench-csv-requests".to_owned(), "bench-csv-events".to_owned());
        for name in [&topic, &events] {
            kafka::create_topic(&broker, name, 1)?;
        }
        let folder = tempfile::tempdir()?;
        let s3 = format!("127.0.0.1:{}", free_port()?);
        let keys = [("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench-secret")];
        let with = |settings: Settings| {
            let settings = settings.with_binary(machine.binary()).with("KAFKA_BOOTSTRAP", &broker);
            keys.iter().fold(settings, |settings, (name, value)| settings.with(name, value))
        };
        let dev = with(Settings::new(&["dev"]))
            .with("DATABASE_URL", &machine.database("bench_csv")?)
            .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
            .with("PODIUM__DEV__S3_LISTEN", &s3)
            .with("PODIUM__ROUTER__ENABLED", "false")
            .with("PODIUM__INGESTION__ENABLED", "false")
            .with("PODIUM__WORKERS__RUN", "");
        let dev = Podium::start(dev).context("the store")?;
        let worker = with(Settings::new(&["worker", "email-validator"]))
            .with("S3_ENDPOINT", &format!("http://{s3}"))
            .with("PODIUM__WORKERS__TOPICS", &format!("email-validator={topic}"))
            .with("PODIUM__WORKERS__GROUPS", "email-validator=bench-csv")
            .with("PODIUM__WORKERS__COMPLETION_TOPIC", &events);
        let worker = Podium::start_quiet(worker)?;
        until("the worker to take requests", PATIENCE, || {
            Ok(worker.log_tail().contains("takes requests").then_some(()))
        })?;
        let store = ObjectStore::new(S3Settings {
            endpoint: format!("http://{s3}"),
            region: "us-east-1".to_owned(),
            access_key: keys[0].1.to_owned(),
            secret_key: keys[1].1.to_owned(),
            session_token: None,
        })?;
        Ok(Bench { broker, topic, events, store, worker, _dev: dev, _folder: folder })
    }

    /// Puts a file of about this many bytes into the store; how many rows it has. One address in ten is not valid.
    async fn generate(&self, bytes: u64) -> anyhow::Result<u64> {
        self.store.ensure_bucket(BUCKET).await?;
        let mut object = self.store.put(BUCKET, INPUT, PutOptions::of_type("text/csv"));
        let mut text = String::from("serial_no,name,email,phone,city\n");
        let mut rows = 0_u64;
        while object.size() < bytes {
            for _ in 0..10_000 {
                rows += 1;
                let at = if rows.is_multiple_of(10) { " at " } else { "@" };
                text.push_str(&format!(
                    "{rows:08},Person {rows} of Many,person.{rows}{at}mail{}.example.org,555{:07},Springfield\n",
                    rows % 997,
                    rows % 10_000_000
                ));
            }
            object.write(text.as_bytes()).await?;
            text.clear();
        }
        object.finish().await?;
        Ok(rows)
    }

    /// From the request to the answer.
    fn podium(&self) -> anyhow::Result<Pass> {
        let data = json!({"input_bucket": BUCKET, "input_key": INPUT, "output_bucket": BUCKET, "output_key": "podium.csv"});
        let request = json!({"workflowId": "bench", "taskId": "email_validation_task",
            "eventType": "email_validation_request", "data": data});
        let begun = Instant::now();
        kafka::produce(&self.broker, &self.topic, &[("bench", &request.to_string())])?;
        let answer =
            until("the answer", PATIENCE, || Ok(kafka::read_all(&self.broker, &self.events)?.pop()))?;
        let seconds = begun.elapsed().as_secs_f64();
        let data = answer.json()["data"].take();
        anyhow::ensure!(data["result"] == "success", "the worker answered {data}");
        let count = |name: &str| data[name].as_u64().unwrap_or_default();
        let (valid, failed) = (count("processedRecords"), count("failedRecords"));
        let peak_mb = crate::counters::peak_bytes(self.worker.pid())? / 1e6;
        Ok(Pass { rows: valid + failed, valid, seconds, peak_mb })
    }

    /// The same with pandas, over signed addresses of the same store.
    async fn pandas(&self, python: &str, chunk_rows: u32) -> anyhow::Result<Pass> {
        let day = Duration::from_secs(86_400);
        let get = self.store.presign_get(BUCKET, INPUT, day).await?;
        let put = self.store.presign_put(BUCKET, "pandas.csv", day).await?;
        let script = repository().join("bench/python/email_validation.py");
        let output = Command::new(python).arg(script).args([get, put, chunk_rows.to_string()]).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(
            output.status.success(),
            "{}: {}",
            output.status,
            errors.lines().last().unwrap_or_default()
        );
        let told: Value = serde_json::from_slice(&output.stdout).context("the script prints JSON")?;
        let count = |name: &str| told[name].as_u64().unwrap_or_default();
        Ok(Pass {
            rows: count("rows"),
            valid: count("valid"),
            seconds: told["seconds"].as_f64().context("seconds")?,
            peak_mb: count("peak_bytes") as f64 / 1e6,
        })
    }
}

/// Python with pandas in the pinned version.
fn interpreter() -> anyhow::Result<String> {
    let output = Command::new(repository().join("scripts/bench-python.sh")).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "scripts/bench-python.sh: {}", errors.trim());
    let python = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(repository().join(python).display().to_string())
}
