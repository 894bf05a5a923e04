//! SHA-256 of a whole object, or of its parts and then of their hashes.
//!
//! An object of one request carries its SHA-256 as metadata. For one of several parts the hash is not known
//! when the metadata is sent, so there the store's own composite checksum is compared: the hash of the
//! parts' hashes, which a reader can repeat because the part size is written down.

use sha2::{Digest, Sha256};

/// Metadata key of the SHA-256 (hex) of an object of one request.
pub(crate) const META_SHA256: &str = "podium-sha256";
/// Metadata key of the part size in bytes of an object of several parts.
pub(crate) const META_PART_BYTES: &str = "podium-part-bytes";
/// Metadata key that names one write, so that a repeated completion can tell its own success.
pub(crate) const META_WRITE: &str = "podium-write";

/// What a reader expects at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing but the length is known.
    Nothing,
    /// SHA-256 of all bytes, hex.
    Whole(String),
    /// Base64 of the SHA-256 of the parts' SHA-256, and the parts' size.
    Composite { sum: String, part_bytes: u64 },
}

/// Hashes a stream and compares it with what was expected.
pub(crate) struct Verifier {
    expected: Expected,
    whole: Sha256,
    part: Sha256,
    in_part: u64,
}

impl Verifier {
    pub(crate) fn new(expected: Expected) -> Self {
        Self { expected, whole: Sha256::new(), part: Sha256::new(), in_part: 0 }
    }

    pub(crate) fn update(&mut self, mut data: &[u8]) {
        match self.expected {
            Expected::Nothing => {}
            Expected::Whole(_) => self.whole.update(data),
            Expected::Composite { part_bytes, .. } => {
                while !data.is_empty() {
                    let room = usize::try_from(part_bytes - self.in_part).unwrap_or(usize::MAX);
                    let (now, rest) = data.split_at(room.min(data.len()));
                    self.part.update(now);
                    self.in_part += now.len() as u64;
                    data = rest;
                    if self.in_part == part_bytes {
                        self.close_part();
                    }
                }
            }
        }
    }

    fn close_part(&mut self) {
        let part = std::mem::take(&mut self.part).finalize();
        self.whole.update(part);
        self.in_part = 0;
    }

    /// Says what differs, if anything does.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        if self.in_part > 0 {
            self.close_part();
        }
        let found = self.whole.finalize();
        let (wanted, found) = match self.expected {
            Expected::Nothing => return Ok(()),
            Expected::Whole(sum) => (sum, hex(&found)),
            Expected::Composite { sum, .. } => (sum, base64(&found)),
        };
        if wanted == found {
            Ok(())
        } else {
            Err(format!("its SHA-256 is {found}, but {wanted} was written"))
        }
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Standard base64 with padding: the form of S3's checksum headers.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, b| (w << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Expected, Verifier, base64, hex};
    use sha2::{Digest, Sha256};

    #[test]
    fn base64_pads_as_the_standard_says() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn composite_does_not_depend_on_how_the_bytes_arrive() {
        let data: Vec<u8> = (0..1000u32).map(|i| (i % 251) as u8).collect();
        let mut hashes = Sha256::new();
        for part in data.chunks(64) {
            hashes.update(Sha256::digest(part));
        }
        let sum = base64(&hashes.finalize());
        for step in [1, 7, 63, 64, 65, 999] {
            let mut v = Verifier::new(Expected::Composite { sum: sum.clone(), part_bytes: 64 });
            data.chunks(step).for_each(|c| v.update(c));
            v.finish().expect("same bytes, same sum");
        }
    }

    #[test]
    fn a_changed_byte_is_seen() {
        let mut v = Verifier::new(Expected::Whole(hex(&Sha256::digest(b"abc"))));
        v.update(b"abd");
        assert!(v.finish().is_err());
    }
}
