//! From text to values. The events come from a parser of YAML 1.2; what they mean is decided here.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::complaint::{self, in_libyamls_words};
use super::resolve::{is_integer, is_timestamp, plain};
use crate::error::Error;
use crate::limits::{VALUE_DEPTH_MAX, YAML_NODES_MAX};
use crate::number::float_general;
use crate::printf::sprintf;
use crate::value::{Map, Value};

/// Reads the first document; an empty text is nil.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    // A block at the very end of a text has no line end where the text has none, as with libyaml.
    let mut options = granit_parser::Options::default();
    options.block_scalar_eof_without_line_feed = true;
    // Another crate of the program may have built the parser to hand comments on as events.
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        nodes: 0,
        not_json: None,
        text,
        text_line: 1,
        rest: text,
        brackets: 0,
    };
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(Value::Nil),
            Event::DocumentStart(..) => {
                let first = reader.next()?;
                let value = reader.node(first, 0)?;
                // What is behind the node is looked at, too; what is behind the end of the document is not.
                match reader.next() {
                    Err(Error::Yaml(complaint)) if complaint.contains("after document end marker") => {}
                    behind => drop(behind?),
                }
                return match reader.not_json {
                    Some(number) => {
                        let shown = float_general(number);
                        Err(Error::YamlValue(format!("json: unsupported value: {shown}")))
                    }
                    None => Ok(value),
                };
            }
            _ => {}
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
    nodes: usize,
    /// A number that JSON does not have.
    not_json: Option<f64>,
    text: &'t str,
    /// The line the reader is at, counted from 1, and the text from there on.
    text_line: usize,
    rest: &'t str,
    /// How many brackets are open.
    brackets: usize,
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Yaml(message.into()))
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, Error> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.check_indentation(&event, &span.start)?;
                Ok(event)
            }
            Some(Err(error)) => refuse(in_libyamls_words(self.text, &error)),
            None => Ok(Event::StreamEnd),
        }
    }

    /// Tabs are no indentation of what begins a line, except within brackets.
    fn check_indentation(&mut self, event: &Event<'t>, start: &Marker) -> Result<(), Error> {
        let is_collection = matches!(event, Event::SequenceStart(..) | Event::MappingStart(..));
        if is_collection || matches!(event, Event::Scalar(..)) {
            if self.text_line != start.line() {
                let behind = self.rest.splitn(start.line() - self.text_line + 1, '\n').last();
                (self.text_line, self.rest) = (start.line(), behind.unwrap_or_default());
            }
            let blanks = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
            let is_first = blanks == start.col();
            if is_first && self.brackets == 0 && self.rest[..blanks].contains('\t') {
                return refuse(complaint::tab(start.line()));
            }
            if is_collection {
                let is_bracket =
                    self.rest.chars().nth(start.col()).is_some_and(|sign| matches!(sign, '[' | '{'));
                self.brackets += usize::from(self.brackets > 0 || is_bracket);
            }
        }
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            self.brackets = self.brackets.saturating_sub(1);
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.nodes += 1;
        if self.nodes > YAML_NODES_MAX {
            return refuse("document contains excessive aliasing");
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Value, Error> {
        self.count()?;
        if depth > VALUE_DEPTH_MAX {
            return refuse(format!("exceeded max depth of {VALUE_DEPTH_MAX}"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?;
                if let Value::Float(number) = value
                    && !number.is_finite()
                {
                    self.not_json = Some(number);
                }
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.get(&anchor).cloned() else {
                    return refuse("unknown anchor referenced");
                };
                return self.copy(&value);
            }
            _ => (Value::Nil, 0),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    /// An alias stands for a value of its own, so that changing one in place does not change the other.
    fn copy(&mut self, value: &Value) -> Result<Value, Error> {
        self.count()?;
        Ok(match value {
            Value::List(items) => {
                Value::list(items.iter().map(|item| self.copy(item)).collect::<Result<Vec<_>, _>>()?)
            }
            Value::Map(map) => {
                let copy = Map::new();
                for (key, item) in map.entries() {
                    copy.set(key, self.copy(&item)?);
                }
                copy.into()
            }
            other => other.clone(),
        })
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::list(items)),
                Event::StreamEnd => return refuse("did not find expected node content"),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Error> {
        let map = Map::new();
        loop {
            let (key, is_merge) = match self.next()? {
                Event::MappingEnd => return Ok(map.into()),
                Event::StreamEnd => return refuse("did not find expected key"),
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => (Value::Nil, true),
                event => {
                    let before = self.not_json;
                    let key = self.node(event, depth + 1)?;
                    self.not_json = before;
                    (key, false)
                }
            };
            let event = self.next()?;
            let value = self.node(event, depth + 1)?;
            if is_merge {
                self.merge(&map, &value)?;
            } else {
                map.set(key_text(&key, &value)?, value);
            }
        }
    }

    /// `<<`: a mapping, or several of which the first wins.
    fn merge(&mut self, map: &Map, value: &Value) -> Result<(), Error> {
        match value {
            Value::Map(other) => {
                for (key, item) in other.entries() {
                    let item = self.copy(&item)?;
                    map.set(key, item);
                }
                Ok(())
            }
            Value::List(items) => items.iter().rev().try_for_each(|item| self.merge(map, item)),
            _ => refuse("map merge requires map or sequence of maps as the value"),
        }
    }
}

/// A scalar where Go wants text: numbers and booleans of YAML are taken as well, other than those of JSON.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e21 => Some(format!("{number:.0}")),
        Value::Float(number) => Some(float_general(*number)),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Keys become text on the way to JSON.
fn key_text(key: &Value, value: &Value) -> Result<Rc<str>, Error> {
    // What is read as YAML has keys of any type.
    let shown = |value: &Value| {
        let shown = sprintf("%#v", std::slice::from_ref(value)).unwrap_or_default();
        shown.replace("map[string]interface {}", "map[interface {}]interface {}")
    };
    match key {
        Value::Float(number) if number.is_nan() => Ok(".nan".into()),
        Value::Float(number) if number.is_infinite() => {
            Ok(if *number < 0.0 { "-.inf" } else { ".inf" }.into())
        }
        Value::List(_) | Value::Map(_) => refuse(format!("invalid map key: {}", shown(key))),
        Value::String(text) => Ok(text.clone()),
        Value::Float(number) if number.fract() == 0.0 => Ok(format!("{number}").into()),
        Value::Float(number) => Ok(float_general(*number).into()),
        Value::Bool(truth) => Ok(truth.to_string().into()),
        other => Err(Error::YamlValue(format!(
            "unsupported map key of type: %!s(<nil>), key: {}, value: {}",
            shown(other),
            shown(value)
        ))),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Error> {
    let core = tag.and_then(|tag| tag.suffix_in_namespace("tag:yaml.org,2002:"));
    let core = core.as_deref();
    match core {
        Some("str") => return Ok(text.into()),
        Some("binary") => {
            use base64::Engine as _;
            let compact: String = text.split_whitespace().collect();
            return match base64::engine::general_purpose::STANDARD.decode(compact) {
                Ok(bytes) => Ok(crate::bytes::text_from(&bytes).into()),
                Err(_) => refuse("!!binary value contains invalid base64 data"),
            };
        }
        Some(kind @ ("int" | "float" | "bool" | "null" | "timestamp")) => return tagged(text, kind),
        _ => {}
    }
    if style == ScalarStyle::Plain && tag.is_none() {
        return Ok(plain(text));
    }
    Ok(text.into())
}

/// A scalar whose type is named, quoted or not; what it looks like has to fit.
fn tagged(text: &str, kind: &str) -> Result<Value, Error> {
    let value = plain(text);
    let found = match &value {
        Value::Nil => "null",
        Value::Bool(_) => "bool",
        Value::Float(_) if is_integer(text) => "int",
        Value::Float(_) => "float",
        _ if is_timestamp(text) => "timestamp",
        _ => "str",
    };
    match (kind, found) {
        (kind, found) if kind == found => Ok(value),
        ("float", "int") => Ok(value),
        // Only where a type is named is a date more than its text.
        _ => refuse(format!("cannot decode !!{found} `{text}` as a !!{kind}")),
    }
}
