//! Many timers that are due in the same second.

use std::time::{Duration, Instant};

use anyhow::ensure;
use chrono::DurationRound;
use serde_json::json;
use sqlx::Row;

use crate::load::start_many;
use crate::report::{Report, Target};
use crate::rig::{Machine, definition};
use crate::scenarios::Pace;

const WORKFLOW: &str = "bench_timers";
const ALL_MUST_END_WITHIN: Duration = Duration::from_secs(120);

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    let count = pace.many / 10;
    report.section(&format!("{}k WAIT tasks due at the same instant", count / 1_000));
    let rig = machine.rig("bench_timers", None)?;
    // far enough for all of them to be started before
    let lead = chrono::Duration::seconds(i64::try_from(count / 1_000)? + 5);
    // definitions name minutes
    let until = (chrono::Utc::now() + lead + chrono::Duration::minutes(1))
        .duration_trunc(chrono::Duration::minutes(1))?;
    rig.client().register_workflow(&definition(
        WORKFLOW,
        vec![json!({"name": "wait", "taskReferenceName": "wait", "type": "WAIT",
            "inputParameters": {"until": until.format("%Y-%m-%d %H:%M UTC").to_string()}})],
    ))?;
    start_many(&rig.address(), WORKFLOW, count).await?;
    ensure!(chrono::Utc::now() < until, "the starts took longer than the timers");
    let left = until - chrono::Utc::now();
    tokio::time::sleep(left.to_std()?).await;
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < ALL_MUST_END_WITHIN, "the timers do not fire");
        let open: i64 =
            rig.sql.rows(&format!("SELECT count(*) FROM run WHERE name = '{WORKFLOW}' AND status = 0"))?[0]
                .try_get(0)?;
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let due = until.timestamp();
    let late = &rig.sql.rows(&format!(
        "SELECT percentile_disc(ARRAY[0.5, 0.99, 1.0]) WITHIN GROUP (ORDER BY extract(epoch FROM r.ended_at) - {due})::float8[]
         FROM run AS r WHERE r.name = '{WORKFLOW}'"
    ))?[0];
    let late: Vec<f64> = late.try_get(0)?;
    let count = count / 1_000;
    report.add(&format!("{count}k timers: lateness, p50"), late[0] * 1e3, "ms", Target::None);
    report.add(&format!("{count}k timers: lateness, p99"), late[1] * 1e3, "ms", Target::AtMost(1_000.0));
    report.add(&format!("{count}k timers: lateness, worst"), late[2] * 1e3, "ms", Target::None);
    Ok(())
}
