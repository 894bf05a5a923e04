//! Which pages may call.
//!
//! Browsers send some requests without asking first (forms, sockets), so naming the origins in CORS headers is not
//! enough: a request that says it comes from a page of another origin is refused. Programs send no origin.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::problem;

/// The origins whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    All,
    These(Arc<[String]>),
}

/// The headers for browsers, and the list for [`check`].
pub(super) fn layers(origins: &[String]) -> (CorsLayer, Allowed) {
    let cors = CorsLayer::new()
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, HeaderName::from_static("idempotency-key")]);
    if origins.iter().any(|origin| origin == "*") {
        return (cors.allow_origin(Any), Allowed::All);
    }
    let values = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    (cors.allow_origin(AllowOrigin::list(values)), Allowed::These(origins.into()))
}

/// Refuses requests of strange pages.
pub(super) async fn check(allowed: Allowed, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_socket = request.headers().contains_key(header::UPGRADE);
    if (changes || is_socket) && !may_call(&allowed, request.headers()) {
        return problem(403, "pages of this origin may not call: add it to ingestion.cors_origins");
    }
    next.run(request).await
}

fn may_call(allowed: &Allowed, headers: &HeaderMap) -> bool {
    let Allowed::These(origins) = allowed else { return true };
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, authority)| !host.is_empty() && authority == host);
    own || origins.iter().any(|known| known == origin)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{layers, may_call};

    #[test]
    fn strange_pages_may_not_call() {
        let (_, listed) = layers(&["http://localhost:5173".to_owned()]);
        let asks = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("127.0.0.1:8000"));
            if let Some(origin) = origin {
                headers.insert("origin", HeaderValue::from_static(origin));
            }
            headers
        };
        for (origin, expected) in [
            (None, true),
            (Some("http://localhost:5173"), true),
            (Some("http://127.0.0.1:8000"), true),
            (Some("http://evil.example"), false),
            (Some("null"), false),
        ] {
            assert_eq!(may_call(&listed, &asks(origin)), expected, "{origin:?}");
        }
        let (_, all) = layers(&["*".to_owned()]);
        assert!(may_call(&all, &asks(Some("http://evil.example"))));
    }
}
