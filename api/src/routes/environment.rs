//! Names of secrets, and variables that definitions may use (contract §2.8).

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer;
use super::closed::closed;
use crate::dto::EnvironmentVariable;
use crate::error::ApiError;
use crate::extract::Segments;
use crate::state::Api;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(closed(routes!(secrets)))
        .routes(closed(routes!(variables)))
        .routes(closed(routes!(variable)))
}

/// List the names of the secrets; never their values.
#[utoipa::path(
    get, path = "/api/secrets", operation_id = "listAllSecretNames", tag = "environment",
    responses((
        status = 200, description = "Variables of the server's environment that begin with `CONDUCTOR_SECRET_`, without that",
        body = Vec<String>
    ))
)]
async fn secrets(State(api): State<Api>) -> Response {
    answer::json(&api.config().secret_names)
}

/// List the variables.
#[utoipa::path(
    get, path = "/api/environment", operation_id = "getAllEnvironmentVariables", tag = "environment",
    responses((
        status = 200, description = "Variables of the server's environment that begin with `CONDUCTOR_ENV_`, without that",
        body = Vec<EnvironmentVariable>
    ))
)]
async fn variables(State(api): State<Api>) -> Response {
    let variable =
        |(name, value): (&String, &String)| EnvironmentVariable { name: name.clone(), value: value.clone() };
    answer::json(&api.config().variables.iter().map(variable).collect::<Vec<_>>())
}

/// Get a variable.
#[utoipa::path(
    get, path = "/api/environment/{key}", operation_id = "getEnvironmentVariable", tag = "environment",
    params(("key" = String, Path)),
    responses((status = 200, description = "Its value; nothing if there is none", body = String, content_type = "text/plain"))
)]
async fn variable(State(api): State<Api>, path: Segments<1>) -> Result<Response, ApiError> {
    let [key] = path.0;
    Ok(api.config().variables.get(&key).map_or_else(answer::empty, |value| answer::text(value.as_str())))
}
