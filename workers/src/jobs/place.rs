//! Where a job reads and writes: an object or a file.

use std::fmt;
use std::path::{Path, PathBuf};

use podium_objects::{ObjectReader, ObjectStore, ObjectWriter, PutOptions};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{JobError, RULES};

/// Metadata is a page or two; this much is a mistake.
const LARGEST_METADATA: u64 = 4 * 1024 * 1024;
/// Read from a file at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// The stores that places may be in; one server may be both.
#[derive(Clone)]
pub struct Stores {
    /// Of `s3://` places.
    pub s3: ObjectStore,
    /// Of `minio://` places.
    pub minio: ObjectStore,
}

/// Which store an object is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    S3,
    Minio,
}

/// An object or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Object { scheme: Scheme, bucket: String, key: String },
    File(PathBuf),
}

impl Place {
    /// Reads `s3://bucket/key`, `minio://bucket/key`, or the path of a file.
    ///
    /// # Errors
    /// A scheme that is neither, or a bucket or key that is empty or climbs (`..`).
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.is_empty() {
                true => Err("an empty text names no place".to_owned()),
                false => Ok(Self::File(PathBuf::from(text))),
            };
        };
        let scheme = match scheme {
            "s3" => Scheme::S3,
            "minio" => Scheme::Minio,
            other => {
                return Err(format!(
                    "{text:?} begins with {other:?}; s3://bucket/key or minio://bucket/key is expected"
                ));
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let climbs = key.split('/').any(|part| matches!(part, "." | ".." | ""));
        if bucket.is_empty() || key.is_empty() || climbs || key.contains(['\\', '\0']) {
            return Err(format!("{text:?} names no object: s3://bucket/key without \"..\" is expected"));
        }
        Ok(Self::Object { scheme, bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { scheme: Scheme::S3, bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Object { scheme: Scheme::Minio, bucket, key } => write!(f, "minio://{bucket}/{key}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A place that is being read.
pub(super) enum Source {
    Object(Box<ObjectReader>),
    File { file: File, place: String, buffer: Vec<u8> },
}

impl Source {
    pub(super) async fn open(stores: Option<&Stores>, place: &Place) -> Result<Self, JobError> {
        match place {
            Place::Object { scheme, bucket, key } => {
                Ok(Self::Object(Box::new(store(stores, *scheme, place)?.get(bucket, key).await?)))
            }
            Place::File(path) => {
                let file = File::open(path).await.map_err(failed(path))?;
                Ok(Self::File { file, place: place.to_string(), buffer: vec![0; CHUNK_BYTES] })
            }
        }
    }

    /// Appends the next bytes to `into`; `false` at the end.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> Result<bool, JobError> {
        match self {
            Self::Object(reader) => Ok(match reader.next_chunk().await? {
                Some(chunk) => {
                    into.extend_from_slice(&chunk);
                    true
                }
                None => false,
            }),
            Self::File { file, place, buffer } => {
                let read = file.read(buffer).await;
                let read = read.map_err(|source| JobError::File { place: place.clone(), source })?;
                into.extend_from_slice(&buffer[..read]);
                Ok(read > 0)
            }
        }
    }
}

/// A place that is being written. Nothing is visible there before [`Sink::finish`]; what is there stays until then.
pub(super) enum Sink {
    Object(Box<ObjectWriter>),
    File { file: File, unfinished: PathBuf, path: PathBuf },
}

impl Sink {
    pub(super) async fn create(
        stores: Option<&Stores>,
        place: &Place,
        content_type: &str,
    ) -> Result<Self, JobError> {
        match place {
            Place::Object { scheme, bucket, key } => {
                let store = store(stores, *scheme, place)?;
                store.ensure_bucket(bucket).await?;
                let mut options = PutOptions::of_type(content_type);
                options.metadata.insert("rules".to_owned(), RULES.to_owned());
                Ok(Self::Object(Box::new(store.put(bucket, key, options))))
            }
            Place::File(path) => {
                // beside the goal, because only within one file system a rename is one step
                let mut unfinished = path.clone().into_os_string();
                unfinished.push(format!(".{}.unfinished", std::process::id()));
                let unfinished = PathBuf::from(unfinished);
                let file = File::create(&unfinished).await.map_err(failed(&unfinished))?;
                Ok(Self::File { file, unfinished, path: path.clone() })
            }
        }
    }

    pub(super) async fn write(&mut self, data: &[u8]) -> Result<(), JobError> {
        match self {
            Self::Object(writer) => Ok(writer.write(data).await?),
            Self::File { file, unfinished, .. } => file.write_all(data).await.map_err(failed(unfinished)),
        }
    }

    /// Makes it visible if the work on it went well, else leaves what was there before.
    pub(super) async fn end<T>(self, done: Result<T, JobError>) -> Result<T, JobError> {
        match done {
            Ok(done) => {
                self.finish().await?;
                Ok(done)
            }
            Err(error) => {
                self.abandon().await;
                Err(error)
            }
        }
    }

    async fn finish(self) -> Result<(), JobError> {
        match self {
            Self::Object(writer) => {
                writer.finish().await?;
            }
            Self::File { file, unfinished, path } => {
                file.sync_all().await.map_err(failed(&unfinished))?;
                tokio::fs::rename(&unfinished, &path).await.map_err(failed(&path))?;
            }
        }
        Ok(())
    }

    async fn abandon(self) {
        match self {
            // the writer removes what it sent
            Self::Object(writer) => drop(writer),
            // what cannot be removed is overwritten by the next try
            Self::File { unfinished, .. } => drop(tokio::fs::remove_file(unfinished).await),
        }
    }
}

/// A small text as a whole.
pub(super) async fn read_whole(stores: Option<&Stores>, place: &Place) -> Result<String, JobError> {
    let bytes = match place {
        Place::Object { scheme, bucket, key } => {
            store(stores, *scheme, place)?.get_bytes(bucket, key, LARGEST_METADATA).await?.to_vec()
        }
        Place::File(path) => {
            let mut bytes = Vec::new();
            let file = File::open(path).await.map_err(failed(path))?;
            file.take(LARGEST_METADATA + 1).read_to_end(&mut bytes).await.map_err(failed(path))?;
            bytes
        }
    };
    let refused = |reason: String| JobError::Metadata { place: place.to_string(), reason };
    if bytes.len() as u64 > LARGEST_METADATA {
        return Err(refused(format!("it is larger than {LARGEST_METADATA} bytes, and no metadata is")));
    }
    String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))
}

/// A small text as a whole, atomically.
pub(super) async fn write_whole(
    stores: Option<&Stores>,
    place: &Place,
    content_type: &str,
    text: &str,
) -> Result<(), JobError> {
    let mut sink = Sink::create(stores, place, content_type).await?;
    sink.write(text.as_bytes()).await?;
    sink.finish().await
}

fn store<'a>(stores: Option<&'a Stores>, scheme: Scheme, place: &Place) -> Result<&'a ObjectStore, JobError> {
    let stores = stores.ok_or_else(|| JobError::Metadata {
        place: place.to_string(),
        reason: "it is an object and no S3 store is configured: set s3.endpoint (S3_ENDPOINT)".to_owned(),
    })?;
    Ok(match scheme {
        Scheme::S3 => &stores.s3,
        Scheme::Minio => &stores.minio,
    })
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> JobError {
    move |source| JobError::File { place: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::{Place, Scheme};

    #[test]
    fn names_objects_and_files() {
        let object = |scheme, key: &str| Place::Object { scheme, bucket: "b".into(), key: key.into() };
        assert_eq!(Place::parse("s3://b/runs/x.in"), Ok(object(Scheme::S3, "runs/x.in")));
        assert_eq!(Place::parse("minio://b/k"), Ok(object(Scheme::Minio, "k")));
        assert_eq!(Place::parse("a/b.in"), Ok(Place::File("a/b.in".into())));
        for bad in
            ["", "s3://", "s3://b", "s3://b/", "s3://b/../c", "s3://b/x//y", "file:///etc/passwd", "s3:///k"]
        {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }
}
