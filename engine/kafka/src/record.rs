//! Records on their way out and in, owned.

use bytes::Bytes;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers};

/// A record to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutRecord {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// In order; a name may occur twice.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since 1970, if the record has a time.
    pub timestamp_ms: Option<i64>,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// In order; a header whose name is no UTF-8 reads as U+FFFD without a value.
    pub headers: Vec<(String, Option<Bytes>)>,
}

impl Record {
    pub(crate) fn copy(message: &BorrowedMessage<'_>) -> Self {
        Record {
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers: copy_headers(message),
        }
    }

    /// Bytes that it holds in memory, roughly.
    pub fn size_bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(n, v)| n.len() + v.as_ref().map_or(0, Bytes::len) + 48).sum();
        128 + self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }

    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.as_deref())
    }
}

/// librdkafka's binding panics on a name that is no UTF-8, and anybody may write such a header.
fn copy_headers(message: &BorrowedMessage<'_>) -> Vec<(String, Option<Bytes>)> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let copy = |i: usize| {
        let header = headers.get(i);
        (header.key.to_owned(), header.value.map(Bytes::copy_from_slice))
    };
    (0..headers.count())
        .map(|i| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| copy(i)))
                .unwrap_or_else(|_| (char::REPLACEMENT_CHARACTER.to_string(), None))
        })
        .collect()
}
