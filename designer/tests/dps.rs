//! The XML of DP nodes and the JSON made of it.

use podium_designer::dps::{DEFAULT_NAMESPACE, DpsError, Form, Options, to_json, to_xml, unescape};
use serde_json::{Value, json};

fn hygiene() -> Value {
    json!({"selectedLayoutId": "1000876411", "inputUri": "s3://b/runs/in.in", "outputUri": "s3://b/runs/in.out",
        "generateReport": true, "reportUri": "s3://b/runs/report/x.counts.txt", "emailSourceField": "EE_Email_Addr80"})
}

fn name_parse() -> Value {
    json!({"selectedLayoutId": "1001302146", "inputUri": "minio://b/in.in", "outputUri": "minio://b/in.out",
        "nameSourceField": "name", "nameOrientation": "LNF", "nameType": "I"})
}

fn xml(kind: &str, data: &Value) -> String {
    to_xml(&Form::read(kind, data, "flow").expect("a whole form"), DEFAULT_NAMESPACE)
}

fn read(xml: &str) -> Result<Value, DpsError> {
    to_json(xml, &Options::default())
}

/// The smallest document that has everything, with `inner` inside the service.
fn small(inner: &str) -> String {
    format!(
        r#"<d:dpservices xmlns:d="urn:x"><d:metadata/><d:nameParse d:id="WBNameParse"><d:input d:uri="i"/><d:output d:uri="o"/>{inner}</d:nameParse></d:dpservices>"#
    )
}

#[test]
fn hygiene_is_written_and_read() {
    let xml = xml("dpEmailHygiene", &hygiene());
    assert!(xml.starts_with(r#"<dps:dpservices xmlns:dps="urn:podium:dpservices"><dps:metadata><dps:environment dps:name="AB_EBCDIC_PAGE">"#), "{xml}");
    assert!(!xml.contains('\n'), "no white space with a line feed between tags");
    let json = read(&xml).expect("our own XML");
    assert_eq!(json["execution_id"], "WBEmailHygiene");
    assert_eq!(
        json["metadata"]["environment"],
        json!([
            {"name": "AB_EBCDIC_PAGE", "value": ""},
            {"name": "ACTIVE_CONFIGURATION", "value": "default"},
            {"name": "WORKFLOW_NAME", "value": "flow"},
            {"name": "WORKFLOW_ID", "value": "flow"},
        ])
    );
    assert_eq!(json["metadata"]["include"], json!(["layout:1000876411"]));
    let typedef = json["metadata"]["typedef"].as_array().expect("typedefs");
    assert_eq!((&typedef[0]["name"], &typedef[1]["name"]), (&json!("data_in"), &json!("append_out")));
    let record = typedef[0]["record"].as_array().expect("fields");
    assert_eq!(record.len(), 10, "nine fields and the end of the line");
    assert_eq!(
        record[8],
        json!({"name": "EE_Email_Addr80", "displayname": "EE Email Addr80", "description": "EE Email Addr80",
            "type": "string", "char_set": "ascii", "fixed_length": "80"})
    );
    assert_eq!((&record[9]["name"], &record[9]["default"]), (&json!("LF"), &json!("\\n")));
    let service = &json["service"];
    assert_eq!((&service["type"], &service["id"]), (&json!("emailHygiene"), &json!("WBEmailHygiene")));
    assert_eq!(service["input"], json!({"uri": "s3://b/runs/in.in", "user_type": "data_in"}));
    assert_eq!(service["output"], json!({"uri": "s3://b/runs/in.out", "user_type": "append_out"}));
    assert_eq!(
        service["email"],
        json!({"from": {"function": "re_replace", "parms": [
            {"name": "inputStr", "field": "input.EE_Email_Addr80"},
            {"name": "regEx", "string": "[^[:print:]]"},
            {"name": "newString", "string": ""},
        ]}})
    );
    assert_eq!(
        service["assignment"][0],
        json!({"name": "output.EH_EMAIL", "from": {"field": "details.eh_email"}})
    );
    assert_eq!(service["assignment"].as_array().map(Vec::len), Some(3));
    assert_eq!(service["report"]["uri"], "s3://b/runs/report/x.counts.txt");
    assert_eq!(
        service["report"]["record"],
        json!([{"name": "field", "delimiter": "\\t"}, {"name": "value", "delimiter": "\\t"}, {"name": "count", "delimiter": "\\n"}])
    );
    assert_eq!(
        service["report"]["assignment"],
        json!([{"name": "report.value", "from": {"function": "string_concat", "parms": [
            {"string": "ALL"}, {"string": "|"}, {"expression": "value"}]}}])
    );
}

#[test]
fn name_parse_is_written_and_read() {
    let json = read(&xml("nameParse", &name_parse())).expect("our own XML");
    let service = &json["service"];
    assert_eq!(json["execution_id"], "WBNameParse");
    assert_eq!((&service["nameOrder"], &service["nameType"]), (&json!("LNF"), &json!("I")));
    assert_eq!(service["name"]["from"]["parms"][2], json!({"name": "newString", "string": " "}));
    assert_eq!(service["output"], json!({"uri": "minio://b/in.out", "user_type": "data_out"}));
    let assignment = service["assignment"].as_array().expect("assignments");
    assert_eq!(assignment.len(), 27);
    assert_eq!(
        assignment[0],
        json!({"name": "output.NP_Family_Score", "from": {"field": "details.np_family_score"}})
    );
    assert_eq!(
        assignment[1]["from"],
        json!({"function": "string_substring", "parms": [{"field": "details.np_family_name"}, {"decimal": "1"}, {"decimal": "50"}]})
    );
    assert_eq!(service.get("report"), None, "no report was asked for");
    let environment = json["metadata"]["environment"].as_array().expect("entries");
    assert!(environment.iter().all(|entry| entry["name"] != "ACTIVE_CONFIGURATION"));
    assert_eq!(json["metadata"]["typedef"][1]["record"][8]["n_symbols"], "3");
}

#[test]
fn values_are_escaped_and_come_back_as_they_were() {
    let nasty = r#"s3://b/<a> & "b" 'c' ]]> &amp; &#10;"#;
    let mut data = name_parse();
    data["inputUri"] = nasty.into();
    let form = Form::read("nameParse", &data, r#"</dps:dpservices><!-- & "flow""#).expect("a whole form");
    let json = read(&to_xml(&form, r#"urn:"x"&y"#)).expect("our own XML");
    assert_eq!(json["service"]["input"]["uri"], nasty);
    assert_eq!(json["metadata"]["environment"][1]["value"], r#"</dps:dpservices><!-- & "flow""#);
}

#[test]
fn prefixes_and_white_space_do_not_matter() {
    let plain = r#"<?xml version="1.0"?><!-- made by hand -->
        <dpservices>\n
            <metadata><environment name="WORKFLOW_ID" value="w"/></metadata>
            <emailHygiene id="WBEmailHygiene">
                <input uri="i"/> <output uri="o"><![CDATA[ ]]></output>
                <report uri="r"><record delim="&#10;"/><record delimiter="|"/></report>
            </emailHygiene>
        </dpservices>"#;
    let json = read(plain).expect("a good document");
    assert_eq!(
        json["metadata"],
        json!({"environment": [{"name": "WORKFLOW_ID", "value": "w"}], "include": [], "typedef": []})
    );
    assert_eq!(
        json["service"]["report"],
        json!({"uri": "r", "record": [{"delimiter": "\\n"}, {"delimiter": "|"}], "assignment": []})
    );
    assert!(read(&small("")).is_ok(), "another prefix");
}

#[test]
fn a_request_s_text_is_unwrapped() {
    assert_eq!(unescape("  <a/>\n"), "<a/>");
    assert_eq!(unescape(r#""<a b=\"c\"/>\n""#), r#"<a b="c"/>"#);
    assert_eq!(unescape(r#"<a b=\"c\">\n</a>"#), r#"<a b="c">\n</a>"#);
    assert_eq!(unescape("{\"a\":1}"), "{\"a\":1}", "an object is no text; the XML reader says so");
}

#[test]
fn document_types_and_entities_are_refused() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;</x>"#;
    assert_eq!(read(bomb), Err(DpsError::DocumentType));
    let file = r#"<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>"#;
    assert_eq!(read(file), Err(DpsError::DocumentType));
    assert_eq!(read(r#"<!DOCTYPE x SYSTEM "http://example.com/x.dtd"><x/>"#), Err(DpsError::DocumentType));
    assert_eq!(read(&small("<t>&f;</t>")), Err(DpsError::Entity { name: "f".to_owned() }));
    assert_eq!(read(&small(r#"<t a="&f;"/>"#)), Err(DpsError::Entity { name: "f".to_owned() }));
    assert_eq!(read(&small(r#"<t>&#65;&lt;</t>"#)).expect("allowed")["service"]["t"], "A<");
}

#[test]
fn size_depth_and_number_are_bounded() {
    let limits = Options { max_bytes: 2_000, max_depth: 10, max_elements: 50, ..Options::default() };
    let padded = small(&" ".repeat(2_000));
    assert_eq!(to_json(&padded, &limits), Err(DpsError::TooLarge { found: padded.len(), limit: 2_000 }));
    let deep = small(&format!("{}{}", "<a>".repeat(9), "</a>".repeat(9)));
    assert_eq!(to_json(&deep, &limits), Err(DpsError::TooDeep { limit: 10 }));
    assert_eq!(to_json(&small(&"<a/>".repeat(50)), &limits), Err(DpsError::TooManyElements { limit: 50 }));
    let endless = "<a>".repeat(1_000_000);
    assert_eq!(read(&endless), Err(DpsError::TooDeep { limit: 64 }));
}

#[test]
fn what_is_missing_is_named_together() {
    let error = read("<x/>").expect_err("no service");
    assert_eq!(error.to_string(), "the service XML lacks the root element dpservices (it is x)");
    assert_eq!(
        read("<dpservices><metadata/></dpservices>").expect_err("no service").to_string(),
        "the service XML lacks a service (emailHygiene or nameParse)"
    );
    assert_eq!(
        read(r#"<dpservices><nameParse><input uri=""/></nameParse></dpservices>"#)
            .expect_err("parts")
            .to_string(),
        "the service XML lacks metadata, nameParse.input with a uri, nameParse.output with a uri"
    );
}

#[test]
fn the_service_is_the_one_that_was_asked_for() {
    let asked = |id: &str| Options { execution_id: Some(id.to_owned()), ..Options::default() };
    let one = small("");
    assert!(to_json(&one, &asked("WBNameParse")).is_ok());
    assert_eq!(
        to_json(&one, &asked("WBEmailHygiene")),
        Err(DpsError::OtherService { wanted: "WBEmailHygiene".into(), found: vec!["WBNameParse".into()] })
    );
    let two = one.replace(
        "</d:dpservices>",
        r#"<emailHygiene id="E"><input uri="i2"/><output uri="o2"/></emailHygiene></d:dpservices>"#,
    );
    assert_eq!(to_json(&two, &asked("E")).expect("named")["service"]["input"]["uri"], "i2");
    assert_eq!(read(&two), Err(DpsError::SeveralServices { found: vec!["WBNameParse".into(), "E".into()] }));
}

#[test]
fn torn_documents_are_refused_with_the_place() {
    for text in [
        "",
        "   ",
        "text",
        "<a",
        "<a><b></a></b>",
        "<a>",
        "</a>",
        "<a/><b/>",
        "<a/>x",
        "<a b=1/>",
        r#"<a b="1" b="2"/>"#,
        "<a>\u{0}</b>",
        "{}",
    ] {
        assert!(matches!(read(text), Err(DpsError::NotWellFormed { .. })), "{text:?}: {:?}", read(text));
    }
}

#[test]
fn forms_say_everything_that_is_wrong() {
    let data = json!({"selectedLayoutId": "1000876411", "nameSourceField": "age", "nameOrientation": "XXX", "generateReport": true});
    let violations = Form::read("nameParse", &data, "flow").expect_err("a bad form");
    let codes: Vec<_> = violations.0.iter().map(|v| v.code).collect();
    assert_eq!(codes, ["choice", "layout", "source_field", "missing", "missing", "missing"]);
    assert_eq!(
        violations.0[1].message,
        "selectedLayoutId 1000876411 (E-mail hygiene) is not the layout 1001302146 of nameParse"
    );
    assert!(Form::read("enrichment", &data, "flow").is_err());
}
