//! The child processes of a start, so that a start that is given up leaves none behind.

use std::io;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing::warn;

use super::process::signal;

/// Knows which children live. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Children {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    /// From now on no child is started.
    ending: bool,
    pids: Vec<u32>,
}

impl Children {
    /// Spawns a child; whoever waited for its end says so with [`Children::ended`].
    ///
    /// # Errors
    /// When it cannot be spawned, or `end` was called.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // under the lock: none slips in behind `end`
        let mut state = self.shared.0.lock();
        if state.ending {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "it is being stopped"));
        }
        let child = command.spawn()?;
        state.pids.push(child.id());
        Ok(child)
    }

    /// A child is gone.
    pub(super) fn ended(&self, pid: u32) {
        self.shared.0.lock().pids.retain(|p| *p != pid);
        self.shared.1.notify_all();
    }

    /// Starts no more children, interrupts those that live, and waits until they are gone. Blocks.
    pub(crate) fn end(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.0.lock();
        state.ending = true;
        for pid in &state.pids {
            // PostgreSQL's fast stop; initdb removes what it has made
            if let Err(error) = signal(*pid, libc::SIGINT) {
                warn!(%error, "could not stop process {pid}");
            }
        }
        while !state.pids.is_empty() {
            if self.shared.1.wait_until(&mut state, deadline).timed_out() {
                warn!("processes {:?} are still ending", state.pids);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::Children;
    use crate::embedded::process::detach_and_bind;

    #[test]
    fn an_end_interrupts_what_lives_and_lets_nothing_start() {
        let children = Children::default();
        let mut sleep = Command::new("sleep");
        detach_and_bind(sleep.arg("60"), None);
        let mut child = children.spawn(&mut sleep).expect("spawned");
        let keeper = children.clone();
        let waiting = std::thread::spawn(move || {
            let status = child.wait().expect("a child");
            keeper.ended(child.id());
            status
        });
        let begun = Instant::now();
        children.end(Duration::from_secs(30));
        assert!(begun.elapsed() < Duration::from_secs(30), "it was interrupted");
        assert!(!waiting.join().expect("no panic").success());
        let late = children.spawn(&mut Command::new("true"));
        assert_eq!(late.expect_err("too late").kind(), std::io::ErrorKind::Interrupted);
    }
}
