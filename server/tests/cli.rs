//! The binary as people use it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn podium(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    // what the person who runs the tests has set must not decide what is tested
    for (name, _) in std::env::vars() {
        let ours = ["PODIUM", "DATABASE_URL", "KAFKA_BOOTSTRAP", "S3_", "AWS_", "MINIO_", "RUST_LOG"];
        if ours.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    podium(arguments).output().expect("the binary runs")
}

fn says(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

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
    for part in ["8640 valid   1360 invalid", "8299 valid   1701 invalid", "COMPLETED in"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(std::fs::read_dir(saved.path()).expect("a directory").count(), 3);
}

/// A `podium dev` on a directory; killed when dropped.
struct Dev {
    process: Child,
    base: String,
}

impl Dev {
    fn start(data: &std::path::Path) -> Self {
        let mut command = podium(&["dev", "--listen", "127.0.0.1:0", "--set", "log.format=text", "--data"]);
        let mut process = command.arg(data).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let mut seen = String::new();
        let base = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {seen}")).expect("text");
            if let Some((_, rest)) = line.split_once("serves the REST API on ") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
            seen.push_str(&format!("{line}\n"));
        };
        // the pipe must be read on, or the process would block on a full one
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, base }
    }

    fn signal(&self, signal: i32) {
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn ends(&mut self, within: Duration) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status.code();
            }
            assert!(begun.elapsed() < within, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// One HTTP exchange; status and body.
fn http(method: &str, url: &str, body: Option<&Value>) -> (u16, String) {
    use std::io::Write;
    let rest = url.strip_prefix("http://").expect("an address");
    let (address, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let body = answer.split_once("\r\n\r\n").map(|(_, b)| b.to_owned()).unwrap_or_default();
    (status, body)
}

#[test]
fn dev_keeps_its_data_over_a_kill_and_stops_in_good_order() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut dev = Dev::start(data.path());
    let definition = json!({"name": "kept", "version": 1, "schemaVersion": 2, "ownerEmail": "a@example.com",
        "timeoutPolicy": "ALERT_ONLY", "timeoutSeconds": 0,
        "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]});
    let (status, body) = http("POST", &format!("{}/api/metadata/workflow", dev.base), Some(&definition));
    assert_eq!(status, 200, "{body}");
    let (status, id) = http("POST", &format!("{}/api/workflow/kept", dev.base), Some(&json!({})));
    assert_eq!(status, 200, "{id}");
    let second = output(&["dev", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("a path")]);
    assert!(!second.status.success() && says(&second).contains("another podium uses"), "{}", says(&second));
    let other = tempfile::tempdir().expect("a directory");
    let address = dev.base.strip_prefix("http://").expect("an address");
    let taken = output(&["dev", "--listen", address, "--data", other.path().to_str().expect("a path")]);
    assert!(says(&taken).contains("is in use"), "{}", says(&taken));
    dev.signal(9);
    dev.ends(Duration::from_secs(5));

    let mut dev = Dev::start(data.path());
    let (status, body) = http("GET", &format!("{}/api/workflow/{}", dev.base, id.trim()), None);
    assert!(status == 200 && body.contains("\"kept\""), "{status} {body}");
    let (_, health) = http("GET", &format!("{}/health", dev.base), None);
    assert!(health.contains("\"healthy\":true"), "{health}");
    dev.signal(15);
    assert_eq!(dev.ends(Duration::from_secs(20)), Some(0));
}
