//! How large Java's client takes a record to be, because its limit and its text count that size.

use podium_core::Outgoing;

/// Java's `max.request.size`.
pub(super) const MAX_REQUEST_BYTES: usize = 1_048_576;
/// Header of a batch with one record, and the upper bound of a record's own fields (message format 2).
const BATCH_OVERHEAD: usize = 61;
const RECORD_OVERHEAD: usize = 21;

/// Upper bound of the bytes of a batch with this record alone. Headers that Podium adds are not the user's and
/// do not count; they fit the client's own limit beside the largest record.
pub(super) fn estimate(body: &Outgoing) -> usize {
    let key = body.key.as_ref().map_or(1, |k| with_length(k.len()));
    let users: Vec<_> = body.headers.iter().filter(|(name, _)| !name.starts_with("podium-")).collect();
    let headers: usize =
        users.iter().map(|(name, value)| with_length(name.len()) + with_length(value.len())).sum();
    BATCH_OVERHEAD + RECORD_OVERHEAD + key + with_length(body.value.len()) + varint(users.len()) + headers
}

fn with_length(len: usize) -> usize {
    varint(len) + len
}

/// Bytes of a zigzag varint.
fn varint(n: usize) -> usize {
    let bits = usize::BITS - (n << 1).leading_zeros();
    bits.max(1).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_the_recorded_one() {
        // recorded from a genuine Conductor: a value of 1,100,000 characters in quotes, key "null", no headers
        let body = Outgoing {
            task: 1,
            cluster: None,
            topic: "t".to_owned(),
            key: Some(b"null".to_vec()),
            value: vec![b'x'; 1_100_002],
            headers: vec![("podium-event-id".to_owned(), vec![0; 36])],
            max_block_ms: None,
        };
        assert_eq!(estimate(&body), 1_100_094);
        assert_eq!((varint(0), varint(63), varint(64), varint(8_191), varint(8_192)), (1, 1, 2, 2, 3));
    }
}
