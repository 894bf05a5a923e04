//! JavaScript on a thread of its own.
//!
//! A script that takes long stands back ([`slow`](super::slow)), and its thread can do nothing else any more: not
//! decide, not hold a lock that a run waits for. So the engine lives on a thread that only evaluates, and that ends with the
//! first such script.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use podium_core::expr::script::Evaluated;
use rustix::time::{ClockId, clock_gettime};

use super::js::{Js, TOO_LONG};
use super::slow::{Place, QUICK, SLICE, STARVED, give_way, is_over, stand_back};

/// The engine looks at its limits every few thousand steps of a script; one that is in a long step of the engine itself is
/// left behind, and its thread ends when that step does.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

struct Question {
    script: String,
    input: String,
}

struct Answer {
    evaluated: Evaluated,
    was_slow: bool,
}

/// A thread with a script engine; ends when this is dropped.
pub(super) struct JsThread {
    questions: Sender<Question>,
    answers: Receiver<Answer>,
}

impl JsThread {
    /// # Errors
    /// Why there is no script engine.
    pub(super) fn start() -> Result<Self, String> {
        let (questions, asked) = channel();
        let (answer, answers) = channel();
        let thread = std::thread::Builder::new().name("podium-js".to_owned());
        let started = thread.spawn(move || serve(&asked, &answer));
        // not joined: it ends with its channel, or with a script that was left behind
        started.map_err(|error| format!("there is no thread for the script: {error}"))?;
        Ok(JsThread { questions, answers })
    }

    /// What the script makes of the input, a JSON text; and the thread, unless it can be used no more. Blocks.
    pub(super) fn evaluate(self, script: &str, input: String) -> (Evaluated, Option<Self>) {
        let broken = || (Evaluated::Failed("The script engine broke off".to_owned()), None);
        if self.questions.send(Question { script: script.to_owned(), input }).is_err() {
            return broken();
        }
        match self.answers.recv_timeout(STARVED + LEFT_BEHIND) {
            Ok(Answer { evaluated, was_slow }) => (evaluated, (!was_slow).then_some(self)),
            Err(RecvTimeoutError::Timeout) => (Evaluated::Failed(TOO_LONG.to_owned()), None),
            Err(RecvTimeoutError::Disconnected) => broken(),
        }
    }
}

fn serve(asked: &Receiver<Question>, answer: &Sender<Answer>) {
    give_way();
    let js = Js::new();
    for Question { script, input } in asked {
        let is_slow = Rc::new(Cell::new(false));
        let evaluated = match &js {
            Ok(js) => js.evaluate(&script, &input, watch(is_slow.clone())),
            Err(reason) => Evaluated::Failed(reason.clone()),
        };
        let was_slow = is_slow.get();
        if answer.send(Answer { evaluated, was_slow }).is_err() || was_slow {
            return;
        }
    }
}

/// Looks after the script that begins now on this thread: asked again and again, it lets others have their turn, and says
/// when the script is to be stopped.
fn watch(is_slow: Rc<Cell<bool>>) -> impl FnMut() -> bool + 'static {
    let (began, had_before) = (Instant::now(), had());
    let (mut place, mut until) = (None, QUICK);
    move || {
        let has_run = had().saturating_sub(had_before);
        if has_run >= until {
            if !is_slow.replace(true) {
                stand_back();
            }
            // given up before the next is waited for
            drop(place.take());
            place = Some(Place::wait());
            until = has_run + SLICE;
        }
        is_over(began.elapsed(), has_run)
    }
}

/// What this thread has had of the processors.
fn had() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Evaluated, JsThread, TOO_LONG};

    fn ask(thread: JsThread, script: &str) -> (Evaluated, Option<JsThread>) {
        thread.evaluate(script, "{}".to_owned())
    }

    #[test]
    fn a_thread_serves_quick_scripts_and_ends_with_a_slow_one() {
        let thread = JsThread::start().expect("a thread");
        let (answer, thread) = ask(thread, "1 + 1");
        assert_eq!(answer, Evaluated::Values(vec![2.into()]));
        let (answer, thread) =
            ask(thread.expect("it was quick"), "const from = Date.now(); while (Date.now() < from + 900); 3");
        assert_eq!(answer, Evaluated::Values(vec![3.into()]), "to stand back is no failure");
        assert!(thread.is_none(), "a thread that stood back serves nobody else");
    }

    #[test]
    fn a_script_without_end_is_stopped() {
        let (answer, thread) = ask(JsThread::start().expect("a thread"), "while (true) {}");
        assert_eq!(answer, Evaluated::Failed(TOO_LONG.to_owned()));
        assert!(thread.is_none());
    }
}
