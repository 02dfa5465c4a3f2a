//! Sprig's functions on text. Lengths and positions are counted in bytes, as in Go.

use super::convert::to_text;
use super::{Arguments, Entry, Returned, refuse, text};
use crate::bytes::{bytes_of, length, text_from};
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::{LIST_ITEMS_MAX, TEXT_BYTES_MAX};
use crate::printf::{bounded, quote};
use crate::value::{Element, Map, Value};

pub(super) const TABLE: &[Entry] = &[
    ("hello", "", |_, _| text("Hello!")),
    ("trim", "s", |_, values| text(values.text(0).trim())),
    ("upper", "s", |_, values| text(values.text(0).to_uppercase())),
    ("lower", "s", |_, values| text(values.text(0).to_lowercase())),
    ("trimAll", "ss", trim_all),
    ("trimall", "ss", trim_all),
    ("trimSuffix", "ss", |_, values| {
        text(values.text(1).strip_suffix(values.text(0)).unwrap_or(values.text(1)))
    }),
    ("trimPrefix", "ss", |_, values| {
        text(values.text(1).strip_prefix(values.text(0)).unwrap_or(values.text(1)))
    }),
    ("contains", "ss", |_, values| Ok(values.text(1).contains(values.text(0)).into())),
    ("hasPrefix", "ss", |_, values| Ok(values.text(1).starts_with(values.text(0)).into())),
    ("hasSuffix", "ss", |_, values| Ok(values.text(1).ends_with(values.text(0)).into())),
    ("repeat", "is", repeat),
    ("substr", "iis", substr),
    ("trunc", "is", trunc),
    ("replace", "sss", |_, values| text(replaced(values.text(2), values.text(0), values.text(1))?)),
    ("quote", "a*", |_, values| joined(values, |value| Ok(quote(&to_text(value)?)))),
    ("squote", "a*", |_, values| joined(values, |value| Ok(format!("'{}'", bounded(value)?)))),
    ("cat", "a*", cat),
    ("indent", "is", |_, values| text(indented(values.int(0), values.text(1))?)),
    ("nindent", "is", |_, values| text(format!("\n{}", indented(values.int(0), values.text(1))?))),
    ("plural", "ssi", |_, values| Ok(values[usize::from(values.int(2) != 1)].clone())),
    ("toString", "a", |_, values| text(to_text(values.any(0))?)),
    ("toStrings", "a", |_, values| Ok(text_list(texts(values.any(0))?))),
    ("join", "sa", join),
    ("split", "ss", |_, values| split(values.text(1), values.text(0), -1)),
    ("splitn", "sis", |_, values| split(values.text(2), values.text(0), values.int(1))),
    ("splitList", "ss", |_, values| Ok(text_list(parts(values.text(1), values.text(0), -1)?))),
    ("sortAlpha", "a", sort_alpha),
];

/// Refuses what would be longer than a text may be, before it is made.
fn bound(bytes: usize) -> Result<(), CallError> {
    if bytes > TEXT_BYTES_MAX {
        return refuse(format!("text of more than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn trim_all(_: &Call<'_>, values: &[Value]) -> Returned {
    let set: Vec<char> = values.text(0).chars().collect();
    text(values.text(1).trim_matches(set.as_slice()))
}

fn repeat(_: &Call<'_>, values: &[Value]) -> Returned {
    let Ok(count) = usize::try_from(values.int(0)) else {
        return refuse("strings: negative Repeat count");
    };
    bound(values.text(1).len().saturating_mul(count))?;
    // Repeating nothing takes no memory, but it would take time.
    if values.text(1).is_empty() { text("") } else { text(values.text(1).repeat(count)) }
}

/// Replaces all, as long as the result stays within bounds.
pub(super) fn replaced(source: &str, old: &str, new: &str) -> Result<String, CallError> {
    if new.len() > old.len() {
        let count = if old.is_empty() { source.chars().count() + 1 } else { source.matches(old).count() };
        bound(source.len() + count.saturating_mul(new.len()))?;
    }
    Ok(source.replace(old, new))
}

/// `text[from..to]` with Go's complaint about what is outside.
fn cut(whole: &str, from: i64, to: i64) -> Returned {
    let bytes = bytes_of(whole);
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| bytes.get(from..to)) {
        Some(part) => text(text_from(part)),
        None => refuse("runtime error: slice bounds out of range"),
    }
}

fn substr(_: &Call<'_>, values: &[Value]) -> Returned {
    let (start, end, whole) = (values.int(0), values.int(1), values.text(2));
    let bytes = i64::try_from(length(whole)).unwrap_or(i64::MAX);
    if start < 0 {
        cut(whole, 0, end)
    } else if end < 0 || end > bytes {
        cut(whole, start, bytes)
    } else {
        cut(whole, start, end)
    }
}

fn trunc(_: &Call<'_>, values: &[Value]) -> Returned {
    let (count, whole) = (values.int(0), values.text(1));
    let bytes = i64::try_from(length(whole)).unwrap_or(i64::MAX);
    if count < 0 && bytes + count > 0 {
        cut(whole, bytes + count, bytes)
    } else if count >= 0 && bytes > count {
        cut(whole, 0, count)
    } else {
        text(whole)
    }
}

/// All that is not nil, each by `show`, with blanks between.
fn joined(values: &[Value], show: impl Fn(&Value) -> Result<String, CallError>) -> Returned {
    let shown = values.iter().filter(|value| !value.is_nil()).map(show).collect::<Result<Vec<_>, _>>()?;
    text(shown.join(" "))
}

fn cat(_: &Call<'_>, values: &[Value]) -> Returned {
    joined(values, bounded)
}

fn indented(spaces: i64, source: &str) -> Result<String, CallError> {
    let Ok(spaces) = usize::try_from(spaces) else {
        return refuse("strings: negative Repeat count");
    };
    let lines = source.matches('\n').count() + 1;
    bound(source.len() + lines.saturating_mul(spaces))?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", source.replace('\n', &format!("\n{pad}"))))
}

/// Sprig's `strslice`: the items of a list as texts without nil, or the one thing that is no list.
pub(super) fn texts(value: &Value) -> Result<Vec<String>, CallError> {
    match value.as_list() {
        Some(items) => items.iter().filter(|item| !item.is_nil()).map(to_text).collect(),
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![to_text(value)?]),
    }
}

fn join(_: &Call<'_>, values: &[Value]) -> Returned {
    let texts = texts(values.any(1))?;
    bound(texts.iter().map(String::len).sum::<usize>() + texts.len().saturating_mul(values.text(0).len()))?;
    text(texts.join(values.text(0)))
}

/// `strings.SplitN`: an empty separator cuts between letters, a count of 0 gives nothing.
pub(super) fn parts(source: &str, separator: &str, count: i64) -> Result<Vec<String>, CallError> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = if separator.is_empty() {
        let letters: Vec<char> = source.chars().collect();
        let single = letters.len().min(limit.saturating_sub(1));
        let mut parts: Vec<String> = letters[..single].iter().map(char::to_string).collect();
        if single < letters.len() {
            parts.push(letters[single..].iter().collect());
        }
        parts
    } else {
        source.splitn(limit, separator).take(LIST_ITEMS_MAX + 1).map(str::to_owned).collect()
    };
    if parts.len() > LIST_ITEMS_MAX {
        return refuse(format!("list of more than {LIST_ITEMS_MAX} items"));
    }
    Ok(parts)
}

/// A list of Go's `[]string`.
fn text_list(texts: Vec<String>) -> Value {
    Value::list_of(Element::Text, texts.into_iter().map(Value::from))
}

fn split(source: &str, separator: &str, count: i64) -> Returned {
    let parts = parts(source, separator, count)?;
    let entries = parts.into_iter().enumerate().map(|(index, part)| (format!("_{index}"), part));
    Ok(Map::of_text(entries).into())
}

fn sort_alpha(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut texts = texts(values.any(0))?;
    texts.sort_unstable();
    Ok(text_list(texts))
}
