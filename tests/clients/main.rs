//! Real clients: programs on libraries that others wrote, as black boxes against one `podium serve`.
//!
//! `cargo test -p podium-tests --test clients -- python` runs those whose name contains the text. What each
//! program does is told in `README.md`; `scripts/clients.sh` installs and starts them. With
//! `PODIUM_CLIENTS_BASE` they talk to a server that runs already (its root, without `/api`).

use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use libtest_mimic::{Arguments, Failed, Trial};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{keeper, postgres, repository};

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
    let trials = names.lines().map(|name| trial(&shared, name.to_owned())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    shared.stop();
    conclusion.exit_code()
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
        let flow = script(&["run", name, base], FLOW_LIMIT)?;
        let told = flow.text.lines().filter(|line| line.starts_with(&format!("{name}: ")));
        println!("{}", told.collect::<Vec<_>>().join("\n"));
        println!(
            "{name}: prepared in {:.1} s, ran {:.1} s",
            ready.as_secs_f32(),
            (begin.elapsed() - ready).as_secs_f32()
        );
        anyhow::ensure!(flow.success, "{}\nthe server said last:\n{}", flow.text, self.log_tail());
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
