//! Instants and spans. There is no `now()` here: the time of a decision is an argument.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// An instant: microseconds since 1970-01-01 UTC, what PostgreSQL keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Timestamp {
    pub const fn from_micros(us: i64) -> Self {
        Timestamp(us)
    }
    pub const fn from_millis(ms: i64) -> Self {
        Timestamp(ms.saturating_mul(1_000))
    }
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// Milliseconds, as the wire shows them.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

impl Span {
    pub const ZERO: Span = Span(0);
    pub const fn from_micros(us: i64) -> Self {
        Span(us)
    }
    pub const fn from_millis(ms: i64) -> Self {
        Span(ms.saturating_mul(1_000))
    }
    pub const fn from_secs(s: i64) -> Self {
        Span(s.saturating_mul(1_000_000))
    }
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;
    fn add(self, s: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(s.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, other: Timestamp) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}
