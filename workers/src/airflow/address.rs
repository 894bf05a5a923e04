//! Addresses of objects: `s3://bucket/key`, `minio://bucket/key`.

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl Address {
    /// Reads an address; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("s3://").or_else(|| text.strip_prefix("minio://"))?;
        let (bucket, key) = rest.split_once('/')?;
        let whole = !bucket.is_empty() && !key.is_empty() && !key.ends_with('/');
        whole.then(|| Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The last part of the key.
    pub(crate) fn file(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn reads_both_schemes() {
        let address = Address::parse("s3://b/conductor-poc/x.jsonl").expect("an address");
        assert_eq!((address.bucket.as_str(), address.file()), ("b", "x.jsonl"));
        assert!(Address::parse("minio://b/k").is_some());
        for none in ["", "b/k", "s3://b", "s3://b/", "s3:///k", "http://b/k", "s3://b/folder/"] {
            assert_eq!(Address::parse(none), None, "{none}");
        }
    }
}
