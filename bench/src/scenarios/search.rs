//! W6: looking at runs and searching for them with many stored ones, while W1 runs at half of its speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::load::{Load, run};
use crate::report::{Report, Target, percentile};
use crate::rig::{Machine, Rig};
use crate::scenarios::{Pace, throughput};
use crate::wire::{Connection, get};

/// Names of the stored runs, and runs of one correlation id.
const NAMES: u64 = 20;
const CORRELATED: u64 = 4;
/// Between two requests: a person or a screen, not a load.
const PAUSE: Duration = Duration::from_millis(5);
/// Rounds that are not counted: connections are made, plans too.
const WARM_UP: usize = 3;

pub(crate) async fn measure(machine: &Machine, report: &mut Report, pace: Pace) -> anyhow::Result<()> {
    let stored = pace.many * 10;
    report.section(&format!("W6: searches among {}k stored runs, W1 at half speed", stored / 1_000));
    let rig = machine.rig("bench_search", None)?;
    let load = throughput::load(&rig, "bench_w6", 1)?;
    run(&load, pace.warm_up).await?;
    let full = run(&load, pace.measure).await?.workflows_per_second;
    report.add("W6 W1 rate before", full, "wf/s", Target::None);
    let begun = store(&rig, stored)?;
    let load = Load { per_second: Some(full / 2.0), ..load };
    run(&load, pace.warm_up).await?;
    let requests = requests(&rig, begun)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let (address, stop) = (rig.address(), Arc::clone(&stop));
        // a thread of its own: what is measured does not wait for the load's turn
        std::thread::spawn(move || -> anyhow::Result<Vec<(usize, f64)>> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(ask(&address, &requests, &stop))
        })
    };
    let done = run(&load, pace.measure).await?;
    let behind = throughput::words_behind(&rig)?;
    stop.store(true, Ordering::Relaxed);
    let times = asking.join().map_err(|_| anyhow::anyhow!("the searching thread broke off"))??;
    report.add("W6 W1 rate meanwhile", done.workflows_per_second, "wf/s", Target::None);
    report.add("W6 words of texts behind by", behind.1, "s", Target::None);
    let named = self::named();
    for (kind, what, most) in [
        (Kind::Get, "W6 GET of a run", 5.0),
        (Kind::Page, "W6 page without its total", 20.0),
        (Kind::Counted, "W6 page with its total", 60.0),
    ] {
        let mut of_kind: Vec<f64> =
            times.iter().filter(|(i, _)| named[*i].0 == kind).map(|(_, ms)| *ms).collect();
        ensure!(!of_kind.is_empty(), "{what}: nothing was measured");
        report.add(&format!("{what}, p50"), percentile(&mut of_kind, 0.5), "ms", Target::None);
        report.add(&format!("{what}, p99"), percentile(&mut of_kind, 0.99), "ms", Target::AtMost(most));
    }
    for (i, (kind, name)) in named.iter().enumerate().filter(|(_, (kind, _))| *kind != Kind::Get) {
        let mut one: Vec<f64> = times.iter().filter(|(at, _)| *at == i).map(|(_, ms)| *ms).collect();
        let total = if *kind == Kind::Counted { " with total" } else { "" };
        report.add(&format!("W6 {name}{total}, p99"), percentile(&mut one, 0.99), "ms", Target::None);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Get,
    Page,
    Counted,
}

/// (name, query) of the searches; all sorted by start, newest first.
const SEARCHES: [(&str, &str); 8] = [
    ("type and status COMPLETED", "workflowType='w6_1' AND status='COMPLETED'"),
    ("type and status FAILED", "workflowType='w6_1' AND status='FAILED'"),
    ("status IN (FAILED,TERMINATED)", "status IN (FAILED,TERMINATED)"),
    ("status RUNNING", "status='RUNNING'"),
    ("correlationId", "correlationId='c77'"),
    ("start range", "startTime>FROM AND startTime<TO"),
    ("type and start range", "workflowType IN (w6_1,w6_2) AND startTime>FROM AND startTime<TO"),
    ("everything", ""),
];

fn named() -> Vec<(Kind, &'static str)> {
    let pages = |kind| SEARCHES.iter().map(move |(name, _)| (kind, *name));
    std::iter::once((Kind::Get, "run")).chain(pages(Kind::Page)).chain(pages(Kind::Counted)).collect()
}

/// The requests in the order of [`named`], several of each.
fn requests(rig: &Rig, begun: i64) -> anyhow::Result<Vec<Vec<Vec<u8>>>> {
    let some = rig.sql.texts("SELECT id::text FROM run TABLESAMPLE SYSTEM (1) LIMIT 50")?;
    ensure!(!some.is_empty(), "no stored run was found");
    let mut all = vec![some.iter().map(|id| get(&format!("/api/workflow/{id}"))).collect()];
    for count in [false, true] {
        for (_, query) in SEARCHES {
            // a minute of stored runs
            let query = query
                .replace("FROM", &(begun + 60_000).to_string())
                .replace("TO", &(begun + 120_000).to_string())
                .replace(' ', "%20")
                .replace('>', "%3E")
                .replace('<', "%3C")
                .replace('\'', "%27");
            let target = format!(
                "/api/workflow/search?start=0&size=20&sort=startTime:DESC&totalHits={count}&query={query}"
            );
            all.push(vec![get(&target)]);
        }
    }
    Ok(all)
}

/// Asks one after the other until it is told to stop: (request, milliseconds).
async fn ask(
    address: &str,
    requests: &[Vec<Vec<u8>>],
    stop: &AtomicBool,
) -> anyhow::Result<Vec<(usize, f64)>> {
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::new();
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        for (i, variants) in requests.iter().enumerate() {
            let request = variants.get(round % variants.len()).context("a request")?;
            let begun = Instant::now();
            let (status, body) = connection.exchange(request).await?;
            let took = begun.elapsed();
            ensure!(status == 200, "a search answered {status}: {}", String::from_utf8_lossy(body));
            if round >= WARM_UP {
                times.push((i, took.as_secs_f64() * 1e3));
            }
            tokio::time::sleep(PAUSE).await;
        }
        round += 1;
    }
    Ok(times)
}

/// Copies one finished run `count` times, 500 in each millisecond of the last hour: names, statuses (1 % FAILED, 0.1 %
/// TERMINATED) and correlation ids vary. Returns the first instant.
fn store(rig: &Rig, count: u64) -> anyhow::Result<i64> {
    let sql = &rig.sql;
    let original = sql.texts("SELECT id::text FROM run WHERE name = 'bench_w6' AND status = 2 LIMIT 1")?;
    let original = original.first().cloned().context("no run has finished")?;
    // 4 runs a millisecond: a million is some four minutes
    sql.execute(&format!(
        "CREATE UNLOGGED TABLE copied AS
         SELECT n, begun + n / 4 AS ms, (lpad(to_hex(begun + n / 4), 12, '0')
             || '7000' || '8000' || lpad(to_hex(n), 7, '0') || '00000')::uuid AS id
         FROM (SELECT (extract(epoch FROM now() - interval '1 hour') * 1000)::bigint AS begun) AS b,
             generate_series(1, {count}) AS n"
    ))?;
    let begun = sql.texts("SELECT min(ms)::text FROM copied")?;
    let begun: i64 = begun.first().context("an instant")?.parse()?;
    sql.execute(&format!(
        "INSERT INTO snapshot (hash, body) SELECT sha256(n::text::bytea), json_build_object('name', 'w6_' || n)::text
         FROM generate_series(0, {NAMES} - 1) AS n"
    ))?;
    for (table, key) in [("run", "id"), ("task", "run_id")] {
        let columns = sql.texts(&format!(
            "SELECT attname::text FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> '{key}' ORDER BY attnum"
        ))?;
        let values: Vec<String> = columns
            .iter()
            .map(|column| match (table, column.as_str()) {
                ("run", "name") => format!("'w6_' || c.n % {NAMES}"),
                ("run", "status") => {
                    "(CASE WHEN c.n % 1000 = 0 THEN 5 WHEN c.n % 100 = 0 THEN 3 ELSE 2 END)::smallint"
                        .to_owned()
                }
                ("run", "correlation_id") => format!("'c' || c.n / {CORRELATED}"),
                ("run", "created_at") => "to_timestamp(c.ms / 1000.0)".to_owned(),
                _ => format!("o.{column}"),
            })
            .collect();
        sql.execute(&format!(
            "INSERT INTO {table} ({key}, {}) SELECT c.id, {} FROM copied AS c, (SELECT * FROM {table} WHERE {key} = '{original}') AS o",
            columns.join(", "),
            values.join(", ")
        ))?;
    }
    for table in ["run", "task"] {
        sql.execute(&format!("VACUUM ANALYZE {table}"))?;
    }
    // what the copying left to be written is not what is measured
    sql.execute("CHECKPOINT")?;
    Ok(begun)
}
