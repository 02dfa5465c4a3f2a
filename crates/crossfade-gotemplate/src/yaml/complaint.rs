//! What is wrong with a document in the words and line numbers of libyaml, which is what people search for.
//!
//! Its scanner counts lines from 1, its parser from 0, and neither says anything of the first line. It notices what is
//! never closed, and a key without a colon, only further on.

use granit_parser::{Marker, ScanError};

/// Who of libyaml complains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Scanner,
    Parser,
}
use Stage::{Parser, Scanner};

/// A line with its number, counted from 1, as libyaml says it.
fn located(stage: Stage, line: usize, message: &str) -> String {
    match (stage, line) {
        (_, 0 | 1) => message.to_owned(),
        (Scanner, line) => format!("line {line}: {message}"),
        (Parser, line) => format!("line {}: {message}", line - 1),
    }
}

/// The line libyaml is at when a text ends: it ends the last line itself.
fn line_of_end(text: &str) -> usize {
    text.lines().count() + 1
}

/// The line of the next word behind the one that begins at a line.
fn line_behind(text: &str, line: usize) -> usize {
    let is_word = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let behind = text.lines().enumerate().skip(line).find(|(_, line)| is_word(line));
    behind.map_or_else(|| line_of_end(text), |(index, _)| index + 1)
}

/// The name of the anchor an alias stands for.
fn alias_at<'t>(text: &'t str, marker: &Marker) -> &'t str {
    let line = text.lines().nth(marker.line().saturating_sub(1)).unwrap_or_default();
    let start = line.char_indices().nth(marker.col()).map_or(line.len(), |(index, _)| index);
    let name = line[start..].trim_start_matches('*');
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    &name[..name.find(|letter| !is_name(letter)).unwrap_or(name.len())]
}

/// A tab where a word begins in the indentation.
pub(super) fn tab(line: usize) -> String {
    located(Scanner, line, NO_TOKEN)
}

const NO_TOKEN: &str = "found character that cannot start any token";

/// The reader's complaint in libyaml's words.
pub(super) fn in_libyamls_words(text: &str, error: &ScanError) -> String {
    const KEY: &str = "did not find expected key";
    let info = error.info();
    let info = info.as_str();
    let line = error.marker().line();
    // The reader says first what it was at.
    let bare = match info.split_once(", ") {
        Some((context, bare)) if context.starts_with("while ") => bare,
        _ => info,
    };
    let has = |part: &str| info.contains(part);
    let (stage, line, message) = match bare {
        _ if has(KEY) || has("invalid trailing content") => (Parser, line, KEY),
        _ if has("expected '-'") || has("expected BlockEnd") => {
            (Parser, line, "did not find expected '-' indicator")
        }
        _ if has("simple key expected") => (Scanner, line_behind(text, line), "could not find expected ':'"),
        _ if has("mapping values are not allowed") => {
            (Scanner, line, "mapping values are not allowed in this context")
        }
        _ if has("unclosed quote") => {
            let end = if text.ends_with('\n') { line_of_end(text) } else { text.lines().count() };
            (Scanner, end, "found unexpected end of stream")
        }
        _ if has("unclosed bracket '['") => (Parser, line_of_end(text), "did not find expected ',' or ']'"),
        _ if has("unclosed bracket '{'") => (Parser, line_of_end(text), "did not find expected ',' or '}'"),
        _ if has("illegal placement of ':'") => (Parser, line, "did not find expected ',' or ']'"),
        _ if has("misplaced bracket") => (Parser, line, "did not find expected node content"),
        _ if has("unknown anchor") => {
            return format!("unknown anchor '{}' referenced", alias_at(text, error.marker()));
        }
        _ if has("unexpected character") || has("tabs disallowed") => (Scanner, line, NO_TOKEN),
        _ if text.lines().nth(line.saturating_sub(1)).is_some_and(|line| line.starts_with('%')) => {
            (Scanner, line, "found unknown directive name")
        }
        _ if has("hexadecimal") => (Scanner, line, "did not find expected hexdecimal number"),
        _ if has("while parsing a flow") || has("did not find expected") => (Parser, line, bare),
        other => (Scanner, line, other),
    };
    located(stage, line, message)
}
