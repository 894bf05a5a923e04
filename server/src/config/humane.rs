//! Times and addresses as people write them.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// A time: `"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Humane(pub Duration);

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl FromStr for Humane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time; write \"250ms\", \"30s\", \"5m\", \"1h\" or \"7d\"");
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        number.checked_mul(*ms).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Humane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Humane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (name, size) = UNITS.iter().rev().find(|(_, size)| ms % size == 0).unwrap_or(&UNITS[0]);
        if ms == 0 { f.write_str("0s") } else { write!(f, "{}{name}", ms / size) }
    }
}

/// Reads an address to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parse_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Reads an address to listen on; empty = none.
pub(super) fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    parse_address(&text).map(Some).map_err(D::Error::custom)
}

/// Reads where notices go; empty = nowhere.
pub(super) fn sink<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    match podium_core::tasks::sink_fault(&text) {
        Some(fault) => Err(D::Error::custom(fault)),
        None => Ok(Some(text)),
    }
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let wrong =
        |_| format!("{text:?} is no address to listen on; write \"127.0.0.1:8080\" or \"0.0.0.0:8080\"");
    local.as_deref().unwrap_or(text).parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::{Humane, parse_address};
    use std::time::Duration;

    #[test]
    fn reads_and_writes_times() {
        for (text, ms) in
            [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000)]
        {
            let time: Humane = text.parse().expect("a time");
            assert_eq!(time, Humane(Duration::from_millis(ms)));
            assert_eq!(time.to_string(), text);
        }
        for wrong in ["", "5", "s", "5 s", "-1s", "1.5s", "99999999999999999999d"] {
            assert!(wrong.parse::<Humane>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_addresses() {
        assert_eq!(parse_address("localhost:80").expect("one").to_string(), "127.0.0.1:80");
        assert_eq!(parse_address("[::1]:80").expect("one").to_string(), "[::1]:80");
        for wrong in ["8080", ":8080", "localhost", "example.org:80"] {
            let said = parse_address(wrong).expect_err("no address");
            assert!(said.contains(wrong) && said.contains("127.0.0.1:8080"), "{said}");
        }
    }
}
