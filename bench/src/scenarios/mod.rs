//! What is measured, one file each.

pub(crate) mod csv;
pub(crate) mod fork;
pub(crate) mod hostile;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod long;
pub(crate) mod pairs;
pub(crate) mod restart;
pub(crate) mod search;
pub(crate) mod stored;
pub(crate) mod throughput;
pub(crate) mod timers;
pub(crate) mod waiting;

use std::time::Duration;

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    /// Samples of a latency.
    pub(crate) samples: usize,
    /// The "100k" of waiting tasks and open runs.
    pub(crate) many: u64,
    /// The "10k" of idle open runs.
    pub(crate) idle: u64,
    pub(crate) idle_time: Duration,
    /// Bytes of the large CSV file.
    pub(crate) csv_bytes: u64,
}

impl Pace {
    pub(crate) fn full() -> Pace {
        Pace {
            warm_up: Duration::from_secs(4),
            measure: Duration::from_secs(12),
            samples: 500,
            many: 100_000,
            idle: 10_000,
            idle_time: Duration::from_secs(30),
            csv_bytes: 1_000_000_000,
        }
    }

    /// About 40 s in all: enough to see a regression, too short for figures to quote.
    pub(crate) fn quick() -> Pace {
        Pace {
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs(4),
            samples: 120,
            many: 10_000,
            idle: 2_000,
            idle_time: Duration::from_secs(5),
            csv_bytes: 50_000_000,
        }
    }
}
