//! What a piece of work cost: PostgreSQL's own counters and the processes' CPU time.

use std::collections::BTreeMap;

use anyhow::Context;
use podium_tests::support::audit::Sql;
use sqlx::Row;

/// Clock ticks of `/proc/<pid>/stat` per second: fixed at 100 on Linux for user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Everything at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    pub(crate) statements: f64,
    pub(crate) transactions: f64,
    pub(crate) flushes: f64,
    pub(crate) wal_bytes: f64,
    pub(crate) postgres_cpu_s: f64,
    pub(crate) engine_cpu_s: f64,
    pub(crate) load_cpu_s: f64,
    /// Table -> (updates, of these HOT); partitions are counted under their table's name.
    pub(crate) updates: BTreeMap<String, (f64, f64)>,
}

impl Counters {
    /// Reads all counters. `sql` is a connection to the engine's database.
    pub(crate) fn read(sql: &Sql, postmaster: u32, engine: u32) -> anyhow::Result<Counters> {
        let row = &sql.rows(
            "SELECT (SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                     WHERE d.datname = current_database())::float8,
                    (SELECT xact_commit + xact_rollback FROM pg_stat_database
                     WHERE datname = current_database())::float8,
                    (SELECT wal_sync FROM pg_stat_wal)::float8,
                    (pg_current_wal_lsn() - '0/0')::float8",
        )?[0];
        let updates = sql.rows(
            "SELECT regexp_replace(relname, '_(\\d{6}|rest)$', ''), sum(n_tup_upd)::float8, sum(n_tup_hot_upd)::float8
             FROM pg_stat_user_tables GROUP BY 1",
        )?;
        Ok(Counters {
            statements: row.try_get::<Option<f64>, _>(0)?.unwrap_or_default(),
            transactions: row.try_get(1)?,
            flushes: row.try_get(2)?,
            wal_bytes: row.try_get(3)?,
            postgres_cpu_s: cluster_cpu(postmaster)?,
            engine_cpu_s: cpu(engine)?.0,
            load_cpu_s: cpu(std::process::id())?.0,
            updates: updates
                .iter()
                .map(|r| Ok((r.try_get(0)?, (r.try_get(1)?, r.try_get(2)?))))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// What happened between an earlier reading and this one.
    pub(crate) fn since(&self, before: &Counters) -> Counters {
        let updates = self.updates.iter().map(|(table, (all, hot))| {
            let (all_before, hot_before) = before.updates.get(table).copied().unwrap_or_default();
            (table.clone(), (all - all_before, hot - hot_before))
        });
        Counters {
            statements: self.statements - before.statements,
            transactions: self.transactions - before.transactions,
            flushes: self.flushes - before.flushes,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            postgres_cpu_s: self.postgres_cpu_s - before.postgres_cpu_s,
            engine_cpu_s: self.engine_cpu_s - before.engine_cpu_s,
            load_cpu_s: self.load_cpu_s - before.load_cpu_s,
            updates: updates.collect(),
        }
    }
}

/// Forgets the statements seen so far in this cluster.
pub(crate) fn reset_statements(sql: &Sql) -> anyhow::Result<()> {
    sql.rows("SELECT pg_stat_statements_reset()").map(drop)
}

/// The statements that took most of the database's time, one line each.
pub(crate) fn costliest_statements(sql: &Sql) -> anyhow::Result<Vec<String>> {
    sql.texts(
        "SELECT format('%s ms in %s calls, %s ms each: %s', round(total_exec_time), calls,
                round((total_exec_time / calls)::numeric, 3), left(regexp_replace(query, '\\s+', ' ', 'g'), 110))
         FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
         WHERE d.datname = current_database() ORDER BY total_exec_time DESC LIMIT 6",
    )
}

/// (own CPU seconds, those of children that ended and were waited for) of a process.
fn cpu(pid: u32) -> anyhow::Result<(f64, f64)> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The name in parentheses may hold blanks; what follows it does not.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let field =
        |n: usize| rest.split_whitespace().nth(n).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    Ok(((field(11) + field(12)) / TICKS_PER_SECOND, (field(13) + field(14)) / TICKS_PER_SECOND))
}

/// CPU seconds of the postmaster and all its children, living and ended.
fn cluster_cpu(postmaster: u32) -> anyhow::Result<f64> {
    let (own, ended) = cpu(postmaster)?;
    let mut total = own + ended;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_string_lossy().parse::<u32>().ok() else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if parent == Some(postmaster) {
            // A backend may end while this looks; it is counted as ended next time.
            total += cpu(pid).map(|(own, _)| own).unwrap_or_default();
        }
    }
    Ok(total)
}

/// Resident memory of a process now, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<f64> {
    memory(pid, "VmRSS:")
}

/// The most resident memory that a process ever had, in bytes.
pub(crate) fn peak_bytes(pid: u32) -> anyhow::Result<f64> {
    memory(pid, "VmHWM:")
}

fn memory(pid: u32, name: &'static str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with(name)).context(name)?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context(name)?.parse()?;
    Ok(kilobytes * 1024.0)
}
