//! The documents keep their word: the table of scenarios is what its sources make, every task type has its page, the
//! definitions that pages show can be registered, and links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use podium_tests::conformance::Suite;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::{postgres, repository};
use serde::Deserialize;
use serde_json::Value;

/// How many scenarios the semantics have.
const COUNT: u32 = 202;

/// `docs/scenarios.json`: a part of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    title: String,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: u32,
    title: String,
    /// What covers it besides the recorded scenarios that name its number: `area/id` of another one, or `file::function`.
    #[serde(default)]
    tests: Vec<String>,
    /// What is not covered although all that is named passes.
    open: Option<String>,
    note: Option<String>,
}

/// What there is about a row.
#[derive(Default)]
struct Standing<'s> {
    /// Recorded scenarios that pass, by area.
    recorded: BTreeMap<&'s str, BTreeSet<&'s str>>,
    /// Tests that are functions: file, name.
    functions: Vec<(&'s str, &'s str)>,
    /// Recorded scenarios that do not pass yet, by the reason.
    waiting: BTreeMap<&'s str, BTreeSet<&'s str>>,
}

impl Standing<'_> {
    fn passes(&self) -> bool {
        !self.recorded.is_empty() || !self.functions.is_empty()
    }

    fn state(&self, row: &Row) -> &'static str {
        match (self.passes(), self.waiting.is_empty() && row.open.is_none()) {
            (true, true) => "covered",
            (true, false) => "in part",
            (false, _) => "**open**",
        }
    }
}

fn groups() -> Vec<Group> {
    let text =
        std::fs::read_to_string(repository().join("docs/scenarios.json")).expect("docs/scenarios.json");
    serde_json::from_str(&text).expect("docs/scenarios.json is what this test reads")
}

fn suite() -> Suite {
    Suite::load(&repository().join("tests/conformance")).expect("the recorded scenarios")
}

/// The numbers that a scenario's `spec` names: `semantics §8 #69, §8 #70`.
fn numbers(spec: &str) -> impl Iterator<Item = u32> {
    spec.split('#').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

/// `tasks/s069a-fork-join` is `s069a` of `tasks`.
fn area_and_id(name: &str) -> (&str, &str) {
    let (area, file) = name.split_once('/').unwrap_or(("", name));
    (area, file.split('-').next().unwrap_or(file))
}

fn standing<'s>(row: &'s Row, suite: &'s Suite) -> Standing<'s> {
    let mut standing = Standing::default();
    let named = |name: &str| row.tests.iter().any(|test| name.starts_with(&format!("{test}-")));
    let recorded = suite.scenarios.iter();
    for scenario in recorded.filter(|s| numbers(&s.spec).any(|n| n == row.number) || named(&s.name)) {
        let (area, id) = area_and_id(&scenario.name);
        match suite.pending.get(&scenario.name) {
            None => standing.recorded.entry(area).or_default().insert(id),
            Some(reason) => {
                standing.waiting.entry(reason.as_str()).or_default().insert(scenario.name.as_str())
            }
        };
    }
    standing.functions = row.tests.iter().filter_map(|test| test.split_once("::")).collect();
    standing
}

#[test]
fn every_scenario_has_its_row() {
    let (groups, suite) = (groups(), suite());
    let mut faults = Vec::new();
    let rows: Vec<&Row> = groups.iter().flat_map(|g| &g.rows).collect();
    let given: Vec<u32> = rows.iter().map(|row| row.number).collect();
    if given != (1..=COUNT).collect::<Vec<_>>() {
        faults.push(format!("the rows are not 1 to {COUNT}, each once and in order: {given:?}"));
    }
    for scenario in &suite.scenarios {
        let unknown = numbers(&scenario.spec).filter(|n| !(1..=COUNT).contains(n));
        faults.extend(unknown.map(|n| format!("{} names #{n}, which does not exist", scenario.name)));
    }
    for row in rows {
        for test in &row.tests {
            let count = match test.split_once("::") {
                Some((file, function)) => {
                    let text = std::fs::read_to_string(repository().join(file)).unwrap_or_default();
                    usize::from(text.contains(&format!("fn {function}(")))
                }
                None => suite.scenarios.iter().filter(|s| s.name.starts_with(&format!("{test}-"))).count(),
            };
            if count != 1 {
                faults.push(format!("row {}: {test} names {count} tests and not one", row.number));
            }
        }
        let standing = standing(row, &suite);
        if !standing.passes() && standing.waiting.is_empty() && row.open.is_none() {
            faults.push(format!("row {}: nothing covers it, and it does not say so", row.number));
        }
    }
    assert!(faults.is_empty(), "docs/scenarios.json:\n{}", faults.join("\n"));
}

#[test]
fn the_page_of_scenarios_is_what_its_sources_make() {
    let path = repository().join("docs/scenarios.md");
    let made = page(&groups(), &suite()).expect("a text takes everything");
    if std::env::var_os("PODIUM_DOCS_UPDATE").is_some() {
        std::fs::write(&path, &made).expect("the page is written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == made,
        "docs/scenarios.md is out of date: `make scenarios` writes it anew, and the change belongs into the commit"
    );
}

fn page(groups: &[Group], suite: &Suite) -> Result<String, std::fmt::Error> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in groups.iter().flat_map(|g| &g.rows) {
        *counts.entry(standing(row, suite).state(row)).or_default() += 1;
    }
    let count = |state: &str| counts.get(state).copied().unwrap_or(0);
    let mut text = String::from(HEAD);
    writeln!(
        text,
        "{} covered, {} in part, {} open.",
        count("covered"),
        count("in part"),
        count("**open**")
    )?;
    for group in groups {
        write!(
            text,
            "\n## {}\n\n| | scenario | proved by | state |\n| --- | --- | --- | --- |\n",
            group.title
        )?;
        for row in &group.rows {
            let standing = standing(row, suite);
            let line = [
                row.number.to_string(),
                row.title.clone(),
                proof(&standing),
                [standing.state(row).to_owned(), remarks(row, &standing)].concat(),
            ];
            writeln!(text, "| {} |", line.map(|cell| cell.replace('|', "\\|")).join(" | "))?;
        }
    }
    Ok(text)
}

const HEAD: &str = "# Scenarios

*Made from [scenarios.json](scenarios.json), the recorded scenarios and those of them that wait
([pending.txt](../tests/conformance/pending.txt)). Kept true by `tests/docs.rs`; `make scenarios` writes it anew.*

The specification of the semantics ends in 202 scenarios. This is what proves each of them: recorded scenarios
(`tests/conformance/scenarios/<area>/<id>-*.json`, whose `spec` names the number) and tests of the code. *In part* and
*open* say what is missing.

";

fn proof(standing: &Standing<'_>) -> String {
    let recorded = standing.recorded.iter().map(|(area, ids)| {
        let ids: Vec<&str> = ids.iter().copied().collect();
        format!("{area}: {}", ids.join(", "))
    });
    let functions = standing.functions.iter().map(|(file, name)| format!("[{name}](../{file})"));
    recorded.chain(functions).collect::<Vec<_>>().join("; ")
}

fn remarks(row: &Row, standing: &Standing<'_>) -> String {
    let waiting = standing.waiting.iter().map(|(reason, names)| {
        let names: Vec<String> = names
            .iter()
            .map(|name| {
                let (area, id) = area_and_id(name);
                format!("{area}/{id}")
            })
            .collect();
        let verb = if names.len() == 1 { "waits" } else { "wait" };
        format!("{} {verb}: {reason}", names.join(", "))
    });
    let own = row.open.iter().chain(&row.note).cloned();
    own.chain(waiting).map(|remark| format!("; {remark}")).collect()
}

/// Markdown files under a folder.
fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !matches!(&*name, "target" | "node_modules") {
                pages(&path, into);
            }
        } else if name.ends_with(".md") {
            into.push(path);
        }
    }
    into.sort();
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

#[test]
fn links_lead_somewhere() {
    let mut files = Vec::new();
    pages(&repository(), &mut files);
    assert!(files.len() > 20, "{files:?}");
    let mut faults = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable page");
        let folder = file.parent().expect("a page lies in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') && !folder.join(target).exists() {
                faults.push(format!("{}: {link}", shown(&file)));
            }
        }
    }
    assert!(faults.is_empty(), "links that lead nowhere:\n{}", faults.join("\n"));
}

#[test]
fn every_task_type_has_its_page() {
    let docs = repository().join("docs/tasks");
    let index = std::fs::read_to_string(docs.join("README.md")).expect("docs/tasks/README.md");
    let mut faults = Vec::new();
    let sources = std::fs::read_dir(repository().join("engine/core/src/tasks")).expect("the task types");
    for source in sources.flatten().map(|entry| entry.path()) {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&source).unwrap_or_default();
        if text.contains("impl TaskKind for") && !docs.join(format!("{stem}.md")).exists() {
            faults.push(format!("{stem} has no page"));
        }
    }
    let mut files = Vec::new();
    pages(&docs, &mut files);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != "README.md" && !index.contains(&format!("]({name})")) {
            faults.push(format!("docs/tasks/README.md does not list {name}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The blocks of JSON in a page.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next())
}

#[test]
fn definitions_that_pages_show_can_be_registered() -> anyhow::Result<()> {
    let url = postgres::shared()?.database("docs")?;
    let podium = Podium::start(Settings::serve(&url))?;
    let client = podium.client();
    let mut files = Vec::new();
    pages(&repository().join("docs/tasks"), &mut files);
    let (mut faults, mut registered) = (Vec::new(), 0);
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        for block in blocks(&text) {
            let value: Value = match serde_json::from_str(block) {
                Ok(value) => value,
                Err(error) => {
                    faults.push(format!("{}: {error} in\n{block}", shown(&file)));
                    continue;
                }
            };
            if value.get("tasks").is_none() {
                continue;
            }
            registered += 1;
            let answer = client.send("POST", "/api/metadata/workflow", &value)?;
            if answer.status != 200 {
                faults.push(format!("{}: {} {}", shown(&file), answer.status, answer.text()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(registered > 20, "only {registered} definitions were found");
    Ok(())
}
