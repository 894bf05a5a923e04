//! Long runs: what the last steps of a run cost beside its first ones.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, Rig, definition};
use crate::scenarios::Pace;
use crate::wire::{Completion, Connection, get, send, tasks_in};

/// Iterations of the loop, tasks of the chain.
const ITERATIONS: usize = 1_000;
const CHAIN: usize = 100;
/// Each end is judged by the median of so many steps: a single one is the machine's mood.
const LOOP_ENDS: usize = 200;
const CHAIN_ENDS: usize = 20;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, _pace: Pace) -> anyhow::Result<()> {
    report.section("Long runs: one worker, one step after the other");
    let rig = machine.rig("bench_long", None)?;
    rig.define_task("step")?;
    let body = json!({"name": "step", "taskReferenceName": "step", "type": "SIMPLE"});
    let condition = format!("if ($.loop['iteration'] < {ITERATIONS}) {{ true; }} else {{ false; }}");
    let turns = json!({"name": "loop", "taskReferenceName": "loop", "type": "DO_WHILE",
        "loopCondition": condition, "loopOver": [body]});
    let steps = (1..=CHAIN)
        .map(|n| json!({"name": "step", "taskReferenceName": format!("t{n}"), "type": "SIMPLE"}))
        .collect();
    for (what, workflow, tasks, count, ends, repeats) in [
        ("DO_WHILE of 1,000 iterations", "bench_loop", vec![turns], ITERATIONS, LOOP_ENDS, 1),
        ("chain of 100 tasks", "bench_long_chain", steps, CHAIN, CHAIN_ENDS, 10),
    ] {
        rig.client().register_workflow(&definition(workflow, tasks))?;
        // plans and caches are made
        run(&rig, workflow, count).await?;
        let (mut first, mut last) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        for _ in 0..repeats {
            let steps = run(&rig, workflow, count).await?;
            first.extend_from_slice(&steps[..ends]);
            last.extend_from_slice(&steps[count - ends..]);
        }
        report.add(
            &format!("{what}: all of it"),
            begun.elapsed().as_secs_f64() / f64::from(repeats),
            "s",
            Target::None,
        );
        let (first, last) = (percentile(&mut first, 0.5), percentile(&mut last, 0.5));
        report.add(&format!("{what}: a step at its beginning, p50"), first, "ms", Target::None);
        report.add(&format!("{what}: a step at its end, p50"), last, "ms", Target::None);
        report.add(&format!("{what}: end / beginning"), last / first, "", Target::AtMost(1.1));
    }
    Ok(())
}

/// Does one run; returns the milliseconds from each task in the worker's hands to the next one.
async fn run(rig: &Rig, workflow: &str, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut connection = Connection::open(&rig.address()).await?;
    let poll = get("/api/tasks/poll/batch/step?workerid=long&count=1&timeout=5000");
    let mut completion = Completion::new("{}");
    let (status, body) =
        connection.exchange(&send("POST", &format!("/api/workflow/{workflow}"), "{}")).await?;
    ensure!(status == 200, "a start answered {status}");
    let id = String::from_utf8(body.to_vec())?;
    let (mut tasks, mut steps) = (Vec::new(), Vec::with_capacity(count));
    let mut begun = Instant::now();
    for n in 0..count {
        while tasks.is_empty() {
            ensure!(begun.elapsed() < Duration::from_secs(30), "step {n} of {workflow} did not come");
            let (_, body) = connection.exchange(&poll).await?;
            tasks_in(body, &mut tasks);
        }
        steps.push(begun.elapsed().as_secs_f64() * 1e3);
        begun = Instant::now();
        let task = tasks.pop().context("a task")?;
        let (status, _) = connection.exchange(completion.fill(&task)).await?;
        ensure!(status == 200, "a completion answered {status}");
    }
    let (_, body) = connection.exchange(&get(&format!("/api/workflow/{id}?includeTasks=false"))).await?;
    let ended: Value = serde_json::from_slice(body)?;
    ensure!(ended["status"] == "COMPLETED", "{workflow} is {}", ended["status"]);
    Ok(steps)
}
