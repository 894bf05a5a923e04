//! W1's rate with a million finished runs in the tables.

use crate::report::{Report, Target};
use crate::rig::{Machine, Rig};
use crate::scenarios::{Pace, throughput};

const STORED: u64 = 1_000_000;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    report.section("A million stored runs");
    let rig = machine.rig("bench_stored", None)?;
    let before = throughput::w1_rate(&rig, "stored", pace).await?;
    report.add("W1 with few stored runs", before, "wf/s", Target::None);
    copy_finished(&rig)?;
    let after = throughput::w1_rate(&rig, "stored", pace).await?;
    report.add("W1 with 1M stored runs", after, "wf/s", Target::None);
    report.add("rate at 1M stored runs / at few", after / before, "", Target::AtLeast(0.9));
    Ok(())
}

/// Copies one finished run and its task a million times under ids of the last hour, so that the copies lie in
/// the partition that new runs go to.
fn copy_finished(rig: &Rig) -> anyhow::Result<()> {
    let run = rig.sql.texts("SELECT id::text FROM run WHERE name = 'stored' AND status = 2 LIMIT 1")?;
    let run = run.first().cloned().unwrap_or_default();
    rig.sql.execute(&format!(
        "CREATE UNLOGGED TABLE copied AS
         SELECT (lpad(to_hex((extract(epoch FROM now() - interval '1 hour') * 1000)::bigint + n / 500), 12, '0')
             || '7000' || '8000' || lpad(to_hex(n), 7, '0') || '00000')::uuid AS id
         FROM generate_series(1, {STORED}) AS n"
    ))?;
    for (table, key) in [("run", "id"), ("task", "run_id")] {
        let columns = rig.sql.texts(&format!(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> '{key}'"
        ))?;
        let columns = columns.first().cloned().unwrap_or_default();
        rig.sql.execute(&format!(
            "INSERT INTO {table} ({key}, {columns}) SELECT c.id, {columns}
             FROM copied AS c, (SELECT * FROM {table} WHERE {key} = '{run}') AS original"
        ))?;
    }
    rig.sql.execute("VACUUM ANALYZE run")?;
    rig.sql.execute("VACUUM ANALYZE task").map(drop)
}
