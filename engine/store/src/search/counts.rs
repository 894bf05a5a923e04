//! How many runs of a filter there are in each status.

use std::time::{Duration, Instant};

use podium_core::RunStatus;
use podium_core::search::{Expr, Field, Scope, Test, Value};
use sqlx::AssertSqlSafe;

use super::narrow::Narrow;
use super::page::COUNTED;
use super::statement::{self, Walk};
use super::{SearchRequest, Total, failed};
use crate::Store;
use crate::error::StoreError;

/// Counting beyond what is always counted goes on for so long: longer than that of a page, because six numbers are asked
/// for, and less often.
const COUNTING: Duration = Duration::from_millis(200);

/// Runs by status, in the order of [`RunStatus::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCounts(pub [Total; 6]);

impl Store {
    /// Counts the runs that a filter finds, status by status: up to 10,000 of each always, and further if it is quick. One
    /// statement reads all six. If even that takes longer than five seconds, nothing is certain: none exactly.
    pub async fn count_statuses(&self, filter: &Expr) -> Result<StatusCounts, StoreError> {
        let begun = Instant::now();
        let all = self.narrowed(Scope::Runs, filter).await?;
        let filters: Vec<Expr> = RunStatus::ALL
            .iter()
            .map(|status| {
                let is =
                    Expr::Clause(Field::RunStatus, Test::In(vec![Value::Text(status.as_str().to_owned())]));
                filter.clone().and(is)
            })
            .collect();
        let searches: Vec<(SearchRequest<'_>, Walk, Narrow)> = filters
            .iter()
            .map(|filter| {
                // the words were looked up once for all six
                let narrow = Narrow { runs: all.runs.clone(), ..Narrow::of(filter) };
                let request =
                    SearchRequest { scope: Scope::Runs, filter, sort: &[], start: 0, size: 0, count: true };
                (request, Walk::of(&narrow), narrow)
            })
            .collect();
        let Some(first) = self.counts_up_to(&searches, COUNTED + 1).await? else {
            return Ok(StatusCounts([Total { hits: 0, exact: false }; 6]));
        };
        let key = format!("statuses {filter:?}");
        if first.iter().all(|n| *n <= COUNTED) || self.inner.searches.is_hopeless(&key) {
            return Ok(totals(&first, COUNTED));
        }
        // as many as can be counted in the time that is left, at the pace of the first ones
        let took = begun.elapsed().max(Duration::from_micros(100));
        let left = COUNTING.saturating_sub(took);
        let seen: i64 = first.iter().sum();
        let most = (seen as f64 * (left.as_secs_f64() / took.as_secs_f64()) * 0.6) as i64;
        if most > COUNTED
            && let Some(counts) = self.counts_up_to(&searches, most + 1).await?
        {
            let totals = totals(&counts, most);
            if totals.0.iter().all(|total| total.exact) {
                return Ok(totals);
            }
        }
        self.inner.searches.is_found_hopeless(key);
        Ok(totals(&first, COUNTED))
    }

    /// `None` if it took too long.
    async fn counts_up_to(
        &self,
        searches: &[(SearchRequest<'_>, Walk, Narrow)],
        most: i64,
    ) -> Result<Option<[i64; 6]>, StoreError> {
        const COUNTS: &str = "search.statuses";
        let (text, args) = statement::counts(searches, most).done().map_err(failed(COUNTS))?;
        let counts: Result<Vec<i64>, _> = sqlx::query_scalar_with(AssertSqlSafe(text), args)
            .fetch_one(&self.inner.searches.pool)
            .await
            .map_err(failed(COUNTS));
        match counts {
            Ok(counts) => Ok(counts.try_into().ok()),
            Err(StoreError::TooSlow { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn totals(counts: &[i64; 6], most: i64) -> StatusCounts {
    StatusCounts(counts.map(|n| Total { hits: n.min(most), exact: n <= most }))
}
