//! XML in and out, as small as Route 53 needs it: elements and text, no attributes but the namespace.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::error::ApiError;

/// Nesting of elements in a request; the deepest that the API defines is seven.
const DEPTH_MAX: usize = 16;

/// The namespace of Route 53's documents.
pub(crate) const ROUTE53_NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// An element of a request document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// The text directly in it, references resolved.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Reads a document whose root element is called `root`.
    pub(crate) fn read(body: &[u8], root: &str) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(ApiError::invalid_xml)?;
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(ApiError::invalid_xml)? {
                Event::Start(start) => {
                    if open.len() > DEPTH_MAX {
                        return Err(ApiError::invalid_xml("elements are nested too deeply"));
                    }
                    open.push(Self::named(start.local_name().as_ref()));
                }
                Event::Empty(start) => {
                    let element = Self::named(start.local_name().as_ref());
                    top(&mut open)?.children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().ok_or_else(unbalanced)?;
                    top(&mut open)?.children.push(element);
                }
                Event::Text(part) => top(&mut open)?.text.push_str(&part.xml10_content()),
                Event::CData(part) => top(&mut open)?.text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => {
                    let resolved = resolve(&reference)?;
                    top(&mut open)?.text.push(resolved);
                }
                Event::DocType(_) => {
                    return Err(ApiError::invalid_xml("DOCTYPE is disallowed"));
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let document = open.pop().filter(|_| open.is_empty()).ok_or_else(unbalanced)?;
        let found = document.children.into_iter().next();
        match found {
            Some(element) if element.name == root => Ok(element),
            Some(element) => Err(ApiError::invalid_xml(format_args!(
                "cvc-elt.1: Cannot find the declaration of element '{}'.",
                element.name
            ))),
            None => Err(ApiError::invalid_xml("Premature end of file.")),
        }
    }

    /// The first child with this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children with this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child with this name.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|child| child.text.clone())
    }

    /// The text of a child that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<String, ApiError> {
        self.text_of(name).ok_or_else(|| self.incomplete(name))
    }

    /// The child that must be there.
    pub(crate) fn required_child(&self, name: &str) -> Result<&Self, ApiError> {
        self.child(name).ok_or_else(|| self.incomplete(name))
    }

    /// Refuses children with names other than these.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        match self.children.iter().find(|child| !names.contains(&child.name.as_str())) {
            None => Ok(()),
            Some(child) => Err(ApiError::invalid_xml(format_args!(
                "cvc-complex-type.2.4.a: Invalid content was found starting with element '{}' in element '{}'.",
                child.name, self.name
            ))),
        }
    }

    fn incomplete(&self, name: &str) -> ApiError {
        ApiError::invalid_xml(format_args!(
            "cvc-complex-type.2.4.b: The content of element '{}' is not complete. One of \
             '{{\"{ROUTE53_NAMESPACE}\":{name}}}' is expected.",
            self.name
        ))
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

fn top(open: &mut [Element]) -> Result<&mut Element, ApiError> {
    open.last_mut().ok_or_else(unbalanced)
}

fn unbalanced() -> ApiError {
    ApiError::invalid_xml("XML document structures must start and end within the same entity.")
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, ApiError> {
    if let Some(character) = reference.resolve_char_ref().map_err(ApiError::invalid_xml)? {
        return Ok(character);
    }
    let name: &str = reference;
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        other => Err(ApiError::invalid_xml(format_args!(
            "The entity \"{other}\" was referenced, but not declared."
        ))),
    }
}

/// A document being written.
#[derive(Debug)]
pub(crate) struct Document {
    text: String,
}

impl Document {
    /// A document with this root element in Route 53's namespace, filled by `content`.
    pub(crate) fn route53(root: &str, content: impl FnOnce(&mut Self)) -> String {
        Self::write(root, ROUTE53_NAMESPACE, content)
    }

    /// A document with this root element and namespace.
    pub(crate) fn write(root: &str, namespace: &str, content: impl FnOnce(&mut Self)) -> String {
        let mut document = Self { text: format!("<?xml version=\"1.0\"?>\n<{root} xmlns=\"{namespace}\">") };
        content(&mut document);
        document.close(root);
        document.text
    }

    /// An element with content.
    pub(crate) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.open(name);
        content(self);
        self.close(name);
    }

    /// An element with text.
    pub(crate) fn leaf(&mut self, name: &str, text: impl AsRef<str>) {
        self.open(name);
        self.text.push_str(&quick_xml::escape::escape(text.as_ref()));
        self.close(name);
    }

    /// An element with text, or none.
    pub(crate) fn optional(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// An element that says `true` or `false`.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.leaf(name, if value { "true" } else { "false" });
    }

    fn open(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn reads_nested_elements_and_references() {
        let text =
            "<?xml version=\"1.0\"?><R xmlns=\"urn:x\"><!-- c --><A>1 &lt; 2 &amp; &#65;</A><B><C/></B></R>";
        let root = Element::read(text.as_bytes(), "R").unwrap();
        assert_eq!(root.text_of("A").unwrap(), "1 < 2 & A");
        assert!(root.child("B").unwrap().child("C").is_some());
    }

    #[test]
    fn refuses_what_is_no_document() {
        for text in ["", "<R>", "<R></S>", "<S/>", "no XML", "<!DOCTYPE R><R/>", "<R>&nbsp;</R>"] {
            assert!(Element::read(text.as_bytes(), "R").is_err(), "{text}");
        }
        let deep = "<R>".repeat(40) + &"</R>".repeat(40);
        assert!(Element::read(deep.as_bytes(), "R").is_err());
    }

    #[test]
    fn writes_what_it_can_read() {
        let text = Document::route53("R", |document| {
            document.leaf("A", "<\"&'>");
            document.optional("B", None::<&str>);
            document.element("C", |document| document.boolean("D", true));
        });
        let root = Element::read(text.as_bytes(), "R").unwrap();
        assert_eq!(root.text_of("A").unwrap(), "<\"&'>");
        assert_eq!(root.child("C").unwrap().text_of("D").unwrap(), "true");
    }
}
