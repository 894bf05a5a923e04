//! The designer's functions over HTTP, graphs that are opened again, and what people look at beside them.

use std::time::Duration;

use podium_tests::support::http;
use podium_tests::support::repository;
use podium_tests::support::stage::SOON;
use podium_tests::support::wait::until;
use serde_json::{Value, json};

use super::world::{World, small};

fn demo(part: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(repository().join("demo").join(part))?)?)
}

/// A SWITCH with a task on one of its ways, and a service.
fn mixed(name: &str) -> Value {
    let task = |id: &str, kind: &str| json!({"name": id, "taskReferenceName": id, "type": kind});
    let mut switch = task("which", "SWITCH");
    switch["evaluatorType"] = "value-param".into();
    switch["expression"] = "kind".into();
    let node = |task: Value, x: i32| json!({"id": task["name"], "type": "task", "position": {"x": x, "y": 0}, "data": {"task": task}});
    json!({"name": name, "ownerEmail": "tests@example.com", "nodes": [
            node(switch, 0), node(task("quick", "NOOP"), 100), node(task("end", "NOOP"), 200)],
        "edges": [{"source": "which", "target": "quick", "data": {"case": "a"}}, {"source": "which", "target": "end"},
            {"source": "quick", "target": "end"}], "viewport": {"x": 1}})
}

#[test]
fn the_designer_converts_draws_and_describes() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let (mut graph, mut definition) =
        (demo("graphs/parallel_pipeline.json")?, demo("definitions/parallel_pipeline.json")?);
    let made = ingest.post("/designer/convert", &json!({"graph": graph}))?.ok()?.json()?;
    assert_eq!(made["definition"], definition);
    for document in [&mut graph, &mut definition] {
        document.as_object_mut().expect("members").remove("version");
    }
    let made = ingest.post("/designer/convert", &json!({"graph": graph}))?.ok()?.json()?;
    assert_eq!(made["definition"], definition, "whoever stores it counts the versions");
    let nodes = made["nodes"].as_object().expect("nodes");
    assert_eq!(nodes.len(), graph["nodes"].as_array().expect("nodes").len());
    let off = ingest
        .post("/designer/convert", &json!({"graph": graph, "options": {"forks": false}}))?
        .ok()?
        .json()?;
    assert!(!off["definition"].to_string().contains("FORK_JOIN"), "{off}");

    let drawn = ingest.post("/designer/draw", &json!({"definition": definition}))?.ok()?.json()?;
    let again = ingest.post("/designer/convert", &json!({"graph": drawn["graph"]}))?.ok()?.json()?;
    assert_eq!(again["definition"], definition);
    let over = json!({"definition": made["definition"], "previous": graph});
    assert_eq!(ingest.post("/designer/draw", &over)?.ok()?.json()?["graph"]["nodes"], graph["nodes"]);

    let kinds = ingest.get("/designer/kinds")?.ok()?.json()?;
    assert!(kinds["kinds"].as_array().is_some_and(|kinds| kinds.len() == 10), "{kinds}");
    assert_eq!(ingest.get("/designer/layouts")?.ok()?.json()?["layouts"][0]["id"], "1000876411");
    let form =
        json!({"type": "nameParse", "inputUri": "s3://b/i", "outputUri": "s3://b/o", "workflowName": "mine"});
    let xml = ingest.post("/designer/dps", &json!({"form": form}))?.ok()?.json()?;
    assert!(xml["xml"].as_str().is_some_and(|xml| xml.contains("WBNameParse")), "{xml}");
    Ok(())
}

#[test]
fn what_cannot_be_converted_is_refused_in_full() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let graph = json!({"nodes": [{"id": "f", "type": "task", "data": {"task": {"taskReferenceName": "f", "type": "FORK_JOIN"}}},
        {"id": "n", "type": "task", "data": {"task": {}}}]});
    let violations = |path: &str, body: &Value| -> anyhow::Result<Vec<String>> {
        let refused = ingest.post(path, body)?;
        assert_eq!(refused.status, 422, "{}", refused.text());
        let said = refused.json()?;
        assert!(said["detail"].is_string(), "{said}");
        let all = said["violations"].as_array().cloned().unwrap_or_default();
        Ok(all
            .iter()
            .map(|v| format!("{} {}", v["code"].as_str().unwrap_or("-"), v["node"].as_str().unwrap_or("-")))
            .collect())
    };
    assert_eq!(
        violations("/designer/convert", &json!({"graph": graph}))?,
        ["no_reference n", "fork_without_join f"]
    );
    assert_eq!(violations("/designer/draw", &json!({"definition": {"tasks": [1]}}))?, ["definition_shape -"]);
    assert_eq!(
        violations("/designer/dps", &json!({"form": {"type": "dpEmailHygiene"}}))?,
        ["missing -", "missing -"]
    );
    for (path, body) in [
        ("/designer/convert", json!({})),
        ("/designer/convert", json!({"graph": {"nodes": []}, "options": {"forks": 1}})),
        ("/designer/draw", json!([])),
        ("/designer/dps", json!({"form": 5})),
    ] {
        let refused = ingest.post(path, &body)?;
        assert_eq!(refused.status, 422, "{path} {}", refused.text());
    }
    let deep = format!("{{\"graph\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let raw = |path: &str, body: &str| {
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        http::call(&ingest.0.base(), "POST", path, &headers, Some(body.as_bytes()), Duration::from_secs(30))
    };
    assert_eq!(raw("/designer/convert", &deep)?.status, 422);
    assert_eq!(raw("/designer/convert", "{")?.status, 422);
    let large = format!("{{\"graph\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(raw("/designer/convert", &large)?.status, 413);
    assert!(ingest.get("/health")?.status == 200);
    Ok(())
}

#[test]
fn a_deployed_graph_can_be_opened_again() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let name = world.name("drawn");
    let mut graph = mixed(&name);
    let first = ingest.deploy(&json!({"graph": graph}))?;
    let run = world.client.run(first["workflow_instance_id"].as_str().expect("an id"))?;
    assert_eq!(run["workflowDefinition"]["tasks"][0]["decisionCases"]["a"][0]["taskReferenceName"], "quick");
    let path = format!("/designer/graphs/{name}");
    let opened = ingest.get(&path)?.ok()?.json()?;
    assert_eq!((&opened["graph"], &opened["version"]), (&graph, &first["workflow_version"]));
    assert_eq!(opened["deployment_id"], first["deployment_id"]);

    graph["description"] = "a second one".into();
    graph["nodes"][0]["data"]["note"] = "a \u{0} and a \\u0000".into();
    let second = ingest.deploy(&json!({"graph": graph}))?;
    let version = |answer: &Value| answer["workflow_version"].as_i64().expect("a version");
    let opened = ingest.get(&path)?.ok()?.json()?;
    assert_eq!((&opened["graph"], &opened["version"]), (&graph, &second["workflow_version"]));
    let old = ingest.get(&format!("{path}?version={}", version(&first)))?.ok()?.json()?;
    assert_eq!(old["graph"]["description"], Value::Null);
    // a definition that is deployed over it was not drawn
    ingest.deploy(&json!({"workflow": small(&name)}))?;
    assert_eq!(ingest.get(&path)?.status, 404);
    assert_eq!(ingest.get(&format!("{path}?version={}", version(&second)))?.status, 200);
    assert_eq!(ingest.get(&format!("{path}?version=x"))?.status, 422);
    assert_eq!(ingest.get("/designer/graphs/nobody")?.status, 404);
    Ok(())
}

#[test]
fn dag_runs_buckets_and_statistics_can_be_seen() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let buckets = ingest.get("/buckets")?.ok()?.json()?;
    assert_eq!(buckets["buckets"][0], "raw-data");

    assert_eq!(ingest.get("/dag-runs")?.ok()?.json()?, json!({"runs": []}));
    let sql = world.ledger_sql()?;
    for (number, status) in ["pending", "running", "failed"].into_iter().enumerate() {
        sql.execute(&format!(
            "INSERT INTO dag_monitor_requests (workflow_id, task_id, dag_id, dag_run_id, jobid, status, looks, error_message)
             VALUES ('w', 't', 'd', 'r{number}', 'j', '{status}', {number}, nullif('{}', ''))",
            if status == "failed" { "DAG ended with state failed" } else { "" }
        ))?;
    }
    let runs = ingest.get("/dag-runs")?.ok()?.json()?["runs"].clone();
    assert_eq!(runs.as_array().map(Vec::len), Some(3));
    assert_eq!((&runs[0]["dag_run_id"], &runs[0]["state"]), (&json!("r2"), &json!("failed")));
    assert_eq!(runs[0]["error"], "DAG ended with state failed");
    assert!(
        runs[0]["since"].is_i64() && runs[0]["checked_at"].is_i64() && runs[2]["checked_at"].is_null(),
        "{runs}"
    );
    let open = ingest.get("/dag-runs?state=pending,running&limit=1")?.ok()?.json()?;
    assert_eq!(open["runs"][0]["dag_run_id"], "r1");
    assert_eq!(ingest.get("/dag-runs?limit=0")?.status, 422);

    // what a service answers, by hand
    let name = world.name("counted");
    let workflow = json!({"name": name, "ownerEmail": "tests@example.com", "schemaVersion": 2,
        "tasks": [{"name": "hand", "taskReferenceName": "hand", "type": "HUMAN"}]});
    let id = ingest.deploy(&json!({"workflow": workflow}))?["workflow_instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    world.put(
        "email-validated",
        "x.csv.stats.jsonl",
        b"{\"validator\":\"email\",\"reason\":\"empty\",\"count\":3}\n",
    )?;
    let task = until("the task to wait", SOON, || {
        let run = world.client.run(&id)?;
        Ok(run["tasks"][0]["taskId"].as_str().map(str::to_owned))
    })?;
    let output = json!({"pipelineStage": "email_validation", "processedRecords": 5, "failedRecords": 3,
        "stats_url": "minio://email-validated/x.csv.stats.jsonl"});
    let report =
        json!({"workflowInstanceId": id, "taskId": task, "status": "COMPLETED", "outputData": output});
    http::send_json(&world.engine.base(), "POST", "/api/tasks", &report)?.ok()?;
    let sum = until("the search to know the run", SOON, || {
        let sum = ingest.get("/statistics/summary?limit=5")?.ok()?.json()?;
        Ok((sum["services"] != json!([])).then_some(sum))
    })?;
    assert_eq!(
        sum["services"],
        json!([{"service": "email_validation", "workflows": 1, "tasks": 1, "valid": 5, "invalid": 3, "records": 0, "values": [],
            "reasons": [{"reason": "empty", "count": 3}]}])
    );
    assert_eq!(sum["points"][0]["workflow_id"], *id);
    assert_eq!(ingest.get("/statistics/summary?limit=1000")?.status, 422);
    Ok(())
}
