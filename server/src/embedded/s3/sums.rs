//! The checksums that S3 clients send and ask for.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// Algorithm name, as S3 writes it, to base64 sum.
pub(super) type Sums = BTreeMap<String, String>;

/// Whether a sum is of the object's bytes or of its parts' sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SumKind {
    #[default]
    FullObject,
    Composite,
}

/// Hashes bytes with MD5 (for the ETag) and the algorithms asked for.
pub(super) struct Hashes {
    md5: Md5,
    sums: ChecksumHasher,
}

impl Hashes {
    pub(super) fn new<'a>(algorithms: impl Iterator<Item = &'a str>) -> S3Result<Self> {
        let mut sums = ChecksumHasher::default();
        for name in algorithms {
            match name {
                "CRC32" => sums.crc32 = Some(Crc32::new()),
                "CRC32C" => sums.crc32c = Some(Crc32c::new()),
                "CRC64NVME" => sums.crc64nvme = Some(Crc64Nvme::new()),
                "SHA1" => sums.sha1 = Some(Sha1::new()),
                "SHA256" => sums.sha256 = Some(Sha256::new()),
                other => {
                    return Err(s3_error!(InvalidRequest, "checksum algorithm {other} is not supported"));
                }
            }
        }
        Ok(Self { md5: Md5::new(), sums })
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.sums.update(data);
    }

    /// MD5 and the other sums.
    pub(super) fn finish(self) -> (Vec<u8>, Sums) {
        let c = self.sums.finalize();
        let all = [
            ("CRC32", c.checksum_crc32),
            ("CRC32C", c.checksum_crc32c),
            ("CRC64NVME", c.checksum_crc64nvme),
            ("SHA1", c.checksum_sha1),
            ("SHA256", c.checksum_sha256),
        ];
        let sums = all.into_iter().filter_map(|(name, sum)| Some((name.to_owned(), sum?))).collect();
        (self.md5.finalize().to_vec(), sums)
    }
}

/// Compares what the client said with what came.
pub(super) fn compare(said: &Sums, found: &Sums) -> S3Result<()> {
    for (name, sum) in said {
        if found.get(name) != Some(sum) {
            return Err(s3_error!(BadDigest, "the {name} of the body is not {sum}"));
        }
    }
    Ok(())
}

/// The sum of the parts' sums, for one algorithm that every part has; with "-N" as S3 writes it.
pub(super) fn composite(name: &str, parts: &[&Sums]) -> Option<String> {
    let mut hashes = Hashes::new(std::iter::once(name)).ok()?;
    for part in parts {
        hashes.update(&STANDARD.decode(part.get(name)?).ok()?);
    }
    let (_, sums) = hashes.finish();
    Some(format!("{}-{}", sums.get(name)?, parts.len()))
}

/// Lower-case hex, the form of ETags.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The checksums of a request's input, and the algorithm it names without a sum.
macro_rules! said_sums {
    ($input:expr) => {{
        let mut said = $crate::embedded::s3::sums::Sums::new();
        let all = [
            ("CRC32", &$input.checksum_crc32),
            ("CRC32C", &$input.checksum_crc32c),
            ("CRC64NVME", &$input.checksum_crc64nvme),
            ("SHA1", &$input.checksum_sha1),
            ("SHA256", &$input.checksum_sha256),
        ];
        for (name, sum) in all {
            if let Some(sum) = sum {
                said.insert(name.to_owned(), sum.clone());
            }
        }
        said
    }};
}

/// Writes checksums into an answer.
macro_rules! set_sums {
    ($output:expr, $sums:expr) => {{
        $output.checksum_crc32 = $sums.get("CRC32").cloned();
        $output.checksum_crc32c = $sums.get("CRC32C").cloned();
        $output.checksum_crc64nvme = $sums.get("CRC64NVME").cloned();
        $output.checksum_sha1 = $sums.get("SHA1").cloned();
        $output.checksum_sha256 = $sums.get("SHA256").cloned();
    }};
}

pub(super) use {said_sums, set_sums};
