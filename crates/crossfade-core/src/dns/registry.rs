//! The TXT registry: which TXT record set says who owns a record, and what it says.
//!
//! ExternalDNS has changed the names of these records several times. All of its formats are read, the chosen ones are
//! written. A TXT record is looked for at the names it could have, never guessed backwards from its name, except to find
//! ownership records that are left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::{OwnerId, RecordError, RecordName, RecordSet, RecordType, ResourceLabel};

/// ExternalDNS writes its ownership records with its default TTL, whatever the record's is.
pub(super) const OWNERSHIP_TTL_SECONDS: u32 = super::endpoint::TTL_SECONDS_DEFAULT;

const HERITAGE: &str = "external-dns";
const LABEL_PREFIX: &str = "external-dns/";
const OWNER_LABEL: &str = "owner";
const RESOURCE_LABEL: &str = "resource";
/// Stands in an affix for the record's type, in lower case.
const TYPE_TEMPLATE: &str = "%{record_type}";

/// Types that ExternalDNS recognises in front of the first `-` of a TXT name.
const TYPES_IN_NAMES: [&str; 10] = ["a", "aaaa", "cname", "ns", "mx", "ptr", "srv", "naptr", "txt", "dname"];

/// How an ownership record is named after the record it guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TxtFormat {
    /// The record's own name. ExternalDNS writes it up to v0.17 and reads it for ever; the TXT query of the pattern's
    /// guide shows it. Not for AAAA, and not for CNAME without an affix (nothing can stand beside a CNAME).
    /// Not for hosts like `a-team` either: the legacy name of that one is the new name of `team`, and taking the one
    /// for the other could delete somebody's record.
    Legacy,
    /// `TYPE-name`, an alias A being `cname-`: ExternalDNS v0.12 to v0.21.
    CnamePrefix,
    /// `TYPE-name`, an alias A being `a-`: ExternalDNS from v0.22.
    APrefix,
}

impl TxtFormat {
    /// Every format, in the order in which they are looked up.
    pub const ALL: [TxtFormat; 3] = [TxtFormat::APrefix, TxtFormat::CnamePrefix, TxtFormat::Legacy];

    /// As it is given on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            TxtFormat::Legacy => "legacy",
            TxtFormat::CnamePrefix => "cname-prefix",
            TxtFormat::APrefix => "a-prefix",
        }
    }
}

impl fmt::Display for TxtFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TxtFormat {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        TxtFormat::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            RecordError::TxtNaming {
                problem: format!("`{text}` is no TXT format: legacy, cname-prefix and a-prefix are possible"),
            }
        })
    }
}

/// Text around the first label of a TXT name (`--txt-prefix`, `--txt-suffix`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Affix {
    /// None.
    #[default]
    None,
    /// In front; may hold dots and `%{record_type}`.
    Prefix(String),
    /// Behind the first label; may hold `%{record_type}`.
    Suffix(String),
}

impl Affix {
    fn text(&self) -> &str {
        match self {
            Affix::None => "",
            Affix::Prefix(text) | Affix::Suffix(text) => text,
        }
    }

    fn around(&self, label: &str, record_type: &str) -> String {
        let text = self.text().replace(TYPE_TEMPLATE, record_type);
        match self {
            Affix::Suffix(_) => format!("{label}{text}"),
            Affix::None | Affix::Prefix(_) => format!("{text}{label}"),
        }
    }
}

/// The naming scheme of ownership records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtNaming {
    written: BTreeSet<TxtFormat>,
    affix: Affix,
    wildcard_replacement: Option<String>,
}

impl Default for TxtNaming {
    /// What ExternalDNS v0.18 to v0.21 writes without further options.
    fn default() -> Self {
        TxtNaming {
            written: BTreeSet::from([TxtFormat::CnamePrefix]),
            affix: Affix::None,
            wildcard_replacement: None,
        }
    }
}

impl TxtNaming {
    /// A scheme that writes `formats`.
    ///
    /// At least one of them has to name a record of every type, so `Legacy` alone is refused.
    pub fn new(
        formats: impl IntoIterator<Item = TxtFormat>,
        affix: Affix,
        wildcard_replacement: Option<String>,
    ) -> Result<Self, RecordError> {
        let written: BTreeSet<TxtFormat> = formats.into_iter().collect();
        if !written.iter().any(|format| *format != TxtFormat::Legacy) {
            return Err(RecordError::TxtNaming {
                problem: "legacy ownership records cannot guard AAAA records: a second TXT format is needed"
                    .to_owned(),
            });
        }
        let affix = match affix {
            Affix::Prefix(text) if !text.is_empty() => Affix::Prefix(text.to_ascii_lowercase()),
            Affix::Suffix(text) if !text.is_empty() => Affix::Suffix(text.to_ascii_lowercase()),
            _ => Affix::None,
        };
        Ok(TxtNaming {
            written,
            affix,
            wildcard_replacement: wildcard_replacement.map(|w| w.to_ascii_lowercase()),
        })
    }

    /// The names at which `record`'s ownership is written. Empty when none of them would be a DNS name.
    pub fn written_names(&self, record: &RecordSet) -> Vec<RecordName> {
        self.names(record, TxtFormat::ALL.into_iter().filter(|format| self.written.contains(format)))
    }

    /// The names at which `record`'s ownership may be found, the newest format first.
    pub fn readable_names(&self, record: &RecordSet) -> Vec<RecordName> {
        self.names(record, TxtFormat::ALL.into_iter())
    }

    fn names(&self, record: &RecordSet, formats: impl Iterator<Item = TxtFormat>) -> Vec<RecordName> {
        let mut names: Vec<RecordName> = Vec::new();
        for name in formats.filter_map(|format| self.name(record, format)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn name(&self, record: &RecordSet, format: TxtFormat) -> Option<RecordName> {
        let (label, rest) = record.name.split_first_label();
        let label = match &self.wildcard_replacement {
            Some(replacement) if label == "*" => replacement,
            _ => label,
        };
        let is_in_affix = self.affix.text().contains(TYPE_TEMPLATE);
        let first = match format {
            TxtFormat::Legacy => {
                let is_ambiguous = TYPES_IN_NAMES
                    .iter()
                    .any(|t| label.strip_prefix(t).is_some_and(|rest| rest.starts_with('-')));
                let is_impossible = is_ambiguous
                    || record.record_type == RecordType::Aaaa
                    || is_in_affix
                    || (record.record_type == RecordType::Cname && self.affix == Affix::None);
                if is_impossible {
                    return None;
                }
                self.affix.around(label, "")
            }
            TxtFormat::CnamePrefix | TxtFormat::APrefix => {
                let is_alias_a = record.record_type == RecordType::A && record.alias.is_some();
                let record_type = if is_alias_a && format == TxtFormat::CnamePrefix {
                    "cname".to_owned()
                } else {
                    record.record_type.as_str().to_ascii_lowercase()
                };
                let label = if is_in_affix { label.to_owned() } else { format!("{record_type}-{label}") };
                self.affix.around(&label, &record_type)
            }
        };
        RecordName::parse(&format!("{first}.{rest}")).ok()
    }

    /// The host whose legacy ownership record would have this name.
    pub(super) fn legacy_guarded_name(&self, txt_name: &RecordName) -> Option<RecordName> {
        if self.affix.text().contains(TYPE_TEMPLATE) {
            return None;
        }
        self.without_affix(txt_name, "").and_then(|name| RecordName::parse(&name).ok())
    }

    fn without_affix(&self, txt_name: &RecordName, record_type: &str) -> Option<String> {
        let affix = self.affix.text().replace(TYPE_TEMPLATE, record_type);
        match &self.affix {
            Affix::None => Some(txt_name.as_str().to_owned()),
            Affix::Prefix(_) => txt_name.as_str().strip_prefix(&affix).map(str::to_owned),
            Affix::Suffix(_) => {
                let (label, rest) = txt_name.split_first_label();
                label.strip_suffix(&affix).map(|label| format!("{label}.{rest}"))
            }
        }
    }

    /// The names of the records that a TXT record of this name could guard.
    pub(super) fn guarded_names(&self, txt_name: &RecordName) -> Vec<RecordName> {
        let mut names = Vec::new();
        let types = TYPES_IN_NAMES.iter().copied().chain([""]);
        for record_type in types {
            let Some(stripped) = self.without_affix(txt_name, record_type) else { continue };
            let is_in_affix = self.affix.text().contains(TYPE_TEMPLATE);
            let guarded = if is_in_affix || record_type.is_empty() {
                Some(stripped.as_str())
            } else {
                stripped.strip_prefix(record_type).and_then(|rest| rest.strip_prefix('-'))
            };
            let Some(guarded) = guarded else { continue };
            let wildcard = self
                .wildcard_replacement
                .as_ref()
                .and_then(|replacement| guarded.strip_prefix(replacement.as_str())?.strip_prefix('.'))
                .map(|rest| format!("*.{rest}"));
            names.extend(RecordName::parse(guarded).ok());
            names.extend(wildcard.and_then(|name| RecordName::parse(&name).ok()));
        }
        names
    }
}

/// What an ownership record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    labels: BTreeMap<String, String>,
}

impl Ownership {
    /// The owner as written, which need not be an id that we would accept ourselves.
    pub fn owner(&self) -> Option<&str> {
        self.labels.get(OWNER_LABEL).map(String::as_str).filter(|owner| !owner.is_empty())
    }

    /// The object that the record comes from.
    pub fn resource(&self) -> Option<ResourceLabel> {
        self.labels.get(RESOURCE_LABEL).map(|resource| ResourceLabel(resource.clone()))
    }

    /// What we write.
    pub fn new(owner: &OwnerId, resource: &ResourceLabel) -> Self {
        let mut ownership = Ownership { labels: BTreeMap::new() };
        ownership.set(owner, resource);
        ownership
    }

    /// Puts in owner and resource, keeping every other label.
    pub fn set(&mut self, owner: &OwnerId, resource: &ResourceLabel) {
        self.labels.insert(OWNER_LABEL.to_owned(), owner.as_str().to_owned());
        self.labels.insert(RESOURCE_LABEL.to_owned(), resource.0.clone());
    }

    /// Reads the value of a TXT record; `None` when it says nothing about ownership.
    pub fn parse(value: &str) -> Option<Self> {
        let mut labels = BTreeMap::new();
        let mut is_ownership = false;
        for token in value.trim_matches('"').split(',') {
            let (key, text) = token.split_once('=')?;
            if key == "heritage" {
                if text != HERITAGE {
                    return None;
                }
                is_ownership = true;
            } else if let Some(label) = key.strip_prefix(LABEL_PREFIX) {
                labels.insert(label.to_owned(), text.to_owned());
            }
        }
        is_ownership.then_some(Ownership { labels })
    }

    /// Reads a TXT record set. One with several values holds somebody else's text as well and counts as theirs.
    pub fn of(record: &RecordSet) -> Option<Self> {
        match record.values.as_slice() {
            [value] if record.record_type == RecordType::Txt => Ownership::parse(value),
            _ => None,
        }
    }

    /// The value of a TXT record, with its quotes; labels in alphabetic order.
    pub fn to_value(&self) -> String {
        let mut value = format!("\"heritage={HERITAGE}");
        for (label, text) in &self.labels {
            value.push(',');
            value.push_str(LABEL_PREFIX);
            value.push_str(label);
            value.push('=');
            value.push_str(text);
        }
        value.push('"');
        value
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use super::super::Alias;
    use super::*;

    fn mk_record(name: &str, record_type: RecordType) -> RecordSet {
        RecordSet::new(RecordName::parse(name).unwrap(), record_type)
    }

    fn mk_alias(name: &str) -> RecordSet {
        let mut record = mk_record(name, RecordType::A);
        record.alias = Some(Alias {
            dns_name: RecordName::parse("x.eu-west-1.elb.amazonaws.com").unwrap(),
            hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
            evaluate_target_health: true,
        });
        record
    }

    fn written(naming: &TxtNaming, record: &RecordSet) -> Vec<String> {
        naming.written_names(record).iter().map(|name| name.without_dot().to_owned()).collect()
    }

    fn mk_naming(affix: Affix) -> TxtNaming {
        TxtNaming::new([TxtFormat::CnamePrefix], affix, None).unwrap()
    }

    #[test]
    fn names_ownership_records_as_external_dns_does() {
        let cases = [
            (Affix::None, mk_record("foo.ex.com", RecordType::A), "a-foo.ex.com"),
            (Affix::None, mk_alias("foo.ex.com"), "cname-foo.ex.com"),
            (Affix::None, mk_record("foo.ex.com", RecordType::Aaaa), "aaaa-foo.ex.com"),
            (Affix::None, mk_record("foo.ex.com", RecordType::Cname), "cname-foo.ex.com"),
            (Affix::Prefix("_p.".into()), mk_record("foo.ex.com", RecordType::A), "_p.a-foo.ex.com"),
            (
                Affix::Prefix("%{record_type}-p-.".into()),
                mk_record("www.ex.com", RecordType::Cname),
                "cname-p-.www.ex.com",
            ),
            (
                Affix::Prefix("%{record_type}-p-.".into()),
                mk_record("ex.com", RecordType::Cname),
                "cname-p-.ex.com",
            ),
            (Affix::Suffix("-s".into()), mk_record("foo.ex.com", RecordType::A), "a-foo-s.ex.com"),
            (Affix::None, mk_record("*.ex.com", RecordType::A), "a-*.ex.com"),
        ];
        for (affix, record, name) in cases {
            assert_eq!(written(&mk_naming(affix), &record), [name], "{record:?}");
        }
        let naming = TxtNaming::new([TxtFormat::APrefix], Affix::None, Some("any".into())).unwrap();
        assert_eq!(written(&naming, &mk_record("*.ex.com", RecordType::A)), ["a-any.ex.com"]);
        assert_eq!(written(&naming, &mk_alias("foo.ex.com")), ["a-foo.ex.com"]);
    }

    #[test]
    fn writes_the_legacy_name_where_it_is_possible() {
        let naming = TxtNaming::new([TxtFormat::Legacy, TxtFormat::CnamePrefix], Affix::None, None).unwrap();
        assert_eq!(written(&naming, &mk_alias("foo.ex.com")), ["cname-foo.ex.com", "foo.ex.com"]);
        assert_eq!(written(&naming, &mk_record("foo.ex.com", RecordType::Aaaa)), ["aaaa-foo.ex.com"]);
        assert_eq!(written(&naming, &mk_record("foo.ex.com", RecordType::Cname)), ["cname-foo.ex.com"]);
        assert!(TxtNaming::new([TxtFormat::Legacy], Affix::None, None).is_err());
    }

    #[test]
    fn reads_every_format_whatever_is_written() {
        let names = mk_naming(Affix::None).readable_names(&mk_alias("foo.ex.com"));
        let names: Vec<&str> = names.iter().map(RecordName::without_dot).collect();
        assert_eq!(names, ["a-foo.ex.com", "cname-foo.ex.com", "foo.ex.com"]);
    }

    #[test]
    fn leaves_out_names_that_are_too_long() {
        let label = "x".repeat(60);
        assert!(written(&mk_naming(Affix::None), &mk_alias(&format!("{label}.ex.com"))).is_empty());
    }

    #[test]
    fn knows_what_a_txt_record_could_guard() {
        let guarded = |affix, name: &str| -> Vec<String> {
            let names = mk_naming(affix).guarded_names(&RecordName::parse(name).unwrap());
            names.iter().map(|name| name.without_dot().to_owned()).collect()
        };
        assert_eq!(guarded(Affix::None, "a-foo.ex.com"), ["foo.ex.com", "a-foo.ex.com"]);
        assert_eq!(guarded(Affix::None, "foo.ex.com"), ["foo.ex.com"]);
        assert_eq!(
            guarded(Affix::Suffix("-s".into()), "cname-foo-s.ex.com"),
            ["foo.ex.com", "cname-foo.ex.com"]
        );
        assert!(guarded(Affix::Prefix("_p.".into()), "foo.ex.com").is_empty());
        assert!(
            guarded(Affix::Prefix("%{record_type}-p-.".into()), "cname-p-.ex.com")
                .contains(&"ex.com".to_owned())
        );
    }

    #[test]
    fn prints_what_it_has_read() {
        let value = "\"heritage=external-dns,external-dns/owner=eks-blueprint-blue,external-dns/resource=ingress/team-burnham/burnham-ingress\"";
        let ownership = Ownership::parse(value).unwrap();
        assert_eq!(ownership.owner(), Some("eks-blueprint-blue"));
        assert_eq!(ownership.resource().unwrap().0, "ingress/team-burnham/burnham-ingress");
        assert_eq!(ownership.to_value(), value);
        let made = Ownership::new(
            &OwnerId::parse("eks-blueprint-blue").unwrap(),
            &ResourceLabel::of("ingress", "team-burnham", "burnham-ingress"),
        );
        assert_eq!(made.to_value(), value);
    }

    #[test]
    fn reads_no_ownership_out_of_other_texts() {
        for value in [
            "\"v=spf1 -all\"",
            "\"\"",
            "\"heritage=terraform,external-dns/owner=x\"",
            "\"external-dns/owner=x\"",
        ] {
            assert_eq!(Ownership::parse(value), None, "{value}");
        }
        let mut two = mk_record("foo.ex.com", RecordType::Txt);
        two.values = vec!["\"heritage=external-dns,external-dns/owner=x\"".into(), "\"v=spf1\"".into()];
        assert_eq!(Ownership::of(&two), None);
    }
}
