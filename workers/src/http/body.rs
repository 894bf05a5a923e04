//! The body of an answer: bounded in size, in time, and in what it may unfold to.

use std::io::Read;
use std::time::Duration;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::Fault;

/// Bodies beyond this take one of few places, so that many big answers at once do not fill the memory, and are worked on
/// beside the threads that serve everything else.
pub(super) const BIG: usize = 1 << 20;
/// Big answers in memory at once. A server that sends one slowly keeps its place for as long as its call may take.
const BIG_AT_ONCE: usize = 16;
/// Bodies that are unfolded at once.
const UNFOLDED_AT_ONCE: usize = 4;

/// What bodies share.
pub(super) struct Bodies {
    places: Arc<Semaphore>,
    unfolding: Arc<Semaphore>,
    limit: usize,
}

impl Bodies {
    pub(super) fn new(limit: usize) -> Self {
        Bodies {
            places: Arc::new(Semaphore::new(BIG_AT_ONCE)),
            unfolding: Arc::new(Semaphore::new(UNFOLDED_AT_ONCE)),
            limit,
        }
    }

    /// Reads to the end. `patience`: how long nothing may come.
    pub(super) async fn read(
        &self,
        body: &mut Incoming,
        patience: Option<Duration>,
    ) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Fault> {
        if body.size_hint().lower() > self.limit as u64 {
            return Err(self.too_large());
        }
        let (mut bytes, mut place) = (Vec::new(), None);
        while let Some(data) = next(body, patience).await? {
            if bytes.len() + data.len() > self.limit {
                return Err(self.too_large());
            }
            if place.is_none() && bytes.len() + data.len() > BIG {
                place = self.places.clone().acquire_owned().await.ok();
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, place))
    }

    /// Undoes a content coding. A name that is not known leaves the body as it is.
    pub(super) async fn decode(
        &self,
        coding: &str,
        bytes: Vec<u8>,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<u8>, Fault> {
        let (coding, limit) = (coding.to_ascii_lowercase(), self.limit);
        // kept until there is a place for what came out, so that few of these are in memory besides
        let _turn = self.unfolding.clone().acquire_owned().await;
        let failed = |why: String| Fault::Failed(format!("the body could not be decompressed{why}"));
        let unfolded = tokio::task::spawn_blocking(move || unfold(&coding, bytes, limit)).await;
        let unfolded = unfolded.map_err(|_| failed(String::new()))?;
        let unfolded = unfolded.map_err(|error| failed(format!(": {error}")))?;
        if unfolded.len() > self.limit {
            return Err(self.too_large());
        }
        if place.is_none() && unfolded.len() > BIG {
            // a few kilobytes may unfold to the limit
            *place = self.places.clone().acquire_owned().await.ok();
        }
        Ok(unfolded)
    }

    fn too_large(&self) -> Fault {
        Fault::Failed(format!(
            "the response is larger than {} bytes, the limit that http_tasks.response_limit_bytes sets",
            self.limit
        ))
    }
}

async fn next(body: &mut Incoming, patience: Option<Duration>) -> Result<Option<Bytes>, Fault> {
    loop {
        let frame = match patience {
            Some(patience) => {
                let frame = tokio::time::timeout(patience, body.frame()).await;
                frame.map_err(|_| Fault::Failed("Read timed out".to_owned()))?
            }
            None => body.frame().await,
        };
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Fault::of(&error)),
            // trailers are of no use to a task
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// At most one byte more than the limit, so that the caller sees that it was passed.
fn unfold(coding: &str, bytes: Vec<u8>, limit: usize) -> std::io::Result<Vec<u8>> {
    let read = |decoder: &mut dyn Read| {
        let mut out = Vec::new();
        decoder.take(limit as u64 + 1).read_to_end(&mut out).map(|_| out)
    };
    match coding {
        "gzip" | "x-gzip" => read(&mut MultiGzDecoder::new(bytes.as_slice())),
        // with or without the wrapping of zlib: servers do both
        "deflate" => read(&mut ZlibDecoder::new(bytes.as_slice()))
            .or_else(|_| read(&mut DeflateDecoder::new(bytes.as_slice()))),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::unfold;

    #[test]
    fn codings_are_undone_up_to_the_limit() {
        let plain = b"hello ".repeat(1000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&plain).expect("memory");
        let gzip = gzip.finish().expect("memory");
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&plain).expect("memory");
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&plain).expect("memory");
        for (coding, bytes) in [
            ("gzip", gzip.clone()),
            ("deflate", zlib.finish().expect("memory")),
            ("deflate", raw.finish().expect("memory")),
            ("br", plain.clone()),
        ] {
            assert_eq!(unfold(coding, bytes, 1 << 20).expect("decoded"), plain);
        }
        assert_eq!(unfold("gzip", gzip, 100).expect("decoded").len(), 101, "no more is unfolded");
        assert!(unfold("gzip", b"no gzip".to_vec(), 100).is_err());
    }
}
