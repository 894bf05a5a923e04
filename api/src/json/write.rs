//! Writes JSON members straight into a buffer: the answers of the hot routes are put together by hand from
//! texts that exist already.

use podium_core::Timestamp;

/// A JSON object that is being written. Members with no value are left out, as the wire wants it.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Object<'a> {
    /// Opens an object whose first member is the text `key`.
    pub(crate) fn begin(out: &'a mut Vec<u8>, key: &str, value: &str) -> Self {
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        write_text(out, value);
        Object { out }
    }

    /// Makes room for about so many more bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// Members that are ready as they are, with a comma in front.
    pub(crate) fn verbatim(&mut self, members: &str) {
        self.out.extend_from_slice(members.as_bytes());
    }

    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A member whose value is JSON text already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_text(self.out, value);
    }

    pub(crate) fn text_if(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// An id in its hyphened form.
    pub(crate) fn id(&mut self, key: &str, id: uuid::Uuid) {
        self.key(key);
        self.out.push(b'"');
        let mut buffer = [0_u8; uuid::fmt::Hyphenated::LENGTH];
        self.out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
        self.out.push(b'"');
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        write_int(self.out, value);
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// Milliseconds since 1970; 0 for an instant that has not come.
    pub(crate) fn instant(&mut self, key: &str, at: Option<Timestamp>) {
        self.int(key, at.map_or(0, Timestamp::as_millis));
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &str, values: &[String]) {
        self.list(key, values, |out, value| write_text(out, value));
    }

    pub(crate) fn list<T>(&mut self, key: &str, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
        self.key(key);
        write_list(self.out, items, &mut write);
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// A JSON list of what `write` makes of each item.
pub(crate) fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(&mut *out, text).expect("writing into memory cannot fail");
}

pub(crate) fn write_int(out: &mut Vec<u8>, value: i64) {
    serde_json::to_writer(&mut *out, &value).expect("writing into memory cannot fail");
}
