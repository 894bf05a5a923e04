//! One pass over a JSON text that finds what must be refused or rewritten. It checks no grammar: that is
//! the parser's business, before or after.

/// What [`scan`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Deepest nesting of objects and lists.
    pub(crate) depth: usize,
    /// A number that is not a plain integer, or an escaped surrogate: the text may need a rewrite.
    pub(crate) unusual: bool,
    /// The character U+0000, which PostgreSQL cannot keep.
    pub(crate) nul: bool,
}

/// Looks at every byte once.
pub(crate) fn scan(text: &str) -> Facts {
    let bytes = text.as_bytes();
    let mut facts = Facts::default();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = after_string(bytes, at, &mut facts),
            b'{' | b'[' => {
                depth += 1;
                facts.depth = facts.depth.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => at = after_number(bytes, at - 1, &mut facts),
            0 => facts.nul = true,
            _ => {}
        }
    }
    facts
}

/// The index after the closing quote of the string whose first byte is at `at`.
fn after_string(bytes: &[u8], mut at: usize, facts: &mut Facts) -> usize {
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' => {
                if bytes.get(at) == Some(&b'u') {
                    match bytes.get(at + 1..at + 5) {
                        Some(b"0000") => facts.nul = true,
                        Some([b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]) => {
                            facts.unusual = true
                        }
                        Some(_) | None => {}
                    }
                }
                at += 1;
            }
            _ => {}
        }
    }
    at
}

/// The index after the number that begins at `start`.
fn after_number(bytes: &[u8], start: usize, facts: &mut Facts) -> usize {
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' | b'-' | b'+' => {}
            b'.' | b'e' | b'E' => facts.unusual = true,
            _ => break,
        }
        at += 1;
    }
    if bytes.get(start..at) == Some(b"-0") {
        facts.unusual = true;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_texts_are_ordinary() {
        let facts = scan(r#"{"a":[1,-2,{"b":"1.5 \" \\ \u00e9"}],"c":null}"#);
        assert_eq!(facts, Facts { depth: 3, unusual: false, nul: false });
    }

    #[test]
    fn what_needs_care_is_seen() {
        for text in [r#"{"a":1.0}"#, r#"{"a":1e5}"#, r#"{"a":-0}"#, r#"{"a":"\ud800"}"#, r#"{"a":"\uDC00"}"#]
        {
            assert!(scan(text).unusual, "{text}");
        }
        assert!(scan(r#"{"a":"\u0000"}"#).nul);
        assert!(!scan(r#"{"a":"\\u0000"}"#).nul);
        assert!(!scan(r#"{"a":"-0 1.5","b":-10}"#).unusual);
    }
}
