//! Figures with the design's targets beside them: one JSON line each, and a table at the end.

use std::io::Write as _;
use std::path::PathBuf;

use podium_tests::support::repository;
use serde_json::{Value, json};

/// What a figure must reach (design figures: `docs/benchmarks.md`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Reported beside the others; nothing is asked of it.
    None,
}

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

impl Figure {
    fn verdict(&self) -> &'static str {
        match self.target {
            Target::AtLeast(t) if self.value >= t => "ok",
            Target::AtMost(t) if self.value <= t => "ok",
            Target::None => "",
            _ => "short",
        }
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::AtLeast(t) => format!(">= {}", number(t)),
            Target::AtMost(t) => format!("<= {}", number(t)),
            Target::None => String::new(),
        }
    }
}

/// Collects figures.
pub(crate) struct Report {
    figures: Vec<Figure>,
    about: Value,
}

impl Report {
    /// `about`: machine, settings and commit; a number without these is not a number.
    pub(crate) fn new(about: Value) -> Report {
        Report { figures: Vec::new(), about }
    }

    /// Adds a figure and prints it.
    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &'static str, target: Target) {
        let figure = Figure { name: name.to_owned(), value, unit, target };
        println!(
            "  {:<58} {:>12} {:<8} {:<12} {}",
            name,
            number(value),
            unit,
            figure.target_text(),
            figure.verdict()
        );
        self.figures.push(figure);
    }

    /// Prints a heading.
    pub(crate) fn section(&self, title: &str) {
        println!("\n{title}");
    }

    /// Writes `bench/results/<date>-<commit>.jsonl`; returns its path and how many figures fell short.
    pub(crate) fn write(&self) -> anyhow::Result<(PathBuf, usize)> {
        let date = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
        let commit = self.about["commit"].as_str().unwrap_or("unknown");
        let folder = repository().join("bench/results");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{date}-{commit}.jsonl"));
        let mut file = std::fs::File::create(&path)?;
        writeln!(file, "{}", self.about)?;
        for f in &self.figures {
            let line = json!({"name": f.name, "value": f.value, "unit": f.unit, "target": f.target_text(),
                "verdict": f.verdict()});
            writeln!(file, "{line}")?;
        }
        Ok((path, self.figures.iter().filter(|f| f.verdict() == "short").count()))
    }

    /// The table for `docs/benchmarks.md`.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("| figure | value | must reach | |\n| --- | ---: | --- | --- |\n");
        for f in &self.figures {
            let value = format!("{} {}", number(f.value), f.unit);
            text.push_str(&format!(
                "| {} | {} | {} | {} |\n",
                f.name,
                value.trim(),
                f.target_text(),
                f.verdict()
            ));
        }
        text
    }
}

/// With as many digits as matter.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.4}"),
    }
}

/// The value below which the given share of the samples lies. Sorts them; zero if there are none.
pub(crate) fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    samples.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}
