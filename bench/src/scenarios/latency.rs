//! Answers at low load, and hops to a parked worker.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::mpsc;

use crate::limit::Committer;
use crate::load::hundred_bytes;
use crate::report::{Report, Target, percentile};
use crate::rig::Machine;
use crate::scenarios::Pace;
use crate::wire::{Completion, Connection, TaskIds, get, send, tasks_in};

/// A worker whose poll is parked nearly always: sends (task, when it came).
async fn worker(
    address: String,
    task_type: String,
    tasks: mpsc::UnboundedSender<(TaskIds, Instant)>,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(&address).await?;
    let poll = get(&format!("/api/tasks/poll/batch/{task_type}?workerid=parked&count=1&timeout=2000"));
    let mut found = Vec::new();
    loop {
        let (status, body) = connection.exchange(&poll).await?;
        ensure!(matches!(status, 200 | 204), "a poll answered {status}");
        tasks_in(body, &mut found);
        for task in &found {
            if tasks.send((*task, Instant::now())).is_err() {
                return Ok(());
            }
        }
    }
}

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("Latency: one starter beside parked workers");
    let commit_url = machine.database("bench_commit")?;
    let rig = machine.rig("bench_latency", None)?;
    rig.define_trickle()?;
    rig.define_task("hop_a")?;
    rig.define_task("hop_b")?;
    let step = |n: &str| serde_json::json!({"name": n, "taskReferenceName": n, "type": "SIMPLE"});
    rig.client().register_workflow(&crate::rig::definition("hop", vec![step("hop_a"), step("hop_b")]))?;

    let mut committer = Committer::open(&commit_url).await?;
    let address = rig.address();
    let (to_a, mut from_a) = mpsc::unbounded_channel();
    let (to_b, mut from_b) = mpsc::unbounded_channel();
    let worker_a = tokio::spawn(worker(address.clone(), "hop_a".to_owned(), to_a));
    let worker_b = tokio::spawn(worker(address.clone(), "hop_b".to_owned(), to_b));
    let mut client = Connection::open(&address).await?;
    let start = send("POST", "/api/workflow/hop", &hundred_bytes());
    let mut completion = Completion::new(&hundred_bytes());
    let (mut starts, mut updates, mut first, mut hops) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut commits = Vec::new();
    let wait = Duration::from_secs(10);
    let warm_up = 30;
    // What reading the counters costs by itself is taken off.
    let reading = {
        let first = rig.counters().await?;
        rig.counters().await?.since(&first)
    };
    let mut before = None;
    for i in 0..pace.samples + warm_up {
        if i == warm_up {
            before = Some((rig.counters().await?, Instant::now()));
        }
        let begun = Instant::now();
        let (status, _) = client.exchange(&start).await?;
        let started = begun.elapsed();
        ensure!(status == 200, "a start answered {status}");
        let (task, came_a) = recv(&mut from_a, wait, "hop_a").await?;
        let reported = Instant::now();
        let (status, _) = client.exchange(completion.fill(&task)).await?;
        let updated = reported.elapsed();
        ensure!(status == 200, "a completion answered {status}");
        let (task, came_b) = recv(&mut from_b, wait, "hop_b").await?;
        let (status, _) = client.exchange(completion.fill(&task)).await?;
        ensure!(status == 200, "a completion answered {status}");
        if i >= warm_up {
            starts.push(started.as_secs_f64() * 1e3);
            updates.push(updated.as_secs_f64() * 1e3);
            first.push(came_a.duration_since(begun).as_secs_f64() * 1e3);
            hops.push(came_b.duration_since(reported).as_secs_f64() * 1e3);
        }
        // Both workers are parked again before the next round. The same moment gives the machine's own commit.
        tokio::time::sleep(Duration::from_millis(4)).await;
        let commit = committer.commit_ms().await?;
        if i >= warm_up {
            commits.push(commit);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (before, since) = before.context("nothing was measured")?;
    let cost = rig.counters().await?.since(&before);
    // the node's pulse commits once a second whatever the load is
    let pulses = since.elapsed().as_secs() as f64;
    worker_a.abort();
    worker_b.abort();
    let commit = percentile(&mut commits, 0.5);
    report.add("durable commit of this machine, p50", commit, "ms", Target::None);

    let three = Target::AtMost(3.0);
    report.add("start answered, p50", percentile(&mut starts, 0.5), "ms", Target::None);
    report.add("start answered, p50 in commits", percentile(&mut starts, 0.5) / commit, "", three);
    report.add("update answered, p50", percentile(&mut updates, 0.5), "ms", Target::None);
    report.add("update answered, p50 in commits", percentile(&mut updates, 0.5) / commit, "", three);
    report.add("start to a parked worker, p50", percentile(&mut first, 0.5), "ms", Target::None);
    report.add("hop to a parked worker, p50", percentile(&mut hops, 0.5), "ms", Target::None);
    report.add("hop to a parked worker, p50 in commits", percentile(&mut hops, 0.5) / commit, "", three);
    report.add("hop to a parked worker, p99", percentile(&mut hops, 0.99), "ms", Target::AtMost(5.0));
    // Three commits for two tasks (start with the first hand-off, update with the second, update), and one of the
    // committer; a workflow with one task has two.
    let rounds = pace.samples as f64;
    let flushes = (cost.flushes - reading.flushes - pulses) / rounds - 1.0;
    report.add("flushes per workflow, one starter, parked worker", flushes / 1.5, "", Target::AtMost(2.0));
    for table in ["task", "run"] {
        let (all, hot) = cost.updates.get(table).copied().unwrap_or_default();
        let target = if table == "task" { Target::AtLeast(0.9) } else { Target::None };
        report.add(&format!("HOT updates of {table}, parked workers"), hot / all.max(1.0), "", target);
    }
    Ok(())
}

async fn recv(
    from: &mut mpsc::UnboundedReceiver<(TaskIds, Instant)>,
    wait: Duration,
    what: &str,
) -> anyhow::Result<(TaskIds, Instant)> {
    let task = tokio::time::timeout(wait, from.recv()).await;
    task.ok().flatten().ok_or_else(|| anyhow::anyhow!("no task of {what} came within {wait:?}"))
}
