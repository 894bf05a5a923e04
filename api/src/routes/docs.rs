//! The API's own description: the OpenAPI document and a page to try it.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::answer;
use crate::openapi;
use crate::state::Api;

/// `/api-docs` (also where newer tools look, `/v3/api-docs`) and `/swagger-ui`.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api-docs", get(document))
        .route("/v3/api-docs", get(document))
        .merge(SwaggerUi::new("/swagger-ui").config(Config::from("/api-docs")))
}

async fn document() -> Response {
    answer::json_text(openapi::COMMITTED)
}
