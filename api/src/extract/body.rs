//! Reads a request body within the limits of size and time.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};

use crate::config::ApiConfig;
use crate::error::ApiError;

/// The whole body. A body that came with its head (the usual case) is handed on without a copy.
///
/// Errors: 413 beyond `body_limit_bytes`, 408 when the client is too slow, 400 when it breaks off.
pub(crate) async fn read(mut body: Body, config: &ApiConfig) -> Result<Bytes, ApiError> {
    let limit = config.body_limit_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    let Some(first) = next_frame(&mut body, config.body_read_timeout).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() && first.len() <= limit {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while whole.len() <= limit {
        match next_frame(&mut body, config.body_read_timeout).await? {
            Some(more) => whole.extend_from_slice(&more),
            None => return Ok(whole.freeze()),
        }
    }
    Err(too_large(limit))
}

/// The next piece of data; `None` at the end.
async fn next_frame(body: &mut Body, limit: Duration) -> Result<Option<Bytes>, ApiError> {
    let next = std::future::poll_fn(|cx| {
        loop {
            let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
            match frame.map(|result| result.map(hyper::body::Frame::into_data)) {
                None => return std::task::Poll::Ready(Ok(None)),
                Some(Ok(Ok(data))) => return std::task::Poll::Ready(Ok(Some(data))),
                // trailers say nothing that matters here
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return std::task::Poll::Ready(Err(error)),
            }
        }
    });
    match tokio::time::timeout(limit, next).await {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => {
            Err(ApiError::bad_request(format!("I/O error while reading input message: {error}")))
        }
        Err(_) => Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive in time")),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the request body is larger than {limit} bytes"))
}
