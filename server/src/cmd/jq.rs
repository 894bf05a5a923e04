//! `podium jq`: a process that runs untrusted jq filters for a node (see `podium_runtime::serve_jq`).

use std::io;

/// Bytes of address space that filters may take, all together.
const MEMORY_BYTES: u64 = 1 << 30;

/// Answers questions on the standard streams until the input ends.
pub(super) fn run() -> anyhow::Result<()> {
    limit_memory()?;
    podium_runtime::serve_jq(io::stdin().lock(), io::stdout().lock())?;
    Ok(())
}

fn limit_memory() -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: MEMORY_BYTES, rlim_max: MEMORY_BYTES };
    #[expect(unsafe_code, reason = "setrlimit has no safe form in std")]
    // SAFETY: reads one struct that lives until it returns
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
