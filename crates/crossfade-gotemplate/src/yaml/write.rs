//! From values to text, as yaml.v2 lays it out: two blanks a level, lists at the level of their key, lines wrapped at
//! the first blank behind column 80.

use super::scalar::{ScalarStyle, block_hints, escape, is_break, style};
use crate::error::CallError;
use crate::limits::{TEXT_BYTES_MAX, VALUE_DEPTH_MAX};
use crate::number::float_general;
use crate::value::{Map, Value};

/// How it is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `toYaml`
    Ordinary,
    /// `toYamlPretty`: lists are indented, lines are as long as they are.
    Pretty,
}

/// libyaml's preferred line length, from which on a line ends at the next blank.
const WIDTH: usize = 80;

/// Keys longer than this are written behind a `?`, as libyaml does.
const SIMPLE_KEY_BYTES_MAX: usize = 128;

/// Writes a value as a document, with a line feed at the end.
pub(crate) fn write(value: &Value, layout: Layout) -> Result<String, CallError> {
    let mut writer = Writer { out: String::new(), column: 0, layout };
    match value {
        Value::Map(map) if !map.is_empty() => writer.mapping(map, 0, 0)?,
        Value::List(items) if !items.is_empty() => writer.sequence(items, 0, 0)?,
        Value::Object(object) => return write(&object.json(), layout),
        other => writer.leaf(other, 2)?,
    }
    writer.end_line();
    Ok(writer.out)
}

struct Writer {
    out: String,
    column: usize,
    layout: Layout,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn put_letter(&mut self, letter: char) {
        self.out.push(letter);
        self.column += 1;
    }

    fn end_line(&mut self) {
        if self.column > 0 {
            self.break_line();
        }
    }

    fn break_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Goes to a column, on a new line unless this one is not that far yet.
    fn indent(&mut self, indent: usize) {
        if self.column > indent {
            self.break_line();
        }
        while self.column < indent {
            self.put_letter(' ');
        }
    }

    fn check(&self, depth: usize) -> Result<(), CallError> {
        if self.out.len() > TEXT_BYTES_MAX || depth > VALUE_DEPTH_MAX {
            return Err(CallError::new("yaml: value is too large or too deep"));
        }
        Ok(())
    }

    fn mapping(&mut self, map: &Map, indent: usize, depth: usize) -> Result<(), CallError> {
        self.check(depth)?;
        let mut entries = map.entries();
        entries.sort_by(|(a, _), (b, _)| crate::natural::compare(a, b));
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.end_line();
            }
            self.indent(indent);
            Self::check_letters(key)?;
            let key = crate::bytes::shown(key.to_string());
            if key.len() > SIMPLE_KEY_BYTES_MAX || key.contains('\n') {
                self.put("? ");
                self.text(&key, indent + 2, false);
                self.end_line();
                self.indent(indent);
            } else {
                self.text(&key, indent + 2, true);
            }
            self.put(":");
            self.value(value, indent, depth)?;
        }
        Ok(())
    }

    /// What stands behind a key.
    fn value(&mut self, value: &Value, indent: usize, depth: usize) -> Result<(), CallError> {
        match value {
            Value::Map(map) if !map.is_empty() => {
                self.end_line();
                self.mapping(map, indent + 2, depth + 1)
            }
            Value::List(items) if !items.is_empty() => {
                self.end_line();
                let indent = if self.layout == Layout::Pretty { indent + 2 } else { indent };
                self.sequence(items, indent, depth + 1)
            }
            Value::Object(object) => self.value(&object.json(), indent, depth + 1),
            leaf => {
                self.put(" ");
                self.leaf(leaf, indent + 2)
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize, depth: usize) -> Result<(), CallError> {
        self.check(depth)?;
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.end_line();
            }
            self.indent(indent);
            self.put("-");
            self.item(item, indent, depth)?;
        }
        Ok(())
    }

    /// What stands behind a dash: the first line of a map or list begins on the same line.
    fn item(&mut self, item: &Value, indent: usize, depth: usize) -> Result<(), CallError> {
        match item {
            Value::Map(map) if !map.is_empty() => self.mapping(map, indent + 2, depth + 1),
            Value::List(items) if !items.is_empty() => self.sequence(items, indent + 2, depth + 1),
            Value::Object(object) => self.item(&object.json(), indent, depth + 1),
            leaf => {
                self.put(" ");
                self.leaf(leaf, indent + 2)
            }
        }
    }

    /// A scalar, or something empty.
    fn leaf(&mut self, value: &Value, indent: usize) -> Result<(), CallError> {
        self.check(0)?;
        match value {
            Value::Missing | Value::Nil => self.put("null"),
            Value::Bool(truth) => self.put(if *truth { "true" } else { "false" }),
            Value::Int(number) | Value::Int64(number) => self.put(&number.to_string()),
            Value::Float(number) => {
                if !number.is_finite() {
                    return Err(CallError::new("json: unsupported value"));
                }
                // The pretty way does not go through JSON.
                let is_pretty = self.layout == Layout::Pretty;
                self.put(&if is_pretty { float_general(*number) } else { float_text(*number) });
            }
            Value::String(text) => {
                Self::check_letters(text)?;
                self.text(&crate::bytes::shown(text.to_string()), indent, false);
            }
            Value::List(items) => {
                self.put(if items.is_nil() && self.layout == Layout::Ordinary { "null" } else { "[]" });
            }
            Value::Map(_) => self.put("{}"),
            Value::Object(object) => return self.leaf(&object.json(), indent),
        }
        Ok(())
    }

    /// helm writes JSON first and reads that as YAML, which does not take every letter.
    fn check_letters(text: &str) -> Result<(), CallError> {
        let is_refused =
            |letter| matches!(letter, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
        if text.contains(is_refused) {
            return Err(CallError::new("yaml: control characters are not allowed"));
        }
        Ok(())
    }

    fn text(&mut self, text: &str, indent: usize, is_key: bool) {
        let wraps = !is_key && self.layout == Layout::Ordinary;
        match style(text, is_key) {
            ScalarStyle::Plain => self.plain(text, indent, wraps),
            ScalarStyle::Single => self.single(text, indent, wraps),
            ScalarStyle::Double => self.double(text, indent, wraps),
            ScalarStyle::Literal => self.literal(text, indent),
        }
    }

    fn new_line_at(&mut self, indent: usize) {
        self.break_line();
        self.indent(indent);
    }

    fn plain(&mut self, text: &str, indent: usize, wraps: bool) {
        let mut was_space = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter == ' ' && wraps && !was_space && self.column > WIDTH && letters.peek() != Some(&' ') {
                self.new_line_at(indent);
            } else {
                self.put_letter(letter);
            }
            was_space = letter == ' ';
        }
    }

    fn single(&mut self, text: &str, indent: usize, wraps: bool) {
        self.put("'");
        let mut was_space = false;
        let last = text.len().saturating_sub(1);
        let mut letters = text.char_indices().peekable();
        while let Some((index, letter)) = letters.next() {
            let next_is_space = letters.peek().is_some_and(|(_, next)| *next == ' ');
            let may_wrap = letter == ' ' && wraps && !was_space && self.column > WIDTH;
            if may_wrap && index > 0 && index < last && !next_is_space {
                self.new_line_at(indent);
            } else {
                if letter == '\'' {
                    self.put("'");
                }
                self.put_letter(letter);
            }
            was_space = letter == ' ';
        }
        self.put("'");
    }

    fn double(&mut self, text: &str, indent: usize, wraps: bool) {
        self.put("\"");
        let mut was_space = false;
        let last = text.len().saturating_sub(1);
        let mut letters = text.char_indices().peekable();
        while let Some((index, letter)) = letters.next() {
            if let Some(escaped) = escape(letter) {
                self.put(&escaped);
                was_space = false;
                continue;
            }
            let may_wrap = letter == ' ' && wraps && !was_space && self.column > WIDTH;
            if may_wrap && index > 0 && index < last {
                self.new_line_at(indent);
                if letters.peek().is_some_and(|(_, next)| *next == ' ') {
                    self.put("\\");
                }
            } else {
                self.put_letter(letter);
            }
            was_space = letter == ' ';
        }
        self.put("\"");
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put("|");
        self.put(&block_hints(text));
        self.break_line();
        let mut at_start = true;
        for letter in text.chars() {
            if is_break(letter) {
                self.out.push(letter);
                self.column = 0;
                at_start = true;
            } else {
                if at_start {
                    self.indent(indent);
                }
                self.put_letter(letter);
                at_start = false;
            }
        }
    }
}

/// Whole numbers as JSON has them, which YAML then reads as integers; others as `%g`.
fn float_text(number: f64) -> String {
    const EXACT: f64 = 18_446_744_073_709_551_615.0;
    if number == 0.0 {
        // JSON's -0 is an integer to YAML.
        return "0".to_owned();
    }
    if number.fract() == 0.0 && number > -9.3e18 && number < EXACT {
        return crate::number::float_json(number);
    }
    float_general(number)
}
