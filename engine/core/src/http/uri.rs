//! The address of a call as it goes out.
//!
//! What a definition writes is encoded, whatever it looks like: `%20` becomes `%2520`, a blank `%20` (scenario s170v).
//! Each part keeps the characters that RFC 3986 allows in it; in a query `&`, the first `=` of a pair and `+` stay.

/// The parts of an address, by the pattern of RFC 3986, appendix B.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

/// The encoded address, without its fragment.
///
/// # Errors
/// `{x}` is a variable, and there are none: the reason in the words of the client.
pub(super) fn encode(given: &str) -> Result<String, String> {
    if let Some(name) = variable(given) {
        return Err(format!(
            "java.lang.IllegalArgumentException: Not enough variable values available to expand '{name}'"
        ));
    }
    let Parts { scheme, authority, path, query } = split(given);
    let mut out = String::with_capacity(given.len() + 16);
    if let Some(scheme) = scheme {
        out.push_str(scheme);
        out.push(':');
    }
    if let Some(authority) = authority {
        out.push_str("//");
        out.push_str(authority);
    }
    if authority.is_none() && !path.is_empty() && !path.starts_with('/') {
        // as the client shows an address that names no host
        out.push('/');
    }
    escape(&mut out, path, |c| is_path(c) || c == b'/');
    if let Some(query) = query {
        out.push('?');
        for (at, pair) in query.split('&').enumerate() {
            if at > 0 {
                out.push('&');
            }
            let (name, value) =
                pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            escape(&mut out, name, is_query);
            if let Some(value) = value {
                out.push('=');
                escape(&mut out, value, is_query);
            }
        }
    }
    Ok(out)
}

/// Without the query: as reasons show an address.
pub(super) fn shown(encoded: &str) -> &str {
    encoded.split('?').next().unwrap_or_default()
}

/// `http://host:port`, or what there is of it.
pub(super) fn origin(encoded: &str) -> &str {
    let Some((scheme, rest)) = encoded.split_once("://") else { return encoded };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    &encoded[..scheme.len() + 3 + end]
}

fn split(given: &str) -> Parts<'_> {
    let given = given.split('#').next().unwrap_or_default();
    let (rest, query) = given.split_once('?').map_or((given, None), |(rest, query)| (rest, Some(query)));
    let is_scheme = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, rest),
    };
    Parts { scheme, authority, path, query }
}

/// The first `{name}`, up to a colon in it.
fn variable(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let inside = &text[open + 1..];
        // at least one character, and none of them a slash
        let first = inside.chars().next()?;
        let close = inside[first.len_utf8()..].find(['}', '/']).map(|at| at + first.len_utf8());
        if let Some(close) = close.filter(|at| first != '/' && inside[*at..].starts_with('}')) {
            let name = &inside[..close];
            return Some(name.split(':').next().unwrap_or(name));
        }
        from = open + 1;
    }
    None
}

fn is_path(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&c)
}

fn is_query(c: u8) -> bool {
    (is_path(c) && c != b'=' && c != b'&') || c == b'/' || c == b'?'
}

fn escape(out: &mut String, text: &str, stays: impl Fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if stays(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{encode, origin, shown};

    #[test]
    fn everything_is_encoded_once_more() {
        for (given, sent) in [
            ("http://h:1/echo?x=a%20b&y=%7B%7D", "http://h:1/echo?x=a%2520b&y=%257B%257D"),
            ("http://h/echo?x=a b&y=ä", "http://h/echo?x=a%20b&y=%C3%A4"),
            ("http://h/echo?x=a+b&y=1/2:3,4", "http://h/echo?x=a+b&y=1/2:3,4"),
            ("http://h/echo?x=[1]&y=\"q\"|", "http://h/echo?x=%5B1%5D&y=%22q%22%7C"),
            ("http://h/a b/c?t=x=y==&e=&n#frag", "http://h/a%20b/c?t=x%3Dy%3D%3D&e=&n"),
            ("http://[::1]:8/a", "http://[::1]:8/a"),
            ("not a uri", "/not%20a%20uri"),
            ("", ""),
        ] {
            assert_eq!(encode(given).as_deref(), Ok(sent));
        }
    }

    #[test]
    fn braces_are_variables() {
        let why = |name: &str| {
            Err(format!(
                "java.lang.IllegalArgumentException: Not enough variable values available to expand '{name}'"
            ))
        };
        assert_eq!(encode("http://h/echo?q={x}"), why("x"));
        assert_eq!(encode("http://h/{/{name:[a-z]+}"), why("name"));
        assert_eq!(encode("http://h/{}"), Ok("http://h/%7B%7D".to_owned()));
        assert_eq!(encode("http://h/{"), Ok("http://h/%7B".to_owned()));
    }

    #[test]
    fn reasons_show_no_query() {
        assert_eq!(shown("http://h/a?secret=1"), "http://h/a");
        assert_eq!(origin("http://h:8/a?b"), "http://h:8");
        assert_eq!(origin("ftp://x/y"), "ftp://x");
        assert_eq!(origin("/a"), "/a");
    }
}
