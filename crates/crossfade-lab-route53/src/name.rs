//! DNS names: kept in lower-case wire form, read and printed as Route 53 does.
//!
//! Route 53 lower-cases names, adds the trailing dot, and prints every byte other than `a-z`, `0-9`, `-`, and `_` as a
//! backslash and three octal digits ("DNS domain name format" in its Developer Guide). No internationalised names: a
//! client sends their ASCII form.

use std::borrow::Borrow;
use std::fmt;

use hickory_proto::rr::Name;

/// A label's length limit (RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// A name's length limit in wire form, with the root label (RFC 1035, section 2.3.4).
const WIRE_BYTES_MAX: usize = 255;

/// A DNS name in lower-case wire form: a length byte before each label, a zero byte at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DnsName(Box<[u8]>);

/// Why a text is no DNS name. The texts are the ones that Route 53 puts into its errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("FATAL problem: DomainNameEmpty (Domain name is empty) encountered with '{text}'")]
    Empty { text: String },
    #[error("FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with '{text}'")]
    LabelEmpty { text: String },
    #[error("FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{text}'")]
    LabelTooLong { text: String },
    #[error("FATAL problem: DomainNameTooLong (Domain name is too long) encountered with '{text}'")]
    TooLong { text: String },
    #[error(
        "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with '{text}'"
    )]
    UnsupportedCharacter { text: String },
}

impl DnsName {
    /// Reads a name as the API accepts it: any case, with or without the trailing dot, octal escapes.
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let owned = || text.to_owned();
        if text.is_empty() {
            return Err(NameError::Empty { text: owned() });
        }
        if text == "." {
            return Ok(Self::root());
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        let mut label: Vec<u8> = Vec::with_capacity(LABEL_BYTES_MAX);
        let bytes = text.as_bytes();
        let mut position = 0;
        while position < bytes.len() {
            let byte = bytes[position];
            position += 1;
            match byte {
                b'.' => push_label(&mut wire, &mut label, text)?,
                b'\\' => {
                    let code = bytes.get(position..position + 3).and_then(octal);
                    let code = code.ok_or_else(|| NameError::UnsupportedCharacter { text: owned() })?;
                    label.push(code.to_ascii_lowercase());
                    position += 3;
                }
                0x21..=0x7e => label.push(byte.to_ascii_lowercase()),
                _ => return Err(NameError::UnsupportedCharacter { text: owned() }),
            }
        }
        if !label.is_empty() {
            push_label(&mut wire, &mut label, text)?;
        }
        wire.push(0);
        if wire.len() > WIRE_BYTES_MAX {
            return Err(NameError::TooLong { text: owned() });
        }
        Ok(Self(wire.into_boxed_slice()))
    }

    /// The root of the DNS.
    pub(crate) fn root() -> Self {
        Self(Box::new([0]))
    }

    /// The name in lower-case wire form.
    pub(crate) fn wire(&self) -> &[u8] {
        &self.0
    }

    /// A name from a suffix of another name's wire form.
    pub(crate) fn from_wire(wire: &[u8]) -> Self {
        Self(wire.into())
    }

    /// Whether this name is `ancestor` or lies below it.
    pub(crate) fn is_within(&self, ancestor: &Self) -> bool {
        suffixes(&self.0).any(|suffix| suffix == ancestor.wire())
    }

    /// The name for hickory's messages.
    pub(crate) fn to_hickory(&self) -> Name {
        name_from_wire(&self.0)
    }

    /// The key by which Route 53 orders names: labels reversed, each followed by a dot (`com.example.www.`).
    pub(crate) fn reversed(&self) -> String {
        let mut text = String::with_capacity(self.0.len() + 8);
        let all: Vec<&[u8]> = labels(&self.0).collect();
        for label in all.into_iter().rev() {
            push_escaped(&mut text, label);
            text.push('.');
        }
        text
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len() + 8);
        for label in labels(&self.0) {
            push_escaped(&mut text, label);
            text.push('.');
        }
        if text.is_empty() {
            text.push('.');
        }
        formatter.write_str(&text)
    }
}

impl Borrow<[u8]> for DnsName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

fn push_label(wire: &mut Vec<u8>, label: &mut Vec<u8>, text: &str) -> Result<(), NameError> {
    if label.is_empty() {
        return Err(NameError::LabelEmpty { text: text.to_owned() });
    }
    if label.len() > LABEL_BYTES_MAX {
        return Err(NameError::LabelTooLong { text: text.to_owned() });
    }
    wire.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
    wire.append(label);
    Ok(())
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |value, &digit| {
        let digit = (b'0'..=b'7').contains(&digit).then(|| digit - b'0')?;
        value.checked_mul(8)?.checked_add(digit)
    })
}

fn push_escaped(text: &mut String, label: &[u8]) {
    use std::fmt::Write as _;
    for &byte in label {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
            other => {
                let _ = write!(text, "\\{other:03o}");
            }
        }
    }
}

/// The labels of a name in wire form, without the root.
pub(crate) fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    suffixes(wire).filter(|suffix| suffix.len() > 1).map(|suffix| &suffix[1..=usize::from(suffix[0])])
}

/// The name itself, its parent, and so on to the root, each in wire form.
pub(crate) fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(wire), |suffix| parent(suffix))
}

/// The parent of a name in wire form; `None` for the root.
pub(crate) fn parent(wire: &[u8]) -> Option<&[u8]> {
    let length = usize::from(*wire.first()?);
    if length == 0 {
        return None;
    }
    wire.get(length + 1..)
}

/// A hickory name from a name in wire form.
pub(crate) fn name_from_wire(wire: &[u8]) -> Name {
    let mut name = Name::from_labels(labels(wire)).unwrap_or_else(|_| Name::root());
    name.set_fqdn(true);
    name
}

/// A name in lower-case wire form on the stack, for looking up without allocation.
pub(crate) struct WireBuffer {
    bytes: [u8; WIRE_BYTES_MAX],
    length: usize,
}

impl WireBuffer {
    /// The lower-case wire form of a name from a message.
    pub(crate) fn from_hickory(name: &Name) -> Self {
        let mut buffer = Self { bytes: [0; WIRE_BYTES_MAX], length: 0 };
        for label in name {
            // A decoded name never exceeds 255 bytes; one that did would be cut and match nothing.
            let end = buffer.length + 1 + label.len();
            if end >= WIRE_BYTES_MAX {
                break;
            }
            buffer.bytes[buffer.length] = u8::try_from(label.len()).unwrap_or(0);
            let target = &mut buffer.bytes[buffer.length + 1..end];
            target.copy_from_slice(label);
            target.make_ascii_lowercase();
            buffer.length = end;
        }
        buffer.length += 1;
        buffer
    }

    /// `*.` in front of `encloser`.
    pub(crate) fn wildcard_below(encloser: &[u8]) -> Self {
        let mut buffer = Self { bytes: [0; WIRE_BYTES_MAX], length: 0 };
        buffer.bytes[..2].copy_from_slice(b"\x01*");
        let end = (encloser.len() + 2).min(WIRE_BYTES_MAX);
        buffer.bytes[2..end].copy_from_slice(&encloser[..end - 2]);
        buffer.length = end;
        buffer
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        DnsName::parse(text).unwrap().to_string()
    }

    #[test]
    fn lower_cases_and_adds_the_trailing_dot() {
        assert_eq!(printed("Burnham.Example.ORG"), "burnham.example.org.");
        assert_eq!(printed("burnham.example.org."), "burnham.example.org.");
        assert_eq!(printed("."), ".");
    }

    #[test]
    fn escapes_in_octal_and_reads_escapes() {
        assert_eq!(printed("*.example.org"), "\\052.example.org.");
        assert_eq!(printed("\\052.example.org"), "\\052.example.org.");
        assert_eq!(DnsName::parse("*.example.org"), DnsName::parse("\\052.example.org"));
        assert_eq!(printed("a\\056b.example.org"), "a\\056b.example.org.");
        assert_eq!(printed("_acme.example.org"), "_acme.example.org.");
        assert_eq!(printed("a/b.example.org"), "a\\057b.example.org.");
    }

    #[test]
    fn refuses_what_is_no_name() {
        assert!(matches!(DnsName::parse(""), Err(NameError::Empty { .. })));
        assert!(matches!(DnsName::parse("a..b"), Err(NameError::LabelEmpty { .. })));
        assert!(matches!(DnsName::parse(".a"), Err(NameError::LabelEmpty { .. })));
        assert!(matches!(DnsName::parse("a b"), Err(NameError::UnsupportedCharacter { .. })));
        assert!(matches!(DnsName::parse("a\\9"), Err(NameError::UnsupportedCharacter { .. })));
        assert!(matches!(DnsName::parse("a\\777"), Err(NameError::UnsupportedCharacter { .. })));
        let label = "a".repeat(64);
        assert!(matches!(DnsName::parse(&label), Err(NameError::LabelTooLong { .. })));
        let long = vec!["a".repeat(60); 5].join(".");
        assert!(matches!(DnsName::parse(&long), Err(NameError::TooLong { .. })));
    }

    #[test]
    fn knows_what_lies_within_what() {
        let zone = DnsName::parse("example.org").unwrap();
        assert!(DnsName::parse("a.example.org").unwrap().is_within(&zone));
        assert!(zone.is_within(&zone));
        assert!(!DnsName::parse("aexample.org").unwrap().is_within(&zone));
        assert!(!DnsName::parse("org").unwrap().is_within(&zone));
    }

    #[test]
    fn orders_by_reversed_labels() {
        assert_eq!(DnsName::parse("www.example.org").unwrap().reversed(), "org.example.www.");
    }

    #[test]
    fn survives_the_way_through_a_message() {
        let name = DnsName::parse("*.a-1.example.org").unwrap();
        let hickory = name.to_hickory();
        assert_eq!(WireBuffer::from_hickory(&hickory).as_slice(), name.wire());
        let encloser = DnsName::parse("a-1.example.org").unwrap();
        assert_eq!(WireBuffer::wildcard_below(encloser.wire()).as_slice(), name.wire());
    }
}
