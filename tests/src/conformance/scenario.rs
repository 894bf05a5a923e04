//! Scenario files, the folder they lie in, and what is declared about them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::compare::{Difference, glob};
use super::trace::Golden;

/// One scenario file. `README.md` in the conformance folder describes its members.
#[derive(Debug, Clone, Deserialize)]
pub struct Scenario {
    pub id: String,
    pub title: String,
    pub spec: String,
    #[serde(default)]
    pub requires: Vec<String>,
    #[serde(default = "default_timeout_s")]
    pub timeout_s: u64,
    #[serde(default)]
    pub exclusive: bool,
    #[serde(default)]
    pub racy: Option<String>,
    pub steps: Vec<Value>,
    #[serde(default)]
    pub finally: Vec<Value>,
    /// `area/file` without `.json`.
    #[serde(skip)]
    pub name: String,
}

fn default_timeout_s() -> u64 {
    120
}

impl Scenario {
    pub fn needs(&self, requirement: &str) -> bool {
        self.requires.iter().any(|r| r == requirement)
    }
}

/// A difference that is meant: globs of scenario, step and pointer, and why.
#[derive(Debug, Clone, Deserialize)]
pub struct Deviation {
    pub scenario: String,
    #[serde(default = "any_step")]
    pub step: Value,
    #[serde(default = "any_place")]
    pub at: String,
    pub why: String,
}

fn any_step() -> Value {
    Value::String("*".to_owned())
}

fn any_place() -> String {
    "*".to_owned()
}

impl Deviation {
    /// Whether this declaration covers the difference.
    pub fn covers(&self, scenario: &str, difference: &Difference) -> bool {
        glob(&self.scenario, scenario)
            && glob(&super::pointer::as_text(&self.step), &difference.step)
            && glob(&self.at, &difference.at)
    }
}

#[derive(Deserialize)]
struct Defect {
    scenario: String,
    better: String,
}

#[derive(Deserialize)]
struct Extra {
    at: String,
}

/// Everything in the conformance folder.
pub struct Suite {
    pub root: PathBuf,
    pub scenarios: Vec<Scenario>,
    pub deviations: Vec<Deviation>,
    /// Scenario prefix -> the better outcome that Podium gives where the recorded one is a defect.
    pub defects: BTreeMap<String, String>,
    /// Scenario -> why it does not pass yet.
    pub pending: BTreeMap<String, String>,
    pub allowed_extra: Vec<String>,
}

impl Suite {
    /// Reads the folder (`tests/conformance`).
    pub fn load(root: &Path) -> anyhow::Result<Suite> {
        let mut scenarios = Vec::new();
        for area in sorted(&root.join("scenarios"))? {
            for file in sorted(&area)? {
                let mut scenario: Scenario = read_json(&file)?;
                let area = area.file_name().unwrap_or_default().to_string_lossy();
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                scenario.name = format!("{area}/{stem}");
                scenarios.push(scenario);
            }
        }
        let defects: Vec<Defect> = read_json(&root.join("defects.json"))?;
        let extra: Vec<Extra> = read_json(&root.join("allowed_extra.json"))?;
        Ok(Suite {
            scenarios,
            deviations: read_json(&root.join("deviations.json"))?,
            defects: defects.into_iter().map(|d| (d.scenario, d.better)).collect(),
            pending: parse_pending(&std::fs::read_to_string(root.join("pending.txt"))?)?,
            allowed_extra: extra.into_iter().map(|e| e.at).collect(),
            root: root.to_owned(),
        })
    }

    /// The better outcome declared for a scenario whose recorded result is a defect.
    pub fn defect(&self, scenario: &str) -> Option<&str> {
        self.defects.iter().find(|(id, _)| scenario.starts_with(&format!("{id}-"))).map(|(_, b)| b.as_str())
    }

    /// The trace that a scenario is compared with: ours under `better/` for a defect, else the recorded one.
    /// `None` for a defect whose better outcome has not been written down.
    pub fn golden(&self, scenario: &str) -> anyhow::Result<Option<Golden>> {
        let file = |folder: &str| self.root.join(folder).join(format!("{scenario}.json"));
        let better = file("better");
        if better.exists() {
            anyhow::ensure!(
                self.defect(scenario).is_some(),
                "{scenario} is in better/ but not in defects.json"
            );
            return read_json(&better).map(Some);
        }
        if self.defect(scenario).is_some() {
            return Ok(None);
        }
        read_json(&file("golden")).map(Some)
    }

    /// Declarations that are wrong by themselves: entries for scenarios that do not exist, too many
    /// deviations (at most 5 % of the scenarios, defects not counted), missing reasons.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let known = |name: &str| self.scenarios.iter().any(|s| s.name == name);
        for name in self.pending.keys().filter(|n| !known(n)) {
            faults.push(format!("pending.txt names {name}, which is no scenario"));
        }
        let mut deviating = 0;
        for scenario in &self.scenarios {
            let declared = self.deviations.iter().any(|d| glob(&d.scenario, &scenario.name));
            deviating += usize::from(declared && self.defect(&scenario.name).is_none());
        }
        if deviating * 20 > self.scenarios.len() {
            faults.push(format!("{deviating} of {} scenarios deviate: more than 5 %", self.scenarios.len()));
        }
        for d in &self.deviations {
            if d.why.trim().is_empty() {
                faults.push(format!("deviation of {} says no why", d.scenario));
            }
            if !self.scenarios.iter().any(|s| glob(&d.scenario, &s.name)) {
                faults.push(format!("deviation of {} matches no scenario", d.scenario));
            }
        }
        for id in self.defects.keys() {
            if !self.scenarios.iter().any(|s| s.name.starts_with(&format!("{id}-"))) {
                faults.push(format!("defects.json names {id}, which is no scenario"));
            }
        }
        faults
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what its format says", path.display()))
}

fn sorted(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// `scenario, reason` a line; empty lines and lines that begin with `#` do not count.
fn parse_pending(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut pending = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (name, reason) =
            line.split_once(',').with_context(|| format!("pending.txt: no reason in {line:?}"))?;
        let reason = reason.trim();
        anyhow::ensure!(!reason.is_empty(), "pending.txt: no reason in {line:?}");
        let twice = pending.insert(name.trim().to_owned(), reason.to_owned());
        anyhow::ensure!(twice.is_none(), "pending.txt names {name} twice");
    }
    Ok(pending)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Deviation, Suite, parse_pending};
    use crate::conformance::compare::{Difference, Tolerance, traces};

    fn suite() -> Suite {
        Suite::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")).expect("the committed folder")
    }

    #[test]
    fn the_committed_declarations_are_sound() {
        assert_eq!(suite().faults(), Vec::<String>::new());
    }

    /// The recorded traces against themselves, with each `<id:n>` replaced by a UUID of its own and each
    /// wildcard as it stands: the comparison must find nothing, for all of them.
    #[test]
    fn every_golden_trace_equals_itself() {
        let suite = suite();
        let token = regex::Regex::new(r"<id:(\d+)>").expect("a pattern");
        assert!(suite.scenarios.len() > 500);
        for scenario in &suite.scenarios {
            let path = suite.root.join("golden").join(format!("{}.json", scenario.name));
            let text = std::fs::read_to_string(&path).expect(&scenario.name);
            let golden: super::Golden = serde_json::from_str(&text).expect(&scenario.name);
            let swapped = token.replace_all(&text, |c: &regex::Captures<'_>| {
                format!("{:08}-0000-4000-8000-000000000000", c[1].parse::<u32>().unwrap_or(0))
            });
            let actual: super::Golden = serde_json::from_str(&swapped).expect(&scenario.name);
            let found = traces(&golden.steps, &actual.steps, &Tolerance::default());
            assert!(found.is_empty(), "{}: {found:?}", scenario.name);
        }
    }

    #[test]
    fn pending_lines_carry_a_reason() {
        let pending = parse_pending("# why\n\na/s1-x, no bulk, yet\n").expect("two fields");
        assert_eq!(pending["a/s1-x"], "no bulk, yet");
        assert!(parse_pending("a/s1-x").is_err() && parse_pending("a, b\na, c").is_err());
    }

    #[test]
    fn a_deviation_covers_its_place_only() {
        let deviation: Deviation =
            serde_json::from_str(r#"{"scenario": "a/s1*", "step": 4, "at": "/x/*", "why": "y"}"#)
                .expect("one");
        let difference = |step: &str, at: &str| Difference {
            step: step.to_owned(),
            call: String::new(),
            at: at.to_owned(),
            expected: None,
            actual: None,
        };
        assert!(deviation.covers("a/s1-x", &difference("4", "/x/0")));
        assert!(!deviation.covers("a/s1-x", &difference("5", "/x/0")));
        assert!(!deviation.covers("a/s1-x", &difference("4", "/y")));
    }
}
