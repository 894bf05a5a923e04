//! One whole object: put, read, looked at, copied.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use s3s::dto::{
    ChecksumMode, ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETag,
    ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, MetadataDirective,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::files::{Meta, said_headers};
use super::operations::Store;
use super::receive::{Condition, Said, said_of_body};
use super::sums::{SumKind, set_sums};

/// Bytes read from a file at a time.
const CHUNK: usize = 256 * 1024;

impl Store {
    pub(super) async fn put(
        &self,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let said = said_of_body!(req);
        let input = req.input;
        self.bucket(&input.bucket)?;
        let received = self.receive(input.body, &said).await?;
        let meta = Meta {
            key: input.key,
            headers: said_headers!(input),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            ..Meta::default()
        };
        let when = Condition { matches: input.if_match, none_match: input.if_none_match };
        let meta = self.store(&input.bucket, received, meta, when).await?;
        let mut output = PutObjectOutput { e_tag: Some(etag(&meta)), ..Default::default() };
        set_sums!(output, meta.sums);
        output.checksum_type = sum_type(&meta);
        Ok(S3Response::new(output))
    }

    pub(super) async fn get(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let (file, meta) = self.open(&input.bucket, &input.key).await?;
        check_read(
            &meta,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        )?;
        let range = match &input.range {
            Some(range) => range.check(meta.size)?,
            None => 0..meta.size,
        };
        let content_range = input
            .range
            .is_some()
            .then(|| format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), meta.size));
        let whole = range == (0..meta.size);
        let tag = etag(&meta);
        let kind = sum_type(&meta);
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            e_tag: Some(tag),
            last_modified: Some(meta.modified().into()),
            cache_control: input.response_cache_control.or(meta.headers.cache_control),
            content_disposition: input.response_content_disposition.or(meta.headers.content_disposition),
            content_encoding: input.response_content_encoding.or(meta.headers.content_encoding),
            content_language: input.response_content_language.or(meta.headers.content_language),
            content_type: input.response_content_type.or(meta.headers.content_type),
            metadata: Some(meta.metadata.into_iter().collect()),
            body: Some(body_of(file, range)),
            ..Default::default()
        };
        // a sum of the whole object says nothing about a stretch of it
        if whole && wants_sums(input.checksum_mode.as_ref()) {
            set_sums!(output, meta.sums);
            output.checksum_type = kind;
        }
        Ok(S3Response::new(output))
    }

    pub(super) async fn head(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let meta = {
            let bucket = self.bucket(&input.bucket)?;
            let index = bucket.index.lock();
            index.get(&input.key).cloned()
        };
        let meta = meta.ok_or_else(|| s3_error!(NoSuchKey, "object {} does not exist", input.key))?;
        check_read(
            &meta,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        )?;
        let headers = meta.headers.clone();
        let mut output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(meta.size).ok(),
            e_tag: Some(etag(&meta)),
            last_modified: Some(meta.modified().into()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_type: headers.content_type,
            metadata: Some(meta.metadata.clone().into_iter().collect()),
            ..Default::default()
        };
        if wants_sums(input.checksum_mode.as_ref()) {
            set_sums!(output, meta.sums);
            output.checksum_type = sum_type(&meta);
        }
        Ok(S3Response::new(output))
    }

    pub(super) async fn copy(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let (bucket, key) = source(&input.copy_source)?;
        let (file, from) = self.open(bucket, key).await?;
        check_read(
            &from,
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        )?;
        self.bucket(&input.bucket)?;
        let replace =
            input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        let mut meta = Meta { key: input.key, sum_kind: SumKind::FullObject, ..from.clone() };
        if replace {
            meta.headers = said_headers!(input);
            meta.metadata = input.metadata.unwrap_or_default().into_iter().collect();
        }
        // a composite sum belongs to the parts that the copy does not have
        let mut algorithms: Vec<String> = from.sums.keys().cloned().collect();
        algorithms.extend(input.checksum_algorithm.map(|a| a.as_str().to_owned()));
        let said = Said { algorithm: None, trailer_names: algorithms, ..Said::default() };
        let received = self.receive(Some(body_of(file, 0..from.size)), &said).await?;
        let meta = self.store(&input.bucket, received, meta, Condition::default()).await?;
        let mut result = CopyObjectResult {
            e_tag: Some(etag(&meta)),
            last_modified: Some(meta.modified().into()),
            ..Default::default()
        };
        set_sums!(result, meta.sums);
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() }))
    }
}

pub(super) fn body_of(file: File, range: std::ops::Range<u64>) -> StreamingBlob {
    let file = Arc::new(file);
    let stream = futures::stream::unfold(range, move |rest| {
        let file = Arc::clone(&file);
        async move {
            let length = usize::try_from(rest.end.saturating_sub(rest.start)).unwrap_or(CHUNK).min(CHUNK);
            if length == 0 {
                return None;
            }
            let at = rest.start;
            let read = spawn_blocking(move || {
                let mut buffer = vec![0u8; length];
                file.read_exact_at(&mut buffer, at).map(|()| Bytes::from(buffer))
            })
            .await
            .unwrap_or_else(|e| Err(io::Error::other(e)));
            let next = if read.is_ok() { at + length as u64..rest.end } else { rest.end..rest.end };
            Some((read, next))
        }
    });
    StreamingBlob::wrap(stream)
}

pub(super) fn etag(meta: &Meta) -> ETag {
    ETag::Strong(meta.etag.clone())
}

fn sum_type(meta: &Meta) -> Option<ChecksumType> {
    let kind = match meta.sum_kind {
        SumKind::FullObject => ChecksumType::FULL_OBJECT,
        SumKind::Composite => ChecksumType::COMPOSITE,
    };
    (!meta.sums.is_empty()).then(|| ChecksumType::from_static(kind))
}

fn wants_sums(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|m| m.as_str() == ChecksumMode::ENABLED)
}

fn check_read(
    meta: &Meta,
    matches: Option<&ETagCondition>,
    none_match: Option<&ETagCondition>,
    modified_since: Option<&Timestamp>,
    unmodified_since: Option<&Timestamp>,
) -> S3Result<()> {
    let is = |c: &ETagCondition| c.as_etag().is_none_or(|t| t.value() == meta.etag);
    // HTTP dates have whole seconds
    let modified =
        Timestamp::from(std::time::UNIX_EPOCH + std::time::Duration::from_secs(meta.modified_ms / 1000));
    if matches.is_some_and(|c| !is(c))
        || (matches.is_none() && unmodified_since.is_some_and(|t| modified > *t))
    {
        return Err(s3_error!(PreconditionFailed));
    }
    if none_match.is_some_and(is) || (none_match.is_none() && modified_since.is_some_and(|t| modified <= *t))
    {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// Bucket and key that a copy reads.
pub(super) fn source(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => Ok((bucket, key)),
        CopySource::Bucket { .. } => Err(s3_error!(NotImplemented, "this store keeps no versions")),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "this store copies from buckets only"))
        }
    }
}
