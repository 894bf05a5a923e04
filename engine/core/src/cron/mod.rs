//! Cron expressions with seconds, as Spring writes them: `second minute hour day-of-month month day-of-week`.
//!
//! | in a field | means |
//! |---|---|
//! | `*`, `?` (days only) | every value |
//! | `5`, `1-5`, `1,5`, `*/10`, `20/5` | values, ranges, lists, steps (`20/5` = from 20 to the end) |
//! | `JAN`…`DEC`, `MON`…`SUN` | names; Sunday is also 0 and 7 |
//! | `L`, `L-3`, `LW`, `15W` (day of month) | the last day, the third before it, the last weekday, the weekday nearest to the 15th |
//! | `FRIL`, `FRI#2` (day of week) | the last Friday, the second Friday of the month |
//!
//! Or a macro: `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`. An instant matches if all
//! fields match its local time, so both days must fit. A local time that a clock change leaves out does not
//! happen, and one that it repeats happens twice.

mod fields;
mod zone;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Timelike};

use self::fields::{Bits, DayOfMonth, DayOfWeek};
pub use self::zone::Zone;
use crate::time::Timestamp;

/// Days looked at for the next match: every pattern of days that ever comes does so within 28 years, and a century
/// may leave a leap day out.
const DAYS_AHEAD: u32 = 366 * 40;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    seconds: Bits,
    minutes: Bits,
    hours: Bits,
    days: Vec<DayOfMonth>,
    months: Bits,
    weekdays: Vec<DayOfWeek>,
}

impl Cron {
    /// Reads an expression. The error says which part cannot be read.
    pub fn parse(text: &str) -> Result<Cron, String> {
        let text = text.trim();
        let text = match text.to_ascii_lowercase().as_str() {
            "@yearly" | "@annually" => "0 0 0 1 1 *",
            "@monthly" => "0 0 0 1 * *",
            "@weekly" => "0 0 0 * * 0",
            "@daily" | "@midnight" => "0 0 0 * * *",
            "@hourly" => "0 0 * * * *",
            _ => text,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [second, minute, hour, day, month, weekday] = fields.as_slice() else {
            let found = fields.len();
            return Err(format!("a cron expression has 6 fields, \"{text}\" has {found}"));
        };
        Ok(Cron {
            seconds: fields::numbers("second", second, 0, 59)?,
            minutes: fields::numbers("minute", minute, 0, 59)?,
            hours: fields::numbers("hour", hour, 0, 23)?,
            days: fields::days_of_month(day)?,
            months: fields::months(month)?,
            weekdays: fields::days_of_week(weekday)?,
        })
    }

    /// The first matching instant after `after`; `None` if there is none within forty years.
    pub fn next(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let mut at = DateTime::from_timestamp(after.as_micros().div_euclid(1_000_000) + 1, 0)?;
        for _ in 0..DAYS_AHEAD {
            let local = zone.local(at);
            let date = local.date();
            if !self.on(date) {
                at = start_of(date.checked_add_days(Days::new(1))?, zone)?;
                continue;
            }
            while zone.local(at).date() == date {
                let time = zone.local(at).time();
                match self.wait(time) {
                    0 => return Some(Timestamp::from_micros(at.timestamp_micros())),
                    seconds => at += chrono::TimeDelta::seconds(seconds),
                }
            }
        }
        None
    }

    fn on(&self, date: NaiveDate) -> bool {
        self.months.has(date.month())
            && self.days.iter().any(|day| day.is(date))
            && self.weekdays.iter().any(|day| day.is(date))
    }

    /// Seconds after which it is worth looking again; 0 = the time of day matches. Goes to the next full hour,
    /// minute or second at most, because clocks change at none of the instants in between.
    fn wait(&self, time: NaiveTime) -> i64 {
        let (minute, second) = (i64::from(time.minute()), i64::from(time.second()));
        if !self.hours.has(time.hour()) {
            3600 - minute * 60 - second
        } else if !self.minutes.has(time.minute()) {
            60 - second
        } else if !self.seconds.has(time.second()) {
            1
        } else {
            0
        }
    }
}

/// The first instant of a day: midnight, or what follows it where a clock change leaves midnight out.
fn start_of(date: NaiveDate, zone: &Zone) -> Option<DateTime<chrono::Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    // changes are of a day at most, so that an instant before them is in the day before
    let mut at = zone.instants(midnight).into_iter().min();
    let mut quarter = 1;
    while at.is_none() && quarter <= 96 {
        at = zone.instants(midnight + chrono::TimeDelta::minutes(15 * quarter)).into_iter().min();
        quarter += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(expression).expect("readable");
        let zone = Zone::parse(zone).expect("a zone");
        let after: DateTime<chrono::Utc> = after.parse().expect("an instant");
        let mut at = Timestamp::from_millis(after.timestamp_millis());
        let mut found = Vec::new();
        while found.len() < count {
            let Some(next) = cron.next(at, &zone) else { break };
            let shown = DateTime::from_timestamp_millis(next.as_millis()).expect("in range");
            found.push(shown.format("%Y-%m-%dT%H:%M:%S").to_string());
            at = next;
        }
        found
    }

    #[test]
    fn every_field_counts() {
        assert_eq!(
            times("0 0 0 1 1 ?", "UTC", "2096-10-02T07:06:40Z", 2),
            ["2097-01-01T00:00:00", "2098-01-01T00:00:00"]
        );
        assert_eq!(
            times("0 0 12 ? * MON", "UTC", "2096-10-02T07:06:40Z", 2),
            ["2096-10-08T12:00:00", "2096-10-15T12:00:00"]
        );
        assert_eq!(
            times("*/20 5 * * * *", "UTC", "2026-01-01T00:05:39Z", 3),
            ["2026-01-01T00:05:40", "2026-01-01T01:05:00", "2026-01-01T01:05:20"]
        );
        assert_eq!(
            times("0 0 8-10,20/2 * * *", "UTC", "2026-01-01T09:30:00Z", 4),
            ["2026-01-01T10:00:00", "2026-01-01T20:00:00", "2026-01-01T22:00:00", "2026-01-02T08:00:00"]
        );
        // both days must fit
        assert_eq!(
            times("0 0 0 13 * FRI", "UTC", "2026-01-01T00:00:00Z", 2),
            ["2026-02-13T00:00:00", "2026-03-13T00:00:00"]
        );
        assert_eq!(times("0 0 0 29 2 ?", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00"]);
        assert_eq!(times("0 0 0 31 2 ?", "UTC", "2026-03-01T00:00:00Z", 1), [""; 0]);
    }

    #[test]
    fn special_days_are_found() {
        assert_eq!(
            times("0 0 0 L * ?", "UTC", "2096-10-02T07:06:40Z", 2),
            ["2096-10-31T00:00:00", "2096-11-30T00:00:00"]
        );
        assert_eq!(times("0 0 0 L-3 * ?", "UTC", "2026-02-01T00:00:00Z", 1), ["2026-02-25T00:00:00"]);
        assert_eq!(
            times("0 0 0 LW * ?", "UTC", "2026-01-01T00:00:00Z", 2),
            ["2026-01-30T00:00:00", "2026-02-27T00:00:00"]
        );
        // 2026-08-15 is a Saturday, 2026-11-01 a Sunday, 2026-08-01 a Saturday that must not leave its month
        assert_eq!(times("0 0 0 15W 8 ?", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-08-14T00:00:00"]);
        assert_eq!(times("0 0 0 1W 11 ?", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-11-02T00:00:00"]);
        assert_eq!(times("0 0 0 1W 8 ?", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-08-03T00:00:00"]);
        assert_eq!(times("0 0 0 ? * FRIL", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-30T00:00:00"]);
        assert_eq!(times("0 0 0 ? * 5#2", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-09T00:00:00"]);
        assert_eq!(times("0 0 0 ? * SUN", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-04T00:00:00"]);
        assert_eq!(times("0 0 0 ? * 0", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-04T00:00:00"]);
        assert_eq!(times("@daily", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-02T00:00:00"]);
    }

    #[test]
    fn zones_and_clock_changes() {
        assert_eq!(times("0 0 2 * * *", "Asia/Tokyo", "2026-01-01T00:00:00Z", 1), ["2026-01-01T17:00:00"]);
        assert_eq!(times("0 0 2 * * *", "+05:30", "2026-01-01T00:00:00Z", 1), ["2026-01-01T20:30:00"]);
        // 2026-03-29: no 02:30 in Berlin; 2026-10-25: two of them
        assert_eq!(
            times("0 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 1),
            ["2026-03-30T00:30:00"]
        );
        assert_eq!(
            times("0 30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00", "2026-10-25T01:30:00"]
        );
        // no midnight there on that day
        assert_eq!(
            times("0 0 1 * * *", "America/Asuncion", "2023-09-30T12:00:00Z", 1),
            ["2023-10-01T04:00:00"]
        );
    }

    #[test]
    fn what_is_no_expression_says_so() {
        for text in [
            "",
            "nope",
            "* * * * *",
            "not cron",
            "60 * * * * *",
            "0 0 24 * * *",
            "0 0 0 0 * *",
            "0 0 0 * 13 *",
            "0 0 0 * * 8",
            "*/0 * * * * *",
            "5-1 * * * * *",
            "? * * * * *",
            "0 0 0 LL * *",
            "0 0 0 * * L",
            "@never",
            "0 0 0 * * MON#6",
            "0 0 0 32W * *",
            "a * * * * *",
            "0,, * * * * *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        for zone in ["Mars/Base", "", "+25:00", "utc"] {
            assert!(Zone::parse(zone).is_err(), "{zone}");
        }
    }
}
