//! Large payloads by path, in the database and in a bucket: what goes in comes out, and costs no more memory the more there is.

use std::time::Duration;

use podium_tests::support::client::Client;
use podium_tests::support::http::{self, Answer};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use serde_json::{Value, json};

/// Bytes of the large payloads: under the 5 MiB of workflows, over the 3 MiB of tasks.
const LARGE: usize = 4_900_000;

/// A server and where its payloads lie.
struct Place {
    podium: Podium,
    client: Client,
    outside: bool,
    _folder: tempfile::TempDir,
}

impl Place {
    fn open(store: &str) -> anyhow::Result<Place> {
        let url = postgres::shared()?.database(&fresh_tag("x"))?;
        let folder = tempfile::tempdir()?;
        let settings = Settings::new(&["dev"])
            .with("DATABASE_URL", &url)
            .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
            .with("PODIUM__WORKERS__RUN", "")
            .with("PODIUM__EXTERNAL_PAYLOADS__STORE", store);
        let podium = Podium::start(settings)?;
        Ok(Place { client: podium.client(), podium, outside: store == "s3", _folder: folder })
    }

    fn location(&self, what: &str, path: &str, operation: &str, kind: &str) -> anyhow::Result<Value> {
        let target = format!(
            "/api/{what}/externalstoragelocation?path={path}&operation={operation}&payloadType={kind}"
        );
        self.client.get(&target)?.ok()?.json()
    }

    /// A call to an address that the server named.
    fn call(&self, method: &str, uri: &str, body: Option<&[u8]>) -> anyhow::Result<Answer> {
        let base = self.podium.base();
        let (base, target) = match uri.strip_prefix("http://") {
            Some(rest) => {
                let (host, target) = rest.split_once('/').unwrap_or((rest, ""));
                (format!("http://{host}"), format!("/{target}"))
            }
            None => (base, uri.to_owned()),
        };
        assert_eq!(uri.starts_with("http://"), self.outside, "{uri}");
        Ok(http::call(&base, method, &target, &[], body, Duration::from_secs(30))?)
    }

    /// Puts a payload where the server says; returns its path.
    fn put(&self, body: &[u8]) -> anyhow::Result<String> {
        let place = self.location("workflow", "", "WRITE", "WORKFLOW_INPUT")?;
        self.call("PUT", place["uri"].as_str().unwrap_or_default(), Some(body))?.ok()?;
        Ok(place["path"].as_str().unwrap_or_default().to_owned())
    }

    /// What lies under a path.
    fn read(&self, path: &Value) -> anyhow::Result<Value> {
        let place = self.location("tasks", path.as_str().unwrap_or_default(), "READ", "TASK_OUTPUT")?;
        self.call("GET", place["uri"].as_str().unwrap_or_default(), None)?.ok()?.json()
    }

    fn define(&self, tasks: Value) -> anyhow::Result<String> {
        let name = fresh_tag("large");
        self.client.register_workflow(&json!({"name": name, "version": 1, "schemaVersion": 2,
            "ownerEmail": "t@example.com", "tasks": tasks, "outputParameters": {"mark": "${a.output.mark}"}}))?;
        Ok(name)
    }

    fn start(&self, name: &str, path: &str) -> anyhow::Result<Answer> {
        let body = json!({"name": name, "externalInputPayloadStoragePath": path});
        self.client.send("POST", "/api/workflow", &body)
    }

    /// Reports a task as COMPLETED with the output under a path.
    fn report(&self, task: &Value, path: &str) -> anyhow::Result<()> {
        let body = json!({"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"],
            "status": "COMPLETED", "externalOutputPayloadStoragePath": path});
        self.client.send("POST", "/api/tasks", &body)?.ok().map(drop)
    }

    fn poll(&self, task_type: &str) -> anyhow::Result<Value> {
        podium_tests::support::wait::until(task_type, SOON, || Ok(self.client.poll(task_type, 1, "w")?.pop()))
    }
}

fn large(mark: &str, size: usize) -> Vec<u8> {
    json!({"mark": mark, "big": "x".repeat(size)}).to_string().into_bytes()
}

fn worker(name: &str) -> Value {
    json!([{"name": name, "taskReferenceName": "a", "type": "SIMPLE", "inputParameters": {"all": "${workflow.input}"},
        "taskDefinition": {"name": name, "retryCount": 0}}])
}

fn goes_in_and_comes_out(store: &str) -> anyhow::Result<()> {
    let place = Place::open(store)?;
    let kind = fresh_tag("work");
    let name = place.define(worker(&kind))?;
    let path = place.put(&large("input", LARGE))?;
    let run = place.start(&name, &path)?.ok()?.text();
    // the worker is shown where its input lies
    let task = place.poll(&kind)?;
    assert_eq!(task["inputData"], json!({}));
    let input = place.read(&task["externalInputPayloadStoragePath"])?;
    assert_eq!(input["all"]["mark"], "input");
    // and hands its output over in the same way
    let path = place.put(&large("output", LARGE))?;
    place.report(&task, &path)?;
    let ended = place.client.wait_for(&run, "COMPLETED", SOON)?;
    assert_eq!(ended["output"], json!({"mark": "output"}));
    let output = place.read(&ended["tasks"][0]["externalOutputPayloadStoragePath"])?;
    assert_eq!(output["big"].as_str().map(str::len), Some(LARGE));
    // a task that starts a run
    let starter = json!([{"name": "s", "taskReferenceName": "a", "type": "START_WORKFLOW",
        "inputParameters": {"startWorkflow": {"name": name, "externalInputPayloadStoragePath": "${workflow.input.path}"}}}]);
    let starter = place.define(starter)?;
    let run = place.client.start(&starter, &json!({ "path": path }))?;
    place.client.wait_for(&run, "COMPLETED", SOON)?;
    let task = place.poll(&kind)?;
    assert_eq!(place.read(&task["externalInputPayloadStoragePath"])?["all"]["mark"], "output");
    // a path under which nothing lies is an empty input, as existing servers have it
    let run = place.client.start(&starter, &json!({"path": "nothing-there.json"}))?;
    place.client.wait_for(&run, "COMPLETED", SOON)?;
    assert_eq!(place.poll(&kind)?["inputData"], json!({"all": {}}));
    Ok(())
}

#[test]
fn what_is_put_into_the_database_comes_out() -> anyhow::Result<()> {
    goes_in_and_comes_out("postgres")
}

#[test]
fn what_is_put_into_a_bucket_comes_out() -> anyhow::Result<()> {
    goes_in_and_comes_out("s3")
}

#[test]
fn what_is_too_large_or_no_object_is_refused_with_the_reason() -> anyhow::Result<()> {
    let place = Place::open("s3")?;
    let kind = fresh_tag("work");
    let name = place.define(worker(&kind))?;
    let huge = place.put(&large("huge", 10_600_000))?;
    let refused = place.start(&name, &huge)?;
    let why = refused.text();
    assert_eq!(refused.status, 413, "{why}");
    assert!(why.contains(&huge) && why.contains("more than the limit of 10485760"), "{why}");
    let list = place.put(b"[1]")?;
    let refused = place.start(&name, &list)?;
    assert!(refused.status == 400 && refused.text().contains("is no JSON object"), "{}", refused.text());
    // the worker's task fails, as with an output that is sent whole
    let run = place.client.start(&name, &json!({}))?;
    place.report(&place.poll(&kind)?, &huge)?;
    let ended = place.client.wait_for(&run, "FAILED", SOON)?;
    let task = &ended["tasks"][0];
    assert_eq!(task["status"], "FAILED_WITH_TERMINAL_ERROR");
    let why = task["reasonForIncompletion"].as_str().unwrap_or_default();
    assert!(why.contains("more than the limit of 10485760"), "{why}");
    let starter = json!([{"name": "s", "taskReferenceName": "a", "type": "START_WORKFLOW",
        "inputParameters": {"startWorkflow": {"name": name, "externalInputPayloadStoragePath": huge}}}]);
    let run = place.client.start(&place.define(starter)?, &json!({}))?;
    let ended = place.client.wait_for(&run, "FAILED", SOON)?;
    let why = ended["tasks"][0]["reasonForIncompletion"].as_str().unwrap_or_default();
    assert!(why.contains("more than the limit of 10485760"), "{why}");
    Ok(())
}

/// Peak of the memory of a process, in kilobytes.
fn peak_kb(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    Ok(line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default())
}

#[test]
fn many_large_payloads_take_no_more_memory_than_a_few() -> anyhow::Result<()> {
    let place = Place::open("s3")?;
    let kind = fresh_tag("work");
    let name = place.define(worker(&kind))?;
    let path = place.put(&large("m", LARGE))?;
    let some = |count: usize| -> anyhow::Result<u64> {
        for _ in 0..count {
            let run = place.start(&name, &path)?.ok()?.text();
            place.report(&place.poll(&kind)?, &path)?;
            place.client.wait_for(&run, "COMPLETED", SOON)?;
        }
        peak_kb(place.podium.pid())
    };
    let few = some(4)?;
    let many = some(12)?;
    eprintln!("peak memory: {few} kB after 4 runs with two payloads of 4.9 MB, {many} kB after 16");
    assert!(many < few + 100_000, "{few} kB after 4, {many} kB after 16");
    Ok(())
}
