//! Adds a customer segment, a risk score and the time to each row.
//!
//! The existing service draws segment and score at random. Ours follow from the row itself, so that a request that comes
//! again gives the same bytes, and the same customer the same values in every file.

use chrono::{DateTime, SecondsFormat, Utc};
use podium_objects::ObjectStore;
use serde_json::{Map, Value, json};

use crate::csv::Record;
use crate::file_work::{self, FileWork};
use crate::request::{FileRequest, Request};
use crate::service::{FileSettings, Outcome, Parts, Service, ServiceError};
use crate::table::{Reason, RowRule};

const COLUMNS: [&str; 3] = ["customer_segment", "risk_score", "enrichment_timestamp"];
const SEGMENTS: [&str; 3] = ["Premium", "Standard", "Basic"];
/// Of `data`, what says nothing about a customer.
const NOT_CELLS: [&str; 3] = ["pipelineStage", "previousStage", "records"];

/// The rule: three columns at the end of each row, or over those of the same names.
#[derive(Clone, Debug)]
pub struct Enrichment {
    at: String,
    segments: [u64; 3],
}

impl Enrichment {
    /// With this time in every row.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self { at: time.to_rfc3339_opts(SecondsFormat::Secs, true), segments: [0; 3] }
    }

    /// Segment and risk score that follow from these cells.
    fn judge<'a>(cells: impl Iterator<Item = &'a str>) -> (usize, String) {
        let seed = seed(cells);
        let segment = (seed % 3) as usize;
        // 10 to 100 hundredths, written as pandas writes them: 0.5, 0.37, 1.0
        let hundredths = 10 + (seed >> 32) % 91;
        (segment, format!("{:?}", hundredths as f64 / 100.0))
    }
}

impl RowRule for Enrichment {
    fn adds(&self) -> &'static [&'static str] {
        &COLUMNS
    }

    fn row(&mut self, record: &Record, _: &str, added: &mut Vec<String>) -> Result<(), Reason> {
        let (segment, risk) = Self::judge(record.cells());
        self.segments[segment] += 1;
        added.extend([SEGMENTS[segment].to_owned(), risk, self.at.clone()]);
        Ok(())
    }

    fn tallies(&self) -> Vec<(&'static str, &'static str, u64)> {
        SEGMENTS.into_iter().zip(self.segments).map(|(segment, rows)| (COLUMNS[0], segment, rows)).collect()
    }
}

/// A number that every bit of the cells changes: FNV-1a over them and the gaps between them, then the finalizer of
/// SplitMix64, because the low bits of FNV alone hang on the last letters.
fn seed<'a>(cells: impl Iterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for cell in cells {
        cell.bytes().for_each(&mut take);
        // no cell holds it, so "a,b" and "ab," differ
        take(0);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The service.
pub struct Enricher {
    store: ObjectStore,
    settings: FileSettings,
}

impl Enricher {
    pub fn new(store: ObjectStore, settings: FileSettings) -> Self {
        Self { store, settings }
    }
}

impl Service for Enricher {
    const NAME: &'static str = "enricher";
    const TOPIC: &'static str = "enrichment-requests";
    const GROUP: &'static str = "enricher-group";
    const REQUEST_TYPE: &'static str = "enrichment_request";
    const COMPLETED_TYPE: &'static str = "enrichment_completed";
    const STAGE: &'static str = "enrichment";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Ok(Self::new(parts.objects.clone(), parts.files.clone()))
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        file_work::prelude(&self.settings, false).await?;
        // the time of the request, not of its handling: it stays the same when the request comes again
        let rule = Enrichment::at(request.sent_at.unwrap_or_else(Utc::now));
        if let (Some(cells), false) = (cells(&request.data), FileRequest::is_named_by(request)) {
            return Ok(Outcome::completed(one(&rule, cells)));
        }
        let keep_rejected = self.settings.strict;
        let work = FileWork { role: "enricher", name: Self::NAME, stem: "enriched", keep_rejected };
        work.answer(&self.store, rule, request).await
    }
}

/// A single customer in `data`, if there is one.
fn cells(data: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut cells = data.clone();
    cells.retain(|name, value| value.is_string() && !NOT_CELLS.contains(&name.as_str()));
    (!cells.is_empty()).then_some(cells)
}

/// The answer for one customer: their fields and the three of ours.
fn one(rule: &Enrichment, mut cells: Map<String, Value>) -> Value {
    let (segment, risk) = Enrichment::judge(cells.values().filter_map(Value::as_str));
    let risk: f64 = risk.parse().expect("it was written as a number");
    let added = [json!(SEGMENTS[segment]), json!(risk), json!(rule.at), json!(1), json!(0)];
    let names = COLUMNS.into_iter().chain(["processedRecords", "failedRecords"]);
    cells.extend(names.map(str::to_owned).zip(added));
    cells.into()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::{Enrichment, cells, one};
    use crate::table::{Counts, Outputs, Table};

    fn rule() -> Enrichment {
        Enrichment::at(DateTime::from_timestamp(1_768_132_800, 0).expect("a time"))
    }

    fn enrich(data: &str) -> (String, Counts) {
        let mut out = Outputs::default();
        let mut table = Table::new(rule(), false);
        table.push(data.as_bytes(), &mut out).expect("a table");
        let counts = table.finish(&mut out).expect("a table");
        (String::from_utf8(out.valid).expect("text"), counts)
    }

    #[test]
    fn every_row_gets_three_columns_that_follow_from_it() {
        let (first, counts) = enrich("id,name\n1,Ann\n2,Bob\n1,Ann\n");
        let rows: Vec<&str> = first.lines().collect();
        assert_eq!(rows[0], "id,name,customer_segment,risk_score,enrichment_timestamp");
        assert_eq!(rows[1], rows[3]);
        assert!(rows[1].starts_with("1,Ann,") && rows[1].ends_with(",2026-01-11T12:00:00Z"), "{}", rows[1]);
        assert_eq!((counts.valid, counts.rejected()), (3, 0));
        assert_eq!(counts.tallies.iter().map(|(_, _, rows)| rows).sum::<u64>(), 3);
        assert_eq!(enrich("id,name\n1,Ann\n2,Bob\n1,Ann\n").0, first);
    }

    #[test]
    fn values_spread_over_their_ranges() {
        let data: String = (0..5000).map(|i| format!("{i},x\n")).collect();
        let (text, counts) = enrich(&format!("id,name\n{data}"));
        assert!(
            counts.tallies.iter().all(|(_, _, rows)| (1500..1850).contains(rows)),
            "{:?}",
            counts.tallies
        );
        let risks: Vec<f64> = text
            .lines()
            .skip(1)
            .map(|l| l.split(',').nth(3).expect("a cell").parse().expect("a number"))
            .collect();
        assert!(risks.iter().all(|r| (0.1..=1.0).contains(r)));
        assert!(risks.contains(&0.1) && risks.contains(&1.0), "both ends are reached");
        assert!(text.lines().skip(1).all(|l| l.split(',').nth(3).expect("a cell").len() <= 4));
    }

    #[test]
    fn one_customer_is_answered_inline() {
        let data = json!({"email": "a@b.co", "records": 1000, "pipelineStage": "enrichment"});
        let found = cells(data.as_object().expect("an object")).expect("a customer");
        let answer = one(&rule(), found);
        assert_eq!((&answer["email"], &answer["processedRecords"]), (&json!("a@b.co"), &json!(1)));
        assert!(answer["customer_segment"].is_string() && answer["risk_score"].is_f64(), "{answer}");
        assert_eq!(cells(json!({"records": 1}).as_object().expect("an object")), None);
    }
}
