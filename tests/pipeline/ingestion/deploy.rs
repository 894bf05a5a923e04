//! A deployment: what it leaves where, and what it answers.

use podium_tests::support::http;
use podium_tests::support::repository;
use serde_json::{Value, json};

use super::world::{INPUT, World, documented, small};

fn read(world: &World, key: &str) -> anyhow::Result<Value> {
    let found = world.get(&world.bucket(), key)?;
    Ok(serde_json::from_slice(&found.unwrap_or_else(|| panic!("there is no {key}")))?)
}

#[test]
fn both_services_get_their_files_and_the_workflow_runs() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let name = world.name("pipeline");
    let answer = ingest.deploy(&json!({"workflow": documented(&name)?, "workflow_id": name,
        "minio_input_uri": "minio://raw-data/not-there.in"}))?;
    let id = answer["workflow_instance_id"].as_str().expect("an id").to_owned();
    let (bucket, folder) = (world.bucket(), format!("conductor-poc/runs/{id}"));
    for (field, expected) in [
        ("s3_input_uri", format!("s3://{bucket}/{folder}/{INPUT}")),
        ("s3_output_uri", format!("s3://{bucket}/{folder}/first_10_entries.out")),
        ("s3_report_uri", format!("s3://{bucket}/{folder}/report/dp_email_hygiene.counts.txt")),
        ("updated_json_uri", format!("s3://{bucket}/conductor-poc/dp_email_hygiene.json")),
        ("updated_json_s3_key", "conductor-poc/dp_email_hygiene.json".to_owned()),
        ("message", "Workflow deployed and triggered successfully".to_owned()),
        ("converter", "builtin".to_owned()),
    ] {
        assert_eq!(answer[field], *expected, "{field} of {answer}");
    }
    assert!(answer["runId"].as_str().is_some_and(|run| run.starts_with("run-")), "{answer}");
    let sample = std::fs::read(repository().join("demo/data").join(INPUT))?;
    assert_eq!(
        world.get(&bucket, &format!("{folder}/{INPUT}"))?,
        Some(sample),
        "the default input was copied"
    );
    let hygiene = read(&world, &format!("{folder}/dp_email_hygiene.json"))?;
    let parse = read(&world, &format!("{folder}/dp_name_parse.json"))?;
    assert_eq!(hygiene, read(&world, "conductor-poc/dp_email_hygiene.json")?, "and where all share it");
    assert_eq!(hygiene["service"]["output"]["uri"], parse["service"]["input"]["uri"], "one feeds the other");
    assert_eq!(
        parse["service"]["output"]["uri"],
        *format!("s3://{bucket}/{folder}/first_10_entries.dp_name_parse.out")
    );
    let environment = hygiene["metadata"]["environment"].as_array().cloned().unwrap_or_default();
    assert!(environment.contains(&json!({"name": "WORKFLOW_ID", "value": id})), "{environment:?}");
    let run = world.client.run(&id)?;
    assert_eq!(
        (run["workflowName"].as_str(), &run["correlationId"]),
        (Some(&*name), &answer["deployment_id"])
    );
    let tasks = run["workflowDefinition"]["tasks"].to_string();
    for url in [
        format!("s3://{bucket}/{folder}/dp_name_parse.json"),
        format!("s3://{bucket}/{folder}/dp_email_hygiene.json"),
    ] {
        assert!(tasks.contains(&format!("\"metadata_url\":\"{url}\"")), "{tasks}");
    }
    assert_eq!(world.counts(&name)?, (1, 1));
    Ok(())
}

#[test]
fn a_graph_deploys_as_its_definition_does() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let file = repository().join("demo/graphs/email_pipeline.json");
    let mut graph: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let name = world.name("graph");
    graph["name"] = json!(name);
    let answer = ingest.deploy(&json!({"graph": graph}))?;
    assert_eq!((&answer["runId"], &answer["s3_input_uri"]), (&Value::Null, &Value::Null), "{answer}");
    let id = answer["workflow_instance_id"].as_str().expect("an id");
    assert_eq!(world.client.run(id)?["workflowName"], *answer["workflow_name"].as_str().expect("a name"));
    let first = graph["nodes"][0].clone();
    graph["nodes"] =
        json!([first.clone(), {"id": "x", "type": "unheardOf", "position": {"x": 0, "y": 0}, "data": {}}]);
    graph["edges"] = json!([{"source": first["id"], "target": "gone"}]);
    let refused = ingest.post("/workflow/deploy", &json!({"graph": graph}))?;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.json()?["violations"].as_array().is_some_and(|v| v.len() >= 2), "{}", refused.text());
    Ok(())
}

#[test]
fn the_same_request_is_the_same_deployment() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings().with("PODIUM__INGESTION__REPEAT_WITHIN", "1h"))?;
    let other = world.ingest(world.settings().with("PODIUM__INGESTION__REPEAT_WITHIN", "0s"))?;
    let name = world.name("same");
    let body = json!({"workflow": small(&name)});
    // at once, through two processes
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| ingest.deploy(&body))).collect();
        calls.into_iter().map(|call| call.join().expect("a call")).collect::<anyhow::Result<_>>()
    })?;
    assert!(
        answers.iter().all(|a| a["workflow_instance_id"] == answers[0]["workflow_instance_id"]),
        "{answers:?}"
    );
    assert_eq!(answers.iter().filter(|a| a["repeated"] == false).count(), 1, "{answers:?}");
    assert_eq!(world.counts(&name)?, (1, 1));
    let later = other.deploy(&body)?;
    assert_eq!(later["repeated"], false, "its time is over: {later}");
    assert_eq!(world.counts(&name)?, (2, 2));
    // a key lasts, and means one request
    let keyed = |body: &Value| {
        let headers = [
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Idempotency-Key".to_owned(), format!("{name}-key")),
        ];
        let body = body.to_string();
        http::call(
            &other.0.base(),
            "POST",
            "/workflow/deploy",
            &headers,
            Some(body.as_bytes()),
            std::time::Duration::from_secs(30),
        )
    };
    let (first, second) = (keyed(&body)?.ok()?.json()?, keyed(&body)?.ok()?.json()?);
    assert_eq!(first["workflow_instance_id"], second["workflow_instance_id"]);
    assert_eq!(keyed(&json!({"workflow": small("another")}))?.status, 409);
    Ok(())
}

#[test]
fn without_a_trigger_nothing_is_registered() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let name = world.name("quiet");
    let answer = ingest.deploy(&json!({"workflow": documented(&name)?, "trigger_conductor": false}))?;
    assert_eq!(answer["message"], "Workflow deployed without triggering Conductor");
    assert_eq!(answer["workflow_instance_id"], Value::Null);
    assert_eq!(world.counts(&name)?, (0, 0));
    assert_eq!(world.keys(&world.bucket())?.len(), 5, "the files are there");
    Ok(())
}

#[test]
fn a_version_that_is_taken_is_not_taken_over() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let name = world.name("taken");
    let mut definition = small(&name);
    definition["version"] = json!(7);
    world.client.register_workflow(&definition)?;
    definition["description"] = json!("another");
    let refused = ingest.post("/workflow/deploy", &json!({"workflow": definition}))?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(world.counts(&name)?, (1, 0));
    let unfinished = ingest.get("/deployments")?.json()?[0].clone();
    assert_eq!(
        (&unfinished["state"], &unfinished["step"]),
        (&json!("unfinished"), &json!("filed")),
        "{unfinished}"
    );
    let id = unfinished["deployment_id"].as_str().expect("an id");
    ingest.call("DELETE", &format!("/deployments/{id}"))?.ok()?;
    assert_eq!(ingest.get(&format!("/deployments/{id}"))?.status, 404);
    assert_eq!(world.counts(&name)?, (1, 0), "the other's definition stays");
    definition.as_object_mut().expect("a definition").remove("version");
    let done = ingest.deploy(&json!({"workflow": definition}))?;
    let id = done["deployment_id"].as_str().expect("an id");
    assert_eq!(ingest.call("DELETE", &format!("/deployments/{id}"))?.status, 409, "it runs");
    Ok(())
}
