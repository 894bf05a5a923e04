//! S3's calls on buckets and whole objects.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, BucketLocationConstraint, ChecksumMode,
    ChecksumType, CommonPrefix, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CopyObjectInput,
    CopyObjectOutput, CopyObjectResult, CopySource, CreateBucketInput, CreateBucketOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    ETagCondition, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, MetadataDirective, Object, Owner, PutObjectInput, PutObjectOutput,
    StreamingBlob, Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::files::{self, Files, Headers, Meta};
use super::index::{self, Listing};
use super::receive::{Condition, Said};
use super::sums::{SumKind, hex, said_sums, set_sums};

/// Bytes read from a file at a time.
const CHUNK: usize = 256 * 1024;

/// The backend that `s3s` calls.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) files: Arc<Files>,
}

impl Store {
    pub(super) fn new(files: Arc<Files>) -> Self {
        Self { files }
    }

    pub(super) fn bucket(&self, name: &str) -> S3Result<Arc<files::Bucket>> {
        self.files.bucket(name).ok_or_else(|| s3_error!(NoSuchBucket, "bucket {name} does not exist"))
    }

    /// Opens an object for reading.
    pub(super) async fn open(&self, bucket: &str, key: &str) -> S3Result<(File, Meta)> {
        let bucket = self.bucket(bucket)?;
        let name = key.to_owned();
        let found = blocking(move || bucket.open_object(&name)).await?;
        found.ok_or_else(|| s3_error!(NoSuchKey, "object {key} does not exist"))
    }
}

pub(super) fn internal(error: io::Error) -> s3s::S3Error {
    tracing::error!(%error, "the S3 store could not use its files");
    s3_error!(InternalError, "the store could not use its files: {error}")
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> S3Result<T> {
    spawn_blocking(work).await.map_err(|e| internal(io::Error::other(e)))?.map_err(internal)
}

fn body_of(file: File, range: std::ops::Range<u64>) -> StreamingBlob {
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

fn listed(meta: &Meta) -> Object {
    Object {
        key: Some(meta.key.clone()),
        size: i64::try_from(meta.size).ok(),
        e_tag: Some(etag(meta)),
        last_modified: Some(meta.modified().into()),
        ..Object::default()
    }
}

fn page_limit(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(1000)).unwrap_or(0).min(1000)
}

/// `None` also for an empty delimiter, which some clients send and mean none by.
fn real(delimiter: Option<&String>) -> Option<String> {
    delimiter.filter(|d| !d.is_empty()).cloned()
}

fn prefixes(page: &index::Page) -> Vec<CommonPrefix> {
    page.prefixes.iter().map(|p| CommonPrefix { prefix: Some(p.clone()) }).collect()
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let name = req.input.bucket;
        let (files, made) = (Arc::clone(&self.files), name.clone());
        if !blocking(move || files.create_bucket(&made)).await? {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "bucket {name} exists"));
        }
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{name}")) }))
    }

    async fn delete_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let name = req.input.bucket;
        self.bucket(&name)?;
        let (files, gone) = (Arc::clone(&self.files), name.clone());
        if !blocking(move || files.delete_bucket(&gone)).await? {
            return Err(s3_error!(BucketNotEmpty, "bucket {name} holds objects"));
        }
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(super::REGION.to_owned()),
            ..Default::default()
        }))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.bucket(&req.input.bucket)?;
        // us-east-1 is written as an empty name
        Ok(S3Response::new(GetBucketLocationOutput {
            location_constraint: Some(BucketLocationConstraint::from_static("")),
        }))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn list_buckets(
        &self,
        _req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets = self.files.buckets().into_iter().map(|(name, created)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            ..Bucket::default()
        });
        let owner = Owner { id: Some("podium".to_owned()), display_name: Some("podium".to_owned()) };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            owner: Some(owner),
            ..Default::default()
        }))
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let said = Said {
            sums: said_sums!(req.input),
            algorithm: req.input.checksum_algorithm.as_ref().map(|a| a.as_str().to_owned()),
            md5: req.input.content_md5.take(),
            length: req.input.content_length,
            trailer_names: Said::trailer_names(&req),
            trailers: req.trailing_headers.take(),
        };
        let input = req.input;
        self.bucket(&input.bucket)?;
        let received = self.receive(input.body, &said).await?;
        let meta = Meta {
            key: input.key,
            headers: Headers {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
            },
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

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
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

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
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

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
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
            meta.headers = Headers {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                content_language: input.content_language,
                cache_control: input.cache_control,
            };
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

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        let key = req.input.key;
        blocking(move || bucket.delete(&key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let bucket = self.bucket(&req.input.bucket)?;
        let delete = req.input.delete;
        let quiet = delete.quiet.unwrap_or(false);
        let keys: Vec<String> = delete.objects.into_iter().map(|o| o.key).collect();
        let gone = blocking(move || {
            for key in &keys {
                bucket.delete(key)?;
            }
            Ok(keys)
        })
        .await?;
        let deleted =
            gone.into_iter().map(|key| DeletedObject { key: Some(key), ..DeletedObject::default() });
        let deleted = (!quiet).then(|| deleted.collect());
        Ok(S3Response::new(DeleteObjectsOutput { deleted, ..Default::default() }))
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = req.input;
        let limit = page_limit(input.max_keys);
        let ask = Listing {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: real(input.delimiter.as_ref()),
            after: input.marker.clone().filter(|m| !m.is_empty()),
            limit,
        };
        let page = index::list(&self.bucket(&input.bucket)?.index.lock(), &ask);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(ask.prefix),
            marker: Some(input.marker.unwrap_or_default()),
            max_keys: i32::try_from(limit).ok(),
            is_truncated: Some(page.next.is_some()),
            contents: Some(page.objects.iter().map(|m| listed(m)).collect()),
            common_prefixes: Some(prefixes(&page)),
            delimiter: ask.delimiter,
            next_marker: page.next,
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let limit = page_limit(input.max_keys);
        // the token is the last name in hex: keys may hold anything, tokens travel in addresses
        let token = match input.continuation_token.as_deref().filter(|t| !t.is_empty()) {
            Some(token) => Some(unhex(token).ok_or_else(|| {
                s3_error!(InvalidArgument, "the continuation token is not one of this store")
            })?),
            None => None,
        };
        let ask = Listing {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: real(input.delimiter.as_ref()),
            after: token.or_else(|| input.start_after.clone().filter(|s| !s.is_empty())),
            limit,
        };
        let page = index::list(&self.bucket(&input.bucket)?.index.lock(), &ask);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(ask.prefix),
            max_keys: i32::try_from(limit).ok(),
            key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(|n| hex(n.as_bytes())),
            contents: Some(page.objects.iter().map(|m| listed(m)).collect()),
            common_prefixes: Some(prefixes(&page)),
            delimiter: ask.delimiter,
            start_after: input.start_after,
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.create_upload(req.input).await
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let said = Said {
            sums: said_sums!(req.input),
            algorithm: req.input.checksum_algorithm.as_ref().map(|a| a.as_str().to_owned()),
            md5: req.input.content_md5.take(),
            length: req.input.content_length,
            trailer_names: Said::trailer_names(&req),
            trailers: req.trailing_headers.take(),
        };
        self.put_part(req.input, said).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = req.input;
        let (bucket, key) = source(&input.copy_source)?;
        let (file, from) = self.open(bucket, key).await?;
        let range = match input.copy_source_range.as_deref() {
            Some(text) => s3s::dto::Range::parse(text)
                .map_err(|_| {
                    s3_error!(InvalidArgument, "copy source range {text:?} is not bytes=first-last")
                })?
                .check(from.size)?,
            None => 0..from.size,
        };
        self.copy_part(&input, body_of(file, range)).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.complete_upload(req.input).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort_upload(req.input).await
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        self.parts_of(req.input).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.uploads(req.input).await
    }
}

/// Bucket and key that a copy reads.
fn source(source: &CopySource) -> S3Result<(&str, &str)> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => Ok((bucket, key)),
        CopySource::Bucket { .. } => Err(s3_error!(NotImplemented, "this store keeps no versions")),
        CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(NotImplemented, "this store copies from buckets only"))
        }
    }
}

fn unhex(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}
