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

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(uri: &str) -> Request {
        Request::builder().uri(uri).body(Body::empty()).expect("a request")
    }

    #[tokio::test]
    async fn the_path_is_named_without_outer_and_double_slashes() {
        for (uri, message) in [
            ("/api/foo?x=1", "No static resource api/foo."),
            ("/api//version", "No static resource api/version."),
            ("/api/", "No static resource api."),
        ] {
            let response = not_found(request(uri)).await;
            assert_eq!(response.status(), 404);
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("in memory");
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(body["message"], message, "{uri}");
        }
    }

    #[test]
    fn one_slash_is_taken_off_and_the_query_stays() {
        let uri = |given: &str| without_slash(request(given)).map(|r| r.uri().to_string()).ok();
        assert_eq!(uri("/api/version/?a=b/").as_deref(), Some("/api/version?a=b/"));
        assert_eq!(uri("http://host/api/x/").as_deref(), Some("http://host/api/x"));
        assert_eq!(uri("/api/version"), None);
        assert_eq!(uri("/"), None);
    }
}
