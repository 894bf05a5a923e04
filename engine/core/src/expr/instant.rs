//! The texts that a WAIT takes: how long, and until when.

use std::sync::OnceLock;

use regex::{Captures, Regex};

use crate::time::{Span, Timestamp};

/// Why a WAIT cannot tell when it ends. The texts are those that clients see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstantError {
    #[error("Not valid duration: {0}")]
    Duration(String),
    #[error("Invalid/Unsupported Wait Until format.  Provided: {0}")]
    Until(String),
}

/// Reads `1 days 2 hours`, `1d2h3m4s`, `90s`: optional days, hours, minutes and seconds in this order, blanks free.
/// A blank text is no time at all.
pub fn parse_duration(text: &str) -> Result<Span, InstantError> {
    static FORM: OnceLock<Regex> = OnceLock::new();
    let form = FORM.get_or_init(|| {
        Regex::new(
            r"(?ix)^[\x20\t\r\n]* (?: ([0-9]+) [\x20\t\r\n]* (?: days | day | d ) )?
              [\x20\t\r\n]* (?: ([0-9]+) [\x20\t\r\n]* (?: hours | hour | hrs | hr | h ) )?
              [\x20\t\r\n]* (?: ([0-9]+) [\x20\t\r\n]* (?: minutes | minute | mins | min | m ) )?
              [\x20\t\r\n]* (?: ([0-9]+) [\x20\t\r\n]* (?: seconds | second | secs | sec | s ) )?
              [\x20\t\r\n]*$",
        )
        .expect("the pattern is a constant")
    });
    let fail = || InstantError::Duration(text.to_owned());
    let parts = form.captures(text).ok_or_else(fail)?;
    let seconds = [86_400, 3_600, 60, 1].into_iter().enumerate().try_fold(0i64, |sum, (at, unit)| {
        let count =
            parts.get(at + 1).map_or(Ok(0), |digits| digits.as_str().parse::<i32>()).map_err(|_| fail())?;
        Ok(sum + i64::from(count) * unit)
    })?;
    Ok(Span::from_secs(seconds))
}

/// Reads `2040-01-02`, `2040-01-02 03:04` and `2040-01-02 03:04 UTC`. Without a zone it is UTC. Fields that are too
/// large carry over, so 32 January is 1 February.
pub fn parse_until(text: &str) -> Result<Timestamp, InstantError> {
    static FORM: OnceLock<Regex> = OnceLock::new();
    let form = FORM.get_or_init(|| {
        Regex::new(r"^([0-9]{1,9})-([0-9]{1,4})-([0-9]{1,6})(?: ([0-9]{1,6}):([0-9]{1,6})(?: (\S+))?)?$")
            .expect("the pattern is a constant")
    });
    form.captures(text).and_then(|parts| instant(&parts)).ok_or_else(|| InstantError::Until(text.to_owned()))
}

fn instant(parts: &Captures<'_>) -> Option<Timestamp> {
    let number = |at: usize| parts.get(at).map_or(Some(0), |digits| digits.as_str().parse::<i64>().ok());
    let offset = parts.get(6).map_or(Some(0), |zone| zone_offset(zone.as_str()))?;
    let days = days_from_civil(number(1)?, number(2)? - 1) + number(3)? - 1;
    let seconds = days * 86_400 + number(4)? * 3_600 + number(5)? * 60 - offset;
    seconds.checked_mul(1_000).map(Timestamp::from_millis)
}

/// Days from 1970-01-01 to the first of a month, which counts from 0 and may exceed 11.
fn days_from_civil(year: i64, month: i64) -> i64 {
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12) + 1);
    // the year starts in March here, so that the leap day is the last one
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Seconds east of Greenwich.
fn zone_offset(zone: &str) -> Option<i64> {
    let hours = match zone.to_ascii_uppercase().as_str() {
        "UTC" | "GMT" | "UT" | "Z" | "WET" => 0,
        "CET" | "WEST" => 1,
        "CEST" | "EET" => 2,
        "EEST" | "MSK" => 3,
        "JST" | "KST" => 9,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        _ => return numeric_offset(zone),
    };
    Some(hours * 3_600)
}

/// `+0200`, `-05:30`, `GMT+2:00`.
fn numeric_offset(zone: &str) -> Option<i64> {
    static FORM: OnceLock<Regex> = OnceLock::new();
    let form = FORM.get_or_init(|| {
        Regex::new(r"^(?i:GMT|UTC)?([+-])([0-9]{1,2}):?([0-9]{2})?$").expect("the pattern is a constant")
    });
    let parts = form.captures(zone)?;
    let number = |at: usize| parts.get(at).map_or(Some(0), |digits| digits.as_str().parse::<i64>().ok());
    let (hours, minutes) = (number(2)?, number(3)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Some(if &parts[1] == "-" { -seconds } else { seconds })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{parse_duration, parse_until};

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("1 days 2 hours", 93_600),
            ("1d2h3m4s", 93_784),
            ("1d 2h 3m 4s", 93_784),
            ("2 days 3 hours 1 minute 5 seconds", 183_665),
            ("90s", 90),
            ("90 SECS", 90),
            ("1hr2min", 3_720),
            ("  ", 0),
            ("", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text).expect(text).as_millis(), seconds * 1_000, "{text}");
        }
        for text in ["10", "soon", "-5s", "1 fortnight", "1m 1d", "1.5h", "99999999999s", "5s5s"] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert_eq!(error, format!("Not valid duration: {text}"));
        }
    }

    #[test]
    fn instants() {
        for (text, millis) in [
            ("1970-01-01", 0),
            ("1970-01-01 00:01", 60_000),
            ("2040-01-02 03:04", 2_209_086_240_000),
            ("2040-01-02 03:04 UTC", 2_209_086_240_000),
            ("2040-01-02 03:04 gmt", 2_209_086_240_000),
            ("2040-01-02 03:04 +01:00", 2_209_082_640_000),
            ("2040-01-02 03:04 GMT-2:30", 2_209_095_240_000),
            ("2040-01-02 03:04 PST", 2_209_115_040_000),
            ("2000-02-29", 951_782_400_000),
            ("2000-02-30", 951_868_800_000),
            ("1999-14-01 24:00", 949_449_600_000),
            ("1969-12-31", -86_400_000),
        ] {
            assert_eq!(parse_until(text).expect(text).as_millis(), millis, "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2040-01-02T03:04:05Z",
            "2040-01-02 03:04 Nowhere",
            "2040-01-02 03:04 +99:00",
            "2040",
        ] {
            let error = parse_until(text).expect_err(text).to_string();
            assert_eq!(error, format!("Invalid/Unsupported Wait Until format.  Provided: {text}"));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), digits in "[0-9]{1,9}-[0-9]{1,4}-[0-9]{1,6} [0-9]{1,6}:[0-9]{1,6} [+-][0-9:]{1,5}") {
            let _ = parse_duration(&text);
            let _ = parse_until(&text);
            let _ = parse_until(&digits);
        }
    }
}
