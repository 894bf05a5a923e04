//! Converters that hang or lie, XML that would reach out, stores and engines that say no: clear answers, and nothing
//! half done without a way to finish or remove it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use podium_tests::support::free_port;
use podium_tests::support::podium::Settings;
use serde_json::{Value, json};

use super::world::{Ingest, World, documented, small};

/// A converter made of a shell script.
fn with_converter(
    world: &World,
    folder: &tempfile::TempDir,
    name: &str,
    script: &str,
) -> anyhow::Result<Settings> {
    let path = folder.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(world
        .settings()
        .with("PODIUM__INGESTION__DPS_CONVERTER", &path.to_string_lossy())
        .with("PODIUM__INGESTION__DPS_CONVERTER_MODE", "command")
        .with("PODIUM__INGESTION__DPS_CONVERTER_TIME", "1s")
        .with("PODIUM__INGESTION__DPS_CONVERTER_LIMIT_BYTES", "100000"))
}

fn refused(ingest: &Ingest, body: &Value, status: u16, text: &str) -> anyhow::Result<()> {
    let answer = ingest.post("/workflow/deploy", body)?;
    assert_eq!(answer.status, status, "{}", answer.text());
    let detail = answer.json()?["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.starts_with("Failed to deploy workflow: ") && detail.contains(text), "{detail}");
    Ok(())
}

#[test]
fn converters_that_hang_or_print_garbage_are_told_of() -> anyhow::Result<()> {
    let world = World::open()?;
    let folder = tempfile::tempdir()?;
    let body = json!({"workflow": documented(&world.name("c"))?});
    // the fourth argument from the end is the output's: -output_url FILE -execution_id ID
    for (name, script, text) in [
        ("hangs.sh", "sleep 600 & sleep 600", "hangs.sh failed: it was still running after 1 s"),
        ("fails.sh", "echo no licence >&2; exit 3", "fails.sh failed:no licence (exit code 3)"),
        ("silent.sh", "exit 0", "silent.sh failed: it wrote no JSON file"),
        ("garbage.sh", "echo '<html>' > \"$5\"", "garbage.sh failed: what it wrote is no JSON"),
        ("list.sh", "echo '[]' > \"$5\"", "list.sh failed: what it wrote is JSON, but no object"),
        ("large.sh", "head -c 200000 /dev/zero > \"$5\"", "more than the limit"),
    ] {
        let ingest = world.ingest(with_converter(&world, &folder, name, script)?)?;
        refused(&ingest, &body, 500, text)?;
        let list = ingest.get("/deployments")?.json()?;
        assert_eq!(list[0]["state"], "unfinished", "{list}");
        assert!(list[0]["error"].as_str().is_some_and(|error| error.contains(text)), "{list}");
        assert_eq!(world.keys(&world.bucket())?, Vec::<String>::new(), "{name}");
    }
    let absent = world.settings().with("PODIUM__INGESTION__DPS_CONVERTER", "/nowhere/dpservices.bin");
    let strict = absent.clone().with("PODIUM__INGESTION__DPS_CONVERTER_MODE", "command");
    refused(&world.ingest(strict)?, &body, 500, "could not run /nowhere/dpservices.bin")?;
    // a program that works: it sees the documented options, and none of our keys
    let good = "test \"$1 $2 $4 $6\" = '-generate-dps-json -metadata_url -output_url -execution_id' || exit 9\n\
        env | grep -q SECRET && exit 8\n\
        grep -q dpservices \"$3\" || exit 7\n\
        printf '%s' '{\"by\":\"'$7'\",\"service\":{\"input\":{},\"output\":{},\"report\":{\"record\":[{\"delimiter\":\"\\n\"}]}}}' > \"$5\"";
    let ingest = world.ingest(with_converter(&world, &folder, "good.sh", good)?)?;
    let answer = ingest.deploy(&body)?;
    assert_eq!(answer["converter"], "command", "the failed attempts are finished: {answer}");
    let key = "conductor-poc/dp_email_hygiene.json";
    let metadata: Value = serde_json::from_slice(&world.get(&world.bucket(), key)?.expect("metadata"))?;
    assert_eq!(
        (&metadata["by"], &metadata["service"]["report"]["record"][0]["delimiter"]),
        (&json!("WBEmailHygiene"), &json!("\\n"))
    );
    let auto = absent.with("PODIUM__INGESTION__DPS_CONVERTER_MODE", "auto");
    let answer = world.ingest(auto)?.deploy(&json!({"workflow": documented(&world.name("auto"))?}))?;
    assert_eq!(answer["converter"], "builtin");
    Ok(())
}

#[test]
fn xml_reaches_nothing_and_wrong_requests_are_named() -> anyhow::Result<()> {
    let world = World::open()?;
    let ingest = world.ingest(world.settings())?;
    let with = |config: Value| {
        json!({"workflow": {"name": world.name("x"), "tasks": [{"name": "dp_name_parse", "taskReferenceName": "dp_name_parse",
            "type": "KAFKA_PUBLISH", "inputParameters": {"kafka_request": {"value": {"data": {"dp_config": config}}}}}]}})
    };
    let outside = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
    refused(&ingest, &with(json!(outside)), 422, "document type")?;
    refused(&ingest, &with(json!("<dpservices>&x;</dpservices>")), 422, "entity")?;
    refused(&ingest, &with(json!("<a><b></a>")), 422, "dp_name_parse")?;
    refused(&ingest, &with(json!("")), 422, "has no dp_config")?;
    refused(&ingest, &with(json!({"a": 1})), 422, "an object, not a text")?;
    for (body, status) in [
        (json!({}), 422),
        (json!({"workflow": []}), 422),
        (json!({"workflow": {"tasks": []}}), 422),
        (json!({"workflow": small("x"), "minio_input_uri": "minio://raw-data/../../x"}), 422),
    ] {
        assert_eq!(ingest.post("/workflow/deploy", &body)?.status, status, "{body}");
    }
    // the engine's own words about a definition that breaks its rules
    let broken = ingest.post(
        "/workflow/deploy",
        &json!({"workflow": {"name": world.name("b"), "tasks": [{"type": "SIMPLE"}]}}),
    )?;
    assert_eq!(broken.status, 400, "{}", broken.text());
    let id = ingest.get("/deployments")?.json()?[0]["deployment_id"].as_str().unwrap_or_default().to_owned();
    ingest.call("DELETE", &format!("/deployments/{id}"))?.ok()?;
    Ok(())
}

#[test]
fn what_is_away_is_named_and_the_same_request_finishes_later() -> anyhow::Result<()> {
    let world = World::open()?;
    let nobody = format!("127.0.0.1:{}", free_port()?).parse()?;
    let name = world.name("later");
    let body = json!({"workflow": documented(&name)?});
    let lost = Ingest(podium_tests::support::podium::Podium::start(
        world.settings_by(nobody, world.address_of_s3()),
    )?);
    refused(&lost, &body, 503, "did not answer")?;
    let ready = lost.get("/ready")?;
    assert_eq!(ready.status, 503);
    assert!(
        ready.json()?["checks"]["engine"].as_str().is_some_and(|c| c.contains("did not answer")),
        "{}",
        ready.text()
    );
    let answer = world.ingest(world.settings())?.deploy(&body)?;
    assert!(answer["workflow_instance_id"].is_string(), "{answer}");
    assert_eq!(world.counts(&name)?, (1, 1));
    // keys that the store does not take
    let wrong = world.settings().with("AWS_SECRET_ACCESS_KEY", "wrong");
    let denied = Ingest(podium_tests::support::podium::Podium::start(wrong)?);
    refused(&denied, &json!({"workflow": documented(&world.name("denied"))?}), 502, "is denied")?;
    Ok(())
}

/// A store of people's files that answers every look with 200 and every write with "full".
fn full_store() -> anyhow::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut head = [0; 4096];
                let Ok(length @ 1..) = socket.read(&mut head) else { return };
                let text = String::from_utf8_lossy(&head[..length]).into_owned();
                let full = "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold</Message></Error>";
                let answer = match text.split(' ').next() {
                    Some("PUT" | "POST") => format!(
                        "HTTP/1.1 507 Insufficient Storage\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{full}",
                        full.len()
                    ),
                    _ => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_owned(),
                };
                drop(socket.write_all(answer.as_bytes()));
            });
        }
    });
    Ok(address)
}

#[test]
fn a_store_that_is_full_says_so() -> anyhow::Result<()> {
    let world = World::open()?;
    let settings = world.settings().with("MINIO_ENDPOINT", &full_store()?.to_string());
    let ingest = Ingest(podium_tests::support::podium::Podium::start(settings)?);
    let headers = [("Content-Type".to_owned(), "multipart/form-data; boundary=b".to_owned())];
    let body = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n";
    let answer = podium_tests::support::http::call(
        &ingest.0.base(),
        "POST",
        "/files",
        &headers,
        Some(body),
        std::time::Duration::from_secs(60),
    )?;
    assert_eq!(answer.status, 507, "{}", answer.text());
    assert!(answer.text().contains("XMinioStorageFull"), "{}", answer.text());
    Ok(())
}
