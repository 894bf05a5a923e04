//! Scripts that loop until they are stopped, one a second, beside W1 at half of its speed.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;

use crate::load::{Load, run};
use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, definition};
use crate::scenarios::{Pace, throughput};
use crate::wire::{Connection, send};

const HOSTILE: &str = "bench_hostile";

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    let time = pace.measure * 5;
    report.section(&format!("A script without end each second for {} s, W1 at half speed", time.as_secs()));
    let rig = machine.rig("bench_hostile", None)?;
    rig.client().register_workflow(&definition(
        HOSTILE,
        vec![json!({"name": "s", "taskReferenceName": "s", "type": "INLINE",
            "inputParameters": {"evaluatorType": "javascript", "expression": "while (true) {}"}})],
    ))?;
    let load = throughput::load(&rig, "bench_beside", 1)?;
    run(&load, pace.warm_up).await?;
    let full = run(&load, pace.measure).await?.workflows_per_second;
    let load = Load { per_second: Some(full / 2.0), ..load };
    run(&load, pace.warm_up).await?;
    let before = run(&load, time).await?;
    let address = rig.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let attack = std::thread::spawn(move || -> anyhow::Result<usize> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(attack(&address, stopped))
    });
    let during = run(&load, time).await?;
    drop(stop);
    let scripts = attack.join().map_err(|_| anyhow::anyhow!("the attacking thread broke off"))??;
    let after = run(&load, time).await?;
    report.add("hostile scripts", scripts as f64, "", Target::None);
    report.add("W1 meanwhile", during.workflows_per_second, "wf/s", Target::None);
    let p99 = |mut starts: Vec<f64>| percentile(&mut starts, 0.99);
    let (before, during, after) = (p99(before.starts_ms), p99(during.starts_ms), p99(after.starts_ms));
    report.add("W1 start p99, before", before, "ms", Target::None);
    report.add("W1 start p99, with hostile scripts", during, "ms", Target::None);
    report.add("W1 start p99, after", after, "ms", Target::None);
    // what the machine does by itself between the two is not the scripts' doing
    report.add("W1 start p99, with / without", during / before.max(after), "", Target::AtMost(1.1));
    Ok(())
}

/// Starts a workflow with such a script each second, until it is told to stop. A start is answered when its script has
/// been stopped, so each has a connection of its own.
async fn attack(address: &str, mut stopped: tokio::sync::oneshot::Receiver<()>) -> anyhow::Result<usize> {
    let mut starts = tokio::task::JoinSet::new();
    loop {
        let address = address.to_owned();
        starts.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let request = send("POST", &format!("/api/workflow/{HOSTILE}"), "{}");
            let (status, body) = connection.exchange(&request).await?;
            ensure!(status == 200, "a hostile start answered {status}: {}", String::from_utf8_lossy(body));
            anyhow::Ok(())
        });
        if tokio::time::timeout(Duration::from_secs(1), &mut stopped).await.is_ok() {
            break;
        }
    }
    let count = starts.len();
    for done in starts.join_all().await {
        done?;
    }
    Ok(count)
}
