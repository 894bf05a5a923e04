//! The statements of a page and of a count.
//!
//! Each is a walk of one index in its order that stops when enough is found. The walks name each column of the key and
//! ask for the whole key's order: no other index has that order, so a plan made on a tiny table is still right when it is
//! large. The first column is compared with an array of one, because the order would not count as the whole key's beside
//! an equality. (A comparison of whole rows, `(name, status, id) >= (…)`, begins at the right place but ends only with
//! the name: 170 ms instead of 1 ms for the failed runs among a million.)

use std::time::SystemTime;

use podium_core::search::{Expr, Field, Scope, SortKey};
use uuid::Uuid;

use super::SearchRequest;
use super::column::{PARENT, column};
use super::condition::{Statement, condition};
use super::narrow::Narrow;

/// A run may be stored this much later than its id says, and ids are made by the clock of another node.
const BEFORE_MS: i64 = 60_000;
const AFTER_MS: i64 = 1_000;
/// No clock is so far ahead of this one.
const AHEAD_MS: i64 = 24 * 3_600_000;
const ALL_STATUSES: [i16; 6] = [0, 1, 2, 3, 4, 5];

/// Which rows are looked at.
#[derive(Debug)]
pub(super) enum Walk {
    Runs(Vec<Uuid>),
    Names(Vec<String>, Vec<i16>),
    /// Runs in these statuses, name by name.
    Statuses(Vec<i16>),
    Correlations(Vec<String>),
    Parents(Vec<String>),
    /// All, newest first.
    All,
}

impl Walk {
    pub(super) fn of(narrow: &Narrow) -> Walk {
        let narrow = narrow.clone();
        if let Some(runs) = narrow.runs {
            return Walk::Runs(runs);
        }
        if let Some(mut correlations) = narrow.correlations {
            // the index has the beginnings: those that begin alike are one walk
            let beginning = |c: &String| c.chars().take(200).collect::<String>();
            correlations.dedup_by_key(|c| beginning(c));
            return Walk::Correlations(correlations);
        }
        if let Some(parents) = narrow.parents {
            return Walk::Parents(parents);
        }
        match (narrow.names, narrow.statuses) {
            (Some(names), statuses) => Walk::Names(names, statuses.unwrap_or_else(|| ALL_STATUSES.to_vec())),
            (None, Some(statuses)) if statuses.len() < 5 => Walk::Statuses(statuses),
            (None, _) => Walk::All,
        }
    }
}

/// The order of a page.
#[derive(Clone, Copy, PartialEq)]
enum Order<'a> {
    /// By id, which is by start.
    Id {
        descending: bool,
    },
    Keys(&'a [SortKey]),
}

impl<'a> Order<'a> {
    fn of(request: &SearchRequest<'a>) -> Self {
        match (request.scope, request.sort.first()) {
            (_, None) => Order::Id { descending: true },
            // later keys could only part runs of the same instant
            (Scope::Runs, Some(SortKey { field: Field::RunStart, descending })) => {
                Order::Id { descending: *descending }
            }
            (_, Some(_)) => Order::Keys(request.sort),
        }
    }

    const fn direction(self) -> &'static str {
        match self {
            Order::Id { descending: false } => "ASC",
            Order::Id { descending: true } | Order::Keys(_) => "DESC",
        }
    }
}

/// Rows of one page: (run, no).
pub(super) fn page(request: &SearchRequest<'_>, walk: &Walk, narrow: &Narrow) -> Statement {
    let order = Order::of(request);
    let keys = match order {
        Order::Keys(keys) => keys,
        Order::Id { .. } => &[],
    };
    let mut out = Statement::default();
    out.push("SELECT x.id, x.no FROM (");
    let enough = matches!(order, Order::Id { .. }).then(|| request.start.saturating_add(request.size));
    rows(&mut out, request, walk, narrow, order, keys, enough);
    out.push(") AS x ORDER BY ");
    for (i, key) in keys.iter().enumerate() {
        out.push(&format!("x.s{i} {}, ", if key.descending { "DESC" } else { "ASC" }));
    }
    let direction = order.direction();
    out.push(&format!("x.id {direction}, x.no {direction} LIMIT ")).bind(request.size);
    out.push(" OFFSET ").bind(request.start);
    out
}

/// How many rows there are, counted up to `most`.
pub(super) fn count(request: &SearchRequest<'_>, walk: &Walk, narrow: &Narrow, most: i64) -> Statement {
    let mut out = Statement::default();
    counted(&mut out, request, walk, narrow, most);
    out
}

/// The counts of several searches in one row, each counted up to `most`.
pub(super) fn counts(searches: &[(SearchRequest<'_>, Walk, Narrow)], most: i64) -> Statement {
    let mut out = Statement::default();
    out.push("SELECT ARRAY[");
    for (i, (request, walk, narrow)) in searches.iter().enumerate() {
        out.push(if i == 0 { "(" } else { ", (" });
        counted(&mut out, request, walk, narrow, most);
        out.push(")");
    }
    out.push("]");
    out
}

fn counted(out: &mut Statement, request: &SearchRequest<'_>, walk: &Walk, narrow: &Narrow, most: i64) {
    out.push("SELECT count(*) FROM (SELECT FROM (");
    rows(out, request, walk, narrow, Order::Id { descending: true }, &[], Some(most));
    out.push(") AS x LIMIT ").bind(most).push(") AS y");
}

/// Rows `id, no, s0, s1 …`; each walk stops after `enough` of them.
fn rows(
    out: &mut Statement,
    request: &SearchRequest<'_>,
    walk: &Walk,
    narrow: &Narrow,
    order: Order<'_>,
    keys: &[SortKey],
    enough: Option<i64>,
) {
    let direction = order.direction();
    let (low, high) = ids_between(narrow.from.unwrap_or(i64::MIN), narrow.to.unwrap_or(i64::MAX));
    match walk {
        Walk::Runs(runs) => {
            select(out, request.scope, keys);
            out.push(" WHERE r.id = ANY(").bind(runs.clone()).push(")");
            filter(out, request);
        }
        Walk::All => {
            select(out, request.scope, keys);
            out.push(" WHERE true");
            within(out, low, high);
            filter(out, request);
            stop(out, request.scope, &format!("r.id {direction}"), direction, enough);
        }
        Walk::Names(_, statuses) | Walk::Statuses(statuses) => {
            out.push("SELECT l.* FROM (SELECT n.name, s.status FROM ");
            match walk {
                Walk::Names(names, _) => out.push("unnest(").bind(names.clone()).push(")"),
                _ => out.push("(SELECT DISTINCT s.name FROM snapshot AS s WHERE s.name IS NOT NULL)"),
            };
            out.push(" AS n(name), unnest(")
                .bind(statuses.clone())
                .push(") AS s(status) OFFSET 0) AS k CROSS JOIN LATERAL (");
            select(out, request.scope, keys);
            out.push(" WHERE r.name = ANY(ARRAY[k.name]) AND r.status = k.status");
            within(out, low, high);
            filter(out, request);
            let by = format!("r.name {direction}, r.status {direction}, r.id {direction}");
            stop(out, request.scope, &by, direction, enough);
            out.push(") AS l");
        }
        Walk::Correlations(keys_of) | Walk::Parents(keys_of) => {
            let (key, of_key, indexed) = match walk {
                Walk::Parents(_) => (PARENT, "k.key", r#"r.extra LIKE '%"parent":{"run":%'"#),
                _ => ("left(r.correlation_id, 200)", "left(k.key, 200)", "r.correlation_id IS NOT NULL"),
            };
            out.push("SELECT l.* FROM unnest(")
                .bind(keys_of.clone())
                .push(") AS k(key) CROSS JOIN LATERAL (");
            select(out, request.scope, keys);
            out.push(&format!(" WHERE {indexed} AND {key} = ANY(ARRAY[{of_key}])"));
            within(out, low, high);
            filter(out, request);
            stop(out, request.scope, &format!("{key} {direction}, r.id {direction}"), direction, enough);
            out.push(") AS l");
        }
    }
}

/// The ids that runs may have which were started between two instants, in milliseconds.
pub(crate) fn ids_between(from: i64, to: i64) -> (Uuid, Uuid) {
    let latest = to.saturating_add(AFTER_MS).min(now().saturating_add(AHEAD_MS));
    (floor(from.saturating_sub(BEFORE_MS)), floor(latest))
}

/// The span of ids, which also leaves out the months that are outside of it.
fn within(out: &mut Statement, low: Uuid, high: Uuid) {
    out.push(" AND r.id >= ").bind(low).push(" AND r.id <= ").bind(high);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The columns and tables. What is said of tasks lies in a subquery of its own, so that runs are always walked first.
fn select(out: &mut Statement, scope: Scope, keys: &[SortKey]) {
    match scope {
        Scope::Runs => {
            out.push("SELECT r.id, 0 AS no");
            sort_columns(out, keys);
            out.push(" FROM run AS r");
        }
        Scope::Tasks => {
            out.push("SELECT r.id, u.* FROM run AS r CROSS JOIN LATERAL (SELECT t.no");
            sort_columns(out, keys);
            out.push(" FROM task AS t WHERE t.run_id = r.id");
            // what is in here of the filter is appended by `filter`, through a marker
            out.push(TASKS_HERE);
            out.push(" OFFSET 0) AS u");
        }
    }
}

/// Where the condition of tasks goes, until it is put there.
const TASKS_HERE: &str = "/*tasks*/";

fn sort_columns(out: &mut Statement, keys: &[SortKey]) {
    for (i, key) in keys.iter().enumerate() {
        out.push(&format!(", {} AS s{i}", column(key.field)));
    }
}

fn filter(out: &mut Statement, request: &SearchRequest<'_>) {
    match request.scope {
        Scope::Runs => {
            out.push(" AND ");
            condition(out, Scope::Runs, request.filter);
        }
        Scope::Tasks => {
            let (of_run, of_task) = parted(request.filter);
            out.push(" AND ");
            condition(out, Scope::Tasks, &of_run);
            // binds are numbered in the order of their making, not of their place in the text
            let before = out.text.split_off(0);
            // as on existing servers, a task that nobody has touched is not there, unless statuses are asked for
            if !request.filter.names(Field::TaskStatus) {
                out.push(" AND (t.status <> 0 OR t.poll_count > 0)");
            }
            out.push(" AND ");
            condition(out, Scope::Tasks, &of_task);
            out.text = before.replace(TASKS_HERE, &out.text);
        }
    }
}

/// The part of a filter that only looks at the run, and the rest.
fn parted(filter: &Expr) -> (Expr, Expr) {
    fn of_run(expr: &Expr) -> bool {
        match expr {
            Expr::All(list) | Expr::Any(list) => list.iter().all(of_run),
            Expr::Clause(field, _) => field.is_of_run(),
            Expr::Words(_) => false,
        }
    }
    let whole = match filter {
        Expr::All(list) => list.clone(),
        other => vec![other.clone()],
    };
    let (run, task) = whole.into_iter().partition(of_run);
    (Expr::All(run), Expr::All(task))
}

fn stop(out: &mut Statement, scope: Scope, by: &str, direction: &str, enough: Option<i64>) {
    let Some(enough) = enough else { return };
    out.push(&format!(" ORDER BY {by}"));
    if scope == Scope::Tasks {
        out.push(&format!(", u.no {direction}"));
    }
    out.push(" LIMIT ").bind(enough);
}

/// The smallest id of an instant.
fn floor(ms: i64) -> Uuid {
    let ms = u128::try_from(ms.clamp(0, (1 << 48) - 1)).unwrap_or_default();
    Uuid::from_u128(ms << 80)
}
