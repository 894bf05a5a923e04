//! One row of the core as one row of the statement: columns in the order of the composite types of the
//! migrations, and where payloads go.

use std::borrow::Cow;

use podium_core::{Outgoing, Payload, Raised, RunExtra, RunHead, RunId, TaskState, Timestamp};
use serde::{Deserialize, Serialize};

use crate::batch::Limits;
use crate::outbox::{EVENT_LANE, headers_text, lane};
use crate::wire::Rows;

/// Decides where the payloads of one run go.
pub(crate) struct Places<'s> {
    pub(crate) limit: Limits,
    pub(crate) run: RunId,
    /// Payloads that this batch stores, with their slots.
    pub(crate) new: Vec<(Payload, i64)>,
    pub(crate) next_slot: &'s mut dyn FnMut() -> i64,
}

impl Places<'_> {
    /// The two columns of a payload: its text, or its slot. `{}` is neither.
    fn columns<'p>(&mut self, payload: &'p Payload) -> (Option<&'p str>, Option<i64>) {
        let text = payload.text();
        if text == "{}" {
            return (None, None);
        }
        if text.len() <= self.limit.inline {
            return (Some(text), None);
        }
        if let Some(slot) = payload.kept_slot(self.run) {
            return (None, Some(slot));
        }
        if let Some((_, slot)) = self.new.iter().find(|(p, _)| p.same(payload)) {
            return (None, Some(*slot));
        }
        let slot = (self.next_slot)();
        self.new.push((payload.clone(), slot));
        (None, Some(slot))
    }
}

pub(crate) fn payload_image(rows: &mut Rows, run: RunId, slot: i64, payload: &Payload) {
    rows.begin().run(run).int2(run.shard()).int8(slot).text(payload.text()).end();
}

/// Zero stands for "never" in the core's rows and is null in the table.
fn at_unless_zero(at: Timestamp) -> Option<Timestamp> {
    (at != Timestamp::default()).then_some(at)
}

pub(crate) fn run_image(
    rows: &mut Rows,
    head: &RunHead,
    version: i64,
    snapshot_id: i64,
    removes: bool,
    metadata_version: Option<i64>,
    places: &mut Places<'_>,
) {
    let (input, input_slot) = places.columns(&head.input);
    let (output, output_slot) = places.columns(&head.output);
    let (variables, variables_slot) = places.columns(&head.variables);
    let row = rows
        .begin()
        .run(head.id)
        .int2(head.id.shard())
        .int2(head.id.bucket())
        .int8(version)
        .int8(snapshot_id);
    row.at(head.created_at).int4(head.def_version).int2(head.priority).int4(head.next_no as i32);
    row.int2(head.status.code()).bool(true).bool(removes).int8_or_null(metadata_version);
    row.at_or_null(at_unless_zero(head.updated_at)).at_or_null(head.wake_at).at_or_null(head.ended_at);
    row.at_or_null(head.retried_at)
        .int8_or_null(input_slot)
        .int8_or_null(output_slot)
        .int8_or_null(variables_slot);
    row.text(&head.name).text_or_null(head.correlation_id.as_deref()).text_or_null(head.reason.as_deref());
    row.text_or_null(input).text_or_null(output).text_or_null(variables);
    row.text_or_null(extra_text(&head.extra).as_deref()).end();
}

/// The image of a run of which only the version changes.
pub(crate) fn bump_image(rows: &mut Rows, run: RunId, version: i64, removes: bool) {
    let row = rows.begin().run(run).int2(run.shard()).int2(run.bucket()).int8(version).int8(0);
    row.at(Timestamp::default()).int4(0).int2(0).int4(0).int2(0).bool(false).bool(removes).int8_or_null(None);
    row.at_or_null(None).at_or_null(None).at_or_null(None).at_or_null(None);
    row.int8_or_null(None).int8_or_null(None).int8_or_null(None).text_or_null(None).text_or_null(None);
    row.text_or_null(None).text_or_null(None).text_or_null(None).text_or_null(None).text_or_null(None).end();
}

fn extra_text(extra: &RunExtra) -> Option<String> {
    if *extra == RunExtra::default() {
        return None;
    }
    Some(serde_json::to_string(extra).expect("a struct of strings and ids always has a JSON text"))
}

pub(crate) fn task_image(
    rows: &mut Rows,
    t: &TaskState,
    version: i64,
    priority: Option<i16>,
    places: &mut Places<'_>,
) {
    let run = places.run;
    let (input, input_slot) = places.columns(&t.input);
    let (output, output_slot) = places.columns(&t.output);
    let row = rows.begin().run(run).int2(run.shard()).int4(t.no as i32).int8(version).int4(t.seq);
    row.int2(priority.unwrap_or(0)).int4(t.attempt).int4(t.iteration).at(t.scheduled_at).at(t.available_at);
    row.int8(t.response_timeout_s).int4(t.poll_count).int2(t.status.code());
    row.bool(t.ready).bool(t.retried).bool(t.executed).int4_or_null(t.retry_of.map(|no| no as i32));
    row.at_or_null((t.first_scheduled_at != t.scheduled_at).then_some(t.first_scheduled_at));
    row.at_or_null(at_unless_zero(t.updated_at)).at_or_null(t.started_at).at_or_null(t.ended_at);
    row.at_or_null(t.wait_until).int8_or_null((t.callback_after_s != 0).then_some(t.callback_after_s));
    row.int4_or_null((t.start_delay_s != 0).then_some(t.start_delay_s));
    row.int8_or_null(input_slot)
        .int8_or_null(output_slot)
        .run_or_null(t.child)
        .text(&t.task_type)
        .text(&t.ref_name);
    row.text_or_null((t.def_name != t.task_type).then_some(&*t.def_name))
        .text(t.domain.as_deref().unwrap_or(""));
    row.text_or_null(t.worker.as_deref()).text_or_null(t.reason.as_deref()).text_or_null(input);
    row.text_or_null(output).text_or_null(task_extra(t).as_deref()).end();
}

/// What few tasks have, as one JSON object; none if there is nothing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TaskExtra<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub(crate) sub_workflow_id: Option<Cow<'a, str>>,
}

fn task_extra(t: &TaskState) -> Option<String> {
    let sub_workflow_id = t.sub_workflow_id.as_deref().map(Cow::Borrowed);
    sub_workflow_id.as_ref()?;
    Some(
        serde_json::to_string(&TaskExtra { sub_workflow_id })
            .expect("a struct of texts always has a JSON text"),
    )
}

pub(crate) fn outbox_image(rows: &mut Rows, run: RunId, body: &Outgoing) {
    let row = rows.begin().run(run).int2(run.shard()).int4(body.task as i32).int2(lane(body));
    row.text_or_null(body.cluster.as_deref())
        .text(&body.topic)
        .bytea_or_null(body.key.as_deref())
        .bytea(&body.value);
    row.text_or_null(headers_text(&body.headers).as_deref()).int8_or_null(body.max_block_ms).end();
}

/// An event of an own queue: in a lane that no relay sends; without a value where that follows from the task's row.
pub(crate) fn raised_image(rows: &mut Rows, run: RunId, raised: &Raised) {
    let row = rows.begin().run(run).int2(run.shard()).int4(raised.task as i32).int2(EVENT_LANE);
    row.text_or_null(None).text(&raised.event).bytea_or_null(None);
    row.bytea(raised.value.as_deref().unwrap_or_default());
    row.text_or_null(headers_text(&raised.headers).as_deref()).int8_or_null(None).end();
}
