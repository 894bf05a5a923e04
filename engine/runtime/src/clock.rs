//! The database's clock, read without asking it.
//!
//! Every answer of PostgreSQL that carries its `now()` bounds the difference to this process's monotonic
//! clock from both sides: the instant lies between asking and hearing. The estimate moves only when such
//! a bound forbids it, so it is quiet under load and follows when the database moves to another machine.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use podium_core::Timestamp;

/// How far the clock may be held back so that it never runs backwards. Beyond it (the database's clock
/// was set back) standing still would be worse: timers would not fire until it caught up.
const HOLD_BACK_US: i64 = 5_000_000;

pub(crate) struct Clock {
    base: Instant,
    /// Database microseconds at `base`.
    offset_us: AtomicI64,
    /// The latest instant that was given out.
    last_us: AtomicI64,
}

impl Clock {
    /// Starts from one answer: asked at `asked`, heard just now.
    pub(crate) fn new(db_now: Timestamp) -> Self {
        Clock {
            base: Instant::now(),
            offset_us: AtomicI64::new(db_now.as_micros()),
            last_us: AtomicI64::new(db_now.as_micros()),
        }
    }

    /// The database's time. Never earlier than an instant given out before.
    pub(crate) fn now(&self) -> Timestamp {
        let us = self.offset_us.load(Ordering::Relaxed) + self.since_base(Instant::now());
        let last = self.last_us.fetch_max(us, Ordering::Relaxed);
        if last > us && last - us <= HOLD_BACK_US {
            Timestamp::from_micros(last)
        } else {
            self.follow(us, last)
        }
    }

    fn follow(&self, us: i64, last: i64) -> Timestamp {
        if last > us {
            self.last_us.store(us, Ordering::Relaxed);
        }
        Timestamp::from_micros(us)
    }

    /// Takes in an answer that was asked for at `asked` and heard just now.
    pub(crate) fn learn(&self, db_now: Timestamp, asked: Instant) {
        let heard = self.since_base(Instant::now());
        let low = db_now.as_micros() - heard;
        let high = db_now.as_micros() - self.since_base(asked);
        let offset = self.offset_us.load(Ordering::Relaxed);
        let bounded = offset.max(low).min(high);
        if bounded != offset {
            self.offset_us.store(bounded, Ordering::Relaxed);
        }
    }

    fn since_base(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.base).as_micros()).unwrap_or(i64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn follows_the_bounds_and_never_runs_backwards() {
        let clock = Clock::new(Timestamp::from_millis(1_000_000));
        let first = clock.now();
        let asked = Instant::now();
        clock.learn(Timestamp::from_millis(1_002_000), asked);
        let ahead = clock.now();
        assert!(
            (ahead - first).as_millis() >= 1_999,
            "the database is two seconds ahead: {first:?} {ahead:?}"
        );
        clock.learn(Timestamp::from_millis(1_001_000), Instant::now());
        assert!(clock.now() >= ahead, "a small step back is held back");
        clock.learn(Timestamp::from_millis(500_000), Instant::now());
        assert!(clock.now() < first, "a large step back is followed");
    }

    #[test]
    fn an_answer_inside_of_its_bounds_changes_nothing() {
        let clock = Clock::new(Timestamp::from_millis(1_000_000));
        let before = clock.offset_us.load(Ordering::Relaxed);
        let asked = Instant::now();
        std::thread::sleep(Duration::from_millis(5));
        let middle = Timestamp::from_micros(before + clock.since_base(asked) + 2_000);
        clock.learn(middle, asked);
        assert_eq!(clock.offset_us.load(Ordering::Relaxed), before);
    }
}
