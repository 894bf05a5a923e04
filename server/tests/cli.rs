//! The binary as people use it.

#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Process, http, open_to_others, output, says};

#[test]
fn small_commands_answer() {
    let version = output(&["version"]);
    assert!(version.status.success() && says(&version).starts_with("podium "), "{}", says(&version));
    let config = output(&["config", "--set", "engine.writers=2"]);
    assert!(says(&config).contains("engine.writers = 2  # command line\n"), "{}", says(&config));
    assert!(says(&config).contains("server.listen = \"127.0.0.1:8080\"  # default\n"), "{}", says(&config));
    let defaults = output(&["config", "--defaults"]);
    assert!(says(&defaults).starts_with("# Podium's settings"), "{}", says(&defaults));
    let openapi: Value = serde_json::from_slice(&output(&["openapi"]).stdout).expect("JSON");
    let paths = openapi["paths"].as_object().expect("paths");
    assert!(paths.contains_key("/api/metadata/workflow") && paths.len() > 15, "{:?}", paths.keys());
}

#[test]
fn graphs_are_converted() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo");
    let converted = output(&["convert", &format!("{demo}/graphs/parallel_pipeline.json")]);
    let expected = std::fs::read_to_string(format!("{demo}/definitions/parallel_pipeline.json"));
    assert_eq!(says(&converted), expected.expect("the definition"));
    let sequence = output(&["convert", "--no-forks", &format!("{demo}/graphs/parallel_pipeline.json")]);
    assert!(sequence.status.success() && !says(&sequence).contains("FORK_JOIN"), "{}", says(&sequence));
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("bad.json");
    std::fs::write(&path, r#"{"nodes": [{"id": "a", "type": "x"}, {"id": "b", "type": "y"}]}"#)
        .expect("a file");
    let refused = output(&["convert", path.to_str().expect("a path")]);
    let text = says(&refused);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("node a is of kind") && text.contains("node b is of kind"), "{text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
}

#[test]
fn refusals_are_one_line_that_names_the_way_out() {
    for (arguments, expected) in [
        (
            vec!["config", "--set", "server.lisen=x"],
            "there is no setting \"server.lisen\"; the nearest is \"server.listen\"",
        ),
        (vec!["serve"], "set DATABASE_URL"),
        (vec!["serve", "--listen", "0.0.0.0:0"], "--insecure-no-auth"),
        (vec!["worker", "email-validator"], "set KAFKA_BOOTSTRAP"),
        (vec!["migrate"], "set DATABASE_URL"),
    ] {
        let output = output(&arguments);
        let text = says(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains(expected) && text.trim().lines().count() == 1, "{arguments:?}: {text}");
    }
}

#[test]
fn the_demo_runs_to_its_end() {
    let saved = tempfile::tempdir().expect("a directory");
    let output = output(&["demo", "--output", saved.path().to_str().expect("a path")]);
    let text = says(&output);
    assert!(output.status.success(), "{text}");
    for part in [
        "8640 valid   1360 invalid",
        "8299 valid   1701 invalid",
        "7158 valid      0 invalid",
        "1000 records",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(text.matches(" COMPLETED in ").count(), 4, "{text}");
    // of Patterns 1, 2 and 3, and of the whole pipeline: 1 + 1 + 2 + 5
    assert_eq!(std::fs::read_dir(saved.path()).expect("a directory").count(), 9, "{text}");
}

#[test]
fn dev_keeps_its_data_over_a_kill_and_stops_in_good_order() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let mut dev = Process::dev(data.path(), &[]);
    let definition = json!({"name": "kept", "version": 1, "schemaVersion": 2, "ownerEmail": "a@example.com",
        "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0,
        "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]});
    let (status, body) = http("POST", &format!("{}/api/metadata/workflow", dev.base()), Some(&definition));
    assert_eq!(status, 200, "{body}");
    let (status, id) = http("POST", &format!("{}/api/workflow/kept", dev.base()), Some(&json!({})));
    assert_eq!(status, 200, "{id}");
    let second = output(&["dev", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("a path")]);
    assert!(!second.status.success() && says(&second).contains("another podium uses"), "{}", says(&second));
    let other = tempfile::tempdir().expect("a directory");
    let base = dev.base();
    let address = base.strip_prefix("http://").expect("an address");
    let taken = output(&["dev", "--listen", address, "--data", other.path().to_str().expect("a path")]);
    assert!(says(&taken).contains("is in use"), "{}", says(&taken));
    dev.signal(9);
    dev.ends(Duration::from_secs(5));

    let mut dev = Process::dev(data.path(), &[]);
    let (status, body) = http("GET", &format!("{}/api/workflow/{}", dev.base(), id.trim()), None);
    assert!(status == 200 && body.contains("\"kept\""), "{status} {body}");
    let (_, health) = http("GET", &format!("{}/health", dev.base()), None);
    assert!(health.contains("\"healthy\":true"), "{health}");
    dev.signal(15);
    assert_eq!(dev.ends(Duration::from_secs(20)), Some(0));
}
