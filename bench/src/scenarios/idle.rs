//! What open runs cost while nothing happens.

use std::time::Duration;

use crate::load::start_many;
use crate::report::{Report, Target};
use crate::rig::Machine;
use crate::scenarios::Pace;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("Idle open runs");
    let rig = machine.rig("bench_idle", None)?;
    rig.define_task("idle")?;
    rig.define_line("idle", "idle", 1)?;
    start_many(&rig.address(), "idle", pace.idle / 10).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let memory_before = rig.resident_mb()?;
    start_many(&rig.address(), "idle", pace.idle).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = rig.counters_now()?;
    tokio::time::sleep(pace.idle_time).await;
    let cost = rig.counters_now()?.since(&before);
    let memory = rig.resident_mb()? - memory_before;
    let seconds = pace.idle_time.as_secs_f64();
    let runs = format!("{}k idle open runs", pace.idle / 1_000);
    // The bench's own reading of the counters takes two statements each time.
    let statements = (cost.statements - 2.0).max(0.0) / seconds;
    report.add(&format!("{runs}: SQL statements per second"), statements, "/s", Target::AtMost(1.05));
    report.add(
        &format!("{runs}: engine CPU"),
        cost.engine_cpu_s / seconds * 100.0,
        "% core",
        Target::AtMost(0.5),
    );
    report.add(
        &format!("{runs}: PostgreSQL CPU"),
        cost.postgres_cpu_s / seconds * 100.0,
        "% core",
        Target::None,
    );
    report.add(&format!("{runs}: memory each"), memory * 1e3 / pace.idle as f64, "KB", Target::AtMost(4.0));
    Ok(())
}
