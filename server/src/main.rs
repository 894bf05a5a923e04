//! The one binary of Podium.

use clap::Parser;

/// Smaller and faster than the system's allocator for many short-lived requests.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    podium_server::cmd::run(podium_server::cmd::Podium::parse())
}
