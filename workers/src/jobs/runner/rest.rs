//! The part of Airflow 2's REST API that the pipeline calls.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Refusal};
use super::{Access, Shared};

/// Bytes of a call; `conf` is a handful of texts.
const LARGEST_CALL: usize = 1024 * 1024;
/// Airflow's column for run ids.
const LONGEST_RUN_ID: usize = 250;
/// Runs in one answer, as Airflow has it.
const LARGEST_PAGE: i64 = 100;

type Answer = Result<Json<Value>, Refusal>;

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    let guarded = Router::new()
        .route("/dags", get(dags))
        .route("/dags/{dag_id}", get(dag).patch(patch_dag))
        .route("/dags/{dag_id}/dagRuns", get(runs).post(start))
        .route("/dags/{dag_id}/dagRuns/{run_id}", get(run))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&shared), guard));
    Router::new()
        .route("/health", get(answer::health))
        .route("/api/v1/health", get(answer::health))
        .nest("/api/v1", guarded)
        .layer(DefaultBodyLimit::max(LARGEST_CALL))
        .with_state(shared)
}

async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Result<Response, Refusal> {
    match shared.settings.access.lets_in(request.headers()) {
        true => Ok(next.run(request).await),
        false => Err(Refusal::Unauthenticated),
    }
}

impl Access {
    /// One of the wanted credentials is enough; if none is wanted, everybody is let in.
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let session = self.session.as_ref().map(|session| {
            let mut cookies = text("cookie").split(';').filter_map(|pair| pair.trim().split_once('='));
            cookies.any(|(name, value)| name == "session" && same(value, session))
        });
        let basic = self.basic.as_ref().map(|(user, password)| {
            let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            text("authorization").strip_prefix("Basic ").is_some_and(|given| same(given, &wanted))
        });
        match (session, basic) {
            (None, None) => true,
            (session, basic) => session.unwrap_or(false) || basic.unwrap_or(false),
        }
    }
}

/// Compares secrets in a time that tells nothing but their length.
fn same(given: &str, wanted: &str) -> bool {
    let differs = given.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == wanted.len() && differs == 0
}

async fn dags(State(shared): State<Arc<Shared>>) -> Answer {
    let mut all = Vec::new();
    for (dag_id, job) in &shared.settings.dags {
        all.push(answer::dag(dag_id, job.name(), shared.ledger.is_job_dag_paused(dag_id).await?));
    }
    Ok(Json(json!({"total_entries": all.len(), "dags": all})))
}

async fn dag(State(shared): State<Arc<Shared>>, Path(dag_id): Path<String>) -> Answer {
    shown(&shared, &dag_id).await
}

async fn patch_dag(State(shared): State<Arc<Shared>>, Path(dag_id): Path<String>, body: Bytes) -> Answer {
    known(&shared, &dag_id)?;
    let body = object(&body)?;
    let paused = body.get("is_paused").and_then(Value::as_bool);
    let paused = paused.ok_or_else(|| Refusal::BadRequest("'is_paused' must be true or false".to_owned()))?;
    shared.ledger.pause_job_dag(&dag_id, paused).await?;
    shared.news.notify_one();
    shown(&shared, &dag_id).await
}

async fn start(State(shared): State<Arc<Shared>>, Path(dag_id): Path<String>, body: Bytes) -> Answer {
    known(&shared, &dag_id)?;
    let body = object(&body)?;
    let run_id = match body.get("dag_run_id") {
        None | Some(Value::Null) => {
            format!("manual__{}", Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false))
        }
        Some(given) => run_id(given)?,
    };
    let conf = match body.get("conf") {
        None | Some(Value::Null) => json!({}),
        Some(conf @ Value::Object(_)) => conf.clone(),
        Some(_) => return Err(Refusal::BadRequest("'conf' must be an object".to_owned())),
    };
    match shared.ledger.add_job_run(&dag_id, &run_id, &conf.to_string()).await? {
        Some(row) => {
            shared.news.notify_one();
            Ok(Json(answer::run(&row)))
        }
        None => Err(Refusal::RunExists { dag_id, run_id }),
    }
}

async fn run(State(shared): State<Arc<Shared>>, Path((dag_id, run_id)): Path<(String, String)>) -> Answer {
    known(&shared, &dag_id)?;
    match shared.ledger.job_run(&dag_id, &run_id).await? {
        Some(row) => Ok(Json(answer::run(&row))),
        None => Err(Refusal::NoRun { dag_id, run_id }),
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<i64>,
    offset: Option<i64>,
}

async fn runs(
    State(shared): State<Arc<Shared>>,
    Path(dag_id): Path<String>,
    Query(page): Query<Page>,
) -> Answer {
    known(&shared, &dag_id)?;
    let limit = page.limit.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
    let (rows, all) = shared.ledger.job_runs(&dag_id, limit, page.offset.unwrap_or(0).max(0)).await?;
    let rows: Vec<Value> = rows.iter().map(answer::run).collect();
    Ok(Json(json!({"dag_runs": rows, "total_entries": all})))
}

async fn shown(shared: &Shared, dag_id: &str) -> Answer {
    let job = known(shared, dag_id)?;
    let paused = shared.ledger.is_job_dag_paused(dag_id).await?;
    Ok(Json(answer::dag(dag_id, job, paused)))
}

/// The name of the DAG's job.
fn known(shared: &Shared, dag_id: &str) -> Result<&'static str, Refusal> {
    let job = shared.settings.dags.get(dag_id);
    job.map(|job| job.name()).ok_or_else(|| Refusal::NoDag(dag_id.to_owned()))
}

fn object(body: &[u8]) -> Result<serde_json::Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::BadRequest("the request body is no object".to_owned())),
        Err(error) => Err(Refusal::BadRequest(format!("the request body is no JSON: {error}"))),
    }
}

/// A run id that Airflow takes too.
fn run_id(given: &Value) -> Result<String, Refusal> {
    let fits = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST_RUN_ID
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.~:+-".contains(&b))
    };
    given.as_str().filter(fits).map(str::to_owned).ok_or_else(|| {
        Refusal::BadRequest(format!(
            "'dag_run_id' is {given}; up to {LONGEST_RUN_ID} letters, digits and _.~:+- are possible"
        ))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::Access;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn one_of_the_wanted_credentials_lets_in() {
        let open = Access::default();
        assert!(open.lets_in(&HeaderMap::new()));
        let both = Access { session: Some("s.1".into()), basic: Some(("u".into(), "p".into())) };
        assert!(!both.lets_in(&HeaderMap::new()));
        assert!(both.lets_in(&headers("cookie", "a=b; session=s.1")));
        assert!(both.lets_in(&headers("authorization", "Basic dTpw")));
        for (name, value) in [
            ("cookie", "session=s.2"),
            ("cookie", "session="),
            ("authorization", "Basic dTpx"),
            ("authorization", "Bearer s.1"),
        ] {
            assert!(!both.lets_in(&headers(name, value)), "{value}");
        }
    }
}
