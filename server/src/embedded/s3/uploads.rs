//! S3's calls on multipart uploads.
//!
//! An open upload is a directory with a description and one file per part; nothing is kept in memory, so an
//! upload outlives the process. Completing it copies the parts into one file, which then gets the key's name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part, StreamingBlob,
    UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Response, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::files::{Draft, Headers, Meta, now_ms, read_meta, said_headers, sync_dir};
use super::objects::etag;
use super::operations::{Store, blocking, internal};
use super::receive::{Condition, Received, Said, publish_error};
use super::sums::{Hashes, SumKind, Sums, composite, hex, said_sums, set_sums};

/// S3's limits: every part but the last has at least 5 MiB, numbers go from 1 to 10,000.
const SMALLEST_PART: u64 = 5 * 1024 * 1024;
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// An open upload as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Upload {
    bucket: String,
    key: String,
    headers: Headers,
    metadata: BTreeMap<String, String>,
    algorithm: Option<String>,
    sum_kind: SumKind,
    started_ms: u64,
}

impl Upload {
    /// Reads an upload and checks that it is of this bucket and key.
    fn read(dir: &Path, bucket: &str, key: &str) -> io::Result<Option<Self>> {
        match fs::read(dir.join("upload.json")) {
            Ok(text) => {
                let upload: Self = serde_json::from_slice(&text)?;
                Ok((upload.bucket == bucket && upload.key == key).then_some(upload))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn part_path(dir: &Path, number: i32) -> PathBuf {
    dir.join(format!("part-{number:05}"))
}

fn no_upload() -> s3s::S3Error {
    s3_error!(NoSuchUpload, "the upload does not exist; it may have been completed or aborted")
}

/// A part as it is stored.
struct StoredPart {
    number: i32,
    meta: Meta,
    path: PathBuf,
}

/// All parts of an upload, by number.
fn stored_parts(dir: &Path) -> io::Result<Vec<StoredPart>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix("part-"));
        if let Some(number) = name.and_then(|n| n.parse().ok()) {
            let meta = read_meta(&File::open(&path)?)?;
            parts.push(StoredPart { number, meta, path });
        }
    }
    parts.sort_by_key(|p| p.number);
    Ok(parts)
}

impl Store {
    fn upload_dir(&self, id: &str) -> S3Result<PathBuf> {
        self.files.upload_dir(id).ok_or_else(no_upload)
    }

    async fn find_upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<(PathBuf, Upload)> {
        self.bucket(bucket)?;
        let dir = self.upload_dir(id)?;
        let (at, bucket, key) = (dir.clone(), bucket.to_owned(), key.to_owned());
        let upload = blocking(move || Upload::read(&at, &bucket, &key)).await?.ok_or_else(no_upload)?;
        Ok((dir, upload))
    }

    pub(super) async fn create_upload(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.bucket(&input.bucket)?;
        let id = uuid::Uuid::now_v7().simple().to_string();
        let full = input.checksum_type.as_ref().is_some_and(|t| t.as_str() == ChecksumType::FULL_OBJECT);
        let upload = Upload {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            headers: said_headers!(input),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            algorithm: input.checksum_algorithm.as_ref().map(|a| a.as_str().to_owned()),
            sum_kind: if full { SumKind::FullObject } else { SumKind::Composite },
            started_ms: now_ms(),
        };
        let dir = self.upload_dir(&id)?;
        let root = self.files.uploads_root();
        blocking(move || {
            fs::create_dir(&dir)?;
            fs::write(dir.join("upload.json"), serde_json::to_vec(&upload)?)?;
            sync_dir(&dir)?;
            sync_dir(&root)
        })
        .await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..Default::default()
        }))
    }

    async fn store_part(&self, dir: PathBuf, key: &str, number: i32, received: Received) -> S3Result<Meta> {
        if !PART_NUMBERS.contains(&number) {
            return Err(s3_error!(InvalidArgument, "part number {number} is not between 1 and 10000"));
        }
        let Received { mut draft, md5, sums } = received;
        let meta = Meta {
            key: key.to_owned(),
            size: draft.size(),
            etag: hex(&md5),
            modified_ms: now_ms(),
            sums,
            ..Meta::default()
        };
        blocking(move || {
            draft.seal(&meta)?;
            draft.rename(&part_path(&dir, number))?;
            sync_dir(&dir)?;
            Ok(meta)
        })
        .await
    }

    pub(super) async fn put_part(
        &self,
        input: UploadPartInput,
        mut said: Said,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let (dir, upload) = self.find_upload(&input.upload_id, &input.bucket, &input.key).await?;
        said.algorithm = said.algorithm.or(upload.algorithm);
        let received = self.receive(input.body, &said).await?;
        let meta = self.store_part(dir, &input.key, input.part_number, received).await?;
        let mut output = UploadPartOutput { e_tag: Some(etag(&meta)), ..Default::default() };
        set_sums!(output, meta.sums);
        Ok(S3Response::new(output))
    }

    pub(super) async fn copy_part(
        &self,
        input: &UploadPartCopyInput,
        body: StreamingBlob,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let (dir, upload) = self.find_upload(&input.upload_id, &input.bucket, &input.key).await?;
        let said = Said { algorithm: upload.algorithm, ..Said::default() };
        let received = self.receive(Some(body), &said).await?;
        let meta = self.store_part(dir, &input.key, input.part_number, received).await?;
        let mut result = CopyPartResult {
            e_tag: Some(etag(&meta)),
            last_modified: Some(meta.modified().into()),
            ..Default::default()
        };
        set_sums!(result, meta.sums);
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() }))
    }

    pub(super) async fn complete_upload(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (dir, upload) = self.find_upload(&input.upload_id, &input.bucket, &input.key).await?;
        let said = said_sums!(input);
        let bucket = self.bucket(&input.bucket)?;
        let asked = input.multipart_upload.and_then(|m| m.parts).unwrap_or_default();
        let at = dir.clone();
        let stored = blocking(move || stored_parts(&at)).await?;
        let parts = chosen(&asked, stored)?;
        let draft = self.files.draft().map_err(internal)?;
        let (mut draft, meta) = tokio::task::spawn_blocking(move || join(draft, &upload, &parts, &said))
            .await
            .map_err(|e| internal(io::Error::other(e)))??;
        let when = Condition { matches: input.if_match, none_match: input.if_none_match };
        let meta = blocking(move || {
            draft.seal(&meta)?;
            let done = bucket.publish(draft, meta, |present| when.holds(present));
            if done.is_ok() {
                // a crash here leaves an upload that can be completed again, with the same result
                fs::remove_dir_all(&dir)?;
            }
            Ok(done)
        })
        .await?
        .map_err(publish_error)?;
        let mut output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag(&meta)),
            ..Default::default()
        };
        set_sums!(output, meta.sums);
        Ok(S3Response::new(output))
    }

    pub(super) async fn abort_upload(
        &self,
        input: AbortMultipartUploadInput,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let (dir, _) = self.find_upload(&input.upload_id, &input.bucket, &input.key).await?;
        blocking(move || fs::remove_dir_all(&dir)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) async fn parts_of(&self, input: ListPartsInput) -> S3Result<S3Response<ListPartsOutput>> {
        let (dir, _) = self.find_upload(&input.upload_id, &input.bucket, &input.key).await?;
        let stored = blocking(move || stored_parts(&dir)).await?;
        let after = input.part_number_marker.unwrap_or(0);
        let limit = usize::try_from(input.max_parts.unwrap_or(1000)).unwrap_or(0).min(1000);
        let mut rest = stored.into_iter().filter(|p| p.number > after).peekable();
        let mut parts = Vec::new();
        let mut last = None;
        while parts.len() < limit
            && let Some(p) = rest.next()
        {
            last = Some(p.number);
            let mut part = Part {
                part_number: Some(p.number),
                size: i64::try_from(p.meta.size).ok(),
                e_tag: Some(etag(&p.meta)),
                last_modified: Some(p.meta.modified().into()),
                ..Part::default()
            };
            set_sums!(part, p.meta.sums);
            parts.push(part);
        }
        let more = rest.peek().is_some();
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(after),
            next_part_number_marker: last.filter(|_| more),
            max_parts: i32::try_from(limit).ok(),
            is_truncated: Some(more),
            parts: Some(parts),
            ..Default::default()
        }))
    }

    pub(super) async fn uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.bucket(&input.bucket)?;
        let root = self.files.uploads_root();
        let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
        let uploads = blocking(move || {
            let mut found = Vec::new();
            for entry in fs::read_dir(&root)? {
                let path = entry?.path();
                let id = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
                // one that is being completed or aborted at this moment may have no description any more
                let Ok(text) = fs::read(path.join("upload.json")) else { continue };
                let upload: Upload = serde_json::from_slice(&text)?;
                if upload.bucket == bucket && upload.key.starts_with(&prefix) {
                    found.push((upload.key.clone(), id, upload));
                }
            }
            found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
            Ok(found)
        })
        .await?;
        let uploads = uploads.into_iter().map(|(key, id, upload)| MultipartUpload {
            key: Some(key),
            upload_id: Some(id),
            initiated: Some(
                (std::time::UNIX_EPOCH + std::time::Duration::from_millis(upload.started_ms)).into(),
            ),
            checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(false),
            uploads: Some(uploads.collect()),
            ..Default::default()
        }))
    }
}

/// The parts that the client names, in its order, which must be ascending.
fn chosen(asked: &[CompletedPart], stored: Vec<StoredPart>) -> S3Result<Vec<StoredPart>> {
    let mut stored: BTreeMap<i32, StoredPart> = stored.into_iter().map(|p| (p.number, p)).collect();
    let mut parts: Vec<StoredPart> = Vec::with_capacity(asked.len());
    for ask in asked {
        let number = ask.part_number.ok_or_else(|| s3_error!(InvalidPart, "a part has no number"))?;
        if parts.last().is_some_and(|p| p.number >= number) {
            return Err(s3_error!(InvalidPartOrder, "part {number} is out of order"));
        }
        let part =
            stored.remove(&number).ok_or_else(|| s3_error!(InvalidPart, "part {number} was not uploaded"))?;
        if ask.e_tag.as_ref().is_some_and(|t| t.value() != part.meta.etag) {
            return Err(s3_error!(InvalidPart, "part {number} has another ETag"));
        }
        parts.push(part);
    }
    let Some((_, all_but_last)) = parts.split_last() else {
        return Err(s3_error!(MalformedXML, "an upload needs at least one part"));
    };
    match all_but_last.iter().find(|p| p.meta.size < SMALLEST_PART) {
        Some(p) => {
            Err(s3_error!(EntityTooSmall, "part {} has {} bytes, fewer than 5 MiB", p.number, p.meta.size))
        }
        None => Ok(parts),
    }
}

/// Copies the parts into one file and works out its description.
fn join(mut draft: Draft, upload: &Upload, parts: &[StoredPart], said: &Sums) -> S3Result<(Draft, Meta)> {
    let full = upload.sum_kind == SumKind::FullObject;
    let algorithm = upload.algorithm.as_deref().filter(|_| full);
    let mut whole = Hashes::new(algorithm.into_iter())?;
    let mut tags = Hashes::new(std::iter::empty())?;
    let mut buffer = vec![0u8; 256 * 1024];
    for part in parts {
        let mut left = File::open(&part.path).map_err(internal)?.take(part.meta.size);
        loop {
            let n = left.read(&mut buffer).map_err(internal)?;
            if n == 0 {
                break;
            }
            draft.write(&buffer[..n]).map_err(internal)?;
            whole.update(&buffer[..n]);
        }
        tags.update(&unhex(&part.meta.etag));
    }
    let sums = if full {
        whole.finish().1
    } else {
        let of_parts: Vec<&Sums> = parts.iter().map(|p| &p.meta.sums).collect();
        let sum = upload.algorithm.as_deref().and_then(|a| Some((a.to_owned(), composite(a, &of_parts)?)));
        sum.into_iter().collect()
    };
    // clients say composite sums with and without the count
    for (name, sum) in said {
        let found = sums.get(name);
        if found.is_some_and(|f| f != sum && f.split('-').next() != Some(sum.as_str())) {
            return Err(s3_error!(BadDigest, "the {name} of the object is not {sum}"));
        }
    }
    let (md5, _) = tags.finish();
    let meta = Meta {
        key: upload.key.clone(),
        size: draft.size(),
        etag: format!("{}-{}", hex(&md5), parts.len()),
        modified_ms: now_ms(),
        headers: upload.headers.clone(),
        metadata: upload.metadata.clone(),
        sums,
        sum_kind: upload.sum_kind,
    };
    Ok((draft, meta))
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .filter_map(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok())
        .collect()
}
