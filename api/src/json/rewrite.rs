//! The rare second pass: a text with numbers or surrogates that must change.

use super::number;

/// Copies `text` with every number in Conductor's form and every lone surrogate replaced by U+FFFD, which
/// is what a parser would make of it. Strings and structure stay as they are.
pub(crate) fn rewrite(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string(text, at + 1, &mut copied, &mut out),
            b'-' | b'0'..=b'9' => {
                let end = at + number_length(&bytes[at..]);
                out.push_str(&text[copied..at]);
                out.push_str(&number::canonical(&text[at..end]));
                copied = end;
                at = end;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn number_length(bytes: &[u8]) -> usize {
    let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    bytes.iter().position(|b| !is_part(b)).unwrap_or(bytes.len())
}

/// Walks over a string from its first byte; returns the index after its closing quote.
fn string(text: &str, mut at: usize, copied: &mut usize, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => match escaped_unit(bytes, at) {
                Some(0xD800..=0xDBFF) if matches!(escaped_unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) => {
                    at += 12
                }
                Some(0xD800..=0xDFFF) => {
                    out.push_str(&text[*copied..at]);
                    out.push('\u{FFFD}');
                    at += 6;
                    *copied = at;
                }
                Some(_) => at += 6,
                None => at += 2,
            },
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The UTF-16 unit of a `\uXXXX` at `at`, if there is one.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn numbers_change_and_texts_do_not() {
        let given = r#"{"dec":1.10,"exp":[1e5,-0],"big":123456789012345678901234567890,"text":"1.10 \" 1e5","h":1e400}"#;
        let expected = r#"{"dec":1.1,"exp":[100000.0,0],"big":123456789012345678901234567890,"text":"1.10 \" 1e5","h":"Infinity"}"#;
        assert_eq!(rewrite(given), expected);
    }

    #[test]
    fn lone_surrogates_become_replacement_characters() {
        assert_eq!(
            rewrite(r#"["\ud800","\ud83d\ude00","\udc00x","\ud800\ud83d\ude00"]"#),
            "[\"\u{FFFD}\",\"\\ud83d\\ude00\",\"\u{FFFD}x\",\"\u{FFFD}\\ud83d\\ude00\"]"
        );
        assert_eq!(rewrite(r#"["\\ud800",1]"#), r#"["\\ud800",1]"#);
    }
}
