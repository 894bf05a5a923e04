//! Time zones by the names that existing schedules use.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

/// A time zone: a region (`Europe/Berlin`), `UTC`, or an offset (`+02:00`, `UTC+2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Region(Tz),
    Offset(FixedOffset),
}

impl Zone {
    /// Finds a zone by its name. Names are case-sensitive.
    pub fn parse(name: &str) -> Result<Zone, String> {
        if name == "Z" {
            return Ok(Zone::Region(Tz::UTC));
        }
        if let Ok(region) = name.parse::<Tz>() {
            return Ok(Zone::Region(region));
        }
        let offset = ["UTC", "GMT", "UT", ""].iter().find_map(|prefix| offset(name.strip_prefix(prefix)?));
        offset.map(Zone::Offset).ok_or_else(|| format!("there is no time zone \"{name}\""))
    }

    /// What clocks of the zone show.
    pub(super) fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        match self {
            Zone::Region(region) => at.with_timezone(region).naive_local(),
            Zone::Offset(offset) => at.with_timezone(offset).naive_local(),
        }
    }

    /// The instants at which clocks of the zone show this: none, one or two.
    pub(super) fn instants(&self, local: NaiveDateTime) -> Vec<DateTime<Utc>> {
        fn all<Z: TimeZone>(found: chrono::LocalResult<DateTime<Z>>) -> Vec<DateTime<Utc>> {
            let both = [found.clone().earliest(), found.latest()];
            both.into_iter().flatten().map(|at| at.with_timezone(&Utc)).collect()
        }
        match self {
            Zone::Region(region) => all(region.from_local_datetime(&local)),
            Zone::Offset(offset) => all(offset.from_local_datetime(&local)),
        }
    }
}

/// `+2`, `+02`, `+02:00`, `+0200`, and the same with a minus; 18 hours at most.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), _) => (hours, minutes),
        (None, 4) => digits.split_at_checked(2)?,
        (None, _) => (digits, "0"),
    };
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
    let seconds = number(hours)? * 3600 + number(minutes).filter(|minutes| *minutes < 60)? * 60;
    if seconds > 18 * 3600 {
        return None;
    }
    FixedOffset::east_opt(sign * seconds)
}
