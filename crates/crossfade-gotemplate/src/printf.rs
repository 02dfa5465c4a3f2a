//! Go's `fmt`: `%v` and its relatives, flags, widths, and the notes it prints for what does not fit.
//!
//! What does not fit is no failure: like Go it writes `%!d(string=x)` into the text instead. Only lengths are refused.

use std::cell::Cell;
use std::fmt::{self, Write as _};

use crate::error::CallError;
use crate::limits::{TEXT_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_VISITS_MAX};
use crate::number::{float_exponent, float_general, float_general_precise};
use crate::value::Value;

/// A text that stops growing at the limit.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > TEXT_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A value as `%v` prints it, unless it is too long or too deep.
pub fn bounded(value: &Value) -> Result<String, CallError> {
    if let Value::String(text) = value {
        return Ok(text.to_string());
    }
    let mut out = Bounded(String::new());
    match write!(out, "{value}") {
        Ok(()) => Ok(out.0),
        Err(_) => Err(CallError::new("value is too large or too deep to be printed")),
    }
}

/// Widths and precisions above this are refused by Go as well.
const WIDTH_MAX: i64 = 1_000_000;

/// Flags, width and precision of one verb.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags is what the format has")]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`: structs with the names of their fields.
    names_fields: bool,
    width: Option<i64>,
    precision: Option<i64>,
    /// Values printed so far.
    visits: Cell<usize>,
}

impl Spec {
    fn width(&self) -> usize {
        self.width.and_then(|width| usize::try_from(width).ok()).unwrap_or(0)
    }

    fn precision(&self) -> Option<usize> {
        self.precision.and_then(|precision| usize::try_from(precision).ok())
    }

    fn pad(&self, text: &str) -> String {
        let missing = self.width().saturating_sub(text.chars().count());
        if missing == 0 {
            text.to_owned()
        } else if self.minus {
            format!("{text}{}", " ".repeat(missing))
        } else {
            format!("{}{text}", " ".repeat(missing))
        }
    }

    /// Zeros go behind the sign.
    fn pad_number(&self, text: &str) -> String {
        let missing = self.width().saturating_sub(text.chars().count());
        if missing == 0 || !self.zero || self.minus || text.ends_with("Inf") || text == "NaN" {
            return self.pad(text);
        }
        let (sign, digits) = match text.strip_prefix(['-', '+']) {
            Some(digits) => (&text[..1], digits),
            None => ("", text),
        };
        format!("{sign}{}{digits}", "0".repeat(missing))
    }

    fn with_sign(&self, text: String) -> String {
        if text.starts_with(['-', '+']) {
            return text;
        }
        match (self.plus, self.space) {
            (true, _) => format!("+{text}"),
            (false, true) => format!(" {text}"),
            _ => text,
        }
    }
}

/// `fmt.Sprintf`
pub fn sprintf(format: &str, arguments: &[Value]) -> Result<String, CallError> {
    let mut printer = Printer {
        letters: format.chars().peekable(),
        arguments,
        used: 0,
        reorders: false,
        out: String::new(),
    };
    while let Some(letter) = printer.letters.next() {
        if letter == '%' {
            if !printer.verb()? {
                break;
            }
        } else {
            printer.out.push(letter);
        }
        if printer.out.len() > TEXT_BYTES_MAX {
            return Err(CallError::new(format!("text of more than {TEXT_BYTES_MAX} bytes")));
        }
    }
    printer.extra()?;
    Ok(printer.out)
}

/// A format on its way.
struct Printer<'f> {
    letters: std::iter::Peekable<std::str::Chars<'f>>,
    arguments: &'f [Value],
    used: usize,
    /// Whether an index was given: then arguments left over are no mistake.
    reorders: bool,
    out: String,
}

impl Printer<'_> {
    /// What stands behind a `%`; false at the end of the format.
    fn verb(&mut self) -> Result<bool, CallError> {
        let mut spec = Spec::default();
        while let Some(flag) = self.letters.next_if(|flag| "-+# 0".contains(*flag)) {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                _ => spec.zero = true,
            }
        }
        let mut index_is_good = self.index();
        spec.width = self.amount("%!(BADWIDTH)");
        if let Some(width) = spec.width.filter(|width| *width < 0) {
            spec.minus = true;
            spec.width = Some(-width);
        }
        if self.letters.next_if_eq(&'.').is_some() {
            index_is_good &= self.index();
            spec.precision = Some(self.amount("%!(BADPREC)").unwrap_or(0).max(0));
        }
        index_is_good &= self.index();
        let Some(verb) = self.letters.next() else {
            self.out.push_str("%!(NOVERB)");
            return Ok(false);
        };
        if verb == 'v' {
            spec.names_fields = std::mem::take(&mut spec.plus);
        }
        match self.arguments.get(self.used) {
            _ if verb == '%' => self.out.push('%'),
            _ if !index_is_good => {
                let _ = write!(self.out, "%!{verb}(BADINDEX)");
            }
            None => {
                let _ = write!(self.out, "%!{verb}(MISSING)");
            }
            Some(argument) => {
                self.used += 1;
                self.out.push_str(&one(&spec, verb, argument, 0));
                if spec.visits.get() > VALUE_VISITS_MAX {
                    return Err(CallError::new("value is too large or too deep to be printed"));
                }
            }
        }
        Ok(true)
    }

    /// `[3]` chooses an argument; false when there is no such one.
    fn index(&mut self) -> bool {
        if self.letters.next_if_eq(&'[').is_none() {
            return true;
        }
        self.reorders = true;
        let mut digits = String::new();
        while let Some(letter) = self.letters.next_if(|letter| *letter != ']') {
            digits.push(letter);
        }
        self.letters.next();
        match digits.parse::<usize>() {
            Ok(index) if (1..=self.arguments.len()).contains(&index) => {
                self.used = index - 1;
                true
            }
            _ => false,
        }
    }

    /// A width or precision: digits, or `*` for an argument.
    fn amount(&mut self, complaint: &str) -> Option<i64> {
        if self.letters.next_if_eq(&'*').is_some() {
            let amount = self.arguments.get(self.used).and_then(|value| match value {
                Value::Int(number) if number.abs() <= WIDTH_MAX => Some(*number),
                _ => None,
            });
            self.used += 1;
            if amount.is_none() {
                self.out.push_str(complaint);
            }
            return amount;
        }
        let mut digits = String::new();
        while let Some(digit) = self.letters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse::<i64>().ok().map(|amount| amount.min(WIDTH_MAX))
    }

    /// Arguments that no verb took.
    fn extra(&mut self) -> Result<(), CallError> {
        if self.reorders || self.used >= self.arguments.len() {
            return Ok(());
        }
        let extra = self.arguments[self.used..].iter().map(|extra| match extra {
            nil if nil.is_nil() => Ok("<nil>".to_owned()),
            extra => Ok(format!("{}={}", extra.type_name(), bounded(extra)?)),
        });
        let extra = extra.collect::<Result<Vec<_>, CallError>>()?.join(", ");
        {
            let _ = write!(self.out, "%!(EXTRA {extra})");
        }
        Ok(())
    }
}

/// One argument under one verb.
fn one(spec: &Spec, verb: char, value: &Value, depth: usize) -> String {
    spec.visits.set(spec.visits.get() + 1);
    if depth > VALUE_DEPTH_MAX {
        spec.visits.set(VALUE_VISITS_MAX + 1);
    }
    if spec.visits.get() > VALUE_VISITS_MAX {
        return String::new();
    }
    match verb {
        'T' => return spec.pad(value.type_name()),
        'v' if value.is_nil() && spec.sharp && depth > 0 => return "interface {}(nil)".to_owned(),
        'v' if value.is_nil() => return spec.pad("<nil>"),
        _ if value.is_nil() => return format!("%!{verb}(<nil>)"),
        _ => {}
    }
    match value {
        Value::Bool(truth) if matches!(verb, 't' | 'v') => spec.pad(&truth.to_string()),
        Value::Int(number) | Value::Int64(number) => integer(spec, verb, *number, value),
        Value::Float(number) => float(spec, verb, *number, value),
        Value::String(text) => string(spec, verb, text, value),
        Value::List(items) => {
            let shown: Vec<_> = items.iter().map(|item| one(spec, verb, item, depth + 1)).collect();
            if verb == 'v' && spec.sharp {
                let type_name = value.type_name();
                let is_nil = items.is_nil();
                let body = if is_nil { "(nil)".to_owned() } else { format!("{{{}}}", shown.join(", ")) };
                return format!("{type_name}{body}");
            }
            format!("[{}]", shown.join(" "))
        }
        Value::Map(map) => {
            let is_syntax = verb == 'v' && spec.sharp;
            let pair = |(key, item): &(std::rc::Rc<str>, Value)| {
                let item = one(spec, verb, item, depth + 1);
                let key = if is_syntax {
                    quote(key)
                } else {
                    one(spec, verb, &Value::String(key.clone()), depth + 1)
                };
                format!("{key}:{item}")
            };
            let pairs: Vec<_> = map.entries().iter().map(pair).collect();
            if is_syntax {
                return format!("{}{{{}}}", value.type_name(), pairs.join(", "));
            }
            format!("map[{}]", pairs.join(" "))
        }
        Value::Object(object)
            if object.integer().is_some() && (spec.sharp || !matches!(verb, 'v' | 's' | 'q')) =>
        {
            integer(spec, verb, object.integer().unwrap_or_default(), value)
        }
        Value::Object(object) if verb == 'v' && spec.names_fields && object.shown_fields().is_some() => {
            let fields = object.shown_fields().unwrap_or_default();
            let fields =
                fields.iter().map(|(name, field)| format!("{name}:{}", one(spec, verb, field, depth + 1)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(" "))
        }
        Value::Object(object) if matches!(verb, 'v' | 's') => spec.pad(&object.text()),
        Value::Object(object) if verb == 'q' => spec.pad(&quote(&object.text())),
        _ => unfit(verb, value),
    }
}

fn unfit(verb: char, value: &Value) -> String {
    format!("%!{verb}({}={})", value.type_name(), bounded(value).unwrap_or_default())
}

fn integer(spec: &Spec, verb: char, number: i64, value: &Value) -> String {
    let magnitude = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let digits = match verb {
        'v' | 'd' => magnitude.to_string(),
        'b' => format!("{}{magnitude:b}", if spec.sharp { "0b" } else { "" }),
        'o' => format!("{}{magnitude:o}", if spec.sharp { "0" } else { "" }),
        'O' => format!("0o{magnitude:o}"),
        'x' => format!("{}{magnitude:x}", if spec.sharp { "0x" } else { "" }),
        'X' => format!("{}{magnitude:X}", if spec.sharp { "0X" } else { "" }),
        'c' => return spec.pad(&letter(number).to_string()),
        'q' => return spec.pad(&quote_char(letter(number))),
        'U' if spec.sharp => return spec.pad(&format!("U+{number:04X} '{}'", letter(number))),
        'U' => return spec.pad(&format!("U+{number:04X}")),
        _ => return unfit(verb, value),
    };
    let digits = match spec.precision() {
        Some(precision) if digits.len() < precision => {
            format!("{}{digits}", "0".repeat(precision - digits.len()))
        }
        _ => digits,
    };
    spec.pad_number(&spec.with_sign(format!("{sign}{digits}")))
}

fn letter(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn float(spec: &Spec, verb: char, number: f64, value: &Value) -> String {
    let text = match (verb, spec.precision()) {
        ('v' | 'g' | 'G', None) => float_general(number),
        ('v' | 'g' | 'G', Some(precision)) => float_general_precise(number, precision),
        ('f' | 'F', _) if !number.is_finite() => return spec.pad(&float_general(number)),
        ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
        ('e' | 'E', precision) => float_exponent(number, precision.unwrap_or(6)),
        _ => return unfit(verb, value),
    };
    let text = if matches!(verb, 'G' | 'E') { text.to_uppercase() } else { text };
    spec.pad_number(&spec.with_sign(text))
}

fn string(spec: &Spec, verb: char, text: &str, value: &Value) -> String {
    let cut: String = match spec.precision() {
        Some(precision) if matches!(verb, 's' | 'v' | 'q') => text.chars().take(precision).collect(),
        _ => text.to_owned(),
    };
    match verb {
        'v' if spec.sharp => spec.pad(&quote(&cut)),
        's' | 'v' => spec.pad(&cut),
        'q' if spec.sharp && !text.contains('`') && !text.contains(char::is_control) => {
            spec.pad(&format!("`{cut}`"))
        }
        'q' if spec.plus => spec.pad(&quote_ascii(&cut)),
        'q' => spec.pad(&quote(&cut)),
        'x' | 'X' => {
            let separator = if spec.space { " " } else { "" };
            let bytes: Vec<_> = text
                .bytes()
                .map(|byte| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") })
                .collect();
            spec.pad(&bytes.join(separator))
        }
        _ => unfit(verb, value),
    }
}

/// `fmt.Sprint`: a space between two operands when neither is a string.
pub fn sprint(arguments: &[Value]) -> Result<String, CallError> {
    let mut out = String::new();
    let mut was_string = true;
    for (index, argument) in arguments.iter().enumerate() {
        let is_string = matches!(argument, Value::String(_));
        if index > 0 && !is_string && !was_string {
            out.push(' ');
        }
        out.push_str(&bounded(argument)?);
        was_string = is_string;
    }
    Ok(out)
}

/// `fmt.Sprintln`
pub fn sprintln(arguments: &[Value]) -> Result<String, CallError> {
    let words = arguments.iter().map(bounded).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{}\n", words.join(" ")))
}

/// `strconv.Quote`
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        push_quoted(&mut out, letter, '"');
    }
    out.push('"');
    out
}

/// `strconv.QuoteToASCII`
fn quote_ascii(text: &str) -> String {
    quote(text).chars().fold(String::new(), |mut out, letter| {
        let code = u32::from(letter);
        match code {
            0..=0x7f => out.push(letter),
            // Writing to a text cannot fail.
            0x80..=0xffff => drop(write!(out, "\\u{code:04x}")),
            _ => drop(write!(out, "\\U{code:08x}")),
        }
        out
    })
}

/// `strconv.QuoteRune`
pub fn quote_char(letter: char) -> String {
    let mut out = String::from("'");
    push_quoted(&mut out, letter, '\'');
    out.push('\'');
    out
}

fn push_quoted(out: &mut String, letter: char, mark: char) {
    match letter {
        '\\' => out.push_str("\\\\"),
        _ if letter == mark => {
            out.push('\\');
            out.push(letter);
        }
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if is_printable(letter) => out.push(letter),
        _ => {
            let code = u32::from(letter);
            let escaped = match code {
                0..=0x7f => format!("\\x{code:02x}"),
                0x80..=0xffff => format!("\\u{code:04x}"),
                _ => format!("\\U{code:08x}"),
            };
            out.push_str(&escaped);
        }
    }
}

/// Near enough to `unicode.IsPrint`: no control, no space but the ordinary one, none of the invisible format characters.
fn is_printable(letter: char) -> bool {
    let is_invisible = matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}');
    letter == ' ' || !letter.is_control() && !letter.is_whitespace() && !is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_print_as_gos() {
        let (text, int, float) = (Value::from("hi"), Value::Int(-42), Value::Float(3.0));
        for (format, argument, expected) in [
            ("%d", &int, "-42"),
            ("%5d|", &int, "  -42|"),
            ("%-5d|", &int, "-42  |"),
            ("%06d", &int, "-00042"),
            ("%x", &int, "-2a"),
            ("%s", &int, "%!s(int=-42)"),
            ("%d", &float, "%!d(float64=3)"),
            ("%v", &float, "3"),
            ("%.2f", &float, "3.00"),
            ("%e", &float, "3.000000e+00"),
            ("%q", &text, "\"hi\""),
            ("%5s|", &text, "   hi|"),
            ("%.1s", &text, "h"),
            ("%x", &text, "6869"),
            ("%d", &text, "%!d(string=hi)"),
            ("%s %s", &text, "hi %!s(MISSING)"),
            ("none", &text, "none%!(EXTRA string=hi)"),
            ("%s", &Value::Nil, "%!s(<nil>)"),
            ("%v", &Value::Nil, "<nil>"),
            ("100%%%s", &text, "100%hi"),
            ("%T", &float, "float64"),
            ("%t", &Value::Bool(true), "true"),
            ("%", &text, "%!(NOVERB)%!(EXTRA string=hi)"),
        ] {
            assert_eq!(sprintf(format, std::slice::from_ref(argument)).as_deref(), Ok(expected), "{format}");
        }
    }

    #[test]
    fn sprint_puts_spaces_between_non_strings() {
        let arguments = [Value::Int(1), Value::Int(2), "a".into(), "b".into(), Value::Int(3)];
        assert_eq!(sprint(&arguments).as_deref(), Ok("1 2ab3"));
    }
}
