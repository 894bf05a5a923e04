//! Publishes messages in the order of their commits and tells the deciding run what became of each.
//!
//! ```text
//! commit --handed--> lane (lane number, cluster) --publish--> broker --outcome--> Event::Published turn
//! pulse  --rows-----^      ^------ start again at the oldest unacknowledged, after a pause ---'lost
//! ```
//!
//! A message is in the outbox until its Published turn has committed, so whatever is lost here comes back with a
//! pulse, with the same id. A lane is sent by the node that holds it, in order; what another node committed into
//! it comes with the pulse.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use podium_core::{Event, Outgoing, RunId, TaskNo};
use podium_store::{OutboxRow, lane};
use tokio::sync::{mpsc, oneshot};

use crate::mailbox::{Reply, Work};
use crate::messages::EngineError;
use crate::ports::{EventSink, OutboxMessage, PublishOutcome};
use crate::shared::Shared;

const LANES: usize = 64;
/// What a pulse brings of each lane; a lane with as many may have more.
const ROWS_PER_LANE: usize = 100;
/// Messages in memory; beyond it they wait in the outbox for a pulse.
const OPEN_AT_MOST: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A message whose run could not take the outcome stays in the outbox. It is left there this long, or every pulse
/// would bring it and it would be published each time.
const UNTOLD_REST: Duration = Duration::from_secs(60);
/// Before a Published turn that the database could not serve is sent again.
const SETTLE_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// A message of a turn that has just committed.
pub(crate) struct Handed {
    pub(crate) run: RunId,
    pub(crate) body: Arc<Outgoing>,
    /// This node wrote every version of the run, so none of its earlier messages can be unknown here.
    pub(crate) own: bool,
}

/// What a pulse says about the outbox.
pub(crate) struct Rows {
    pub(crate) lanes: Vec<i16>,
    /// The oldest of each lane, at most [`ROWS_PER_LANE`].
    pub(crate) rows: Vec<OutboxRow>,
    /// No other node lives.
    pub(crate) alone: bool,
    pub(crate) asked: Instant,
}

enum Note {
    Handed(Vec<Handed>),
    Rows(Rows),
    Stop,
}

/// The way to the relay.
pub(crate) struct RelayPort {
    notes: mpsc::UnboundedSender<Note>,
}

impl RelayPort {
    pub(crate) fn new() -> (Self, RelayMail) {
        let (notes, mail) = mpsc::unbounded_channel();
        (RelayPort { notes }, RelayMail(mail))
    }

    /// Hands over what has committed, in the order of the commits.
    pub(crate) fn hand(&self, messages: Vec<Handed>) {
        drop(self.notes.send(Note::Handed(messages)));
    }

    pub(crate) fn rows(&self, rows: Rows) {
        drop(self.notes.send(Note::Rows(rows)));
    }

    /// Nothing new is sent; what is on its way is settled.
    pub(crate) fn stop(&self) {
        drop(self.notes.send(Note::Stop));
    }
}

pub(crate) struct RelayMail(mpsc::UnboundedReceiver<Note>);

/// Messages of one lane to one cluster: a broker that is away holds up nobody else's.
type LaneKey = (i16, Option<String>);
type MessageKey = (RunId, TaskNo);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Flying,
    /// Acknowledged or refused; its turn is on the way.
    Told,
    /// On its way once more behind an earlier one that had to be; its run knows already.
    Repeat,
    Done,
}

struct Entry {
    run: RunId,
    body: Arc<Outgoing>,
    stage: Stage,
    told: bool,
    settled: bool,
    first_try: Option<Instant>,
}

#[derive(Default)]
struct Lane {
    /// Key of the first entry; keys rise by one.
    first: u64,
    entries: VecDeque<Entry>,
    flying: usize,
    /// Something was lost: nothing is sent until all that flies has landed and the pause is over.
    broken: bool,
    pause: Option<Duration>,
    resume_at: Option<Instant>,
}

enum Step {
    Outcome(LaneKey, u64, PublishOutcome),
    /// The run has been told; false: it could not take it.
    Settled(LaneKey, u64, bool),
}

#[derive(Clone, Copy, Default)]
struct Hold {
    owned: bool,
    /// Everything that the outbox has for this lane is known here: what is handed over may go at once.
    live: bool,
    /// A message was left to the pulse: only a pulse asked for after this makes the lane live.
    left_at: Option<Instant>,
}

pub(crate) struct Relay {
    shared: Arc<Shared>,
    sink: Arc<dyn EventSink>,
    mail: RelayMail,
    holds: [Hold; LANES],
    lanes: HashMap<LaneKey, Lane>,
    open: HashSet<MessageKey>,
    /// Settled lately: a pulse that was asked before this instant may still bring them.
    recent: HashMap<MessageKey, Instant>,
    steps: FuturesUnordered<BoxFuture<'static, Step>>,
    alone: bool,
    /// When the pulse was asked for that said so.
    renewed: Option<Instant>,
    stopping: bool,
}

impl Relay {
    pub(crate) fn new(shared: Arc<Shared>, sink: Arc<dyn EventSink>, mail: RelayMail) -> Self {
        Relay {
            shared,
            sink,
            mail,
            holds: [Hold::default(); LANES],
            lanes: HashMap::new(),
            open: HashSet::new(),
            recent: HashMap::new(),
            steps: FuturesUnordered::new(),
            alone: false,
            renewed: None,
            stopping: false,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let resume = self.lanes.values().filter_map(|l| l.resume_at).min();
            // cancel-safe: each branch either only waits or hands over what it took
            tokio::select! {
                note = self.mail.0.recv() => match note {
                    Some(note) => self.note(note).await,
                    None => return,
                },
                Some(step) = self.steps.next(), if !self.steps.is_empty() => self.step(step).await,
                () = tokio::time::sleep_until(resume.unwrap_or_else(Instant::now).into()), if resume.is_some() => {
                    self.resume().await;
                }
            }
            self.shared.stats.relay_open.set(self.open.len() as u64);
        }
    }

    async fn note(&mut self, note: Note) {
        match note {
            Note::Handed(messages) => {
                for message in messages {
                    self.handed(message).await;
                }
            }
            Note::Rows(rows) => self.rows(rows).await,
            Note::Stop => {
                self.stopping = true;
                self.forget_waiting(|_| true);
            }
        }
    }

    async fn handed(&mut self, message: Handed) {
        let key = (message.run, message.body.task);
        // a pulse that read the commit before its writer heard of it has brought the message already
        if self.open.contains(&key) || self.recent.contains_key(&key) {
            return;
        }
        let hold = &mut self.holds[lane_index(&message.body)];
        if !hold.owned || self.stopping {
            return;
        }
        // without a pulse for so long another node may send this lane by now
        let lapsed = self.renewed.is_none_or(|at| at.elapsed() > self.shared.config.lease);
        let safe = hold.live && !lapsed && (message.own || self.alone) && self.open.len() < OPEN_AT_MOST;
        if safe {
            self.take(message.run, message.body).await;
        } else {
            hold.live = false;
            hold.left_at = Some(Instant::now());
            self.shared.pulse_now.notify_one();
        }
    }

    async fn rows(&mut self, answer: Rows) {
        self.alone = answer.alone;
        self.renewed = Some(answer.asked);
        for (i, hold) in self.holds.iter_mut().enumerate() {
            let owned = answer.lanes.contains(&(i as i16));
            if !owned {
                *hold = Hold::default();
            }
            hold.owned = owned;
        }
        let holds = self.holds;
        self.forget_waiting(|(lane, _)| !holds[*lane as usize].owned);
        let mut brought = [0_usize; LANES];
        for row in answer.rows {
            brought[lane_index(&row.body)] += 1;
            let key = (row.run, row.body.task);
            let settled_since = self.recent.get(&key).is_some_and(|at| *at >= answer.asked);
            if settled_since || self.open.contains(&key) || self.stopping {
                continue;
            }
            if self.open.len() >= OPEN_AT_MOST {
                // the lane is not live: the rest comes with a later pulse
                brought[lane_index(&row.body)] = ROWS_PER_LANE;
                continue;
            }
            self.take(row.run, row.body).await;
        }
        for (hold, brought) in self.holds.iter_mut().zip(brought).filter(|(h, _)| h.owned) {
            let all = brought < ROWS_PER_LANE;
            hold.live = all && hold.left_at.is_none_or(|at| at < answer.asked);
            if hold.live {
                hold.left_at = None;
            }
        }
        self.recent.retain(|_, at| *at >= answer.asked);
    }

    /// Puts a message at the end of its lane and sends it if the lane is moving.
    async fn take(&mut self, run: RunId, body: Arc<Outgoing>) {
        self.open.insert((run, body.task));
        let key = (lane(&body), body.cluster.clone());
        let lane = self.lanes.entry(key.clone()).or_default();
        lane.entries.push_back(Entry {
            run,
            body,
            stage: Stage::Waiting,
            told: false,
            settled: false,
            first_try: None,
        });
        let id = lane.first + lane.entries.len() as u64 - 1;
        if !lane.broken {
            self.send(&key, id).await;
        }
    }

    async fn send(&mut self, key: &LaneKey, id: u64) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(entry) = lane.entry(id) else { return };
        entry.stage = if entry.told { Stage::Repeat } else { Stage::Flying };
        entry.first_try.get_or_insert_with(Instant::now);
        let message = OutboxMessage { run: entry.run, body: entry.body.clone() };
        lane.flying += 1;
        let mut publishing = self.sink.publish(message);
        // asked once now, so that the producer sees messages in this order
        match futures::poll!(&mut publishing) {
            std::task::Poll::Ready(outcome) => {
                self.steps.push(Box::pin(std::future::ready(Step::Outcome(key.clone(), id, outcome))));
            }
            std::task::Poll::Pending => {
                let key = key.clone();
                self.steps.push(Box::pin(async move { Step::Outcome(key, id, publishing.await) }));
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Outcome(key, id, outcome) => self.outcome(key, id, outcome),
            Step::Settled(key, id, told) => self.settled(&key, id, told),
        }
    }

    fn outcome(&mut self, key: LaneKey, id: u64, outcome: PublishOutcome) {
        let stats = &self.shared.stats;
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        lane.flying = lane.flying.saturating_sub(1);
        let Some(entry) = lane.entry(id) else { return };
        let outcome = match outcome {
            PublishOutcome::Lost(reason) if entry.out_of_time() => PublishOutcome::Refused(reason),
            other => other,
        };
        let said = match outcome {
            PublishOutcome::Acknowledged => {
                stats.relay_published.one();
                Some(Ok(()))
            }
            PublishOutcome::Refused(reason) => {
                stats.relay_refused.one();
                Some(Err(reason))
            }
            PublishOutcome::Lost(reason) => {
                stats.relay_lost.one();
                tracing::warn!(run = %entry.run, task = entry.body.task, reason, "a message was lost on its way, its lane starts again");
                None
            }
        };
        match said {
            Some(said) => {
                let (run, task) = (entry.run, entry.body.task);
                let tell = !entry.told;
                entry.told = true;
                entry.stage = if entry.settled { Stage::Done } else { Stage::Told };
                if !lane.broken {
                    lane.pause = None;
                }
                if tell {
                    self.steps.push(Box::pin(tell_run(
                        self.shared.clone(),
                        key.clone(),
                        id,
                        run,
                        task,
                        said,
                    )));
                }
            }
            None => {
                entry.stage = Stage::Waiting;
                lane.broken = true;
            }
        }
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.tidy();
            if lane.broken && lane.flying == 0 && lane.resume_at.is_none() {
                let pause = lane.pause.map_or(FIRST_PAUSE, |p| (2 * p).min(LONGEST_PAUSE));
                lane.pause = Some(pause);
                lane.resume_at = Some(Instant::now() + pause);
            }
        }
    }

    fn settled(&mut self, key: &LaneKey, id: u64, told: bool) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(entry) = lane.entry(id) else { return };
        entry.settled = true;
        if entry.stage == Stage::Told {
            entry.stage = Stage::Done;
        }
        let message = (entry.run, entry.body.task);
        self.open.remove(&message);
        self.recent.insert(message, Instant::now() + if told { Duration::ZERO } else { UNTOLD_REST });
        lane.tidy();
        let (lane_no, left) = (key.0 as usize % LANES, lane.entries.len());
        if left == 0 && !lane.broken {
            self.lanes.remove(key);
        }
        // more may wait in the outbox than a pulse brings or memory holds
        let hold = &self.holds[lane_no];
        if hold.owned && !hold.live && left <= ROWS_PER_LANE / 4 && !self.stopping {
            self.shared.pulse_now.notify_one();
        }
    }

    /// Lanes whose pause is over start again at their oldest unacknowledged message. What was acknowledged
    /// behind one that was not, with the same topic and key, goes once more, so that a reader's last view is
    /// in order.
    async fn resume(&mut self) {
        let now = Instant::now();
        let ready = |lane: &Lane| lane.resume_at.is_some_and(|at| at <= now);
        let keys: Vec<LaneKey> =
            self.lanes.iter().filter(|(_, l)| ready(l)).map(|(k, _)| k.clone()).collect();
        for key in keys {
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.broken = false;
            lane.resume_at = None;
            for id in lane.to_send_again() {
                self.send(&key, id).await;
            }
            if self.lanes.get(&key).is_some_and(|l| l.entries.is_empty()) {
                self.lanes.remove(&key);
            }
        }
    }

    /// Drops what was not sent yet from these lanes: it stays in the outbox.
    fn forget_waiting(&mut self, which: impl Fn(&LaneKey) -> bool) {
        for (_, lane) in self.lanes.iter_mut().filter(|(key, _)| which(key)) {
            for entry in lane.entries.iter_mut().filter(|e| e.stage == Stage::Waiting) {
                self.open.remove(&(entry.run, entry.body.task));
                entry.stage = Stage::Done;
            }
            lane.tidy();
        }
    }
}

impl Lane {
    fn entry(&mut self, id: u64) -> Option<&mut Entry> {
        let at = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    /// Forgets what is done at the front; what is done behind something open stays for a restart.
    fn tidy(&mut self) {
        while self.entries.front().is_some_and(|e| e.stage == Stage::Done) {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    fn to_send_again(&self) -> Vec<u64> {
        let mut unacknowledged: HashSet<(&str, Option<&[u8]>)> = HashSet::new();
        let mut again = Vec::new();
        for (id, entry) in (self.first..).zip(&self.entries) {
            let order = (entry.body.topic.as_str(), entry.body.key.as_deref());
            let waits = entry.stage == Stage::Waiting;
            if waits {
                unacknowledged.insert(order);
            }
            if waits || (entry.told && unacknowledged.contains(&order)) {
                again.push(id);
            }
        }
        again
    }
}

impl Entry {
    fn out_of_time(&self) -> bool {
        let limit = self.body.max_block_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        limit.is_some_and(|limit| self.first_try.is_some_and(|at| at.elapsed() >= limit))
    }
}

fn lane_index(body: &Outgoing) -> usize {
    usize::try_from(lane(body)).unwrap_or_default() % LANES
}

/// Sends the outcome to the run until it is durable (or the run is gone).
async fn tell_run(
    shared: Arc<Shared>,
    key: LaneKey,
    id: u64,
    run: RunId,
    task: TaskNo,
    outcome: Result<(), String>,
) -> Step {
    loop {
        let (tx, answer) = oneshot::channel();
        let event = Event::Published { task, outcome: outcome.clone() };
        shared.mailboxes.send_own(run, Work::Event(event), Reply::Done(tx));
        match answer.await {
            Ok(Err(EngineError::Unavailable(_))) | Err(_) => tokio::time::sleep(SETTLE_AGAIN_AFTER).await,
            Ok(Ok(())) => return Step::Settled(key, id, true),
            Ok(Err(error)) => {
                tracing::error!(%run, task, %error, "a run could not be told what became of its message");
                return Step::Settled(key, id, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use podium_core::Timestamp;

    fn entry(key: &str, stage: Stage) -> Entry {
        let body = Outgoing {
            task: 1,
            cluster: None,
            topic: "t".to_owned(),
            key: Some(key.as_bytes().to_vec()),
            value: Vec::new(),
            headers: Vec::new(),
            max_block_ms: None,
        };
        let run = RunId::new(Timestamp::from_millis(1), 1, 0);
        let told = matches!(stage, Stage::Told | Stage::Done);
        Entry { run, body: Arc::new(body), stage, told, settled: stage == Stage::Done, first_try: None }
    }

    #[test]
    fn a_lane_starts_again_at_its_oldest_unacknowledged_message() {
        let mut lane = Lane::default();
        lane.entries.extend([
            entry("a", Stage::Done),
            entry("a", Stage::Waiting),
            entry("b", Stage::Done),
            entry("a", Stage::Done),
            entry("b", Stage::Waiting),
            entry("a", Stage::Waiting),
        ]);
        lane.tidy();
        assert_eq!(lane.first, 1);
        assert_eq!(lane.to_send_again(), vec![1, 3, 4, 5], "b at 2 came before anything of b was lost");
    }
}
