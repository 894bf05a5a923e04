//! The writer: one connection that stores batches, one statement and one commit each.
//!
//! Nothing is answered before it is settled. If the connection breaks while a commit is on its way, the
//! write id in the run's row tells what happened: mine = stored; another version = not stored; the old
//! version = perhaps still to come, so the same change is sent again with the same write id, and one of the
//! two loses the guard.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use podium_core::{RunId, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use crate::batch::{Batch, Limits, Unwritable};
use crate::change::{Applied, Change, ChangeKind, ChangeOutcome};
use crate::error::{Kind, RACES, StoreError, kind};
use crate::month::{Months, is_gone};
use crate::run::run_id;
use crate::session::{Session, connect, read_session, session};
use crate::statement::{PAYLOADS_AHEAD, part};
use crate::wire::At;
use crate::{Inner, Store};

const APPLY: &str = "batch.apply";
const SETTLE: &str = "batch.settle";

/// Bits of a write id or slot that count within one writer; the writer's epoch stands above.
const COUNT_BITS: u32 = 40;

/// Stores changes of runs. One connection, used by one task at a time; several writers may run beside each other.
pub struct Writer {
    store: Arc<Inner>,
    /// Taken out while a statement is under way, so that a dropped call leaves no half-read connection.
    connection: Option<PgConnection>,
    session: Session,
    epoch: i64,
    count: i64,
}

/// One statement's worth of work: positions in the caller's slice.
struct Portion {
    places: Vec<usize>,
    write_id: i64,
    /// It was sent before and nobody knows what became of that.
    in_doubt: bool,
    races: u32,
}

/// What the hot statement answers.
struct Answer {
    ids: Vec<Uuid>,
    /// Runs with a claim that a limit did not allow.
    limited: Vec<Uuid>,
    /// Runs that have an answer about their rate limit in their inbox.
    answered: Vec<Uuid>,
    db_now: Timestamp,
    metadata_version: i64,
}

impl Store {
    /// Opens a writer on a connection of its own.
    pub async fn writer(&self) -> Result<Writer, StoreError> {
        let mut connection = connect(&self.inner).await.map_err(StoreError::at("writer.connect"))?;
        let session = session(&mut connection).await?;
        let epoch: i64 = sqlx::query_scalar("SELECT nextval('writer_epoch')")
            .fetch_one(&mut connection)
            .await
            .map_err(StoreError::at("writer.epoch"))?;
        let mut writer =
            Writer { store: self.inner.clone(), connection: Some(connection), session, epoch, count: 0 };
        writer.warm().await?;
        Ok(writer)
    }
}

impl Writer {
    /// Stores the changes, each whole or not at all, in one transaction.
    ///
    /// A run may stand in a batch once. When this returns `Ok`, every outcome is known and committed. After
    /// `Err`, or if the future is dropped, any of the changes may have been stored: forget what is cached of
    /// their runs. A change that PostgreSQL refuses does not harm the others: the batch is halved and sent
    /// again until the culprit is alone.
    pub async fn apply(&mut self, changes: &[Change<'_>]) -> Result<Applied, StoreError> {
        let mut places: Vec<usize> = (0..changes.len()).collect();
        places.sort_by_key(|i| changes[*i].run);
        let mut outcomes = vec![ChangeOutcome::Stale; changes.len()];
        let before = places.len();
        places.dedup_by_key(|i| changes[*i].run);
        if places.len() < before {
            tracing::error!("a batch held two changes of one run; the second was not stored");
        }
        self.learn_snapshots(changes).await?;

        let mut answer = Applied {
            outcomes: Vec::new(),
            answered: Vec::new(),
            db_now: Timestamp::default(),
            metadata_version: 0,
        };
        let mut work = vec![Portion { places, write_id: self.next(), in_doubt: false, races: 0 }];
        let mut deadline: Option<Instant> = None;
        let mut any_stored = false;
        while let Some(mut portion) = work.pop() {
            let batch = self.encode(changes, &mut portion.places, &mut outcomes);
            let source = match self.send(&batch, portion.write_id).await {
                Ok(got) => {
                    any_stored = true;
                    answer.db_now = got.db_now;
                    answer.metadata_version = got.metadata_version;
                    for id in &got.answered {
                        answer.answered.push(run_id("run_slot", *id)?);
                    }
                    self.take(changes, &portion, &batch, &got, &mut outcomes).await?;
                    continue;
                }
                Err(source) => source,
            };
            match kind(&source) {
                Kind::Again if portion.races < RACES => {
                    self.store.counters.retried.fetch_add(1, Relaxed);
                    portion.races += 1;
                    work.push(portion);
                }
                Kind::Again | Kind::Refused if portion.places.len() > 1 => {
                    self.store.counters.halved.fetch_add(1, Relaxed);
                    let second = portion.places.split_off(portion.places.len() / 2);
                    work.push(Portion { places: second, ..portion });
                    work.push(Portion { places: portion.places, ..portion });
                }
                Kind::Again | Kind::Refused => {
                    let why = describe(&source);
                    for place in portion.places {
                        tracing::error!(run_id = %changes[place].run, error = %why, "a change was refused by the database");
                        outcomes[place] = ChangeOutcome::Failed(why.clone());
                    }
                }
                Kind::Away if !any_stored => {
                    return Err(StoreError::Unavailable { statement: APPLY, source });
                }
                // some are stored and must be answered; these are not, and are decided again
                Kind::Away => {}
                Kind::Lost => {
                    self.store.counters.settled.fetch_add(1, Relaxed);
                    let until = *deadline.get_or_insert(Instant::now() + self.store.options.settle_timeout);
                    tracing::warn!(error = %source, runs = portion.places.len(), "lost the connection during a commit");
                    self.settle(changes, &mut portion, &mut outcomes, until).await?;
                    any_stored |= outcomes.contains(&ChangeOutcome::Stored);
                    if !portion.places.is_empty() {
                        work.push(portion);
                    }
                }
            }
        }
        if answer.db_now == Timestamp::default() {
            // all was settled by reading: ask for the clock and the metadata version
            let got = self.send(&Batch::new(&self.session.types, self.limits()), 0).await;
            let got = got.map_err(|source| StoreError::Unsettled { statement: SETTLE, source })?;
            (answer.db_now, answer.metadata_version) = (got.db_now, got.metadata_version);
        }
        self.count_outcomes(&outcomes);
        answer.outcomes = outcomes;
        Ok(answer)
    }

    fn count_outcomes(&self, outcomes: &[ChangeOutcome]) {
        let counters = &self.store.counters;
        counters.batches.fetch_add(1, Relaxed);
        for outcome in outcomes {
            match outcome {
                ChangeOutcome::Stored => counters.stored.fetch_add(1, Relaxed),
                ChangeOutcome::Stale
                | ChangeOutcome::Unknown
                | ChangeOutcome::Limited
                | ChangeOutcome::MetadataMoved => counters.stale.fetch_add(1, Relaxed),
                ChangeOutcome::Failed(_) => counters.failed.fetch_add(1, Relaxed),
            };
        }
    }

    fn limits(&self) -> Limits {
        let options = &self.store.options;
        Limits { inline: options.inline_limit_bytes, ahead: options.ahead_limit_bytes }
    }

    /// The next write id or payload slot: unique over all writers of this database.
    fn next(&mut self) -> i64 {
        self.count += 1;
        (self.epoch << COUNT_BITS) | self.count
    }

    /// Turns the portion's changes into rows; those that cannot be written fail here and leave it.
    fn encode(
        &mut self,
        changes: &[Change<'_>],
        places: &mut Vec<usize>,
        outcomes: &mut [ChangeOutcome],
    ) -> Batch {
        let mut batch = Batch::new(&self.session.types, self.limits());
        let (epoch, mut count) = (self.epoch, self.count);
        let mut next_slot = || {
            count += 1;
            (epoch << COUNT_BITS) | count
        };
        let snapshots = self.store.snapshots.read();
        places.retain(|place| {
            let known = |hash: &_| snapshots.id(hash);
            match batch.add(&changes[*place], &known, &mut next_slot) {
                Ok(()) => true,
                Err(Unwritable::NoSnapshot(hash)) => {
                    outcomes[*place] = ChangeOutcome::Failed(StoreError::NoSnapshot(hash).to_string());
                    false
                }
                Err(Unwritable::Broken(why)) => {
                    outcomes[*place] = ChangeOutcome::Failed(why.to_owned());
                    false
                }
            }
        });
        drop(snapshots);
        self.count = count;
        batch
    }

    /// Looks up the ids of snapshots that this process has not seen yet.
    async fn learn_snapshots(&self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        {
            let known = self.store.snapshots.read();
            let mut last = None;
            for change in changes {
                let of_effects = change.effects.iter().filter_map(|e| match e {
                    podium_core::Effect::Run(head) => Some(head.snapshot),
                    _ => None,
                });
                for hash in of_effects.chain(change.extra_runs.iter().map(|r| r.head.snapshot)) {
                    if last != Some(hash) && known.id(&hash).is_none() {
                        missing.push(hash);
                    }
                    last = Some(hash);
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { self.store.learn(&missing).await }
    }

    async fn reconnect(&mut self) -> Result<PgConnection, sqlx::Error> {
        let (connection, session) = in_time(self.store.options.answer_timeout, async {
            let mut connection = connect(&self.store).await?;
            let session = read_session(&mut connection).await?;
            Ok((connection, session))
        })
        .await?;
        self.session = session;
        Ok(connection)
    }

    /// Sends one batch: one round trip, plus one before it if a payload is very large.
    async fn send(&mut self, batch: &Batch, write_id: i64) -> Result<Answer, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        let within = self.store.options.answer_timeout;
        let sent = send_on(&mut connection, &mut self.session, batch, write_id);
        let outcome = in_time(within, sent).await;
        match &outcome {
            // away may be a server that turned read-only: the next connection finds the one that writes
            Err(e) if matches!(kind(e), Kind::Lost | Kind::Away) => {}
            Ok(_) | Err(_) => self.connection = Some(connection),
        }
        outcome
    }

    /// Reads the answer of a committed statement into the outcomes.
    async fn take(
        &mut self,
        changes: &[Change<'_>],
        portion: &Portion,
        batch: &Batch,
        got: &Answer,
        outcomes: &mut [ChangeOutcome],
    ) -> Result<(), StoreError> {
        let stored: HashSet<Uuid> = got.ids.iter().copied().collect();
        let mut open = Vec::new();
        for place in &portion.places {
            let change = &changes[*place];
            outcomes[*place] = if stored.contains(&change.run.uuid()) {
                ChangeOutcome::Stored
            } else {
                open.push(*place);
                match change.kind {
                    ChangeKind::Insert { metadata_version: Some(v) } if v != got.metadata_version => {
                        ChangeOutcome::MetadataMoved
                    }
                    _ if got.limited.contains(&change.run.uuid()) => ChangeOutcome::Limited,
                    _ => ChangeOutcome::Stale,
                }
            };
        }
        let children = |run: RunId| {
            changes
                .iter()
                .any(|c| stored.contains(&c.run.uuid()) && c.extra_runs.iter().any(|r| r.head.id == run))
        };
        batch.committed(&|run| stored.contains(&run.uuid()) || children(run));
        if portion.in_doubt && !open.is_empty() {
            // the first sending may have won against the second
            let rows = self.read_write_ids(changes, &open).await;
            let rows = rows.map_err(|source| StoreError::Unsettled { statement: SETTLE, source })?;
            for place in open {
                let change = &changes[place];
                let inserts = matches!(change.kind, ChangeKind::Insert { .. });
                let mine = |(run, _, write_id): &(Uuid, i64, i64)| {
                    *run == change.run.uuid() && (inserts || *write_id == portion.write_id)
                };
                if rows.iter().any(mine) {
                    outcomes[place] = ChangeOutcome::Stored;
                } else if let ChangeKind::Update { expected } = change.kind {
                    outcomes[place] =
                        moved(expected, rows.iter().find(|(run, ..)| *run == change.run.uuid()));
                }
            }
        }
        Ok(())
    }

    /// Finds out what became of a portion whose connection broke; what remains in it is to be sent again.
    async fn settle(
        &mut self,
        changes: &[Change<'_>],
        portion: &mut Portion,
        outcomes: &mut [ChangeOutcome],
        until: Instant,
    ) -> Result<(), StoreError> {
        portion.in_doubt = true;
        let mut pause = Duration::from_millis(20);
        let rows = loop {
            match self.read_write_ids(changes, &portion.places).await {
                Ok(rows) => break rows,
                Err(source) if Instant::now() + pause >= until || kind(&source) == Kind::Refused => {
                    return Err(StoreError::Unsettled { statement: SETTLE, source });
                }
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        };
        portion.places.retain(|place| {
            let change = &changes[*place];
            let row = rows.iter().find(|(run, ..)| *run == change.run.uuid());
            let settled = match (change.kind, row) {
                (ChangeKind::Confirm { .. }, _) => None,
                (_, Some((_, _, write_id))) if *write_id == portion.write_id => Some(ChangeOutcome::Stored),
                // the id was made by this process: a row with it is this insert, whoever changed it since
                (ChangeKind::Insert { .. }, Some(_)) => Some(ChangeOutcome::Stored),
                (ChangeKind::Insert { .. }, None) => None,
                (ChangeKind::Update { expected }, Some((_, version, _))) if *version == expected => None,
                (ChangeKind::Update { expected }, row) => Some(moved(expected, row)),
            };
            match settled {
                Some(outcome) => outcomes[*place] = outcome,
                None => return true,
            }
            false
        });
        Ok(())
    }

    async fn read_write_ids(
        &mut self,
        changes: &[Change<'_>],
        places: &[usize],
    ) -> Result<Vec<(Uuid, i64, i64)>, sqlx::Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        let keys: Vec<Uuid> = places.iter().map(|place| changes[*place].run.uuid()).collect();
        let read = sqlx::query_as::<_, (Uuid, i64, i64)>(
            "SELECT r.id, r.version, r.write_id
            FROM (SELECT unnest($1::uuid[]) AS id OFFSET 0) AS i
            JOIN run AS r ON r.id >= i.id AND r.id <= i.id",
        )
        .bind(&keys)
        .fetch_all(&mut connection);
        let rows = in_time(self.store.options.answer_timeout, read).await?;
        self.connection = Some(connection);
        Ok(rows)
    }

    /// Prepares the usual forms of the statement before the first caller waits for one.
    async fn warm(&mut self) -> Result<(), StoreError> {
        const USUAL: [u16; 6] = [
            part::INSERT | part::ADD,
            part::UPDATE | part::CHANGE,
            part::UPDATE | part::ADD | part::CHANGE,
            part::INSERT | part::ADD | part::UPDATE | part::CHANGE,
            part::INSERT | part::ADD | part::UPDATE | part::CHANGE | part::CONFIRM,
            part::CONFIRM,
        ];
        let batch = Batch::new(&self.session.types, self.limits());
        let Some(connection) = self.connection.as_mut() else { return Ok(()) };
        let now: Uuid = sqlx::query_scalar("SELECT uuid_floor(now())")
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::at("writer.warm"))?;
        let month = self.session.month(Some((now, now)));
        for parts in USUAL {
            run_form(connection, &mut self.session, &batch, 0, parts, month)
                .await
                .map_err(StoreError::at(APPLY))?;
        }
        Ok(())
    }

    /// The planner's settings of this writer's connection, for tests that look at plans.
    #[doc(hidden)]
    pub async fn settings(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        let Some(connection) = self.connection.as_mut() else { return Ok(Vec::new()) };
        sqlx::query_as(
            "SELECT name, setting
            FROM pg_settings
            WHERE source = 'client' AND (name LIKE 'enable%' OR name IN ('plan_cache_mode', 'jit'))",
        )
        .fetch_all(connection)
        .await
        .map_err(StoreError::at("writer.settings"))
    }

    /// Closes the connection in good order.
    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}

/// What a change in doubt came to whose run has moved: another change is the expected version, or stands on top of it.
fn moved(expected: i64, row: Option<&(Uuid, i64, i64)>) -> ChangeOutcome {
    match row {
        Some((_, version, _)) if *version > expected + 1 => ChangeOutcome::Unknown,
        Some(_) | None => ChangeOutcome::Stale,
    }
}

/// A peer that vanished without a word answers never: the connection counts as lost, and what it carried is settled.
async fn in_time<T>(
    within: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(within, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("the database did not answer within {} ms", within.as_millis()),
        ))),
    }
}

/// What the caller of a failed change is told.
fn describe(e: &sqlx::Error) -> String {
    match e.as_database_error() {
        Some(db) => db.message().to_owned(),
        None => e.to_string(),
    }
}

async fn send_on(
    connection: &mut PgConnection,
    session: &mut Session,
    batch: &Batch,
    write_id: i64,
) -> Result<Answer, sqlx::Error> {
    if !batch.ahead.is_empty() {
        sqlx::query(PAYLOADS_AHEAD).bind(&batch.ahead).execute(&mut *connection).await?;
    }
    let month = session.month(batch.bounds());
    let done = run_form(connection, session, batch, write_id, batch.parts(), month).await;
    match done {
        Err(e) if month.is_some() && is_gone(&e) => {
            session.months = Months::default();
            session.forms.clear();
            run_form(connection, session, batch, write_id, batch.parts(), None).await
        }
        done => done,
    }
}

async fn run_form(
    connection: &mut PgConnection,
    session: &mut Session,
    batch: &Batch,
    write_id: i64,
    parts: u16,
    month: Option<usize>,
) -> Result<Answer, sqlx::Error> {
    let arguments = batch.arguments(write_id, parts).map_err(sqlx::Error::Encode)?;
    let row: PgRow =
        sqlx::query_with(AssertSqlSafe(session.form(parts, month)), arguments).fetch_one(connection).await?;
    let mut column = 3;
    let mut runs_if = |p: u16| -> Result<Vec<Uuid>, sqlx::Error> {
        if parts & p == 0 {
            return Ok(Vec::new());
        }
        column += 1;
        row.try_get(column - 1)
    };
    let (limited, answered) = (runs_if(part::LIMITED)?, runs_if(part::SLOTS)?);
    let db_now = row.try_get::<At, _>(1)?.0;
    Ok(Answer { ids: row.try_get(0)?, limited, answered, db_now, metadata_version: row.try_get(2)? })
}
