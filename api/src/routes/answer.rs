//! The few kinds of answers that the contract knows (§1).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");

fn with_type(content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// 200 with JSON text.
pub(crate) fn json_text(body: impl Into<Body>) -> Response {
    with_type(JSON, body.into())
}

/// 200 with a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    json_text(serde_json::to_vec(value).expect("the wire types have no maps with other keys than texts"))
}

/// 200 with bare text.
pub(crate) fn text(body: impl Into<String>) -> Response {
    with_type(TEXT, Body::from(body.into()))
}

/// 200 with nothing, not even a content type: what a handler without a result answers.
pub(crate) fn empty() -> Response {
    Response::new(Body::empty())
}

/// 204: there is nothing.
pub(crate) fn no_content() -> Response {
    let mut response = empty();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
