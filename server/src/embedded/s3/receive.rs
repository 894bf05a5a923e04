//! Taking a body in: written aside, hashed, compared with what the client said, and only then named.

use std::sync::Arc;

use futures::StreamExt;
use s3s::dto::{ETagCondition, StreamingBlob};
use s3s::{S3Request, S3Result, TrailingHeaders, s3_error};

use super::files::{Draft, Meta, PublishError, now_ms};
use super::operations::{Store, blocking, internal};
use super::sums::{Hashes, Sums, compare, hex};

impl Store {
    /// Writes a request's body aside, hashed and compared with what the client said about it.
    pub(super) async fn receive(&self, body: Option<StreamingBlob>, said: &Said) -> S3Result<Received> {
        let mut hashes = Hashes::new(said.algorithms())?;
        let mut draft = self.files.draft().map_err(internal)?;
        if let Some(mut body) = body {
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|e| s3_error!(IncompleteBody, "the body broke off: {e}"))?;
                // a write into the page cache, buffered to 256 KiB: shorter than handing it to another thread
                draft.write(&chunk).map_err(internal)?;
                hashes.update(&chunk);
            }
        }
        let (md5, sums) = hashes.finish();
        said.check(draft.size(), &md5, &sums)?;
        Ok(Received { draft, md5, sums })
    }

    /// Describes, syncs and names what was received.
    pub(super) async fn store(
        &self,
        bucket: &str,
        received: Received,
        mut meta: Meta,
        when: Condition,
    ) -> S3Result<Arc<Meta>> {
        let bucket = self.bucket(bucket)?;
        let Received { mut draft, md5, sums } = received;
        meta.size = draft.size();
        meta.etag = hex(&md5);
        meta.sums = sums;
        meta.modified_ms = now_ms();
        blocking(move || {
            draft.seal(&meta)?;
            Ok(bucket.publish(draft, meta, |present| when.holds(present)))
        })
        .await?
        .map_err(publish_error)
    }
}

/// A body that was received and not yet named.
pub(super) struct Received {
    pub(super) draft: Draft,
    pub(super) md5: Vec<u8>,
    pub(super) sums: Sums,
}

/// What a client says about a body: checked after it came.
#[derive(Default)]
pub(super) struct Said {
    pub(super) sums: Sums,
    pub(super) algorithm: Option<String>,
    pub(super) md5: Option<String>,
    pub(super) length: Option<i64>,
    /// Checksums that follow the body, and their names, which come before it.
    pub(super) trailers: Option<TrailingHeaders>,
    pub(super) trailer_names: Vec<String>,
}

/// What a request with a body says about it.
macro_rules! said_of_body {
    ($req:expr) => {
        $crate::embedded::s3::receive::Said {
            sums: $crate::embedded::s3::sums::said_sums!($req.input),
            algorithm: $req.input.checksum_algorithm.as_ref().map(|a| a.as_str().to_owned()),
            md5: $req.input.content_md5.take(),
            length: $req.input.content_length,
            trailer_names: $crate::embedded::s3::receive::Said::trailer_names(&$req),
            trailers: $req.trailing_headers.take(),
        }
    };
}

pub(super) use said_of_body;

impl Said {
    pub(super) fn trailer_names<T>(req: &S3Request<T>) -> Vec<String> {
        let header = req.headers.get("x-amz-trailer").and_then(|v| v.to_str().ok()).unwrap_or_default();
        header
            .split(',')
            .filter_map(|n| {
                n.trim().to_ascii_lowercase().strip_prefix("x-amz-checksum-").map(str::to_ascii_uppercase)
            })
            .collect()
    }

    fn algorithms(&self) -> impl Iterator<Item = &str> {
        let named = self.sums.keys().chain(&self.algorithm).chain(&self.trailer_names);
        named.map(String::as_str)
    }

    fn check(&self, size: u64, md5: &[u8], sums: &Sums) -> S3Result<()> {
        if self.length.is_some_and(|n| u64::try_from(n) != Ok(size)) {
            return Err(s3_error!(IncompleteBody, "{size} bytes came, but {:?} were announced", self.length));
        }
        if let Some(said) = &self.md5 {
            use base64::Engine;
            if *said != base64::engine::general_purpose::STANDARD.encode(md5) {
                return Err(s3_error!(BadDigest, "the MD5 of the body is not {said}"));
            }
        }
        let mut said = self.sums.clone();
        if let Some(headers) = self.trailers.as_ref().and_then(TrailingHeaders::take) {
            for name in &self.trailer_names {
                let header = format!("x-amz-checksum-{}", name.to_ascii_lowercase());
                if let Some(sum) = headers.get(header).and_then(|v| v.to_str().ok()) {
                    said.insert(name.clone(), sum.to_owned());
                }
            }
        }
        compare(&said, sums)
    }
}

/// What must be true of the present object for a write to take its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    pub(super) matches: Option<ETagCondition>,
    pub(super) none_match: Option<ETagCondition>,
}

impl Condition {
    pub(super) fn holds(&self, present: Option<&Meta>) -> bool {
        let is = |c: &ETagCondition| match (c, present) {
            (_, None) => false,
            (ETagCondition::Any, Some(_)) => true,
            (ETagCondition::ETag(tag), Some(meta)) => tag.value() == meta.etag,
        };
        self.matches.as_ref().is_none_or(is) && !self.none_match.as_ref().is_some_and(is)
    }
}

pub(super) fn publish_error(error: PublishError) -> s3s::S3Error {
    match error {
        PublishError::Io(e) => internal(e),
        PublishError::Condition => {
            s3_error!(PreconditionFailed, "the present object does not fit the condition")
        }
    }
}
