//! How a whole run went: one line of counts, and where its time went.

use std::fmt::Write as _;
use std::time::Duration;

/// How many of the slowest scenarios are named.
const SLOWEST: usize = 5;

/// What a scenario's run counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answers as recorded.
    Ok,
    /// Answers as recorded but for declared deviations.
    Deviating,
    /// Does not pass, as `pending.txt` says.
    Pending,
    Failed,
}

/// One scenario that ran.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
}

/// The counts on one line, then the slowest scenarios on another.
pub(super) fn summary(entries: &[Entry]) -> String {
    let count = |verdict| entries.iter().filter(|e| e.verdict == verdict).count();
    let mut text = format!(
        "conformance: {} ok, {} deviating as declared, {} pending, {} failed, of {} that ran\n",
        count(Verdict::Ok),
        count(Verdict::Deviating),
        count(Verdict::Pending),
        count(Verdict::Failed),
        entries.len()
    );
    let mut slowest: Vec<&Entry> = entries.iter().collect();
    slowest.sort_by_key(|e| std::cmp::Reverse(e.took));
    let seconds = |took: Duration| took.as_secs_f64();
    let all: Duration = entries.iter().map(|e| e.took).sum();
    write!(text, "scenarios took {:.0} s in sum; the longest:", seconds(all)).expect("a text takes all");
    for entry in slowest.iter().take(SLOWEST) {
        write!(text, " {} {:.0} s;", entry.name, seconds(entry.took)).expect("a text takes all");
    }
    text.truncate(text.trim_end_matches(';').len());
    text.push('\n');
    text
}
