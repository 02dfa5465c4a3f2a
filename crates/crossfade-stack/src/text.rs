//! Texts that labels, annotations and templates carry, parsed once so that nothing later can be refused by an API server or
//! change the meaning of a template.
//!
//! Unicode is never normalised and nothing is shortened: what does not fit is an error.

use std::fmt;
use std::str::FromStr;

pub use crossfade_core::gitops::WEIGHT_SUFFIX;
use crossfade_core::gitops::weight_key;

/// A name, a label's value, and the part of a key behind the slash (Kubernetes, "Labels and Selectors", "Syntax").
const LABEL_CHARACTERS_MAX: usize = 63;
/// Generous: the longest ARN of a role has 550 characters or so; annotations of an object share 256 KiB.
const PLAIN_CHARACTERS_MAX: usize = 1024;

/// A text that does not fit where it should go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {rule}")]
pub struct TextError {
    /// The text as it was read.
    pub text: String,
    /// What it should be.
    pub what: &'static str,
    /// What such a text looks like.
    pub rule: &'static str,
}

macro_rules! parsed_text {
    ($(#[$documentation:meta])* $name:ident, $what:literal, $rule:literal, $is_valid:expr) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads one.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok($name(text.to_owned()))
                } else {
                    Err(TextError { text: text.to_owned(), what: $what, rule: $rule })
                }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                $name::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

parsed_text!(
    /// A name of a cluster, an environment, a namespace, a team: fits as an object's name and as a label's value (RFC 1123 label).
    ObjectName,
    "name",
    "lower-case letters, digits and `-`, at most 63, a letter or digit at both ends",
    is_object_name
);

parsed_text!(
    /// A value that fits in a label: `1.34`, `blue`.
    LabelValue,
    "value of a label",
    "letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends",
    is_label_value
);

parsed_text!(
    /// The key of a label of one's own, without a prefix: `appName`.
    LabelKey,
    "key of a label",
    "letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends",
    is_label_value
);

parsed_text!(
    /// An application with a weight of its own, in the annotation `<app>_route53_weight`.
    AppName,
    "name of an application",
    "lower-case letters, digits and `-`, at most 48, a letter or digit at both ends",
    |text| is_object_name(text) && text.len() + WEIGHT_SUFFIX.len() <= LABEL_CHARACTERS_MAX
);

impl AppName {
    /// The annotation and the Helm value: `burnham_route53_weight`.
    pub fn weight_key(&self) -> String {
        weight_key(&self.0)
    }
}

parsed_text!(
    /// The part of a metadata key that names an add-on or a property of one: `cert_manager`, `sqs_queue_name`.
    KeyPart,
    "part of a key",
    "lower-case letters, digits and `_`, at most 40, a letter or digit at both ends",
    |text| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        text.len() <= 40 && has_ends(text, is_part) && text.bytes().all(|byte| is_part(byte) || byte == b'_')
    }
);

parsed_text!(
    /// One word that goes unquoted through two templates and is still one YAML string there: an ARN, an URL, a path.
    PlainValue,
    "plain value",
    "one word of printable ASCII without quotes, braces, `#` and `\\`, starting with a letter, digit, `/` or `.`",
    |text| {
        let first = text.bytes().next().unwrap_or_default();
        text.len() <= PLAIN_CHARACTERS_MAX
            && (first.is_ascii_alphanumeric() || first == b'/' || first == b'.')
            && !text.ends_with(':')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`{}#\\".contains(&byte))
    }
);

parsed_text!(
    /// The domain of an environment's hosts, without a dot at its end: `eks-blueprint.eks.example.org`.
    Domain,
    "domain",
    "labels of lower-case letters, digits and `-`, with dots between them, at most 253 characters",
    |text| text.len() <= 253 && text.split('.').all(is_object_name)
);

fn is_object_name(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= LABEL_CHARACTERS_MAX
        && has_ends(text, is_alphanumeric)
        && text.bytes().all(|byte| is_alphanumeric(byte) || byte == b'-')
}

fn is_label_value(text: &str) -> bool {
    text.len() <= LABEL_CHARACTERS_MAX
        && has_ends(text, |byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn has_ends(text: &str, is_end: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| is_end(*byte)) && bytes.last().is_some_and(|byte| is_end(*byte))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_pattern_has() {
        for name in ["eks-blueprint-blue", "2048", "a"] {
            ObjectName::parse(name).unwrap();
            AppName::parse(name).unwrap();
        }
        for value in ["1.34", "blue", "a_b.C"] {
            LabelValue::parse(value).unwrap();
            LabelKey::parse(value).unwrap();
        }
        for value in [
            "git@github.com:aws-samples/eks-blueprints-workloads",
            "arn:aws:iam::111122223333:role/external-dns-1",
            "argocd/",
            "file:///srv/git/workloads",
            "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
        ] {
            PlainValue::parse(value).unwrap();
        }
        KeyPart::parse("node_instance_profile_name").unwrap();
        Domain::parse("eks-blueprint.eks.example.org").unwrap();
        assert_eq!(AppName::parse("burnham").unwrap().weight_key(), "burnham_route53_weight");
    }

    #[test]
    fn refuses_what_a_server_or_a_template_would_trip_over() {
        for name in ["", "-a", "a-", "A", "a.b", "a b", &"a".repeat(64)] {
            assert!(ObjectName::parse(name).is_err(), "{name}");
        }
        for value in ["", "_a", "a_", "a/b", &"a".repeat(64)] {
            assert!(LabelValue::parse(value).is_err(), "{value}");
            assert!(LabelKey::parse(value).is_err(), "{value}");
        }
        for value in ["", "a b", "a\nb: c", "{{ .x }}", "a\"", "*x", "-x", "a:", "a#b", "é"] {
            assert!(PlainValue::parse(value).is_err(), "{value}");
        }
        for domain in ["", "a..b", "example.org.", "Example.org", "*.example.org"] {
            assert!(Domain::parse(domain).is_err(), "{domain}");
        }
        assert!(AppName::parse(&"a".repeat(49)).is_err());
        assert!(KeyPart::parse("a-b").is_err());
    }

    #[test]
    fn says_what_it_wanted() {
        let error = AppName::parse("Burnham").unwrap_err().to_string();
        assert!(error.starts_with("`Burnham` is no name of an application: lower-case letters"), "{error}");
    }
}
