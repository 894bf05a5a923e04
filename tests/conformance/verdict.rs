//! What a scenario's run means: passed, failed with a readable report, pending.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use podium_tests::conformance::compare::{Difference, traces};
use podium_tests::conformance::{Environment, Outcome, Scenario, numbered, play};
use serde_json::{Value, json};

use super::Shared;
use super::tally::{Entry, Verdict};

/// How long a pending scenario's waits last at most: it is expected to wait in vain.
const PENDING_PATIENCE: Duration = Duration::from_secs(4);
/// The same for one that is slow: schedules fire at full minutes; the rest of the time that such a scenario
/// allows is for a genuine Conductor, which looks for new event handlers once a minute.
const PENDING_SLOW_PATIENCE: Duration = Duration::from_secs(75);
const REPORT_LINES: usize = 30;

/// Task types that Podium does not run yet: a scenario that uses one fails for that reason first.
const NOT_YET: [&str; 11] = [
    "DECISION",
    "DO_WHILE",
    "DYNAMIC",
    "EXCLUSIVE_JOIN",
    "FORK_JOIN_DYNAMIC",
    "INLINE",
    "JSON_JQ_TRANSFORM",
    "LAMBDA",
    "START_WORKFLOW",
    "SUB_WORKFLOW",
    "USER_DEFINED",
];

impl Shared {
    pub(super) fn check(&self, scenario: &Scenario, environment: &Environment) -> Result<(), Failed> {
        let listed = self.suite.pending.get(&scenario.name);
        let begun = Instant::now();
        let Found { problem, deviates } = self.play(scenario, environment, listed.is_some());
        let pending = listed.filter(|_| self.update.is_none());
        if let (Some(list), Some(problem)) = (&self.update, &problem) {
            let line = format!("{}, {}", scenario.name, problem.class(scenario));
            list.lock().expect("no trial panics while it holds the list").push(line);
        }
        let verdict = match (&pending, &problem) {
            (None, None) if deviates => Verdict::Deviating,
            (None, None) => Verdict::Ok,
            (Some(_), Some(_)) => Verdict::Pending,
            (None, Some(_)) | (Some(_), None) => Verdict::Failed,
        };
        let entry = Entry { name: scenario.name.clone(), verdict, took: begun.elapsed() };
        self.tally.lock().expect("no trial panics while it holds the tally").push(entry);
        match (pending, problem) {
            (None, None) | (Some(_), Some(_)) => Ok(()),
            (None, Some(problem)) => Err(problem.report(&scenario.title).into()),
            (Some(why), None) => {
                Err(format!("passes, though pending.txt says \"{why}\": remove it there").into())
            }
        }
    }

    fn play(&self, scenario: &Scenario, environment: &Environment, hurry: bool) -> Found {
        if scenario.needs("kafka") && environment.kafka.is_none() {
            return Found::stop("needs Kafka, there is none");
        }
        let golden = match self.suite.golden(&scenario.name) {
            Ok(golden) => golden,
            Err(error) => return Found::stop(&format!("{error:#}")),
        };
        let mut scenario = scenario.clone();
        if let Some(golden) = &golden {
            scenario.steps = golden.adapt(&scenario.steps);
        }
        let scenario = &scenario;
        let patience = if scenario.needs("slow") { PENDING_SLOW_PATIENCE } else { PENDING_PATIENCE };
        let patience = hurry.then_some(patience);
        let outcome = play(scenario, environment, patience);
        if let Err(error) = self.keep(scenario, &outcome) {
            return Found::stop(&format!("could not keep the trace: {error:#}"));
        }
        let Some(golden) = golden else {
            return Found::stop("recorded defect: the better outcome has no trace yet");
        };
        let mut differences = traces(&golden.steps, &outcome.trace, &self.tolerance);
        let all = differences.len();
        differences.retain(|d| !self.suite.deviations.iter().any(|v| v.covers(&scenario.name, d)));
        let mut stopped = outcome.stopped;
        if stopped.is_none() && outcome.trace.len() != golden.steps.len() {
            let (have, want) = (outcome.trace.len(), golden.steps.len());
            stopped = Some(format!("{have} entries recorded, the golden has {want}"));
        }
        let deviates = differences.len() < all;
        let problem =
            (stopped.is_some() || !differences.is_empty()).then_some(Problem { stopped, differences });
        Found { problem, deviates }
    }

    fn keep(&self, scenario: &Scenario, outcome: &Outcome) -> anyhow::Result<()> {
        let Some(folder) = &self.actual else { return Ok(()) };
        let path = folder.join(format!("{}.json", scenario.name));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let trace = json!({"id": scenario.id, "title": scenario.title, "spec": scenario.spec, "server": "podium",
            "stopped": outcome.stopped, "steps": numbered(&outcome.trace)?});
        std::fs::write(path, format!("{trace:#}\n"))?;
        Ok(())
    }
}

/// What playing a scenario showed.
struct Found {
    problem: Option<Problem>,
    /// Whether a declared deviation covered a difference.
    deviates: bool,
}

impl Found {
    fn stop(why: &str) -> Found {
        let problem = Problem { stopped: Some(why.to_owned()), differences: Vec::new() };
        Found { problem: Some(problem), deviates: false }
    }
}

struct Problem {
    stopped: Option<String>,
    differences: Vec<Difference>,
}

impl Problem {
    /// A short reason for a candidate line of `pending.txt`.
    fn class(&self, scenario: &Scenario) -> String {
        let text = serde_json::to_string(&scenario.steps).unwrap_or_default();
        let missing: Vec<&str> =
            NOT_YET.into_iter().filter(|t| text.contains(&format!("\"type\":\"{t}\""))).collect();
        if !missing.is_empty() {
            return format!("task type {}", missing.join(" "));
        }
        let status = self.differences.iter().find(|d| d.at == "(status)");
        if let Some(d) =
            status.filter(|d| matches!(d.actual.as_ref().and_then(Value::as_u64), Some(404 | 405 | 501)))
        {
            return format!("missing endpoint: {} answers {}", d.call, show(&d.actual));
        }
        if let Some(stopped) = &self.stopped {
            let first = stopped.lines().next().unwrap_or_default();
            return format!("stops: {}", first.chars().take(140).collect::<String>());
        }
        let Some(d) = self.differences.first() else { return "differs".to_owned() };
        format!(
            "differs: step {} {} at {}: expected {}, got {}",
            d.step,
            d.call,
            d.at,
            show(&d.expected),
            show(&d.actual)
        )
    }

    fn report(&self, title: &str) -> String {
        let mut text = format!("{title}\n");
        if let Some(stopped) = &self.stopped {
            writeln!(text, "  stopped: {stopped}").expect("writing to a text does not fail");
        }
        let mut call = None;
        for (i, d) in self.differences.iter().enumerate() {
            if i == REPORT_LINES {
                writeln!(text, "  … {} more", self.differences.len() - i)
                    .expect("writing to a text does not fail");
                break;
            }
            if call != Some((&d.step, &d.call)) {
                call = Some((&d.step, &d.call));
                writeln!(text, "  step {} {}", d.step, d.call).expect("writing to a text does not fail");
            }
            let at = if d.at.is_empty() { "/" } else { &d.at };
            writeln!(
                text,
                "    {at}\n      expected {}\n      actual   {}",
                show(&d.expected),
                show(&d.actual)
            )
            .expect("writing to a text does not fail");
        }
        text
    }
}

fn show(value: &Option<Value>) -> String {
    let text = value.as_ref().map_or("(absent)".to_owned(), Value::to_string);
    if text.chars().count() <= 240 { text } else { text.chars().take(237).chain("...".chars()).collect() }
}
