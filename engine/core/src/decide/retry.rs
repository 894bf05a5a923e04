//! May a failed attempt be repeated, and when (spec: semantics §2.4).

use super::Turn;
use super::finish::Halt;
use crate::def::RetryLogic;
use crate::plan::{Node, RetryRule};
use crate::run::RunStatus;
use crate::task::{TaskState, TaskStatus};
use crate::time::Span;

/// What becomes of a failed attempt.
pub(super) enum Verdict {
    /// Again, after seconds and a jitter that only delays the queue.
    Repeat { delay_s: i32, jitter: Span },
    /// The flow goes on in spite of it.
    Absorbed { with_errors: bool },
}

/// Judges a row that ended unsuccessfully. An error ends the run.
pub(super) fn judge(turn: &Turn<'_>, row: &TaskState) -> Result<Verdict, Halt> {
    let node = turn.node_of_row(row);
    let node = node.as_deref();
    let repeatable = node.is_some_and(|n| !n.kind.is_flow_control() && n.retry.count > row.attempt);
    if row.status.is_retriable() && repeatable {
        if let Some(node) = node {
            within_total(turn, node, row)?;
            let delay_s = delay_s(&node.retry, row.attempt);
            return Ok(Verdict::Repeat { delay_s, jitter: jitter(&node.retry, turn.cx.random, row.no) });
        }
    } else if let Some(node) = node
        && (node.optional || node.permissive)
    {
        return Ok(Verdict::Absorbed { with_errors: node.optional });
    }
    let status = run_status(row.status);
    let reason = failure_sentence(turn, row, status.as_str());
    Err(Halt::by_task(status, reason, row.no))
}

/// The status of a run that a task ended.
pub(super) fn run_status(task: TaskStatus) -> RunStatus {
    match task {
        TaskStatus::Canceled => RunStatus::Terminated,
        TaskStatus::TimedOut => RunStatus::TimedOut,
        _ => RunStatus::Failed,
    }
}

pub(super) fn failure_sentence(turn: &Turn<'_>, row: &TaskState, status: &str) -> String {
    let id = turn.run.task_id(row.no);
    let reason = row.reason.as_deref().unwrap_or("null");
    format!("Task {id} failed with status: {status} and reason: '{reason}'")
}

/// No repetition starts after `totalTimeoutSeconds`, whatever the policy says.
fn within_total(turn: &Turn<'_>, node: &Node, row: &TaskState) -> Result<(), Halt> {
    let Some(total) = node.timeout.total else { return Ok(()) };
    let elapsed = turn.cx.now - row.first_scheduled_at;
    if elapsed < total {
        return Ok(());
    }
    let reason = format!(
        "Task {}/{} exceeded total timeout of {} seconds (elapsed {} seconds across all attempts). \
         No further retries will be attempted.",
        turn.run.task_id(row.no),
        row.def_name,
        total.as_secs(),
        elapsed.as_secs()
    );
    let status = if row.status == TaskStatus::TimedOut { RunStatus::TimedOut } else { RunStatus::Failed };
    Err(Halt::by_task(status, reason, row.no))
}

/// Seconds before the attempt after `attempt`. Beyond 32 bits it is the largest 32-bit number.
fn delay_s(rule: &RetryRule, attempt: i32) -> i32 {
    let base = i64::from(rule.delay_s.max(0));
    let delay = match rule.logic {
        RetryLogic::Fixed => base,
        RetryLogic::LinearBackoff => {
            base.saturating_mul(i64::from(rule.scale)).saturating_mul(i64::from(attempt).saturating_add(1))
        }
        RetryLogic::ExponentialBackoff => {
            let factor =
                1_i64.checked_shl(u32::try_from(attempt).unwrap_or(0)).filter(|f| *f > 0).unwrap_or(i64::MAX);
            base.saturating_mul(factor)
        }
    };
    let delay = if delay < 0 { i32::MAX } else { i32::try_from(delay).unwrap_or(i32::MAX) };
    if rule.max_delay_s > 0 { delay.min(rule.max_delay_s) } else { delay }
}

fn jitter(rule: &RetryRule, random: u64, no: u32) -> Span {
    if rule.jitter_ms <= 0 {
        return Span::ZERO;
    }
    let draw = mix(random ^ u64::from(no)) % (rule.jitter_ms as u64 * 1_000 + 1);
    Span::from_micros(draw as i64)
}

/// Spreads a seed over 64 bits (SplitMix64).
pub(super) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(logic: RetryLogic, delay_s: i32, scale: i32, max_delay_s: i32) -> RetryRule {
        RetryRule { count: 9, logic, delay_s, scale, max_delay_s, jitter_ms: 5_000 }
    }

    #[test]
    fn delays_grow_as_documented() {
        let all = |rule: RetryRule| (0..4).map(|n| delay_s(&rule, n)).collect::<Vec<_>>();
        assert_eq!(all(rule(RetryLogic::Fixed, 60, 3, 0)), [60, 60, 60, 60]);
        assert_eq!(all(rule(RetryLogic::ExponentialBackoff, 2, 1, 3)), [2, 3, 3, 3]);
        assert_eq!(all(rule(RetryLogic::LinearBackoff, 4, 1, 5)), [4, 5, 5, 5]);
        assert_eq!(all(rule(RetryLogic::LinearBackoff, 1, 2, 0)), [2, 4, 6, 8]);
        assert_eq!(delay_s(&rule(RetryLogic::ExponentialBackoff, 1_000_000, 1, 0), 40), i32::MAX);
        assert_eq!(delay_s(&rule(RetryLogic::ExponentialBackoff, 1, 1, 0), 100), i32::MAX);
    }

    #[test]
    fn jitter_stays_in_its_range() {
        let rule = rule(RetryLogic::Fixed, 60, 1, 0);
        for seed in 0..1_000 {
            let j = jitter(&rule, seed, 1).as_micros();
            assert!((0..=5_000_000).contains(&j));
        }
    }
}
