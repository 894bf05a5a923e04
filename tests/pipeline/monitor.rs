//! The DAG monitor with many runs, killed and shared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use podium_tests::support::audit::Sql;
use podium_tests::support::kafka;
use podium_tests::support::podium::Podium;
use podium_tests::support::postgres;
use podium_tests::support::stage::events_topic;
use podium_tests::support::wait::until;
use serde_json::{Value, json};

use crate::fake_airflow::FakeAirflow;
use crate::place::{PATIENCE, Place};

const RUNS: usize = 1_000;
/// For all runs to be done, twice over.
const LONG: Duration = Duration::from_secs(120);

const SETTINGS: [(&str, &str); 3] = [
    ("PODIUM__DAG_MONITOR__POLL_INTERVAL", "2s"),
    ("PODIUM__DAG_MONITOR__LEASE", "3s"),
    ("AIRFLOW_AUTH", "basic"),
];

/// Triggers the runs at the fake Airflow and hands them to the monitor, as an adapter does; every fifth fails.
fn hand_over(place: &Place, airflow: &FakeAirflow, count: usize) -> anyhow::Result<()> {
    let mut messages = Vec::new();
    for number in 0..count {
        let dag = if number.is_multiple_of(5) { "fails" } else { "works" };
        let (workflow, run) = (format!("w{number}"), format!("1000861509-{number:08x}"));
        let body = json!({"dag_run_id": run, "conf": {"jobid": run}});
        let answer = podium_tests::support::http::send_json(
            airflow.base(),
            "POST",
            &format!("/api/v1/dags/{dag}/dagRuns"),
            &body,
        )?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text());
        let message = json!({"workflowId": workflow, "taskId": "t", "event_type": "airflow_dag_completed",
            "data": {"dag_id": dag, "dag_run_id": run, "jobid": run}});
        messages.push((workflow, message.to_string()));
    }
    let records: Vec<(&str, &str)> =
        messages.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    kafka::produce(&place.stage.broker, "dag-monitor-queue", &records)?;
    // the same messages again: a producer that was not sure
    kafka::produce(&place.stage.broker, "dag-monitor-queue", &records[..count / 10])
}

fn ledger(place: &Place) -> anyhow::Result<Sql> {
    let name = place.surroundings.iter().find(|(name, _)| name == "DB_NAME").map(|(_, v)| v.clone());
    let url = postgres::shared()?.url(&name.unwrap_or_default());
    until("the ledger to be made", PATIENCE, || Ok(Sql::connect(&url).ok()))
}

fn closed(sql: &Sql) -> i64 {
    // the table may not be there yet
    sql.number("SELECT count(*) FROM dag_monitor_requests WHERE status IN ('completed', 'failed')")
        .unwrap_or(0)
}

/// Waits until all rows are closed, then returns the events: workflow -> ids and results.
fn reports(place: &Place, sql: &Sql, count: usize) -> anyhow::Result<BTreeMap<String, Vec<(String, Value)>>> {
    until("all runs to be reported", LONG, || Ok((closed(sql) == count as i64).then_some(())))?;
    let mut reports: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for record in kafka::read_all(&place.stage.broker, &events_topic(&place.stage.tag))? {
        let id = record.header("podium-event-id").unwrap_or_default().to_owned();
        let event = record.json();
        let workflow = event["workflowId"].as_str().unwrap_or_default().to_owned();
        reports.entry(workflow).or_default().push((id, event["data"]["result"].clone()));
    }
    Ok(reports)
}

/// Checks that each run has one event by its id, and the right one; returns how many were repeated.
fn check(reports: &BTreeMap<String, Vec<(String, Value)>>, count: usize) -> usize {
    assert_eq!(reports.len(), count);
    for (workflow, events) in reports {
        let number: usize = workflow[1..].parse().expect("w and a number");
        let wanted = if number.is_multiple_of(5) { "failure" } else { "success" };
        let ids: BTreeSet<&String> = events.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 1, "{workflow}: {events:?}");
        assert!(events.iter().all(|(_, result)| result == wanted), "{workflow}: {events:?}");
    }
    reports.values().map(|events| events.len() - 1).sum()
}

#[test]
fn a_thousand_runs_are_reported_once_though_the_monitor_is_killed() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let place = Place::open("", &[&SETTINGS[..], &[("AIRFLOW_ENDPOINT", airflow.base())]].concat())?;
    hand_over(&place, &airflow, RUNS)?;
    let mut monitor = Podium::start_quiet(place.worker("dag-monitor"))?;
    let sql = ledger(&place)?;
    for share in [1, 2, 3] {
        let wanted = (RUNS * share / 5) as i64;
        until("some runs to be reported", LONG, || Ok((closed(&sql) >= wanted).then_some(())))?;
        monitor.kill()?;
        monitor.respawn()?;
    }
    let reports = reports(&place, &sql, RUNS)?;
    let repeated = check(&reports, RUNS);
    // only what was published and not yet closed at a kill: at most one for each hand
    assert!(repeated <= 3 * 32, "{repeated} events came twice");
    let started =
        sql.number("SELECT count(*) FROM dag_monitor_requests WHERE started_monitoring_at IS NULL")?;
    assert_eq!(started, 0);
    eprintln!("{RUNS} runs, 3 kills: {repeated} events repeated with their ids");
    Ok(())
}

#[test]
fn two_monitors_share_the_runs_and_report_each_once() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let place = Place::open("", &[&SETTINGS[..], &[("AIRFLOW_ENDPOINT", airflow.base())]].concat())?;
    // both find no database and make it
    let _first = Podium::start_quiet(place.worker("dag-monitor"))?;
    let _second = Podium::start_quiet(place.worker("dag-monitor"))?;
    let sql = ledger(&place)?;
    hand_over(&place, &airflow, 200)?;
    let reports = reports(&place, &sql, 200)?;
    assert_eq!(check(&reports, 200), 0, "events came twice");
    Ok(())
}

#[test]
fn reverse_email_goes_on_where_a_killed_process_was() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let place = Place::open("", &[&SETTINGS[..], &[("AIRFLOW_ENDPOINT", airflow.base())]].concat())?;
    let mut service = Podium::start_quiet(place.worker("reverse-email"))?;
    let sql = ledger(&place)?;
    let workflows: Vec<String> = (0..20).map(|n| format!("w{n}")).collect();
    let data = json!({"match_dagId": "match", "append_dagId": "append"});
    let requests: Vec<_> = workflows.iter().map(|w| (w.as_str(), "t", data.clone())).collect();
    place.request("reverse-email-requests", "reverse_email_requests", &requests)?;
    for step in ["step = 0 AND triggered", "step = 1"] {
        let at = format!("SELECT count(*) FROM ledger.reverse_email_requests WHERE {step}");
        until("some requests to be on their way", PATIENCE, || {
            // the table may not be there yet
            Ok((sql.number(&at).unwrap_or(0) >= 5).then_some(()))
        })?;
        service.kill()?;
        service.respawn()?;
    }
    let all: Vec<&str> = workflows.iter().map(String::as_str).collect();
    for (workflow, events) in place.events(&all)? {
        let ids: BTreeSet<_> = events.iter().filter_map(|e| e.header("podium-event-id")).collect();
        assert_eq!(ids.len(), 1, "{workflow}: {events:?}");
        assert!(events.iter().all(|e| e.json()["data"]["result"] == "success"), "{workflow}: {events:?}");
    }
    for dag in ["match", "append"] {
        assert_eq!(airflow.runs_of(dag).len(), workflows.len(), "runs of {dag}");
    }
    Ok(())
}
