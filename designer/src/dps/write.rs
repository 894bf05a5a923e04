//! The XML of a DP node (spec: pipeline §6.4). Values are escaped, whatever they hold.

use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::form::{Form, Service};
use crate::layout::{Field, Kind, Record};

/// The namespace unless a deployment sets its own.
pub const DEFAULT_NAMESPACE: &str = "urn:podium:dpservices";

/// Fields of a report's line: what was counted, its value, how often. Delimiters as they are written.
const REPORT: [(&str, &str); 3] = [("field", "\\t"), ("value", "\\t"), ("count", "\\n")];

/// Writes a form as XML with the prefix `dps` on elements and attributes, without white space between tags.
#[must_use]
pub fn to_xml(form: &Form, namespace: &str) -> String {
    let mut xml = Xml::default();
    xml.inside("dpservices", &[("xmlns:dps", namespace)], |xml| {
        metadata(xml, form);
        match form.service {
            Service::EmailHygiene => email_hygiene(xml, form),
            Service::NameParse { .. } => name_parse(xml, form),
        }
    });
    xml.out
}

/// A document that grows. Writing to memory cannot fail.
#[derive(Default)]
struct Xml {
    out: String,
}

impl Xml {
    fn event(&mut self, event: &Event<'_>) {
        let mut writer = quick_xml::Writer::new(Vec::new());
        writer.write_event(event.borrow()).expect("writing to memory cannot fail");
        self.out.push_str(&String::from_utf8(writer.into_inner()).expect("made of texts"));
    }

    fn start<'a>(name: &str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
        let mut start = BytesStart::new(format!("dps:{name}"));
        for (name, value) in attributes {
            let prefix = if name.starts_with("xmlns") { "" } else { "dps:" };
            start.push_attribute((format!("{prefix}{name}").as_str(), *value));
        }
        start
    }

    fn inside(&mut self, name: &str, attributes: &[(&str, &str)], inner: impl FnOnce(&mut Self)) {
        self.event(&Event::Start(Self::start(name, attributes)));
        inner(self);
        self.event(&Event::End(BytesEnd::new(format!("dps:{name}"))));
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.event(&Event::Empty(Self::start(name, attributes)));
    }

    fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.inside(name, attributes, |xml| xml.event(&Event::Text(BytesText::new(text))));
    }
}

fn metadata(xml: &mut Xml, form: &Form) {
    xml.inside("metadata", &[], |xml| {
        let mut environment = |name: &str, value: &str| xml.text("environment", &[("name", name)], value);
        environment("AB_EBCDIC_PAGE", "");
        if form.service == Service::EmailHygiene {
            environment("ACTIVE_CONFIGURATION", "default");
        }
        environment("WORKFLOW_NAME", &form.workflow_name);
        environment("WORKFLOW_ID", &form.workflow_id);
        xml.empty("include", &[("uri", &format!("layout:{}", form.layout.id))]);
        typedef(xml, "data_in", &form.layout.input);
        typedef(xml, output_type(form), &form.layout.output);
    });
}

fn output_type(form: &Form) -> &'static str {
    match form.service {
        Service::EmailHygiene => "append_out",
        Service::NameParse { .. } => "data_out",
    }
}

fn typedef(xml: &mut Xml, name: &str, record: &Record) {
    xml.inside("typedef", &[("name", name)], |xml| {
        xml.inside("record", &[], |xml| {
            for field in record.fields() {
                let shown = field.name.replace('_', " ");
                let attributes = [("name", field.name), ("displayname", &shown), ("description", &shown)];
                xml.inside("field", &attributes, |xml| field_type(xml, *field));
            }
            let attributes = [("name", "LF"), ("displayname", "LF"), ("description", "end of line")];
            xml.inside("field", &attributes, |xml| {
                xml.empty("string", &[("char_set", "ascii"), ("fixed_length", "1")]);
                xml.inside("default", &[], |xml| xml.text("stringLiteral", &[], "\\n"));
            });
        });
    });
}

fn field_type(xml: &mut Xml, field: Field) {
    let width = field.width.to_string();
    let (element, length) = match field.kind {
        Kind::Text => ("string", "fixed_length"),
        Kind::Decimal => ("decimal", "n_symbols"),
    };
    xml.empty(element, &[("char_set", "ascii"), (length, &width)]);
}

/// The source field without what cannot be printed.
fn cleaned(xml: &mut Xml, form: &Form, new_string: &str) {
    xml.inside("from", &[], |xml| {
        xml.inside("function", &[("name", "re_replace")], |xml| {
            let field = format!("input.{}", form.source_field);
            xml.inside("parm", &[("name", "inputStr")], |xml| xml.text("field", &[], &field));
            xml.inside("parm", &[("name", "regEx")], |xml| xml.text("string", &[], "[^[:print:]]"));
            xml.inside("parm", &[("name", "newString")], |xml| xml.text("string", &[], new_string));
        });
    });
}

fn assign(xml: &mut Xml, name: &str, inner: impl FnOnce(&mut Xml)) {
    xml.inside("assign", &[("name", &format!("output.{name}"))], |xml| xml.inside("from", &[], inner));
}

fn email_hygiene(xml: &mut Xml, form: &Form) {
    xml.inside("emailHygiene", &[("id", "WBEmailHygiene")], |xml| {
        xml.empty("input", &[("uri", &form.input_uri), ("user_type", "data_in")]);
        xml.inside("email", &[], |xml| cleaned(xml, form, ""));
        xml.inside("output", &[("uri", &form.output_uri), ("user_type", output_type(form))], |xml| {
            xml.inside("assignment", &[], |xml| {
                for field in ["EH_EMAIL", "EH_ACTION", "EH_Code"] {
                    let detail = format!("details.{}", field.to_lowercase());
                    assign(xml, field, |xml| xml.text("field", &[], &detail));
                }
            });
        });
        report(xml, form);
    });
}

fn name_parse(xml: &mut Xml, form: &Form) {
    let Service::NameParse { orientation, kind } = form.service else { return };
    xml.inside("nameParse", &[("id", "WBNameParse")], |xml| {
        xml.empty("input", &[("uri", &form.input_uri), ("user_type", "data_in")]);
        xml.inside("name", &[], |xml| cleaned(xml, form, " "));
        xml.text("nameOrder", &[], orientation.code());
        xml.text("nameType", &[], kind.code());
        xml.empty("output", &[("uri", &form.output_uri), ("user_type", output_type(form))]);
        xml.inside("assignment", &[], |xml| {
            let added = &form.layout.output.fields()[form.layout.input.fields().len()..];
            for field in added {
                let detail = format!("details.{}", field.name.to_lowercase());
                assign(xml, field.name, |xml| match field.kind {
                    Kind::Decimal => xml.text("field", &[], &detail),
                    Kind::Text => substring(xml, &detail, field.width),
                });
            }
            xml.text("default", &[], "auto-assign");
        });
        report(xml, form);
    });
}

fn substring(xml: &mut Xml, detail: &str, width: usize) {
    xml.inside("function", &[("name", "string_substring")], |xml| {
        xml.inside("parm", &[], |xml| xml.text("field", &[], detail));
        xml.inside("parm", &[], |xml| xml.text("decimal", &[], "1"));
        xml.inside("parm", &[], |xml| xml.text("decimal", &[], &width.to_string()));
    });
}

fn report(xml: &mut Xml, form: &Form) {
    let Some(uri) = &form.report_uri else { return };
    xml.inside("report", &[("uri", uri)], |xml| {
        xml.inside("record", &[], |xml| {
            for (name, delimiter) in REPORT {
                xml.empty("field", &[("name", name), ("delim", delimiter)]);
            }
        });
        xml.inside("report_assignment", &[], |xml| {
            xml.inside("assign", &[("name", "report.value")], |xml| {
                xml.inside("from", &[], |xml| {
                    xml.inside("function", &[("name", "string_concat")], |xml| {
                        xml.inside("parm", &[], |xml| xml.text("string", &[], "ALL"));
                        xml.inside("parm", &[], |xml| xml.text("string", &[], "|"));
                        xml.inside("parm", &[], |xml| xml.text("expression", &[], "value"));
                    });
                });
            });
        });
    });
}
