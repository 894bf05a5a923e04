//! What a job counts, and the two texts that tell of it.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Job, JobReport, RULES};

/// How often each value of each counted field came. The fields and their values are few and known.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    records: u64,
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    pub(super) fn record(&mut self) {
        self.records += 1;
    }

    pub(super) fn count(&mut self, field: &'static str, value: &'static str) {
        *self.counts.entry((field, value)).or_default() += 1;
    }

    /// The report (`field TAB ALL|value TAB count`) and the statistics (JSON lines).
    pub(super) fn report(&self, job: Job) -> JobReport {
        let mut stats = format!("{}\n", json!({"job": job.name(), "rules": RULES, "records": self.records}));
        let mut counts = String::new();
        for ((field, value), count) in &self.counts {
            counts.push_str(&format!("{field}\tALL|{value}\t{count}\n"));
            let line = json!({"job": job.name(), "field": field, "value": value, "count": count});
            stats.push_str(&format!("{line}\n"));
        }
        JobReport { records: self.records, counts, stats }
    }
}
