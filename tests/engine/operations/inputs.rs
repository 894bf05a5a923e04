//! Requests of operators that cannot be served: the status says so, and nothing is changed.

use std::time::Instant;

use podium_tests::support::audit::Sql;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{postgres, stage};
use serde_json::{Value, json};

use super::simple;

#[test]
fn what_cannot_be_served_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let url = postgres::shared()?.database(&stage::fresh_tag("inputs"))?;
    let podium = Podium::start(Settings::serve(&url).with("PODIUM__ROUTER__ENABLED", "false"))?;
    let (client, sql) = (podium.client(), Sql::connect(&url)?);
    client
        .register_workflow(&json!({"name": "one", "version": 1, "schemaVersion": 2, "ownerEmail": "a@b.c",
        "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0, "tasks": [simple("work"), simple("more")]}))?;
    let ids = [client.start("one", &json!({}))?, client.start("one", &json!({}))?];
    let other = client.run(&ids[1])?["tasks"][0]["taskId"].clone();
    let work = client.run(&ids[0])?["tasks"][0].clone();
    client.report(&work, "FAILED_WITH_TERMINAL_ERROR", &json!({}))?.ok()?;
    let digest = || sql.texts("SELECT md5(string_agg(r::text, '' ORDER BY r.id)) FROM run AS r");
    let before = digest()?;
    let nobody = "019a6f5e-7c1a-7d20-8b3e-5f0a4c000000";
    let failed = &ids[0];
    let none = json!(null);
    for (method, path, body, status) in [
        ("PUT", format!("/api/workflow/{nobody}/pause"), none.clone(), 404),
        ("POST", format!("/api/workflow/{nobody}/retry"), none.clone(), 404),
        ("POST", format!("/api/workflow/{nobody}/rerun"), json!({}), 404),
        ("GET", format!("/api/workflow/{nobody}/history"), none.clone(), 404),
        ("GET", format!("/api/workflow/{failed}/history?size=1001"), none.clone(), 400),
        ("GET", format!("/api/workflow/{failed}/history?start=-1"), none.clone(), 400),
        ("POST", format!("/api/workflow/{failed}/rerun"), json!({"reRunFromTaskId": other}), 400),
        ("POST", format!("/api/workflow/{failed}/rerun"), json!({"reRunFromTaskId": "nobody"}), 400),
        ("POST", format!("/api/workflow/{failed}/rerun"), json!({"reRunFromTaskRefName": "nobody"}), 400),
        ("PUT", format!("/api/workflow/{}/skiptask/nobody", ids[1]), none.clone(), 400),
        ("PUT", format!("/api/workflow/{}/skiptask/work", ids[1]), none.clone(), 409),
        ("PUT", format!("/api/workflow/{failed}/pause"), none.clone(), 409),
        ("PUT", "/api/workflow/bulk/pause".to_owned(), json!([]), 400),
        ("PUT", "/api/workflow/bulk/pause".to_owned(), json!({}), 400),
        ("POST", "/api/workflow/bulk/retry".to_owned(), json!({"query": "no field = 1"}), 400),
        ("POST", "/api/workflow/bulk/retry".to_owned(), json!({"query": "status = FAILED", "cap": 0}), 400),
        ("GET", "/api/workflow/bulk/operation/nobody".to_owned(), none.clone(), 404),
        ("GET", "/api/workflow/bulk/operation/nobody/results".to_owned(), none.clone(), 404),
        ("DELETE", "/api/workflow/bulk/operation/nobody".to_owned(), none.clone(), 404),
    ] {
        let answer = client.send(method, &path, &body)?;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
        let error = answer.json()?;
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
    // a hundred thousand ids: refused as a whole, at once
    let many: Vec<&str> = std::iter::repeat_n(failed.as_str(), 100_000).collect();
    let began = Instant::now();
    for (method, verb) in [("POST", "retry"), ("PUT", "pause"), ("POST", "terminate"), ("DELETE", "remove")] {
        let answer = client.send(method, &format!("/api/workflow/bulk/{verb}"), &json!(many))?;
        assert_eq!(answer.status, 400, "{verb}: {}", answer.text());
        assert!(answer.text().contains("1000 workflows"), "{}", answer.text());
    }
    println!("four calls with 100,000 ids were refused in {:?}", began.elapsed());
    assert_eq!(digest()?, before, "nothing was changed");
    // ids that are none are told so one by one, and the others have their turn
    let mixed = json!([nobody, "no id", failed, failed]);
    let answer: Value = client.send("POST", "/api/workflow/bulk/retry", &mixed)?.ok()?.json()?;
    assert_eq!(answer["bulkSuccessfulResults"], json!([failed]), "{answer}");
    assert_eq!(answer["bulkErrorResults"].as_object().map(serde_json::Map::len), Some(3), "{answer}");
    sql.assert_sound()
}
