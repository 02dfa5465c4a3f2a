//! DNS names as Route 53 stores them, in one normal form, so that equal names are equal values.
//!
//! Route 53 lower-cases names, ends them with a dot and writes everything but letters, digits, `-` and `_` as `\ooo`
//! (developer guide, "DNS domain name format"). Here printable characters are kept as they are (`*`, not `\052`), the
//! others as octal escapes. Unicode is not converted: Kubernetes does not allow it in hosts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RecordError;

/// RFC 1035, 2.3.4.
const LABEL_OCTETS_MAX: usize = 63;
/// RFC 1035, 2.3.4, length octets and the root's included.
const NAME_OCTETS_MAX: usize = 255;

/// A name in normal form: lower case, with its trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordName(String);

impl RecordName {
    /// Reads a name, with or without trailing dot, in any case, with or without escapes.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        let labels = decode(text)?;
        if labels.is_empty() {
            return Err(RecordError::EmptyName);
        }
        let mut normal = String::with_capacity(text.len() + 1);
        let mut octets = 1; // the root's length octet
        for label in &labels {
            if label.is_empty() || label.len() > LABEL_OCTETS_MAX {
                let label_text = String::from_utf8_lossy(label).into_owned();
                return Err(RecordError::Label {
                    name: text.to_owned(),
                    label: label_text,
                    octets: label.len(),
                });
            }
            octets += label.len() + 1;
            encode(label, &mut normal);
            normal.push('.');
        }
        if octets > NAME_OCTETS_MAX {
            return Err(RecordError::NameTooLong { name: text.to_owned(), octets });
        }
        Ok(RecordName(normal))
    }

    /// The normal form, with trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The normal form as people write hosts: without trailing dot.
    pub fn without_dot(&self) -> &str {
        self.0.strip_suffix('.').unwrap_or(&self.0)
    }

    /// True for the zone's own name and everything below it.
    pub fn is_in(&self, zone: &RecordName) -> bool {
        self.0.strip_suffix(zone.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// True for `*.example.org.`
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// How many labels, without the root: 3 for `www.example.org.`
    pub fn label_count(&self) -> usize {
        self.0.bytes().filter(|byte| *byte == b'.').count()
    }

    /// The first label and what follows it, without the dot between; the rest of a top-level name is empty.
    pub(super) fn split_first_label(&self) -> (&str, &str) {
        self.0.split_once('.').unwrap_or((&self.0, ""))
    }

    /// The name as ListResourceRecordSets writes it: `*` and other odd characters as octal escapes.
    pub fn to_route53(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        for character in self.0.chars() {
            match character {
                'a'..='z' | '0'..='9' | '-' | '_' | '.' | '\\' => text.push(character),
                other => push_escape(&mut text, u32::from(other)),
            }
        }
        text
    }
}

/// Labels as octets, with escapes resolved and letters in lower case.
fn decode(text: &str) -> Result<Vec<Vec<u8>>, RecordError> {
    let text_without_root = text.strip_suffix('.').unwrap_or(text);
    if text_without_root.is_empty() {
        return Ok(Vec::new());
    }
    let mut labels = vec![Vec::new()];
    let mut rest = text_without_root.chars();
    while let Some(character) = rest.next() {
        let octet = match character {
            '.' => {
                labels.push(Vec::new());
                continue;
            }
            '\\' => decode_escape(&mut rest).ok_or_else(|| RecordError::Escape { name: text.to_owned() })?,
            '!'..='~' => u8::try_from(character).unwrap_or_default(),
            other => return Err(RecordError::Character { name: text.to_owned(), character: other }),
        };
        if let Some(label) = labels.last_mut() {
            label.push(octet.to_ascii_lowercase());
        }
    }
    Ok(labels)
}

fn decode_escape(rest: &mut std::str::Chars<'_>) -> Option<u8> {
    let mut value = 0_u32;
    for _ in 0..3 {
        value = value * 8 + rest.next()?.to_digit(8)?;
    }
    u8::try_from(value).ok()
}

fn encode(label: &[u8], normal: &mut String) {
    for octet in label {
        match octet {
            b'.' | b'\\' => push_escape(normal, u32::from(*octet)),
            b'!'..=b'~' => normal.push(char::from(*octet)),
            _ => push_escape(normal, u32::from(*octet)),
        }
    }
}

fn push_escape(text: &mut String, octet: u32) {
    text.push('\\');
    for shift in [6, 3, 0] {
        text.push(char::from_digit((octet >> shift) & 7, 8).unwrap_or('0'));
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RecordName {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        RecordName::parse(text)
    }
}

impl TryFrom<String> for RecordName {
    type Error = RecordError;

    fn try_from(text: String) -> Result<Self, RecordError> {
        RecordName::parse(&text)
    }
}

impl From<RecordName> for String {
    fn from(name: RecordName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::*;

    #[test]
    fn writes_all_spellings_of_a_name_alike() {
        for text in ["Burnham.Example.ORG", "burnham.example.org.", "\\142urnham.example.org"] {
            assert_eq!(RecordName::parse(text).unwrap().as_str(), "burnham.example.org.", "{text}");
        }
        for text in ["*.example.org", "\\052.Example.org."] {
            assert_eq!(RecordName::parse(text).unwrap().as_str(), "*.example.org.", "{text}");
        }
    }

    #[test]
    fn keeps_a_dot_inside_a_label_apart_from_the_dot_between_labels() {
        let inside = RecordName::parse("a\\056b.example.org").unwrap();
        assert_eq!(inside.as_str(), "a\\056b.example.org.");
        assert_ne!(inside, RecordName::parse("a.b.example.org").unwrap());
        assert_eq!(RecordName::parse(inside.as_str()).unwrap(), inside);
    }

    #[test]
    fn writes_names_as_route_53_lists_them() {
        assert_eq!(RecordName::parse("*.a/b.org").unwrap().to_route53(), "\\052.a\\057b.org.");
    }

    #[test]
    fn refuses_what_is_no_name() {
        let long_label = "a".repeat(64);
        let long_name = vec!["abcdefgh"; 32].join(".");
        for text in
            ["", ".", "a..b", ".a", "a\\9", "a\\777", "b\u{fc}cher.org", &long_label, &long_name, "a b.org"]
        {
            assert!(RecordName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn is_in_a_zone_by_labels_and_not_by_text() {
        let zone = RecordName::parse("example.org").unwrap();
        let in_zone = |text: &str| RecordName::parse(text).unwrap().is_in(&zone);
        assert!(in_zone("example.org") && in_zone("a.b.example.org"));
        assert!(!in_zone("badexample.org") && !in_zone("org"));
    }
}
