//! Versions and constraints as the Go library Masterminds/semver has them, for Sprig, `kubeVersion` and dependencies.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use super::{Arguments, Entry, Returned, refuse, text};
use crate::dates::unsigned;
use crate::error::CallError;
use crate::execute::Call;
use crate::printf::quote;
use crate::value::{Map, Object, Value};

pub(super) const TABLE: &[Entry] = &[
    ("semver", "s", |_, values| match Version::read(values.text(0)) {
        Ok(version) => Ok(Value::Object(Rc::new(version))),
        Err(why) => refuse(why),
    }),
    ("semverCompare", "ss", compare),
];

fn compare(_: &Call<'_>, values: &[Value]) -> Returned {
    let constraints = Constraints::parse(values.text(0))?;
    match Version::read(values.text(1)) {
        Ok(version) => Ok(constraints.allow(&version).into()),
        Err(why) => refuse(why),
    }
}

/// A version; `1.2` and `v1.2.3` are read as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    prerelease: String,
    metadata: String,
    original: String,
    /// Whether it is Go's pointer to one: those can be compared.
    is_pointer: bool,
}

/// Numbers before a release do not start with zeros.
fn check_prerelease(prerelease: &str) -> Result<(), String> {
    let starts_with_zero = |part: &str| {
        part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    match prerelease {
        "" => Ok(()),
        other if !is_dotted(other) => Err("invalid prerelease string".to_owned()),
        other if other.split('.').any(starts_with_zero) => Err("version segment starts with 0".to_owned()),
        _ => Ok(()),
    }
}

impl Version {
    /// Reads a version.
    pub fn parse(original: &str) -> Option<Self> {
        Self::read(original).ok()
    }

    /// The same with the library's complaint.
    fn read(original: &str) -> Result<Self, String> {
        const LENGTH_MAX: usize = 256;
        if original.len() > LENGTH_MAX {
            return Err(format!("version string is too long (max {LENGTH_MAX} bytes)"));
        }
        let invalid = || "invalid semantic version".to_owned();
        let text = original.strip_prefix('v').unwrap_or(original);
        let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (text, prerelease) = text.split_once('-').unwrap_or((text, ""));
        let parts: Vec<&str> = text.split('.').collect();
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let has_empty_part = original.contains('+') && !is_dotted(metadata)
            || original[..original.len() - metadata.len()].contains('-') && !is_dotted(prerelease);
        if parts.len() > 3 || !parts.iter().all(is_number) || has_empty_part {
            return Err(invalid());
        }
        let number = |index: usize| match parts.get(index).map(|part| (part, part.parse())) {
            None => Ok(0),
            Some((_, Ok(number))) => Ok(number),
            Some((part, Err(_))) => Err(format!(
                "error parsing version segment: strconv.ParseUint: parsing {}: value out of range",
                quote(part)
            )),
        };
        let version = Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: original.to_owned(),
            is_pointer: true,
        };
        check_prerelease(prerelease).map(|()| version)
    }

    /// The same with other words behind its numbers.
    fn with(&self, prerelease: &str, metadata: &str) -> Self {
        let mut version = Self {
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            is_pointer: false,
            ..self.clone()
        };
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        version.original = format!("{prefix}{version}");
        version
    }

    pub fn has_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }

    /// Precedence; what is behind `+` does not count.
    pub fn order(&self, other: &Self) -> Ordering {
        self.numbers()
            .cmp(&other.numbers())
            .then_with(|| order_prereleases(&self.prerelease, &other.prerelease))
    }

    fn bumped(&self, part: &str) -> Self {
        let (major, minor, patch) = match part {
            "major" => (self.major + 1, 0, 0),
            "minor" => (self.major, self.minor + 1, 0),
            _ if self.has_prerelease() => self.numbers(),
            _ => (self.major, self.minor, self.patch + 1),
        };
        let original =
            format!("{}{major}.{minor}.{patch}", if self.original.starts_with('v') { "v" } else { "" });
        Self {
            major,
            minor,
            patch,
            prerelease: String::new(),
            metadata: String::new(),
            original,
            is_pointer: false,
        }
    }
}

fn is_dotted(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

fn order_prereleases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if self.has_prerelease() {
            write!(out, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(out, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

/// The methods templates call on a version.
impl Object for Version {
    fn type_name(&self) -> &'static str {
        if self.is_pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn kind(&self) -> &'static str {
        if self.is_pointer { "ptr" } else { "struct" }
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<&'static str> {
        match name {
            "Major" | "Minor" | "Patch" | "Prerelease" | "Metadata" | "String" | "IncMajor" | "IncMinor"
            | "IncPatch" => Some(""),
            "SetPrerelease" | "SetMetadata" => Some("s"),
            "Original" if self.is_pointer => Some(""),
            "Compare" | "Equal" | "GreaterThan" | "LessThan" | "GreaterThanEqual" | "LessThanEqual"
                if self.is_pointer =>
            {
                Some("v")
            }
            _ => None,
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let number = |number: u64| Ok(unsigned(number));
        match name {
            "Major" => number(self.major),
            "Minor" => number(self.minor),
            "Patch" => number(self.patch),
            "Prerelease" => text(self.prerelease.as_str()),
            "Metadata" => text(self.metadata.as_str()),
            "Original" => text(self.original.as_str()),
            "IncMajor" => Ok(Value::Object(Rc::new(self.bumped("major")))),
            "IncMinor" => Ok(Value::Object(Rc::new(self.bumped("minor")))),
            "IncPatch" => Ok(Value::Object(Rc::new(self.bumped("patch")))),
            "String" => text(self.to_string()),
            "SetPrerelease" => {
                check_prerelease(arguments.text(0)).map_err(CallError)?;
                Ok(Value::Object(Rc::new(self.with(arguments.text(0), &self.metadata))))
            }
            "SetMetadata" if !arguments.text(0).is_empty() && !is_dotted(arguments.text(0)) => {
                refuse("invalid metadata string")
            }
            "SetMetadata" => Ok(Value::Object(Rc::new(self.with(&self.prerelease, arguments.text(0))))),
            _ => {
                let other = match arguments.first() {
                    Some(Value::Object(other)) => Version::parse(&other.text()),
                    _ => None,
                };
                let Some(other) = other else {
                    return refuse("runtime error: invalid memory address or nil pointer dereference");
                };
                let order = self.order(&other);
                Ok(match name {
                    "Compare" => Value::Int(order as i64),
                    "Equal" => (order == Ordering::Equal).into(),
                    "GreaterThan" => (order == Ordering::Greater).into(),
                    "LessThan" => (order == Ordering::Less).into(),
                    "GreaterThanEqual" => (order != Ordering::Less).into(),
                    _ => (order != Ordering::Greater).into(),
                })
            }
        }
    }

    fn plain(&self) -> Value {
        Map::new().into()
    }

    fn json(&self) -> Value {
        self.to_string().into()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// Which parts of a constraint's version were left open (`1.x`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Everything,
}

struct Constraint {
    operator: String,
    version: Version,
    open: Open,
}

/// Constraints joined by blanks or commas (all of them) and `||` (any of them).
pub(crate) struct Constraints(Vec<Vec<Constraint>>);

impl Constraints {
    /// Reads constraints.
    pub fn parse(source: &str) -> Result<Self, CallError> {
        let mut any = Vec::new();
        for alternative in source.split("||") {
            let expanded = with_ranges(alternative);
            let mut all = Vec::new();
            let mut words = expanded.split([',', ' ', '\t']).filter(|word| !word.is_empty()).peekable();
            if words.peek().is_none() {
                return refuse(format!("improper constraint: {}", quote(source)));
            }
            while let Some(word) = words.next() {
                // An operator may stand apart from its version.
                let is_operator = word.chars().all(|letter| "=!<>~^".contains(letter));
                let whole = match words.peek() {
                    Some(_) if is_operator => format!("{word}{}", words.next().unwrap_or_default()),
                    _ => word.to_owned(),
                };
                match constraint(&whole) {
                    Some(constraint) => all.push(constraint),
                    None => return refuse(format!("improper constraint: {}", quote(source))),
                }
            }
            any.push(all);
        }
        Ok(Self(any))
    }

    /// Whether a version is within.
    pub fn allow(&self, version: &Version) -> bool {
        self.0.iter().any(|all| {
            let takes_prereleases = all.iter().any(|constraint| constraint.version.has_prerelease());
            all.iter().all(|constraint| {
                (takes_prereleases || !version.has_prerelease()) && constraint.allows(version)
            })
        })
    }
}

/// `1.2 - 1.4` is `>=1.2 <=1.4`.
fn with_ranges(source: &str) -> String {
    let words: Vec<&str> = source.split_whitespace().collect();
    let mut out = Vec::new();
    let mut index = 0;
    while index < words.len() {
        if words.get(index + 1) == Some(&"-") && index + 2 < words.len() {
            out.push(format!(">={} <={}", words[index], words[index + 2]));
            index += 3;
        } else {
            out.push(words[index].to_owned());
            index += 1;
        }
    }
    out.join(" ")
}

fn constraint(word: &str) -> Option<Constraint> {
    let length = word.chars().take_while(|letter| "=!<>~^".contains(*letter)).count();
    let (operator, rest) = word.split_at(length);
    if !matches!(operator, "" | "=" | "!=" | ">" | "<" | ">=" | "=>" | "<=" | "=<" | "~" | "~>" | "^") {
        return None;
    }
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    let end = rest.find(['-', '+']).unwrap_or(rest.len());
    let (numbers, suffix) = rest.split_at(end);
    let mut parts = numbers.split('.');
    let is_open = |part: Option<&str>| matches!(part, None | Some("x" | "X" | "*"));
    let (major, minor, patch) = (parts.next(), parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (open, core) = if is_open(major) {
        (Open::Everything, "0.0.0".to_owned())
    } else if is_open(minor) {
        (Open::Minor, format!("{}.0.0", major?))
    } else if is_open(patch) {
        (Open::Patch, format!("{}.{}.0", major?, minor?))
    } else {
        (Open::Nothing, numbers.to_owned())
    };
    let version = Version::parse(&format!("{core}{suffix}"))?;
    Some(Constraint { operator: operator.to_owned(), version, open })
}

impl Constraint {
    fn allows(&self, version: &Version) -> bool {
        let order = version.order(&self.version);
        let is_open = self.open != Open::Nothing;
        match self.operator.as_str() {
            "" | "=" if is_open => self.is_near(version),
            "" | "=" => order == Ordering::Equal,
            "!=" => self.differs(version),
            ">" => self.is_below(version),
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" if is_open => {
                let (own, other) = (&self.version, version);
                other.major < own.major
                    || other.major == own.major && (self.is_minor_open() || other.minor <= own.minor)
                    || self.open == Open::Everything && other.major <= own.major
            }
            "<=" | "=<" => order != Ordering::Greater,
            "^" => self.is_compatible(version),
            _ => self.is_near(version),
        }
    }

    /// The library counts `x.x.x` as open in everything but not in the minor.
    fn is_minor_open(&self) -> bool {
        self.open == Open::Minor
    }

    fn differs(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing => version.order(&self.version) != Ordering::Equal,
            _ if version.major != self.version.major => true,
            Open::Minor => false,
            _ if version.minor != self.version.minor => true,
            Open::Everything => version.patch != self.version.patch,
            Open::Patch => {
                order_prereleases(&version.prerelease, &self.version.prerelease) != Ordering::Equal
            }
        }
    }

    /// `>`
    fn is_below(&self, version: &Version) -> bool {
        match self.open {
            Open::Nothing => version.order(&self.version) == Ordering::Greater,
            _ if version.major != self.version.major => version.major > self.version.major,
            Open::Minor => false,
            Open::Patch => version.minor > self.version.minor,
            Open::Everything => version.order(&self.version) == Ordering::Greater,
        }
    }

    /// `~`
    fn is_near(&self, version: &Version) -> bool {
        if version.order(&self.version) == Ordering::Less {
            return false;
        }
        let is_zero = self.version.numbers() == (0, 0, 0);
        if is_zero && !matches!(self.open, Open::Minor | Open::Patch) {
            return true;
        }
        version.major == self.version.major
            && (version.minor == self.version.minor || self.open == Open::Minor)
    }

    /// `^`
    fn is_compatible(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.order(own) == Ordering::Less {
            return false;
        }
        if self.open == Open::Everything && own.numbers() == (0, 0, 0) {
            return true;
        }
        if own.major > 0 || self.is_minor_open() {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return version.minor == own.minor;
        }
        version.minor == 0 && version.patch == own.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_follow_the_library() {
        for (constraint, version, expected) in [
            (">=1.20-0", "v1.27.3-eks-123", true),
            (">=1.20", "v1.27.3-eks-123", false),
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "2.0.0", false),
            ("^0.2.3", "0.3.0", false),
            ("~1.2.3", "1.2.9", true),
            ("~1", "1.9.0", true),
            ("1.2.x", "1.2.7", true),
            ("1.2", "1.3.0", false),
            (">11", "11.1.0", false),
            ("*", "0.1.0", true),
            (">= 1.2, < 2 || 3.x", "3.4.0", true),
            ("1.2 - 1.4.5", "1.4.5", true),
            ("1.2 - 1.4.5", "1.4.6", false),
            ("!=1.2.3", "1.2.3", false),
            ("<1.2.3-alpha.2", "1.2.3-alpha.1", true),
        ] {
            let parsed = Constraints::parse(constraint);
            let allowed =
                parsed.map(|parsed| Version::parse(version).is_some_and(|version| parsed.allow(&version)));
            assert_eq!(allowed, Ok(expected), "{constraint} {version}");
        }
        assert!(Constraints::parse(">>1").is_err());
        assert_eq!(Version::parse("1.2.3.4"), None);
    }
}
