//! Pages of a bucket's keys, in both versions of the call.

use s3s::dto::{
    CommonPrefix, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::files::Meta;
use super::index::{self, Listing};
use super::objects::etag;
use super::operations::Store;
use super::sums::hex;

impl Store {
    pub(super) async fn list(
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

    pub(super) async fn list_v2(
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

fn unhex(text: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}
