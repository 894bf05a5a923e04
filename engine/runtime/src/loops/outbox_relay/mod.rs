//! Publishes messages in the order of their commits and tells the deciding run what became of each.
//!
//! ```text
//! commit --handed--> line (lane, cluster, topic, key) --publish--> broker --outcome--> Event::Published turn
//! pulse  --rows-----^      ^------ start again at the oldest unacknowledged, after a pause ---'lost
//! ```
//!
//! A message is in the outbox until its Published turn has committed, so whatever is lost here comes back with a
//! pulse, with the same id. A lane is sent by the node that holds it, each key of it in order; what another node
//! committed into it comes with the pulse. A node whose leases were not renewed in time sends nothing more and
//! takes back what has not left its producers: another node sends it by then.

mod line;
mod mail;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use podium_core::id::is_notice;
use podium_core::{Event, Outgoing, RunId, TaskNo};
use tokio::sync::oneshot;

use self::line::{Entry, Line, Order, Stage, lane_index};
use self::mail::Note;
pub(crate) use self::mail::{Handed, RelayMail, RelayPort, Rows};
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
/// While other nodes commit messages into the lanes of this one, it looks for them so often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

type MessageKey = (RunId, TaskNo);

enum Step {
    Outcome(Order, u64, PublishOutcome),
    /// The run has been told; false: it could not take it.
    Settled(Order, u64, bool),
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
    lines: HashMap<Order, Line>,
    /// When lines that broke start again; the number tells equal instants apart.
    resumes: BTreeMap<(Instant, u64), Order>,
    open: HashSet<MessageKey>,
    /// The open messages of each lane.
    open_in: [usize; LANES],
    /// Settled lately: a pulse that was asked before this instant may still bring them.
    recent: HashMap<MessageKey, Instant>,
    serial: u64,
    steps: FuturesUnordered<BoxFuture<'static, Step>>,
    alone: bool,
    /// When the pulse was asked for that said so: what this node holds it holds for a lease from then on.
    renewed: Option<Instant>,
    /// When what was handed to the producers is taken back unless a pulse comes first.
    lapses_at: Option<Instant>,
    /// When to ask for a pulse because another node commits into lanes of this one.
    look_at: Option<Instant>,
    stopping: bool,
}

impl Relay {
    pub(crate) fn new(shared: Arc<Shared>, sink: Arc<dyn EventSink>, mail: RelayMail) -> Self {
        Relay {
            shared,
            sink,
            mail,
            holds: [Hold::default(); LANES],
            lines: HashMap::new(),
            resumes: BTreeMap::new(),
            open: HashSet::new(),
            open_in: [0; LANES],
            recent: HashMap::new(),
            serial: 0,
            steps: FuturesUnordered::new(),
            alone: false,
            renewed: None,
            lapses_at: None,
            look_at: None,
            stopping: false,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let resume = self.resumes.first_key_value().map(|((at, _), _)| *at);
            let (lapse, look) = (self.lapses_at, self.look_at);
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
                () = tokio::time::sleep_until(lapse.unwrap_or_else(Instant::now).into()), if lapse.is_some() => self.lapse(),
                () = tokio::time::sleep_until(look.unwrap_or_else(Instant::now).into()), if look.is_some() => {
                    self.look_at = None;
                    self.shared.pulse_now.notify_one();
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
        let lapsed = self.lapsed();
        let hold = &mut self.holds[lane_index(&message.body)];
        if !hold.owned || self.stopping {
            return;
        }
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
        self.lapses_at = Some(answer.asked + self.shared.config.lease);
        for (i, hold) in self.holds.iter_mut().enumerate() {
            let owned = answer.lanes.contains(&(i as i16));
            if !owned {
                *hold = Hold::default();
            }
            hold.owned = owned;
        }
        let holds = self.holds;
        self.forget_waiting(|lane| !holds[lane].owned);
        if self.lapsed() {
            // an answer that took so long says nothing about now
            return self.lapse();
        }
        let mut brought = [0_usize; LANES];
        let mut found = false;
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
            found = true;
            self.take(row.run, row.body).await;
        }
        // only another node's commits are found like this when all is well: more of them are likely
        self.look_at = (found && !self.alone).then(|| Instant::now() + LOOK_AGAIN_AFTER);
        for (hold, brought) in self.holds.iter_mut().zip(brought).filter(|(h, _)| h.owned) {
            let all = brought < ROWS_PER_LANE;
            hold.live = all && hold.left_at.is_none_or(|at| at < answer.asked);
            if hold.live {
                hold.left_at = None;
            }
        }
        self.recent.retain(|_, at| *at >= answer.asked);
    }

    /// Without a pulse for so long another node may send these lanes by now.
    fn lapsed(&self) -> bool {
        self.renewed.is_none_or(|at| at.elapsed() >= self.shared.config.lease)
    }

    /// Stops sending: what has not left the producers is taken back, and its outcome forgets it here. What is on
    /// its way to a broker may go twice, as after a crash.
    fn lapse(&mut self) {
        self.lapses_at = None;
        let now = Instant::now();
        for hold in self.holds.iter_mut().filter(|hold| hold.owned) {
            *hold = Hold { owned: true, live: false, left_at: Some(now) };
        }
        self.forget_waiting(|_| true);
        if self.lines.values().any(|line| line.flying > 0) {
            tracing::warn!(
                "the leases were not renewed in time: messages that are not sent yet are taken back"
            );
            self.sink.take_back();
        }
    }

    /// Puts a message at the end of its line and sends it if the line is moving.
    async fn take(&mut self, run: RunId, body: Arc<Outgoing>) {
        self.open.insert((run, body.task));
        let order = Order::of(&body);
        self.open_in[order.lane] += 1;
        let line = self.lines.entry(order.clone()).or_default();
        line.entries.push_back(Entry {
            run,
            body,
            stage: Stage::Waiting,
            told: false,
            settled: false,
            first_try: None,
        });
        let id = line.first + line.entries.len() as u64 - 1;
        if !line.broken {
            self.send(&order, id).await;
        }
    }

    async fn send(&mut self, order: &Order, id: u64) {
        let Some(line) = self.lines.get_mut(order) else { return };
        let Some(entry) = line.entry(id) else { return };
        entry.stage = if entry.told { Stage::Repeat } else { Stage::Flying };
        entry.first_try.get_or_insert_with(Instant::now);
        let message = OutboxMessage { run: entry.run, body: entry.body.clone() };
        line.flying += 1;
        let mut publishing = self.sink.publish(message);
        // asked once now, so that the producer sees messages in this order
        match futures::poll!(&mut publishing) {
            std::task::Poll::Ready(outcome) => {
                self.steps.push(Box::pin(std::future::ready(Step::Outcome(order.clone(), id, outcome))));
            }
            std::task::Poll::Pending => {
                let order = order.clone();
                self.steps.push(Box::pin(async move { Step::Outcome(order, id, publishing.await) }));
            }
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Outcome(order, id, outcome) => self.outcome(order, id, outcome),
            Step::Settled(order, id, told) => self.settled(&order, id, told),
        }
    }

    fn outcome(&mut self, order: Order, id: u64, outcome: PublishOutcome) {
        let (lapsed, shared) = (self.lapsed(), self.shared.clone());
        let stats = &shared.stats;
        let Some(line) = self.lines.get_mut(&order) else { return };
        line.flying = line.flying.saturating_sub(1);
        let Some(entry) = line.entry(id) else { return };
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
                if is_notice(entry.body.task) {
                    // no task shows it
                    tracing::warn!(run = %entry.run, topic = entry.body.topic, reason, "a notice was refused and is dropped");
                }
                Some(Err(reason))
            }
            PublishOutcome::Lost(reason) => {
                stats.relay_lost.one();
                if lapsed {
                    tracing::debug!(run = %entry.run, task = entry.body.task, reason, "a message was taken back");
                } else {
                    tracing::warn!(run = %entry.run, task = entry.body.task, reason, "a message was lost on its way, its key starts again");
                }
                None
            }
        };
        match said {
            Some(said) => {
                let (run, task) = (entry.run, entry.body.task);
                let tell = !entry.told;
                entry.told = true;
                entry.stage = if entry.settled { Stage::Done } else { Stage::Told };
                if !line.broken {
                    line.pause = None;
                }
                if tell {
                    let told = tell_run(self.shared.clone(), order.clone(), id, run, task, said);
                    self.steps.push(Box::pin(told));
                }
            }
            // it is in the outbox for whoever holds the lane now
            None if lapsed && !entry.told => {
                entry.stage = Stage::Done;
                self.open.remove(&(entry.run, entry.body.task));
                self.open_in[order.lane] -= 1;
            }
            None => {
                entry.stage = if entry.told && entry.settled { Stage::Done } else { Stage::Waiting };
                line.broken = true;
            }
        }
        line.tidy();
        if line.entries.is_empty() {
            self.lines.remove(&order);
        } else if line.broken && line.flying == 0 && line.resume_at.is_none() {
            let pause = line.pause.map_or(FIRST_PAUSE, |p| (2 * p).min(LONGEST_PAUSE));
            line.pause = Some(pause);
            let at = Instant::now() + pause;
            line.resume_at = Some(at);
            self.serial += 1;
            self.resumes.insert((at, self.serial), order);
        }
    }

    fn settled(&mut self, order: &Order, id: u64, told: bool) {
        let Some(line) = self.lines.get_mut(order) else { return };
        let Some(entry) = line.entry(id) else { return };
        entry.settled = true;
        if entry.stage == Stage::Told {
            entry.stage = Stage::Done;
        }
        let message = (entry.run, entry.body.task);
        if self.open.remove(&message) {
            self.open_in[order.lane] -= 1;
        }
        self.recent.insert(message, Instant::now() + if told { Duration::ZERO } else { UNTOLD_REST });
        line.tidy();
        if line.entries.is_empty() {
            self.lines.remove(order);
        }
        // more may wait in the outbox than a pulse brings or memory holds
        let hold = &self.holds[order.lane];
        if hold.owned && !hold.live && self.open_in[order.lane] <= ROWS_PER_LANE / 4 && !self.stopping {
            self.shared.pulse_now.notify_one();
        }
    }

    /// Lines whose pause is over start again at their oldest unacknowledged message. What was acknowledged behind
    /// one that was not goes once more, so that a reader's last view of a key is in order.
    async fn resume(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.resumes.first_entry().filter(|first| first.key().0 <= now) {
            let order = first.remove();
            let lapsed = self.lapsed();
            let Some(line) = self.lines.get_mut(&order) else { continue };
            if line.resume_at.is_none_or(|at| at > now) {
                continue;
            }
            line.broken = false;
            line.resume_at = None;
            if lapsed {
                self.forget_waiting_of(&order);
                continue;
            }
            for id in line.to_send_again() {
                self.send(&order, id).await;
            }
        }
    }

    /// Drops what was not sent yet from these lanes: it stays in the outbox.
    fn forget_waiting(&mut self, which: impl Fn(usize) -> bool) {
        let orders: Vec<Order> = self.lines.keys().filter(|order| which(order.lane)).cloned().collect();
        for order in orders {
            self.forget_waiting_of(&order);
        }
    }

    fn forget_waiting_of(&mut self, order: &Order) {
        let Some(line) = self.lines.get_mut(order) else { return };
        for entry in line.entries.iter_mut().filter(|e| e.stage == Stage::Waiting) {
            if self.open.remove(&(entry.run, entry.body.task)) {
                self.open_in[order.lane] -= 1;
            }
            entry.stage = Stage::Done;
        }
        line.tidy();
        if line.entries.is_empty() {
            self.lines.remove(order);
        }
    }
}

/// Sends the outcome to the run until it is durable (or the run is gone).
async fn tell_run(
    shared: Arc<Shared>,
    order: Order,
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
            Ok(Ok(())) => return Step::Settled(order, id, true),
            Ok(Err(error)) => {
                tracing::error!(%run, task, %error, "a run could not be told what became of its message");
                return Step::Settled(order, id, false);
            }
        }
    }
}
