//! The last runs of a definition and how each of its tasks went in them.

use std::collections::{BTreeMap, HashMap, HashSet};

use podium_core::def::{TaskConfig, WorkflowDef};
use podium_core::search::{Expr, Field, Scope, Test, Value};
use podium_core::{RunId, TaskStatus};
use podium_store::{BriefRun, FoldedTask, SearchRequest};

use super::metadata::find_workflow_def;
use super::search::searched;
use crate::engine::Engine;
use crate::messages::EngineError;

/// References that are shown; of more, those of the definition come first.
const REFERENCES_AT_MOST: usize = 500;
/// Rows of tasks that are looked at, over all runs and in one.
const ROWS_AT_MOST: usize = 100_000;
const ROWS_OF_RUN_AT_MOST: usize = 10_000;

/// The last runs of a definition as a grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecentRuns {
    /// Newest first.
    pub runs: Vec<BriefRun>,
    /// Reference and type, in the order of the definition of the newest run; what only other runs have stands behind.
    pub tasks: Vec<(String, String)>,
    /// For each run, for each task: what became of it; `None` = it was never there.
    pub cells: Vec<Vec<Option<RecentTask>>>,
    /// There is more than is shown: more references, or runs with so many tasks that only the first and last were looked
    /// at.
    pub truncated: bool,
}

/// All attempts and passes of one reference in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentTask {
    /// In a loop the status that matters most: a failed pass counts more than a good one.
    pub status: TaskStatus,
    /// What its ended attempts took together; `None` = none has ended.
    pub took_ms: Option<i64>,
    /// Attempts of all passes.
    pub attempts: i64,
}

impl Engine {
    /// The last `limit` runs of a definition, of one version or all. `NotFound` if there are none and the definition is
    /// not registered either.
    pub async fn recent_runs(
        &self,
        name: &str,
        version: Option<i32>,
        limit: i64,
    ) -> Result<RecentRuns, EngineError> {
        let shared = self.shared();
        let mut filter = Expr::Clause(Field::RunName, Test::In(vec![Value::Text(name.to_owned())]));
        if let Some(version) = version {
            filter = filter.and(Expr::Clause(Field::RunVersion, Test::In(vec![Value::Int(version.into())])));
        }
        let request = SearchRequest {
            scope: Scope::Runs,
            filter: &filter,
            sort: &[],
            start: 0,
            size: limit,
            count: false,
        };
        let found = shared.store.search(&request).await.map_err(searched)?;
        let ids: Vec<RunId> = found.hits.iter().map(|hit| hit.run).collect();
        let runs = shared.store.brief_runs(&ids).await.map_err(searched)?;
        let Some(newest) = runs.first() else {
            let def = find_workflow_def(shared, name, version).await?.ok_or_else(|| {
                let version = version.map(|version| format!(" with version {version}")).unwrap_or_default();
                EngineError::NotFound(format!(
                    "there is no workflow definition \"{name}\"{version} and no run of it"
                ))
            })?;
            let tasks = references(&def);
            return Ok(RecentRuns { tasks: shown(tasks, &[]).0, ..RecentRuns::default() });
        };
        let plan = shared.plans.load(&shared.store, newest.snapshot).await?;
        let defined = references(plan.def());
        let exact: Vec<String> =
            defined.iter().map(|(name, _)| name.clone()).filter(|name| looks_like_a_pass(name)).collect();
        let rows = (ROWS_AT_MOST / runs.len()).min(ROWS_OF_RUN_AT_MOST);
        let folded = shared.store.folded_tasks(&ids, rows as i32, &exact).await.map_err(searched)?;
        let (tasks, more) = shown(defined, &folded);
        let cells = cells(&runs, &tasks, &folded);
        let truncated = more || runs.iter().any(|run| run.tasks as usize > rows);
        Ok(RecentRuns { runs, tasks, cells, truncated })
    }
}

/// References and types of a definition in its order, bodies behind what they are the bodies of.
fn references(def: &WorkflowDef) -> Vec<(String, String)> {
    fn add(out: &mut Vec<(String, String)>, tasks: &[TaskConfig]) {
        for task in tasks {
            out.push((task.ref_name().to_owned(), task.kind().to_owned()));
            for branch in &task.fork_tasks {
                add(out, branch);
            }
            for case in task.decision_cases.values() {
                add(out, case);
            }
            add(out, &task.default_case);
            add(out, &task.loop_over);
        }
    }
    let mut out = Vec::new();
    add(&mut out, &def.tasks);
    out
}

/// `t__2`, `t__2_1`: how rows of loops are called.
fn looks_like_a_pass(name: &str) -> bool {
    let Some((_, pass)) = name.rsplit_once("__") else { return false };
    pass.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// What is shown, and whether there is more.
fn shown(defined: Vec<(String, String)>, folded: &[FoldedTask]) -> (Vec<(String, String)>, bool) {
    let known: HashSet<&str> = defined.iter().map(|(name, _)| name.as_str()).collect();
    // those of newer runs first, in their order
    let others = folded.iter().filter(|task| !known.contains(task.ref_name.as_str()));
    let mut first: BTreeMap<&str, (std::cmp::Reverse<RunId>, u32, &str)> = BTreeMap::new();
    for task in others {
        let place = (std::cmp::Reverse(task.run), task.no, task.task_type.as_str());
        first.entry(&task.ref_name).and_modify(|known| *known = (*known).min(place)).or_insert(place);
    }
    let mut others: Vec<_> = first.into_iter().map(|(name, place)| (place, name)).collect();
    others.sort_unstable();
    let others = others.into_iter().map(|((_, _, kind), name)| (name.to_owned(), kind.to_owned()));
    let mut tasks: Vec<_> = defined.iter().cloned().chain(others).collect();
    let more = tasks.len() > REFERENCES_AT_MOST;
    tasks.truncate(REFERENCES_AT_MOST);
    (tasks, more)
}

fn cells(
    runs: &[BriefRun],
    tasks: &[(String, String)],
    folded: &[FoldedTask],
) -> Vec<Vec<Option<RecentTask>>> {
    let by_name: HashMap<(RunId, &str), &FoldedTask> =
        folded.iter().map(|task| ((task.run, task.ref_name.as_str()), task)).collect();
    let cell = |run: &BriefRun, name: &str| {
        let task = by_name.get(&(run.id, name))?;
        Some(RecentTask { status: task.status, took_ms: task.took_ms, attempts: task.attempts })
    };
    let row = |run: &BriefRun| tasks.iter().map(|(name, _)| cell(run, name)).collect();
    runs.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_of_loops_are_told_by_their_names() {
        assert!(["a__1", "a__12_3", "a__b__2"].into_iter().all(looks_like_a_pass));
        assert!(
            ["a", "a_1", "a__", "a__b", "a__1_", "a__1b"].into_iter().all(|name| !looks_like_a_pass(name))
        );
    }
}
