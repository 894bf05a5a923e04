//! Polls while many tasks of the type wait.

use std::time::Instant;

use anyhow::ensure;

use crate::load::start_many;
use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, Rig};
use crate::scenarios::Pace;
use crate::wire::{Completion, Connection, get, tasks_in};

const POLLS: usize = 60;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("Polls of 10 while tasks wait");
    let rig = machine.rig("bench_waiting", None)?;
    let few = polls(&rig, "waiting_few", (POLLS * 10) as u64).await?;
    report.add("poll of 10 at 600 waiting, p50", few, "ms", Target::None);
    let many = polls(&rig, "waiting_many", pace.many).await?;
    let name = format!("poll of 10 at {}k waiting, p50", pace.many / 1_000);
    report.add(&name, many, "ms", Target::None);
    report.add("polls at many / at few waiting", many / few, "", Target::AtMost(1.1));
    Ok(())
}

async fn polls(rig: &Rig, task_type: &str, count: u64) -> anyhow::Result<f64> {
    rig.define_task(task_type)?;
    rig.define_line(task_type, task_type, 1)?;
    start_many(&rig.address(), task_type, count).await?;
    let mut connection = Connection::open(&rig.address()).await?;
    let poll = get(&format!("/api/tasks/poll/batch/{task_type}?workerid=bench&count=10&timeout=100"));
    let mut completion = Completion::new("{}");
    let mut samples = Vec::new();
    let mut tasks = Vec::new();
    for _ in 0..POLLS {
        let begun = Instant::now();
        let (status, body) = connection.exchange(&poll).await?;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(status == 200, "a poll answered {status}");
        tasks_in(body, &mut tasks);
        ensure!(tasks.len() == 10, "a poll of 10 gave {} tasks", tasks.len());
        for task in &tasks {
            connection.exchange(completion.fill(task)).await?;
        }
    }
    Ok(percentile(&mut samples, 0.5))
}
