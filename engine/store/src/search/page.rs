//! Running a search: the page, then how many match.

use std::time::{Duration, Instant};

use podium_core::search::{Expr, Scope, Words};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::condition::{Statement, text_query};
use super::narrow::{Narrow, demanded, named_ids};
use super::statement::{self, Walk};
use super::{Hit, SearchHits, SearchLag, SearchRequest, Total, failed};
use crate::Store;
use crate::error::StoreError;
use crate::run::run_id;

/// Up to so many matches are always counted, however long it takes.
pub(super) const COUNTED: i64 = 10_000;
/// Beyond, counting goes on for so long.
const COUNTING: Duration = Duration::from_millis(50);
/// Rows with the wanted words beyond which other demands of the filter are looked at first.
const CANDIDATES: i64 = 10_000;

impl Store {
    /// Finds a page of runs or tasks. Reads only; a statement that takes longer than five seconds is given up with
    /// [`StoreError::TooSlow`], except that of the count, which then says what is certain.
    pub async fn search(&self, request: &SearchRequest<'_>) -> Result<SearchHits, StoreError> {
        let narrow = self.narrowed(request.scope, request.filter).await?;
        let walk = Walk::of(&narrow);
        let hits = match request.size {
            0 => Vec::new(),
            _ => self.rows_of(statement::page(request, &walk, &narrow)).await?,
        };
        let found = i64::try_from(hits.len()).unwrap_or(i64::MAX);
        // a page that is not full, and not behind the end, has reached the end
        let total = if found < request.size && (found > 0 || request.start == 0) {
            Total { hits: request.start + found, exact: true }
        } else if request.count {
            self.count(request, &walk, &narrow, request.start + found).await?
        } else {
            Total { hits: request.start.min(COUNTED) + found, exact: false }
        };
        Ok(SearchHits { hits, total })
    }

    /// What a filter demands; the runs that its words name are looked up.
    pub(super) async fn narrowed(&self, scope: Scope, filter: &Expr) -> Result<Narrow, StoreError> {
        let mut narrow = Narrow::of(filter);
        if narrow.runs.is_none()
            && let Some(words) = demanded(filter)
        {
            narrow.runs = self.candidates(scope, words).await?;
        }
        Ok(narrow)
    }

    /// How far the words are behind, over all nodes.
    pub async fn search_lag(&self) -> Result<SearchLag, StoreError> {
        let (seconds, sweeping) = sqlx::query_as::<_, (f64, bool)>(
            "SELECT coalesce(max(l.lag_seconds), 0), coalesce(bool_or(l.sweep_needed), false) FROM podium.search_lag AS l",
        )
        .fetch_one(&self.inner.searches.pool)
        .await
        .map_err(failed("search.lag"))?;
        Ok(SearchLag { seconds, sweeping })
    }

    /// The runs that may have these words; `None` if there are many.
    async fn candidates(&self, scope: Scope, words: &Words) -> Result<Option<Vec<Uuid>>, StoreError> {
        let Some(query) = text_query(words, true) else { return Ok(None) };
        let table = super::column::words_table(scope).0;
        let text = format!(
            "SELECT w.run_id FROM {table} AS w WHERE w.words @@ to_tsquery('pg_catalog.english', $1) LIMIT $2"
        );
        let mut runs: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(query)
            .bind(CANDIDATES + 1)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("search.words"))?;
        if runs.len() as i64 > CANDIDATES {
            return Ok(None);
        }
        runs.extend(named_ids(words).into_iter().map(|id| podium_core::TaskId::from_uuid(id).run().uuid()));
        runs.sort_unstable();
        runs.dedup();
        Ok(Some(runs))
    }

    async fn rows_of(&self, statement: Statement) -> Result<Vec<Hit>, StoreError> {
        let (text, args) = statement.done().map_err(failed("search.page"))?;
        let rows: Vec<(Uuid, i32)> = sqlx::query_as_with(AssertSqlSafe(text), args)
            .fetch_all(&self.inner.searches.pool)
            .await
            .map_err(failed("search.page"))?;
        rows.into_iter().map(|(id, no)| Ok(Hit { run: run_id("run", id)?, no: no as u32 })).collect()
    }

    async fn count(
        &self,
        request: &SearchRequest<'_>,
        walk: &Walk,
        narrow: &Narrow,
        certain: i64,
    ) -> Result<Total, StoreError> {
        let asked = Instant::now();
        let first = match self.count_up_to(request, walk, narrow, COUNTED + 1).await {
            Ok(first) => first,
            Err(StoreError::TooSlow { .. }) => return Ok(Total { hits: certain, exact: false }),
            Err(error) => return Err(error),
        };
        if first <= COUNTED {
            return Ok(Total { hits: first, exact: true });
        }
        let unknown = Total { hits: COUNTED.max(certain), exact: false };
        let key = hopeless_key(request.scope, request.filter);
        if self.inner.searches.is_hopeless(&key) {
            return Ok(unknown);
        }
        // as many as can be counted in the time that is left, at the pace of the first ones
        let took = asked.elapsed().max(Duration::from_micros(100));
        let left = COUNTING.saturating_sub(took);
        // (a little less: a busy machine may slow down meanwhile)
        let most = (first as f64 * (left.as_secs_f64() / took.as_secs_f64()) * 0.6) as i64;
        if most > first {
            match self.count_up_to(request, walk, narrow, most).await {
                Ok(all) if all < most => return Ok(Total { hits: all, exact: true }),
                Ok(_) | Err(StoreError::TooSlow { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.searches.is_found_hopeless(key);
        Ok(unknown)
    }

    async fn count_up_to(
        &self,
        request: &SearchRequest<'_>,
        walk: &Walk,
        narrow: &Narrow,
        most: i64,
    ) -> Result<i64, StoreError> {
        let (text, args) =
            statement::count(request, walk, narrow, most).done().map_err(failed("search.count"))?;
        sqlx::query_scalar_with(AssertSqlSafe(text), args)
            .fetch_one(&self.inner.searches.pool)
            .await
            .map_err(failed("search.count"))
    }
}

fn hopeless_key(scope: Scope, filter: &Expr) -> String {
    format!("{scope:?} {filter:?}")
}
