//! Random instants that can be repeated by their seed.

use std::time::Duration;

/// A xorshift generator: small, and good enough to choose moments.
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by `PODIUM_CHAOS_SEED`, else by the clock; prints the seed.
    pub(crate) fn seeded(what: &str) -> Random {
        let given = std::env::var("PODIUM_CHAOS_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128() as u64 | 1);
        println!("{what}: PODIUM_CHAOS_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }

    pub(crate) fn millis(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}
