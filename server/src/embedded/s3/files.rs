//! Objects as files.
//!
//! ```text
//! root/buckets/<bucket>/<2 hex>/<sha-256 of the key>   body, footer (JSON), footer's length (8 bytes), mark
//! root/uploads/<upload id>/upload.json, part-00001 …   an open multipart upload; parts have the same form
//! root/tmp/                                            being written; emptied at start
//! ```
//!
//! The description is in the same file as the body, so the two cannot disagree: a reader that opened the file
//! has both, whatever replaces the name meanwhile. A file gets its name by rename after it was synced.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::index::Index;
use super::sums::{SumKind, Sums, hex};

/// Last bytes of every object file.
const MARK: &[u8; 8] = b"PODIUMO1";

/// What is known of an object besides its bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: String,
    /// Milliseconds since 1970.
    pub(super) modified_ms: u64,
    #[serde(default)]
    pub(super) headers: Headers,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) sums: Sums,
    #[serde(default)]
    pub(super) sum_kind: SumKind,
}

/// The HTTP headers that a writer chose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
}

/// The headers that a request of any kind says; they are taken out of it.
macro_rules! said_headers {
    ($input:expr) => {
        $crate::embedded::s3::files::Headers {
            content_type: $input.content_type,
            content_encoding: $input.content_encoding,
            content_disposition: $input.content_disposition,
            content_language: $input.content_language,
            cache_control: $input.cache_control,
        }
    };
}

pub(super) use said_headers;

impl Meta {
    pub(super) fn modified(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.modified_ms)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0))
}

/// All buckets.
pub(super) struct Files {
    root: PathBuf,
    /// Kept locked while we run: each process keeps its own index, so two would not see each other's objects.
    _lock: File,
    drafts: AtomicU64,
    buckets: RwLock<BTreeMap<String, Arc<Bucket>>>,
}

/// One bucket: its directory and its keys.
pub(super) struct Bucket {
    dir: PathBuf,
    pub(super) created: SystemTime,
    /// Held while a name is given or taken, so that index and directory change together.
    pub(super) index: Mutex<Index>,
}

/// A file being written, without a name yet. Dropped, it is removed.
pub(super) struct Draft {
    path: PathBuf,
    file: Option<io::BufWriter<File>>,
    size: u64,
}

/// Why a name could not be given.
pub(super) enum PublishError {
    Io(io::Error),
    /// The caller's condition on the present object does not hold.
    Condition,
}

impl Files {
    /// Opens or makes the store; reads every object's description.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"))?;
        lock.try_lock()
            .map_err(|e| io::Error::other(format!("another store uses {}: {e}", root.display())))?;
        let tmp = root.join("tmp");
        if tmp.exists() {
            fs::remove_dir_all(&tmp)?;
        }
        for dir in ["tmp", "uploads", "buckets"] {
            fs::create_dir_all(root.join(dir))?;
        }
        let mut buckets = BTreeMap::new();
        for entry in fs::read_dir(root.join("buckets"))? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                buckets.insert(name, Arc::new(Bucket::open(entry.path())?));
            }
        }
        Ok(Self {
            root: root.to_owned(),
            _lock: lock,
            drafts: AtomicU64::new(0),
            buckets: RwLock::new(buckets),
        })
    }

    pub(super) fn bucket(&self, name: &str) -> Option<Arc<Bucket>> {
        self.buckets.read().get(name).cloned()
    }

    pub(super) fn buckets(&self) -> Vec<(String, SystemTime)> {
        self.buckets.read().iter().map(|(n, b)| (n.clone(), b.created)).collect()
    }

    /// Makes a bucket; `false` if it is there.
    pub(super) fn create_bucket(&self, name: &str) -> io::Result<bool> {
        let mut buckets = self.buckets.write();
        if buckets.contains_key(name) {
            return Ok(false);
        }
        let dir = self.root.join("buckets").join(name);
        fs::create_dir_all(&dir)?;
        sync_dir(&self.root.join("buckets"))?;
        buckets.insert(name.to_owned(), Arc::new(Bucket::open(dir)?));
        Ok(true)
    }

    /// Removes an empty bucket; `false` if it holds objects.
    pub(super) fn delete_bucket(&self, name: &str) -> io::Result<bool> {
        let mut buckets = self.buckets.write();
        let Some(bucket) = buckets.get(name).cloned() else { return Ok(true) };
        let index = bucket.index.lock();
        if !index.is_empty() {
            return Ok(false);
        }
        fs::remove_dir_all(&bucket.dir)?;
        sync_dir(&self.root.join("buckets"))?;
        buckets.remove(name);
        Ok(true)
    }

    pub(super) fn draft(&self) -> io::Result<Draft> {
        let name = format!("{:x}-{:x}", std::process::id(), self.drafts.fetch_add(1, Ordering::Relaxed));
        let path = self.root.join("tmp").join(name);
        let file = io::BufWriter::with_capacity(256 * 1024, File::create_new(&path)?);
        Ok(Draft { path, file: Some(file), size: 0 })
    }

    pub(super) fn upload_dir(&self, id: &str) -> Option<PathBuf> {
        // ids are ours and hex; anything else must not reach the file system
        let known = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        known.then(|| self.root.join("uploads").join(id))
    }

    pub(super) fn uploads_root(&self) -> PathBuf {
        self.root.join("uploads")
    }
}

impl Bucket {
    fn open(dir: PathBuf) -> io::Result<Self> {
        let created = fs::metadata(&dir)?.modified().unwrap_or_else(|_| SystemTime::now());
        let mut index = Index::new();
        for shard in fs::read_dir(&dir)? {
            for entry in fs::read_dir(shard?.path())? {
                let path = entry?.path();
                match File::open(&path).and_then(|f| read_meta(&f)) {
                    Ok(meta) => drop(index.insert(meta.key.clone(), Arc::new(meta))),
                    Err(error) => {
                        warn!(path = %path.display(), %error, "passing over a file that is no object")
                    }
                }
            }
        }
        Ok(Self { dir, created, index: Mutex::new(index) })
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = hex(&Sha256::digest(key.as_bytes()));
        self.dir.join(&name[..2]).join(name)
    }

    /// Opens an object: the file and its own description; `None` if there is none.
    pub(super) fn open_object(&self, key: &str) -> io::Result<Option<(File, Meta)>> {
        match File::open(self.path(key)) {
            Ok(file) => read_meta(&file).map(|meta| Some((file, meta))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Gives a finished draft its name, if `allowed` says so of what has it now. Durable when it returns.
    pub(super) fn publish(
        &self,
        draft: Draft,
        meta: Meta,
        allowed: impl FnOnce(Option<&Meta>) -> bool,
    ) -> Result<Arc<Meta>, PublishError> {
        let path = self.path(&meta.key);
        let dir = path.parent().expect("an object lives in a directory").to_owned();
        let meta = Arc::new(meta);
        if !dir.exists() {
            fs::create_dir_all(&dir)?;
            sync_dir(&self.dir)?;
        }
        {
            let mut index = self.index.lock();
            if !allowed(index.get(&meta.key).map(Arc::as_ref)) {
                return Err(PublishError::Condition);
            }
            draft.rename(&path)?;
            index.insert(meta.key.clone(), Arc::clone(&meta));
        }
        sync_dir(&dir)?;
        Ok(meta)
    }

    /// Removes an object; one that is not there is removed already. Durable when it returns.
    pub(super) fn delete(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        {
            let mut index = self.index.lock();
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(e),
            }
            index.remove(key);
        }
        sync_dir(path.parent().expect("an object lives in a directory"))
    }
}

impl Draft {
    pub(super) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.size += data.len() as u64;
        self.file.as_mut().expect("a draft is open until it is sealed").write_all(data)
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds the description and syncs the file: after this, only the name is missing.
    pub(super) fn seal(&mut self, meta: &Meta) -> io::Result<()> {
        let mut file = self.file.take().expect("a draft is sealed once");
        let footer = serde_json::to_vec(meta)?;
        file.write_all(&footer)?;
        file.write_all(&(footer.len() as u64).to_be_bytes())?;
        file.write_all(MARK)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
    }

    /// Moves the sealed file to its place.
    pub(super) fn rename(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)
        // `Drop` then finds nothing to remove
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!(path = %self.path.display(), %error, "could not remove an unfinished object"),
        }
    }
}

impl From<io::Error> for PublishError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the description at the end of an object file.
pub(super) fn read_meta(file: &File) -> io::Result<Meta> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let length = file.metadata()?.len();
    let tail_at = length.checked_sub(16).ok_or_else(|| broken("shorter than a footer"))?;
    let mut tail = [0u8; 16];
    file.read_exact_at(&mut tail, tail_at)?;
    let (size, mark) = tail.split_at(8);
    if mark != MARK {
        return Err(broken("the mark at the end is missing"));
    }
    let footer = u64::from_be_bytes(size.try_into().expect("split at 8"));
    let at = tail_at.checked_sub(footer).ok_or_else(|| broken("the footer is longer than the file"))?;
    let mut text = vec![0u8; usize::try_from(footer).map_err(|_| broken("the footer is too long"))?];
    file.read_exact_at(&mut text, at)?;
    let meta: Meta = serde_json::from_slice(&text)?;
    if meta.size == at { Ok(meta) } else { Err(broken("body and description differ in size")) }
}

/// Makes names given or taken in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
