//! Real clients: programs on libraries that others wrote, as black boxes against one `podium serve`.
//!
//! `cargo test -p podium-tests --test clients -- python` runs those whose name contains the text. What each
//! program does is told in `README.md`; `scripts/clients.sh` installs and starts them. With
//! `PODIUM_CLIENTS_BASE` they talk to a server that runs already (its root, without `/api`).

mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use libtest_mimic::{Arguments, Failed, Trial};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{keeper, postgres, repository};
use witness::{Exchange, Witness};

/// The flows mostly wait; more at once would make two cores miss the seconds that a lease leaves.
const JOBS: usize = 3;

/// A cold cache downloads up to 60 MB and compiles a few packages of Go.
const PREPARE_LIMIT: Duration = Duration::from_secs(900);

/// A flow takes about ten seconds.
const FLOW_LIMIT: Duration = Duration::from_secs(180);

/// What all trials share. The server starts with the first trial that runs, not for `--list`.
#[derive(Default)]
struct Shared {
    base: OnceLock<Result<String, String>>,
    server: Mutex<Option<Podium>>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(JOBS);
    let names = match script(&["names"], PREPARE_LIMIT) {
        Ok(Output { text, success: true }) => text,
        Ok(Output { text, success: false }) => return give_up(&text),
        Err(error) => return give_up(&format!("{error:#}")),
    };
    let shared = Arc::new(Shared::default());
    let mut trials: Vec<Trial> = names.lines().map(|name| trial(&shared, name.to_owned())).collect();
    if let Err(reason) = jdk() {
        eprintln!("clients: java is left out: {reason:#}");
        trials = trials
            .into_iter()
            .map(|t| if t.name() == "java" { t.with_ignored_flag(true) } else { t })
            .collect();
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    shared.stop();
    conclusion.exit_code()
}

/// The Java SDK needs a JDK that a Debian before 13 has no package of; there its flow is left out, but not in CI.
fn jdk() -> anyhow::Result<()> {
    let found = script(&["jdk"], PREPARE_LIMIT)?;
    anyhow::ensure!(found.success || std::env::var_os("CI").is_some(), "{}", found.text.trim());
    Ok(())
}

fn give_up(reason: &str) -> ExitCode {
    eprintln!("clients: {reason}");
    ExitCode::FAILURE
}

fn trial(shared: &Arc<Shared>, name: String) -> Trial {
    let shared = Arc::clone(shared);
    Trial::test(name.clone(), move || shared.check(&name).map_err(|error| Failed::from(format!("{error:#}"))))
}

impl Shared {
    fn check(&self, name: &str) -> anyhow::Result<()> {
        let base = self.base()?;
        let begin = Instant::now();
        let prepared = script(&["prepare", name], PREPARE_LIMIT)?;
        anyhow::ensure!(prepared.success, "could not be prepared: {}", prepared.text);
        let ready = begin.elapsed();
        let witness = Witness::start(base)?;
        let flow = script(&["run", name, witness.base()], FLOW_LIMIT)?;
        let seen = witness.seen();
        println!(
            "{name}: prepared in {:.1} s, ran {:.1} s, {}",
            ready.as_secs_f32(),
            (begin.elapsed() - ready).as_secs_f32(),
            summary(&seen)
        );
        let faults = faults(name, &seen).join("\n");
        let server = self.log_tail();
        let text = tail(&flow.text);
        anyhow::ensure!(flow.success, "{text}\n{faults}\nthe server said last:\n{server}");
        anyhow::ensure!(faults.is_empty(), "{text}\n{faults}\nthe server said last:\n{server}");
        let told = text.lines().filter(|line| line.starts_with(&format!("{name}: ")));
        println!("{}", told.collect::<Vec<_>>().join("\n"));
        Ok(())
    }

    fn base(&self) -> anyhow::Result<&str> {
        let made = self.base.get_or_init(|| self.start_server().map_err(|error| format!("{error:#}")));
        made.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn start_server(&self) -> anyhow::Result<String> {
        if let Ok(given) = std::env::var("PODIUM_CLIENTS_BASE") {
            return Ok(given);
        }
        let server = Podium::start(Settings::serve(&postgres::shared()?.database("clients")?))?;
        let base = server.base();
        *self.server.lock().expect("nobody panics while holding it") = Some(server);
        Ok(base)
    }

    fn log_tail(&self) -> String {
        let server = self.server.lock().expect("nobody panics while holding it");
        server.as_ref().map(Podium::log_tail).unwrap_or_default()
    }

    /// Stops what was started. Statics are not dropped, so this does it by hand.
    fn stop(&self) {
        drop(self.server.lock().expect("nobody panics while holding it").take());
        postgres::stop_shared();
    }
}

/// The last lines: SDKs write stack traces of work that fails on purpose.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(100)..].join("\n")
}

/// Requests, the places they went to, and the answers by status.
fn summary(seen: &[Exchange]) -> String {
    let places: BTreeSet<(&str, String)> =
        seen.iter().map(|call| (call.method.as_str(), place(&call.path))).collect();
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for call in seen {
        *answers.entry(call.status).or_default() += 1;
    }
    let answers: Vec<String> =
        answers.iter().map(|(status, count)| format!("{count} times {status}")).collect();
    format!("{} requests to {} operations: {}", seen.len(), places.len(), answers.join(", "))
}

/// A path without ids and names of this run: they hold digits or underscores, the API's own words do not.
fn place(path: &str) -> String {
    let own = |part: &str| part.len() > 12 && part.contains(|c: char| c.is_ascii_digit() || c == '_');
    let parts: Vec<&str> = path.split('/').map(|part| if own(part) { "*" } else { part }).collect();
    parts.join("/")
}

/// Clients whose worker hosts report by `update-v2` and fall back for good when it is refused once.
const REPORT_BY_V2: [&str; 5] = ["python", "javascript", "java", "generated_python", "generated_typescript"];

/// SDKs that ask for a token when they have a key, and never again after the 404.
const ASK_FOR_A_TOKEN: [&str; 3] = ["python", "javascript", "java"];

/// What a client does not tell, because it lives with it: answers that it retries or works around.
fn faults(name: &str, seen: &[Exchange]) -> Vec<String> {
    let mut faults: BTreeSet<String> = BTreeSet::new();
    for Exchange { method, path, status } in seen.iter().filter(|call| call.status >= 400) {
        let place = place(path);
        // the two refusals that the flows provoke
        let meant = matches!(
            (method.as_str(), place.as_str(), status),
            ("POST", "/api/token", 404) | ("GET", "/api/workflow/*", 404)
        );
        if !meant {
            faults.insert(format!("{method} {path} was answered with {status}"));
        }
    }
    let count =
        |method: &str, path: &str| seen.iter().filter(|c| c.method == method && c.path == path).count();
    if REPORT_BY_V2.contains(&name) && count("POST", "/api/tasks/update-v2") == 0 {
        faults.insert("no result was reported by POST /api/tasks/update-v2".to_owned());
    }
    let tokens = count("POST", "/api/token");
    if tokens != usize::from(ASK_FOR_A_TOKEN.contains(&name)) {
        faults.insert(format!("a token was asked for {tokens} times"));
    }
    faults.into_iter().collect()
}

/// What a call of the script wrote to both of its outputs, in order.
struct Output {
    text: String,
    success: bool,
}

/// Calls `scripts/clients.sh`. `timeout` ends it with all that it started; it ends with us too.
fn script(arguments: &[&str], limit: Duration) -> anyhow::Result<Output> {
    let written = tempfile::NamedTempFile::new()?;
    let output = written.reopen()?;
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", &limit.as_secs().to_string()]);
    command.arg(repository().join("scripts/clients.sh")).args(arguments);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    // What the person who runs the tests has set for these libraries must not decide what is tested.
    for name in ["CONDUCTOR_SERVER_URL", "CONDUCTOR_AUTH_KEY", "CONDUCTOR_AUTH_SECRET", "taskUpdateV2"] {
        command.env_remove(name);
    }
    let mut child = keeper::spawn(command, libc::SIGTERM).context("could not start scripts/clients.sh")?;
    let status = child.wait()?;
    let mut text = std::fs::read_to_string(written.path())?;
    if status.code() == Some(124) {
        text.push_str(&format!("\nnot done after {} s", limit.as_secs()));
    }
    Ok(Output { text, success: status.success() })
}
