//! The functions templates can call, as sets that can be chosen: Go's own, Sprig's, helm's, Argo CD's.
//!
//! A function says what it takes by a short text, one letter for each parameter: `a` anything, `s` string, `i` int,
//! `l` int64, `u` uint32, `f` float64, `b` bool, `m` map, `t` time, `d` duration, `v` version, `c` certificate, `w` writer; a `*` behind the last one means any number of it. The evaluator checks
//! arguments against it, so the functions themselves never meet what does not fit.

mod convert;
mod crypto;
mod dates;
mod decimal;
mod defaults;
mod dicts;
mod documents;
mod encoding;
mod go;
mod lists;
mod merge;
mod numbers;
mod paths;
mod regexes;
mod secrets;
mod semver;
mod strings;
mod words;

use std::collections::HashMap;

use crate::error::CallError;
use crate::execute::Call;
use crate::value::{Map, Value};

pub(crate) use documents::{WARNING_END, WARNING_START, cannot_unmarshal};
pub(crate) use paths::base as base_name;
pub(crate) use semver::{Constraints, Version};

/// What a function returns.
pub(crate) type Returned = Result<Value, CallError>;

/// A function: what it takes and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Function {
    pub parameters: Parameters,
    pub run: fn(&Call<'_>, &[Value]) -> Returned,
}

/// A line of a table of functions.
type Entry = (&'static str, &'static str, fn(&Call<'_>, &[Value]) -> Returned);

/// The type of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Any,
    Text,
    Int,
    Int64,
    /// `uint32`
    Unsigned,
    Float,
    Bool,
    Map,
    /// `io.Writer`, which no value of a template is.
    Writer,
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `*semver.Version`
    Version,
    /// `sprig.certificate`
    Certificate,
}

impl Parameter {
    fn of(letter: u8) -> Self {
        match letter {
            b's' => Self::Text,
            b'i' => Self::Int,
            b'l' => Self::Int64,
            b'u' => Self::Unsigned,
            b'f' => Self::Float,
            b'b' => Self::Bool,
            b'm' => Self::Map,
            b'w' => Self::Writer,
            b't' => Self::Time,
            b'd' => Self::Duration,
            b'v' => Self::Version,
            b'c' => Self::Certificate,
            _ => Self::Any,
        }
    }

    /// Whether nil can be given.
    pub fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Map | Self::Writer | Self::Version)
    }

    /// Go's name of the type.
    pub fn go_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Unsigned => "uint32",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::Writer => "io.Writer",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Version => "*semver.Version",
            Self::Certificate => "sprig.certificate",
        }
    }

    /// What Go calls the constant that would fit.
    pub fn literal_name(self) -> &'static str {
        match self {
            Self::Int | Self::Int64 | Self::Duration => "integer",
            Self::Unsigned => "unsigned integer",
            Self::Float => "float",
            other => other.go_name(),
        }
    }
}

/// The parameters of a function.
#[derive(Clone, Copy)]
pub(crate) struct Parameters(&'static str);

impl Parameters {
    pub fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub fn is_variadic(self) -> bool {
        self.0.ends_with('*')
    }

    /// How many must be there.
    pub fn fixed_count(self) -> usize {
        if self.is_variadic() { self.0.len() - 2 } else { self.0.len() }
    }

    pub fn at(self, index: usize) -> Parameter {
        let letters = self.0.trim_end_matches('*').as_bytes();
        letters.get(index).or(letters.last()).map_or(Parameter::Any, |letter| Parameter::of(*letter))
    }
}

/// A set of functions.
#[derive(Clone)]
pub struct Functions {
    by_name: HashMap<&'static str, Function>,
}

impl Functions {
    fn of(tables: &[&[Entry]]) -> Self {
        let entries = tables.iter().flat_map(|table| table.iter());
        let by_name = entries.map(|(name, parameters, run)| {
            (*name, Function { parameters: Parameters(parameters), run: *run })
        });
        Self { by_name: by_name.collect() }
    }

    /// What `text/template` has by itself.
    pub fn go() -> Self {
        Self::of(&[go::TABLE])
    }

    /// Go's and Sprig's.
    pub fn sprig() -> Self {
        Self::of(&[
            go::TABLE,
            strings::TABLE,
            words::TABLE,
            lists::TABLE,
            dicts::TABLE,
            defaults::TABLE,
            numbers::TABLE,
            encoding::TABLE,
            crypto::TABLE,
            secrets::TABLE,
            dates::TABLE,
            paths::TABLE,
            regexes::TABLE,
            semver::TABLE,
        ])
    }

    /// What charts have: Sprig's without the environment, and helm's own.
    pub fn helm() -> Self {
        let mut all = Self::sprig();
        all.by_name.extend(Self::of(&[documents::TABLE, documents::HELM]).by_name);
        all
    }

    /// What ApplicationSets of Argo CD have: Sprig's without environment and network, `normalize`, `slugify` and the
    /// YAML functions, which fail instead of returning an error as text.
    pub fn argo_application_sets() -> Self {
        let mut all = Self::sprig().without(&["getHostByName"]);
        all.by_name.extend(Self::of(&[documents::ARGO]).by_name);
        all
    }

    /// The same without some.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.by_name.retain(|name, _| !names.contains(name));
        self
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// Whether there is a function of that name.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }
}

/// Arguments that the evaluator has checked.
trait Arguments {
    fn text(&self, index: usize) -> &str;
    fn int(&self, index: usize) -> i64;
    fn map(&self, index: usize) -> Map;
    fn any(&self, index: usize) -> &Value;
}

impl Arguments for [Value] {
    fn text(&self, index: usize) -> &str {
        self.get(index).and_then(Value::as_str).unwrap_or_default()
    }

    fn int(&self, index: usize) -> i64 {
        self.get(index).and_then(Value::as_integer).unwrap_or_default()
    }

    fn map(&self, index: usize) -> Map {
        self.get(index).and_then(Value::as_map).unwrap_or_default()
    }

    fn any(&self, index: usize) -> &Value {
        &self[index]
    }
}

/// A text result.
#[expect(clippy::unnecessary_wraps, reason = "it is what functions return")]
fn text(text: impl Into<String>) -> Returned {
    Ok(Value::from(text.into()))
}

/// A refusal.
fn refuse<T>(message: impl Into<String>) -> Result<T, CallError> {
    Err(CallError::new(message))
}
