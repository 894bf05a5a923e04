//! The conformance test: recorded scenarios of a genuine Conductor, replayed on one fresh `podium serve`.
//!
//! `cargo test -p podium-tests --test conformance -- tasks/s001` runs those whose name contains the text. A
//! scenario passes when every recorded call is answered as recorded, or as `deviations.json` declares.
//! `pending.txt` names those that do not pass yet: one of them that passes fails the run, so that the list
//! cannot rot. The environment:
//!
//! | variable | effect |
//! | --- | --- |
//! | `PODIUM_CONFORMANCE_BASE` | root of a server that runs already (without `/api`), instead of a fresh one |
//! | `PODIUM_TEST_KAFKA` | broker as runner and server see it; without it a node of our own is started |
//! | `PODIUM_CONFORMANCE_ACTUAL` | folder that gets the numbered trace of every run, in the golden format |
//! | `PODIUM_CONFORMANCE_UPDATE=1` | ignores `pending.txt` and prints what it should say |

mod tally;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use libtest_mimic::{Arguments, Trial};
use podium_tests::conformance::stub::Stub;
use podium_tests::conformance::{Environment, Rules, Scenario, Suite};
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{kafka, postgres};
use tally::Entry;

/// As many scenarios wait for the server at once; most of a scenario's time is waiting. With 24 beside a build
/// on two cores, a scenario missed the second that its poll time-out leaves.
const JOBS: usize = 16;

/// What all trials share. The server starts with the first trial that runs, not for `--list`.
struct Shared {
    suite: Suite,
    tolerance: podium_tests::conformance::compare::Tolerance,
    environment: OnceLock<Result<Environment, String>>,
    server: Mutex<Option<Podium>>,
    /// Scenarios that must run alone write-lock it, the others read-lock it.
    alone: RwLock<()>,
    /// Set by `PODIUM_CONFORMANCE_UPDATE`: failures with their class.
    update: Option<Mutex<Vec<String>>>,
    actual: Option<PathBuf>,
    tally: Mutex<Vec<Entry>>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(JOBS);
    let shared = match prepare() {
        Ok(shared) => Arc::new(shared),
        Err(error) => {
            eprintln!("conformance: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut scenarios: Vec<&Scenario> = shared.suite.scenarios.iter().collect();
    // the long ones first, so that none of them is what all wait for in the end
    scenarios.sort_by_key(|s| (s.exclusive, !s.needs("slow")));
    let trials = scenarios.into_iter().map(|scenario| trial(&shared, scenario.clone())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(failed) = &shared.update {
        let mut lines = failed.lock().expect("no trial panics while it holds the list").clone();
        lines.sort();
        println!("# pending.txt\n{}", lines.join("\n"));
    }
    shared.stop();
    print!("{}", tally::summary(&shared.tally.lock().expect("no trial panics while it holds the tally")));
    conclusion.exit_code()
}

fn prepare() -> anyhow::Result<Shared> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let suite = Suite::load(&root)?;
    let faults = suite.faults();
    anyhow::ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let rules = Rules::parse(&std::fs::read_to_string(root.join("rules.json"))?)?;
    Ok(Shared {
        tolerance: rules.tolerance(&suite.allowed_extra),
        suite,
        environment: OnceLock::new(),
        server: Mutex::new(None),
        alone: RwLock::new(()),
        update: std::env::var_os("PODIUM_CONFORMANCE_UPDATE").map(|_| Mutex::new(Vec::new())),
        actual: std::env::var_os("PODIUM_CONFORMANCE_ACTUAL").map(PathBuf::from),
        tally: Mutex::default(),
    })
}

fn trial(shared: &Arc<Shared>, scenario: Scenario) -> Trial {
    let shared = Arc::clone(shared);
    Trial::test(scenario.name.clone(), move || {
        let environment = shared.environment()?;
        if scenario.exclusive {
            let _alone = shared.alone.write();
            shared.check(&scenario, environment)
        } else {
            let _together = shared.alone.read();
            shared.check(&scenario, environment)
        }
    })
}

impl Shared {
    fn environment(&self) -> Result<&Environment, String> {
        let made = self.environment.get_or_init(|| self.open().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(Clone::clone)
    }

    fn open(&self) -> anyhow::Result<Environment> {
        let rules = Rules::parse(&std::fs::read_to_string(self.suite.root.join("rules.json"))?)?;
        let base = std::env::var("PODIUM_CONFORMANCE_BASE").ok();
        let kafka = match (&base, std::env::var("PODIUM_TEST_KAFKA")) {
            (_, Ok(given)) => Some(given).filter(|g| !g.is_empty()),
            (Some(_), Err(_)) => None,
            (None, Err(_)) => Some(kafka::shared()?.to_owned()),
        };
        let base = match base {
            Some(base) => base,
            None => self.start_server(kafka.as_deref())?,
        };
        Ok(Environment { base, kafka, stub: Stub::start()?, rules })
    }

    fn start_server(&self, kafka: Option<&str>) -> anyhow::Result<String> {
        let mut settings = Settings::serve(&postgres::shared()?.database("conformance")?);
        if let Some(kafka) = kafka {
            settings = settings.with("KAFKA_BOOTSTRAP", kafka);
        }
        let server = Podium::start(settings)?;
        let base = server.base();
        *self.server.lock().expect("nobody panics while holding it") = Some(server);
        Ok(base)
    }

    /// Stops what was started. Statics are not dropped, so this does it by hand.
    fn stop(&self) {
        let server = self.server.lock().expect("nobody panics while holding it").take();
        if let Some(mut server) = server {
            if !server.is_alive() {
                println!("the server ended during the run: {}", server.log_tail());
            }
            drop(server);
        }
        postgres::stop_shared();
        kafka::stop_shared();
    }
}
