//! Stopping: the first signal drains, the second ends at once.

use std::io;

use futures::FutureExt;
use futures::future::Shared;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

/// SIGTERM and SIGINT of this process, from the moment it was made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over: from here on they no longer end the process by themselves.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends with the first signal, and each clone does; from then on a second signal ends the process at once.
    /// What is acknowledged is durable, and leases of this node lapse, so that is as safe as `kill -9`.
    pub(crate) fn first(self) -> Shared<impl Future<Output = ()>> {
        self.wait().shared()
    }

    async fn wait(mut self) {
        let signal = self.next().await;
        info!(signal, "stopping; a second signal ends at once");
        tokio::spawn(async move {
            let signal = self.next().await;
            warn!(signal, "ending at once");
            // what a shell says after Ctrl-C
            std::process::exit(130);
        });
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
