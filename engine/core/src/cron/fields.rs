//! The fields of an expression.

use chrono::{Datelike, Days, NaiveDate, Weekday};

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// A set of small numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(u64);

impl Bits {
    pub(super) fn has(self, value: u32) -> bool {
        value < 64 && self.0 & (1 << value) != 0
    }

    fn add(&mut self, value: u32) {
        self.0 |= 1 << value;
    }
}

/// Which days of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayOfMonth {
    Numbers(Bits),
    /// So many days before the last one.
    BeforeLast(u32),
    LastWorkday,
    /// The workday nearest to this day, in the same month.
    NearestWorkday(u32),
}

impl DayOfMonth {
    pub(super) fn is(&self, date: NaiveDate) -> bool {
        let last = last_day(date);
        match self {
            DayOfMonth::Numbers(days) => days.has(date.day()),
            DayOfMonth::BeforeLast(days) => date.day() + days == last.day(),
            DayOfMonth::LastWorkday => {
                let back = match last.weekday() {
                    Weekday::Sat => 1,
                    Weekday::Sun => 2,
                    Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => 0,
                };
                date.day() + back == last.day()
            }
            DayOfMonth::NearestWorkday(wanted) => {
                let Some(middle) = date.with_day(*wanted) else { return false };
                let nearest = match middle.weekday() {
                    Weekday::Sat if *wanted == 1 => 3,
                    Weekday::Sat => wanted - 1,
                    Weekday::Sun if middle == last => wanted - 2,
                    Weekday::Sun => wanted + 1,
                    Weekday::Mon | Weekday::Tue | Weekday::Wed | Weekday::Thu | Weekday::Fri => *wanted,
                };
                date.day() == nearest
            }
        }
    }
}

/// Which days of a week; Monday is 1, Sunday 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayOfWeek {
    Numbers(Bits),
    /// The last one of its kind in the month.
    Last(u32),
    /// The n-th one of its kind in the month.
    Nth(u32, u32),
}

impl DayOfWeek {
    pub(super) fn is(&self, date: NaiveDate) -> bool {
        let weekday = date.weekday().number_from_monday();
        match self {
            DayOfWeek::Numbers(days) => days.has(weekday),
            DayOfWeek::Last(wanted) => weekday == *wanted && date.day() + 7 > last_day(date).day(),
            DayOfWeek::Nth(wanted, nth) => weekday == *wanted && date.day().div_ceil(7) == *nth,
        }
    }
}

fn last_day(date: NaiveDate) -> NaiveDate {
    let next_month = date.with_day(1).and_then(|first| first.checked_add_months(chrono::Months::new(1)));
    next_month.and_then(|first| first.checked_sub_days(Days::new(1))).unwrap_or(date)
}

/// A field of plain numbers.
pub(super) fn numbers(what: &str, text: &str, min: u32, max: u32) -> Result<Bits, String> {
    let mut bits = Bits::default();
    for item in text.split(',') {
        add_item(&mut bits, what, item, min, max, &|text| text.parse().ok())?;
    }
    Ok(bits)
}

pub(super) fn months(text: &str) -> Result<Bits, String> {
    let mut bits = Bits::default();
    for item in text.split(',') {
        add_item(&mut bits, "month", item, 1, 12, &|text| named(text, &MONTHS).or(text.parse().ok()))?;
    }
    Ok(bits)
}

pub(super) fn days_of_month(text: &str) -> Result<Vec<DayOfMonth>, String> {
    if text == "?" {
        return days_of_month("*");
    }
    let (mut days, mut numbers) = (Vec::new(), Bits::default());
    for item in text.split(',') {
        let upper = item.to_ascii_uppercase();
        if upper == "LW" {
            days.push(DayOfMonth::LastWorkday);
        } else if upper == "L" {
            days.push(DayOfMonth::BeforeLast(0));
        } else if let Some(back) = upper.strip_prefix("L-") {
            let back = back.parse().ok().filter(|back| *back < 31);
            days.push(DayOfMonth::BeforeLast(back.ok_or_else(|| unreadable("day of month", item))?));
        } else if let Some(day) = upper.strip_suffix('W') {
            let day = day.parse().ok().filter(|day| (1..=31).contains(day));
            days.push(DayOfMonth::NearestWorkday(day.ok_or_else(|| unreadable("day of month", item))?));
        } else {
            add_item(&mut numbers, "day of month", item, 1, 31, &|text| text.parse().ok())?;
        }
    }
    if numbers != Bits::default() {
        days.push(DayOfMonth::Numbers(numbers));
    }
    Ok(days)
}

pub(super) fn days_of_week(text: &str) -> Result<Vec<DayOfWeek>, String> {
    if text == "?" {
        return days_of_week("*");
    }
    let number = |text: &str| named(text, &WEEKDAYS).or_else(|| text.parse().ok().filter(|day| *day <= 7));
    let one = |text: &str, item: &str| match number(text) {
        Some(0) => Ok(7),
        Some(day) => Ok(day),
        None => Err(unreadable("day of week", item)),
    };
    let (mut days, mut numbers) = (Vec::new(), Bits::default());
    for item in text.split(',') {
        let upper = item.to_ascii_uppercase();
        if let Some((day, nth)) = upper.split_once('#') {
            let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
            days.push(DayOfWeek::Nth(one(day, item)?, nth.ok_or_else(|| unreadable("day of week", item))?));
        } else if let Some(day) = upper.strip_suffix('L') {
            days.push(DayOfWeek::Last(one(day, item)?));
        } else {
            // a range that begins with Sunday counts it as 0, else it is 7
            let item = match upper.split_once('-') {
                Some((first, rest)) if number(first) == Some(7) => format!("0-{rest}"),
                _ => upper,
            };
            let mut found = Bits::default();
            let least = if item.starts_with('0') { 0 } else { 1 };
            add_item(&mut found, "day of week", &item, least, 7, &number)?;
            (0..=7).filter(|day| found.has(*day)).for_each(|day| numbers.add(if day == 0 { 7 } else { day }));
        }
    }
    if numbers != Bits::default() {
        days.push(DayOfWeek::Numbers(numbers));
    }
    Ok(days)
}

/// Adds `*`, a number, a range or either with a step.
fn add_item(
    bits: &mut Bits,
    what: &str,
    item: &str,
    min: u32,
    max: u32,
    number: &dyn Fn(&str) -> Option<u32>,
) -> Result<(), String> {
    let broken = || unreadable(what, item);
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0).ok_or_else(broken)?)),
        None => (item, None),
    };
    let in_range = |text: &str| number(text).filter(|value| (min..=max).contains(value)).ok_or_else(broken);
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (min, max),
        Some((first, last)) => (in_range(first)?, in_range(last)?),
        None if step.is_some() => (in_range(range)?, max),
        None => (in_range(range)?, in_range(range)?),
    };
    if first > last {
        return Err(broken());
    }
    (first..=last).step_by(step.unwrap_or(1)).for_each(|value| bits.add(value));
    Ok(())
}

fn named(text: &str, names: &[&str]) -> Option<u32> {
    let at = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    u32::try_from(at + 1).ok()
}

fn unreadable(what: &str, item: &str) -> String {
    format!("the {what} \"{item}\" of the cron expression cannot be read")
}
