//! The designer's functions, and the graphs that were deployed.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State as FromState};
use axum::response::Response;
use axum::routing::{get, post};
use podium_designer::dps::{DEFAULT_NAMESPACE, Form, to_xml};
use podium_designer::{Violations, draw, kinds, layouts};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::error;

use super::super::deploy::definition_of;
use super::{State, answer, problem};

/// Bytes of a graph or definition with its graph.
const LARGEST: usize = 5 << 20;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/designer/convert", post(convert))
        .route("/designer/draw", post(redraw))
        .route("/designer/dps", post(dps))
        .layer(DefaultBodyLimit::max(LARGEST))
        .route("/designer/kinds", get(|| async { answer(200, &kinds()) }))
        .route("/designer/layouts", get(|| async { answer(200, &layouts()) }))
        .route("/designer/graphs/{name}", get(graph))
}

type Body = Result<Bytes, BytesRejection>;

async fn convert(body: Body) -> Response {
    work(body, |body| {
        let graph = member(body, "graph")?;
        let forks = match &body["options"]["forks"] {
            Value::Null => true,
            Value::Bool(forks) => *forks,
            _ => return Err(problem(422, "options.forks is true or false")),
        };
        let made = definition_of(graph, forks).map_err(|violations| refused("converted", &violations))?;
        Ok(json!({"definition": made.definition, "nodes": made.nodes}))
    })
    .await
}

async fn redraw(body: Body) -> Response {
    work(body, |body| {
        let previous = body.get("previous").filter(|graph| !graph.is_null());
        let graph = draw(member(body, "definition")?, previous);
        Ok(json!({"graph": graph.map_err(|violations| refused("drawn", &violations))?}))
    })
    .await
}

/// The form is a node's `data`, with its `type` and the `workflowName`.
async fn dps(body: Body) -> Response {
    work(body, |body| {
        let form = member(body, "form")?;
        let text = |name: &str| form.get(name).and_then(Value::as_str).unwrap_or_default();
        let name =
            Some(text("workflowName")).filter(|name| !name.trim().is_empty()).unwrap_or("poc_workflow");
        let form =
            Form::read(text("type"), form, name).map_err(|violations| refused("written", &violations))?;
        Ok(json!({"xml": to_xml(&form, DEFAULT_NAMESPACE)}))
    })
    .await
}

fn member<'a>(body: &'a Value, name: &str) -> Result<&'a Value, Response> {
    body.get(name).filter(|value| !value.is_null()).ok_or_else(|| {
        answer(422, &json!({"detail": [{"loc": ["body", name], "msg": "field required", "type": "value_error.missing"}]}))
    })
}

fn refused(what: &str, violations: &Violations) -> Response {
    answer(422, &json!({"detail": format!("this cannot be {what}: {violations}"), "violations": violations}))
}

/// Reads the body and works on it where nobody else waits.
async fn work(body: Body, make: impl FnOnce(&Value) -> Result<Value, Response> + Send + 'static) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return problem(error.status().as_u16(), error.body_text()),
    };
    let made = tokio::task::spawn_blocking(move || {
        let body: Value = serde_json::from_slice(&body)
            .map_err(|error| problem(422, format!("the body is no JSON: {error}")))?;
        make(&body)
    });
    match made.await {
        Ok(Ok(made)) => answer(200, &made),
        Ok(Err(refused)) => refused,
        Err(error) => {
            error!(%error, "a request of the designer ended badly");
            problem(500, "internal error, see the log")
        }
    }
}

#[derive(Debug, Deserialize)]
struct Which {
    version: Option<i64>,
}

/// The graph of a deployed workflow; of its newest version if none is named.
async fn graph(
    FromState(state): FromState<State>,
    Path(name): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    let Ok(Query(Which { version })) = which else { return problem(422, "version is no number") };
    let found = match state.deployer.ledger.deployed_graph(&name, version).await {
        Ok(found) => found,
        Err(error) => return problem(503, error.to_string()),
    };
    let read = found.and_then(|found| Some((serde_json::from_str::<Value>(&found.graph).ok()?, found)));
    match read {
        Some((graph, found)) => answer(
            200,
            &json!({"name": name, "version": found.version, "deployment_id": found.deployment_id, "graph": graph}),
        ),
        None => {
            let of = version.map_or("newest version".to_owned(), |version| format!("version {version}"));
            problem(404, format!("the {of} of {name:?} was not deployed as a graph; draw its definition"))
        }
    }
}
