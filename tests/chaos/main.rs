//! `kill -9` while runs are under way, again and again; then a checker over the tables and the topics.
//!
//! `PODIUM_CHAOS_KILLS` says how often `podium serve` is killed (default 50: about two and a half minutes in all;
//! `make test` takes 16); `podium dev` is killed a tenth as often. `PODIUM_CHAOS_SEED` repeats the instants
//! of a run that failed; it is printed.

mod book;
mod crew;
mod dev;
mod pipelines;
mod random;
mod serve;
mod story;

/// How often `podium serve` is killed.
fn kills() -> usize {
    std::env::var("PODIUM_CHAOS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}
