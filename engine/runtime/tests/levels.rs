//! Operators' verbs across levels of sub-workflows, forks in forks and forks in loops (scenarios 98, 99, 128, 137, 138, 140 of
//! the semantics), on real runs that tell each other.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use podium_core::{Rerun, RerunFrom, RunId, RunState, RunStatus, TaskState, TaskStatus};
use podium_runtime::{Engine, Verb};
use serde_json::{Value, json};
use support::{
    SOON, complete, config, database, define, node, poll_one, report_of, simple, start, state, until,
    until_status,
};

fn sub(reference: &str, child: &str) -> Value {
    json!({"name": reference, "taskReferenceName": reference, "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": child, "version": 1}})
}

/// A fork with its join, both named after the reference.
fn fork(name: &str, branches: Value, last: [&str; 2]) -> [Value; 2] {
    [
        json!({"name": name, "taskReferenceName": name, "type": "FORK_JOIN", "forkTasks": branches}),
        json!({"name": format!("{name}_join"), "taskReferenceName": format!("{name}_join"), "type": "JOIN", "joinOn": last}),
    ]
}

async fn finish(engine: &Engine, task_type: &str) {
    complete(engine, &poll_one(engine, task_type).await).await;
}

async fn fail(engine: &Engine, task_type: &str) {
    let task = poll_one(engine, task_type).await;
    engine.report(report_of(&task, TaskStatus::FailedWithTerminalError)).await.unwrap();
}

fn row<'r>(run: &'r RunState, reference: &str) -> &'r TaskState {
    run.tasks.latest(reference).unwrap()
}

async fn child(engine: &Engine, run: RunId, reference: &str) -> RunId {
    row(&state(engine, run).await, reference).child.unwrap()
}

/// Waits until the row of a reference stands so.
async fn until_row(engine: &Engine, run: RunId, reference: &str, status: TaskStatus) {
    until(&format!("{reference} is {status:?}"), SOON, || async {
        state(engine, run).await.tasks.latest(reference).is_some_and(|t| t.status == status)
    })
    .await;
}

/// `root` runs `mid`, `mid` runs `leaf`, `leaf` has a worker's task: all completed. The ids from above.
async fn three_levels(engine: &Engine) -> [RunId; 3] {
    define(engine, "leaf", json!([simple("work")])).await;
    define(engine, "mid", json!([sub("sw", "leaf")])).await;
    define(engine, "root", json!([sub("sw", "mid")])).await;
    let root = start(engine, "root").await;
    finish(engine, "work").await;
    until_status(engine, root, RunStatus::Completed).await;
    levels(engine, root).await
}

async fn levels(engine: &Engine, root: RunId) -> [RunId; 3] {
    let mid = child(engine, root, "sw").await;
    [root, mid, child(engine, mid, "sw").await]
}

/// After a verb on one level: it begins anew, what is below is new, what is above waits for what it waited for.
async fn goes_on_from(engine: &Engine, before: [RunId; 3], level: usize) -> [RunId; 3] {
    for above in &before[..level] {
        until_row(engine, *above, "sw", TaskStatus::InProgress).await;
    }
    for (at, run) in before.iter().enumerate().take(level + 1) {
        let found = state(engine, *run).await;
        assert_eq!((found.head.status, found.tasks.len()), (RunStatus::Running, 1), "level {at}");
        if at < level {
            assert_eq!(row(&found, "sw").child, Some(before[at + 1]), "level {at} has the child that it had");
        }
    }
    let work = poll_one(engine, "work").await;
    let now = levels(engine, before[0]).await;
    for at in 0..3 {
        assert_eq!(now[at] == before[at], at <= level, "level {at} after a verb on {level}");
    }
    assert_eq!(work.run.id, now[2]);
    complete(engine, &work).await;
    for run in now {
        until_status(engine, run, RunStatus::Completed).await;
    }
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_three_levels_is_restarted() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let mut runs = three_levels(&engine).await;
    for level in [0, 1, 2, 1, 0] {
        engine.operate(runs[level], Verb::Restart { latest: false }).await.unwrap();
        runs = goes_on_from(&engine, runs, level).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_three_levels_is_rerun_with_and_without_a_task() {
    let db = database().await;
    let engine = node(&db, config()).await;
    let mut runs = three_levels(&engine).await;
    for level in [0, 1, 2] {
        for by_task in [false, true] {
            let first = state(&engine, runs[level]).await.tasks.iter().next().unwrap().clone();
            let from = if by_task { RerunFrom::Task(first.no) } else { RerunFrom::Start };
            let rerun =
                Rerun { from, task_input: None, input: None, correlation_id: None, asked_above: false };
            engine.operate(runs[level], Verb::Rerun(rerun)).await.unwrap();
            let found = state(&engine, runs[level]).await;
            let kept = found.tasks.iter().next().is_some_and(|t| t.no == first.no);
            assert_eq!(kept, by_task, "a row that is named is reset, else it is made anew");
            runs = goes_on_from(&engine, runs, level).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_child_opens_the_joins_of_both_forks_around_it() {
    let db = database().await;
    let engine = node(&db, config()).await;
    define(&engine, "leaf", json!([simple("work")])).await;
    let inner = fork("inner", json!([[sub("sw", "leaf")], [simple("x")]]), ["sw", "x"]);
    let outer = fork("outer", json!([inner, [simple("y")]]), ["inner_join", "y"]);
    let [a, b] = outer;
    define(&engine, "order", json!([a, b, simple("after")])).await;
    // the leaf fails: both joins fall with the run
    let run = start(&engine, "order").await;
    finish(&engine, "x").await;
    finish(&engine, "y").await;
    fail(&engine, "work").await;
    let failed = until_status(&engine, run, RunStatus::Failed).await;
    let leaf = row(&failed, "sw").child.unwrap();
    engine.operate(leaf, Verb::Restart { latest: false }).await.unwrap();
    until_row(&engine, run, "sw", TaskStatus::InProgress).await;
    let open = state(&engine, run).await;
    assert_eq!((open.head.status, row(&open, "sw").child), (RunStatus::Running, Some(leaf)));
    for reference in ["inner_join", "outer_join"] {
        assert_eq!(row(&open, reference).status, TaskStatus::InProgress, "{reference}");
    }
    for reference in ["x", "y"] {
        assert_eq!(row(&open, reference).status, TaskStatus::Completed);
    }
    finish(&engine, "work").await;
    finish(&engine, "after").await;
    until_status(&engine, run, RunStatus::Completed).await;
    // once more, now that all had completed: what had passed stays so
    engine.operate(leaf, Verb::Restart { latest: false }).await.unwrap();
    until_row(&engine, run, "sw", TaskStatus::InProgress).await;
    finish(&engine, "work").await;
    let done = until_status(&engine, run, RunStatus::Completed).await;
    assert!(done.tasks.iter().all(|t| t.status == TaskStatus::Completed));
}

/// Three children side by side: of `a` the worker has failed, `b` fell with the parent, `c` had ended.
async fn fallen(engine: &Engine, name: &str) -> (RunId, [RunId; 3]) {
    let run = start(engine, name).await;
    finish(engine, "work_c").await;
    until_row(engine, run, "c", TaskStatus::Completed).await;
    fail(engine, "work_a").await;
    let parent = until_status(engine, run, RunStatus::Failed).await;
    let children = ["a", "b", "c"].map(|name| row(&parent, name).child.unwrap());
    until_status(engine, children[1], RunStatus::Terminated).await;
    let statuses = ["a", "b", "c"].map(|name| row(&parent, name).status);
    assert_eq!(statuses, [TaskStatus::Failed, TaskStatus::Canceled, TaskStatus::Completed]);
    (run, children)
}

/// The same three in a static fork, and in a dynamic one.
async fn families(engine: &Engine) -> [&'static str; 2] {
    for name in ["a", "b", "c"] {
        define(engine, &format!("child_{name}"), json!([simple(&format!("work_{name}"))])).await;
    }
    let branches = ["a", "b", "c"].map(|name| sub(name, &format!("child_{name}")));
    let fixed = json!([
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches.clone().map(|b| json!([b]))},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "b", "c"]}
    ]);
    define(engine, "fixed", fixed).await;
    let dynamic = json!([
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "tasks",
            "dynamicForkTasksInputParamName": "inputs", "inputParameters": {"tasks": branches, "inputs": {}}},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN"}
    ]);
    define(engine, "dynamic", dynamic).await;
    ["fixed", "dynamic"]
}

async fn all_end(engine: &Engine, run: RunId) {
    finish(engine, "work_a").await;
    finish(engine, "work_b").await;
    let done = until_status(engine, run, RunStatus::Completed).await;
    let join = row(&done, "j").output.map().keys().cloned().collect::<Vec<_>>();
    assert_eq!(join, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_that_are_children_are_retried_anew_or_resumed() {
    let db = database().await;
    let engine = node(&db, config()).await;
    for name in families(&engine).await {
        let (run, old) = fallen(&engine, name).await;
        engine.operate(run, Verb::Retry { resume_children: false }).await.unwrap();
        let parent = state(&engine, run).await;
        let now = ["a", "b", "c"].map(|name| row(&parent, name).child.unwrap());
        assert_eq!([0, 1, 2].map(|i| now[i] == old[i]), [false, false, true], "{name}: new children");
        assert_eq!(
            state(&engine, old[0]).await.head.status,
            RunStatus::Failed,
            "the old one stays as it was"
        );
        all_end(&engine, run).await;

        let (run, old) = fallen(&engine, name).await;
        let before = state(&engine, run).await;
        engine.operate(run, Verb::Retry { resume_children: true }).await.unwrap();
        until_status(&engine, old[1], RunStatus::Running).await;
        let parent = until_status(&engine, run, RunStatus::Running).await;
        let now = ["a", "b", "c"].map(|name| row(&parent, name).child.unwrap());
        assert_eq!(now, old, "{name}: the children that there were");
        assert_eq!(row(&parent, "c"), row(&before, "c"), "what had completed stays as it is");
        all_end(&engine, run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_of_the_failed_child_opens_its_parent_and_the_sibling_that_fell() {
    let db = database().await;
    let engine = node(&db, config()).await;
    for name in families(&engine).await {
        let (run, old) = fallen(&engine, name).await;
        let before = state(&engine, run).await;
        engine.operate(old[0], Verb::Retry { resume_children: false }).await.unwrap();
        for child in &old[..2] {
            until_status(&engine, *child, RunStatus::Running).await;
        }
        let parent = until_status(&engine, run, RunStatus::Running).await;
        let now = ["a", "b", "c"].map(|name| row(&parent, name).child.unwrap());
        assert_eq!(now, old, "{name}");
        assert_eq!(row(&parent, "c"), row(&before, "c"));
        let again = state(&engine, old[2]).await;
        assert_eq!((again.head.status, again.head.retried_at), (RunStatus::Completed, None));
        all_end(&engine, run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_failed_in_a_later_pass_is_resumed_there_only() {
    let db = database().await;
    let engine = node(&db, config()).await;
    for name in ["a", "b"] {
        define(&engine, &format!("child_{name}"), json!([simple(&format!("work_{name}"))])).await;
    }
    let body = fork("f", json!([[sub("a", "child_a")], [sub("b", "child_b")]]), ["a", "b"]);
    let tasks = json!([{"name": "l", "taskReferenceName": "l", "type": "DO_WHILE",
        "loopCondition": "$.l['iteration'] < 3", "loopOver": body}]);
    define(&engine, "loops", tasks).await;
    let run = start(&engine, "loops").await;
    finish(&engine, "work_a").await;
    finish(&engine, "work_b").await;
    let second = poll_one(&engine, "work_a").await;
    engine.report(report_of(&second, TaskStatus::FailedWithTerminalError)).await.unwrap();
    let before = until_status(&engine, run, RunStatus::Failed).await;
    let children = ["a__2", "b__2"].map(|name| row(&before, name).child.unwrap());
    until_status(&engine, children[1], RunStatus::Terminated).await;
    engine.operate(run, Verb::Retry { resume_children: true }).await.unwrap();
    until_status(&engine, children[1], RunStatus::Running).await;
    let parent = until_status(&engine, run, RunStatus::Running).await;
    for name in ["f__1", "a__1", "b__1", "f_join__1"] {
        assert_eq!(row(&parent, name), row(&before, name), "the first pass stays as it is");
    }
    for (name, child) in ["a__2", "b__2"].iter().zip(children) {
        assert_eq!(
            (row(&parent, name).child, row(&parent, name).status),
            (Some(child), TaskStatus::InProgress)
        );
    }
    for _ in 0..2 {
        finish(&engine, "work_a").await;
        finish(&engine, "work_b").await;
    }
    let done = until_status(&engine, run, RunStatus::Completed).await;
    assert_eq!(row(&done, "l").iteration, 3);
}
