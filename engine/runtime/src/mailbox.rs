//! What goes to a writer and how its sender hears of the outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use podium_core::{Event, NewRun, Plan, Refusal, RunId, TaskNo};
use tokio::sync::{mpsc, oneshot};

use crate::lease::Leased;
use crate::messages::{EngineError, Reported, TaskView};
use crate::plans::Answers;
use crate::ready::{Queue, Ready};

/// One thing for one run.
pub(crate) enum Work {
    /// A new run. Kept until its first commit, so that the turn can be made again.
    Start(Box<Start>),
    Event(Event),
    /// The run has inbox rows: read them and decide what they say.
    Inbox,
}

impl Work {
    /// Whether it is about inbox rows: all of them, or one that was read.
    pub(crate) fn is_inbox(&self) -> bool {
        matches!(self, Work::Inbox | Work::Event(Event::Arrived { .. }))
    }
}

#[derive(Clone)]
pub(crate) struct Start {
    pub(crate) new: NewRun,
    pub(crate) plan: Arc<Plan>,
    /// The metadata with which the definition was resolved, if the start holds only while that is current.
    pub(crate) metadata_version: Option<i64>,
    /// What was read because its first decision asked for it.
    pub(crate) answers: Answers,
}

/// What became of a start.
pub(crate) enum Began {
    Stored,
    /// Definitions have changed since it was resolved.
    MetadataMoved,
}

/// Who waits for the outcome.
pub(crate) enum Reply {
    None,
    Start(oneshot::Sender<Result<Began, EngineError>>),
    Done(oneshot::Sender<Result<(), EngineError>>),
    /// The same; false if what it is about was over, or no longer whose work this is.
    Applied(oneshot::Sender<Result<bool, EngineError>>),
    /// As `Done`, with the runs that the turn told something.
    Operated(oneshot::Sender<Result<Vec<RunId>, EngineError>>),
    Report(oneshot::Sender<Result<Reported, EngineError>>),
    Claim(Arc<Claims>),
}

impl Reply {
    /// The work could not be done.
    pub(crate) fn fail(self, work: &Work, run: RunId, error: EngineError) {
        match self {
            Reply::None => {}
            Reply::Start(tx) => drop(tx.send(Err(error))),
            Reply::Done(tx) => drop(tx.send(Err(error))),
            Reply::Applied(tx) => drop(tx.send(Err(error))),
            Reply::Operated(tx) => drop(tx.send(Err(error))),
            Reply::Report(tx) => drop(tx.send(Err(error))),
            Reply::Claim(claims) => {
                if let Work::Event(Event::Claimed { task, .. }) = work {
                    // a run that was removed has no tasks to claim: that is no trouble of the poll's
                    let gone = matches!(error, EngineError::NotFound(_));
                    claims.settle(run, *task, if gone { Outcome::Lost } else { Outcome::Failed(error) });
                }
            }
        }
    }
}

/// What a decision said to one event.
pub(crate) enum Said {
    Done,
    Refused(Refusal),
}

pub(crate) struct Envelope {
    pub(crate) run: RunId,
    pub(crate) work: Work,
    pub(crate) reply: Reply,
    open: Open,
}

impl Envelope {
    /// The same sender's work in another form, for a further try.
    pub(crate) fn with(self, work: Work) -> Self {
        Envelope { work, ..self }
    }

    /// Further work that this one brought up; nobody waits for it.
    pub(crate) fn beside(&self, work: Work) -> Self {
        self.open.0.fetch_add(1, Ordering::Relaxed);
        Envelope { run: self.run, work, reply: Reply::None, open: Open(self.open.0.clone()) }
    }

    pub(crate) fn fail(self, error: EngineError) {
        self.reply.fail(&self.work, self.run, error);
    }

    /// Answers a claim that a limit does not allow now.
    pub(crate) fn refuse(self) {
        if let (Reply::Claim(claims), Work::Event(Event::Claimed { task, .. })) = (self.reply, self.work) {
            claims.settle(self.run, task, Outcome::Refused);
        }
    }
}

/// Counts one piece of open work from its sending to its answer.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The writers' mailboxes: a run's work always goes to the same one.
pub(crate) struct Mailboxes {
    boxes: Vec<mpsc::UnboundedSender<Envelope>>,
    open: Arc<AtomicUsize>,
    /// Bound on open work that callers may add to; the node's own (leases going back, timers, acknowledgements)
    /// is bounded by what it holds already.
    limit: usize,
    stopping: AtomicBool,
}

impl Mailboxes {
    pub(crate) fn new(writers: usize, limit_each: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Envelope>>) {
        let (boxes, receivers) = (0..writers).map(|_| mpsc::unbounded_channel()).unzip();
        let mailboxes = Mailboxes {
            boxes,
            open: Arc::new(AtomicUsize::new(0)),
            limit: writers * limit_each,
            stopping: AtomicBool::new(false),
        };
        (mailboxes, receivers)
    }

    /// Sends a caller's work, unless the node has too much of it already.
    pub(crate) fn send(&self, run: RunId, work: Work, reply: Reply) -> Result<(), EngineError> {
        if self.full() {
            return Err(EngineError::Unavailable(
                "the node has more work than it may hold, try again".to_owned(),
            ));
        }
        if !self.put(run, work, reply) {
            return Err(stopped());
        }
        Ok(())
    }

    /// Sends work of the node itself: never refused while the node runs.
    pub(crate) fn send_own(&self, run: RunId, work: Work, reply: Reply) {
        self.put(run, work, reply);
    }

    pub(crate) fn full(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.limit
    }

    /// Work that was sent and not answered yet.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// New runs and polls are refused from now on; work in hand goes on.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn put(&self, run: RunId, work: Work, reply: Reply) -> bool {
        self.open.fetch_add(1, Ordering::Relaxed);
        let envelope = Envelope { run, work, reply, open: Open(self.open.clone()) };
        // the bits above the shard are random
        let writer = (run.uuid().as_u128() >> 30) as usize % self.boxes.len();
        self.boxes[writer].send(envelope).is_ok()
    }
}

pub(crate) fn stopped() -> EngineError {
    EngineError::Unavailable("the node is stopping".to_owned())
}

/// What became of one claim.
pub(crate) enum Outcome {
    Won(TaskView),
    /// Another worker or node had it, or it is no longer wanted.
    Lost,
    /// The limits of its definition do not allow it now.
    Refused,
    Failed(EngineError),
}

/// The claims of one poll: answered together, when the last one is.
pub(crate) struct Claims {
    queue: Arc<Queue>,
    mailboxes: Arc<Mailboxes>,
    state: Mutex<ClaimState>,
}

struct ClaimState {
    left: usize,
    won: Vec<TaskView>,
    error: Option<EngineError>,
    answer: Option<oneshot::Sender<Result<Leased, EngineError>>>,
}

impl Claims {
    /// Sends a claim for each candidate. The answer holds what was won (perhaps nothing); dropped unread, it
    /// hands the leases back.
    pub(crate) fn send(
        queue: &Arc<Queue>,
        mailboxes: &Arc<Mailboxes>,
        candidates: &[Ready],
        worker: Option<&Arc<str>>,
    ) -> oneshot::Receiver<Result<Leased, EngineError>> {
        let (answer, receiver) = oneshot::channel();
        let state = ClaimState { left: candidates.len(), won: Vec::new(), error: None, answer: Some(answer) };
        let claims =
            Arc::new(Claims { queue: queue.clone(), mailboxes: mailboxes.clone(), state: Mutex::new(state) });
        for candidate in candidates {
            let event = Event::Claimed { task: candidate.no, worker: worker.cloned(), before: None };
            mailboxes.send_own(candidate.run, Work::Event(event), Reply::Claim(claims.clone()));
        }
        receiver
    }

    pub(crate) fn settle(&self, run: RunId, no: TaskNo, outcome: Outcome) {
        let refused = matches!(outcome, Outcome::Refused);
        self.queue.claimed(run, no, matches!(outcome, Outcome::Failed(_)), refused);
        let mut state = self.state.lock();
        match outcome {
            Outcome::Won(view) => state.won.push(view),
            Outcome::Lost | Outcome::Refused => {}
            Outcome::Failed(error) => state.error = Some(error),
        }
        state.left -= 1;
        if state.left > 0 {
            return;
        }
        let won = std::mem::take(&mut state.won);
        let answer = match state.error.take() {
            Some(error) if won.is_empty() => Err(error),
            Some(_) | None => Ok(Leased::new(won, &self.mailboxes)),
        };
        let waiting = state.answer.take();
        drop(state);
        if let Some(tx) = waiting {
            drop(tx.send(answer));
        }
    }
}
