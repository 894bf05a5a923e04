//! XML as a bounded tree of elements, by their local names.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::{DpsError, Options};

/// An element without its prefix. Comments and processing instructions are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// The characters directly inside, as they are.
    pub(super) text: String,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Reads a document.
///
/// # Errors
/// It is not well-formed, has a document type or an entity that is not predefined, or is beyond a bound.
pub(super) fn read(xml: &str, options: &Options) -> Result<Element, DpsError> {
    if xml.len() > options.max_bytes {
        return Err(DpsError::TooLarge { found: xml.len(), limit: options.max_bytes });
    }
    let mut reader = Reader::from_str(xml);
    let mut growing = Growing { options, open: Vec::new(), root: None, elements: 0 };
    loop {
        let event = reader.read_event();
        let at = reader.buffer_position();
        let event = event.map_err(|error| not_well_formed(at, &error))?;
        match event {
            Event::Start(start) => {
                let element = element(&start, &reader, at)?;
                growing.begin(element, at)?;
            }
            Event::Empty(start) => {
                let element = element(&start, &reader, at)?;
                growing.begin(element, at)?;
                growing.end();
            }
            Event::End(_) => growing.end(),
            Event::Text(text) => growing.text(&text.decode().map_err(|e| not_well_formed(at, &e))?, at)?,
            Event::CData(text) => growing.text(&text.decode().map_err(|e| not_well_formed(at, &e))?, at)?,
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|e| not_well_formed(at, &e))?;
                let character = reference.resolve_char_ref().map_err(|e| not_well_formed(at, &e))?;
                let resolved: Cow<'_, str> = match (character, resolve_predefined_entity(&name)) {
                    (Some(character), _) => character.to_string().into(),
                    (None, Some(text)) => text.into(),
                    (None, None) => return Err(DpsError::Entity { name: name.into_owned() }),
                };
                growing.text(&resolved, at)?;
            }
            Event::DocType(_) => return Err(DpsError::DocumentType),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return growing.finish(at),
        }
    }
}

/// The tree so far: elements that are open, outermost first.
struct Growing<'a> {
    options: &'a Options,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Growing<'_> {
    fn begin(&mut self, element: Element, at: u64) -> Result<(), DpsError> {
        self.elements += 1;
        if self.elements > self.options.max_elements {
            return Err(DpsError::TooManyElements { limit: self.options.max_elements });
        }
        if self.open.len() >= self.options.max_depth {
            return Err(DpsError::TooDeep { limit: self.options.max_depth });
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(not_well_formed(at, &"a second root element"));
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) {
        // the reader has checked that each end tag has its start tag
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str, at: u64) -> Result<(), DpsError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(not_well_formed(at, &"text outside the root element")),
        }
        Ok(())
    }

    fn finish(self, at: u64) -> Result<Element, DpsError> {
        match (self.root, self.open.last()) {
            (_, Some(open)) => Err(not_well_formed(at, &format!("<{}> is not closed", open.name))),
            (Some(root), None) => Ok(root),
            (None, None) => Err(not_well_formed(at, &"there is no element")),
        }
    }
}

fn element(start: &BytesStart<'_>, reader: &Reader<&[u8]>, at: u64) -> Result<Element, DpsError> {
    let name = text(start.local_name().as_ref(), at)?;
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| not_well_formed(at, &e))?;
        let value = attribute
            .decoded_and_normalized_value_with(
                XmlVersion::Implicit1_0,
                reader.decoder(),
                1,
                resolve_predefined_entity,
            )
            .map_err(|error| entity_or_form(at, &error))?;
        if attribute.key.as_namespace_binding().is_none() {
            attributes.push((text(attribute.key.local_name().as_ref(), at)?, value.into_owned()));
        }
    }
    Ok(Element { name, attributes, ..Element::default() })
}

fn text(name: &[u8], at: u64) -> Result<String, DpsError> {
    std::str::from_utf8(name).map(str::to_owned).map_err(|e| not_well_formed(at, &e))
}

fn entity_or_form(at: u64, error: &quick_xml::Error) -> DpsError {
    match error {
        quick_xml::Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(_, name)) => {
            DpsError::Entity { name: name.clone() }
        }
        other => not_well_formed(at, other),
    }
}

fn not_well_formed(at: u64, reason: &dyn std::fmt::Display) -> DpsError {
    DpsError::NotWellFormed { at, reason: reason.to_string() }
}
