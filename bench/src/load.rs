//! The closed loop: connections that start workflows and connections that poll and complete their tasks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::wire::{Completion, Connection, get, send, tasks_in};

/// Who starts and who works.
#[derive(Clone)]
pub(crate) struct Load {
    /// `host:port` of the engine.
    pub(crate) address: String,
    pub(crate) workflow: String,
    pub(crate) task_type: String,
    /// Tasks of one workflow.
    pub(crate) tasks: u64,
    pub(crate) starters: usize,
    pub(crate) pollers: usize,
    /// Starters wait while so many workflows are open: what 64 pollers with `count=20` can hold. A closed
    /// loop, not a growing backlog.
    pub(crate) open_limit: u64,
    /// Starts in a second at most; `None` = as many as there is room for.
    pub(crate) per_second: Option<f64>,
}

/// 100 bytes, as starts and results carry.
pub(crate) fn hundred_bytes() -> String {
    let frame = r#"{"text":""}"#;
    format!(r#"{{"text":"{}"}}"#, "x".repeat(100 - frame.len()))
}

/// The counts of a running load.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) started: Cell<u64>,
    pub(crate) completed_tasks: Cell<u64>,
    stop_starting: Cell<bool>,
    stop_polling: Cell<bool>,
    failure: RefCell<Option<anyhow::Error>>,
    room: tokio::sync::Notify,
    starts_ms: RefCell<Vec<f64>>,
}

impl Progress {
    fn check(&self) -> anyhow::Result<()> {
        self.failure.borrow_mut().take().map_or(Ok(()), Err)
    }
}

/// What a finished load did.
pub(crate) struct Done {
    /// Workflows that completed within the measured time, per second.
    pub(crate) workflows_per_second: f64,
    /// All workflows of the load, drained ones included: what counters are divided by.
    pub(crate) workflows: u64,
    /// How long each start took to be answered, in milliseconds.
    pub(crate) starts_ms: Vec<f64>,
}

/// Runs the load for `time` and then lets the pollers finish what is open.
pub(crate) async fn run(load: &Load, time: Duration) -> anyhow::Result<Done> {
    let progress = Rc::new(Progress::default());
    let local = tokio::task::LocalSet::new();
    for _ in 0..load.starters {
        spawn(&local, &progress, starter(load.clone(), Rc::clone(&progress)));
    }
    for i in 0..load.pollers {
        spawn(&local, &progress, poller(load.clone(), i, Rc::clone(&progress)));
    }
    let finish = async {
        let begun = Instant::now();
        tokio::time::sleep(time).await;
        let workflows_per_second =
            progress.completed_tasks.get() as f64 / load.tasks as f64 / begun.elapsed().as_secs_f64();
        progress.stop_starting.set(true);
        let end = Instant::now() + Duration::from_secs(60);
        // Started counts at the answer, so that a start may be completed before it is counted: wait a moment
        // after the last one.
        loop {
            progress.check()?;
            let open = progress.started.get() * load.tasks - progress.completed_tasks.get();
            tokio::time::sleep(Duration::from_millis(50)).await;
            if open == 0 && progress.started.get() * load.tasks == progress.completed_tasks.get() {
                break;
            }
            ensure!(Instant::now() < end, "{open} tasks were not completed within 60 s");
        }
        progress.stop_polling.set(true);
        Ok(Done {
            workflows_per_second,
            workflows: progress.started.get(),
            starts_ms: progress.starts_ms.take(),
        })
    };
    let done = local.run_until(finish).await?;
    local.await;
    progress.check()?;
    Ok(done)
}

fn spawn(
    local: &tokio::task::LocalSet,
    progress: &Rc<Progress>,
    work: impl Future<Output = anyhow::Result<()>> + 'static,
) {
    let progress = Rc::clone(progress);
    local.spawn_local(async move {
        if let Err(error) = work.await {
            progress.failure.borrow_mut().get_or_insert(error);
        }
    });
}

async fn starter(load: Load, progress: Rc<Progress>) -> anyhow::Result<()> {
    let mut connection = Connection::open(&load.address).await?;
    let request = send("POST", &format!("/api/workflow/{}", load.workflow), &hundred_bytes());
    let begun = Instant::now();
    while !progress.stop_starting.get() {
        if let Some(rate) = load.per_second
            && progress.started.get() as f64 >= begun.elapsed().as_secs_f64() * rate
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        }
        let finished = progress.completed_tasks.get() / load.tasks;
        if progress.started.get().saturating_sub(finished) >= load.open_limit {
            // Woken by the next completion; the time limit lets it see `stop_starting`.
            drop(tokio::time::timeout(Duration::from_millis(20), progress.room.notified()).await);
            continue;
        }
        let asked = Instant::now();
        let (status, body) = connection.exchange(&request).await?;
        ensure!(status == 200, "a start answered {status}: {}", String::from_utf8_lossy(body));
        progress.starts_ms.borrow_mut().push(asked.elapsed().as_secs_f64() * 1e3);
        progress.started.set(progress.started.get() + 1);
    }
    Ok(())
}

async fn poller(load: Load, number: usize, progress: Rc<Progress>) -> anyhow::Result<()> {
    let mut connection = Connection::open(&load.address).await?;
    let target =
        format!("/api/tasks/poll/batch/{}?workerid=bench-{number}&count=20&timeout=100", load.task_type);
    let poll = get(&target);
    let mut completion = Completion::new(&hundred_bytes());
    let mut tasks = Vec::with_capacity(20);
    while !progress.stop_polling.get() {
        let (status, body) = connection.exchange(&poll).await?;
        ensure!(matches!(status, 200 | 204), "a poll answered {status}: {}", String::from_utf8_lossy(body));
        tasks_in(body, &mut tasks);
        for task in &tasks {
            let (status, body) = connection.exchange(completion.fill(task)).await?;
            ensure!(status == 200, "a completion answered {status}: {}", String::from_utf8_lossy(body));
            progress.completed_tasks.set(progress.completed_tasks.get() + 1);
            progress.room.notify_one();
        }
    }
    Ok(())
}

/// Starts `count` workflows with 64 connections; returns how many were acknowledged (all, or an error).
pub(crate) async fn start_many(address: &str, workflow: &str, count: u64) -> anyhow::Result<u64> {
    let left = Rc::new(Cell::new(count));
    let local = tokio::task::LocalSet::new();
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let (left, address, workflow) = (Rc::clone(&left), address.to_owned(), workflow.to_owned());
        tasks.push(local.spawn_local(async move {
            let mut connection = Connection::open(&address).await?;
            let request = send("POST", &format!("/api/workflow/{workflow}"), &hundred_bytes());
            while left.get() > 0 {
                left.set(left.get() - 1);
                let (status, body) = connection.exchange(&request).await?;
                ensure!(status == 200, "a start answered {status}: {}", String::from_utf8_lossy(body));
            }
            anyhow::Ok(())
        }));
    }
    local.await;
    for task in tasks {
        task.await??;
    }
    Ok(count)
}
