//! Sprig's functions on regular expressions. Go's syntax (RE2) is nearly that of the crate regex; compiled programs
//! are bounded, and matching takes linear time in both.

use regex::{NoExpand, Regex, RegexBuilder};

use super::{Arguments, Entry, Returned, refuse, text};
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::{LIST_ITEMS_MAX, REGEX_BYTES_MAX, TEXT_BYTES_MAX};
use crate::printf::quote;
use crate::value::{Element, Value};

pub(super) const TABLE: &[Entry] = &[
    // The one that hides errors.
    ("regexMatch", "ss", |_, values| {
        Ok(compile(values.text(0)).is_ok_and(|regex| regex.is_match(values.text(1))).into())
    }),
    ("mustRegexMatch", "ss", |_, values| Ok(compile(values.text(0))?.is_match(values.text(1)).into())),
    ("regexFind", "ss", |call, values| find(call, values).map_err(panicked)),
    ("mustRegexFind", "ss", find),
    ("regexFindAll", "ssi", |call, values| find_all(call, values).map_err(panicked)),
    ("mustRegexFindAll", "ssi", find_all),
    ("regexReplaceAll", "sss", |call, values| replace_all(call, values).map_err(panicked)),
    ("mustRegexReplaceAll", "sss", replace_all),
    ("regexReplaceAllLiteral", "sss", |call, values| replace_literal(call, values).map_err(panicked)),
    ("mustRegexReplaceAllLiteral", "sss", replace_literal),
    ("regexSplit", "ssi", |call, values| split(call, values).map_err(panicked)),
    ("mustRegexSplit", "ssi", split),
    ("regexQuoteMeta", "s", |_, values| text(quote_meta(values.text(0)))),
];

/// `\z` and `\Q…\E` are Go's, and the other dialect lacks them or means something else.
fn in_our_dialect(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(start) = rest.find('\\') {
        out.push_str(&rest[..start]);
        let tail = &rest[start..];
        if let Some(quoted) = tail.strip_prefix("\\Q") {
            let end = quoted.find("\\E").unwrap_or(quoted.len());
            out.push_str(&regex::escape(&quoted[..end]));
            rest = quoted.get(end + 2..).unwrap_or_default();
            continue;
        }
        let length = 1 + tail[1..].chars().next().map_or(0, char::len_utf8);
        // In Go these classes are of ASCII only.
        out.push_str(match &tail[..length] {
            "\\d" => "[0-9]",
            "\\D" => "[^0-9]",
            "\\w" => "[0-9A-Za-z_]",
            "\\W" => "[^0-9A-Za-z_]",
            "\\s" => "[\\t\\n\\f\\r ]",
            "\\S" => "[^\\t\\n\\f\\r ]",
            "\\b" => "(?-u:\\b)",
            other => other,
        });
        rest = &tail[length..];
    }
    out.push_str(rest);
    out
}

fn compile(pattern: &str) -> Result<Regex, CallError> {
    let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    build(&in_our_dialect(pattern)).or_else(|_| build(pattern)).map_err(|error| {
        let text = error.to_string();
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "expression too large",
            _ if text.contains("unclosed group") => "missing closing )",
            _ if text.contains("unopened group") => "unexpected )",
            _ if text.contains("unclosed character class") => "missing closing ]",
            _ if text.contains("repetition operator missing") => "missing argument to repetition operator",
            _ => text.lines().last().unwrap_or_default().trim().trim_start_matches("error: "),
        };
        CallError::new(format!("error parsing regexp: {reason}: `{pattern}`"))
    })
}

/// The forms without `must` panic, with the pattern before the reason.
fn panicked(error: CallError) -> CallError {
    match error.0.split_once(": `").and_then(|(_, pattern)| pattern.strip_suffix('`')) {
        Some(pattern) => CallError::new(format!("regexp: Compile({}): {}", backquoted(pattern), error.0)),
        None => error,
    }
}

fn backquoted(pattern: &str) -> String {
    if pattern.contains('`') { quote(pattern) } else { format!("`{pattern}`") }
}

fn find(_: &Call<'_>, values: &[Value]) -> Returned {
    let regex = compile(values.text(0))?;
    text(regex.find(values.text(1)).map_or("", |found| found.as_str()))
}

fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX).min(LIST_ITEMS_MAX)
}

fn find_all(_: &Call<'_>, values: &[Value]) -> Returned {
    let regex = compile(values.text(0))?;
    let found = regex.find_iter(values.text(1)).take(limit(values.int(2)));
    let found: Vec<Value> = found.map(|found| found.as_str().into()).collect();
    Ok(if found.is_empty() { Value::nil_list(Element::Text) } else { Value::list_of(Element::Text, found) })
}

/// `$1x` is the group named `1x` in both dialects, and an unknown group is nothing.
fn replace_all(_: &Call<'_>, values: &[Value]) -> Returned {
    let regex = compile(values.text(0))?;
    let (source, replacement) = (values.text(1), values.text(2));
    let mut out = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(source) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&source[end..whole.start()]);
        captures.expand(replacement, &mut out);
        end = whole.end();
        if out.len() > TEXT_BYTES_MAX {
            return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
        }
    }
    out.push_str(&source[end..]);
    text(out)
}

fn replace_literal(_: &Call<'_>, values: &[Value]) -> Returned {
    let regex = compile(values.text(0))?;
    let count = regex.find_iter(values.text(1)).count();
    if count.saturating_mul(values.text(2).len()) > TEXT_BYTES_MAX {
        return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
    }
    text(regex.replace_all(values.text(1), NoExpand(values.text(2))).into_owned())
}

/// Go's: a match of nothing at the very start gives no empty piece, and the text is never cut behind its end.
fn split(_: &Call<'_>, values: &[Value]) -> Returned {
    let regex = compile(values.text(0))?;
    let (source, count) = (values.text(1), values.int(2));
    if count == 0 {
        return Ok(Value::nil_list(Element::Text));
    }
    if !values.text(0).is_empty() && source.is_empty() {
        return Ok(Value::list_of(Element::Text, ["".into()]));
    }
    let most = limit(count);
    let mut pieces: Vec<Value> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in regex.find_iter(source) {
        if pieces.len() + 1 >= most {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            pieces.push(source[start..end].into());
        }
        start = found.end();
    }
    if end != source.len() {
        pieces.push(source[start..].into());
    }
    Ok(Value::list_of(Element::Text, pieces))
}

fn quote_meta(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for letter in source.chars() {
        if "\\.+*?()|[]{}^$".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
