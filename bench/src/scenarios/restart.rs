//! kill -9 with many open runs: how soon is the first task given out, and is anything lost?

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::load::start_many;
use crate::report::{Report, Target};
use crate::rig::Machine;
use crate::scenarios::Pace;
use crate::wire::{Connection, get, tasks_in};

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("Restart after kill -9");
    let mut rig = machine.rig("bench_restart", None)?;
    rig.define_task("restart")?;
    rig.define_line("restart", "restart", 1)?;
    let acknowledged = start_many(&rig.address(), "restart", pace.many).await?;
    rig.engine.kill()?;
    let begun = Instant::now();
    rig.engine.respawn()?;
    let first = loop {
        ensure!(begun.elapsed() < Duration::from_secs(60), "no task within 60 s of the restart");
        match first_task(&rig.address()).await {
            Ok(true) => break begun.elapsed(),
            Ok(false) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let stored = rig.sql.number("SELECT count(*) FROM run WHERE name = 'restart'")?;
    let name = format!("restart with {}k open runs: first task", pace.many / 1_000);
    report.add(&name, first.as_secs_f64(), "s", Target::AtMost(1.5));
    report.add(
        "restart: acknowledged starts lost",
        acknowledged as f64 - stored as f64,
        "",
        Target::AtMost(0.0),
    );
    Ok(())
}

async fn first_task(address: &str) -> anyhow::Result<bool> {
    let mut connection = Connection::open(address).await?;
    let poll = get("/api/tasks/poll/batch/restart?workerid=bench&count=1&timeout=100");
    let (status, body) = connection.exchange(&poll).await?;
    let mut tasks = Vec::new();
    tasks_in(body, &mut tasks);
    Ok(status == 200 && !tasks.is_empty())
}
