//! What settings and the environment change of the REST API.

#[path = "support/mod.rs"]
mod support;

use std::io::{Read, Write};

use serde_json::{Value, json};
use support::{Process, http, open_to_others};

const DESIGNER: &str = "http://localhost:5173";

/// Head of the answer to a request that a browser sends for a page of `origin`.
fn from_browser(base: &str, method: &str, path: &str, origin: &str) -> String {
    let address = base.strip_prefix("http://").expect("an address");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let asked = if method == "OPTIONS" {
        "access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n"
    } else {
        ""
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norigin: {origin}\r\n{asked}\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer.split_once("\r\n\r\n").expect("a head").0.to_ascii_lowercase()
}

#[test]
fn dev_lets_the_designer_in_and_old_clients_may_ask_for_old_answers() {
    let data = tempfile::tempdir_in("/tmp").expect("a directory");
    open_to_others(data.path());
    let arguments = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data.path().to_str().expect("a path"),
        "--set",
        "server.compat_3_15=true",
    ];
    let variables =
        [("CONDUCTOR_SECRET_PIN", "4711"), ("CONDUCTOR_ENV_region", "eu"), ("CONDUCTOR_ENV_stage", "test")];
    let dev = Process::start(&arguments, &variables);
    let base = dev.base();

    let preflight = from_browser(&base, "OPTIONS", "/api/workflow", DESIGNER);
    assert!(preflight.starts_with("http/1.1 200"), "{preflight}");
    for part in [&format!("access-control-allow-origin: {DESIGNER}"), "access-control-allow-headers: *"] {
        assert!(preflight.contains(part), "{part}: {preflight}");
    }
    assert!(preflight.contains("access-control-allow-methods: get,post,put,delete"), "{preflight}");
    let call = from_browser(&base, "GET", "/api/version", DESIGNER);
    assert!(call.contains(&format!("access-control-allow-origin: {DESIGNER}")), "{call}");
    for other in ["http://localhost:5174", "https://localhost:5173", "null"] {
        for method in ["OPTIONS", "GET"] {
            let answer = from_browser(&base, method, "/api/version", other);
            assert!(!answer.contains("access-control-allow-origin"), "{other}: {answer}");
        }
    }

    let unknown = format!("{base}/api/tasks/00000000-0000-4000-8000-000000000000");
    assert_eq!(http("GET", &unknown, None), (204, String::new()));
    assert_eq!(http("GET", &format!("{unknown}/log"), None), (200, "[]".to_owned()));

    let json = |path: &str| -> Value {
        let (status, body) = http("GET", &format!("{base}{path}"), None);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    };
    assert_eq!(json("/api/secrets"), json!(["PIN"]));
    let variables = json!([{"name": "region", "value": "eu"}, {"name": "stage", "value": "test"}]);
    assert_eq!(json("/api/environment"), variables);
    assert_eq!(http("GET", &format!("{base}/api/environment/region"), None), (200, "eu".to_owned()));
    let config = json("/api/admin/config");
    assert_eq!(config["server.compat_3_15"], "true");
    assert_eq!(config["s3.region"], "us-east-1");
    assert!(!config.to_string().contains("4711"), "{config}");
}
