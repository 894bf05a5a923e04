//! Runs the scripts of definitions, outside of the turns that ask for them.
//!
//! A decision that meets a script it has no answer for breaks off. The run is then decided once on a copy, by a thread
//! that may wait and that runs each script as the decision comes to it (`rehearsal`); the answers go back to the writer,
//! which decides again and finds them. So a turn through a thousand scripts is decided three times and not a thousand
//! times, and a script that takes its whole time holds up its own run only.
//!
//! | limit | value | beyond it |
//! |---|---|---|
//! | one script | 4 s; up to 12 s until it has run for a quarter of one | it fails |
//! | the scripts of one turn | 8 s | the rest is done in the next turn |
//! | all of a turn | 14 s | what cannot wait (the choice of a case) fails |
//! | at once on this node | 32 turns | others wait |
//!
//! JavaScript ([`js`]) runs in this process, on threads of its own ([`apart`]): its engine can be stopped. jq cannot: it
//! runs in processes of its own ([`jq`]), which are killed. Both give way to the node's own work ([`slow`]).

mod answers;
mod apart;
mod jq;
mod js;
mod rehearsal;
mod slow;
mod threads;

use std::time::{Duration, Instant};

use podium_core::expr::script::{Call, Evaluated, Language};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

pub(crate) use answers::ScriptAnswers;
pub use jq::serve as serve_jq;
pub use js::script_fault;
pub(crate) use rehearsal::{Part, rehearse};

use self::apart::JsThread;
use self::jq::JqProcesses;
use self::threads::Threads;
use crate::config::JqCommand;

/// After this long a turn leaves what can wait to the next one.
const ONE_TURN: Duration = Duration::from_secs(8);
/// After this long nothing of a turn is run any more.
const AT_MOST: Duration = Duration::from_secs(14);
/// Turns whose scripts run at once.
const AT_ONCE: usize = 32;

/// The value of a condition in JavaScript, which sees the payload as `$`. Blocks for as long as a script may take.
pub(crate) fn evaluate_condition(script: &str, payload: &Value) -> Result<Value, String> {
    match JsThread::start()?.evaluate(script, payload.to_string()).0 {
        Evaluated::Values(values) => Ok(values.into_iter().next().unwrap_or_default()),
        Evaluated::Failed(why) => Err(why),
        Evaluated::Later | Evaluated::Unknown => Err("there was no time for the script".to_owned()),
    }
}

/// The script engines of one node.
pub(crate) struct Scripts {
    jq: JqProcesses,
    places: Semaphore,
    threads: Threads,
}

impl Scripts {
    pub(crate) fn new(jq: Option<JqCommand>) -> Self {
        Scripts {
            jq: JqProcesses::new(jq),
            places: Semaphore::new(AT_ONCE),
            threads: Threads::new(2 * AT_ONCE),
        }
    }

    /// Does work that runs scripts, on a thread that gives way to the node's own. Errors: it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.threads.run(work).await
    }

    /// Waits for its turn to run scripts.
    pub(crate) async fn place(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // fails only if somebody closed it, which nobody does
        self.places.acquire().await.ok()
    }
}

/// The engines as one turn uses them. Blocks.
struct Session<'s> {
    scripts: &'s Scripts,
    /// Made with the first script, and anew after one that took long.
    js: Option<JsThread>,
    began: Instant,
}

impl<'s> Session<'s> {
    fn new(scripts: &'s Scripts) -> Self {
        Session { scripts, js: None, began: Instant::now() }
    }

    fn evaluate(&mut self, call: &Call<'_>) -> Evaluated {
        let spent = self.began.elapsed();
        if spent > ONE_TURN && call.may_wait {
            return Evaluated::Later;
        }
        if spent > AT_MOST {
            return Evaluated::Failed("The scripts of this workflow take too long".to_owned());
        }
        let input = match serde_json::to_string(call.input) {
            Ok(input) => input,
            Err(error) => return Evaluated::Failed(format!("the input of the script is no JSON: {error}")),
        };
        match call.language {
            Language::Jq => self.scripts.jq.evaluate(call.script, &input),
            Language::JavaScript => match self.js.take().map_or_else(JsThread::start, Ok) {
                Ok(thread) => {
                    let (evaluated, thread) = thread.evaluate(call.script, input);
                    self.js = thread;
                    evaluated
                }
                Err(reason) => Evaluated::Failed(reason),
            },
        }
    }
}
