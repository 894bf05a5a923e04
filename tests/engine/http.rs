//! HTTP tasks against real servers: hostile ones, forbidden ones, encrypted ones; and nodes that die in the middle.

use podium_tests::support::client::Client;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::postgres;
use podium_tests::support::stage::{SOON, fresh_tag};
use podium_tests::support::tls::TlsServer;
use podium_tests::support::wait::until;
use podium_tests::support::zoo::Zoo;
use serde_json::{Value, json};

fn serve(url: &str) -> Settings {
    Settings::serve(url)
}

fn database() -> anyhow::Result<(String, String)> {
    let tag = fresh_tag("h");
    Ok((postgres::shared()?.database(&tag)?, tag))
}

/// Registers a workflow of one HTTP task, whose request is its input, and starts it.
fn call(client: &Client, request: Value) -> anyhow::Result<String> {
    let name = fresh_tag("call");
    client.register_workflow(
        &json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "t@example.com",
        "tasks": [{"name": "h", "taskReferenceName": "h", "type": "HTTP",
            "inputParameters": {"http_request": "${workflow.input.request}"}}]}),
    )?;
    client.start(&name, &json!({ "request": request }))
}

fn get(url: &str) -> Value {
    json!({"uri": url, "method": "GET"})
}

/// The task of a run that has ended so.
fn ended(client: &Client, id: &str, status: &str) -> anyhow::Result<Value> {
    let run = client.wait_for(id, status, SOON * 2)?;
    Ok(run["tasks"][0].clone())
}

/// Why the task of a run failed.
fn reason(client: &Client, id: &str) -> anyhow::Result<String> {
    let task = ended(client, id, "FAILED")?;
    Ok(task["reasonForIncompletion"].as_str().unwrap_or_default().to_owned())
}

/// Peak of the memory of a process, in kilobytes.
fn peak_kb(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    Ok(line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default())
}

#[test]
fn a_hostile_server_hurts_its_own_tasks_only() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let podium = Podium::start(serve(&url).with("PODIUM__HTTP_TASKS__TOTAL_TIMEOUT", "3s"))?;
    let client = podium.client();
    let cases = [
        ("hang", "Read timed out"),
        ("drip", "no whole answer within "),
        ("endless", "larger than 10485760 bytes, the limit that http_tasks.response_limit_bytes sets"),
        ("huge", "larger than 10485760 bytes"),
        ("gzip-bomb", "larger than 10485760 bytes"),
        ("headers", "head is too l"),
        ("informational", "the head of the answer is too long"),
        ("reset", "I/O error"),
        ("redirects/1", "Maximum redirects (50) exceeded"),
        ("redirect?file:///etc/passwd", "Unroutable protocol scheme: file://"),
        ("redirect?gopher://x/", "Unroutable protocol scheme: gopher://x"),
    ];
    let start = |path: &str| call(&client, get(&format!("{}/{path}", zoo.url)));
    let mut hostile = Vec::new();
    for (path, why) in cases {
        for _ in 0..4 {
            hostile.push((path, why, start(path)?));
        }
    }
    let good: Vec<String> = (0..20).map(|_| start("ok")).collect::<Result<_, _>>()?;
    for id in &good {
        let task = ended(&client, id, "COMPLETED")?;
        assert_eq!(task["outputData"]["response"]["body"], json!({"ok": true}));
    }
    for (path, why, id) in hostile {
        let reason = reason(&client, &id)?;
        assert!(reason.contains(why), "{path}: {reason}");
    }
    let peak = peak_kb(podium.pid())?;
    assert!(peak < 400_000, "{peak} kB of memory");
    Ok(())
}

#[test]
fn some_addresses_are_never_reached() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let podium = Podium::start(serve(&url))?;
    let client = podium.client();
    let port: u16 = url::port(&url)?;
    let own = podium.base();
    for (target, why) in [
        ("http://169.254.169.254/latest/meta-data".to_owned(), "169.254.169.254 is in 169.254.0.0/16"),
        ("http://[::ffff:169.254.169.254]/".to_owned(), "169.254.0.0/16"),
        ("http://[fd00:ec2::254]/".to_owned(), "fd00:ec2::254/128"),
        ("http://metadata.google.internal/".to_owned(), "a metadata service"),
        (format!("{}/redirect?http://169.254.169.254/", zoo.url), "169.254.0.0/16"),
        (format!("{own}/api/version"), "the REST API of this node; to allow it, add \"127.0.0.1:"),
        (own.replace("127.0.0.1", "0x7f.1"), "the REST API of this node"),
        (own.replace("127.0.0.1", "localhost"), "the REST API of this node"),
        (format!("http://127.0.0.1:{port}/"), "the database of Podium"),
    ] {
        let id = call(&client, get(&target))?;
        let task = ended(&client, &id, "FAILED")?;
        let reason = task["reasonForIncompletion"].as_str().unwrap_or_default();
        assert!(reason.starts_with("EGRESS_DENIED: ") && reason.contains(why), "{target}: {reason}");
        assert_eq!(task["status"], "FAILED_WITH_TERMINAL_ERROR", "{target}");
    }
    let id = call(
        &client,
        get(&format!("{}/redirect?{}/ok", zoo.url, zoo.url.replace("127.0.0.1", "2130706433"))),
    )?;
    ended(&client, &id, "COMPLETED")?;
    Ok(())
}

#[test]
fn the_strict_profile_names_the_setting_to_change() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let port = zoo.url.rsplit(':').next().unwrap_or_default().to_owned();
    let strict = serve(&url).with("PODIUM__EGRESS__PROFILE", "strict");
    let closed = Podium::start(strict.clone())?;
    let id = call(&closed.client(), get(&format!("{}/ok", zoo.url)))?;
    let why = reason(&closed.client(), &id)?;
    let wanted = "EGRESS_DENIED: 127.0.0.1 is in 127.0.0.0/8, loopback, which egress.profile = \"strict\" denies; to allow it, \
                  add \"127.0.0.1\"";
    assert!(why.starts_with(wanted), "{why}");
    assert!(zoo.seen("/ok").is_empty(), "nothing was sent");
    drop(closed);
    let allow = format!("127.0.0.1:{port},*.example.com");
    let open = Podium::start(strict.with("PODIUM__EGRESS__ALLOW", &allow))?;
    let id = call(&open.client(), get(&format!("{}/ok", zoo.url)))?;
    ended(&open.client(), &id, "COMPLETED")?;
    let refused = Podium::start(serve(&url).with("PODIUM__EGRESS__DENY", "http://x"));
    let why = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(why.contains("egress.deny") && why.contains("\"http://x\" is no rule"), "{why}");
    Ok(())
}

#[test]
fn encrypted_servers_are_checked_and_spoken_to_in_http_2() -> anyhow::Result<()> {
    let (url, _) = database()?;
    let folder = tempfile::tempdir()?;
    let (known, stranger) = (TlsServer::start()?, TlsServer::start()?);
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, known.root())?;
    let podium = Podium::start(serve(&url).with("SSL_CERT_FILE", &roots.to_string_lossy()))?;
    let client = podium.client();
    for _ in 0..5 {
        let request = json!({"uri": format!("{}/a?b=c", known.url()), "method": "POST", "body": {"k": "v"}});
        let task = ended(&client, &call(&client, request)?, "COMPLETED")?;
        let response = &task["outputData"]["response"];
        assert_eq!(
            response["body"],
            json!({"version": "HTTP/2.0", "path": "/a?b=c", "body": "{\"k\":\"v\"}"})
        );
        assert_eq!(response["headers"]["X-Custom"], json!(["one", "two"]));
        assert_eq!(response["headers"].get("Content-Encoding"), None, "it was undone");
        assert_eq!(response["reasonPhrase"], "OK");
    }
    assert!(known.connections() <= 2, "{} connections for five calls", known.connections());
    let why = reason(&client, &call(&client, get(stranger.url()))?)?;
    assert!(why.contains("invalid peer certificate"), "{why}");
    Ok(())
}

#[test]
fn the_call_of_a_killed_node_is_made_again_and_counts_once() -> anyhow::Result<()> {
    let ((url, tag), zoo) = (database()?, Zoo::open()?);
    let mut first = Podium::start(serve(&url))?;
    let path = format!("/once-hangs/{tag}");
    let request =
        json!({"uri": format!("{}{path}", zoo.url), "method": "POST", "body": {}, "readTimeOut": 600_000});
    let id = call(&first.client(), request)?;
    until("the first request", SOON, || Ok((!zoo.seen(&path).is_empty()).then_some(())))?;
    let second = Podium::start(serve(&url))?;
    let shown = first.client().run(&id)?;
    assert_eq!(shown["tasks"][0]["status"], "SCHEDULED", "as long as the call is under way");
    first.kill()?;
    // long before the read time-out
    let task = ended(&second.client(), &id, "COMPLETED")?;
    assert_eq!(task["pollCount"], 2);
    let requests = zoo.seen(&path);
    assert_eq!(requests.len(), 2, "{requests:#?}");
    let key = |head: &String| head.lines().find(|l| l.starts_with("Idempotency-Key: ")).map(str::to_owned);
    assert!(key(&requests[0]).is_some() && key(&requests[0]) == key(&requests[1]), "{requests:#?}");
    Ok(())
}

#[test]
fn a_node_that_stops_hands_its_calls_back() -> anyhow::Result<()> {
    const CALLS: usize = 120;
    let ((url, tag), zoo) = (database()?, Zoo::open()?);
    let mut first = Podium::start(serve(&url).with("PODIUM__SERVER__SHUTDOWN_GRACE", "1s"))?;
    let path = |call: usize| format!("/once-hangs/{tag}-{call}");
    let start = |n| {
        let uri = format!("{}{}", zoo.url, path(n));
        call(&first.client(), json!({"uri": uri, "method": "GET", "readTimeOut": 600_000}))
    };
    let ids = (0..CALLS).map(start).collect::<Result<Vec<_>, _>>()?;
    until("the first requests", SOON, || {
        Ok((0..CALLS).all(|call| !zoo.seen(&path(call)).is_empty()).then_some(()))
    })?;
    let idle = Podium::start(serve(&url).with("PODIUM__HTTP_TASKS__ENABLED", "false"))?;
    let waiting = || idle.client().get("/api/tasks/queue/sizes?taskType=HTTP")?.json();
    assert_eq!(waiting()?["HTTP"], 0, "they are under way");
    assert!(first.terminate(SOON)?, "{}", first.log_tail());
    // not a moment later: a lease that was not handed back would lapse by itself
    assert_eq!(waiting()?["HTTP"], CALLS, "{}", first.log_tail());
    let second = Podium::start(serve(&url))?;
    for (call, id) in ids.iter().enumerate() {
        ended(&second.client(), id, "COMPLETED")?;
        assert_eq!(zoo.seen(&path(call)).len(), 2, "call {call}");
    }
    Ok(())
}

#[test]
fn a_long_call_keeps_its_lease() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let (one, _other) = (Podium::start(serve(&url))?, Podium::start(serve(&url))?);
    let path = "/slow/14";
    let request = json!({"uri": format!("{}{path}", zoo.url), "method": "GET", "readTimeOut": 60_000});
    let id = call(&one.client(), request)?;
    let task = ended(&one.client(), &id, "COMPLETED")?;
    assert_eq!((task["pollCount"].clone(), zoo.seen(path).len()), (json!(1), 1));
    Ok(())
}

#[test]
fn without_an_executor_a_call_waits() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let idle = Podium::start(serve(&url).with("PODIUM__HTTP_TASKS__ENABLED", "false"))?;
    let id = call(&idle.client(), get(&format!("{}/ok", zoo.url)))?;
    idle.client().wait_for_task(&id, "h", "SCHEDULED", SOON)?;
    assert!(zoo.seen("/ok").is_empty());
    let busy = Podium::start(serve(&url))?;
    ended(&busy.client(), &id, "COMPLETED")?;
    Ok(())
}

#[test]
fn a_rehearsal_calls_nobody() -> anyhow::Result<()> {
    let ((url, _), zoo) = (database()?, Zoo::open()?);
    let podium = Podium::start(serve(&url))?;
    let client = podium.client();
    let http = |name: &str| {
        json!({"name": name, "taskReferenceName": name, "type": "HTTP",
            "inputParameters": {"http_request": {"uri": format!("{}/ok", zoo.url), "method": "GET"}}})
    };
    let child = fresh_tag("child");
    let inner = json!({"name": child, "version": 1, "schemaVersion": 2, "ownerEmail": "t@example.com", "tasks": [http("inner")]});
    client.register_workflow(&inner)?;
    let name = fresh_tag("rehearsed");
    let sub = json!({"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": child}});
    client.register_workflow(
        &json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "t@example.com",
        "tasks": [http("outer"), sub]}),
    )?;
    let mock = |x: i32| json!([{"status": "COMPLETED", "output": {"x": x}}]);
    let body = json!({"name": name, "version": 1, "taskRefToMockOutput": {"outer": mock(1)},
        "subWorkflowTestRequest": {"s": {"name": child, "taskRefToMockOutput": {"inner": mock(2)}}}});
    let run = client.send("POST", "/api/workflow/test", &body)?.ok()?.json()?;
    assert_eq!(run["status"], "COMPLETED", "{run}");
    assert_eq!(run["tasks"][0]["outputData"], json!({"x": 1}));
    assert!(zoo.seen("/ok").is_empty());
    Ok(())
}

mod url {
    /// The port in a database URL.
    pub(super) fn port(url: &str) -> anyhow::Result<u16> {
        let rest = url.rsplit(':').next().unwrap_or_default();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok(digits.parse()?)
    }
}
