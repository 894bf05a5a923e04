//! Runs over time.

use podium_core::{Span, Timestamp};
use podium_store::{PlotBucket, PlotRequest, StoreError};

use super::search::searched;
use crate::engine::Engine;
use crate::messages::EngineError;

/// Runs that are looked at.
const RUNS_AT_MOST: i64 = 200_000;
/// If these cannot be read in time, as many as this.
const RUNS_AT_LEAST: i64 = 20_000;

/// What became of the runs of a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPlot {
    /// Width of a bucket.
    pub step: Span,
    /// All buckets in order, also those without runs.
    pub buckets: Vec<PlotBucket>,
    /// There are more runs than were looked at: only the newest are counted.
    pub truncated: bool,
}

impl Engine {
    /// Counts the runs that were started from `from` on and before `to`, in `buckets` stretches of the same length.
    ///
    /// Errors: `Invalid` if the stretch is empty, or if even few runs cannot be read in time.
    pub async fn plot_runs(
        &self,
        from: Timestamp,
        to: Timestamp,
        buckets: i64,
        name: Option<&str>,
    ) -> Result<RunPlot, EngineError> {
        let width = to.as_millis() - from.as_millis();
        if width <= 0 || buckets <= 0 {
            return Err(EngineError::Invalid(format!(
                "from is {} and to is {}, from must be earlier",
                from.as_millis(),
                to.as_millis()
            )));
        }
        // in whole milliseconds, so that clients compute the same limits
        let step = Span::from_millis((width + buckets - 1) / buckets);
        let mut request = PlotRequest { from, to, step, name, runs: RUNS_AT_MOST };
        let store = &self.shared().store;
        let found = match store.plot_runs(&request).await {
            Err(StoreError::TooSlow { .. }) => {
                request.runs = RUNS_AT_LEAST;
                store.plot_runs(&request).await
            }
            other => other,
        };
        let found = found.map_err(searched)?;
        let counted: i64 = found.iter().map(|bucket| bucket.started).sum();
        let places = (width + step.as_millis() - 1) / step.as_millis();
        let mut all: Vec<PlotBucket> =
            (0..places).map(|place| PlotBucket { place, ..PlotBucket::default() }).collect();
        for bucket in found {
            if let Some(slot) = usize::try_from(bucket.place).ok().and_then(|place| all.get_mut(place)) {
                *slot = bucket;
            }
        }
        Ok(RunPlot { step, buckets: all, truncated: counted >= request.runs })
    }
}
