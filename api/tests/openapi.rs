//! The committed OpenAPI document is the one that the handlers make.

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/podium.json");

#[test]
fn openapi_is_the_committed_document() {
    let made = podium_api::openapi_json();
    let committed = std::fs::read_to_string(COMMITTED).expect("openapi/podium.json is readable");
    if made != committed {
        let fresh = concat!(env!("CARGO_TARGET_TMPDIR"), "/podium.json");
        std::fs::write(fresh, made).expect("the build folder takes files");
        panic!("openapi/podium.json is out of date; `podium openapi` prints it, and it is in {fresh}");
    }
}

#[test]
fn openapi_refers_only_to_what_it_has() {
    let document: serde_json::Value = serde_json::from_str(&podium_api::openapi_json()).expect("JSON");
    let mut missing = Vec::new();
    let mut todo = vec![&document];
    while let Some(value) = todo.pop() {
        match value {
            serde_json::Value::Array(items) => todo.extend(items),
            serde_json::Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(|r| r.as_str()) {
                    let pointer = reference.trim_start_matches('#');
                    if document.pointer(pointer).is_none() {
                        missing.push(reference.to_owned());
                    }
                }
                todo.extend(members.values());
            }
            _ => {}
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
