//! The API's own description: the OpenAPI document and a page to try it.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::answer;
use crate::state::Api;

/// `/api-docs` (also where newer tools look, `/v3/api-docs`) and `/swagger-ui`.
pub(super) fn routes(document: OpenApi) -> Router<Api> {
    let text = Bytes::from(document.to_json().expect("the document is plain data"));
    let again = text.clone();
    Router::new()
        .route("/api-docs", get(move || std::future::ready(answer::json_text(text.clone()))))
        .route("/v3/api-docs", get(move || std::future::ready(answer::json_text(again.clone()))))
        .merge(SwaggerUi::new("/swagger-ui").config(Config::from("/api-docs")))
}
