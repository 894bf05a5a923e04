//! One look at a DAG run that is watched.

use std::time::Duration;

use podium_ledger::{Refusal, Standing};

use super::api::DagRun;
use super::client::Airflow;
use super::settings::WatchSettings;
use crate::jitter::jittered;

/// What a look showed.
#[derive(Debug)]
pub(crate) enum Seen {
    Succeeded(DagRun),
    /// It ended otherwise, in this state; why, if Airflow says.
    Failed {
        state: String,
        cause: Option<String>,
    },
    /// Nothing new: look again, after [`next_look`].
    Open {
        refusal: Refusal,
        trouble: Option<String>,
    },
    /// It is given up.
    GivenUp {
        word: &'static str,
        reason: String,
    },
}

/// Looks at a DAG run.
pub(crate) async fn look(
    airflow: &Airflow,
    dag_id: &str,
    run_id: &str,
    standing: &Standing,
    settings: &WatchSettings,
) -> Seen {
    let (refusal, last) = match airflow.run(dag_id, run_id).await {
        Ok(run) => match run.state.as_str() {
            "success" => return Seen::Succeeded(run),
            "failed" | "skipped" | "upstream_failed" => {
                let cause = airflow.cause(dag_id, run_id).await;
                return Seen::Failed { state: run.state, cause };
            }
            // queued, running, up_for_retry, up_for_reschedule, and what nobody knows yet
            _ => (Refusal::No, format!("its state is {:?}", run.state)),
        },
        Err(error) if error.is_refusal() => {
            let refused = standing.refused_for.unwrap_or_default();
            if refused >= settings.refusal_patience {
                let reason = format!("{error}; the same for {} s", refused.as_secs());
                return Seen::GivenUp { word: "error", reason };
            }
            (Refusal::Yes, error.to_string())
        }
        Err(error) => (Refusal::Unknown, error.to_string()),
    };
    if standing.watched_for < settings.max_wait {
        let trouble = (refusal != Refusal::No).then_some(last);
        return Seen::Open { refusal, trouble };
    }
    // a look that is late does not ask longer than it must
    let paused = refusal == Refusal::No && airflow.is_paused(dag_id).await;
    let paused = if paused { "; the DAG is paused" } else { "" };
    let waited = settings.max_wait.as_secs();
    let reason = format!("run {run_id:?} of DAG {dag_id:?} did not end within {waited} s: {last}{paused}");
    Seen::GivenUp { word: "timeout", reason }
}

/// How long until the next look: a quarter of the interval at first, half as long again each time, up to six times the
/// interval; never past the end of the wait.
pub(crate) fn next_look(settings: &WatchSettings, standing: &Standing) -> Duration {
    let grown = 0.25 * 1.5_f64.powi(i32::try_from(standing.looks.min(20)).unwrap_or(20));
    let wait = jittered(settings.poll_interval.mul_f64(grown.min(6.0)));
    wait.min(settings.max_wait.saturating_sub(standing.watched_for))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use podium_ledger::Standing;

    use super::super::settings::WatchSettings;
    use super::next_look;

    #[test]
    fn looks_become_rarer_and_never_miss_the_end() {
        let settings = WatchSettings {
            poll_interval: Duration::from_secs(10),
            max_wait: Duration::from_secs(3600),
            refusal_patience: Duration::from_secs(60),
            ledger_interval: Duration::from_secs(15),
            lease: Duration::from_secs(30),
            parallel: 32,
        };
        let at = |looks, watched| {
            let standing = Standing {
                looks,
                watched_for: Duration::from_secs(watched),
                refused_for: None,
                trouble: None,
            };
            next_look(&settings, &standing).as_secs_f64()
        };
        assert!((1.25..=2.5).contains(&at(0, 0)), "{}", at(0, 0));
        assert!((30.0..=60.0).contains(&at(9, 100)), "{}", at(9, 100));
        assert!((30.0..=60.0).contains(&at(1_000_000, 100)));
        assert!(at(9, 3599) <= 1.0);
    }
}
