//! Whatever Airflow and the stores do, there is an answer that names the cause.

use std::collections::HashMap;
use std::sync::Mutex;

use podium_tests::support::free_port;
use podium_tests::support::kafka;
use podium_tests::support::podium::Podium;
use podium_tests::support::scripted::{Call, Reply, Scripted};
use podium_tests::support::wait::until;
use serde_json::{Value, json};

use crate::fake_airflow::{FakeAirflow, Runs, answer};
use crate::place::{PATIENCE, Place, failure, only};

const TRIGGER: &str = "airflow-trigger-requests";
const TRIGGER_TYPE: &str = "airflow_trigger_request";

/// Quick versions of the documented times.
const QUICK: [(&str, &str); 6] = [
    ("PODIUM__AIRFLOW__TRIGGER_TIMEOUT", "2s"),
    ("PODIUM__AIRFLOW__RETRY_WAIT", "20ms"),
    ("PODIUM__DAG_MONITOR__POLL_INTERVAL", "200ms"),
    ("PODIUM__DAG_MONITOR__MAX_WAIT", "6s"),
    ("PODIUM__DAG_MONITOR__REFUSAL_PATIENCE", "1s"),
    ("AIRFLOW_AUTH", "basic"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    QUICK.iter().chain(more).copied().collect()
}

#[test]
fn a_dag_that_cannot_be_triggered_fails_with_the_cause() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let place = Place::open("airflow-adapter,email-hygiene", &with(&[("AIRFLOW_ENDPOINT", airflow.base())]))?;
    let cases = [
        ("is-401", "does not accept our credentials (401): no, says is-401"),
        ("is-403", "does not allow it (403): no, says is-403"),
        ("is-404", "does not know it (404): no, says is-404"),
        ("is-408", "(after 3 tries): Airflow refused (408): no"),
        ("is-409", "something else of that name (409): DAGRun with another id"),
        ("is-429", "asked too often (429): slow down"),
        ("is-500", "Airflow failed (500): no, says is-500"),
        ("is-garbage", "no JSON of Airflow: \"<html>Sorry!</html>\""),
        ("is-slow", "no answer within 2 s"),
    ];
    let requests: Vec<_> =
        cases.iter().map(|(dag, _)| (*dag, "airflow_trigger_task", json!({"dag_id": dag}))).collect();
    place.request(TRIGGER, TRIGGER_TYPE, &requests)?;
    let hygiene = [("hygiene-500", "dp_email_hygiene_task", json!({"dagId": "hygiene-500"}))];
    place.request("email-hygiene-requests", "email_hygiene_request", &hygiene)?;
    let all: Vec<&str> = cases.iter().map(|(dag, _)| *dag).chain(["hygiene-500"]).collect();
    let events = place.events(&all)?;
    for (dag, cause) in cases {
        let error = failure(&events, dag);
        assert!(error.starts_with("Failed to trigger DAG run: ") && error.contains(cause), "{dag}: {error}");
        assert!(error.contains(airflow.base()), "{dag}: {error}");
        let tries: usize = airflow.runs_of(dag).iter().map(|(_, run)| run.posts).sum();
        let repeated = ["is-408", "is-429", "is-500", "is-slow"].contains(&dag);
        assert_eq!(tries, if repeated { 3 } else { 1 }, "{dag}");
        let event = only(&events, dag);
        assert_eq!(event["eventType"], "airflow_dag_completed");
        assert_eq!(
            (&event["data"]["dag_id"], &event["data"]["stats_url"]),
            (&json!(dag), &Value::Null),
            "{event}"
        );
    }
    let event = only(&events, "hygiene-500");
    assert_eq!(event["eventType"], "email_hygiene_completed");
    let text = event["data"]["error_message"].as_str().unwrap_or_default();
    assert!(text.starts_with("Failed to trigger DAG run via script."), "{event}");
    Ok(())
}

#[test]
fn an_airflow_that_is_down_is_named() -> anyhow::Result<()> {
    let endpoint = format!("http://127.0.0.1:{}", free_port()?);
    let place = Place::open("airflow-adapter", &with(&[("AIRFLOW_ENDPOINT", &endpoint)]))?;
    place.request(TRIGGER, TRIGGER_TYPE, &[("w", "dp_name_parse_task", json!({}))])?;
    let events = place.events(&["w"])?;
    let error = failure(&events, "w");
    assert!(
        error.contains(&endpoint) && error.contains("no connection") && error.contains("3 tries"),
        "{error}"
    );
    assert_eq!(only(&events, "w")["eventType"], "name_parse_completed");
    Ok(())
}

#[test]
fn a_run_that_does_not_come_to_a_good_end_fails_with_the_cause() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let services = "airflow-adapter,dag-monitor";
    let place = Place::open(services, &with(&[("AIRFLOW_ENDPOINT", airflow.base())]))?;
    let bad = [
        ("paused-dag", "did not end within 6 s: its state is \"queued\"; the DAG is paused"),
        ("lost-dag", "Airflow does not know it (404)"),
        ("shut-out-dag", "Airflow does not accept our credentials (401): who are you?"),
        ("fails-dag", "DAG ended with state failed: task \"process\" failed: JobError: row 7 has 3 bytes"),
        ("upstream-dag", "DAG ended with state upstream_failed"),
    ];
    let good = ["plain-dag", "dizzy-dag", "odd-dag", "busy-once-dag"];
    let all: Vec<&str> = bad.iter().map(|(dag, _)| *dag).chain(good).collect();
    let requests: Vec<_> =
        all.iter().map(|dag| (*dag, "airflow_trigger_task", json!({"dag_id": dag}))).collect();
    place.request(TRIGGER, TRIGGER_TYPE, &requests)?;
    let events = place.events(&all)?;
    for (dag, cause) in bad {
        let error = failure(&events, dag);
        assert!(error.contains(cause), "{dag}: {error}");
    }
    for dag in good {
        let event = only(&events, dag);
        assert_eq!(
            (&event["data"]["result"], &event["data"]["dag_id"]),
            (&json!("success"), &json!(dag)),
            "{event}"
        );
        assert_eq!(airflow.runs_of(dag).len(), 1, "a second run of {dag}");
    }
    Ok(())
}

/// A store by the name of the bucket: `denied`, `busy`, `full` (takes nothing), else there is one file in it.
fn store(call: &Call) -> Reply {
    let error = |status, code: &str, text: &str| {
        Reply::new(status, format!("<Error><Code>{code}</Code><Message>{text}</Message></Error>"))
            .with("content-type", "application/xml")
    };
    let parts = call.parts();
    let bucket = parts.first().copied().unwrap_or_default();
    match (call.method.as_str(), bucket) {
        ("GET", "denied") => error(403, "AccessDenied", "you may not read this"),
        ("GET", "busy") => error(503, "SlowDown", "please reduce your request rate"),
        ("GET", "empty") => error(404, "NoSuchKey", "there is no such key"),
        ("PUT", "full") if parts.len() > 1 => {
            error(507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold")
        }
        ("GET", _) if parts.len() > 1 => Reply::new(200, "{\"rows\":1}\n").with("etag", "\"e\""),
        _ => Reply::new(200, "").with("etag", "\"e\""),
    }
}

#[test]
fn results_that_cannot_be_brought_home_fail_with_the_cause() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let stores = Scripted::start(store)?;
    let settings = with(&[("AIRFLOW_ENDPOINT", airflow.base()), ("S3_ENDPOINT", stores.base())]);
    let place = Place::open("airflow-adapter,dag-monitor", &settings)?;
    let cases = [
        (
            "from-denied",
            "s3://denied/s.jsonl",
            "out",
            "access to s3://denied/s.jsonl is denied: AccessDenied",
        ),
        ("from-empty", "s3://empty/s.jsonl", "out", "object s3://empty/s.jsonl does not exist"),
        ("from-busy", "s3://busy/s.jsonl", "out", "SlowDown: please reduce your request rate"),
        ("to-full", "s3://good/s.jsonl", "full", "XMinioStorageFull: Storage backend has reached"),
        ("no-address", "somewhere", "out", "\"somewhere\" is no address like s3://bucket/key"),
    ];
    let requests: Vec<_> = cases
        .iter()
        .map(|(workflow, stats, bucket, _)| {
            let data = json!({"dag_id": "plain", "stats_url": stats, "minio_output_bucket": bucket});
            (*workflow, "airflow_trigger_task", data)
        })
        .collect();
    place.request(TRIGGER, TRIGGER_TYPE, &requests)?;
    let all: Vec<&str> = cases.iter().map(|(workflow, ..)| *workflow).collect();
    let events = place.events(&all)?;
    for (workflow, _, _, cause) in cases {
        let error = failure(&events, workflow);
        assert!(
            error.starts_with("DAG succeeded, but its results could not be copied: statistics: "),
            "{error}"
        );
        assert!(error.contains(cause), "{workflow}: {error}");
    }
    Ok(())
}

#[test]
fn reverse_email_runs_match_then_append() -> anyhow::Result<()> {
    let airflow = FakeAirflow::start()?;
    let place = Place::open("reverse-email", &with(&[("AIRFLOW_ENDPOINT", airflow.base())]))?;
    let dags = |first: &str, second: &str| json!({"match_dagId": first, "append_dag_id": second});
    let requests = [
        ("good", "reverse_task", dags("m-good", "a-good")),
        ("match-500", "reverse_task", dags("m-500", "a-never")),
        ("match-fails", "reverse_task", dags("m-fails", "a-never")),
        ("append-404", "reverse_task", dags("m-other", "a-404")),
        ("append-waits", "reverse_task", dags("m-third", "a-paused")),
    ];
    place.request("reverse-email-requests", "reverse_email_requests", &requests)?;
    let all: Vec<&str> = requests.iter().map(|(workflow, ..)| *workflow).collect();
    let events = place.events(&all)?;
    let event = only(&events, "good");
    let data = &event["data"];
    assert_eq!(
        (&event["eventType"], &data["result"]),
        (&json!("reverse_email_completed"), &json!("success"))
    );
    assert_eq!((&data["match_dagId"], &data["append_dagId"]), (&json!("m-good"), &json!("a-good")));
    assert_eq!((&data["errorMessage"], &event["taskId"]), (&Value::Null, &json!("reverse_task")));
    for (workflow, start) in [
        ("match-500", "MATCH DAG trigger failed"),
        ("match-fails", "MATCH DAG failed with state: failed"),
        ("append-404", "APPEND DAG trigger failed"),
        ("append-waits", "APPEND DAG failed with state: timeout"),
    ] {
        let error = failure(&events, workflow);
        assert!(error.starts_with(start), "{workflow}: {error}");
        assert_eq!(only(&events, workflow)["data"]["errorMessage"], json!(error));
    }
    assert!(airflow.runs_of("a-never").is_empty(), "append ran without a match");
    let runs = airflow.runs_of("a-good");
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(runs[0].0.starts_with("1001013123-"), "{runs:?}");
    Ok(())
}

/// An Airflow with a door: what lets in is good for three calls, then one has to ask anew. It lets in by the form of
/// Airflow 2, by the token of Airflow 3, and by MWAA's web login token.
fn with_a_door() -> anyhow::Result<Scripted> {
    let (runs, passes) = (Runs::default(), Mutex::new(HashMap::<String, usize>::new()));
    Scripted::start(move |call| {
        let mut passes = passes.lock().expect("held for map calls only");
        let fresh = format!("pass-{}", passes.len());
        let body = String::from_utf8_lossy(&call.body).into_owned();
        match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/login/") => {
                let form = "<input id=\"csrf_token\" name=\"csrf_token\" type=\"hidden\" value=\"t0k\">";
                return Reply::new(200, form).with("set-cookie", "session=visitor; HttpOnly; Path=/");
            }
            ("POST", "/login/") if body.contains("csrf_token=t0k") && body.contains("password=p%26w") => {
                passes.insert(fresh.clone(), 3);
                return Reply::new(302, "")
                    .with("location", "/home")
                    .with("set-cookie", &format!("session={fresh}; HttpOnly; Path=/"));
            }
            ("POST", "/auth/token") if call.json() == json!({"username": "u", "password": "p&w"}) => {
                passes.insert(fresh.clone(), 3);
                return Reply::json(201, &json!({"access_token": fresh}));
            }
            ("POST", "/webtoken/an-env") => {
                let signed =
                    call.header("authorization").is_some_and(|a| a.contains("/airflow/aws4_request"));
                return if signed {
                    Reply::json(200, &json!({"WebToken": "w3b", "WebServerHostname": "h"}))
                } else {
                    Reply::json(403, &json!({"message": "Missing Authentication Token"}))
                };
            }
            ("POST", "/aws_mwaa/login") if body == "token=w3b" => {
                passes.insert(fresh.clone(), 3);
                return Reply::new(302, "")
                    .with("location", "/")
                    .with("set-cookie", &format!("session={fresh}; Path=/"));
            }
            _ => {}
        }
        let cookie = call.header("cookie").and_then(|c| c.strip_prefix("session="));
        let shown = cookie.or_else(|| call.header("authorization").and_then(|a| a.strip_prefix("Bearer ")));
        match shown.and_then(|pass| passes.get_mut(pass)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => return Reply::json(401, &json!({"detail": "expired", "status": 401})),
        }
        let is_dated = call.json().get("logical_date").is_some();
        if call.method == "POST" && call.path.starts_with("/api/v2") != is_dated {
            return Reply::json(422, &json!({"detail": "logical_date"}));
        }
        answer(call, &runs)
    })
}

#[test]
fn sessions_and_tokens_are_got_and_renewed() -> anyhow::Result<()> {
    let door = with_a_door()?;
    let closed = Scripted::start(|_| Reply::new(503, "<html>maintenance</html>"))?;
    let place = Place::open("", &[])?;
    let password = [("AIRFLOW_USER", "u"), ("AIRFLOW_PASSWORD", "p&w")];
    let ways: [(&str, Vec<(&str, &str)>); 6] = [
        ("form", [&password[..], &[("AIRFLOW_AUTH", "session")]].concat()),
        ("token", [&password[..], &[("AIRFLOW_AUTH", "bearer"), ("PODIUM__AIRFLOW__API", "v2")]].concat()),
        (
            "mwaa",
            vec![
                ("AIRFLOW_AUTH", "mwaa"),
                ("MWAA_ENVIRONMENT", "an-env"),
                ("PODIUM__AIRFLOW__MWAA_TOKEN_ENDPOINT", door.base()),
            ],
        ),
        // a session that was given, and nothing to renew it with
        ("given", vec![("AIRFLOW_AUTH", "session"), ("MWAA_SESSION_TOKEN", "stale")]),
        ("wrong", vec![("AIRFLOW_AUTH", "session"), ("AIRFLOW_USER", "u"), ("AIRFLOW_PASSWORD", "no")]),
        (
            "closed",
            [&password[..], &[("AIRFLOW_AUTH", "session"), ("MWAA_ENDPOINT", closed.base())]].concat(),
        ),
    ];
    let mut workers = Vec::new();
    for (way, settings) in &ways {
        let (topic, monitor) = (format!("{way}-requests"), format!("{way}-monitor"));
        let mut worker = place
            .worker("airflow-adapter")
            .with("MWAA_ENDPOINT", door.base())
            .with("PODIUM__WORKERS__TOPICS", &format!("airflow-adapter={topic}"))
            .with("PODIUM__WORKERS__GROUPS", &format!("airflow-adapter={way}"))
            .with("DAG_MONITOR_TOPIC", &monitor);
        for (name, value) in settings {
            worker = worker.with(name, value);
        }
        for topic in [&topic, &monitor] {
            kafka::create_topic(&place.stage.broker, topic, 1)?;
        }
        workers.push(Podium::start_quiet(worker)?);
        let labels: Vec<String> = (0..5).map(|n| format!("{way}-{n}")).collect();
        let requests: Vec<_> =
            labels.iter().map(|w| (w.as_str(), "airflow_trigger_task", json!({"dag_id": "d"}))).collect();
        place.request(&topic, TRIGGER_TYPE, &requests)?;
    }
    for way in ["form", "token", "mwaa"] {
        let handed = until(&format!("five runs by {way}"), PATIENCE, || {
            let handed = kafka::read_all(&place.stage.broker, &format!("{way}-monitor"))?;
            Ok((handed.len() == 5).then_some(handed))
        })?;
        let message = handed[0].json();
        assert_eq!(message["event_type"], "airflow_dag_completed", "{message}");
        assert_eq!(message["data"]["dag_run_id"], message["data"]["jobid"], "{message}");
    }
    let events = place.events(&["given-0", "wrong-0", "closed-0"])?;
    assert!(failure(&events, "given-0").contains("(401): expired"), "{}", failure(&events, "given-0"));
    let wrong = failure(&events, "wrong-0");
    assert!(wrong.contains("could not log in: Airflow did not accept user \"u\""), "{wrong}");
    let closed = failure(&events, "closed-0");
    assert!(closed.contains("(after 3 tries): Airflow failed (503)"), "{closed}");
    Ok(())
}
