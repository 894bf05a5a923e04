//! Processes of the binary under test, and plain HTTP.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

const WAIT: Duration = Duration::from_secs(60);

pub(crate) fn podium(arguments: &[&str]) -> Command {
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

pub(crate) fn output(arguments: &[&str]) -> Output {
    podium(arguments).output().expect("the binary runs")
}

pub(crate) fn says(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// As root PostgreSQL runs as another user, who must be able to pass through.
pub(crate) fn open_to_others(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// A running `podium` with its log; killed when dropped.
pub(crate) struct Process {
    process: Child,
    log: Arc<(Mutex<String>, Condvar)>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = podium(arguments);
        command.args(["--set", "log.format=text"]).envs(variables.iter().copied());
        let mut process = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let log = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let shared = Arc::clone(&log);
        // read to the end, or the process would block on a full pipe
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                shared.0.lock().expect("no panic").push_str(&format!("{line}\n"));
                shared.1.notify_all();
            }
        });
        Self { process, log }
    }

    /// `podium dev` on a directory and a free port, up and running.
    pub(crate) fn dev(data: &Path, settings: &[&str]) -> Self {
        let mut arguments = vec!["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().expect("a path")];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        let dev = Self::start(&arguments, &[]);
        dev.logged("serves the REST API on ");
        dev
    }

    /// Waits for a line with this text; the word that follows it.
    pub(crate) fn logged(&self, text: &str) -> String {
        let deadline = Instant::now() + WAIT;
        let mut log = self.log.0.lock().expect("no panic");
        loop {
            if let Some((_, rest)) = log.split_once(text) {
                return rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} was not logged: {log}");
            log = self.log.1.wait_timeout(log, left).expect("no panic").0;
        }
    }

    /// Where its REST API listens.
    pub(crate) fn base(&self) -> String {
        self.logged("serves the REST API on ")
    }

    pub(crate) fn signal(&self, signal: i32) {
        let sent =
            Command::new("kill").args([&format!("-{signal}"), &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end; its exit code.
    pub(crate) fn ends(&mut self, within: Duration) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status.code();
            }
            assert!(begun.elapsed() < within, "it does not end: {}", self.log.0.lock().expect("no panic"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Asks again until the answer pleases.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < WAIT, "{what}: not within {} s", WAIT.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One HTTP exchange; status and body.
pub(crate) fn http(method: &str, url: &str, body: Option<&Value>) -> (u16, String) {
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
