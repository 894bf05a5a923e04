//! One-task workflows without HTTP: what a workflow costs in the engine and in PostgreSQL.
//!
//! `scripts/pg-temp.sh run cargo run --release -p podium-runtime --example in_process -- [seconds] [starters] [pollers]`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use podium_core::def::WorkflowDef;
use podium_core::{Payload, TaskStatus};
use podium_runtime::{Definition, Engine, EngineConfig, PollRequest, ReportRequest, StartRequest};
use podium_store::{Store, StoreOptions};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn number(at: usize, or: u64) -> u64 {
    std::env::args().nth(at).and_then(|a| a.parse().ok()).unwrap_or(or)
}

/// CPU seconds of a process so far.
fn cpu(stat: &str) -> f64 {
    let text = std::fs::read_to_string(stat).unwrap_or_default();
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<f64> = rest.split_whitespace().map(|f| f.parse().unwrap_or(0.0)).collect();
    fields.get(11).unwrap_or(&0.0) / 100.0 + fields.get(12).unwrap_or(&0.0) / 100.0
}

/// CPU seconds of the processes of the PostgreSQL on this port of this machine.
fn postgres_cpu(port: &str) -> f64 {
    let Ok(dirs) = std::fs::read_dir("/proc") else { return 0.0 };
    let ours = |folder: &std::path::Path| {
        let text = std::fs::read_to_string(folder.join("cwd/postmaster.pid")).unwrap_or_default();
        text.lines().nth(3) == Some(port)
    };
    dirs.flatten().filter(|d| ours(&d.path())).map(|d| cpu(&d.path().join("stat").to_string_lossy())).sum()
}

fn port(url: &str) -> &str {
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let host = place.split('/').next().unwrap_or_default();
    host.rsplit_once(':').map_or("5432", |(_, port)| port)
}

#[tokio::main]
async fn main() {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a database");
    let (seconds, starters, pollers) = (number(1, 5), number(2, 64), number(3, 64));
    let store = Store::connect(&url, StoreOptions::default()).await.expect("a database");
    store.migrate().await.expect("a schema");
    let config = EngineConfig { writers: number(4, 1) as usize, ..EngineConfig::default() };
    let engine = Engine::open(store, None, config).await.expect("an engine");
    let def: WorkflowDef = serde_json::from_str(
        r#"{"name":"one","tasks":[{"name":"t","taskReferenceName":"t","type":"SIMPLE","inputParameters":{"in":"${workflow.input.x}"}}]}"#,
    )
    .expect("a definition");
    engine.create_workflow_def(def, true).await.expect("a registration");
    let stop = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..starters {
        let (engine, stop) = (engine.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let request = StartRequest {
                    definition: Definition::Registered { name: "one".to_owned(), version: None },
                    input: Payload::from_object_text(format!(r#"{{"x":"{}"}}"#, "y".repeat(90))),
                    correlation_id: None,
                    priority: 0,
                    task_to_domain: IndexMap::new(),
                    event: None,
                    external_input: None,
                };
                engine.start(request).await.expect("a start");
            }
        }));
    }
    let task_type: Arc<str> = "t".into();
    let worker: Arc<str> = "w".into();
    for _ in 0..pollers {
        let (engine, stop, done) = (engine.clone(), stop.clone(), done.clone());
        let (task_type, worker) = (task_type.clone(), worker.clone());
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let request = PollRequest {
                    task_type: task_type.clone(),
                    domain: None,
                    worker: Some(worker.clone()),
                    count: 20,
                    timeout: Duration::from_millis(100),
                };
                let leased = engine.poll(request).await.expect("a poll");
                leased.guard.disarm();
                for view in leased.tasks {
                    let report = ReportRequest {
                        run: view.run.id,
                        task: view.run.id.task(view.task.no),
                        status: TaskStatus::Completed,
                        output: Payload::from_object_text(format!(r#"{{"x":"{}"}}"#, "y".repeat(90))),
                        merge_output: false,
                        reason: None,
                        worker: Some("w".to_owned()),
                        callback_after_s: 0,
                        extend_lease: false,
                        external_output: None,
                        sub_workflow_id: None,
                        logs: Vec::new(),
                    };
                    engine.report(report).await.expect("a report");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let me = "/proc/self/stat";
    let data = port(&url);
    let before =
        (done.load(Ordering::Relaxed), cpu(me), postgres_cpu(data), engine.counters(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after =
        (done.load(Ordering::Relaxed), cpu(me), postgres_cpu(data), engine.counters(), Instant::now());
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no panic");
    }
    let n = (after.0 - before.0) as f64;
    let (a, b) = (&after.3, &before.3);
    println!(
        "{:.0} workflows/s; per workflow: engine {:.1} us, PostgreSQL {:.1} us; events per batch {:.1}, runs per batch {:.1}; hand-offs {:.2}, claims {:.2}, polls {:.2}, stale {}, reads {}, misses {}",
        n / (after.4 - before.4).as_secs_f64(),
        (after.1 - before.1) / n * 1e6,
        (after.2 - before.2) / n * 1e6,
        (a.events - b.events) as f64 / (a.batches - b.batches) as f64,
        (a.turns - b.turns) as f64 / (a.batches - b.batches) as f64,
        (a.handoffs - b.handoffs) as f64 / n,
        (a.claims - b.claims) as f64 / n,
        (a.polls - b.polls) as f64 / n,
        a.stale - b.stale,
        a.candidate_reads - b.candidate_reads,
        a.cache_misses - b.cache_misses,
    );
    engine.shutdown(Duration::from_secs(10)).await;
}
