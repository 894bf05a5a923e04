//! Polls while many tasks of the type wait.

use std::time::{Duration, Instant};

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
    let mut many = Queue::fill(&rig, "waiting_many", pace.many).await?;
    let mut few = Queue::fill(&rig, "waiting_few", (POLLS * 10) as u64).await?;
    // What the filling left to do (checkpoint, statistics) is not what is measured.
    tokio::time::sleep(Duration::from_secs(3)).await;
    // In turn, so that whatever else the machine does falls on both.
    for _ in 0..POLLS {
        many.poll().await?;
        few.poll().await?;
    }
    let (at_few, at_many) = (percentile(&mut few.samples, 0.5), percentile(&mut many.samples, 0.5));
    report.add("poll of 10 at 600 waiting, p50", at_few, "ms", Target::None);
    let name = format!("poll of 10 at {}k waiting, p50", pace.many / 1_000);
    report.add(&name, at_many, "ms", Target::None);
    report.add("polls at many / at few waiting", at_many / at_few, "", Target::AtMost(1.1));
    Ok(())
}

/// One task type with tasks that wait, and the polls of it.
struct Queue {
    connection: Connection,
    request: Vec<u8>,
    completion: Completion,
    samples: Vec<f64>,
}

impl Queue {
    async fn fill(rig: &Rig, task_type: &str, count: u64) -> anyhow::Result<Queue> {
        rig.define_task(task_type)?;
        rig.define_line(task_type, task_type, 1)?;
        start_many(&rig.address(), task_type, count).await?;
        Ok(Queue {
            connection: Connection::open(&rig.address()).await?,
            request: get(&format!("/api/tasks/poll/batch/{task_type}?workerid=bench&count=10&timeout=100")),
            completion: Completion::new("{}"),
            samples: Vec::new(),
        })
    }

    /// One poll, measured; its tasks are completed.
    async fn poll(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let (status, body) = self.connection.exchange(&self.request).await?;
        self.samples.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(status == 200, "a poll answered {status}");
        let mut tasks = Vec::new();
        tasks_in(body, &mut tasks);
        ensure!(tasks.len() == 10, "a poll of 10 gave {} tasks", tasks.len());
        for task in &tasks {
            self.connection.exchange(self.completion.fill(task)).await?;
        }
        Ok(())
    }
}
