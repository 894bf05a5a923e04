//! A node that is killed between the commit of an operation and the turns of the runs that it concerns: the rows in the inbox
//! say what is left to do, and the next node does it.

use std::time::Duration;

use podium_tests::support::audit::Sql;
use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{postgres, stage, wait};
use serde_json::{Value, json};

use super::{drive, simple, status, task};

const LIMIT: Duration = Duration::from_secs(40);

fn serve(url: &str) -> anyhow::Result<Podium> {
    let podium = Podium::start(Settings::serve(url).with("PODIUM__ROUTER__ENABLED", "false"))?;
    let client = podium.client();
    let sub = task("SUB_WORKFLOW", "sub", &json!({"subWorkflowParam": {"name": "child", "version": 1}}));
    for (name, tasks) in [("child", json!([simple("inner")])), ("parent", json!([sub, simple("after")]))] {
        client.register_workflow(&json!({"name": name, "version": 1, "schemaVersion": 2,
            "ownerEmail": "a@b.c", "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "tasks": tasks}))?;
    }
    Ok(podium)
}

/// A parent and its child, which stands at its only task, or has failed there.
fn family(client: &Client, fails: bool) -> anyhow::Result<(String, String)> {
    let parent = client.start("parent", &json!({}))?;
    let sub = client.wait_for_task(&parent, "sub", "IN_PROGRESS", LIMIT)?;
    let child = sub["subWorkflowId"].as_str().unwrap_or_default().to_owned();
    let inner = client.wait_for_task(&child, "inner", "SCHEDULED", LIMIT)?;
    if fails {
        client.report(&inner, "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?;
        client.wait_for(&parent, "FAILED", LIMIT)?;
    }
    Ok((parent, child))
}

/// Keeps every turn of a run from its commit while `during` runs.
fn held<T>(url: &str, run: &str, during: impl FnOnce(&Sql) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let sql = Sql::connect(url)?;
    let (holder, hold) = (
        Sql::connect(url)?,
        format!("DO $$ BEGIN PERFORM FROM run WHERE id = '{run}' FOR UPDATE; PERFORM pg_sleep(600); END $$"),
    );
    // its statement ends with its connection
    std::thread::spawn(move || drop(holder.execute(&hold)));
    let sleeping =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let sleepers = format!("SELECT count(*) FROM ({sleeping}) AS s");
    wait::until("the run to be held", LIMIT, || Ok((sql.number(&sleepers)? == 1).then_some(())))?;
    let outcome = during(&sql);
    sql.texts(&format!("SELECT pg_terminate_backend(pid)::text FROM ({sleeping}) AS s"))?;
    outcome
}

struct Case {
    says: &'static str,
    /// Of a family that has failed, else of one that is running.
    fails: bool,
    method: &'static str,
    /// Whom it is asked of.
    of: Member,
    path: &'static str,
    /// Who is told of it by a row in its inbox; the other one acts.
    told: Member,
    /// Of the one who is told, in the end without anybody's work.
    becomes: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Parent,
    Child,
}

/// Retrying, running again and starting again open a failed child; its parent goes on with it.
const fn reopens(says: &'static str, of: Member, path: &'static str) -> Case {
    Case { says, fails: true, method: "POST", of, path, told: Member::Parent, becomes: "RUNNING" }
}

const CASES: [Case; 5] = [
    Case {
        says: "terminate",
        fails: false,
        method: "DELETE",
        of: Member::Parent,
        path: "?reason=enough",
        told: Member::Child,
        becomes: "TERMINATED",
    },
    reopens("retry with sub-workflows", Member::Parent, "/retry?resumeSubworkflowTasks=true"),
    reopens("retry of a child", Member::Child, "/retry"),
    reopens("rerun of a child", Member::Child, "/rerun"),
    reopens("restart of a child", Member::Child, "/restart"),
];

impl Case {
    fn play(&self, url: &str, podium: &mut Podium) -> anyhow::Result<()> {
        let (parent, child) = family(&podium.client(), self.fails)?;
        let id = |member| if member == Member::Parent { &parent } else { &child };
        let (asked, told) = (id(self.of), id(self.told));
        let acts = if self.told == Member::Parent { &child } else { &parent };
        let before = podium.client().run(acts)?["status"].clone();
        held(url, told, |sql| {
            let (client, method, target) =
                (podium.client(), self.method, format!("/api/workflow/{asked}{}", self.path));
            let body = if self.path == "/rerun" { json!({}) } else { Value::Null };
            // its answer never comes: the node dies first
            let call = std::thread::spawn(move || drop(client.send(method, &target, &body)));
            let waits = format!("SELECT count(*) FROM inbox WHERE run_id = '{told}'");
            wait::until("the operation to be committed", LIMIT, || {
                Ok((sql.number(&waits)? > 0).then_some(()))
            })?;
            podium.kill()?;
            call.join().map_err(|_| anyhow::anyhow!("the call broke off"))
        })?;
        podium.respawn()?;
        podium.wait_ready()?;
        let client = podium.client();
        let now = client.run(acts)?;
        anyhow::ensure!(now["status"] != before, "the operation itself is lost: {now}");
        client.wait_for(told, self.becomes, LIMIT)?;
        let end = drive(&client, &parent, LIMIT)?;
        let wanted = if self.becomes == "RUNNING" { "COMPLETED" } else { self.becomes };
        anyhow::ensure!(status(&end) == wanted, "its parent ended {}", status(&end));
        Ok(())
    }
}

#[test]
fn what_an_operation_leaves_to_do_survives_its_node() -> anyhow::Result<()> {
    let url = postgres::shared()?.database(&stage::fresh_tag("cut"))?;
    let mut podium = serve(&url)?;
    for case in CASES {
        case.play(&url, &mut podium).map_err(|error| error.context(case.says))?;
    }
    Sql::connect(&url)?.assert_sound()
}

#[test]
fn a_bulk_operation_goes_on_after_its_node_was_killed() -> anyhow::Result<()> {
    const RUNS: i64 = 150;
    let url = postgres::shared()?.database(&stage::fresh_tag("cut"))?;
    let mut podium = serve(&url)?;
    let (client, sql) = (podium.client(), Sql::connect(&url)?);
    let ids = (0..RUNS).map(|_| client.start("child", &json!({}))).collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        let inner = client.wait_for_task(id, "inner", "SCHEDULED", LIMIT)?;
        client.report(&inner, "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?;
    }
    let query =
        json!({"query": "workflowType = child AND status = FAILED", "cap": RUNS, "operationId": "again"});
    client.send("POST", "/api/workflow/bulk/retry", &query)?.ok()?;
    let retried = "SELECT count(*) FROM podium.history WHERE operation = 'RETRY'";
    wait::until("some to be retried", LIMIT, || Ok((sql.number(retried)? > 0).then_some(())))?;
    podium.kill()?;
    let before = sql.number(retried)?;
    podium.respawn()?;
    podium.wait_ready()?;
    let operation = "/api/workflow/bulk/operation/again";
    let ended = wait::until("the operation to be over", LIMIT, || {
        let operation = podium.client().get(operation)?.ok()?.json()?;
        Ok((!operation["endedAt"].is_null()).then_some(operation))
    })?;
    println!("{before} of {RUNS} were retried when the node was killed; then: {ended}");
    let twice = "SELECT run_id::text FROM podium.history WHERE operation = 'RETRY' GROUP BY run_id HAVING count(*) > 1";
    assert_eq!((sql.number(retried)?, sql.texts(twice)?), (RUNS, Vec::new()));
    sql.assert_sound()
}
