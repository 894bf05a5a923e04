//! Groups of calls that task definitions keep apart: each has its own line and its own slots, so that one whose server is
//! slow holds up none but itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use podium_runtime::Engine;
use tokio::task::JoinHandle;
use tracing::debug;

use super::client::Client;
use super::{Line, REST, Stop, Stopping};

/// Between two looks for groups whose calls other nodes have made ready.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Groups taken at once; a further one waits for another one to fall idle.
const GROUPS_AT_MOST: usize = 64;

/// Which groups this node takes.
pub(super) struct Groups {
    pub(super) engine: Engine,
    pub(super) client: Arc<Client>,
    /// Calls of one group under way at once.
    pub(super) parallel: usize,
    /// Only groups of this name space; empty = those without one.
    pub(super) namespace: String,
}

impl Groups {
    /// Is the group, as the end of its queue's name, one of this name space?
    fn is_ours(&self, group: &str) -> bool {
        if self.namespace.is_empty() {
            return group.starts_with('-');
        }
        let rest = group.strip_prefix('@').and_then(|name| name.strip_prefix(&*self.namespace));
        // calls without a group of this name space are in the main line
        rest.is_some_and(|rest| rest.starts_with('-'))
    }

    /// Takes calls of all groups until it is told to stop, and then ends those under way.
    pub(super) async fn run(self, mut stop: Stopping) {
        let mut lines: HashMap<Arc<str>, JoinHandle<()>> = HashMap::new();
        let mut wait = Duration::ZERO;
        loop {
            let found = tokio::select! {
                () = stop.reaches(Stop::Drains) => break,
                found = self.engine.call_groups(wait) => found,
            };
            wait = LOOK_EVERY;
            lines.retain(|_, line| !line.is_finished());
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    debug!(%error, "could not look for groups of calls");
                    tokio::select! {
                        () = stop.reaches(Stop::Drains) => break,
                        () = tokio::time::sleep(REST) => continue,
                    }
                }
            };
            for group in found {
                if lines.len() >= GROUPS_AT_MOST || lines.contains_key(&group) || !self.is_ours(&group) {
                    continue;
                }
                let line = Line {
                    engine: self.engine.clone(),
                    client: self.client.clone(),
                    group: Some(group.clone()),
                    lasts: false,
                    parallel: self.parallel,
                };
                lines.insert(group, tokio::spawn(line.take(stop.clone())));
            }
        }
        for line in lines.into_values() {
            // it has its own end; a panic in it has been said already
            let _ = line.await;
        }
    }
}
