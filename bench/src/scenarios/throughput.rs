//! W1, its cost per workflow, its limit, and chains of tasks.

use std::time::{Duration, Instant};

use anyhow::ensure;
use sqlx::Row;

use crate::counters::{costliest_statements, reset_statements};
use crate::limit;
use crate::load::{Load, run};
use crate::report::{Report, Target};
use crate::rig::{Machine, Rig};
use crate::scenarios::Pace;

/// What a genuine Conductor 3.32.1 does with this load on this kind of machine (75 to 88 workflows/s).
const CONDUCTOR_WORKFLOWS_PER_SECOND: f64 = 88.0;

pub(crate) fn load(rig: &Rig, name: &str, tasks: u64) -> anyhow::Result<Load> {
    rig.define_task(name)?;
    rig.define_line(name, name, tasks)?;
    Ok(Load {
        address: rig.address(),
        workflow: name.to_owned(),
        task_type: name.to_owned(),
        tasks,
        starters: 64,
        pollers: 64,
        open_limit: 64 * 20,
        per_second: None,
    })
}

/// W1's rate on a rig, after a warm-up.
pub(crate) async fn w1_rate(rig: &Rig, name: &str, pace: Pace) -> anyhow::Result<f64> {
    let load = load(rig, name, 1)?;
    run(&load, pace.warm_up).await?;
    Ok(run(&load, pace.measure).await?.workflows_per_second)
}

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("W1: one SIMPLE task, 64 starters, 64 pollers");
    let limit_url = machine.database("bench_limit")?;
    let rig = machine.rig("bench_w1", None)?;
    rig.define_trickle()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    report.add("memory, idle", rig.resident_mb()?, "MB", Target::AtMost(30.0));

    let limit_before = limit::workflows_per_second(&limit_url, pace.measure / 3).await?;
    let load = load(&rig, "bench_w1", 1)?;
    run(&load, pace.warm_up).await?;
    reset_statements(&rig.sql)?;
    let before = rig.counters().await?;
    let done = run(&load, pace.measure).await?;
    let cost = rig.counters().await?.since(&before);
    for line in costliest_statements(&rig.sql)? {
        println!("  {line}");
    }
    let memory = rig.resident_mb()?;
    let limit_after = limit::workflows_per_second(&limit_url, pace.measure / 3).await?;

    let each = done.workflows as f64;
    let rate = done.workflows_per_second;
    let bound = (limit_before + limit_after) / 2.0;
    report.add("W1 throughput", rate, "wf/s", Target::None);
    report.add("limit: bare batched SQL", bound, "wf/s", Target::None);
    report.add("W1 throughput / limit", rate / bound, "", Target::AtLeast(0.15));
    report.add(
        "W1 throughput / Conductor",
        rate / CONDUCTOR_WORKFLOWS_PER_SECOND,
        "",
        Target::AtLeast(100.0),
    );
    let micros = 1e6 / each;
    report.add("W1 PostgreSQL CPU per workflow", cost.postgres_cpu_s * micros, "us", Target::AtMost(60.0));
    report.add("W1 engine CPU per workflow", cost.engine_cpu_s * micros, "us", Target::None);
    let both = (cost.postgres_cpu_s + cost.engine_cpu_s) * micros;
    report.add("W1 engine + PostgreSQL CPU per workflow", both, "us", Target::AtMost(150.0));
    report.add("W1 load generator CPU per workflow", cost.load_cpu_s * micros, "us", Target::None);
    report.add("W1 WAL per workflow", cost.wal_bytes / each / 1e3, "KB", Target::AtMost(2.0));
    report.add("W1 flushes per workflow, saturated", cost.flushes / each, "", Target::AtMost(0.05));
    report.add("W1 statements per workflow", cost.statements / each, "", Target::None);
    report.add("W1 transactions per workflow", cost.transactions / each, "", Target::None);
    for (table, (all, hot)) in cost.updates.iter().filter(|(_, (all, _))| *all >= each * 0.01) {
        report.add(&format!("W1 HOT updates of {table}"), hot / all, "", Target::None);
    }
    report.add("memory, loaded", memory, "MB", Target::AtMost(100.0));
    words(&rig, report).await?;

    for tasks in [5, 10] {
        let load = load_chain(&rig, tasks)?;
        run(&load, pace.warm_up / 2).await?;
        let before = rig.counters().await?;
        let done = run(&load, pace.measure / 2).await?;
        let cost = rig.counters().await?.since(&before);
        let chain_rate = done.workflows_per_second;
        let target = if tasks == 5 { Target::AtLeast(0.9) } else { Target::None };
        report.add(&format!("chain of {tasks} throughput"), chain_rate, "wf/s", Target::None);
        report.add(
            &format!("chain of {tasks}: task rate / W1's"),
            chain_rate * tasks as f64 / rate,
            "",
            target,
        );
        let wal = cost.wal_bytes / done.workflows as f64 / 1e3;
        report.add(&format!("chain of {tasks}: WAL per workflow"), wal, "KB", Target::None);
    }
    Ok(())
}

/// (runs whose words are not made, seconds that the oldest one waits).
pub(crate) fn words_behind(rig: &Rig) -> anyhow::Result<(f64, f64)> {
    let rows = rig.sql.rows(
        "SELECT coalesce(sum(pending), 0)::float8, coalesce(max(lag_seconds), 0) FROM podium.search_lag",
    )?;
    Ok((rows[0].try_get(0)?, rows[0].try_get(1)?))
}

/// What W1 left to be made in quieter times: the words by which texts are searched.
async fn words(rig: &Rig, report: &mut Report) -> anyhow::Result<()> {
    let rows =
        || anyhow::Ok(rig.sql.rows("SELECT count(*)::float8 FROM run_search")?[0].try_get::<f64, _>(0)?);
    let (begun, before, made_before) = (Instant::now(), rig.counters_now()?, rows()?);
    while words_behind(rig)?.0 > 0.0 {
        ensure!(begun.elapsed() < Duration::from_secs(300), "the words of W1 are not made");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (cost, made) = (rig.counters_now()?.since(&before), rows()? - made_before);
    report.add("W1 runs whose words waited", made, "", Target::None);
    report.add(
        "W1 words made afterwards, PostgreSQL CPU",
        cost.postgres_cpu_s * 1e6 / made.max(1.0),
        "us",
        Target::None,
    );
    Ok(())
}

fn load_chain(rig: &Rig, tasks: u64) -> anyhow::Result<Load> {
    load(rig, &format!("bench_chain_{tasks}"), tasks)
}
