//! After the commit: everybody hears of it.

use std::time::Instant;

use podium_core::{Event, Refusal, RunId, TaskId, TaskNo, Timestamp};
use podium_store::{Applied, ChangeOutcome, StoreError};

use crate::batch::{Batch, Reserved};
use crate::broken::Blame;
use crate::cache::CachedRun;
use crate::errors::storage;
use crate::loading::Wanted;
use crate::loops::outbox_relay::Handed;
use crate::mailbox::{Began, Envelope, Outcome, Reply, Said, Work};
use crate::messages::{EngineError, Reported};
use crate::ready::{Ready, Why};
use crate::services::operate::refused;
use crate::turn::Turn;
use crate::writer::Writer;

/// The text of contract §2 for an id that names no run.
pub(crate) fn no_run(id: RunId) -> EngineError {
    EngineError::NotFound(format!("No such workflow found by id: {id}"))
}

/// The text of contract §2 for an id that names no task.
pub(crate) fn no_task(id: TaskId) -> EngineError {
    EngineError::NotFound(format!("No such task found by id: {id}"))
}

impl Writer {
    pub(crate) fn settle(&mut self, batch: Batch, result: Result<Applied, StoreError>, asked: Instant) {
        let stats = &self.shared.stats;
        stats.batches.one();
        stats.events.add(batch.events);
        stats.turns.add(batch.turns.len());
        match result {
            Ok(applied) => {
                self.shared.wrote();
                self.shared.clock.learn(applied.db_now, asked);
                self.shared.definitions.moved(applied.metadata_version);
                self.shared.definitions.limits.news(applied.metadata_version);
                // before the callers are answered: a start of such a run goes on with its first task
                for run in applied.answered {
                    self.shared.mailboxes.send_own(run, Work::Inbox, Reply::None);
                }
                self.applied(batch, applied.outcomes);
            }
            Err(error) => self.not_applied(batch, error),
        }
    }

    fn applied(&mut self, mut batch: Batch, outcomes: Vec<ChangeOutcome>) {
        let is_stored = |(turn, outcome): (&Turn, &ChangeOutcome)| {
            turn.spoilt.is_none() && matches!(outcome, ChangeOutcome::Stored)
        };
        let stored: Vec<bool> = batch.turns.iter().zip(&outcomes).map(is_stored).collect();
        for (turn, stored) in batch.turns.iter_mut().zip(&stored) {
            if *stored {
                turn.stored();
            }
        }
        for (turn, _) in batch.turns.iter().zip(&stored).filter(|(_, stored)| **stored) {
            turn.raised().for_each(|event| self.shared.raised(event));
        }
        // messages go first: they have the longest way
        self.relay(&batch.turns, &stored);
        for reserved in batch.reserved {
            let handed = reserved.answer(&batch.turns, &stored, &self.shared.mailboxes);
            self.shared.stats.handoffs.add(handed);
        }
        for (turn, outcome) in batch.turns.into_iter().zip(outcomes) {
            self.one(turn, outcome);
        }
    }

    fn one(&mut self, mut turn: Turn, outcome: ChangeOutcome) {
        let run = turn.id();
        let waiting = self.waiting(run);
        if let Some(text) = turn.spoilt.take() {
            self.give_up(turn, &text, Blame::Any);
            return waiting.into_iter().for_each(|e| self.accept(e));
        }
        match outcome {
            ChangeOutcome::Stored => {
                self.stored(turn);
                waiting.into_iter().for_each(|e| self.accept(e));
            }
            ChangeOutcome::Stale => {
                self.shared.stats.stale.one();
                let mut work = turn.into_work();
                work.extend(waiting);
                self.again_from_rows(run, work);
            }
            ChangeOutcome::Unknown => {
                self.shared.stats.stale.one();
                self.shared.feed.changed(run);
                self.disown(&turn, false);
                turn.in_doubt();
                let mut work = turn.into_work();
                work.extend(waiting);
                self.again_from_rows(run, work);
            }
            ChangeOutcome::Limited => {
                // what a limit does not allow now is for a later poll; all else of the turn is decided again
                let (limited, mut work) = turn.split_limited();
                limited.into_iter().for_each(Envelope::refuse);
                work.extend(waiting);
                self.again_from_rows(run, work);
            }
            ChangeOutcome::MetadataMoved => {
                for (envelope, _) in turn.heard {
                    match envelope.reply {
                        Reply::Start(tx) => drop(tx.send(Ok(Began::MetadataMoved))),
                        Reply::None
                        | Reply::Done(_)
                        | Reply::Applied(_)
                        | Reply::Operated(_)
                        | Reply::Report(_)
                        | Reply::Claim(_) => {}
                    }
                }
            }
            ChangeOutcome::Failed(text) => {
                self.give_up(turn, &format!("the database refused the change: {text}"), Blame::Any);
                waiting.into_iter().for_each(|e| self.accept(e));
            }
        }
    }

    /// The run has moved: all of its work is decided again on what the rows say now.
    pub(crate) fn again_from_rows(&mut self, run: RunId, work: Vec<Envelope>) {
        let (starts, work): (Vec<_>, Vec<_>) =
            work.into_iter().partition(|e| matches!(e.work, Work::Start(_)));
        for start in starts {
            // nobody else makes up this id: the statement was not served, though others of its batch were
            start.fail(EngineError::Unavailable(format!("the run {run} could not be stored, try again")));
        }
        if !work.is_empty() {
            let inbox = work.iter().any(|e| matches!(e.work, Work::Inbox));
            self.want(Wanted { inbox, ..Wanted::run(run) }, work);
        }
    }

    /// Gives back what a turn of unknown fate may have leased.
    fn disown(&self, turn: &Turn, claims: bool) {
        for event in turn.disowned(claims) {
            self.shared.mailboxes.send_own(turn.id(), Work::Event(event), Reply::None);
        }
    }

    fn stored(&mut self, mut turn: Turn) {
        let shared = self.shared.clone();
        if !turn.effects.is_empty() {
            shared.feed.changed(turn.id());
            self.faulted_or_healed(&turn);
            shared.watches.committed(turn.id(), turn.run.state.head.version);
        }
        if turn.took_many_rows() {
            shared.mailboxes.send_own(turn.id(), Work::Inbox, Reply::None);
        }
        let now = shared.clock.now();
        self.timers(&turn, now);
        let (run, priority) = (turn.id(), turn.run.state.head.priority);
        for task in turn.ready() {
            shared.offer(&task.task_type, task.domain.as_deref(), Ready::of(run, priority, task), now);
        }
        if shared.definitions.limits.any() {
            turn.made_room(|name| shared.definitions.limits.covers(name))
                .for_each(|task_type| shared.queues.look_again(task_type, Why::MoreRoom));
        }
        for child in turn.take_children() {
            let run = child.head.id;
            // another writer would not find it here
            if let (1, Some(plan)) = (shared.config.writers, shared.plans.get(&child.head.snapshot)) {
                self.cache.put(Box::new(CachedRun { state: child, plan, own: true, keeps_copy: 0 }));
            }
            shared.send_due(run);
        }
        let told: Vec<RunId> = turn.told().collect();
        for run in &told {
            shared.mailboxes.send_own(*run, Work::Inbox, Reply::None);
        }
        let ended = turn.run.state.head.status.is_terminal();
        if ended && turn.was_open {
            shared.stats.runs_ended.one();
        }
        let Turn { run: cached, heard, .. } = turn;
        for (envelope, said) in heard {
            self.answer(envelope, said, &cached, &told);
        }
        // an ended run has little left to come, and its rows are there
        if !ended {
            self.cache.put(cached);
        }
    }

    fn faulted_or_healed(&self, turn: &Turn) {
        if turn.heard.iter().any(|(e, _)| matches!(e.work, Work::Event(Event::Faulted { .. }))) {
            self.shared.stats.runs_faulted.one();
        } else {
            self.shared.broken.healed(turn.id());
        }
    }

    fn timers(&self, turn: &Turn, now: Timestamp) {
        let run = turn.id();
        if turn.heard.iter().any(|(e, _)| matches!(e.work, Work::Event(Event::Due)))
            && let Some(at) = self.shared.timers.settled(run)
        {
            self.shared.stats.timers_fired.one();
            self.shared.stats.timer_lateness_max_ms.at_least((now - at).as_millis().max(0).unsigned_abs());
        }
        // a run that stays due without a change is left to the pulse
        if let (Some(at), false) = (turn.run.state.head.wake_at, turn.effects.is_empty()) {
            self.shared.timers.arm(run, at, now);
        }
    }

    fn answer(&self, envelope: Envelope, said: Said, run: &CachedRun, told: &[RunId]) {
        let stats = &self.shared.stats;
        let id = envelope.run;
        match (envelope.reply, envelope.work) {
            (Reply::None, Work::Event(Event::Returned { .. })) => stats.returned_leases.one(),
            (Reply::None, _) => {}
            (Reply::Start(tx), _) => {
                stats.runs_started.one();
                drop(tx.send(Ok(Began::Stored)));
            }
            (Reply::Done(tx), _) => drop(tx.send(done(said))),
            (Reply::Applied(tx), _) => drop(tx.send(Ok(matches!(said, Said::Done)))),
            (Reply::Operated(tx), _) => drop(tx.send(done(said).map(|()| told.to_vec()))),
            (Reply::Report(tx), Work::Event(Event::Reported(report))) => {
                let answer = reported(said, run, report.task);
                if matches!(answer, Ok(Reported::Ignored(_))) {
                    stats.late_reports.one();
                }
                drop(tx.send(answer));
            }
            (Reply::Claim(claims), Work::Event(Event::Claimed { task, .. })) => {
                let view = if matches!(said, Said::Done) { run.view(task) } else { None };
                match &view {
                    Some(_) => stats.claims.one(),
                    None => stats.lost_claims.one(),
                }
                claims.settle(id, task, view.map_or(Outcome::Lost, Outcome::Won));
            }
            // each kind of reply belongs to one kind of work
            (Reply::Report(_) | Reply::Claim(_), _) => {}
        }
    }

    fn relay(&self, turns: &[Turn], stored: &[bool]) {
        let Some(relay) = &self.shared.relay else { return };
        let mut handed = Vec::new();
        for (turn, _) in turns.iter().zip(stored).filter(|(_, stored)| **stored) {
            let (run, own) = (turn.id(), turn.run.own);
            handed.extend(turn.emitted().map(|body| Handed { run, body: body.clone(), own }));
        }
        if !handed.is_empty() {
            relay.hand(handed);
        }
    }

    /// The database is away, or nobody knows whether it was committed. Nothing in memory may be trusted.
    fn not_applied(&mut self, batch: Batch, error: StoreError) {
        let unknown = matches!(error, StoreError::Unsettled { .. });
        let error = storage(error);
        batch.reserved.into_iter().for_each(Reserved::release);
        for turn in batch.turns {
            let waiting = self.waiting(turn.id());
            if unknown {
                self.shared.feed.changed(turn.id());
                self.disown(&turn, true);
            }
            for (envelope, _) in turn.heard {
                self.fail(envelope, error.clone());
            }
            waiting.into_iter().for_each(|e| self.accept(e));
        }
    }
}

fn done(said: Said) -> Result<(), EngineError> {
    match said {
        Said::Done => Ok(()),
        Said::Refused(refusal) => refused(refusal),
    }
}

fn reported(said: Said, run: &CachedRun, task: TaskNo) -> Result<Reported, EngineError> {
    let view = run.view(task).ok_or_else(|| no_task(run.state.task_id(task)));
    match said {
        Said::Done => Ok(Reported::Applied(view?)),
        Said::Refused(Refusal::TaskEnded | Refusal::RunEnded | Refusal::RunCompleted) => {
            Ok(Reported::Ignored(view?))
        }
        Said::Refused(Refusal::UnknownTask) => Err(no_task(run.state.task_id(task))),
        Said::Refused(Refusal::Operator(_)) => Err(no_run(run.state.head.id)),
        Said::Refused(refusal @ (Refusal::NotReady | Refusal::Unstartable(_))) => {
            Err(EngineError::Rejected(refusal.to_string()))
        }
    }
}
