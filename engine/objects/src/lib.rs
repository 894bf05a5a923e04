//! The one S3 client of the project.
//!
//! Streams in both directions with bounded memory, makes an object visible only when it is whole, and
//! checks what it reads against what was written. Knows buckets, keys and bytes; no rule of the product.
//!
//! ```text
//! get ──> ObjectReader  (chunks; length and SHA-256 checked at the end)
//! put ──> one request up to 8 MiB, else ObjectWriter: parts of 8 MiB, visible at finish()
//! ```
//!
//! Region and keys are always given by the caller: nothing here looks at the machine's AWS files or asks a
//! metadata address.

mod checksum;
mod error;
mod reader;
mod store;
mod writer;

pub use error::ObjectError;
pub use reader::ObjectReader;
pub use store::{ObjectInfo, ObjectStore, S3Settings};
pub use writer::{ObjectWriter, PART_BYTES, PutOptions, Written};
