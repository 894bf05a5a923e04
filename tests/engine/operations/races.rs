//! Operations against completions against timers, on two nodes: one of them wins, the other one is told, and nothing is lost,
//! doubled or stuck.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::http::Answer;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{postgres, stage};
use serde_json::{Value, json};

use super::{drive, simple, status, task};

const THREADS: usize = 24;
const LIMIT: Duration = Duration::from_secs(40);

fn races() -> usize {
    std::env::var("PODIUM_RACES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

struct Nodes {
    nodes: [Podium; 2],
    sql: Sql,
}

fn open(tag: &str) -> anyhow::Result<Nodes> {
    let url = postgres::shared()?.database(&stage::fresh_tag(tag))?;
    let settings = || Settings::serve(&url).with("PODIUM__ROUTER__ENABLED", "false");
    let nodes = [Podium::start(settings())?, Podium::start(settings())?];
    let client = nodes[0].client();
    client.register_task_defs(&json!([{"name": "brief", "retryCount": 2, "retryDelaySeconds": 0,
        "timeoutSeconds": 60, "responseTimeoutSeconds": 1, "ownerEmail": "a@b.c"}]))?;
    let branches = json!([
        [simple("work"), simple("more")],
        [task("WAIT", "timer", &json!({"inputParameters": {"duration": "1 seconds"}}))],
        [simple("brief")],
        [task("SUB_WORKFLOW", "sub", &json!({"subWorkflowParam": {"name": "child", "version": 1}}))],
    ]);
    let tasks = json!([
        task("FORK_JOIN", "f", &json!({"forkTasks": branches})),
        task("JOIN", "j", &json!({"joinOn": ["more", "timer", "brief", "sub"]})),
        simple("after")
    ]);
    for (name, tasks) in
        [("child", json!([simple("inner")])), ("race", tasks), ("one", json!([simple("work")]))]
    {
        client.register_workflow(
            &json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "a@b.c",
            "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "restartable": true, "tasks": tasks}),
        )?;
    }
    Ok(Nodes { nodes, sql: Sql::connect(&url)? })
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn operate(client: &Client, id: &str, verb: u64) -> anyhow::Result<Answer> {
    let path = format!("/api/workflow/{id}");
    let none = json!(null);
    match verb {
        0 => client.send("PUT", &format!("{path}/pause"), &none),
        1 => client.send("PUT", &format!("{path}/resume"), &none),
        2 => client.send("POST", &format!("{path}/retry"), &none),
        3 => client.send("POST", &format!("{path}/restart"), &none),
        4 => client.send("POST", &format!("{path}/rerun"), &json!({})),
        5 => client.send("POST", &format!("{path}/rerun"), &json!({"reRunFromTaskRefName": "work"})),
        6 => client.send("PUT", &format!("{path}/skiptask/after"), &none),
        7 => client.send("POST", &format!("{path}/resetcallbacks"), &none),
        8 => client.send("PUT", &format!("/api/workflow/decide/{id}"), &none),
        9 => client.send("POST", &format!("{path}/retry?resumeSubworkflowTasks=true"), &none),
        _ => client.send("DELETE", &path, &none),
    }
}

/// One run; two operators and a worker fall over each other when its timers fire.
fn race(nodes: &[Client; 2], seed: u64) -> anyhow::Result<()> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let id = nodes[dice.roll(2) as usize].start("race", &json!({}))?;
    let run = nodes[0].run(&id)?;
    let rows = run["tasks"].as_array().cloned().unwrap_or_default();
    let work = rows.iter().find(|row| row["referenceTaskName"] == "work").cloned().unwrap_or_default();
    // a lease that times out after a second
    nodes[0].poll("brief", 1, "w")?;
    std::thread::sleep(Duration::from_millis(700 + dice.roll(500)));
    let verbs = [dice.roll(11), dice.roll(11), dice.roll(11)];
    let pauses = [dice.roll(30), dice.roll(30), dice.roll(30)];
    let fails = dice.roll(4) == 0;
    let check = |answer: Answer, what: &str| {
        let fine = matches!(answer.status, 200 | 204 | 400 | 404 | 409);
        anyhow::ensure!(fine, "{what} answered {}: {}", answer.status, answer.text());
        let told = answer.status < 300 || answer.json().is_ok_and(|body| body["message"].is_string());
        anyhow::ensure!(told, "{what} was refused without a word: {}", answer.text());
        Ok(())
    };
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let operators: Vec<_> = (0..2)
            .map(|who| {
                let (client, id) = (&nodes[who], &id);
                scope.spawn(move || -> anyhow::Result<()> {
                    std::thread::sleep(Duration::from_millis(pauses[who]));
                    check(operate(client, id, verbs[who])?, &format!("verb {}", verbs[who]))?;
                    if who == 0 {
                        check(operate(client, id, verbs[2])?, &format!("verb {}", verbs[2]))?;
                    }
                    Ok(())
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(pauses[2]));
        let word = if fails { "FAILED_WITH_TERMINAL_ERROR" } else { "COMPLETED" };
        check(nodes[1].report(&work, word, &json!({"by": "worker"}))?, "the report")?;
        operators.into_iter().try_for_each(|operator| operator.join().expect("no panic"))
    })?;
    let end = drive(&nodes[dice.roll(2) as usize], &id, LIMIT)?;
    if matches!(status(&end), "FAILED" | "TIMED_OUT" | "TERMINATED") {
        // it goes on wherever it was cut
        let retried = nodes[0].send("POST", &format!("/api/workflow/{id}/retry"), &json!(null))?;
        anyhow::ensure!(retried.status == 204, "{} cannot be retried: {}", status(&end), retried.text());
        let end = drive(&nodes[1], &id, LIMIT)?;
        anyhow::ensure!(status(&end) == "COMPLETED", "the retried run ended {}: {end}", status(&end));
    }
    Ok(())
}

#[test]
fn operations_completions_and_timers_on_two_nodes() -> anyhow::Result<()> {
    let on = open("races")?;
    let clients = [on.nodes[0].client(), on.nodes[1].client()];
    let (next, faults, count) = (AtomicUsize::new(0), Mutex::new(Vec::new()), races());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    if let Err(error) = race(&clients, seed as u64) {
                        faults.lock().expect("no panics").push(format!("race {seed}: {error:#}"));
                    }
                }
            });
        }
    });
    let operations = on.sql.number("SELECT count(*) FROM podium.history")?;
    println!("{count} races in {:?}, {operations} lines in the accounts", began.elapsed());
    let faults = faults.into_inner()?;
    assert!(faults.is_empty(), "{} of {count}:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(on.sql.number("SELECT count(*) FROM run WHERE status < 2 AND name = 'race'")?, 0);
    assert_eq!(on.sql.number("SELECT count(*) FROM podium.runs WHERE fault IS NOT NULL")?, 0);
    on.sql.assert_sound()
}

/// Two operators ask for the same at the same moment, each on a node of its own: one of them wins, the other one hears why not.
#[test]
fn of_two_operators_one_wins() -> anyhow::Result<()> {
    const TIMES: usize = 25;
    let on = open("winners")?;
    let clients = [on.nodes[0].client(), on.nodes[1].client()];
    for (verb, name) in [(2, "RETRY"), (3, "RESTART"), (4, "RERUN"), (1, "RESUME")] {
        for _ in 0..TIMES {
            let id = clients[0].start("one", &json!({}))?;
            match verb {
                1 => drop(operate(&clients[0], &id, 0)?.ok()?),
                _ => {
                    let run = clients[0].run(&id)?;
                    clients[0].report(&run["tasks"][0], "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?;
                }
            }
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let both: Vec<_> = clients.iter().map(|c| scope.spawn(|| operate(c, &id, verb))).collect();
                both.into_iter().map(|one| one.join().expect("no panic")).collect::<anyhow::Result<_>>()
            })?;
            let won = answers.iter().filter(|answer| answer.status < 300).count();
            let texts: Vec<String> = answers.iter().map(|a| format!("{} {}", a.status, a.text())).collect();
            assert_eq!(won, 1, "{name}: {texts:?}");
            let lost = answers.iter().find(|answer| answer.status >= 300).expect("one of two");
            assert!(matches!(lost.status, 404 | 409), "{name}: {texts:?}");
            let why: Value = lost.json()?;
            assert!(
                why["message"].as_str().is_some_and(|why| why.contains("RUNNING") || why.contains("running")),
                "{why}"
            );
            let lines =
                format!("SELECT count(*) FROM podium.history WHERE run_id = '{id}' AND operation = '{name}'");
            assert_eq!(on.sql.number(&lines)?, 1, "{name} of {id}");
        }
    }
    on.sql.assert_sound()
}
