//! Wide static forks: from the start to the task behind the JOIN.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use crate::load::hundred_bytes;
use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, Rig, definition};
use crate::scenarios::Pace;
use crate::wire::{Completion, Connection, get, send, tasks_in};

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("FORK_JOIN, 64 pollers");
    let rig = machine.rig("bench_fork", None)?;
    let repeats = (pace.samples / 50).clamp(3, 10);
    let hundred = width(&rig, 100, repeats).await?;
    report.add("100-wide FORK_JOIN, p50", hundred, "ms", Target::None);
    let narrow = width(&rig, 200, repeats).await?;
    report.add("200-wide FORK_JOIN, p50", narrow, "ms", Target::None);
    let wide = width(&rig, 1_000, repeats).await?;
    report.add("1,000-wide FORK_JOIN, p50", wide, "ms", Target::AtMost(300.0));
    report.add("1,000-wide / 200-wide (5 is linear)", wide / narrow, "", Target::AtMost(6.0));
    report.add("1,000-wide / 100-wide (10 is linear)", wide / hundred, "", Target::AtMost(11.0));
    Ok(())
}

async fn width(rig: &Rig, width: usize, repeats: usize) -> anyhow::Result<f64> {
    let (branch, after, workflow) =
        (format!("fork_{width}"), format!("after_{width}"), format!("bench_fork_{width}"));
    rig.define_task(&branch)?;
    rig.define_task(&after)?;
    let reference = |i: usize| format!("b{i}");
    let branches: Vec<_> = (0..width)
        .map(|i| json!([{"name": branch, "taskReferenceName": reference(i), "type": "SIMPLE"}]))
        .collect();
    let joined: Vec<_> = (0..width).map(reference).collect();
    rig.client().register_workflow(&definition(
        &workflow,
        vec![
            json!({"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN", "forkTasks": branches}),
            json!({"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": joined}),
            json!({"name": after, "taskReferenceName": "after", "type": "SIMPLE"}),
        ],
    ))?;
    let address = rig.address();
    let local = tokio::task::LocalSet::new();
    for i in 0..64 {
        local.spawn_local(work(address.clone(), branch.clone(), i));
    }
    let measured = async {
        let mut client = Connection::open(&address).await?;
        let start = send("POST", &format!("/api/workflow/{workflow}"), &hundred_bytes());
        let poll = get(&format!("/api/tasks/poll/batch/{after}?workerid=after&count=1&timeout=5000"));
        let mut completion = Completion::new("{}");
        let mut samples = Vec::new();
        for i in 0..=repeats {
            let begun = Instant::now();
            let (status, _) = client.exchange(&start).await?;
            ensure!(status == 200, "a start answered {status}");
            let mut found = Vec::new();
            while found.is_empty() {
                ensure!(
                    begun.elapsed() < Duration::from_secs(60),
                    "a {width}-wide fork did not join within 60 s"
                );
                let (_, body) = client.exchange(&poll).await?;
                tasks_in(body, &mut found);
            }
            // The first warms up.
            if i > 0 {
                samples.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            client.exchange(completion.fill(&found[0])).await?;
        }
        anyhow::Ok(percentile(&mut samples, 0.5))
    };
    local.run_until(measured).await
}

/// Polls and completes until it is dropped.
async fn work(address: String, task_type: String, number: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(&address).await?;
    let poll =
        get(&format!("/api/tasks/poll/batch/{task_type}?workerid=bench-{number}&count=20&timeout=100"));
    let mut completion = Completion::new(&hundred_bytes());
    let mut tasks = Vec::new();
    loop {
        let (_, body) = connection.exchange(&poll).await?;
        tasks_in(body, &mut tasks);
        for task in &tasks {
            let (status, _) = connection.exchange(completion.fill(task)).await?;
            ensure!(status == 200, "a completion answered {status}");
        }
    }
}
