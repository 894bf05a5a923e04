//! Paths that nothing answers.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// The 404 of an unknown path, in the words that clients look for.
pub(crate) async fn not_found(request: Request) -> Response {
    let parts: Vec<_> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
    ApiError::not_found(format!("No static resource {}.", parts.join("/"))).into_response()
}

/// The same request for the path without the slash at its end; `Err` gives the request back if its path
/// has none.
pub(crate) fn without_slash(mut request: Request) -> Result<Request, Request> {
    match shortened(request.uri()) {
        Some(uri) => {
            *request.uri_mut() = uri;
            Ok(request)
        }
        None => Err(request),
    }
}

fn shortened(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let with_query = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(with_query).ok()?);
    Uri::from_parts(parts).ok()
}
