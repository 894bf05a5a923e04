//! Every verb, on every state of a run, at every kind of task that waits: the status is the one that the contract names, the
//! rows are sound, and a run that is open can be brought to its end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::zoo::Zoo;
use podium_tests::support::{postgres, stage, wait};
use serde_json::{Value, json};

use super::{drive, has_ended, simple, status, task};

const STATES: [&str; 6] = ["RUNNING", "PAUSED", "COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"];
const THREADS: usize = 12;
const LIMIT: Duration = Duration::from_secs(30);

/// Kinds of tasks at which a run can stand: each as the tasks that lead there. `at` is what waits. `silent` is an address
/// that never answers a call.
fn kinds(silent: &str) -> Vec<(&'static str, Vec<Value>)> {
    let at = || simple("at");
    vec![
        ("simple", vec![at()]),
        ("leased", vec![task("SIMPLE", "at", &json!({"name": "leased"}))]),
        ("wait", vec![task("WAIT", "at", &json!({"inputParameters": {"duration": "1 hours"}}))]),
        ("wait_for_ever", vec![task("WAIT", "at", &json!({}))]),
        ("human", vec![task("HUMAN", "at", &json!({}))]),
        ("event", vec![task("EVENT", "at", &json!({"sink": "conductor:x", "asyncComplete": true}))]),
        (
            "sub_workflow",
            vec![task("SUB_WORKFLOW", "at", &json!({"subWorkflowParam": {"name": "child", "version": 1}}))],
        ),
        (
            "fork",
            vec![
                task("FORK_JOIN", "f", &json!({"forkTasks": [[at()], [simple("beside")]]})),
                task("JOIN", "j", &json!({"joinOn": ["at", "beside"]})),
            ],
        ),
        (
            "dynamic_fork",
            vec![
                task(
                    "FORK_JOIN_DYNAMIC",
                    "f",
                    &json!({"dynamicForkTasksParam": "tasks",
                    "dynamicForkTasksInputParamName": "inputs", "inputParameters":
                    {"tasks": [simple("at"), simple("beside")], "inputs": {}}}),
                ),
                task("JOIN", "j", &json!({})),
            ],
        ),
        (
            "loop",
            vec![task(
                "DO_WHILE",
                "l",
                &json!({"loopCondition": "if ($.l['iteration'] < 2) { true; } else { false; }",
                "loopOver": [at()]}),
            )],
        ),
        (
            "switch",
            vec![task(
                "SWITCH",
                "s",
                &json!({"evaluatorType": "value-param", "expression": "x",
                "inputParameters": {"x": "a"}, "decisionCases": {"a": [at()]}}),
            )],
        ),
        (
            "dynamic",
            vec![task(
                "DYNAMIC",
                "at",
                &json!({"dynamicTaskNameParam": "n", "inputParameters": {"n": "any"}}),
            )],
        ),
        ("user_defined", vec![task("MY_OWN_TYPE", "at", &json!({}))]),
        (
            "http",
            vec![task(
                "HTTP",
                "at",
                &json!({"inputParameters": {"http_request": {"uri": silent, "method": "GET"}}}),
            )],
        ),
        // the node has no brokers: the message waits in the outbox
        (
            "kafka_publish",
            vec![task(
                "KAFKA_PUBLISH",
                "at",
                &json!({"inputParameters": {"kafka_request":
                {"topic": "t", "bootStrapServers": "kafka:9092", "key": "k", "value": {}}}}),
            )],
        ),
        (
            "join",
            vec![
                task("FORK_JOIN", "f", &json!({"forkTasks": [[simple("beside")], [simple("other")]]})),
                task("JOIN", "at", &json!({"joinOn": ["beside", "other"]})),
            ],
        ),
        // what it joins on is in the case that was not chosen: it waits until somebody ends it
        (
            "exclusive_join",
            vec![
                task(
                    "SWITCH",
                    "s",
                    &json!({"evaluatorType": "value-param", "expression": "x", "inputParameters": {"x": "a"},
                    "decisionCases": {"a": [task("NOOP", "n", &json!({}))], "b": [simple("other")]}}),
                ),
                task("EXCLUSIVE_JOIN", "at", &json!({"joinOn": ["other"]})),
            ],
        ),
    ]
}

/// (method, path behind the run, body, what it answers by the state: in the order of `STATES`).
type Verb = (&'static str, &'static str, &'static str, Value, [u16; 6]);

fn verbs() -> Vec<Verb> {
    let none = || json!(null);
    let from = |name: &str| json!({"reRunFromTaskRefName": name, "resetTasks": [name]});
    vec![
        ("pause", "PUT", "/pause", none(), [200, 200, 409, 409, 409, 409]),
        ("resume", "PUT", "/resume", none(), [409, 200, 409, 409, 409, 409]),
        ("retry", "POST", "/retry", none(), [404, 404, 409, 204, 204, 204]),
        (
            "retry_children",
            "POST",
            "/retry?resumeSubworkflowTasks=true",
            none(),
            [404, 404, 204, 204, 204, 204],
        ),
        ("restart", "POST", "/restart", none(), [409, 409, 204, 204, 204, 204]),
        (
            "restart_latest",
            "POST",
            "/restart?useLatestDefinitions=true",
            none(),
            [409, 409, 204, 204, 204, 204],
        ),
        ("rerun", "POST", "/rerun", json!({}), [409, 409, 200, 200, 200, 200]),
        ("rerun_at", "POST", "/rerun", from("at"), [409, 409, 200, 200, 200, 200]),
        ("skip_next", "PUT", "/skiptask/after", none(), [200, 409, 409, 409, 409, 409]),
        ("skip_at", "PUT", "/skiptask/at", none(), [409, 409, 409, 409, 409, 409]),
        ("reset_callbacks", "POST", "/resetcallbacks", none(), [204, 204, 409, 409, 409, 409]),
        ("terminate", "DELETE", "?reason=matrix", none(), [200, 200, 409, 200, 200, 200]),
        ("archive", "DELETE", "/remove", none(), [400, 400, 200, 200, 200, 200]),
        ("remove", "DELETE", "/remove?archiveWorkflow=false", none(), [200, 200, 200, 200, 200, 200]),
    ]
}

struct Cell {
    kind: &'static str,
    state: usize,
    verb: Verb,
}

impl Cell {
    fn name(&self) -> String {
        format!("{} at {} of a run that is {}", self.verb.0, self.kind, STATES[self.state])
    }

    /// What recorded answers say otherwise, by the kind of task.
    fn wanted(&self) -> u16 {
        match (self.kind, self.verb.0, STATES[self.state]) {
            // in a loop and in a dynamic fork the definition has no such reference outside of it, or not at all
            ("dynamic_fork", "skip_at", "RUNNING") => 400,
            // its rows are called at__1: the reference itself was not reached
            ("loop", "skip_at", "RUNNING") => 200,
            _ => self.verb.4[self.state],
        }
    }

    fn play(&self, client: &Client) -> anyhow::Result<()> {
        let id = self.run_in_state(client)?;
        let (_, method, path, body, _) = &self.verb;
        let answer = client.send(method, &format!("/api/workflow/{id}{path}"), body)?;
        anyhow::ensure!(
            answer.status == self.wanted(),
            "answered {} instead of {}: {}",
            answer.status,
            self.wanted(),
            answer.text()
        );
        let after = client.get(&format!("/api/workflow/{id}?includeTasks=false"))?;
        if matches!(self.verb.0, "archive" | "remove") && answer.status == 200 {
            anyhow::ensure!(after.status == 404, "it is still there: {}", after.status);
            return Ok(());
        }
        let after = after.ok()?.json()?;
        if answer.status >= 400 {
            anyhow::ensure!(
                status(&after) == STATES[self.state],
                "refused, and it is {} now",
                status(&after)
            );
        }
        if !has_ended(&after) {
            let run = drive(client, &id, LIMIT)?;
            anyhow::ensure!(status(&run) == "COMPLETED", "it ended {}: {run}", status(&run));
        }
        Ok(())
    }

    fn run_in_state(&self, client: &Client) -> anyhow::Result<String> {
        let timed = STATES[self.state] == "TIMED_OUT";
        let name = format!("{}{}", self.kind, if timed { "_timed" } else { "" });
        let id = client.start(&name, &json!({}))?;
        if self.kind == "leased" && !timed {
            client.poll("leased", 1, "w")?;
        }
        let path = format!("/api/workflow/{id}");
        match STATES[self.state] {
            "PAUSED" => drop(client.send("PUT", &format!("{path}/pause"), &json!(null))?.ok()?),
            "COMPLETED" => drop(drive(client, &id, LIMIT)?),
            "TERMINATED" => drop(client.send("DELETE", &path, &json!(null))?.ok()?),
            "TIMED_OUT" => drop(client.wait_for(&id, "TIMED_OUT", LIMIT)?),
            "FAILED" => self.fail(client, &id)?,
            _ => {}
        }
        Ok(id)
    }

    fn fail(&self, client: &Client, id: &str) -> anyhow::Result<()> {
        let run = client.run(id)?;
        let rows = run["tasks"].as_array().into_iter().flatten();
        let at = rows.rev().find(|row| {
            row["referenceTaskName"].as_str().is_some_and(|name| name == "at" || name.starts_with("at__"))
        });
        let at = at.with_context(|| format!("the run does not stand at its task: {run}"))?;
        match at["subWorkflowId"].as_str() {
            Some(child) => {
                // its first turn follows that of its parent
                let inner = client.wait_for_task(child, "inner", "SCHEDULED", LIMIT)?;
                client.report(&inner, "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?;
            }
            None => drop(client.report(at, "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?),
        }
        client.wait_for(id, "FAILED", LIMIT).map(drop)
    }
}

fn define(client: &Client, kinds: &[(&'static str, Vec<Value>)]) -> anyhow::Result<()> {
    let define = |name: &str, tasks: Vec<Value>, timed: bool| {
        client.register_workflow(
            &json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "a@b.c",
            "timeoutPolicy": if timed { "TIME_OUT_WF" } else { "ALERT_ONLY" },
            "timeoutSeconds": if timed { 1 } else { 3600 }, "restartable": true, "tasks": tasks}),
        )
    };
    define("child", vec![simple("inner")], false)?;
    for (name, tasks) in kinds {
        let mut tasks = tasks.clone();
        tasks.push(simple("after"));
        define(name, tasks.clone(), false)?;
        define(&format!("{name}_timed"), tasks, true)?;
    }
    Ok(())
}

#[test]
fn every_verb_in_every_state_at_every_kind_of_wait() -> anyhow::Result<()> {
    let url = postgres::shared()?.database(&stage::fresh_tag("matrix"))?;
    let podium = Podium::start(
        Settings::serve(&url)
            .with("PODIUM__ROUTER__ENABLED", "false")
            .with("PODIUM__HTTP_TASKS__PARALLEL", "256"),
    )?;
    let client = podium.client();
    let kinds = kinds(&format!("{}/hang", Zoo::open()?.url));
    define(&client, &kinds)?;
    let mut cells = Vec::new();
    for (kind, _) in kinds {
        for state in 0..STATES.len() {
            cells.extend(verbs().into_iter().map(|verb| Cell { kind, state, verb }));
        }
    }
    let began = Instant::now();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = cell.play(&client) {
                        faults.lock().expect("no panics").push(format!("{}: {error:#}", cell.name()));
                    }
                }
            });
        }
    });
    println!("{} combinations in {:?}", cells.len(), began.elapsed());
    let faults = faults.into_inner()?;
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cells.len(), faults.join("\n"));
    let sql = Sql::connect(&url)?;
    // a run that was removed leaves its child behind, as there; all others have come to their end
    wait::until("all runs to come to their end", LIMIT, || {
        let open = sql.number("SELECT count(*) FROM run WHERE status < 2 AND name <> 'child'")?;
        Ok((open == 0).then_some(()))
    })?;
    let doubled = sql.texts("SELECT run_id::text FROM podium.history WHERE operation IN ('RETRY', 'RERUN', 'RESTART', 'ARCHIVE') GROUP BY run_id HAVING count(*) > 1")?;
    assert!(doubled.is_empty(), "one operation, one line: {doubled:?}");
    sql.assert_sound()
}
