//! Random changes of a run: what a load reads back is what folding the effects gives.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod common;

use common::{assert_same, database, folded, insert, now, started, task, update};
use podium_core::{
    CompletionEvent, Effect, ParentLink, ParkedEvent, Payload, RunId, RunStatus, TaskStatus, Timestamp,
};
use podium_store::{ChangeOutcome, Newer};

/// SplitMix64; the seed is in the failure's message.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn yes(&mut self) -> bool {
        self.next(2) == 0
    }

    fn at(&mut self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.next(1 << 50) as i64)
    }

    fn maybe_at(&mut self) -> Option<Timestamp> {
        self.yes().then(|| self.at())
    }

    fn text(&mut self) -> String {
        let texts = ["", "a", "ü🙂\u{1}\"\\", "null", "{}", "x'; DROP TABLE run; --"];
        texts[self.next(texts.len() as u64) as usize].to_owned()
    }

    fn payload(&mut self) -> Payload {
        let sizes = [0, 10, 250, 400, 5_000, 70_000];
        let n = sizes[self.next(sizes.len() as u64) as usize];
        if n == 0 {
            return Payload::empty();
        }
        let body = "y".repeat(n);
        Payload::from_object_text(format!(
            "{{\"b\" : \"\\u0000{body}\",\"a\":1e999,\"n\":{}}}",
            self.next(1 << 60)
        ))
    }
}

#[tokio::test]
async fn what_is_read_is_what_was_folded() {
    let db = database().await;
    let mut writer = db.store.writer().await.unwrap();
    for seed in 0..12u64 {
        let mut r = Random(seed);
        let first = db.run(seed);
        let id = first.head.id;
        let effects = started(&first);
        writer.apply(&[insert(&first, &effects)]).await.unwrap();
        let mut state = folded(&first, 1, &effects);
        let mut next_parked = 1;
        for version in 1..14 {
            let mut effects = Vec::new();
            for _ in 0..r.next(6) {
                let nos: Vec<u32> = state.tasks.iter().map(|t| t.no).collect();
                match r.next(6) {
                    0 | 1 => {
                        let mut head = state.head.clone();
                        head.next_no += 1;
                        let mut t = task(head.next_no, r.at());
                        change(&mut t, &mut r);
                        effects.push(Effect::Run(Box::new(head.clone())));
                        effects.push(Effect::TaskAdded(t.clone().into()));
                        state.head = head;
                        state.tasks.put(t.into());
                    }
                    2 if !nos.is_empty() => {
                        let no = nos[r.next(nos.len() as u64) as usize];
                        let mut t = (**state.tasks.get(no).unwrap()).clone();
                        change(&mut t, &mut r);
                        effects.push(Effect::TaskChanged(t.clone().into()));
                        state.tasks.put(t.into());
                    }
                    3 if nos.len() > 1 && r.next(4) == 0 => {
                        let no = nos[r.next(nos.len() as u64) as usize];
                        effects.push(Effect::TaskRemoved(no));
                        state.tasks.remove(no);
                    }
                    4 => {
                        let parked = ParkedEvent {
                            inbox: next_parked,
                            event: CompletionEvent {
                                source: r.text(),
                                task_id: r.yes().then(|| r.text()),
                                event_type: None,
                                succeeded: r.yes(),
                                data: "{\"d\":1}".into(),
                                reason: None,
                            },
                            parked_at: r.at(),
                            expires_at: r.at(),
                        };
                        next_parked += 1;
                        effects.push(Effect::Parked(Box::new(parked.clone())));
                        if r.next(3) == 0 {
                            effects.push(Effect::Unparked(parked.inbox));
                        }
                    }
                    _ => {
                        let mut head = state.head.clone();
                        let status = RunStatus::ALL[r.next(6) as usize];
                        (head.status, head.reason) = (status, r.yes().then(|| r.text().into()));
                        (head.output, head.variables) = (r.payload(), r.payload());
                        if r.yes() {
                            head.input = r.payload();
                        }
                        head.updated_at = r.at();
                        (head.ended_at, head.retried_at, head.wake_at) =
                            (r.maybe_at(), r.maybe_at(), r.maybe_at());
                        head.correlation_id = r.yes().then(|| r.text().into());
                        head.priority = r.next(100) as i16;
                        let mut extra = (*head.extra).clone();
                        extra.failed_refs.push(r.text());
                        extra.parent = r.yes().then(|| ParentLink { run: id, task: id.task(7) });
                        head.extra = extra.into();
                        effects.push(Effect::Run(Box::new(head.clone())));
                        state.head = head;
                    }
                }
            }
            // `state` was changed along the way; fold on what was loaded last is the measure
            let before = db.store.load(id).await.unwrap().unwrap();
            let wanted = folded(&before, version + 1, &effects);
            let outcome = writer.apply(&[update(id, version, &effects)]).await.unwrap().outcomes.remove(0);
            assert_eq!(outcome, ChangeOutcome::Stored, "seed {seed}");
            let read = db.store.load(id).await.unwrap().unwrap();
            assert_same(&read, &wanted);
            if let Newer::Rows { head, tasks, parked } = db.store.newer(id, version).await.unwrap() {
                let mut patched = before.clone();
                patched.head = *head;
                tasks.into_iter().for_each(|t| patched.tasks.put(t.into()));
                patched.parked = parked;
                assert_same(&patched, &wanted);
            } else {
                assert!(effects.iter().any(|e| matches!(e, Effect::TaskRemoved(_))), "seed {seed}");
            }
            state = read;
        }
    }
    // every payload was stored for a reason: some row of its run refers to it or did
    assert!(db.number("SELECT count(*) FROM payload").await > 0);
    assert!(now() > Timestamp::default());
}

fn change(t: &mut podium_core::TaskState, r: &mut Random) {
    t.status = TaskStatus::ALL[r.next(9) as usize];
    (t.ready, t.retried, t.executed) = (r.yes(), r.yes(), r.yes());
    (t.available_at, t.scheduled_at, t.first_scheduled_at) = (r.at(), r.at(), r.at());
    if r.yes() {
        t.first_scheduled_at = t.scheduled_at;
    }
    (t.started_at, t.ended_at, t.wait_until) = (r.maybe_at(), r.maybe_at(), r.maybe_at());
    t.updated_at = r.maybe_at().unwrap_or_default();
    (t.seq, t.attempt, t.iteration, t.poll_count) =
        (r.next(99) as i32, r.next(9) as i32, r.next(9) as i32, r.next(9) as i32);
    (t.start_delay_s, t.callback_after_s, t.response_timeout_s) =
        (r.next(3) as i32, r.next(3) as i64, r.next(3) as i64);
    t.domain = r.yes().then(|| "eu".into());
    t.worker = r.yes().then(|| r.text().into());
    t.reason = r.yes().then(|| r.text().into());
    t.def_name = if r.yes() { t.task_type.clone() } else { "other".into() };
    (t.input, t.output) = (r.payload(), r.payload());
    t.retry_of = r.yes().then(|| r.next(5) as u32);
    t.sub_workflow_id = r.yes().then(|| r.text().into());
    t.child = r.yes().then(|| RunId::new(Timestamp::from_millis(5), 7, 0));
}
