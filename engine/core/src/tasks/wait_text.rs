//! The texts that a WAIT takes: spans and instants.

use crate::time::{Span, Timestamp};

const UNITS: [(i64, &[&str]); 4] = [
    (86_400, &["d", "day", "days"]),
    (3_600, &["h", "hr", "hrs", "hour", "hours"]),
    (60, &["m", "min", "mins", "minute", "minutes"]),
    (1, &["s", "sec", "secs", "second", "seconds"]),
];

/// Days, hours, minutes and seconds in this order, each with its unit, each left out at will; blanks and case do not
/// matter. `None` if the text is anything else.
pub(super) fn duration(text: &str) -> Option<Span> {
    let text = text.to_lowercase();
    let mut rest = text.trim();
    let mut seconds = 0_i64;
    let mut from = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let unit = (from..UNITS.len()).find(|i| UNITS[*i].1.contains(&&rest[..letters]))?;
        seconds = seconds.checked_add(number.checked_mul(UNITS[unit].0)?)?;
        rest = rest[letters..].trim_start();
        from = unit + 1;
    }
    (from > 0).then(|| Span::from_secs(seconds))
}

/// `yyyy-MM-dd`, `yyyy-MM-dd HH:mm` or `yyyy-MM-dd HH:mm z`. Without a zone it is UTC. Months and days beyond their end
/// run over into the next, as in Java.
pub(super) fn until(text: &str) -> Option<Timestamp> {
    let mut parts = text.trim().splitn(3, ' ');
    let mut date = parts.next()?.splitn(3, '-').map(|p| p.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let minutes = match parts.next() {
        None => 0,
        Some(time) => {
            let (hour, minute) = time.split_once(':')?;
            hour.parse::<i64>().ok()?.checked_mul(60)?.checked_add(minute.parse::<i64>().ok()?)?
        }
    };
    let offset = parts.next().map_or(Some(0), zone_minutes)?;
    let in_range = (0..=9_999).contains(&year)
        && month.abs() < 10_000
        && day.abs() < 1_000_000
        && minutes.abs() < 10_000_000;
    in_range.then(|| {
        let days =
            days_from_civil(year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1) + day - 1;
        Timestamp::from_millis((days * 1_440 + minutes - offset) * 60_000)
    })
}

/// Minutes east of Greenwich.
fn zone_minutes(zone: &str) -> Option<i64> {
    let fixed = [
        ("UTC", 0),
        ("GMT", 0),
        ("Z", 0),
        ("EST", -300),
        ("EDT", -240),
        ("CST", -360),
        ("CDT", -300),
        ("MST", -420),
        ("MDT", -360),
        ("PST", -480),
        ("PDT", -420),
        ("CET", 60),
        ("CEST", 120),
        ("IST", 330),
        ("JST", 540),
    ];
    let zone = zone.trim();
    if let Some((_, minutes)) = fixed.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)) {
        return Some(*minutes);
    }
    let offset = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

/// Days from 1970-01-01 to the first of a month.
fn days_from_civil(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_parts_in_order() {
        let seconds = |text| duration(text).map(Span::as_secs);
        assert_eq!(seconds("1 days 2 hours 3 minutes 4 seconds"), Some(93_784));
        assert_eq!(seconds("1d2h3m4s"), Some(93_784));
        assert_eq!(seconds("90S"), Some(90));
        assert_eq!(seconds("0 days 0 hr 0 min 1 sec"), Some(1));
        for bad in ["", "soon", "1", "4s 1d", "1x", "-1s", "1.5s", "99999999999999999999s"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_have_three_forms() {
        let ms = |text| until(text).map(Timestamp::as_millis);
        assert_eq!(ms("1970-01-01"), Some(0));
        assert_eq!(ms("2020-01-01 10:00"), Some(1_577_872_800_000));
        assert_eq!(ms("2020-01-01 10:00 GMT+2"), Some(1_577_865_600_000));
        assert_eq!(ms("2020-01-01 10:00 PST"), Some(1_577_901_600_000));
        assert_eq!(ms("2024-02-30"), ms("2024-03-01"));
        for bad in ["soon", "2020", "2020-01", "2020-01-01 10", "2020-01-01 10:00 Nowhere"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}
