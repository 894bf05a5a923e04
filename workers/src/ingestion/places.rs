//! Where things lie: addresses of objects, names that people give, the folder of a deployment.
//!
//! ```text
//! <bucket>/<prefix>/<task>.json                         metadata as the older components read it: one for all workflows
//! <bucket>/<prefix>/runs/<workflow id>/<task>.json      the same, of one workflow
//!                                      <file>.in        the input, copied from the people's store
//!                                      <file>.out       of the first service; the next ones: <file>.<task>.out
//!                                      report/<task>.counts.txt
//! ```

use std::fmt;

/// Longest name of a file or of a folder, in bytes: what S3 allows for a whole key leaves room for some of them.
const LONGEST_NAME: usize = 255;
/// Folders in a key.
const DEEPEST: usize = 16;

/// Which of the two stores an address means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// People's files.
    Minio,
    /// What Airflow reads and writes.
    S3,
}

/// An address of an object, as `minio://bucket/key` or `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) scheme: Scheme,
    pub(crate) bucket: String,
    pub(crate) key: String,
}

/// Why a name or an address is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAPlace {
    #[error("{0:?} is no address of an object: write minio://bucket/key or s3://bucket/key")]
    Address(String),
    #[error("{name:?} is no name of a {what}: {why}")]
    Name { what: &'static str, name: String, why: &'static str },
}

impl Place {
    pub(crate) fn new(scheme: Scheme, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { scheme, bucket: bucket.into(), key: key.into() }
    }

    /// Reads an address. Keys that would lead out of a folder when somebody unpacks them are refused.
    pub(crate) fn parse(text: &str) -> Result<Self, NotAPlace> {
        let (scheme, rest) = match (text.strip_prefix("minio://"), text.strip_prefix("s3://")) {
            (Some(rest), _) => (Scheme::Minio, rest),
            (_, Some(rest)) => (Scheme::S3, rest),
            _ => return Err(NotAPlace::Address(text.to_owned())),
        };
        let (bucket, key) = rest.split_once('/').ok_or_else(|| NotAPlace::Address(text.to_owned()))?;
        check_bucket(bucket)?;
        check_key(key)?;
        Ok(Self::new(scheme, bucket, key))
    }

    /// The last part of the key.
    pub(crate) fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Minio => "minio",
            Scheme::S3 => "s3",
        };
        write!(f, "{scheme}://{}/{}", self.bucket, self.key)
    }
}

/// Takes a bucket's name by S3's own rule.
pub(crate) fn check_bucket(name: &str) -> Result<(), NotAPlace> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let ends_well = !name.starts_with(['-', '.']) && !name.ends_with(['-', '.']);
    if (3..=63).contains(&name.len()) && name.chars().all(good) && ends_well && !name.contains("..") {
        return Ok(());
    }
    let why = "3 to 63 lower-case letters, digits, hyphens and dots";
    Err(NotAPlace::Name { what: "bucket", name: name.to_owned(), why })
}

/// Takes a key whose every part is a name.
pub(crate) fn check_key(key: &str) -> Result<(), NotAPlace> {
    if key.split('/').count() > DEEPEST || key.len() > 1024 {
        let why = "at most 16 folders and 1,024 bytes";
        return Err(NotAPlace::Name { what: "key", name: key.chars().take(80).collect(), why });
    }
    key.split('/').try_for_each(|part| check_name("file", part))
}

/// Takes a name that means the same file on every system that may once unpack or save it.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), NotAPlace> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST_NAME {
        "it is longer than 255 bytes"
    } else if name == "." || name == ".." {
        "it means a folder"
    } else if name.contains(['/', '\\']) {
        "it holds a path"
    } else if name.chars().any(char::is_control) {
        "it holds control characters"
    } else if name.trim() != name {
        "it begins or ends with white space"
    } else {
        return Ok(());
    };
    Err(NotAPlace::Name { what, name: name.chars().take(80).collect(), why })
}

/// Where the files of one deployment lie on the store that Airflow reads.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    bucket: String,
    prefix: String,
    label: String,
}

impl Folder {
    /// `label` is the workflow's instance id.
    pub(crate) fn new(bucket: &str, prefix: &str, label: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            label: label.to_owned(),
        }
    }

    fn key(&self, rest: &str) -> Place {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        Place::new(Scheme::S3, &self.bucket, format!("{}{slash}{rest}", self.prefix))
    }

    /// A metadata file that all workflows share.
    pub(crate) fn shared(&self, file: &str) -> Place {
        self.key(file)
    }

    /// A file of this deployment.
    pub(crate) fn own(&self, file: &str) -> Place {
        self.key(&format!("runs/{}/{file}", self.label))
    }

    /// Where the counts of a service go: named by its metadata file up to the first dot.
    pub(crate) fn report(&self, metadata_file: &str) -> Place {
        let base = metadata_file.split('.').next().unwrap_or(metadata_file);
        self.own(&format!("report/{base}.counts.txt"))
    }
}

/// The name of a service's output beside its input. The second service and later ones carry the task's name: with the
/// input's alone they would write over what they read.
pub(crate) fn output_name(input: &str, task: &str, is_first: bool) -> String {
    let stem = input.strip_suffix(".in").or_else(|| input.rsplit_once('.').map(|(stem, _)| stem));
    let stem = stem.filter(|stem| !stem.is_empty()).unwrap_or(input);
    let plain = format!("{stem}.out");
    if is_first && plain != input { plain } else { format!("{stem}.{task}.out") }
}

#[cfg(test)]
mod tests {
    use super::{Folder, Place, Scheme, check_name, output_name};

    #[test]
    fn addresses_read_as_they_are_written() {
        for text in ["minio://raw-data/first_10_entries.in", "s3://bucket/a/b c/d.in"] {
            assert_eq!(Place::parse(text).expect("an address").to_string(), text);
        }
        let place = Place::parse("s3://bucket/a/b.in").expect("an address");
        assert_eq!(
            (place.scheme, &*place.bucket, &*place.key, place.file_name()),
            (Scheme::S3, "bucket", "a/b.in", "b.in")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "raw-data/x",
            "http://raw-data/x",
            "minio://raw-data",
            "minio://raw-data/",
            "minio:///x",
            "minio://RAW/x",
            "minio://raw-data/../x",
            "minio://raw-data/a//b",
            "minio://raw-data/a\\b",
            "minio://raw..data/x",
            "s3://bucket/a\nb",
        ] {
            assert!(Place::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_with_tricks_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "C:\\x", "a\0b", " a", "a\u{7f}", &"x".repeat(256)]
        {
            assert!(check_name("file", name).is_err(), "{name:?}");
        }
        for name in ["a.in", "..a", "Müller.csv", "a b.csv", "C:x"] {
            assert!(check_name("file", name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn the_folder_is_the_documented_one() {
        let folder = Folder::new("company", "conductor-poc", "0d9c");
        assert_eq!(
            folder.shared("dp_name_parse.json").to_string(),
            "s3://company/conductor-poc/dp_name_parse.json"
        );
        assert_eq!(folder.own("x.in").key, "conductor-poc/runs/0d9c/x.in");
        assert_eq!(
            folder.report("1000861509.WBNameParse.json").key,
            "conductor-poc/runs/0d9c/report/1000861509.counts.txt"
        );
        assert_eq!(Folder::new("b", "", "w").own("x").key, "runs/w/x");
    }

    #[test]
    fn no_service_writes_over_its_input() {
        assert_eq!(output_name("first_10_entries.in", "dp_email_hygiene", true), "first_10_entries.out");
        assert_eq!(
            output_name("first_10_entries.out", "dp_name_parse", false),
            "first_10_entries.dp_name_parse.out"
        );
        assert_eq!(output_name("x.out", "t", true), "x.t.out");
        assert_eq!(output_name("x", "t", true), "x.out");
        assert_eq!(output_name("a.csv", "t", true), "a.out");
    }
}
