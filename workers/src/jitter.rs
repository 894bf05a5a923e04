//! Waits that differ a little, so that many who were refused together do not come back together.

use std::time::Duration;

/// Between half and the whole of a wait.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let nanos =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    wait / 2 + wait.mul_f64(f64::from(nanos % 1000) / 2000.0)
}
