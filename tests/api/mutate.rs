//! What can be wrong with a request: every variable, parameter and member of the document, in every way.

use serde_json::{Map, Value, json};

use crate::document::{Document, Operation};
use crate::examples::{Piece, Raw, Request};

/// How deep members of members are looked for in schemas.
const DEPTH: usize = 3;

/// A request and what is wrong with it.
pub(crate) struct Mutant {
    pub(crate) what: String,
    pub(crate) request: Request,
}

/// All wrong variants of a request that is right.
pub(crate) fn mutants(document: &Document, operation: &Operation<'_>, right: &Request) -> Vec<Mutant> {
    let mut found = paths(right);
    found.extend(queries(operation, right));
    if !operation.body["requestBody"].is_null() {
        found.extend(kinds(right));
        found.extend(raw_bodies(right));
        found.extend(members(document, operation, right));
    }
    found
}

fn odd_texts() -> Vec<Raw> {
    let as_is =
        ["%2F", "a%2Fb", "%27%22", "..%2F..", "%00", "%FF", "%zz", "%", "a%20b", "%F0%9F%98%80", ";", "%5C"];
    let plain = ["-1", "99999999999999999999", "NaN", "null", "{}", "' OR 1=1 --", "${x}", "."];
    let mut texts: Vec<_> = as_is.into_iter().map(|t| Raw::AsIs(t.to_owned())).collect();
    texts.extend(plain.into_iter().map(|t| Raw::Plain(t.to_owned())));
    texts.push(Raw::Plain("x".repeat(300)));
    texts.push(Raw::Plain("x".repeat(20_000)));
    texts
}

fn paths(right: &Request) -> Vec<Mutant> {
    let mut found = Vec::new();
    for (at, piece) in right.path.iter().enumerate() {
        if !matches!(piece, Piece::Variable(_)) {
            continue;
        }
        for text in odd_texts() {
            let mut request = right.clone();
            let what = format!("path segment {at} is {}", brief(&text));
            request.path[at] = Piece::Variable(text);
            found.push(Mutant { what, request });
        }
    }
    found
}

fn queries(operation: &Operation<'_>, right: &Request) -> Vec<Mutant> {
    let numbers = [
        "",
        "0",
        "-1",
        "1.5",
        "2147483648",
        "-2147483649",
        "9223372036854775808",
        "1e3",
        "0x10",
        "abc",
        "maybe",
    ];
    let mut found = Vec::new();
    for parameter in operation.parameters("query") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let others: Vec<_> = right.query.iter().filter(|(n, _)| n != name).cloned().collect();
        let mut variant = |what: String, values: Vec<Raw>| {
            let mut request = right.clone();
            request.query = others.clone();
            request.query.extend(values.into_iter().map(|v| (name.to_owned(), v)));
            found.push(Mutant { what, request });
        };
        variant(format!("{name} is missing"), Vec::new());
        let plain = numbers.into_iter().map(|t| Raw::Plain(t.to_owned()));
        for text in plain.chain(odd_texts()) {
            variant(format!("{name} is {}", brief(&text)), vec![text]);
        }
        let twice = vec![Raw::Plain("1".to_owned()), Raw::Plain("x".to_owned())];
        variant(format!("{name} is there twice"), twice);
    }
    found
}

fn kinds(right: &Request) -> Vec<Mutant> {
    let kinds = [
        None,
        Some("text/plain"),
        Some("application/xml"),
        Some("application/x-www-form-urlencoded"),
        Some("nonsense"),
    ];
    let with = |kind| Mutant {
        what: format!("content type {kind:?}"),
        request: Request { content_type: kind, ..right.clone() },
    };
    kinds.into_iter().map(with).collect()
}

fn raw_bodies(right: &Request) -> Vec<Mutant> {
    let good = right.body.clone().unwrap_or_default();
    let doubled = match good.as_slice() {
        [b'{', rest @ ..] => [b"{\"name\":1,\"name\":[],\"status\":{},", rest].concat(),
        other => other.to_vec(),
    };
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a list of null", b"[null]".to_vec()),
        ("an object", b"{}".to_vec()),
        ("a list of an object", b"[{}]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("a number", b"7".to_vec()),
        ("NaN", b"NaN".to_vec()),
        ("NaN in an object", b"{\"name\":NaN}".to_vec()),
        ("cut short", good[..good.len() / 2].to_vec()),
        ("twice", [good.as_slice(), good.as_slice()].concat()),
        ("members twice", doubled),
        ("no UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("no UTF-8 around it", [b"\xff", good.as_slice()].concat()),
        ("deep lists", "[".repeat(100_000).into_bytes()),
        ("deep objects", format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000)).into_bytes()),
        ("a huge list", format!("[{}0]", "0,".repeat(200_000)).into_bytes()),
        ("a list of many texts", format!("[{}\"x\"]", "\"x\",".repeat(100_000)).into_bytes()),
        ("control characters", b"{\"name\":\"a\x01b\"}".to_vec()),
        ("NUL", b"{\"name\":\"a\\u0000b\"}".to_vec()),
        ("half a surrogate", b"{\"name\":\"\\ud800\"}".to_vec()),
    ];
    let with = |(what, body)| Mutant {
        what: format!("body: {what}"),
        request: Request { body: Some(body), ..right.clone() },
    };
    bodies.into_iter().map(with).collect()
}

/// Texts of JSON that no member expects everywhere.
fn wrong_values() -> Vec<(&'static str, String)> {
    vec![
        ("null", "null".to_owned()),
        ("true", "true".to_owned()),
        ("-1", "-1".to_owned()),
        ("1.5", "1.5".to_owned()),
        ("a huge number", "1e400".to_owned()),
        ("a long integer", "9".repeat(40)),
        ("an empty text", "\"\"".to_owned()),
        ("a wrong word", "\"DONE\"".to_owned()),
        ("NUL", "\"\\u0000\"".to_owned()),
        ("half a surrogate", "\"\\udc00\"".to_owned()),
        ("an expression", "\"${workflow.input[}\"".to_owned()),
        ("an empty list", "[]".to_owned()),
        ("a list of null", "[null]".to_owned()),
        ("an empty object", "{}".to_owned()),
        ("an object of null", "{\"x\":null}".to_owned()),
        ("a long text", format!("\"{}\"", "x".repeat(100_000))),
        ("a deep list", format!("{}{}", "[".repeat(150), "]".repeat(150))),
    ]
}

fn members(document: &Document, operation: &Operation<'_>, right: &Request) -> Vec<Mutant> {
    let Some(body) = right.body.as_deref().and_then(|b| serde_json::from_slice::<Value>(b).ok()) else {
        return Vec::new();
    };
    let schema = &operation.body["requestBody"]["content"]["application/json"]["schema"];
    let mut places = Vec::new();
    known_places(document, schema, &body, "", DEPTH, &mut places);
    let mut found = Vec::new();
    for place in places {
        if let Some(without) = replaced(&body, &place, None) {
            let request = Request { body: Some(without.into_bytes()), ..right.clone() };
            found.push(Mutant { what: format!("{place} is missing"), request });
        }
        for (what, text) in wrong_values() {
            if let Some(with) = replaced(&body, &place, Some(&text)) {
                let request = Request { body: Some(with.into_bytes()), ..right.clone() };
                found.push(Mutant { what: format!("{place} is {what}"), request });
            }
        }
    }
    found
}

/// Pointers to all members that the body has or the schema knows.
fn known_places(
    document: &Document,
    schema: &Value,
    body: &Value,
    at: &str,
    depth: usize,
    places: &mut Vec<String>,
) {
    if depth == 0 {
        return;
    }
    let schema = document.resolved(schema);
    match body {
        Value::Array(items) => {
            if let Some(first) = items.first() {
                places.push(format!("{at}/0"));
                known_places(document, &schema["items"], first, &format!("{at}/0"), depth, places);
            }
        }
        Value::Object(members) => {
            let known = schema["properties"].as_object();
            let names = members.keys().chain(known.into_iter().flat_map(Map::keys));
            let names: std::collections::BTreeSet<_> = names.collect();
            for name in names {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                let inner = known.and_then(|k| k.get(name)).unwrap_or(&Value::Null);
                let value = members.get(name).unwrap_or(&Value::Null);
                places.push(place.clone());
                known_places(document, inner, value, &place, depth - 1, places);
            }
        }
        _ => {}
    }
}

/// The body's text with a member put in place of another, or taken out. The text of the member is used as it is, so that
/// it may be what no JSON value holds.
fn replaced(body: &Value, place: &str, text: Option<&str>) -> Option<String> {
    const MARK: &str = "\u{1}here\u{1}";
    let mut body = body.clone();
    let (parent, name) = place.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    match (body.pointer_mut(parent)?, text) {
        (Value::Object(members), Some(_)) => drop(members.insert(name, json!(MARK))),
        (Value::Object(members), None) => drop(members.remove(&name)?),
        (Value::Array(items), Some(_)) => *items.first_mut()? = json!(MARK),
        (Value::Array(items), None) => drop(items.remove(0)),
        _ => return None,
    }
    let mark = json!(MARK).to_string();
    Some(body.to_string().replace(&mark, text.unwrap_or_default()))
}

fn brief(text: &Raw) -> String {
    let (Raw::Plain(text) | Raw::AsIs(text)) = text;
    match text.char_indices().nth(30) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}
