//! Path variables as text.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::error::ApiError;
use crate::state::Api;

/// The `N` variables of a path, in order, percent-decoded.
#[derive(Debug)]
pub(crate) struct Segments<const N: usize>(pub(crate) [String; N]);

impl<const N: usize> FromRequestParts<Api> for Segments<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let unreadable = |_| ApiError::bad_request("the path is not percent-encoded UTF-8");
        let params = RawPathParams::from_request_parts(parts, api).await.map_err(unreadable)?;
        let texts: Vec<String> = params.iter().map(|(_, value)| value.to_owned()).collect();
        // names with a slash are out of reach in existing servers too; refusing them leaves no path tricks
        if texts.iter().any(|text| text.contains(['\0', '/', '\\'])) {
            return Err(ApiError::bad_request(
                "a path variable contains the character U+0000 or an encoded slash or backslash",
            ));
        }
        let found = texts.len();
        let texts = <[String; N]>::try_from(texts);
        texts.map(Segments).map_err(|_| {
            ApiError::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                format!("the route has {found} path variables, its handler expects {N}"),
            )
        })
    }
}
